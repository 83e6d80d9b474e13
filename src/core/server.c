/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an agent's server is: never blocked, neither here nor in the kernel. A
 * name may lead elsewhere from one connection to the next.
 */
#include "base/log.h"
#include "core/private.h"

struct server_set {
	const struct addr *list;
	unsigned n;
};

static bool is_known(const struct core *c, const struct addr *a)
{
	for (unsigned i = 0; i < c->server_count; i++)
		if (addr_eq(&c->server[i].addr, a))
			return true;
	return false;
}

/* In whatever order: resolvers turn it around. */
static bool is_same(const struct core *c, const struct server_set *s)
{
	bool same = s->n == c->server_count;
	for (unsigned i = 0; same && i < s->n; i++)
		same = is_known(c, &s->list[i]);
	return same;
}

static int do_set(struct core *c, void *arg)
{
	const struct server_set *s = arg;
	if (is_same(c, s))
		return 0;
	c->server_count = s->n;
	for (unsigned i = 0; i < c->server_count; i++)
		c->server[i] = prefix_of(&s->list[i], 128);
	int r = protect_set(c->protect, PROTECT_SERVER, c->server, c->server_count);
	kernel_sync_soon(c, 0);
	if (r < 0 || !c->synced_once)
		return r; /* core_start() will look at what is blocked */
	if (operations_lift_protected(c) < 0)
		log_error("blocks of the server stay on record: %s", store_error(c->store));
	return 0;
}

int core_server_set(struct core *c, const struct addr *list, unsigned n)
{
	struct server_set s = {.list = list, .n = MIN_OF(n, SERVER_ADDRESSES_MAX)};
	return core_call(c, do_set, &s);
}
