/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "others.h"

#include "store/custom.h"
#include "store/fleet.h"

static void begin(struct world *w)
{
	assert_int_equal(store_begin(core_store(w->core)), 0);
}

static void commit(struct world *w)
{
	assert_int_equal(store_commit(core_store(w->core), STORE_REPLAYABLE), 0);
}

struct host others_add(struct world *w, int64_t account, const char *name, bool online)
{
	struct host h = {.account = account,
		.internet_ip = "192.0.2.1",
		.region = "local",
		.enterprise_project = "0",
		.agent_online = online,
		.remote = true};
	char last = name[strlen(name) - 1];
	(void)snprintf(h.name, sizeof(h.name), "%s", name);
	(void)snprintf(h.uuid, sizeof(h.uuid), "%08x-0000-4000-8000-00000000%04x", (unsigned)last,
		(unsigned)account);
	(void)snprintf(h.instance_id, sizeof(h.instance_id), "i-%s", name);
	others_put(w, &h);
	return h;
}

void others_put(struct world *w, struct host *h)
{
	begin(w);
	assert_int_equal(store_host_put(core_store(w->core), h), 0);
	commit(w);
}

struct block others_row(struct world *w, const struct host *h, const char *target,
	enum service service, enum block_direction direction)
{
	struct prefix p = world_prefix(target);
	struct block b = {0};
	assert_true(store_block_find(core_store(w->core), h->id, &p, service, direction, &b) >= 0);
	return b;
}

void others_answer(struct world *w, const struct host *h, const char *target,
	enum block_direction direction, enum block_state state, const char *error)
{
	struct block b = others_row(w, h, target, SERVICE_NONE, direction);
	assert_int_not_equal(b.id, 0);
	b.state = state;
	b.applied_once = b.applied_once || state == BLOCK_APPLIED;
	(void)snprintf(b.error, sizeof(b.error), "%s", error);
	begin(w);
	assert_int_equal(store_block_put(core_store(w->core), &b), 0);
	commit(w);
}

struct block others_block(struct world *w, const struct host *h, const char *target)
{
	int64_t now = clock_now();
	struct block b = {.account = h->account,
		.host = h->id,
		.target = world_prefix(target),
		.service = SERVICE_SSH,
		.port = 22,
		.state = BLOCK_APPLIED,
		.applied_once = true,
		.rule_name = "system",
		.created = now,
		.first_attempt = now,
		.latest_attempt = now,
		.attempts = 10,
		.expires = now + MS_HOUR,
		.changed = now,
		.lives = 1};
	b.trigger = b.target.addr;
	begin(w);
	assert_int_equal(store_block_put(core_store(w->core), &b), 0);
	commit(w);
	return b;
}

struct custom_block others_custom(
	struct world *w, int64_t account, const char *target, enum block_direction direction)
{
	struct prefix p = world_prefix(target);
	struct custom_block cb = {0};
	assert_true(store_custom_find(core_store(w->core), account, &p, direction, &cb) >= 0);
	return cb;
}

int64_t others_version(struct world *w)
{
	int64_t version = 0;
	assert_int_equal(store_version_latest(core_store(w->core), &version), 0);
	return version;
}

static int take_entry(void *ctx, const struct audit_entry *e)
{
	*(struct audit_entry *)ctx = *e;
	return 1;
}

struct audit_entry others_audit(struct world *w)
{
	const struct audit_query q = {.limit = 1};
	struct audit_entry e = {0};
	assert_int_equal(store_audit_query(core_store(w->core), &q, take_entry, &e), 1);
	return e;
}
