/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Custom blocks enabled, disabled and removed. */
#include "base/clock.h"
#include "core/custom.h"
#include "core/never.h"
#include "core/private.h"

struct custom_change {
	const struct core_caller *who;
	int64_t id;
	const struct prefix *target;
	enum block_direction direction;
	const char *uuid; /* NULL: on all its servers */
	bool enabled;
	struct err *err;

	struct custom_block cb;
	struct targets on; /* the servers it is about */
};

static void audit_custom(struct core *c, const struct custom_change *a, const char *what,
	const struct custom_block *before, const struct custom_block *after)
{
	char object[PREFIX_TEXT_MAX], old[CUSTOM_TEXT_MAX] = "", new[CUSTOM_TEXT_MAX] = "";
	if (before)
		custom_text(before, before->servers, old);
	if (after)
		custom_text(after, after->servers, new);
	const struct change change = {.what = what,
		.object = prefix_format(&a->cb.target, object),
		.before = old,
		.after = new};
	audit_change(c, a->who, &change, "%s%s", a->uuid ? "on " : "", a->uuid ? a->uuid : "");
}

static int drop_all(struct core *c, const struct custom_change *a)
{
	int r = 0;
	for (unsigned i = 0; i < a->on.n && r == 0; i++)
		r = custom_drop(c, &a->cb, a->on.ids[i]);
	return r;
}

static int do_remove(struct core *c, void *arg)
{
	struct custom_change *a = arg;
	_cleanup_(targets_done) struct targets on = {0};
	int r = store_custom_get(c->store, a->id, &a->cb);
	if (r == STORE_NOT_FOUND || (r == 0 && a->cb.account != a->who->account))
		return err_set(a->err, CORE_NOT_FOUND, "no such custom block");
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	r = custom_servers(c, a->id, &on);
	a->on = on;
	if (r == 0)
		r = drop_all(c, a);
	if (r == 0)
		r = store_custom_remove(c->store, a->id);
	audit_custom(c, a, "block.remove", &a->cb, NULL);
	return operation_end(c, r);
}

int core_custom_remove(struct core *c, const struct core_caller *who, int64_t id, struct err *err)
{
	struct custom_change a = {.who = who, .id = id, .err = err};
	return core_call(c, do_remove, &a);
}

/* The block, and those of its servers it is about. */
static int find(struct core *c, struct custom_change *a)
{
	char text[PREFIX_TEXT_MAX];
	struct host host;
	_cleanup_(targets_done) struct targets all = {0};
	int r = store_custom_find(c->store, a->who->account, a->target, a->direction, &a->cb);
	if (r == STORE_NOT_FOUND)
		return err_set(a->err, CORE_NOT_FOUND, "no custom block of %s",
			prefix_format(a->target, text));
	if (r == 0)
		r = custom_servers(c, a->cb.id, &all);
	if (r != 0 || !a->uuid) {
		a->on = all;
		all = (struct targets){0};
		return r;
	}
	r = targets_find(c->store, a->who->account, a->uuid, &host);
	if (r < 0)
		return r;
	if (r != 0 || !targets_has(&all, host.id))
		return err_set(a->err, CORE_NOT_FOUND, "%s is not for server %s",
			prefix_format(a->target, text), a->uuid);
	return targets_add(&a->on, host.id);
}

static int may_enable(struct core *c, const struct custom_change *a)
{
	_cleanup_(never_done) struct never never = {0};
	if (a->cb.expires <= clock_now())
		return err_set(a->err, CORE_INVALID, "its time is over");
	int r = never_load(c, a->who->account, &never);
	bool here = c->host.id != 0 && targets_has(&a->on, c->host.id);
	return r == 0 ? never_refuse(&never, here, &a->cb.target, a->err) : r;
}

static int enable(struct core *c, struct custom_change *a)
{
	int r = 0;
	a->cb.enabled = true;
	a->cb.changed = clock_now();
	if (!a->uuid && a->cb.everywhere) /* those that came while it was off */
		r = targets_all(c->store, a->who->account, &a->on);
	if (r == 0)
		r = store_custom_put(c->store, &a->cb);
	for (unsigned i = 0; i < a->on.n && r == 0; i++) {
		r = store_custom_target_put(c->store, a->cb.id, a->on.ids[i]);
		if (r == 0)
			r = custom_want(c, &a->cb, a->on.ids[i], a->uuid != NULL);
	}
	blocks_arm_expiry(c, a->cb.expires);
	return r;
}

static int disable(struct core *c, struct custom_change *a)
{
	unsigned disabled = 0;
	int r = drop_all(c, a);
	if (r != 0 || a->uuid)
		return r == 0 ? custom_lifted(c, a->who, a->cb.id, &disabled) : r;
	a->cb.enabled = false;
	a->cb.changed = clock_now();
	return store_custom_put(c->store, &a->cb);
}

static int do_set_enabled(struct core *c, void *arg)
{
	struct custom_change *a = arg;
	int r = find(c, a);
	if (r == 0 && a->enabled)
		r = may_enable(c, a);
	if (r == 0)
		r = store_begin(c->store);
	if (r == 0) {
		struct custom_block before = a->cb;
		r = a->enabled ? enable(c, a) : disable(c, a);
		audit_custom(c, a, a->enabled ? "block.enable" : "block.disable", &before, &a->cb);
		r = operation_end(c, r);
	}
	targets_done(&a->on);
	return r;
}

int core_custom_set_enabled(struct core *c, const struct core_caller *who,
	const struct prefix *target, enum block_direction direction, const char *uuid, bool enabled,
	struct err *err)
{
	struct custom_change a = {.who = who,
		.target = target,
		.direction = direction,
		.uuid = uuid,
		.enabled = enabled,
		.err = err};
	return core_call(c, do_set_enabled, &a);
}
