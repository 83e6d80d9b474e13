/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages that wait, in order: for room in a socket, or to be read.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct outbox {
	struct buf waiting; /* u32 length, message, u32 length, message, … */
	size_t sent;        /* bytes of it */
};

static inline bool outbox_empty(const struct outbox *o)
{
	return o->sent >= o->waiting.n;
}

/* Where a message of n bytes goes, all of which the caller writes at once; NULL: no memory. */
char *outbox_put(struct outbox *o, size_t n);
/* Sends as far as there is room. 0 or -errno. */
int outbox_flush(struct outbox *o, int socket);
/* The next message, borrowed until outbox_done(); false: there is none. */
bool outbox_take(struct outbox *o, struct slice *ret_message);
/* All or nothing: takes back what was put since mark = o->waiting.n, after an error. */
int outbox_settle(struct outbox *o, size_t mark);
void outbox_done(struct outbox *o);
