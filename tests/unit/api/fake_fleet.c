/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The double's custom blocks and rules. Servers that are online acknowledge at once, others not at
 * all.
 */
#include "base/clock.h"
#include "fake_core.h"

#include <errno.h>

struct core_reader {
	struct core *core;
};

static struct host *find_host(struct core *c, int64_t account, const char *uuid)
{
	for (unsigned i = 0; i < c->host_count; i++)
		if (c->hosts[i].account == account && strcmp(c->hosts[i].uuid, uuid) == 0)
			return &c->hosts[i];
	return NULL;
}

/* Index of the first uuid the account has not; n when it has all. */
static unsigned find_bad(struct core *c, int64_t account, const char *const *uuids, unsigned n)
{
	unsigned i = 0;
	while (i < n && find_host(c, account, uuids[i]))
		i++;
	return i;
}

/* --- custom blocks --- */

static void count(struct core *c, struct fake_custom *f)
{
	struct custom_block *b = &f->block;
	bool on = b->enabled && b->expires > fake_now(c);
	b->servers = b->applied = 0;
	for (unsigned i = 0; i < FAKE_HOSTS; i++) {
		b->servers += f->covers[i];
		b->applied += f->covers[i] && f->states[i] == BLOCK_APPLIED;
	}
	b->status = !on ? CUSTOM_OFF : b->applied ? CUSTOM_ENABLED : CUSTOM_FAILED;
}

static void order(struct core *c, struct fake_custom *f, unsigned host, bool on)
{
	bool online = c->hosts[host].agent_online;
	f->states[host] = !on ? BLOCK_CANCELED : online ? BLOCK_APPLIED : BLOCK_WANTED;
	(void)snprintf(f->errors[host], sizeof(f->errors[host]), "%s",
		on && !online ? "AliNetNotOnline" : "");
}

static struct fake_custom *find_custom(struct core *c, int64_t account, const struct prefix *target,
	enum block_direction direction)
{
	for (unsigned i = 0; i < c->custom_count; i++) {
		struct custom_block *b = &c->customs[i].block;
		if (b->id && b->account == account && b->direction == direction &&
			prefix_eq(&b->target, target))
			return &c->customs[i];
	}
	return NULL;
}

static struct fake_custom *new_custom(struct core *c, int64_t account, const struct prefix *target,
	enum block_direction direction)
{
	struct fake_custom *f = &c->customs[c->custom_count++];
	*f = (struct fake_custom){.block = {.id = 300 + (int64_t)c->custom_count,
					  .account = account,
					  .target = *target,
					  .direction = direction,
					  .enabled = true,
					  .created = fake_now(c)}};
	return f;
}

struct fake_custom *fake_core_custom(struct core *c, const struct host *h, const char *target)
{
	struct prefix p;
	(void)prefix_parse(slice_of(target), &p);
	struct fake_custom *f = new_custom(c, h->account, &p, BLOCK_IN);
	f->block.expires = fake_now(c) + MS_HOUR;
	f->block.changed = fake_now(c) - MS_HOUR + c->custom_count * MS_MINUTE;
	f->covers[h->id - 1] = true;
	order(c, f, h->id - 1, true);
	count(c, f);
	return f;
}

static bool is_listed(const char *lines, const char *text)
{
	char copy[256], *rest = copy;
	(void)snprintf(copy, sizeof(copy), "%s", lines);
	for (char *line; (line = strsep(&rest, "\n"));)
		if (strcmp(line, text) == 0)
			return true;
	return false;
}

static bool is_of_projects(const struct core *c, const struct fake_custom *f, const char *projects)
{
	for (unsigned i = 0; projects && projects[0] && i < c->host_count; i++)
		if (f->covers[i] && !is_listed(projects, c->hosts[i].enterprise_project))
			return false;
	return true;
}

static bool custom_matches(
	const struct core *c, const struct custom_query *q, const struct fake_custom *f)
{
	const struct custom_block *b = &f->block;
	return b->id && b->account == q->account &&
	       (!q->has_status || q->has_status == (int)b->status + 1) &&
	       (!q->has_direction || q->has_direction == (int)b->direction + 1) &&
	       (!q->has_target || prefix_eq(&b->target, &q->target)) &&
	       is_of_projects(c, f, q->enterprise_projects);
}

