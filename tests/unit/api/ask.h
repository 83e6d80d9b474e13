/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks an API without a socket: builds a request from text, signs it where
 * wanted, parses the JSON answer.
 */
#pragma once

#include "api/api.h"
#include "api/http/request.h"
#include "fake_core.h"

#include <jansson.h>

#define ASK_NOW      INT64_C(1767323045000) /* 2026-01-02T03:04:05Z */
#define ASK_KEY      "TESTACCESSKEYID00001"
#define ASK_SECRET   "TestAccessKeySecret0000000000001"
#define ASK_PROJECT  "0123456789abcdef0123456789abcdef"
#define ASK_TEXT_MAX 16384

/* One request being made, and its answer. All text it points to is in it. */
struct ask {
	struct http_request request;
	struct http_response response;
	json_t *json; /* the answer's body; NULL when there is none */
	char text[ASK_TEXT_MAX];
	size_t used;
};

void ask_init(struct ask *a, const char *method, const char *target);
void ask_done(struct ask *a); /* and ready for ask_init() again */
void ask_header(struct ask *a, const char *name, const char *value);
void ask_body(struct ask *a, const char *content_type, const char *body);
/* Sends it; a->response and a->json are the answer. */
void ask_send(struct ask *a, struct api *api);

/* A V1 call: GET with the parameters ("A=1&B=2" or "") of that operation, signed and sent. */
void ask_v1(struct ask *a, struct api *api, const char *action, const char *params);
/* An HSS or IAM call with AK/SK. */
void ask_huawei(
	struct ask *a, struct api *api, const char *method, const char *target, const char *body);
/* The same pieces with another key, secret and time. */
struct ask_signer {
	const char *id, *secret, *security_token;
	int64_t time; /* of the stamp */
	const char *nonce;
	const char *peer;      /* whence the connection comes; NULL: from this machine */
	const char *forwarded; /* whence a header says that it comes; NULL: there is none */
};
extern const struct ask_signer ask_signer_default; /* draws a nonce each time */
void ask_v1_signed(struct ask *a, struct api *api, const struct ask_signer *s, const char *action,
	const char *params);
void ask_huawei_signed(struct ask *a, struct api *api, const struct ask_signer *s,
	const char *method, const char *target, const char *body);

/* Text or number at a path like "PageInfo.TotalCount" or "MachineList.0.BlockIp". */
const char *ask_text(const struct ask *a, const char *path);
int64_t ask_int(const struct ask *a, const char *path);
json_t *ask_at(const struct ask *a, const char *path);
/* The value of an answer's header, or NULL. */
const char *ask_extra(const struct ask *a, const char *name);
