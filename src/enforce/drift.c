/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/drift.h"

#include "base/util.h"
#include "enforce/attr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/* Every NFT_MSG_* about something in a table names the table in attribute 1. */
#define ATTRIBUTE_TABLE 1

/* Messages a call: whoever floods us with changes must not keep us from our orders. */
#define READ_MAX 256

static int filter_own(int fd, uint32_t portid)
{
	struct sock_filter code[] = {
		/* the number of the one who ordered the change, in the first header */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(portid), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = countof(code), .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

int drift_open(struct drift *d, const char *table, uint32_t portid)
{
	*d = (struct drift){0};
	(void)snprintf(d->table, sizeof(d->table), "%s", table);
	d->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!d->socket)
		return -errno;
	int r = filter_own(mnl_socket_get_fd(d->socket), portid);
	if (r < 0)
		return r;
	return mnl_socket_bind(d->socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

int drift_listen(struct drift *d, bool on)
{
	int group = NFNLGRP_NFTABLES;
	if (d->listening == on)
		return 0;
	if (mnl_socket_setsockopt(d->socket, on ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
		    &group, sizeof(group)) < 0)
		return -errno;
	d->listening = on;
	return 0;
}

void drift_done(struct drift *d)
{
	if (d->socket)
		(void)mnl_socket_close(d->socket);
	d->socket = NULL;
}

static bool about_table(const struct drift *d, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
		(nlh->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ||
		mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return false;
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	if (nfg->nfgen_family != NFPROTO_INET)
		return false;
	const struct nlattr *attr;
	attr_for_each_of(attr, nlh, sizeof(*nfg))
	{
		if (mnl_attr_get_type(attr) == ATTRIBUTE_TABLE)
			return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
			       strcmp(mnl_attr_get_str(attr), d->table) == 0;
	}
	return false;
}

bool drift_read(struct drift *d)
{
	char buffer[32768] __attribute__((aligned(8)));
	bool changed = false;
	for (int i = 0; i < READ_MAX; i++) {
		ssize_t r = mnl_socket_recvfrom(d->socket, buffer, sizeof(buffer));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN)
			break;
		if (r < 0) {
			changed = true; /* ENOBUFS: some were lost, perhaps about our table */
			continue;
		}
		int left = (int)r;
		for (const struct nlmsghdr *nlh = (const void *)buffer; mnl_nlmsg_ok(nlh, left);
			nlh = mnl_nlmsg_next(nlh, &left))
			changed |= about_table(d, nlh);
	}
	return changed;
}
