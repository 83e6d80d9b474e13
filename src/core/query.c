/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions, answered on the asking thread from its own read connection. They
 * never wait for the loop, but for one thing: refused connections are sampled
 * first when the last sample is too old.
 */
#include "base/clock.h"
#include "core/private.h"

#include <errno.h>
#include <sodium/utils.h>

int core_reader_open(struct core *c, struct core_reader **ret, struct err *err)
{
	struct core_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(err, -ENOMEM, "no memory");
	r->core = c;
	int result = store_open_reader(c->settings->state_dir, &r->store, err);
	if (result < 0) {
		free(r);
		return result;
	}
	*ret = r;
	return 0;
}

struct core_reader *core_reader_close(struct core_reader *r)
{
	if (r) {
		r->store = store_close(r->store);
		free(r);
	}
	return NULL;
}

static int found(int r)
{
	return r == STORE_NOT_FOUND ? CORE_NOT_FOUND : r;
}

int core_blocks(struct core_reader *r, const struct block_query *q,
	int (*fn)(void *ctx, const struct block_row *row), void *ctx, int64_t *ret_total)
{
	hits_refresh(r->core);
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = store_block_query(r->store, q, fn, ctx, ret_total);
	store_snapshot_end(r->store);
	return result;
}

static int count_enabled(void *ctx, const struct rule *rule)
{
	*(int64_t *)ctx += rule->enabled;
	return 0;
}

int core_summary(struct core_reader *r, int64_t account, struct core_summary *ret)
{
	struct core_summary s = {0};
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = store_block_sources(r->store, account, 0, s.records);
	if (result == 0)
		result = store_block_sources(r->store, account, 1u << BLOCK_APPLIED, s.effective);
	if (result == 0)
		result = store_rule_each(r->store, account, count_enabled, &s.rules);
	store_snapshot_end(r->store);
	if (result == 0)
		*ret = s;
	return result;
}

int core_account(struct core_reader *r, int64_t id, struct account *ret)
{
	return found(store_account_get(r->store, id, ret));
}

int core_host_by_uuid(struct core_reader *r, int64_t account, const char *uuid, struct host *ret)
{
	return targets_find(r->store, account, uuid, ret);
}

int core_customs(struct core_reader *r, const struct custom_query *q,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx, int64_t *ret_total)
{
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = store_custom_query(r->store, q, fn, ctx, ret_total);
	store_snapshot_end(r->store);
	return result;
}

int core_custom_find(struct core_reader *r, int64_t account, const struct prefix *target,
	enum block_direction direction, struct custom_block *ret)
{
	return found(store_custom_find(r->store, account, target, direction, ret));
}

struct instances {
	struct store *store;
	int64_t account;
	int (*fn)(void *ctx, const struct core_custom_instance *i);
	void *ctx;
};

static int hand_instance(void *ctx, const struct custom_instance *i)
{
	const struct instances *out = ctx;
	struct core_custom_instance instance = {.state = i->state, .error = i->error};
	int r = store_host_get(out->store, i->host, &instance.host);
	if (r != 0)
		return MIN_OF(r, 0);
	if (instance.host.account != out->account)
		return 0;
	/* it waits for its agent, and will be when that returns */
	if (i->state == BLOCK_WANTED && !instance.host.agent_online)
		instance.error = "AliNetNotOnline";
	return out->fn(out->ctx, &instance);
}

int core_custom_instances(struct core_reader *r, const struct custom_block *cb,
	int (*fn)(void *ctx, const struct core_custom_instance *i), void *ctx)
{
	struct instances out = {.store = r->store, .account = cb->account, .fn = fn, .ctx = ctx};
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = store_custom_instances(r->store, cb, hand_instance, &out);
	store_snapshot_end(r->store);
	return result;
}

int core_key(struct core_reader *r, const char *id, struct access_key *ret)
{
	return found(store_key_get(r->store, id, ret));
}

int core_key_by_login(struct core_reader *r, const char *login, struct access_key *ret)
{
	int result = store_key_get(r->store, login, ret);
	if (result == STORE_NOT_FOUND)
		result = store_key_by_name(r->store, login, ret);
	return found(result);
}

int core_token(struct core_reader *r, const char *token, struct token *ret)
{
	return found(store_token_get(r->store, token, ret));
}

const struct settings *core_settings(const struct core *c)
{
	return c->settings;
}
