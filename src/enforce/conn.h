/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends the live connections of a new block. The rules already cut them; this
 * frees what they hold. A kernel that cannot is no error.
 *
 * Inbound: our own sockets are destroyed (SOCK_DESTROY). Connection tracking is
 * left alone: its entries are dead, and finding them costs milliseconds a block.
 *
 * Outbound: translated connections are forgotten. A plain one would be taken up
 * again, the other way round, by the next packet of the remote end
 * (nf_conntrack_tcp_loose), and then pass for one it had started.
 *
 * Addresses wait in a bounded queue, worked off when there is nothing else to do.
 */
#pragma once

#include "base/addr.h"
#include "enforce/enforce.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#define CONN_QUEUE_MAX 1024

struct conn_end {
	struct prefix remote;
	enum enforce_list list;
};

struct conn {
	struct mnl_socket *diag, *track;       /* NULL: not in this kernel */
	bool no_destroy, no_forget;            /* the kernel said so */
	char *received;                        /* both sockets' */
	struct conn_end queue[CONN_QUEUE_MAX]; /* a ring */
	size_t first, n;
	uint32_t seq;
};

/* Opens what this kernel has. 0 or -ENOMEM. */
int conn_open(struct conn *c);
void conn_done(struct conn *c);
/* Takes note; what finds no room is left to the rules. */
void conn_queue(struct conn *c, const struct enforce_element *element);
static inline bool conn_pending(const struct conn *c)
{
	return c->n > 0;
}
/*
 * Ends the connections of the first in the queue, but those with addresses that
 * spare() knows. Returns how many sockets it ended.
 */
unsigned conn_work(struct conn *c, bool (*spare)(void *ctx, const struct addr *remote), void *ctx);
