/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Custom blocks by the list: what comes of it is what one by one would have come of it. */
#include "store/custom.h"
#include "store/fleet.h"

#include "fixture.h"

#include <errno.h>
#include <string.h>

static struct custom_batch a_batch(const struct fixture *f, uint32_t servers)
{
	return (struct custom_batch){
		.account = f->account.id, .changed = f->now, .servers = servers};
}

static struct custom_block add(struct fixture *f, struct custom_batch *batch, const char *target,
	enum block_direction direction)
{
	struct custom_block cb = fixture_custom(f, target);
	cb.direction = direction;
	assert_int_equal(store_custom_add(f->store, batch, &cb), 0);
	assert_true(cb.id > 0);
	return cb;
}

struct older {
	int64_t ids[8];
	unsigned n;
};

static int note_older(void *ctx, int64_t id)
{
	struct older *o = ctx;
	assert_true(o->n < sizeof(o->ids) / sizeof(*o->ids));
	o->ids[o->n++] = id;
	return 0;
}

static void assert_numbers(
	struct fixture *f, const struct custom_block *cb, unsigned servers, unsigned applied)
{
	struct custom_block got;
	assert_int_equal(store_custom_get(f->store, cb->id, &got), 0);
	assert_int_equal(got.servers, servers);
	assert_int_equal(got.applied, applied);
	assert_int_equal(got.status, applied ? CUSTOM_ENABLED : CUSTOM_FAILED);
}

static struct block record(struct fixture *f, const struct custom_block *cb, uint32_t host)
{
	struct block b;
	assert_int_equal(
		store_block_find(f->store, host, &cb->target, SERVICE_NONE, cb->direction, &b), 0);
	return b;
}

static void assert_begun(const struct block *b, const struct custom_block *cb)
{
	assert_int_equal(b->account, cb->account);
	assert_true(addr_eq(&b->trigger, &cb->target.addr));
	assert_int_equal(b->state, BLOCK_WANTED);
	assert_false(b->applied_once);
	assert_int_equal(b->source, RULE_USER);
	assert_string_equal(b->rule_name, cb->why);
	assert_string_equal(b->error, "");
	assert_int_equal(b->created, cb->changed);
	assert_int_equal(b->first_attempt, cb->changed);
	assert_int_equal(b->latest_attempt, cb->changed);
	assert_int_equal(b->attempts, 0);
	assert_int_equal(b->expires, cb->expires);
	assert_int_equal(b->changed, cb->changed);
	assert_int_equal(b->lives, 1);
}

static void each_server_gets_all_of_it(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "203.0.113.11");
	struct custom_batch batch = a_batch(f, 2);
	struct older older = {0};
	int64_t ahead = 0, there = 0, version = 0;
	fixture_begin(f);
	assert_int_equal(store_version_next(f->store, &version), 0);
	struct custom_block in = add(f, &batch, "198.51.100.7", BLOCK_IN),
			    wide = add(f, &batch, "2001:db8::/32", BLOCK_IN),
			    out = add(f, &batch, "198.51.100.7", BLOCK_OUT);
	assert_int_equal(
		store_custom_cover(f->store, &batch, f->host, false, &ahead, note_older, &older),
		0);
	assert_int_equal(
		store_custom_cover(f->store, &batch, second, true, &there, note_older, &older), 0);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(older.n, 0);
	const struct custom_block *all[] = {&in, &wide, &out};
	for (unsigned i = 0; i < 3; i++) {
		assert_numbers(f, all[i], 2, 0);
		struct block b = record(f, all[i], f->host), c = record(f, all[i], second);
		assert_int_equal(b.id, all[i]->id + ahead);
		assert_int_equal(c.id, all[i]->id + there);
		assert_begun(&b, all[i]);
		assert_begun(&c, all[i]);
		assert_int_equal(b.wish, 0);
		assert_int_equal(c.wish, version + 1 + i);
	}
	assert_int_equal(store_version_latest(f->store, &version), 0);
	assert_int_equal(version, record(f, &out, second).wish);
	fixture_assert_sound(f);
	/* nothing of it is given again */
	fixture_begin(f);
	struct block b = fixture_block(f, "198.51.100.9");
	assert_int_equal(store_block_put(f->store, &b), 0);
	assert_int_equal(b.id, out.id + there + 1);
	fixture_commit(f);
}

