/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads one log file in big pieces and hands over whole lines.
 *
 * No line is looked at by itself: the last newline of a piece is found, and the
 * piece goes out in one call. Only where 8 KiB pass without a newline, or where
 * a zero byte is, it is cut: lines over READER_LINE_MAX are skipped, and zero
 * bytes at the start of a line too (a writer without O_APPEND leaves a hole
 * where copytruncate emptied its file). Zero bytes at the very end wait: the
 * writer may still fill them.
 *
 * Each piece is checked after it was read: if the file's first bytes are still
 * those known, it was not emptied and rewritten before, and the piece is what
 * follows. If not, the piece is thrown away and the copy is looked for.
 */
#include "sensor/tail_file.h"

#include "base/util.h"
#include "sensor/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/crypto_generichash.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

_Static_assert(TAIL_DIGEST >= crypto_generichash_BYTES_MIN, "digest too short");

/* Reads exactly n bytes, or as many as there are; -errno. */
static ssize_t read_at(int fd, void *p, size_t n, int64_t offset)
{
	for (;;) {
		ssize_t got = pread(fd, p, n, offset);
		if (got >= 0 || errno != EINTR)
			return got < 0 ? -errno : got;
	}
}

static int64_t modified_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int tail_found_stat(int fd, struct tail_found *ret)
{
	struct statx st;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return -errno;
	*ret = (struct tail_found){.fd = fd,
		.device = makedev(st.stx_dev_major, st.stx_dev_minor),
		.inode = st.stx_ino,
		.birth = st.stx_mask & STATX_BTIME
				 ? (int64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec
				 : 0,
		.modified = (int64_t)st.stx_mtime.tv_sec * 1000000000 + st.stx_mtime.tv_nsec,
		.size = (int64_t)st.stx_size};
	return 0;
}

/* The position is written after every batch: what will not change is not computed each time. */
static void keep_digest(struct tail_file *f)
{
	if (f->head_known && f->head_n == TAIL_HEAD_MAX)
		(void)crypto_generichash(f->digest, TAIL_DIGEST, f->head, f->head_n, NULL, 0);
}

void tail_file_digest(const struct tail_file *f, unsigned char ret[static TAIL_DIGEST])
{
	if (f->head_known && f->head_n < TAIL_HEAD_MAX)
		(void)crypto_generichash(ret, TAIL_DIGEST, f->head, f->head_n, NULL, 0);
	else
		memcpy(ret, f->digest, TAIL_DIGEST);
}

/* Whether the open file begins as f did. */
static bool same_head(const struct tail_file *f, int fd)
{
	unsigned char want[TAIL_DIGEST], have[TAIL_DIGEST], head[TAIL_HEAD_MAX];
	if (read_at(fd, head, f->head_n, 0) != (ssize_t)f->head_n)
		return false;
	tail_file_digest(f, want);
	(void)crypto_generichash(have, TAIL_DIGEST, head, f->head_n, NULL, 0);
	return memcmp(want, have, TAIL_DIGEST) == 0;
}

bool tail_file_begins(const struct tail_file *f, const struct tail_found *found)
{
	return same_head(f, found->fd);
}

/* So many known bytes identify a file even where device numbers changed at a reboot. */
#define HEAD_ENOUGH 64

bool tail_file_is(const struct tail_file *f, const struct tail_found *found)
{
	return f->inode == found->inode && found->size >= f->offset &&
	       (f->birth == found->birth || !f->birth || !found->birth) &&
	       (f->device == found->device || f->head_n >= HEAD_ENOUGH) && same_head(f, found->fd);
}

bool tail_file_is_copied(const struct tail_file *f, const struct tail_found *found)
{
	/* the time rules out older logs that begin with the same words */
	return f->head_n > 0 && found->size >= f->offset && found->modified >= f->modified &&
	       same_head(f, found->fd);
}

struct tail_file tail_file_new(const struct tail_found *found, int64_t mono)
{
	return (struct tail_file){.fd = found->fd,
		.device = found->device,
		.inode = found->inode,
		.birth = found->birth,
		.modified = found->modified,
		.size = found->size,
		.head_known = true,
		.quiet = mono,
		.hole_seen = -1};
}

static int load_head(struct tail_file *f)
{
	ssize_t n = read_at(f->fd, f->head, f->head_n, 0);
	if (n < 0)
		return (int)n;
	if ((size_t)n != f->head_n)
		return -ESTALE;
	f->head_known = true;
	keep_digest(f);
	return 0;
}

int tail_file_attach(struct tail_file *f, struct tail_found *found, int64_t mono)
{
	f->fd = found->fd;
	int r = f->head_known ? 0 : load_head(f);
	if (r < 0) {
		f->fd = -1;
		return r;
	}
	found->fd = -1;
	f->device = found->device;
	f->inode = found->inode;
	f->birth = found->birth;
	f->modified = found->modified;
	f->size = found->size;
	f->done = false;
	f->quiet = mono;
	f->hole_seen = -1;
	return 0;
}

int tail_file_to_end(struct tail_file *f)
{
	char end[READER_LINE_MAX + 1];
	int64_t from = MAX_OF(f->size - (int64_t)sizeof(end), 0);
	ssize_t n = read_at(f->fd, end, (size_t)(f->size - from), from);
	if (n < 0)
		return (int)n;
	const char *newline = memrchr(end, '\n', (size_t)n);
	if (newline)
		f->offset = from + (newline - end) + 1;
	else if (from > 0) {
		f->offset = from + n;
		f->skipping = true;
	}
	f->head_n = (size_t)MIN_OF(f->offset, TAIL_HEAD_MAX);
	return load_head(f);
}

void tail_file_close(struct tail_file *f)
{
	closep(&f->fd);
	f->fd = -1;
}

/* Moves on over n bytes, which are at p (NULL: zeros). */
static void advance(struct tail_file *f, const char *p, size_t n)
{
	size_t more = MIN_OF(n, TAIL_HEAD_MAX - f->head_n);
	if (more > 0 && p)
		memcpy(f->head + f->head_n, p, more);
	else if (more > 0)
		memset(f->head + f->head_n, 0, more);
	f->head_n += more;
	f->offset += (int64_t)n;
	if (more > 0)
		keep_digest(f);
}

/* Blocks of fixed size are what the compiler makes vector code of. */
static uint64_t count_newlines(const char *p, size_t n)
{
	uint64_t count = 0;
	for (; n >= 64; p += 64, n -= 64) {
		unsigned char in_block = 0;
		for (int i = 0; i < 64; i++)
			in_block = (unsigned char)(in_block + (p[i] == '\n'));
		count += in_block;
	}
	for (; n > 0; p++, n--)
		count += *p == '\n';
	return count;
}

/*
 * The end of the lines at p that may go out in one call: none is too long, and
 * none from the line of the first zero byte on (that line goes alone, or if it
 * begins with the zero byte, not at all). `end` follows a newline.
 */
static const char *good_end(const char *p, const char *end, const char *zero)
{
	const char *q = p;
	while (q < end) {
		if (end - q <= READER_LINE_MAX + 1) {
			q = end;
			break;
		}
		const char *newline = memrchr(q, '\n', READER_LINE_MAX + 1);
		if (!newline)
			break;
		q = newline + 1;
	}
	if (!zero || zero >= q)
		return q;
	const char *before = zero > p ? memrchr(p, '\n', (size_t)(zero - p)) : NULL;
	const char *line = before ? before + 1 : p;
	if (line == zero || line > p)
		return line;
	return (const char *)memchr(zero, '\n', (size_t)(q - zero)) + 1;
}

static const char *bad_end(const char *p, const char *end, struct tail_sink *sink)
{
	if (*p) {
		(*sink->too_long)++;
		return (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	}
	while (p < end && !*p)
		p++;
	return p;
}

/* p..end are whole lines. */
static int deliver_lines(
	struct tail_file *f, const char *p, const char *end, struct tail_sink *sink)
{
	const char *zero = memchr(p, 0, (size_t)(end - p));
	while (p < end) {
		if (zero && zero < p)
			zero = memchr(p, 0, (size_t)(end - p));
		const char *good = good_end(p, end, zero);
		if (good == p) {
			const char *bad = bad_end(p, end, sink);
			advance(f, p, (size_t)(bad - p));
			p = bad;
			continue;
		}
		size_t n = (size_t)(good - p);
		int r = sink->fn(sink->ctx, (struct slice){p, n});
		if (r != 0) {
			sink->refused = true;
			return r < 0 ? r : -ECANCELED;
		}
		*sink->bytes += n;
		*sink->lines += count_newlines(p, n);
		advance(f, p, n);
		p = good;
	}
	return 0;
}

static int deliver(struct tail_file *f, const char *p, size_t n, struct tail_sink *sink)
{
	const char *end = p + n;
	if (f->skipping) {
		const char *newline = memchr(p, '\n', n);
		const char *to = newline ? newline + 1 : end;
		advance(f, p, (size_t)(to - p));
		f->skipping = !newline;
		p = to;
	}
	const char *last = p < end ? memrchr(p, '\n', (size_t)(end - p)) : NULL;
	if (last) {
		int r = deliver_lines(f, p, last + 1, sink);
		if (r != 0)
			return r;
		p = last + 1;
	}
	if (end - p > READER_LINE_MAX && *p) {
		(*sink->too_long)++;
		f->skipping = true;
		advance(f, p, (size_t)(end - p));
	}
	return 0;
}

/* Whether the bytes just read follow those read before. */
static bool still_same(struct tail_file *f, int64_t until, int *ret_error)
{
	struct stat st;
	unsigned char head[TAIL_HEAD_MAX];
	if (fstat(f->fd, &st) < 0) {
		*ret_error = -errno;
		return true;
	}
	bool untouched = f->size == st.st_size && f->modified == modified_ns(&st);
	if (until > st.st_size)
		return false; /* size stays what it was: it tells what was lost */
	if (!(untouched && until == f->offset)) {
		ssize_t n = read_at(f->fd, head, f->head_n, 0);
		if (n < 0) {
			*ret_error = (int)n;
			return true;
		}
		if ((size_t)n != f->head_n || memcmp(head, f->head, f->head_n) != 0)
			return false;
	}
	f->size = st.st_size;
	if (f->head_n > 0) /* else what came since it was found may be copied away unseen */
		f->modified = modified_ns(&st);
	return true;
}

/* The piece begins with zero bytes: skips them, over holes in one step. */
static int skip_zeros(struct tail_file *f, const char *p, size_t n, bool at_end)
{
	size_t zeros = 0;
	while (zeros < n && !p[zeros])
		zeros++;
	if (f->offset > 0 && f->hole_seen != f->offset) {
		f->hole_seen = f->offset;
		return FILE_HOLE;
	}
	if (zeros == n && at_end)
		return FILE_END;
	advance(f, NULL, zeros);
	if (zeros == n) {
		off_t data = lseek(f->fd, f->offset, SEEK_DATA);
		if (data > f->offset)
			advance(f, NULL, (size_t)(data - f->offset));
	}
	f->hole_seen = f->offset;
	return FILE_MORE;
}

int tail_file_read(struct tail_file *f, struct tail_sink *sink)
{
	while (sink->budget > 0) {
		size_t want = MIN_OF(MAX_OF(sink->budget, READER_LINE_MAX + 1), TAIL_CHUNK_SIZE);
		int64_t modified = f->modified;
		int error = 0;
		ssize_t n = read_at(f->fd, sink->chunk, want, f->offset);
		if (n < 0)
			return (int)n;
		if (!still_same(f, f->offset + n, &error))
			return FILE_CHANGED;
		if (error < 0)
			return error;
		if (n == 0)
			return FILE_END;
		bool at_end = (size_t)n < want;
		int64_t before = f->offset;
		int r = !f->skipping && !sink->chunk[0]
				? skip_zeros(f, sink->chunk, (size_t)n, at_end)
				: deliver(f, sink->chunk, (size_t)n, sink);
		size_t used = MIN_OF((size_t)(f->offset - before), TAIL_CHUNK_SIZE);
		sink->budget -= MIN_OF(used, sink->budget);
		if (r == FILE_HOLE)
			f->modified = modified; /* what was copied away is from then on */
		if (r != 0 && r != FILE_MORE)
			return r;
		if (at_end && r != FILE_MORE)
			return FILE_END;
	}
	return FILE_MORE;
}
