/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules made, changed and removed, and given to servers. What the configuration file fixes
 * is changed there; an agent's are made on its server.
 */
#include "base/clock.h"
#include "core/private.h"

struct rule_change {
	const struct core_caller *who;
	struct rule *rule;
	const char *const *uuids;
	unsigned uuid_count;
	unsigned *ret_bad;
	struct err *err;
	struct rule old; /* id 0: none */
};

#define RULE_TEXT_MAX 256

static const char *describe(const struct rule *r, char text[static RULE_TEXT_MAX])
{
	char services[64] = "", forbidden[32] = "for ever";
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++)
		if (r->services & SERVICE_BIT(s)) {
			size_t n = strlen(services);
			(void)snprintf(services + n, sizeof(services) - n, "%s%s", n ? " " : "",
				service_name(s));
		}
	if (r->forbidden < RULE_PERMANENT)
		(void)snprintf(forbidden, sizeof(forbidden), "%lld s",
			(long long)(r->forbidden / MS_SECOND));
	(void)snprintf(text, RULE_TEXT_MAX, "%u in %lld s, %s, %s%s%s", r->fail_count,
		(long long)(r->span / MS_SECOND), forbidden, services,
		r->is_default ? ", default" : "", r->enabled ? "" : ", off");
	return text;
}

/* With the file's they fit what an agent is told at once. */
#define EVERYWHERE_MAX (WISHES_RULES_MAX - SETTINGS_RULES_MAX)

struct counting {
	const struct core *core;
	const struct rule *put;
	unsigned all, everywhere; /* others than the one that is put, and the file's */
};

static int count_rule(void *ctx, const struct rule *r)
{
	struct counting *n = ctx;
	bool everywhere = r->source == RULE_USER && r->is_default && r->enabled;
	n->all++;
	n->everywhere += everywhere && r->id != n->put->id &&
			 !rules_is_configured(n->core, r->account, r->name);
	return 0;
}

/* What does not fit could not be loaded at the next start, or not reach the agents. */
static int check_room(struct core *c, const struct rule_change *a)
{
	struct counting n = {.core = c, .put = a->rule};
	int r = store_rule_each(c->store, a->who->account, count_rule, &n);
	if (r != 0)
		return r;
	if (a->rule->id == 0 && n.all + SETTINGS_RULES_MAX + 1 >= RULES_MAX)
		return err_set(a->err, CORE_INVALID, "there are %u rules: no more, please", n.all);
	if (a->rule->is_default && a->rule->enabled && n.everywhere >= EVERYWHERE_MAX)
		return err_set(a->err, CORE_INVALID,
			"%u rules hold wherever there is no other: no more, please", n.everywhere);
	return 0;
}

struct search {
	const char *name;
	struct rule found;
};

static int match_name(void *ctx, const struct rule *r)
{
	struct search *s = ctx;
	if (r->source != RULE_USER || strcmp(r->name, s->name) != 0)
		return 0;
	s->found = *r;
	return 1;
}

static int check_rule(const struct rule *r, struct err *err)
{
	if (!r->name[0])
		return err_set(err, CORE_INVALID, "a rule needs a name");
	if (r->fail_count < 1 || r->fail_count > 1000)
		return err_set(err, CORE_INVALID, "failures: 1 to 1000");
	if (r->span < MS_SECOND || r->span > MS_DAY)
		return err_set(err, CORE_INVALID, "span: 1s to 24h");
	if (r->forbidden < MS_SECOND)
		return err_set(err, CORE_INVALID, "block time: 1s or more");
	if ((r->services & SERVICE_ALL) == 0)
		return err_set(err, CORE_INVALID, "a rule needs a service");
	return 0;
}

static int check_source(
	const struct core *c, const struct core_caller *who, const struct rule *r, struct err *err)
{
	if (r->source == RULE_BLINK)
		return err_set(err, CORE_INVALID,
			"the system rule is changed in the configuration file (system_rule)");
	if (rules_is_configured(c, who->account, r->name))
		return err_set(err, CORE_INVALID, "rule %s is in the configuration file", r->name);
	return 0;
}

