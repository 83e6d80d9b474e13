/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/json.h"

void json_start(struct json *j, struct buf *out)
{
	*j = (struct json){.out = out};
}

static void value_begins(struct json *j)
{
	if (j->comma)
		buf_addc(j->out, ',');
	j->comma = true;
}

static void open_with(struct json *j, char c)
{
	value_begins(j);
	buf_addc(j->out, c);
	j->comma = false;
}

static void close_with(struct json *j, char c)
{
	buf_addc(j->out, c);
	j->comma = true;
}

void json_begin_object(struct json *j)
{
	open_with(j, '{');
}

void json_end_object(struct json *j)
{
	close_with(j, '}');
}

void json_begin_array(struct json *j)
{
	open_with(j, '[');
}

void json_end_array(struct json *j)
{
	close_with(j, ']');
}

/* Length of the valid UTF-8 sequence at p (RFC 3629), 0 if there is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];
	size_t len = c >= 0xc2 && c <= 0xdf   ? 2
		     : c >= 0xe0 && c <= 0xef ? 3
		     : c >= 0xf0 && c <= 0xf4 ? 4
					      : 0;
	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
		(c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static void add_escaped(struct buf *out, unsigned char c)
{
	switch (c) {
	case '"':
		buf_puts(out, "\\\"");
		break;
	case '\\':
		buf_puts(out, "\\\\");
		break;
	case '\n':
		buf_puts(out, "\\n");
		break;
	case '\r':
		buf_puts(out, "\\r");
		break;
	case '\t':
		buf_puts(out, "\\t");
		break;
	default:
		buf_printf(out, "\\u%04x", c);
	}
}

static void add_text(struct buf *out, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t plain = 0; /* start of the run not yet copied */
	for (size_t i = 0; i < s.n;) {
		size_t len = 1;
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
			i++;
			continue;
		}
		if (p[i] >= 0x80 && (len = utf8_length(p + i, s.n - i)) > 0) {
			i += len;
			continue;
		}
		buf_add(out, s.p + plain, i - plain);
		if (p[i] >= 0x80)
			buf_puts(out, "\xef\xbf\xbd");
		else
			add_escaped(out, p[i]);
		plain = ++i;
	}
	buf_add(out, s.p + plain, s.n - plain);
}

void json_slice(struct json *j, struct slice value)
{
	value_begins(j);
	buf_addc(j->out, '"');
	if (value.n)
		add_text(j->out, value);
	buf_addc(j->out, '"');
}

void json_key(struct json *j, const char *name)
{
	json_slice(j, slice_of(name));
	buf_addc(j->out, ':');
	j->comma = false;
}

void json_text(struct json *j, const char *value)
{
	if (value)
		json_slice(j, slice_of(value));
	else
		json_nothing(j);
}

void json_int(struct json *j, int64_t value)
{
	char digits[24];
	char *p = digits + sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--p = '-';
	value_begins(j);
	buf_add(j->out, p, (size_t)(digits + sizeof(digits) - p));
}

void json_bool(struct json *j, bool value)
{
	value_begins(j);
	buf_puts(j->out, value ? "true" : "false");
}

void json_nothing(struct json *j)
{
	value_begins(j);
	buf_puts(j->out, "null");
}

void json_field_slice(struct json *j, const char *name, struct slice value)
{
	json_key(j, name);
	json_slice(j, value);
}

void json_field(struct json *j, const char *name, const char *value)
{
	json_key(j, name);
	json_text(j, value);
}

void json_field_int(struct json *j, const char *name, int64_t value)
{
	json_key(j, name);
	json_int(j, value);
}

void json_field_bool(struct json *j, const char *name, bool value)
{
	json_key(j, name);
	json_bool(j, value);
}

void json_field_null(struct json *j, const char *name)
{
	json_key(j, name);
	json_nothing(j);
}
