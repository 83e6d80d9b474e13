/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A custom block's life between what people do: servers come and go, and it ends. */
#include "core/custom.h"

#include "base/clock.h"
#include "core/private.h"

#include <errno.h>

#define EXPIRE_AT_ONCE 1024
#define NO_LIMIT       ((int64_t)1 << 40)

void custom_ids_done(struct custom_ids *ids)
{
	free(ids->ids);
	*ids = (struct custom_ids){0};
}

int custom_ids_add(struct custom_ids *ids, int64_t id)
{
	if (ids->n == ids->size) {
		unsigned size = ids->size ? ids->size * 2 : 16;
		int64_t *more = reallocarray(ids->ids, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		ids->ids = more;
		ids->size = size;
	}
	ids->ids[ids->n++] = id;
	return 0;
}

static int smaller_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

void custom_ids_sort(struct custom_ids *ids)
{
	unsigned n = 0;
	if (ids->n == 0)
		return;
	qsort(ids->ids, ids->n, sizeof(*ids->ids), smaller_first);
	for (unsigned i = 1; i < ids->n; i++)
		if (ids->ids[i] != ids->ids[n])
			ids->ids[++n] = ids->ids[i];
	ids->n = n + 1;
}

const char *custom_text(
	const struct custom_block *cb, uint32_t servers, char text[static CUSTOM_TEXT_MAX])
{
	char until[CLOCK_TEXT_MAX], on[32];
	if (cb->everywhere)
		(void)snprintf(on, sizeof(on), "every server");
	else
		(void)snprintf(on, sizeof(on), "%u server%s", servers, servers == 1 ? "" : "s");
	(void)snprintf(text, CUSTOM_TEXT_MAX, "%s%s on %s %s%s%s%s", cb->enabled ? "" : "off, ",
		cb->direction == BLOCK_OUT ? "out" : "in", on,
		cb->expires == BLOCK_FOREVER ? "for ever" : "until ",
		cb->expires == BLOCK_FOREVER ? "" : clock_format(cb->expires, until),
		cb->why[0] ? ": " : "", cb->why);
	return text;
}

static bool is_as_wanted(const struct block *b, const struct custom_block *cb)
{
	return block_is_active(b->state) && b->expires == cb->expires &&
	       strcmp(b->rule_name, cb->why) == 0;
}

int custom_want(struct core *c, const struct custom_block *cb, uint32_t host, bool anew)
{
	struct block b = {0};
	int64_t now = clock_now();
	int r = store_block_find(c->store, host, &cb->target, SERVICE_NONE, cb->direction, &b);
	if (r < 0 || (r == 0 && !anew && is_as_wanted(&b, cb)))
		return r;
	blocks_begin_again(c, &b, cb->expires, now);
	b.account = cb->account;
	b.host = host;
	b.target = cb->target;
	b.trigger = cb->target.addr;
	b.direction = cb->direction;
	b.source = RULE_USER;
	b.first_attempt = b.latest_attempt = now;
	b.attempts = 0;
	b.wish = 0; /* of an earlier time: on an agent it is this machine's own from now on */
	(void)snprintf(b.rule_name, sizeof(b.rule_name), "%s", cb->why);
	blocks_arm_expiry(c, b.expires);
	return blocks_change(c, &b, BLOCK_WANTED, "");
}

int custom_drop(struct core *c, const struct custom_block *cb, uint32_t host)
{
	struct block b;
	int r = store_block_find(c->store, host, &cb->target, SERVICE_NONE, cb->direction, &b);
	return r == 0 ? blocks_lift(c, &b) : MIN_OF(r, 0);
}

static int add_server(void *ctx, uint32_t host)
{
	return targets_add(ctx, host);
}

int custom_servers(struct core *c, int64_t id, struct targets *ret)
{
	return store_custom_target_each(c->store, id, add_server, ret);
}

struct overlap {
	const struct prefix *target;
	struct custom_ids *ids;
};

static int add_overlapping(void *ctx, const struct custom_block *cb)
{
	struct overlap *o = ctx;
	return cb->enabled && prefix_overlaps(&cb->target, o->target)
		       ? custom_ids_add(o->ids, cb->id)
		       : 0;
}

/* Those that are in force somewhere are found by their records. */
int custom_overlapping(
	struct core *c, int64_t account, const struct prefix *target, struct custom_ids *ret)
{
	int r = 0;
	for (unsigned i = 0; i <= 2u * target->len + 1 && r >= 0; i++) {
		struct custom_block cb;
		struct prefix wider = prefix_of(&target->addr, i / 2);
		r = store_custom_find(c->store, account, &wider, i % 2 ? BLOCK_OUT : BLOCK_IN, &cb);
		if (r == 0 && cb.enabled)
			r = custom_ids_add(ret, cb.id);
	}
	if (r < 0 || target->len == 128)
		return MIN_OF(r, 0);
	struct overlap o = {.target = target, .ids = ret};
	struct custom_query q = {
		.account = account, .has_status = CUSTOM_FAILED + 1, .limit = NO_LIMIT};
	int64_t total = 0;
	return store_custom_query(c->store, &q, add_overlapping, &o, &total);
}

static int count_holding(void *ctx, const struct custom_instance *i)
{
	*(unsigned *)ctx += block_is_active(i->state) || i->state == BLOCK_FAILED;
	return 0;
}

int custom_lifted(struct core *c, const struct core_caller *who, int64_t id, unsigned *disabled)
{
	struct custom_block cb;
	char object[PREFIX_TEXT_MAX], before[CUSTOM_TEXT_MAX], after[CUSTOM_TEXT_MAX];
	unsigned holding = 0;
	int r = store_custom_get(c->store, id, &cb);
	if (r == 0)
		r = store_custom_instances(c->store, &cb, count_holding, &holding);
	if (r != 0 || !cb.enabled || holding > 0)
		return r;
	custom_text(&cb, cb.servers, before);
	cb.enabled = false;
	cb.changed = clock_now();
	const struct change change = {.what = "block.disable",
		.object = prefix_format(&cb.target, object),
		.before = before,
		.after = custom_text(&cb, cb.servers, after)};
	audit_change(c, who, &change, "%s", "lifted on every server");
	*disabled += 1;
	return store_custom_put(c->store, &cb);
}

static int add_id(void *ctx, const struct custom_block *cb)
{
	return custom_ids_add(ctx, cb->id);
}

int custom_cover_host(struct core *c, const struct host *host)
{
	_cleanup_(custom_ids_done) struct custom_ids ids = {0};
	int r = store_custom_each(c->store, host->account, 0, add_id, &ids);
	for (unsigned i = 0; i < ids.n && r == 0; i++) {
		struct custom_block cb;
		r = store_custom_get(c->store, ids.ids[i], &cb);
		if (r == 0)
			r = store_custom_target_put(c->store, cb.id, host->id);
		if (r == 0)
			r = custom_want(c, &cb, host->id, false);
	}
	return r;
}

int custom_forget_host(struct core *c, const struct host *host)
{
	return store_custom_forget_host(c->store, host->id);
}

int custom_expire(struct core *c, int64_t now, int64_t *ret_next)
{
	_cleanup_(custom_ids_done) struct custom_ids ids = {0};
	int64_t next = BLOCK_FOREVER;
	int r = store_custom_due(c->store, now, EXPIRE_AT_ONCE, add_id, &ids, &next);
	for (unsigned i = 0; i < ids.n && r == 0; i++) {
		struct custom_block cb;
		r = store_custom_get(c->store, ids.ids[i], &cb);
		if (r != 0)
			break;
		cb.enabled = false;
		cb.changed = now;
		r = store_custom_put(c->store, &cb);
	}
	if (r == 0)
		*ret_next = ids.n == EXPIRE_AT_ONCE ? now : next;
	return r;
}
