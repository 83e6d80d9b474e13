/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file that tail.c follows: which one it is (device, inode, first bytes)
 * and how far its lines were handed over. tail.c decides what becomes of it.
 *
 * Invariant: head_n == min(offset, TAIL_HEAD_MAX): what identifies a file is
 * what was read of it, so it never depends on bytes that may still change.
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TAIL_HEAD_MAX   1024
#define TAIL_DIGEST     16
#define TAIL_CHUNK_SIZE ((size_t)256 << 10)

struct tail_file {
	int fd; /* owned; -1: not found yet since the restart, or done with */
	uint64_t device, inode;
	int64_t birth;    /* ns, when it was created; 0: the file system does not say */
	int64_t modified; /* ns, the file's time of change when last looked at */
	int64_t offset;   /* everything before it was delivered or skipped */
	int64_t size;     /* when last looked at */
	size_t head_n;
	unsigned char head[TAIL_HEAD_MAX]; /* known while fd >= 0 or after */
	unsigned char digest[TAIL_DIGEST]; /* of a head that is complete, or not known */
	bool head_known;
	bool done;         /* read to its end and closed; remembered, so it is not read again */
	bool copy;         /* made by copytruncate: nobody writes to it any more */
	bool skipping;     /* inside a line that is too long */
	int64_t quiet;     /* clock_mono() of its last bytes */
	int64_t hole_seen; /* the offset where zero bytes were met; -1: none */
};

/* An open file that may be one of ours. */
struct tail_found {
	int fd;
	uint64_t device, inode;
	int64_t birth, modified, size;
};

/* Where the lines go. fn returns 0 when it took all of them, else none of them count. */
struct tail_sink {
	char *chunk; /* TAIL_CHUNK_SIZE */
	size_t budget;
	int (*fn)(void *ctx, struct slice lines);
	void *ctx;
	bool refused; /* set when fn did not take them */
	uint64_t *bytes, *lines, *too_long;
};

enum { FILE_END, FILE_MORE, FILE_CHANGED, FILE_HOLE };

/* 0 or -errno; fd stays the caller's. */
int tail_found_stat(int fd, struct tail_found *ret);
/* The file read so far, by inode, birth and first bytes. */
bool tail_file_is(const struct tail_file *f, const struct tail_found *found);
/* It begins with the bytes that f begins with. */
bool tail_file_begins(const struct tail_file *f, const struct tail_found *found);
/* Another file that holds the same bytes and was changed no earlier. */
bool tail_file_is_copied(const struct tail_file *f, const struct tail_found *found);
/* A file not seen before, from its start; takes found->fd. */
struct tail_file tail_file_new(const struct tail_found *found, int64_t mono);
/* f (not open) goes on in found, whose fd it takes. 0 or -errno. */
int tail_file_attach(struct tail_file *f, struct tail_found *found, int64_t mono);
/* Begins after the last whole line of what is there now. 0 or -errno. */
int tail_file_to_end(struct tail_file *f);
void tail_file_digest(const struct tail_file *f, unsigned char ret[static TAIL_DIGEST]);
void tail_file_close(struct tail_file *f);
/*
 * Delivers whole lines. FILE_END: nothing more now; FILE_MORE: the budget is used
 * up; FILE_CHANGED: these are not the bytes read before (truncated, rewritten);
 * FILE_HOLE: zero bytes where a line should begin, said once for an offset;
 * or what fn returned, or -errno.
 */
int tail_file_read(struct tail_file *f, struct tail_sink *sink);
