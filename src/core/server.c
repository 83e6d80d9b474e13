/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an agent's server is: never blocked, neither here nor in the kernel. A
 * name may lead elsewhere from one connection to the next; what counts is who answered with the
 * key we know. The last such address is kept until another answers, over restarts too: who starts
 * without its server must not block it before it is found again.
 */
#include "base/log.h"
#include "core/following.h"
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

/* Not durable: what is lost is said again with the next connection. */
static int remember(struct core *c)
{
	char text[ADDR_TEXT_MAX], all[SERVER_ADDRESSES_MAX * (ADDR_TEXT_MAX + 1)] = "";
	size_t n = 0;
	for (unsigned i = 0; i < c->server_count; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? " " : "",
			addr_format(&c->server[i].addr, text));
	if (store_begin(c->store) == 0)
		(void)store_meta_put(c->store, META_SERVER, all); /* an error sticks */
	return store_commit(c->store, STORE_REPLAYABLE);
}

int server_load(struct core *c)
{
	char all[SERVER_ADDRESSES_MAX * (ADDR_TEXT_MAX + 1)] = "", *rest = all;
	struct addr a;
	int r = store_meta_get(c->store, META_SERVER, all, sizeof(all));
	if (r < 0)
		return r;
	c->server_count = 0;
	for (const char *text; (text = strsep(&rest, " ")) != NULL;)
		if (c->server_count < SERVER_ADDRESSES_MAX && addr_parse(slice_of(text), &a))
			c->server[c->server_count++] = prefix_of(&a, 128);
	return protect_set(c->protect, PROTECT_SERVER, c->server, c->server_count);
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
	if (remember(c) < 0)
		log_error("where the server is cannot be stored: %s", store_error(c->store));
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

void core_link_set(struct core *c, bool up)
{
	c->link_up = up;
}
