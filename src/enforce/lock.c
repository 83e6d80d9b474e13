/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anybody may take an abstract name, so a taken one is a daemon only when its
 * socket belongs to root or to our user; else any local user could keep Cordon from
 * starting.
 */
#include "enforce/lock.h"

#include "base/util.h"
#include "enforce/attr.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct holder {
	const char *name; /* n bytes, the first one NUL */
	size_t n;
	bool found, may;
};

static void socketp_close(struct mnl_socket **s)
{
	if (*s)
		(void)mnl_socket_close(*s);
}

static void consider(struct holder *h, const struct nlmsghdr *nlh)
{
	struct attrs a = attrs_of(nlh, sizeof(struct unix_diag_msg));
	const struct nlattr *name = a.by[UNIX_DIAG_NAME], *uid = a.by[UNIX_DIAG_UID];
	if (!name || mnl_attr_get_payload_len(name) != h->n ||
		memcmp(mnl_attr_get_payload(name), h->name, h->n) != 0)
		return;
	h->found = true;
	/* a kernel that does not say whose it is: believe the name */
	h->may |= !uid || mnl_attr_get_u32(uid) == 0 || mnl_attr_get_u32(uid) == geteuid();
}

/* Looks through the unix sockets of this namespace. 0 or -errno. */
static int find_holder(struct holder *h)
{
	_cleanup_(socketp_close) struct mnl_socket *s =
		mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	char buffer[32768] __attribute__((aligned(8)));
	struct unix_diag_req request = {.sdiag_family = AF_UNIX,
		.udiag_states = UINT32_MAX,
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_UID};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(request)), &request, sizeof(request));
	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_sendto(s, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t r = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		if (r < 0)
			return -errno;
		int left = (int)r;
		for (const struct nlmsghdr *m = (const void *)buffer; mnl_nlmsg_ok(m, left);
			m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_type == NLMSG_DONE)
				return 0;
			if (m->nlmsg_type == NLMSG_ERROR)
				return -EIO;
			consider(h, m);
		}
	}
}

int lock_take(const char *table, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "cordon/%s", table);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path) - 1)
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	if (bind(fd, (const struct sockaddr *)&address, len) == 0) {
		*ret_fd = fd;
		return 0;
	}
	int error = errno;
	(void)close(fd);
	if (error != EADDRINUSE)
		return -error;
	struct holder h = {.name = address.sun_path, .n = (size_t)n + 1};
	if (find_holder(&h) < 0 || !h.found || h.may)
		return -EADDRINUSE;
	return LOCK_E_SQUATTED;
}
