/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/lines.h"

#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <zlib.h>

#define BUFFER ((size_t)1 << 20)

struct lines {
	int fd;
	const char *path;
	struct stat status;
	int64_t done;
	size_t begin, end; /* what is read and not yet handed out */
	bool finished;
	bool cut;                   /* the rest of an overlong line is still to be skipped */
	bool started, gzip, inside; /* inside: in the middle of a member of a gzip file */
	z_stream inflate;
	unsigned char packed[65536];
	char bytes[BUFFER];
};

int lines_open(const char *path, struct lines **ret, struct err *err)
{
	bool input = strcmp(path, "-") == 0;
	struct lines *l = malloc(sizeof(*l));
	if (!l)
		return err_set(err, -ENOMEM, "out of memory");
	memset(l, 0, offsetof(struct lines, packed));
	l->path = input ? "standard input" : path;
	l->fd = input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = 0;
	if (l->fd < 0 || fstat(l->fd, &l->status) < 0)
		r = err_set(err, -errno, "%s: %s", l->path, strerror(errno));
	else if (S_ISDIR(l->status.st_mode))
		r = err_set(err, -EISDIR, "%s: is a directory", l->path);
	if (r < 0) {
		(void)lines_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct lines *lines_close(struct lines *l)
{
	if (!l)
		return NULL;
	if (l->gzip)
		(void)inflateEnd(&l->inflate);
	closep(&l->fd);
	free(l);
	return NULL;
}

static ssize_t read_bytes(struct lines *l, void *p, size_t n, struct err *err)
{
	ssize_t got;
	do
		got = read(l->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(err, -errno, "%s: %s", l->path, strerror(errno));
	l->done += got;
	return got;
}

/* Looks at the first bytes, which a pipe cannot give twice: they go to `packed`. */
static int start(struct lines *l, struct err *err)
{
	size_t n = 0;
	while (n < 2) {
		ssize_t got = read_bytes(l, l->packed + n, sizeof(l->packed) - n, err);
		if (got < 0)
			return (int)got;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	l->started = true;
	l->inflate.next_in = l->packed;
	l->inflate.avail_in = (unsigned)n;
	l->gzip = n >= 2 && l->packed[0] == 0x1f && l->packed[1] == 0x8b;
	if (l->gzip && inflateInit2(&l->inflate, 15 + 16) != Z_OK)
		return err_set(err, -ENOMEM, "%s: out of memory", l->path);
	return 0;
}

static ssize_t read_plain(struct lines *l, char *p, size_t n, struct err *err)
{
	size_t first = MIN_OF((size_t)l->inflate.avail_in, n);
	if (first == 0)
		return read_bytes(l, p, n, err);
	memcpy(p, l->inflate.next_in, first);
	l->inflate.next_in += first;
	l->inflate.avail_in -= (unsigned)first;
	return (ssize_t)first;
}

static ssize_t read_gzip(struct lines *l, char *p, size_t n, struct err *err)
{
	z_stream *z = &l->inflate;
	z->next_out = (unsigned char *)p;
	z->avail_out = (unsigned)n;
	while (z->avail_out == n) {
		if (z->avail_in == 0) {
			ssize_t got = read_bytes(l, l->packed, sizeof(l->packed), err);
			if (got < 0)
				return got;
			if (got == 0 && l->inside)
				return err_set(err, -EIO, "%s: the compressed data ends too early",
					l->path);
			if (got == 0)
				return 0;
			z->next_in = l->packed;
			z->avail_in = (unsigned)got;
		}
		int r = inflate(z, Z_NO_FLUSH);
		l->inside = r != Z_STREAM_END;
		if (r == Z_STREAM_END) /* gzip files may be concatenated */
			r = inflateReset(z);
		if (r != Z_OK && r != Z_BUF_ERROR)
			return err_set(err, -EIO, "%s: damaged compressed data", l->path);
	}
	return (ssize_t)(n - z->avail_out);
}

/* Reads more behind what is there. 0 or -errno. */
static int fill(struct lines *l, struct err *err)
{
	if (l->begin) {
		memmove(l->bytes, l->bytes + l->begin, l->end - l->begin);
		l->end -= l->begin;
		l->begin = 0;
	}
	if (!l->started) {
		int r = start(l, err);
		if (r < 0)
			return r;
	}
	char *p = l->bytes + l->end;
	ssize_t got = l->gzip ? read_gzip(l, p, BUFFER - l->end, err)
			      : read_plain(l, p, BUFFER - l->end, err);
	if (got < 0)
		return (int)got;
	l->finished = got == 0;
	l->end += (size_t)got;
	return 0;
}

/* Drops bytes up to the end of a line whose beginning was handed out. */
static void skip_rest(struct lines *l)
{
	const char *p = memchr(l->bytes + l->begin, '\n', l->end - l->begin);
	l->cut = p == NULL;
	l->begin = p ? (size_t)(p + 1 - l->bytes) : l->end;
}

int lines_next(struct lines *l, struct slice *ret, struct err *err)
{
	for (;;) {
		if (l->cut)
			skip_rest(l);
		size_t n = l->end - l->begin;
		const char *begin = l->bytes + l->begin;
		const char *newline = n ? memrchr(begin, '\n', n) : NULL;
		if (newline)
			n = (size_t)(newline + 1 - begin);
		else if (n == BUFFER)
			l->cut = true;
		else if (!l->finished)
			n = 0;
		if (n) {
			*ret = (struct slice){begin, n};
			l->begin += n;
			return 1;
		}
		if (l->finished)
			return 0;
		int r = fill(l, err);
		if (r < 0)
			return r;
	}
}

int64_t lines_done(const struct lines *l)
{
	return l->done;
}

int64_t lines_size(const struct lines *l)
{
	return S_ISREG(l->status.st_mode) ? l->status.st_size : -1;
}

int64_t lines_modified(const struct lines *l)
{
	if (!S_ISREG(l->status.st_mode))
		return INT64_MAX;
	return (int64_t)l->status.st_mtim.tv_sec * 1000 + l->status.st_mtim.tv_nsec / 1000000;
}
