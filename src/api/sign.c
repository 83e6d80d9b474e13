/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/sign.h"

#include "api/http/encode.h"
#include "base/clock.h"

#include <ctype.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <sodium/utils.h>
#include <strings.h>

static const uint8_t *bytes(struct slice s)
{
	return (const uint8_t *)s.p;
}

static void to_hex(const uint8_t *p, size_t n, char *ret)
{
	(void)sodium_bin2hex(ret, n * 2 + 1, p, n);
}

void sign_sha256_hex(struct slice data, char ret[static SIGN_HEX_MAX])
{
	struct sha256_ctx ctx;
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_init(&ctx);
	sha256_update(&ctx, data.n, bytes(data));
	sha256_digest(&ctx, sizeof(digest), digest);
	to_hex(digest, sizeof(digest), ret);
}

void sign_hmac_sha256(struct slice key, struct slice data, uint8_t ret[static SIGN_SHA256_SIZE])
{
	struct hmac_sha256_ctx ctx;
	hmac_sha256_set_key(&ctx, key.n, bytes(key));
	hmac_sha256_update(&ctx, data.n, bytes(data));
	hmac_sha256_digest(&ctx, SIGN_SHA256_SIZE, ret);
	sodium_memzero(&ctx, sizeof(ctx));
}

void sign_hmac_sha256_hex(struct slice key, struct slice data, char ret[static SIGN_HEX_MAX])
{
	uint8_t digest[SIGN_SHA256_SIZE];
	sign_hmac_sha256(key, data, digest);
	to_hex(digest, sizeof(digest), ret);
}

void sign_hmac_sha1_base64(struct slice key, struct slice data, char ret[static SIGN_BASE64_MAX])
{
	struct hmac_sha1_ctx ctx;
	uint8_t digest[SHA1_DIGEST_SIZE];
	hmac_sha1_set_key(&ctx, key.n, bytes(key));
	hmac_sha1_update(&ctx, data.n, bytes(data));
	hmac_sha1_digest(&ctx, sizeof(digest), digest);
	sodium_memzero(&ctx, sizeof(ctx));
	base64_encode_raw(ret, sizeof(digest), digest);
	ret[BASE64_ENCODE_RAW_LENGTH(sizeof(digest))] = '\0';
}

bool sign_equal(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

static int compare_slices(struct slice a, struct slice b)
{
	size_t n = MIN_OF(a.n, b.n);
	int r = n ? memcmp(a.p, b.p, n) : 0;
	return r ? r : (a.n > b.n) - (a.n < b.n);
}

static int compare_fields(const void *a, const void *b)
{
	const struct form_field *x = a, *y = b;
	int r = compare_slices(x->name, y->name);
	return r ? r : compare_slices(x->value, y->value);
}

void sign_query(struct buf *out, const struct form *f, const char *except)
{
	struct form_field sorted[FORM_FIELDS_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < f->n; i++)
		if (!except || strcmp(f->fields[i].name.p, except) != 0)
			sorted[n++] = f->fields[i];
	qsort(sorted, n, sizeof(sorted[0]), compare_fields);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_addc(out, '&');
		encode_percent(out, sorted[i].name);
		buf_addc(out, '=');
		encode_percent(out, sorted[i].value);
	}
}

/* Cuts the part before the next ';' off *list. */
static bool next_name(struct slice *list, struct slice *ret)
{
	if (list->n == 0)
		return false;
	const char *stop = memchr(list->p, ';', list->n);
	*ret = (struct slice){list->p, stop ? (size_t)(stop - list->p) : list->n};
	*list = slice_skip(*list, stop ? ret->n + 1 : ret->n);
	return true;
}

static unsigned count_headers(const struct http_request *r, struct slice name)
{
	unsigned n = 0;
	for (unsigned i = 0; i < r->header_count; i++)
		if (r->headers[i].name.n == name.n &&
			strncasecmp(r->headers[i].name.p, name.p, name.n) == 0)
			n++;
	return n;
}

bool sign_headers(struct buf *out, const struct http_request *r, struct slice list)
{
	struct slice name;
	while (next_name(&list, &name)) {
		for (size_t i = 0; i < name.n; i++)
			if (isupper((unsigned char)name.p[i]))
				return false;
		if (count_headers(r, name) != 1)
			return false;
		buf_slice(out, name);
		buf_addc(out, ':');
		buf_slice(out, http_header_slice(r, name));
		buf_addc(out, '\n');
	}
	return true;
}

bool sign_list_has(struct slice list, struct slice name)
{
	struct slice one;
	while (next_name(&list, &one))
		if (slice_eq(one, name))
			return true;
	return false;
}

struct slice sign_attribute(struct slice list, struct slice name)
{
	while (list.n) {
		while (list.n && (list.p[0] == ' ' || list.p[0] == ','))
			list = slice_skip(list, 1);
		size_t n = 0;
		while (n < list.n && list.p[n] != ',' && list.p[n] != ' ')
			n++;
		struct slice one = {list.p, n};
		if (n > name.n && slice_starts(one, name) && one.p[name.n] == '=')
			return slice_skip(one, name.n + 1);
		list = slice_skip(list, n);
	}
	return SLICE_NULL;
}

static const int field_min[6] = {1970, 1, 1, 0, 0, 0};
static const int field_max[6] = {9999, 12, 31, 23, 59, 60};

/* Reads the digits where `shape` has 'd' and wants its other characters literally. */
static bool parse_time(struct slice text, const char *shape, int64_t *ret)
{
	int field[6] = {0};
	static const int width[6] = {4, 2, 2, 2, 2, 2};
	int at = 0, digits = 0;
	if (text.n != strlen(shape))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (shape[i] != 'd') {
			if (text.p[i] != shape[i])
				return false;
			continue;
		}
		if (!isdigit((unsigned char)text.p[i]))
			return false;
		field[at] = field[at] * 10 + (text.p[i] - '0');
		if (++digits == width[at]) {
			digits = 0;
			at++;
		}
	}
	for (int i = 0; i < 6; i++)
		if (field[i] < field_min[i] || field[i] > field_max[i])
			return false;
	int64_t days = clock_days(field[0], field[1], field[2]);
	*ret = days * MS_DAY + field[3] * MS_HOUR + field[4] * MS_MINUTE + field[5] * MS_SECOND;
	return true;
}

bool sign_time(struct slice text, int64_t *ret)
{
	return parse_time(text, "dddd-dd-ddTdd:dd:ddZ", ret);
}

bool sign_time_basic(struct slice text, int64_t *ret)
{
	return parse_time(text, "ddddddddTddddddZ", ret);
}
