/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/outbox.h"

#include "base/fdpass.h"

#include <errno.h>
#include <string.h>

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

int outbox_flush(struct outbox *o, int socket)
{
	while (!outbox_empty(o)) {
		uint32_t n;
		const char *p = o->waiting.p + o->sent;
		memcpy(&n, p, sizeof(n));
		int r = fdpass_send(socket, p + sizeof(n), n, -1);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		o->sent += sizeof(n) + n;
	}
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
