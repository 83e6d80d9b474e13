/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server knows of its agents: whose key that is, what a machine says of itself,
 * and where they find the server.
 */
#include "base/clock.h"
#include "core/private.h"

int core_agent_find(struct core_reader *r, const char *fingerprint, struct host *ret)
{
	struct agent agent;
	struct host host;
	struct account account;
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = store_agent_by_fingerprint(r->store, fingerprint, &agent);
	if (result == 0)
		result = store_host_get(r->store, agent.host, &host);
	if (result == 0)
		result = store_account_get(r->store, host.account, &account);
	store_snapshot_end(r->store);
	if (result != 0)
		return result == STORE_NOT_FOUND ? CORE_NOT_FOUND : result;
	if (host.retired || account.closed)
		return CORE_DENIED;
	*ret = host;
	return 0;
}

struct told {
	uint32_t host;
	const struct agent_info *info;
};

static bool copy(char *to, size_t size, const char *from)
{
	if (strcmp(to, from) == 0)
		return false;
	(void)snprintf(to, size, "%s", from);
	return true;
}

/* True when that is news. The name is the server's to give: an invitation's, a person's. */
static bool take_info(struct host *h, const struct agent_info *info)
{
	bool news = copy(h->version, sizeof(h->version), info->version);
	news |= copy(h->internet_ip, sizeof(h->internet_ip), info->internet_ip);
	news |= copy(h->intranet_ip, sizeof(h->intranet_ip), info->intranet_ip);
	if (info->instance_id[0])
		news |= copy(h->instance_id, sizeof(h->instance_id), info->instance_id);
	if (info->region[0])
		news |= copy(h->region, sizeof(h->region), info->region);
	return news;
}

static int do_info(struct core *c, void *arg)
{
	const struct told *a = arg;
	struct host host;
	struct agent agent;
	int r = store_host_get(c->store, a->host, &host);
	if (r == 0)
		r = store_agent_get(c->store, a->host, &agent);
	if (r == STORE_NOT_FOUND || (r == 0 && host.retired))
		return CORE_DENIED;
	if (r < 0)
		return r;
	presence_enforces(c, a->host, a->info->enforces);
	bool news = take_info(&host, a->info);
	bool health = copy(agent.health, sizeof(agent.health), a->info->health);
	if (!news && !health)
		return 0;
	r = store_begin(c->store);
	if (r == 0 && news)
		r = store_host_put(c->store, &host);
	if (r == 0 && health)
		r = store_agent_put(c->store, &agent);
	/* it is said again when the agent connects again */
	r = store_commit(c->store, STORE_REPLAYABLE);
	blocks_commit(c, r);
	return r;
}

int core_agent_info(struct core *c, uint32_t host, const struct agent_info *info)
{
	struct told a = {.host = host, .info = info};
	return core_call(c, do_info, &a);
}

static int do_set_address(struct core *c, void *arg)
{
	const struct fleet_address *address = arg;
	c->fleet_address = *address;
	return 0;
}

void core_fleet_address_set(struct core *c, const struct fleet_address *address)
{
	struct fleet_address a = *address;
	(void)core_call(c, do_set_address, &a);
}

static int do_get_address(struct core *c, void *arg)
{
	struct fleet_address *ret = arg;
	*ret = c->fleet_address;
	return 0;
}

void core_fleet_address(struct core *c, struct fleet_address *ret)
{
	struct fleet_address a = {0};
	(void)core_call(c, do_get_address, &a);
	*ret = a;
}
