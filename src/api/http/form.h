/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Query strings and application/x-www-form-urlencoded bodies, decoded.
 *
 * Names and values are owned by the form, NUL-terminated, without a NUL
 * inside. Repeated names are kept, in the order of the text. A request adds
 * its query first, then its body.
 */
#pragma once

#include "base/slice.h"

#define FORM_FIELDS_MAX 1024
#define FORM_TEXTS_MAX  2 /* a query and a body */

struct form_field {
	struct slice name, value;
};

struct form {
	struct form_field *fields;
	unsigned n, size;
	char *texts[FORM_TEXTS_MAX];
	unsigned text_count;
};

#define FORM_NULL ((struct form){0})

void form_done(struct form *f);
/*
 * Adds the fields of one text; '+' is a space. -EINVAL: a '%' without two hex
 * digits, or %00; -E2BIG: more than FORM_FIELDS_MAX fields; -ENOMEM.
 */
int form_decode(struct form *f, struct slice text);
/* The first value of that name, or NULL. */
const char *form_get(const struct form *f, const char *name);