static int latest_first(const void *a, const void *b)
{
	const struct fake_custom *x = *(const struct fake_custom *const *)a;
	const struct fake_custom *y = *(const struct fake_custom *const *)b;
	if (x->block.changed != y->block.changed)
		return x->block.changed < y->block.changed ? 1 : -1;
	return x->block.id < y->block.id ? 1 : -1;
}

int core_customs(struct core_reader *r, const struct custom_query *q,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx, int64_t *ret_total)
{
	struct core *c = r->core;
	const struct fake_custom *found[FAKE_CUSTOMS];
	unsigned n = 0;
	int stopped = 0;
	if (c->fail || (q->has_target && fake_is_fault(&q->target.addr)))
		return c->fail ? c->fail : -EIO;
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->custom_count; i++)
		if (custom_matches(c, q, &c->customs[i]))
			found[n++] = &c->customs[i];
	qsort(found, n, sizeof(found[0]), latest_first);
	*ret_total = n;
	for (int64_t i = q->offset; !stopped && i < n && i - q->offset < q->limit; i++)
		stopped = fn(ctx, &found[i]->block);
	(void)pthread_mutex_unlock(&c->lock);
	return stopped;
}

int core_custom_find(struct core_reader *r, int64_t account, const struct prefix *target,
	enum block_direction direction, struct custom_block *ret)
{
	(void)pthread_mutex_lock(&r->core->lock);
	const struct fake_custom *f = find_custom(r->core, account, target, direction);
	if (f)
		*ret = f->block;
	(void)pthread_mutex_unlock(&r->core->lock);
	return f ? 0 : CORE_NOT_FOUND;
}

