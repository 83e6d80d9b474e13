/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of scalar that every table needs.
 */
#include "base/config.h"

#include <assert.h>

bool config_parse_number(struct slice text, uint64_t *ret)
{
	uint64_t value = 0;
	if (text.n == 0)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text.p[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool config_store(const struct config_option *o, uint64_t value, void *ret_field)
{
	if (value < o->min || (o->max && value > o->max))
		return false;
	if (o->size < sizeof(value) && value >> (8 * o->size))
		return false;
	switch (o->size) {
	case sizeof(uint16_t):
		*(uint16_t *)ret_field = (uint16_t)value;
		return true;
	case sizeof(uint32_t):
		*(uint32_t *)ret_field = (uint32_t)value;
		return true;
	default:
		assert(o->size == sizeof(value));
		*(uint64_t *)ret_field = value;
		return true;
	}
}

uint64_t config_load(const struct config_option *o, const void *field)
{
	switch (o->size) {
	case sizeof(uint16_t):
		return *(const uint16_t *)field;
	case sizeof(uint32_t):
		return *(const uint32_t *)field;
	default:
		assert(o->size == sizeof(uint64_t));
		return *(const uint64_t *)field;
	}
}

bool config_store_text(const struct config_option *o, struct slice text, void *ret_field)
{
	if (text.n >= o->size)
		return false;
	memcpy(ret_field, text.p, text.n);
	memset((char *)ret_field + text.n, 0, o->size - text.n);
	return true;
}

/* --- true, false -------------------------------------------------------------- */

static bool read_boolean(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	bool yes = slice_eq(text, SLICE("true"));
	if (!yes && !slice_eq(text, SLICE("false")))
		return false;
	*(bool *)ret_field = yes;
	return true;
}

static void write_boolean(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	buf_puts(out, *(const bool *)field ? "true" : "false");
}

const struct config_kind config_boolean = {
	.word = "true or false", .read = read_boolean, .write = write_boolean};

/* --- numbers ------------------------------------------------------------------ */

static bool read_number(const struct config_option *o, struct slice text, void *ret_field)
{
	uint64_t value;
	return config_parse_number(text, &value) && config_store(o, value, ret_field);
}

static void limit_number(uint64_t value, struct buf *out)
{
	buf_printf(out, "%llu", (unsigned long long)value);
}

static void write_number(const struct config_option *o, const void *field, struct buf *out)
{
	limit_number(config_load(o, field), out);
}

const struct config_kind config_number = {
	.word = "a number", .read = read_number, .write = write_number, .limit = limit_number};

/* --- sizes: 64MiB --------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned shift;
} units[] = {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}};

static bool read_bytes(const struct config_option *o, struct slice text, void *ret_field)
{
	unsigned shift = 0;
	for (size_t i = 0; i < countof(units) && !shift; i++) {
		if (slice_ends(text, slice_of(units[i].name))) {
			shift = units[i].shift;
			text.n -= strlen(units[i].name);
		}
	}
	uint64_t value;
	if (!config_parse_number(text, &value) || value > UINT64_MAX >> shift)
		return false;
	return config_store(o, value << shift, ret_field);
}

static void limit_bytes(uint64_t value, struct buf *out)
{
	size_t i = 0;
	while (i < countof(units) && (value == 0 || value & ((UINT64_C(1) << units[i].shift) - 1)))
		i++;
	if (i == countof(units))
		limit_number(value, out);
	else
		buf_printf(out, "%llu%s", (unsigned long long)(value >> units[i].shift),
			units[i].name);
}

static void write_bytes(const struct config_option *o, const void *field, struct buf *out)
{
	limit_bytes(config_load(o, field), out);
}

const struct config_kind config_bytes = {
	.word = "a size such as 64MiB",
	.read = read_bytes,
	.write = write_bytes,
	.limit = limit_bytes,
};

/* --- text ----------------------------------------------------------------------- */

/*
 * Controls, line breaks and marks that YAML cannot carry as they are: C0, DEL, C1
 * (C2 80..9F), U+2028 and U+2029 (E2 80 A8..A9), U+FEFF (EF BB BF), U+FFFE.. (EF BF BE..BF).
 */
static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		const unsigned char *c = (const unsigned char *)text.p + i;
		size_t left = text.n - i;
		if (c[0] < 0x20 || c[0] == 0x7f || (left > 1 && c[0] == 0xc2 && c[1] < 0xa0))
			return false;
		if (left < 3)
			continue;
		unsigned three = (unsigned)(c[0] << 16 | c[1] << 8 | c[2]);
		if (three == 0xe280a8 || three == 0xe280a9 || three == 0xefbbbf ||
			three == 0xefbfbe || three == 0xefbfbf)
			return false;
	}
	return true;
}

static bool read_text(const struct config_option *o, struct slice text, void *ret_field)
{
	return is_printable(text) && config_store_text(o, text, ret_field);
}

static void write_text(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	buf_puts(out, field);
}

const struct config_kind config_text = {
	.word = "short text without control characters", .read = read_text, .write = write_text};

static bool read_path(const struct config_option *o, struct slice text, void *ret_field)
{
	return text.n > 0 && text.p[0] == '/' && read_text(o, text, ret_field);
}

const struct config_kind config_path = {
	.word = "a path that begins with /", .read = read_path, .write = write_text};