/* A user's rule of the account that the file does not fix. */
static int find_rule(struct core *c, const struct core_caller *who, int64_t id, struct rule *ret,
	struct err *err)
{
	int r = store_rule_get(c->store, id, ret);
	if (r == STORE_NOT_FOUND || (r == 0 && ret->account != who->account))
		return err_set(err, CORE_NOT_FOUND, "no rule %lld", (long long)id);
	return r == 0 ? check_source(c, who, ret, err) : r;
}

static int check_name(struct core *c, const struct rule_change *a)
{
	struct search search = {.name = a->rule->name};
	struct rule named = *a->rule;
	named.source = strcmp(named.name, c->system_rule.name) == 0 ? RULE_BLINK : RULE_USER;
	int r = check_source(c, a->who, &named, a->err);
	if (r == 0)
		r = store_rule_each(c->store, a->who->account, match_name, &search);
	if (r == 1 && search.found.id == a->rule->id)
		return 0;
	return r == 1 ? err_set(a->err, CORE_EXISTS, "there is a rule %s", a->rule->name) : r;
}

static int add_host(void *ctx, uint32_t host, int64_t rule)
{
	(void)rule;
	return targets_add(ctx, host);
}

/* These servers have it of their own now, and no others. */
static int give(struct core *c, const struct rule_change *a, const struct targets *on)
{
	_cleanup_(targets_done) struct targets before = {0};
	int r = store_rule_host_each(c->store, a->who->account, a->rule->id, add_host, &before);
	for (unsigned i = 0; i < before.n && r == 0; i++)
		if (!targets_has(on, before.ids[i]))
			r = store_rule_host_put(c->store, before.ids[i], 0);
	for (unsigned i = 0; i < on->n && r == 0; i++)
		r = store_rule_host_put(c->store, on->ids[i], a->rule->id);
	return r;
}

static int check_put(struct core *c, struct rule_change *a, struct targets *on)
{
	int r = operation_not_agents(c, a->err);
	if (r == 0)
		r = check_rule(a->rule, a->err);
	if (r == 0 && a->rule->id != 0)
		r = find_rule(c, a->who, a->rule->id, &a->old, a->err);
	if (r == 0)
		r = check_name(c, a);
	if (r == 0)
		r = check_room(c, a);
	if (r == 0 && a->uuids)
		r = targets_of(
			c->store, a->who->account, a->uuids, a->uuid_count, on, a->ret_bad, a->err);
	return r;
}

static void audit_put(struct core *c, const struct rule_change *a, const struct targets *on)
{
	char before[RULE_TEXT_MAX] = "", after[RULE_TEXT_MAX], servers[48] = "";
	if (a->old.id)
		describe(&a->old, before);
	if (a->uuids)
		(void)snprintf(
			servers, sizeof(servers), "on %u server%s", on->n, on->n == 1 ? "" : "s");
	const struct change change = {.what = a->old.id ? "rule.change" : "rule.add",
		.object = a->rule->name,
		.before = before,
		.after = describe(a->rule, after)};
	audit_change(c, a->who, &change, "%s", servers);
}

/* The change is stored: what this machine detects by follows. */
static int end(struct core *c, int r)
{
	r = operation_end(c, r);
	return r == 0 ? rules_load(c) : r;
}

static int do_rule_put(struct core *c, void *arg)
{
	struct rule_change *a = arg;
	_cleanup_(targets_done) struct targets on = {0};
	int64_t id = a->rule->id;
	int r = check_put(c, a, &on);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	a->rule->account = a->who->account;
	a->rule->source = RULE_USER;
	a->rule->created = a->old.id ? a->old.created : clock_now();
	r = store_rule_put(c->store, a->rule);
	if (r == 0 && a->uuids)
		r = give(c, a, &on);
	audit_put(c, a, &on);
	rules_touch(c, a->who->account);
	r = end(c, r);
	if (r != 0)
		a->rule->id = id;
	return r;
}

int core_rule_put(struct core *c, const struct core_caller *who, struct rule *rule,
	const char *const *uuids, unsigned n, unsigned *ret_bad, struct err *err)
{
	struct rule_change a = {.who = who,
		.rule = rule,
		.uuids = uuids,
		.uuid_count = n,
		.ret_bad = ret_bad,
		.err = err};
	return core_call(c, do_rule_put, &a);
}

struct rule_removal {
	const struct core_caller *who;
	const int64_t *ids;
	unsigned n;
	const char *name; /* instead of ids */
	struct err *err;
};