static void what_was_there_before_is_met(void **state)
{
	struct fixture *f = *state;
	struct custom_batch batch = a_batch(f, 1);
	struct older older = {0};
	int64_t ahead = 0;
	struct custom_block known = fixture_custom(f, "198.51.100.1");
	fixture_begin(f);
	assert_int_equal(store_custom_put(f->store, &known), 0);
	struct block held = fixture_block(f, "198.51.100.3"),
		     gone = fixture_block(f, "198.51.100.4"),
		     login = fixture_block(f, "198.51.100.2");
	held.service = gone.service = SERVICE_NONE;
	held.state = BLOCK_APPLIED;
	gone.state = BLOCK_CANCELED;
	assert_int_equal(store_block_put(f->store, &held), 0);
	assert_int_equal(store_block_put(f->store, &gone), 0);
	assert_int_equal(store_block_put(f->store, &login), 0);
	fixture_commit(f);

	fixture_begin(f);
	struct custom_block again = fixture_custom(f, "198.51.100.1");
	struct custom_block a = add(f, &batch, "198.51.100.2", BLOCK_IN);
	assert_int_equal(store_custom_add(f->store, &batch, &again), STORE_EXISTS);
	struct custom_block b = add(f, &batch, "198.51.100.3", BLOCK_IN),
			    c = add(f, &batch, "198.51.100.4", BLOCK_IN);
	assert_int_equal(batch.n[BLOCK_IN], 3);
	assert_int_equal(
		store_custom_cover(f->store, &batch, f->host, false, &ahead, note_older, &older),
		0);
	fixture_commit(f);
	assert_int_equal(older.n, 2);
	assert_int_equal(older.ids[0], b.id);
	assert_int_equal(older.ids[1], c.id);
	assert_int_equal(record(f, &a, f->host).id, a.id + ahead);
	assert_int_equal(record(f, &b, f->host).id, held.id);
	assert_int_equal(record(f, &c, f->host).state, BLOCK_CANCELED);
	assert_numbers(f, &a, 1, 0);
	assert_numbers(f, &b, 1, 1);
	assert_numbers(f, &c, 1, 0);
	assert_numbers(f, &known, 0, 0);
	fixture_assert_sound(f);
}

static void an_agent_reports_its_records(void **state)
{
	struct fixture *f = *state;
	struct custom_batch batch = a_batch(f, 1);
	int64_t ahead = 0, waiting = 0;
	store_report_on(f->store);
	fixture_begin(f);
	(void)add(f, &batch, "198.51.100.7", BLOCK_IN);
	(void)add(f, &batch, "198.51.100.8", BLOCK_IN);
	assert_int_equal(
		store_custom_cover(f->store, &batch, f->host, false, &ahead, note_older, NULL), 0);
	fixture_commit(f);
	assert_int_equal(store_report_waiting(f->store, &waiting), 0);
	assert_int_equal(waiting, 2);
}

static void what_is_not_of_the_batch(void **state)
{
	struct fixture *f = *state;
	struct custom_batch batch = a_batch(f, 1);
	struct account other = {.name = "other"};
	int64_t ahead = 0;
	fixture_begin(f);
	assert_int_equal(store_account_add(f->store, &other), 0);
	fixture_commit(f);

	fixture_begin(f);
	struct custom_block cb = fixture_custom(f, "198.51.100.7");
	cb.changed++;
	assert_int_equal(store_custom_add(f->store, &batch, &cb), -EINVAL);
	store_rollback(f->store);
	fixture_begin(f);
	cb = fixture_custom(f, "198.51.100.7");
	cb.account = other.id;
	assert_int_equal(store_custom_add(f->store, &batch, &cb), -EINVAL);
	store_rollback(f->store);
	/* a server of the one is none of the other's */
	fixture_begin(f);
	batch.account = other.id;
	assert_int_equal(store_custom_add(f->store, &batch, &cb), 0);
	assert_true(
		store_custom_cover(f->store, &batch, f->host, false, &ahead, note_older, NULL) < 0);
	store_rollback(f->store);
	assert_int_equal(store_custom_get(f->store, cb.id, &cb), STORE_NOT_FOUND);
	fixture_assert_sound(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(each_server_gets_all_of_it),
		CASE(what_was_there_before_is_met),
		CASE(an_agent_reports_its_records),
		CASE(what_is_not_of_the_batch),
	};
	return cmocka_run_group_tests_name("store/custom_batch", tests, NULL, NULL);
}
