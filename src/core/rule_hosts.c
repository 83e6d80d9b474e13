/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions about rules across servers: which rule holds where. A server has one
 * user's rule of its own, or the default ones; so many rules and servers there are that
 * both are read whole.
 */
#include "core/private.h"

#include <errno.h>

struct own {
	uint32_t host;
	int64_t rule;
};

/* An account's servers and rules at one moment. */
struct holding {
	struct store *store;
	struct targets hosts;
	struct own *own; /* by host; of retired ones, too */
	size_t own_count, own_size;
	struct rule *rules; /* latest first */
	size_t rule_count, rule_size;
};

static void holding_done(struct holding *h)
{
	targets_done(&h->hosts);
	free(h->own);
	free(h->rules);
}

static int add_own(void *ctx, uint32_t host, int64_t rule)
{
	struct holding *h = ctx;
	if (h->own_count == h->own_size) {
		size_t size = h->own_size ? h->own_size * 2 : 64;
		struct own *more = reallocarray(h->own, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		h->own = more;
		h->own_size = size;
	}
	h->own[h->own_count++] = (struct own){host, rule};
	return 0;
}

static int add_rule(void *ctx, const struct rule *r)
{
	struct holding *h = ctx;
	if (h->rule_count == h->rule_size) {
		size_t size = h->rule_size ? h->rule_size * 2 : 16;
		struct rule *more = reallocarray(h->rules, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		h->rules = more;
		h->rule_size = size;
	}
	h->rules[h->rule_count++] = *r;
	return 0;
}

static int latest_first(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	return x->id > y->id ? -1 : x->id < y->id;
}

static int read_all(struct store *s, int64_t account, struct holding *h)
{
	h->store = s;
	int r = store_rule_each(s, account, add_rule, h);
	if (r == 0)
		r = targets_all(s, account, &h->hosts);
	if (r == 0)
		r = store_rule_host_each(s, account, 0, add_own, h);
	if (r == 0 && h->rule_count > 0)
		qsort(h->rules, h->rule_count, sizeof(*h->rules), latest_first);
	return r;
}

/* 0: none. */
static int64_t own_of(const struct holding *h, uint32_t host)
{
	size_t low = 0, high = h->own_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (h->own[middle].host < host)
			low = middle + 1;
		else
			high = middle;
	}
	return low < h->own_count && h->own[low].host == host ? h->own[low].rule : 0;
}

static unsigned count_machines(const struct holding *h, const struct rule *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < h->hosts.n; i++) {
		int64_t own = own_of(h, h->hosts.ids[i]);
		n += r->source == RULE_BLINK || own == r->id ||
		     (own == 0 && r->is_default && r->enabled);
	}
	return n;
}

static bool is_meant(const struct core_rule_query *q, const struct rule *r)
{
	return (q->id == 0 || q->id == r->id) && (!q->name || strcasestr(r->name, q->name)) &&
	       (!q->users_only || r->source == RULE_USER);
}

static int hand_out(const struct holding *h, const struct core_rule_query *q,
	int (*fn)(void *ctx, const struct core_rule_row *row), void *ctx, int64_t *ret_total)
{
	int64_t total = 0;
	int r = 0;
	for (size_t i = 0; i < h->rule_count; i++) {
		const struct rule *rule = &h->rules[i];
		if (!is_meant(q, rule))
			continue;
		if (r == 0 && total >= q->offset && total - q->offset < q->limit) {
			struct core_rule_row row = {
				.rule = *rule, .machines = count_machines(h, rule)};
			r = fn(ctx, &row);
		}
		total++;
	}
	if (r == 0)
		*ret_total = total;
	return r;
}

int core_rules(struct core_reader *r, const struct core_rule_query *q,
	int (*fn)(void *ctx, const struct core_rule_row *row), void *ctx, int64_t *ret_total)
{
	_cleanup_(holding_done) struct holding h = {0};
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = read_all(r->store, q->account, &h);
	store_snapshot_end(r->store);
	return result == 0 ? hand_out(&h, q, fn, ctx, ret_total) : result;
}

static int add_host(void *ctx, uint32_t host, int64_t rule)
{
	(void)rule;
	return targets_add(ctx, host);
}

static int each_host(struct store *s, const struct targets *hosts,
	int (*fn)(void *ctx, const struct host *host), void *ctx)
{
	int r = 0;
	for (unsigned i = 0; i < hosts->n && r == 0; i++) {
		struct host h;
		r = store_host_get(s, hosts->ids[i], &h);
		if (r == 0 && !h.retired)
			r = fn(ctx, &h);
		else
			r = MIN_OF(r, 0);
	}
	return r;
}

int core_rule_hosts(struct core_reader *r, int64_t account, int64_t rule,
	int (*fn)(void *ctx, const struct host *host), void *ctx)
{
	_cleanup_(targets_done) struct targets hosts = {0};
	struct rule found;
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = store_rule_get(r->store, rule, &found);
	if (result == STORE_NOT_FOUND || (result == 0 && found.account != account))
		result = CORE_NOT_FOUND;
	if (result == 0)
		result = store_rule_host_each(r->store, account, rule, add_host, &hosts);
	if (result == 0)
		result = each_host(r->store, &hosts, fn, ctx);
	store_snapshot_end(r->store);
	return result;
}

/* Its own, or else the latest of the default ones; NULL: none. */
static const struct rule *rule_of(const struct holding *h, uint32_t host)
{
	int64_t own = own_of(h, host);
	for (size_t i = 0; i < h->rule_count; i++) {
		const struct rule *r = &h->rules[i];
		if (r->source == RULE_USER && (own ? r->id == own : r->is_default && r->enabled))
			return r;
	}
	return NULL;
}

struct telling {
	const struct holding *holding;
	int (*fn)(void *ctx, const struct host *host, const struct rule *rule);
	void *ctx;
};

static int tell_rule(void *ctx, const struct host *host)
{
	const struct telling *t = ctx;
	const struct rule *rule = rule_of(t->holding, host->id);
	return rule ? t->fn(t->ctx, host, rule) : 0;
}

int core_host_rules(struct core_reader *r, int64_t account, const char *const *uuids, unsigned n,
	int (*fn)(void *ctx, const struct host *host, const struct rule *rule), void *ctx)
{
	_cleanup_(holding_done) struct holding h = {0};
	_cleanup_(targets_done) struct targets named = {0};
	struct telling t = {.holding = &h, .fn = fn, .ctx = ctx};
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = read_all(r->store, account, &h);
	if (result == 0)
		result = targets_of(r->store, account, uuids, n, &named, NULL, NULL);
	if (result == 0)
		result = each_host(r->store, n > 0 ? &named : &h.hosts, tell_rule, &t);
	store_snapshot_end(r->store);
	return result;
}
