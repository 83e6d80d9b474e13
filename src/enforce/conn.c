/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/conn.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel's CTA_FILTER_F_CTA_IP_DST (its nf_internals.h). */
#define FILTER_DESTINATION (1u << 1)

#define RECEIVE_SIZE ((size_t)64 << 10)
#define REQUEST_MAX  256

/* Sockets of one block ended at most; the rules cut the others. */
#define SOCKETS_MAX 512

#define CONNECTED_STATES                                                                           \
	(1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV | 1u << TCP_FIN_WAIT1 |   \
		1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT | 1u << TCP_LAST_ACK |                  \
		1u << TCP_CLOSING)

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

/* Sends a request and calls fn for each message of the answer. 0 or -errno. */
static int ask(struct conn *c, struct mnl_socket *socket, struct nlmsghdr *nlh,
	void (*fn)(const struct nlmsghdr *nlh, void *ctx), void *ctx)
{
	nlh->nlmsg_seq = ++c->seq;
	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t r = mnl_socket_recvfrom(socket, c->received, RECEIVE_SIZE);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		int left = (int)r;
		for (const struct nlmsghdr *m = (const void *)c->received; mnl_nlmsg_ok(m, left);
			m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq != c->seq)
				continue;
			if (m->nlmsg_type == NLMSG_DONE)
				return 0;
			if (m->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(m))->error;
			if (fn)
				fn(m, ctx);
		}
	}
}

static bool unsupported(int error)
{
	return error == -EOPNOTSUPP || error == -EINVAL || error == -ENOENT || error == -EPERM;
}

/* The condition inet_diag evaluates in the kernel: the remote end lies in a prefix. */
static void put_remote(struct nlmsghdr *nlh, const struct prefix *remote, bool v4)
{
	char code[sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond) + 16];
	uint16_t width = v4 ? 4 : 16;
	uint16_t n = (uint16_t)(sizeof(code) - 16 + width);
	struct inet_diag_bc_op op = {
		.code = INET_DIAG_BC_D_COND,
		.yes = (uint8_t)n,             /* the end: taken */
		.no = (unsigned short)(n + 4), /* past the end: left out */
	};
	struct inet_diag_hostcond host = {
		.family = v4 ? AF_INET : AF_INET6,
		.prefix_len = (uint8_t)(v4 ? remote->len - 96 : remote->len),
		.port = -1,
	};
	memcpy(code, &op, sizeof(op));
	memcpy(code + sizeof(op), &host, sizeof(host));
	memcpy(code + sizeof(op) + sizeof(host), remote->addr.b + 16 - width, width);
	mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, n, code);
}

struct socket_list {
	struct inet_diag_msg list[SOCKETS_MAX];
	size_t n;
};

static void on_socket(const struct nlmsghdr *nlh, void *ctx)
{
	struct socket_list *sockets = ctx;
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct inet_diag_msg) &&
		sockets->n < SOCKETS_MAX)
		memcpy(&sockets->list[sockets->n++], mnl_nlmsg_get_payload(nlh),
			sizeof(struct inet_diag_msg));
}

static struct nlmsghdr *begin_diag(
	char *buffer, uint16_t type, uint16_t flags, const struct inet_diag_req_v2 *request)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(*request)), request, sizeof(*request));
	return nlh;
}

static struct addr remote_of(const struct inet_diag_msg *socket)
{
	struct addr a;
	if (socket->idiag_family == AF_INET)
		return addr_from_v4(ntohl(socket->id.idiag_dst[0]));
	memcpy(a.b, socket->id.idiag_dst, sizeof(a.b));
	return a;
}

static int destroy(struct conn *c, const struct inet_diag_msg *socket)
{
	char buffer[REQUEST_MAX] __attribute__((aligned(8)));
	struct inet_diag_req_v2 request = {.sdiag_family = socket->idiag_family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = UINT32_MAX,
		.id = socket->id};
	struct nlmsghdr *nlh = begin_diag(buffer, SOCK_DESTROY, NLM_F_ACK, &request);
	return ask(c, c->diag, nlh, NULL, NULL);
}

/* Lists the connected sockets of one family that the prefix matches. */
static int list_sockets(struct conn *c, uint8_t family, const struct prefix *remote, bool v4,
	struct socket_list *sockets)
{
	char buffer[REQUEST_MAX] __attribute__((aligned(8)));
	struct inet_diag_req_v2 request = {.sdiag_family = family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = CONNECTED_STATES};
	struct nlmsghdr *nlh = begin_diag(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request);
	put_remote(nlh, remote, v4);
	return ask(c, c->diag, nlh, on_socket, sockets);
}

static unsigned end_sockets(struct conn *c, const struct prefix *remote,
	bool (*spare)(void *ctx, const struct addr *remote), void *ctx)
{
	bool v4 = remote->len >= 96 && addr_is_v4(&remote->addr);
	struct socket_list sockets = {.n = 0};
	unsigned ended = 0;

	if (v4)
		(void)list_sockets(c, AF_INET, remote, true, &sockets);
	/* a socket of the other family may talk v4 too */
	(void)list_sockets(c, AF_INET6, remote, v4, &sockets);
	for (size_t i = 0; i < sockets.n; i++) {
		struct addr a = remote_of(&sockets.list[i]);
		if (spare(ctx, &a))
			continue;
		int error = destroy(c, &sockets.list[i]);
		ended += error == 0;
		c->no_destroy |= error == -EOPNOTSUPP;
	}
	return ended;
}

/* Asks connection tracking to forget what was started towards address and has status. */
static int forget(struct conn *c, const struct addr *address, uint32_t status)
{
	char buffer[REQUEST_MAX] __attribute__((aligned(8)));
	bool v4 = addr_is_v4(address);
	uint16_t width = v4 ? 4 : 16;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = v4 ? AF_INET : AF_INET6;
	nfg->version = NFNETLINK_V0;

	struct nlattr *tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
	struct nlattr *ip = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, width, address->b + 16 - width);
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_nest_end(nlh, tuple);

	/* without this a kernel that knows it would want the whole tuple, and refuse */
	struct nlattr *filter = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, FILTER_DESTINATION);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(nlh, filter);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(status));
	mnl_attr_put_u32(nlh, CTA_STATUS_MASK, htonl(status));
	return ask(c, c->track, nlh, NULL, NULL);
}

/* Translated connections to a whole address: the filter knows no prefixes. */
static void forget_translated(struct conn *c, const struct prefix *remote)
{
	if (remote->len < 128)
		return;
	int r = forget(c, &remote->addr, IPS_SRC_NAT);
	if (r == 0)
		r = forget(c, &remote->addr, IPS_DST_NAT);
	c->no_forget |= unsupported(r);
}

unsigned conn_work(struct conn *c, bool (*spare)(void *ctx, const struct addr *remote), void *ctx)
{
	struct conn_end end = c->queue[c->first];
	c->first = (c->first + 1) % CONN_QUEUE_MAX;
	c->n--;
	unsigned ended = 0;
	if (end.list == ENFORCE_IN && c->diag && !c->no_destroy)
		ended = end_sockets(c, &end.remote, spare, ctx);
	if (end.list == ENFORCE_OUT && c->track && !c->no_forget)
		forget_translated(c, &end.remote);
	return ended;
}
