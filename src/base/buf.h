/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growable byte buffer with a limit and a sticky error: after the first
 * failure every later call does nothing, and one check of buf->error at the
 * end is enough. buf->p is NUL-terminated whenever it is not NULL.
 */
#pragma once

#include "base/slice.h"
#include "base/util.h"

#include <stdint.h>

struct buf {
	char *p;
	size_t n, size;
	size_t limit; /* 0: no limit */
	int error;    /* 0, -ENOMEM or -EMSGSIZE */
};

#define BUF_NULL ((struct buf){0})

void buf_done(struct buf *b); /* frees; b may be used again */
void buf_reset(struct buf *b);
/* Makes room for n more bytes and returns where they go; NULL on error. */
char *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_addc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *text);
void buf_slice(struct buf *b, struct slice s);
void buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);
static inline struct slice buf_as_slice(const struct buf *b)
{
	return (struct slice){b->p ? b->p : "", b->n};
}
