/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/sockdiag.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

struct question {
	uint16_t local, remote_port;
	struct addr remote;
	int found;
};

static int on_socket(const struct nlmsghdr *nlh, void *data)
{
	struct question *q = data;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct inet_diag_msg))
		return MNL_CB_OK;
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct addr remote;
	if (m->idiag_family == AF_INET)
		remote = addr_from_v4(ntohl(m->id.idiag_dst[0]));
	else
		memcpy(remote.b, m->id.idiag_dst, sizeof(remote.b));
	if ((q->local == 0 || ntohs(m->id.idiag_sport) == q->local) &&
		addr_eq(&remote, &q->remote) &&
		(q->remote_port == 0 || ntohs(m->id.idiag_dport) == q->remote_port))
		q->found = 1;
	return MNL_CB_OK;
}

/* A v4 peer may be connected to a v6 socket: both families are asked. */
static int ask(struct mnl_socket *nl, uint8_t family, struct question *q)
{
	char buffer[16384];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = family;
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = 1u << TCP_ESTABLISHED;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (int more = 1; more > 0;) {
		ssize_t n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		more = mnl_cb_run(
			buffer, (size_t)n, family, mnl_socket_get_portid(nl), on_socket, q);
		if (more < 0)
			return -errno;
	}
	return 0;
}

int sockdiag_established(uint16_t local, const struct addr *remote, uint16_t remote_port)
{
	struct question q = {.local = local, .remote = *remote, .remote_port = remote_port};
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	int r = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (r == 0)
		r = ask(nl, AF_INET, &q);
	if (r == 0)
		r = ask(nl, AF_INET6, &q);
	(void)mnl_socket_close(nl);
	return r < 0 ? r : q.found;
}