int core_custom_instances(struct core_reader *r, const struct custom_block *cb,
	int (*fn)(void *ctx, const struct core_custom_instance *i), void *ctx)
{
	struct core *c = r->core;
	int stopped = 0;
	(void)pthread_mutex_lock(&c->lock);
	const struct fake_custom *f = find_custom(c, cb->account, &cb->target, cb->direction);
	for (unsigned i = 0; f && !stopped && i < c->host_count; i++) {
		if (!f->covers[i])
			continue;
		struct core_custom_instance instance = {
			.host = c->hosts[i], .state = f->states[i], .error = f->errors[i]};
		stopped = fn(ctx, &instance);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return stopped;
}

static int put_custom(struct core *c, int64_t account, enum core_custom_mode mode,
	const struct core_custom_wish *w, unsigned *ret_bad)
{
	struct fake_custom *f = find_custom(c, account, &w->target, w->direction);
	unsigned bad = find_bad(c, account, w->uuids, w->n);
	if (bad < w->n) {
		*ret_bad = bad;
		return CORE_NOT_FOUND;
	}
	if (f && mode == CUSTOM_CREATE)
		return CORE_EXISTS;
	if (!f && mode == CUSTOM_MODIFY)
		return CORE_NOT_FOUND;
	if (!f)
		f = new_custom(c, account, &w->target, w->direction);
	f->block.expires = w->expires;
	f->block.changed = fake_now(c);
	f->block.enabled = true;
	memset(f->covers, 0, sizeof(f->covers));
	for (unsigned i = 0; i < w->n; i++) {
		unsigned host = find_host(c, account, w->uuids[i])->id - 1;
		f->covers[host] = true;
		order(c, f, host, true);
	}
	count(c, f);
	return 0;
}

int core_custom_put(struct core *c, const struct core_caller *who, enum core_custom_mode mode,
	const struct core_custom_wish *wish, unsigned *ret_bad, struct err *err)
{
	int r = fake_change(c, who, err);
	if (r == 0 && fake_is_fault(&wish->target.addr))
		r = -EIO;
	if (r != 0)
		return r;
	(void)pthread_mutex_lock(&c->lock);
	r = put_custom(c, who->account, mode, wish, ret_bad);
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

int core_custom_remove(struct core *c, const struct core_caller *who, int64_t id, struct err *err)
{
	int r = fake_change(c, who, err);
	if (r != 0 || id == FAKE_FAULT_ID)
		return r ? r : -EIO;
	r = CORE_NOT_FOUND;
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->custom_count; i++) {
		struct custom_block *b = &c->customs[i].block;
		if (b->id == id && b->account == who->account) {
			b->id = 0;
			r = 0;
		}
	}
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

static int set_enabled(struct core *c, struct fake_custom *f, const char *uuid, bool enabled)
{
	bool any = false;
	for (unsigned i = 0; i < c->host_count; i++) {
		if (!f->covers[i] || (uuid && strcmp(c->hosts[i].uuid, uuid) != 0))
			continue;
		order(c, f, i, enabled);
		any = true;
	}
	if (!any)
		return CORE_NOT_FOUND;
	f->block.enabled = enabled || (uuid && f->block.enabled);
	f->block.changed = fake_now(c);
	count(c, f);
	return 0;
}

int core_custom_set_enabled(struct core *c, const struct core_caller *who,
	const struct prefix *target, enum block_direction direction, const char *uuid, bool enabled,
	struct err *err)
{
	int r = fake_change(c, who, err);
	if (r == 0 && fake_is_fault(&target->addr))
		r = -EIO;
	if (r != 0)
		return r;
	(void)pthread_mutex_lock(&c->lock);
	struct fake_custom *f = find_custom(c, who->account, target, direction);
	if (!f)
		r = CORE_NOT_FOUND;
	else if (enabled && f->block.expires <= fake_now(c))
		r = err_set(err, CORE_INVALID, "its time is over");
	else
		r = set_enabled(c, f, uuid, enabled);
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

/* --- rules --- */

struct rule *fake_core_rule(struct core *c, int64_t account, const char *name)
{
	struct rule *r = &c->rules[c->rule_count++];
	*r = (struct rule){.id = 10 + (int64_t)c->rule_count,
		.account = account,
		.source = RULE_USER,
		.span = 5 * MS_MINUTE,
		.fail_count = 5,
		.forbidden = MS_HOUR,
		.services = SERVICE_BIT(SERVICE_SSH),
		.enabled = true,
		.created = fake_now(c)};
	(void)snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

static struct rule *find_rule(struct core *c, int64_t account, int64_t id)
{
	for (unsigned i = 0; id && i < c->rule_count; i++)
		if (c->rules[i].id == id && c->rules[i].account == account)
			return &c->rules[i];
	return NULL;
}

/* The rule that holds on a host. */
static const struct rule *rule_of(struct core *c, const struct host *h)
{
	const struct rule *own = find_rule(c, h->account, c->host_rules[h->id - 1]);
	for (unsigned i = 0; !own && i < c->rule_count; i++)
		if (c->rules[i].id && c->rules[i].account == h->account && c->rules[i].is_default)
			own = &c->rules[i];
	return own;
}

static unsigned machines(struct core *c, const struct rule *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->host_count; i++)
		n += c->hosts[i].account == r->account && rule_of(c, &c->hosts[i]) == r;
	return n;
}

int core_rules(struct core_reader *r, const struct core_rule_query *q,
	int (*fn)(void *ctx, const struct core_rule_row *row), void *ctx, int64_t *ret_total)
{
	struct core *c = r->core;
	int64_t n = 0;
	if (c->fail || q->id == FAKE_FAULT_ID || (q->name && strcmp(q->name, FAKE_FAULT) == 0))
		return c->fail ? c->fail : -EIO;
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = c->rule_count; i-- > 0;) {
		const struct rule *rule = &c->rules[i];
		if (!rule->id || rule->account != q->account || (q->id && rule->id != q->id) ||
			(q->name && !strstr(rule->name, q->name)))
			continue;
		struct core_rule_row row = {*rule, machines(c, rule)};
		if (n >= q->offset && n - q->offset < q->limit)
			(void)fn(ctx, &row);
		n++;
	}
	(void)pthread_mutex_unlock(&c->lock);
	*ret_total = n;
	return 0;
}

int core_rule_hosts(struct core_reader *r, int64_t account, int64_t rule,
	int (*fn)(void *ctx, const struct host *host), void *ctx)
{
	struct core *c = r->core;
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->host_count; i++)
		if (c->hosts[i].account == account && c->host_rules[i] == rule)
			(void)fn(ctx, &c->hosts[i]);
	(void)pthread_mutex_unlock(&c->lock);
	return 0;
}

static bool is_named(const struct host *h, const char *const *uuids, unsigned n)
{
	bool named = n == 0;
	for (unsigned i = 0; i < n; i++)
		named = named || strcmp(uuids[i], h->uuid) == 0;
	return named;
}

int core_host_rules(struct core_reader *r, int64_t account, const char *const *uuids, unsigned n,
	int (*fn)(void *ctx, const struct host *host, const struct rule *rule), void *ctx)
{
	struct core *c = r->core;
	if (n > 0 && find_bad(c, account, uuids, n) < n)
		return CORE_NOT_FOUND;
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->host_count; i++) {
		const struct host *h = &c->hosts[i];
		const struct rule *rule = h->account == account ? rule_of(c, h) : NULL;
		if (rule && is_named(h, uuids, n))
			(void)fn(ctx, h, rule);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return 0;
}

static bool is_taken(const struct core *c, const struct rule *rule)
{
	for (unsigned i = 0; i < c->rule_count; i++) {
		const struct rule *r = &c->rules[i];
		if (r->id && r->id != rule->id && r->account == rule->account &&
			strcmp(r->name, rule->name) == 0)
			return true;
	}
	return false;
}

static int put_rule(
	struct core *c, struct rule *rule, const char *const *uuids, unsigned n, unsigned *ret_bad)
{
	unsigned bad = find_bad(c, rule->account, uuids, n);
	struct rule *at = rule->id ? find_rule(c, rule->account, rule->id) : NULL;
	if (is_taken(c, rule))
		return CORE_EXISTS;
	if (rule->id && !at)
		return CORE_NOT_FOUND;
	if (bad < n) {
		*ret_bad = bad;
		return CORE_NOT_FOUND;
	}
	if (!at) {
		at = fake_core_rule(c, rule->account, rule->name);
		rule->id = at->id;
	}
	*at = *rule;
	for (unsigned i = 0; uuids && i < FAKE_HOSTS; i++)
		if (c->host_rules[i] == rule->id)
			c->host_rules[i] = 0;
	for (unsigned i = 0; i < n; i++)
		c->host_rules[find_host(c, rule->account, uuids[i])->id - 1] = rule->id;
	return 0;
}

int core_rule_put(struct core *c, const struct core_caller *who, struct rule *rule,
	const char *const *uuids, unsigned n, unsigned *ret_bad, struct err *err)
{
	int r = fake_change(c, who, err);
	if (r == 0 && strcmp(rule->name, FAKE_FAULT) == 0)
		r = -EIO;
	if (r != 0)
		return r;
	rule->account = who->account;
	(void)pthread_mutex_lock(&c->lock);
	r = put_rule(c, rule, uuids, n, ret_bad);
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

int core_rules_remove(struct core *c, const struct core_caller *who, const int64_t *ids, unsigned n,
	struct err *err)
{
	int r = fake_change(c, who, err);
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; r == 0 && i < n; i++)
		if (!find_rule(c, who->account, ids[i]))
			r = CORE_NOT_FOUND;
	for (unsigned i = 0; r == 0 && i < n; i++) {
		struct rule *rule = find_rule(c, who->account, ids[i]);
		for (unsigned h = 0; h < FAKE_HOSTS; h++)
			if (c->host_rules[h] == ids[i])
				c->host_rules[h] = 0;
		if (rule)
			rule->id = 0;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

int core_host_rule_set(struct core *c, const struct core_caller *who, const char *uuid,
	int64_t rule, struct err *err)
{
	int r = fake_change(c, who, err);
	if (r != 0 || rule == FAKE_FAULT_ID)
		return r ? r : -EIO;
	(void)pthread_mutex_lock(&c->lock);
	const struct host *h = find_host(c, who->account, uuid);
	if (h && (!rule || find_rule(c, who->account, rule)))
		c->host_rules[h->id - 1] = rule;
	else
		r = CORE_NOT_FOUND;
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}
