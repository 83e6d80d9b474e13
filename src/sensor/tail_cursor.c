/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tail's position as text:
 *
 *   tail1 65024:131081:1767139200000000000:4096:1024:00112233445566778899aabbccddeeff:…
 *
 * one word a file, oldest first: device, inode, time of birth, offset, length of
 * the fingerprint, fingerprint (BLAKE2b, 16 bytes), time of change, flags (FLAG_…).
 * Times are in ns.
 * What does not keep to this form to the last byte is refused.
 */
#include "sensor/tail_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_SKIPPING 1u
#define FLAG_DONE     2u
#define FLAG_COPY     4u
#define FLAG_AT_END   8u /* nothing more was in it when it was last looked at */

static const char *digest_text(const struct tail_file *f, char ret[static 2 * TAIL_DIGEST + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[TAIL_DIGEST];
	tail_file_digest(f, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 0xf];
	}
	ret[2 * sizeof(digest)] = '\0';
	return ret;
}

static void write_file(const struct tail_file *f, struct buf *out)
{
	char digest[2 * TAIL_DIGEST + 1];
	buf_printf(out, " %" PRIu64 ":%" PRIu64 ":%" PRId64 ":%" PRId64 ":%zu:%s", f->device,
		f->inode, f->birth, f->offset, f->head_n, digest_text(f, digest));
	unsigned flags = (f->skipping ? FLAG_SKIPPING : 0) | (f->done ? FLAG_DONE : 0) |
			 (f->copy ? FLAG_COPY : 0) | (f->size <= f->offset ? FLAG_AT_END : 0);
	buf_printf(out, ":%" PRId64 ":%u", f->modified, flags);
}

void tail_cursor(const struct tail *t, struct buf *out)
{
	if (!t->begun)
		return;
	buf_puts(out, "tail1");
	for (size_t i = 0; i < t->n; i++)
		write_file(&t->files[i], out);
}

/* Takes a number and the byte after it off the front; at the end, end 0 is met. */
static bool take_number(struct slice *s, char end, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;
	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(s->p[i] - '0'), &value))
			return false;
	if (i == 0 || (i > 1 && s->p[0] == '0'))
		return false;
	if (end == '\0' ? i < s->n && s->p[i] != ' ' : i == s->n || s->p[i] != end)
		return false;
	*s = slice_skip(*s, end == '\0' ? i : i + 1);
	*ret = value;
	return true;
}

static bool take_signed(struct slice *s, char end, int64_t *ret)
{
	bool minus = slice_starts(*s, SLICE("-"));
	uint64_t value;
	if (minus)
		*s = slice_skip(*s, 1);
	if (!take_number(s, end, &value) || value > INT64_MAX || (minus && value == 0))
		return false;
	*ret = minus ? -(int64_t)value : (int64_t)value;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_digest(struct slice *s, unsigned char ret[static TAIL_DIGEST])
{
	const size_t digits = 2 * (size_t)TAIL_DIGEST;
	if (s->n <= digits || s->p[digits] != ':')
		return false;
	for (size_t i = 0; i < TAIL_DIGEST; i++) {
		int high = hex_digit(s->p[2 * i]), low = hex_digit(s->p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (unsigned char)(high << 4 | low);
	}
	*s = slice_skip(*s, digits + 1);
	return true;
}

static bool take_file(struct slice *s, struct tail_file *f)
{
	uint64_t head_n, flags;
	*f = (struct tail_file){.fd = -1, .hole_seen = -1};
	if (!take_number(s, ':', &f->device) || !take_number(s, ':', &f->inode) ||
		!take_signed(s, ':', &f->birth) || !take_signed(s, ':', &f->offset) ||
		!take_number(s, ':', &head_n) || !take_digest(s, f->digest) ||
		!take_signed(s, ':', &f->modified) || !take_number(s, '\0', &flags))
		return false;
	if (f->offset < 0 || head_n != (uint64_t)MIN_OF(f->offset, TAIL_HEAD_MAX) ||
		flags > (FLAG_SKIPPING | FLAG_DONE | FLAG_COPY | FLAG_AT_END))
		return false;
	f->head_n = (size_t)head_n;
	f->size = flags & FLAG_AT_END ? f->offset : INT64_MAX;
	f->skipping = flags & FLAG_SKIPPING;
	f->done = flags & FLAG_DONE;
	f->copy = flags & FLAG_COPY;
	return true;
}

static size_t count_files(struct slice cursor)
{
	size_t n = 0;
	for (size_t i = 0; i < cursor.n; i++)
		n += cursor.p[i] == ' ';
	return n;
}

int tail_restore(struct tail *t, struct slice cursor)
{
	if (!slice_starts(cursor, SLICE("tail1")))
		return -EBADMSG;
	size_t n = count_files(cursor);
	if (n > TAIL_FILES_MAX)
		return -EBADMSG;
	_cleanup_(freep) struct tail_file *files = calloc(n + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	struct slice rest = slice_skip(cursor, 5);
	for (size_t i = 0; i < n; i++) {
		if (!slice_starts(rest, SLICE(" ")))
			return -EBADMSG;
		rest = slice_skip(rest, 1);
		if (!take_file(&rest, &files[i]))
			return -EBADMSG;
	}
	if (rest.n > 0)
		return -EBADMSG;
	while (t->n > 0)
		tail_remove(t, t->n - 1);
	free(t->files);
	t->files = take(files);
	t->n = n;
	t->begun = true;
	t->look = true;
	return 0;
}
