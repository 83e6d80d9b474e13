/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each text is copied once and decoded in the copy: decoding only shrinks, and
 * the separator behind each name and value leaves room for its NUL.
 */
#include "api/http/form.h"

#include "base/util.h"

#include <errno.h>

void form_done(struct form *f)
{
	for (unsigned i = 0; i < f->text_count; i++)
		free(f->texts[i]);
	free(f->fields);
	*f = FORM_NULL;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes p[0..n) in place and ends it with a NUL (p[n] is ours). */
static int decode_in_place(char *p, size_t n, struct slice *ret)
{
	size_t to = 0;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = n - i > 2 ? hex_value(p[i + 1]) : -1;
			int low = n - i > 2 ? hex_value(p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return -EINVAL;
		p[to++] = c;
	}
	p[to] = '\0';
	*ret = (struct slice){p, to};
	return 0;
}

static int add_field(struct form *f, struct slice name, struct slice value)
{
	if (f->n == FORM_FIELDS_MAX)
		return -E2BIG;
	if (f->n == f->size) {
		unsigned size = f->size ? f->size * 2 : 16;
		struct form_field *fields = realloc(f->fields, size * sizeof(*fields));
		if (!fields)
			return -ENOMEM;
		f->fields = fields;
		f->size = size;
	}
	f->fields[f->n++] = (struct form_field){name, value};
	return 0;
}

/* One "name=value" or "name"; p[n] may be overwritten. */
static int decode_pair(struct form *f, char *p, size_t n)
{
	char *equals = memchr(p, '=', n);
	size_t name_length = equals ? (size_t)(equals - p) : n;
	struct slice name, value = SLICE("");
	int r = 0;
	if (equals)
		r = decode_in_place(equals + 1, n - name_length - 1, &value);
	if (r == 0)
		r = decode_in_place(p, name_length, &name);
	return r < 0 ? r : add_field(f, name, value);
}

int form_decode(struct form *f, struct slice text)
{
	if (text.n == 0)
		return 0;
	if (f->text_count == FORM_TEXTS_MAX)
		return -E2BIG;
	char *copy = malloc(text.n + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	f->texts[f->text_count++] = copy;

	char *end = copy + text.n;
	for (char *p = copy; p < end;) {
		char *next = memchr(p, '&', (size_t)(end - p));
		char *stop = next ? next : end;
		int r = stop > p ? decode_pair(f, p, (size_t)(stop - p)) : 0;
		if (r < 0)
			return r;
		p = stop + 1;
	}
	return 0;
}

const char *form_get(const struct form *f, const char *name)
{
	struct slice wanted = slice_of(name);
	for (unsigned i = 0; i < f->n; i++)
		if (slice_eq(f->fields[i].name, wanted))
			return f->fields[i].value.p;
	return NULL;
}