static bool is_first(const struct rule_removal *a, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (a->ids[i] == a->ids[at])
			return false;
	return true;
}

static int remove_one(struct core *c, const struct rule_removal *a, int64_t id)
{
	struct rule old;
	char before[RULE_TEXT_MAX];
	int r = find_rule(c, a->who, id, &old, a->err);
	if (r != 0)
		return r;
	const struct change change = {
		.what = "rule.remove", .object = old.name, .before = describe(&old, before)};
	audit_change(c, a->who, &change, "%s", "");
	return store_rule_remove(c->store, id); /* takes it from its servers, too */
}

static int do_rules_remove(struct core *c, void *arg)
{
	const struct rule_removal *a = arg;
	int r = operation_not_agents(c, a->err);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	for (unsigned i = 0; i < a->n && r == 0; i++)
		if (is_first(a, i))
			r = remove_one(c, a, a->ids[i]);
	rules_touch(c, a->who->account);
	return end(c, r);
}

int core_rules_remove(struct core *c, const struct core_caller *who, const int64_t *ids, unsigned n,
	struct err *err)
{
	struct rule_removal a = {.who = who, .ids = ids, .n = n, .err = err};
	return n == 0 ? 0 : core_call(c, do_rules_remove, &a);
}

static int do_rule_remove(struct core *c, void *arg)
{
	struct rule_removal a = *(struct rule_removal *)arg;
	struct search search = {.name = a.name};
	int r = operation_not_agents(c, a.err);
	if (r == 0 && strcmp(a.name, c->system_rule.name) == 0)
		r = check_source(c, a.who, &c->system_rule, a.err);
	if (r != 0)
		return r;
	r = store_rule_each(c->store, a.who->account, match_name, &search);
	if (r == 0)
		return err_set(a.err, CORE_NOT_FOUND, "no rule %s", a.name);
	if (r < 0)
		return r;
	a.ids = &search.found.id;
	a.n = 1;
	return do_rules_remove(c, &a);
}

int core_rule_remove(
	struct core *c, const struct core_caller *who, const char *name, struct err *err)
{
	struct rule_removal a = {.who = who, .name = name, .err = err};
	return core_call(c, do_rule_remove, &a);
}

struct host_rule {
	const struct core_caller *who;
	const char *uuid;
	int64_t rule;
	struct err *err;
};

/* A rule of the account, the file's too: it may be given to a server. */
static int find_given(struct core *c, const struct host_rule *a, struct rule *ret)
{
	int r = a->rule ? store_rule_get(c->store, a->rule, ret) : 0;
	if (r == 0 && a->rule && (ret->account != a->who->account || ret->source != RULE_USER))
		r = STORE_NOT_FOUND;
	return r == STORE_NOT_FOUND
		       ? err_set(a->err, CORE_NOT_FOUND, "no rule %lld", (long long)a->rule)
		       : r;
}

static int old_name(struct core *c, uint32_t host, struct rule *ret)
{
	int64_t id = 0;
	int r = store_rule_host_get(c->store, host, &id);
	return r == 0 ? store_rule_get(c->store, id, ret) : r;
}

static int do_host_rule_set(struct core *c, void *arg)
{
	const struct host_rule *a = arg;
	struct host host;
	struct rule rule = {.name = "default"}, old = {.name = "default"};
	int r = operation_not_agents(c, a->err);
	if (r == 0)
		r = targets_find(c->store, a->who->account, a->uuid, &host);
	if (r == CORE_NOT_FOUND)
		return err_set(a->err, r, "no server %s", a->uuid);
	if (r == 0)
		r = find_given(c, a, &rule);
	if (r == 0)
		r = MIN_OF(old_name(c, host.id, &old), 0);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	r = store_rule_host_put(c->store, host.id, a->rule);
	const struct change change = {
		.what = "rule.use", .object = host.name, .before = old.name, .after = rule.name};
	audit_change(c, a->who, &change, "%s", host.uuid);
	rules_touch(c, a->who->account);
	return end(c, r);
}

int core_host_rule_set(struct core *c, const struct core_caller *who, const char *uuid,
	int64_t rule, struct err *err)
{
	struct host_rule a = {.who = who, .uuid = uuid, .rule = rule, .err = err};
	return core_call(c, do_host_rule_set, &a);
}
