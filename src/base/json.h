/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A streaming JSON writer (RFC 8259) on top of a buf.
 *
 * Commas and colons are placed by the writer; errors stick in the buf. Strings
 * may be any bytes: what is not valid UTF-8 is replaced by U+FFFD, so that an
 * answer is always well-formed whatever an attacker sent.
 *
 * No name here may be one of jansson's (json_object, json_string …): a program
 * that has both would hand jansson our function.
 *
 *   json_begin_object(&j);
 *   json_key(&j, "RequestId"); json_text(&j, id);
 *   json_field_int(&j, "TotalCount", 3);
 *   json_end_object(&j);
 */
#pragma once

#include "base/buf.h"

#include <stdint.h>

struct json {
	struct buf *out;
	bool comma; /* the next value needs one in front */
};

void json_start(struct json *j, struct buf *out);
void json_begin_object(struct json *j);
void json_end_object(struct json *j);
void json_begin_array(struct json *j);
void json_end_array(struct json *j);
void json_key(struct json *j, const char *name);
void json_slice(struct json *j, struct slice value);
void json_text(struct json *j, const char *value); /* NULL writes null */
void json_int(struct json *j, int64_t value);
void json_bool(struct json *j, bool value);
void json_nothing(struct json *j);

void json_field_slice(struct json *j, const char *name, struct slice value);
void json_field(struct json *j, const char *name, const char *value);
void json_field_int(struct json *j, const char *name, int64_t value);
void json_field_bool(struct json *j, const char *name, bool value);
void json_field_null(struct json *j, const char *name);
