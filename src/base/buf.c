/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.limit = b->limit};
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->error = 0;
	if (b->p)
		b->p[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->error)
		return NULL;
	if (n >= SIZE_MAX / 2 - b->n || (b->limit && b->n + n > b->limit)) {
		b->error = -EMSGSIZE;
		return NULL;
	}
	size_t need = b->n + n + 1;
	if (need > b->size) {
		size_t size = b->size ? b->size : 256;
		while (size < need)
			size *= 2;
		char *p = realloc(b->p, size);
		if (!p) {
			b->error = -ENOMEM;
			return NULL;
		}
		b->p = p;
		b->size = size;
	}
	return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);
	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_puts(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *to = n < 0 ? NULL : buf_reserve(b, (size_t)n);
	if (to) {
		(void)vsnprintf(to, (size_t)n + 1, format, again);
		b->n += (size_t)n;
	}
	va_end(again);
}
