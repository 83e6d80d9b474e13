/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/host.h"

#include "base/clock.h"
#include "core/private.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <sodium/randombytes.h>
#include <sys/socket.h>

static bool is_private(const struct addr *a)
{
	static const char *const texts[] = {
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"};
	for (size_t i = 0; i < countof(texts); i++) {
		struct prefix p;
		if (prefix_parse(slice_of(texts[i]), &p) && prefix_has(&p, a))
			return true;
	}
	return false;
}

static bool is_local_only(const struct addr *a)
{
	static const char *const texts[] = {
		"127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"};
	for (size_t i = 0; i < countof(texts); i++) {
		struct prefix p;
		if (prefix_parse(slice_of(texts[i]), &p) && prefix_has(&p, a))
			return true;
	}
	return false;
}

/* The source address of the default route: a connected UDP socket sends nothing. */
static bool default_address(struct addr *ret)
{
	struct sockaddr_in far = {.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr = {.s_addr = htonl(0xc0000001)}}; /* 192.0.0.1: elsewhere */
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in me;
	socklen_t size = sizeof(me);
	return fd >= 0 && connect(fd, (struct sockaddr *)&far, sizeof(far)) == 0 &&
	       getsockname(fd, (struct sockaddr *)&me, &size) == 0 &&
	       addr_from_sockaddr(&me, ret, NULL);
}

static void find_intranet(char *ret)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) < 0)
		return;
	for (struct ifaddrs *i = all; i && !ret[0]; i = i->ifa_next) {
		struct addr a;
		if (i->ifa_addr && addr_from_sockaddr(i->ifa_addr, &a, NULL) && is_private(&a))
			addr_format(&a, ret);
	}
	freeifaddrs(all);
}

void host_draw_uuid(char ret[static 40])
{
	uint8_t b[16];
	randombytes_buf(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	(void)snprintf(ret, 40,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}

void host_derive_instance_id(struct host *h)
{
	char digits[21];
	size_t n = 0;
	for (const char *p = h->uuid; *p && n < 20; p++)
		if (*p != '-')
			digits[n++] = *p;
	digits[n] = '\0';
	(void)snprintf(h->instance_id, sizeof(h->instance_id), "i-%s", digits);
}

static void find_name(const struct core *c, struct host *h)
{
	const char *set = c->settings->host.name;
	if (set[0])
		(void)snprintf(h->name, sizeof(h->name), "%s", set);
	else if (gethostname(h->name, sizeof(h->name)) < 0)
		(void)snprintf(h->name, sizeof(h->name), "localhost");
	h->name[sizeof(h->name) - 1] = '\0';
}

void host_describe(const struct core *c, struct host *h)
{
	const struct settings *s = c->settings;
	struct addr a;
	h->internet_ip[0] = h->intranet_ip[0] = '\0';
	find_name(c, h);
	if (s->host.instance_id[0])
		(void)snprintf(h->instance_id, sizeof(h->instance_id), "%s", s->host.instance_id);
	else
		host_derive_instance_id(h);
	if (s->host.internet_ip[0])
		(void)snprintf(h->internet_ip, sizeof(h->internet_ip), "%s", s->host.internet_ip);
	else if (default_address(&a) && !is_private(&a) && !is_local_only(&a))
		addr_format(&a, h->internet_ip);
	if (s->host.intranet_ip[0])
		(void)snprintf(h->intranet_ip, sizeof(h->intranet_ip), "%s", s->host.intranet_ip);
	else
		find_intranet(h->intranet_ip);
	(void)snprintf(
		h->region, sizeof(h->region), "%s", s->host.region[0] ? s->host.region : "local");
	(void)snprintf(h->version, sizeof(h->version), "%s", CORDON_VERSION);
	/* the host network extension works where the kernel takes orders */
	h->agent_online = !enforce_observes(c->enforce);
}

static int store_one(struct core *c, struct host *h)
{
	int r = store_begin(c->store);
	if (r == 0)
		(void)store_host_put(c->store, h);
	return store_commit(c->store, STORE_DURABLE);
}

/* A server watches no machine; the one it watched in another role is on record, and silent. */
static int load_none(struct core *c)
{
	struct host old;
	c->host = (struct host){0};
	find_name(c, &c->host);
	int r = store_host_local(c->store, &old);
	if (r != 0 || !old.agent_online)
		return MIN_OF(r, 0);
	old.agent_online = false;
	return store_one(c, &old);
}

int host_load(struct core *c)
{
	struct host *h = &c->host;
	if (c->settings->role == ROLE_SERVER)
		return load_none(c);
	int r = store_host_local(c->store, h);
	if (r < 0)
		return r;
	if (r == STORE_NOT_FOUND) {
		*h = (struct host){.account = c->account.id};
		host_draw_uuid(h->uuid);
		(void)snprintf(h->enterprise_project, sizeof(h->enterprise_project), "0");
	}
	host_describe(c, h);
	h->retired = false;
	h->last_seen = clock_now();
	return store_one(c, h);
}
