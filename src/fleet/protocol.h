/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What agent and server say to each other: JSON bodies over HTTPS with a certificate on
 * both sides.
 *
 *   POST   /fleet/v1/enrol             {token, request, info}  200 {certificate, uuid, name}
 *   GET    /fleet/v1/wishes?after=V    held open until there are any; 200 wishes, 204 none yet
 *   POST   /fleet/v1/reports           report                  200 {applied}, 409 {next}
 *                                                              or {error, clone, next}
 *   PUT    /fleet/v1/info              info                    204
 *   DELETE /fleet/v1/session           good-bye                204
 *
 * Errors are {"error": sentence}: 400 not understood, 401 no certificate that counts (enrol: no
 * token that does), 404 and 405 no such thing, 409 (enrol) the key has a host already, 410 this
 * machine was dismissed, 411 no Content-Length, 413 too large, 503 later (its account is closed,
 * too). /enrol takes no certificate. Everything that comes in is checked and bounded here; the
 * readers are pure.
 *
 *   report  {"number": 7, "id": 5577006791947779410, "seen": 41,
 *            "attempts": [[MINUTE, "198.51.100.7", "ssh", 12], …],
 *            "blocks": [{"target": "198.51.100.0/24", "trigger": "198.51.100.7",
 *              "direction": "in", "service": "ssh", "port": 22, "state": "applied",
 *              "applied_once": true, "source": "user", "rule": NAME, "error": "",
 *              "created": MS, "first_attempt": MS, "latest_attempt": MS, "attempts": 12,
 *              "expires": MS, "changed": MS, "lives": 1, "wish": 40}, …]}
 *   wishes  {"version": 41, "snapshot": false, "more": false,
 *            "blocks": [{"target", "trigger", "direction", "service", "port", "lift": false,
 *              "expires", "version": 40, "source", "rule"}, …],
 *            "rules": [{"name", "source": "user", "span": MS, "fail_count": 5, "forbidden": MS,
 *              "services": ["ssh", …], "default": true, "enabled": true, "created": MS}, …],
 *            "allow": ["192.0.2.0/24", …]}      rules and allow: both, or neither
 *   info    {"version", "name", "instance_id", "internet_ip", "intranet_ip", "region",
 *            "enforces": true, "health": [{"source", "problem": null, "note"}, …]}
 *
 * MINUTE counts minutes, MS milliseconds since 1970 UTC (or of a duration); "expires": null is for
 * ever. Addresses and prefixes are in their canonical form (base/addr.h), services and states have
 * the names of model/, a source is "system" or "user". Members that are not known are passed over.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "core/fleet.h"

#define FLEET_PORT       8732
#define FLEET_BODY_MAX   (2u << 20)  /* bytes of a request */
#define FLEET_ENROL_MAX  (64u << 10) /* bytes of a request to /enrol */
#define FLEET_ANSWER_MAX (4u << 20)  /* bytes of an answer */
#define FLEET_HOLD       4000        /* ms a GET of wishes is held at most: also the heartbeat */
#define FLEET_TOKEN_MAX  64
#define FLEET_PEM_MAX    8192

struct enrol_request {
	char token[FLEET_TOKEN_MAX];
	char request[FLEET_PEM_MAX]; /* PKCS #10, PEM */
	struct agent_info info;
};

struct enrol_answer {
	char certificate[FLEET_PEM_MAX]; /* PEM */
	char uuid[40];
	char name[HOST_TEXT_MAX];
};

/*
 * Writers append one JSON value to out, one that the reader takes: texts are made plain
 * (fleet/plain.h) and numbers brought into their range, because what is refused once would be
 * refused for ever.
 */
void protocol_put_report(struct buf *out, const struct report *report);
void protocol_put_wishes(struct buf *out, const struct wishes *wishes);
void protocol_put_info(struct buf *out, const struct agent_info *info);
void protocol_put_enrol_request(struct buf *out, const struct enrol_request *q);
void protocol_put_enrol_answer(struct buf *out, const struct enrol_answer *a);
/* {name: n} */
void protocol_put_number(struct buf *out, const char *name, int64_t n);
/* {"error": why} */
void protocol_put_error(struct buf *out, const char *why);

/* Readers: 0, or -EBADMSG with err saying where and what; -ENOMEM. *ret is untouched on failure;
   what they allocate is the caller's (report_done(), wishes_done()). */
int protocol_get_report(struct slice text, struct report *ret, struct err *err);
int protocol_get_wishes(struct slice text, struct wishes *ret, struct err *err);
int protocol_get_info(struct slice text, struct agent_info *ret, struct err *err);
int protocol_get_enrol_request(struct slice text, struct enrol_request *ret, struct err *err);
int protocol_get_enrol_answer(struct slice text, struct enrol_answer *ret, struct err *err);
/* {"error", "clone": true, "next": N}: the number was another batch's. */
void protocol_put_clone(struct buf *out, int64_t next);
/* {"applied": N} or {"next": N} */
int protocol_get_number(struct slice text, const char *name, int64_t *ret, struct err *err);
bool protocol_is_clone(struct slice text);
/* The sentence of an error, of one line; "" when there is none. */
void protocol_get_error(struct slice text, char *ret, size_t size);
