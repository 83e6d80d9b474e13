/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One conversation with the server, by libcurl: HTTPS, with the server known by the pin of
 * its key and nothing else, and with our certificate once we have one. One request at a time.
 */
#pragma once

#include "base/buf.h"
#include "fleet/credential.h"
#include "fleet/libcurl.h"
#include "fleet/place.h"

struct link {
	CURL *curl; /* its CURLOPT_PRIVATE is the link */
	struct curl_slist *headers, *addresses;
	int identity; /* memory file with key and certificate, or -1 */
	char url[256];
	struct buf answer; /* the body; at most FLEET_ANSWER_MAX */
	char said[CURL_ERROR_SIZE];
};

/* After libcurl_load(). credential NULL: without a certificate. */
int link_new(const struct place *place, const char *pin, const struct credential *credential,
	struct link **ret, struct err *err);
struct link *link_free(struct link *l); /* NULL allowed; returns NULL */
/* The addresses to connect to from now on, instead of libcurl's own look-up. */
int link_lead(struct link *l, const struct place *place);
/* The next request; body (JSON; p NULL: none) is borrowed until it is answered. most: ms for all of
   it, 0: as long as something moves. 0 or -ENOMEM. */
int link_prepare(
	struct link *l, const char *method, const char *path, struct slice body, long most);
/* Of the latest answer. */
unsigned link_status(const struct link *l);
/* Fills err with why there was no answer (result), or with what an answer that refuses says.
   Returns -ECONNREFUSED, -EACCES when another server answers there, or -EPROTO for an answer. */
int link_explain(const struct link *l, CURLcode result, struct err *err);
