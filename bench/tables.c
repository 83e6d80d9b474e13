/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tables.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Does a notification say that this address is now in a set? */
static bool tells_of(const struct nlmsghdr *m, uint32_t address)
{
	uint32_t key = htonl(address);
	return m->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM) &&
	       memmem(m, m->nlmsg_len, &key, sizeof(key));
}

bool tables_took(int netlink, uint32_t address, bool wait)
{
	static char data[1 << 16] __attribute__((aligned(8)));
	ssize_t n = recv(netlink, data, sizeof(data), wait ? 0 : MSG_DONTWAIT);
	if (n < 0)
		return false;
	int left = (int)n;
	for (const struct nlmsghdr *m = (const void *)data; mnl_nlmsg_ok(m, left);
		m = mnl_nlmsg_next(m, &left))
		if (tells_of(m, address))
			return true;
	return false;
}

int tables_listen(void)
{
	struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);
	int group = NFNLGRP_NFTABLES, room = 1 << 22;
	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_setsockopt(s, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		perror("netlink");
		exit(1);
	}
	(void)setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return mnl_socket_get_fd(s);
}
