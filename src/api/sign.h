/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pieces that request signatures of the cloud vendors are made of:
 * hashes, canonical query and headers, comparison in constant time. Each
 * vendor's auth.c puts them together in that vendor's order.
 */
#pragma once

#include "api/http/form.h"
#include "api/http/request.h"

#include <stdint.h>

#define SIGN_SHA256_SIZE 32
#define SIGN_HEX_MAX     65 /* hex of a SHA-256, with the NUL */
#define SIGN_BASE64_MAX  29 /* base64 of a SHA-1, with the NUL */

void sign_sha256_hex(struct slice data, char ret[static SIGN_HEX_MAX]);
void sign_hmac_sha256(struct slice key, struct slice data, uint8_t ret[static SIGN_SHA256_SIZE]);
void sign_hmac_sha256_hex(struct slice key, struct slice data, char ret[static SIGN_HEX_MAX]);
void sign_hmac_sha1_base64(struct slice key, struct slice data, char ret[static SIGN_BASE64_MAX]);

/* Equal bytes; the time taken depends on the lengths only. */
bool sign_equal(struct slice a, struct slice b);

/*
 * enc(name)=enc(value) of all fields but `except` (NULL: none), joined by '&',
 * sorted by name and then value in byte order: the form all vendors sign.
 */
void sign_query(struct buf *out, const struct form *f, const char *except);
/*
 * "name:value\n" for each name of the ';'-separated list, in its order. False
 * when the request has no such header or names it twice (then it is unclear
 * which one was signed), or a name is not in lower case.
 */
bool sign_headers(struct buf *out, const struct http_request *r, struct slice list);
/* True when the ';'-separated list has the name. */
bool sign_list_has(struct slice list, struct slice name);

/*
 * The value of `name=` in a list of name=value separated by commas and blanks,
 * as in "Credential=AK,SignedHeaders=a;b,Signature=00"; p is NULL when absent.
 */
struct slice sign_attribute(struct slice list, struct slice name);

/* "2026-01-02T03:04:05Z" or, basic, "20260102T030405Z" -> ms UTC; false for anything else. */
bool sign_time(struct slice text, int64_t *ret);
bool sign_time_basic(struct slice text, int64_t *ret);
