/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A custom block made or changed. Its servers are given anew each time; one that is no longer
 * named lets go.
 */
#include "core/custom_put.h"

#include "base/clock.h"
#include "core/custom.h"

void custom_put_done(struct custom_put *p)
{
	targets_done(&p->servers);
	never_done(&p->never);
}

int custom_put_prepare(struct custom_put *p)
{
	struct core *c = p->core;
	const struct core_custom_wish *wish = p->wish;
	if (wish->direction != BLOCK_IN && wish->direction != BLOCK_OUT)
		return err_set(p->err, CORE_INVALID, "direction: in or out");
	p->now = clock_now();
	if (wish->expires <= p->now)
		return err_set(p->err, CORE_INVALID, "the end lies in the past");
	int r = wish->n == 0 ? targets_all(c->store, p->who->account, &p->servers)
			     : targets_of(c->store, p->who->account, wish->uuids, wish->n,
				       &p->servers, p->ret_bad, p->err);
	p->here = c->host.id != 0 && targets_has(&p->servers, c->host.id);
	return r == 0 ? never_load(c, p->who->account, &p->never) : r;
}

static int find_old(const struct custom_put *p, const struct prefix *target,
	struct custom_block *ret, bool *ret_known)
{
	char text[PREFIX_TEXT_MAX];
	int r = store_custom_find(p->core->store, p->who->account, target, p->wish->direction, ret);
	if (r < 0)
		return r;
	*ret_known = r == 0;
	if (r == 0 && p->mode == CUSTOM_CREATE)
		return err_set(p->err, CORE_EXISTS, "there is a custom block of %s",
			prefix_format(target, text));
	if (r != 0 && p->mode == CUSTOM_MODIFY)
		return err_set(p->err, CORE_NOT_FOUND, "no custom block of %s",
			prefix_format(target, text));
	return 0;
}

/* What is changed while it is disabled stays so. One that had ended begins again. */
static bool stays_off(const struct custom_put *p, const struct custom_block *old)
{
	return p->mode == CUSTOM_MODIFY && old->id != 0 && !old->enabled && old->expires > p->now;
}

struct custom_block custom_put_changed(
	const struct custom_put *p, const struct prefix *target, const struct custom_block *old)
{
	struct custom_block cb = *old;
	cb.account = p->who->account;
	cb.target = *target;
	cb.direction = p->wish->direction;
	cb.enabled = !stays_off(p, old);
	cb.everywhere = p->wish->n == 0;
	cb.expires = p->wish->expires;
	cb.created = old->id ? old->created : p->now;
	cb.changed = p->now;
	(void)snprintf(cb.why, sizeof(cb.why), "%s", p->wish->why ? p->wish->why : "");
	return cb;
}

/* Servers that are no longer named let go. */
static int leave(const struct custom_put *p, const struct custom_block *cb)
{
	struct core *c = p->core;
	_cleanup_(targets_done) struct targets before = {0};
	int r = custom_servers(c, cb->id, &before);
	for (unsigned i = 0; i < before.n && r == 0; i++) {
		if (targets_has(&p->servers, before.ids[i]))
			continue;
		r = custom_drop(c, cb, before.ids[i]);
		if (r == 0)
			r = store_custom_target_remove(c->store, cb->id, before.ids[i]);
	}
	return r;
}

static int cover(const struct custom_put *p, const struct custom_block *cb)
{
	int r = 0;
	for (unsigned i = 0; i < p->servers.n && r == 0; i++) {
		r = store_custom_target_put(p->core->store, cb->id, p->servers.ids[i]);
		if (r == 0 && cb->enabled)
			r = custom_want(p->core, cb, p->servers.ids[i], false);
	}
	return r;
}

void custom_put_audit(
	const struct custom_put *p, const struct custom_block *old, const struct custom_block *cb)
{
	char object[PREFIX_TEXT_MAX], before[CUSTOM_TEXT_MAX] = "", after[CUSTOM_TEXT_MAX];
	if (old->id != 0)
		custom_text(old, old->servers, before);
	const struct change change = {.what = "block",
		.object = prefix_format(&cb->target, object),
		.before = before,
		.after = custom_text(cb, p->servers.n, after)};
	audit_change(p->core, p->who, &change, "by hand%s%s", cb->why[0] ? ": " : "", cb->why);
}

int custom_put_one(const struct custom_put *p, const struct prefix *target)
{
	struct custom_block old = {0};
	bool known = false;
	int r = find_old(p, target, &old, &known);
	if (r != 0)
		return r;
	if (!known)
		old = (struct custom_block){0};
	struct custom_block cb = custom_put_changed(p, target, &old);
	r = store_custom_put(p->core->store, &cb);
	if (r == 0 && known)
		r = leave(p, &cb);
	if (r == 0)
		r = cover(p, &cb);
	if (r == 0)
		custom_put_audit(p, &old, &cb);
	return r;
}

static int do_put(struct core *c, void *arg)
{
	_cleanup_(custom_put_done) struct custom_put p = *(struct custom_put *)arg;
	int r = custom_put_prepare(&p);
	const struct prefix target = prefix_of(&p.wish->target.addr, p.wish->target.len);
	if (r == 0)
		r = never_refuse(&p.never, p.here, &target, p.err);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	r = custom_put_one(&p, &target);
	blocks_arm_expiry(c, p.wish->expires);
	return operation_end(c, r);
}

int core_custom_put(struct core *c, const struct core_caller *who, enum core_custom_mode mode,
	const struct core_custom_wish *wish, unsigned *ret_bad, struct err *err)
{
	struct custom_put p = {
		.core = c, .who = who, .mode = mode, .wish = wish, .ret_bad = ret_bad, .err = err};
	return core_call(c, do_put, &p);
}
