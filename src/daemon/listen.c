/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/listen.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 1024
/* A predecessor that was killed needs a moment to let go of its sockets. */
#define PATIENCE_MS 5000
#define PAUSE_US    20000

static socklen_t socket_address(const struct listener_settings *l, struct sockaddr_storage *ret)
{
	struct addr a;
	*ret = (struct sockaddr_storage){0};
	if (!addr_parse(slice_of(l->host), &a))
		return 0;
	if (addr_is_v4(&a)) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(l->port);
		memcpy(&in->sin_addr, a.b + 12, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(l->port);
	memcpy(&in6->sin6_addr, a.b, 16);
	return sizeof(*in6);
}

/* The unit starts before the network is up: an address may be this machine's only later. */
static void set_options(int fd, int family, bool both)
{
	static const int one = 1;
	const int only = !both;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
	} else {
		(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	}
}

static int bind_patiently(int fd, const struct sockaddr *address, socklen_t size)
{
	int64_t end = clock_mono() + PATIENCE_MS;
	int r;
	while ((r = bind(fd, address, size)) < 0 && errno == EADDRINUSE && clock_mono() < end)
		(void)usleep(PAUSE_US);
	return r;
}

static int listen_at(const struct listener_settings *l, bool both, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t size = socket_address(l, &address);
	if (size == 0)
		return err_set(err, -EINVAL, "listen: %s is not an address", l->host);
	_cleanup_(closep) int fd =
		socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "listen: %s", strerror(errno));
	set_options(fd, address.ss_family, both);
	if (bind_patiently(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(
			err, -errno, "listen on %s port %u: %s", l->host, l->port, strerror(errno));
	return take_fd(fd);
}

int listen_tcp(const struct listener_settings *l, struct err *err)
{
	return listen_at(l, false, err);
}

int listen_fleet(const struct listener_settings *l, struct err *err)
{
	struct listener_settings v4 = {.host = "0.0.0.0", .port = l->port};
	bool any = strcmp(l->host, "::") == 0;
	int fd = listen_at(l, any, err);
	return any && fd == -EAFNOSUPPORT ? listen_at(&v4, false, err) : fd;
}

/* Nobody answers at the old path any more. */
static bool is_stale(const struct sockaddr_un *address)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	       (errno == ECONNREFUSED || errno == ENOENT);
}

int listen_control(const char *path, gid_t group, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "%s: too long for a socket", path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int64_t end = clock_mono() + PATIENCE_MS;
	bool stale;
	while (!(stale = is_stale(&address)) && clock_mono() < end)
		(void)usleep(PAUSE_US);
	if (!stale)
		return err_set(err, -EADDRINUSE, "%s: another cordond answers there", path);
	(void)unlink(path);
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	mode_t mask = umask(0117);
	int r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	(void)umask(mask);
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (group != (gid_t)-1)
		(void)!chown(path, (uid_t)-1, group);
	return take_fd(fd);
}
