/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/outbox.h"

#include "base/fdpass.h"

#include <errno.h>
#include <string.h>

/* What is kept when all is sent. */
#define KEEP ((size_t)64 << 10)

char *outbox_put(struct outbox *o, size_t n)
{
	uint32_t size = (uint32_t)n;
	char *p = buf_reserve(&o->waiting, sizeof(size) + n);
	if (!p)
		return NULL;
	memcpy(p, &size, sizeof(size));
	o->waiting.n += sizeof(size) + n;
	return p + sizeof(size);
}

static struct slice next(const struct outbox *o)
{
	uint32_t n;
	const char *p = o->waiting.p + o->sent;
	memcpy(&n, p, sizeof(n));
	return (struct slice){p + sizeof(n), n};
}

bool outbox_take(struct outbox *o, struct slice *ret_message)
{
	if (outbox_empty(o))
		return false;
	*ret_message = next(o);
	o->sent += sizeof(uint32_t) + ret_message->n;
	return true;
}

int outbox_flush(struct outbox *o, int socket)
{
	while (!outbox_empty(o)) {
		struct slice message = next(o);
		int r = fdpass_send(socket, message.p, message.n, -1);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		o->sent += sizeof(uint32_t) + message.n;
	}
	if (o->waiting.size > KEEP)
		buf_done(&o->waiting);
	buf_reset(&o->waiting);
	o->sent = 0;
	return 0;
}

int outbox_settle(struct outbox *o, size_t mark)
{
	int r = o->waiting.error;
	if (r < 0) {
		o->waiting.n = mark;
		o->waiting.error = 0;
	}
	return r;
}

void outbox_done(struct outbox *o)
{
	buf_done(&o->waiting);
	o->sent = 0;
}
