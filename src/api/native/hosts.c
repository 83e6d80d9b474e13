/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/native/hosts.h"

#include <errno.h>

struct search {
	const char *which;
	struct host *found;
	unsigned n;
};

static int match(void *ctx, const struct host *h)
{
	struct search *s = ctx;
	if (h->retired)
		return 0;
	bool exact = strcmp(h->uuid, s->which) == 0;
	if (!exact && strcmp(h->name, s->which) != 0)
		return 0;
	*s->found = *h;
	s->n = exact ? 1 : s->n + 1;
	return exact ? 1 : 0;
}

int hosts_find(struct verb_call *call, const char *which, struct host *ret)
{
	struct host found;
	struct search s = {which, &found, 0};
	int r = store_host_each(core_store(call->core), call->account.id, match, &s);
	if (r < 0)
		return r;
	if (s.n == 0)
		return err_set(call->err, CORE_NOT_FOUND, "no server %s", which);
	if (s.n > 1)
		return err_set(call->err, CORE_INVALID,
			"%u servers are called %s: say which by its uuid (cordon hosts)", s.n,
			which);
	*ret = found;
	return 0;
}

int hosts_named(struct verb_call *call, const char *name, struct hosts_named *ret)
{
	const json_t *list = json_object_get(call->args, name);
	size_t n = json_array_size(list), i;
	json_t *one;
	*ret = (struct hosts_named){0};
	if (!list)
		return 0;
	if (n == 0 || n > HOSTS_NAMED_MAX)
		return err_set(
			call->err, CORE_INVALID, "%s: 1 to %d servers", name, HOSTS_NAMED_MAX);
	_cleanup_(freep) char(*uuids)[40] = calloc(n, sizeof(*uuids));
	if (!uuids)
		return -ENOMEM;
	json_array_foreach (list, i, one) {
		struct host h;
		const char *which = json_string_value(one);
		int r = which ? hosts_find(call, which, &h)
			      : err_set(call->err, CORE_INVALID, "%s: not a name", name);
		if (r != 0)
			return r;
		memcpy(uuids[i], h.uuid, sizeof(uuids[i]));
	}
	ret->n = (unsigned)n;
	ret->uuids = take(uuids);
	return 0;
}

static int count_host(void *ctx, const struct host *h)
{
	struct hosts_count *c = ctx;
	if (h->retired)
		return 0;
	c->all++;
	c->remote += h->remote;
	c->online += h->remote && h->agent_online;
	return 0;
}

int hosts_count(struct verb_call *call, struct hosts_count *ret)
{
	*ret = (struct hosts_count){0};
	return store_host_each(core_store(call->core), call->account.id, count_host, ret);
}
