/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/conn.h"

#include "base/util.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#define RECEIVE_SIZE ((size_t)64 << 10)

static struct mnl_socket *open_socket(int protocol)
{
	struct mnl_socket *s = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	if (s && mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		(void)mnl_socket_close(s);
		s = NULL;
	}
	return s;
}

int conn_open(struct conn *c)
{
	*c = (struct conn){.received = malloc(RECEIVE_SIZE)};
	if (!c->received)
		return -ENOMEM;
	c->diag = open_socket(NETLINK_SOCK_DIAG);
	c->track = open_socket(NETLINK_NETFILTER);
	return 0;
}

void conn_done(struct conn *c)
{
	if (c->diag)
		(void)mnl_socket_close(c->diag);
	if (c->track)
		(void)mnl_socket_close(c->track);
	free(c->received);
	c->diag = c->track = NULL;
	c->received = NULL;
}

void conn_queue(struct conn *c, const struct enforce_element *element)
{
	if (c->n == CONN_QUEUE_MAX)
		return;
	c->queue[(c->first + c->n++) % CONN_QUEUE_MAX] =
		(struct conn_end){element->target, element->list};
}

unsigned conn_work(struct conn *c)
{
	c->first = (c->first + 1) % CONN_QUEUE_MAX;
	c->n--;
	return 0;
}
