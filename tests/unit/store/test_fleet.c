/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server keeps of its agents, and what an agent keeps for its server. */
#include "store/fleet.h"

#include "fixture.h"

#include <errno.h>
#include <string.h>

static void invitations_are_of_use_once(void **state)
{
	struct fixture *f = *state;
	struct invite i = {.account = f->account.id,
			      .name = "web-7",
			      .enterprise_project = "0",
			      .created = 1,
			      .expires = 100},
		      got = {0};
	fixture_begin(f);
	assert_int_equal(store_invite_put(f->store, "one", &i), 0);
	i.expires = 200;
	i.name[0] = '\0';
	assert_int_equal(store_invite_put(f->store, "two", &i), 0);
	fixture_commit(f);
	fixture_reopen(f);
	fixture_begin(f);
	assert_int_equal(store_invite_take(f->store, "three", 50, &got), STORE_NOT_FOUND);
	assert_int_equal(store_invite_take(f->store, "one", 100, &got), STORE_NOT_FOUND);
	assert_int_equal(store_invite_take(f->store, "one", 99, &got), 0);
	assert_int_equal(got.account, f->account.id);
	assert_string_equal(got.name, "web-7");
	assert_string_equal(got.enterprise_project, "0");
	assert_int_equal(got.created, 1);
	assert_int_equal(got.expires, 100);
	assert_int_equal(store_invite_take(f->store, "one", 99, &got), STORE_NOT_FOUND);
	assert_int_equal(store_invite_expire(f->store, 199), 0);
	assert_int_equal(store_invite_take(f->store, "two", 0, &got), 0);
	assert_string_equal(got.name, "");
	store_rollback(f->store);
	/* what was not committed can be taken again */
	fixture_begin(f);
	assert_int_equal(store_invite_expire(f->store, 200), 0);
	assert_int_equal(store_invite_take(f->store, "two", 0, &got), STORE_NOT_FOUND);
	fixture_commit(f);
}

static struct agent an_agent(uint32_t host, char digit)
{
	struct agent a = {.host = host, .batch = 3, .enrolled = 5};
	memset(a.fingerprint, digit, FINGERPRINT_MAX - 1);
	memset(a.health, 'h', sizeof(a.health) - 1);
	return a;
}

static void agents(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "");
	struct agent a = an_agent(f->host, 'a'), b = an_agent(second, 'b'), got;
	b.health[0] = '\0';
	fixture_begin(f);
	assert_int_equal(store_agent_put(f->store, &a), 0);
	assert_int_equal(store_agent_put(f->store, &b), 0);
	assert_int_equal(store_agent_batch(f->store, f->host, 4, 44), 0);
	assert_int_equal(store_agent_batch(f->store, 99, 4, 44), STORE_NOT_FOUND);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(store_agent_by_fingerprint(f->store, a.fingerprint, &got), 0);
	assert_int_equal(got.host, f->host);
	assert_int_equal(got.batch, 4);
	assert_int_equal(got.batch_id, 44);
	assert_int_equal(got.enrolled, 5);
	assert_string_equal(got.health, a.health);
	assert_int_equal(store_agent_get(f->store, second, &got), 0);
	assert_string_equal(got.fingerprint, b.fingerprint);
	assert_string_equal(got.health, "");
	assert_int_equal(store_agent_by_fingerprint(f->store, "", &got), STORE_NOT_FOUND);
	assert_int_equal(store_agent_get(f->store, 99, &got), STORE_NOT_FOUND);

	/* a new key and enrolment */
	struct agent again = an_agent(f->host, 'c');
	again.batch = 0;
	(void)snprintf(again.health, sizeof(again.health), "[]");
	fixture_begin(f);
	assert_int_equal(store_agent_put(f->store, &again), 0);
	fixture_commit(f);
	assert_int_equal(
		store_agent_by_fingerprint(f->store, a.fingerprint, &got), STORE_NOT_FOUND);
	assert_int_equal(store_agent_get(f->store, f->host, &got), 0);
	assert_int_equal(got.batch, 0);
	assert_string_equal(got.health, "[]");
	again.host = second;
	fixture_begin(f);
	assert_int_equal(store_agent_put(f->store, &again), -EEXIST);
	store_rollback(f->store);
	again.host = 99;
	fixture_begin(f);
	assert_int_equal(store_agent_put(f->store, &again), -EEXIST);
	store_rollback(f->store);
}

static int64_t next_version(struct fixture *f)
{
	int64_t v = 0;
	assert_int_equal(store_version_next(f->store, &v), 0);
	return v;
}

static int64_t latest_version(struct store *s)
{
	int64_t v = -1;
	assert_int_equal(store_version_latest(s, &v), 0);
	return v;
}

static void versions_only_grow(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	assert_int_equal(latest_version(f->store), 0);
	int64_t none = 0;
	assert_int_equal(store_version_next(f->store, &none), -EINVAL);
	fixture_begin(f);
	int64_t one = next_version(f), two = next_version(f);
	assert_true(0 < one && one < two);
	assert_int_equal(latest_version(f->store), two);
	assert_int_equal(latest_version(reader), 0);
	fixture_commit(f);
	assert_int_equal(latest_version(reader), two);
	fixture_begin(f);
	assert_true(next_version(f) > two);
	store_rollback(f->store);
	assert_int_equal(latest_version(f->store), two);
	fixture_reopen(f);
	fixture_begin(f);
	assert_int_equal(latest_version(f->store), two);
	assert_true(next_version(f) > two);
	fixture_commit(f);
	reader = store_close(reader);
}

static int64_t policy(struct fixture *f, int64_t account)
{
	int64_t v = -1;
	assert_int_equal(store_policy_version(f->store, account, &v), 0);
	return v;
}

static void an_accounts_policy_has_a_version(void **state)
{
	struct fixture *f = *state;
	struct account other = {.name = "other"};
	fixture_begin(f);
	assert_int_equal(store_account_add(f->store, &other), 0);
	int64_t before = next_version(f);
	assert_int_equal(policy(f, f->account.id), 0);
	assert_int_equal(store_policy_touch(f->store, f->account.id), 0);
	fixture_commit(f);
	assert_true(policy(f, f->account.id) > before);
	assert_int_equal(policy(f, f->account.id), latest_version(f->store));
	assert_int_equal(policy(f, other.id), 0);
	int64_t v;
	assert_int_equal(store_policy_version(f->store, 99, &v), STORE_NOT_FOUND);
	fixture_begin(f);
	assert_int_equal(store_policy_touch(f->store, 99), -EINVAL);
	store_rollback(f->store);
}

struct seen {
	int64_t ids[64], wishes[64];
	unsigned n, stop_at;
};

static int see(void *ctx, const struct block *b)
{
	struct seen *seen = ctx;
	seen->ids[seen->n] = b->id;
	seen->wishes[seen->n++] = b->wish;
	return seen->n == seen->stop_at ? 44 : 0;
}

static struct block put_block(struct fixture *f, const char *target, uint32_t host, int64_t wish)
{
	struct block b = fixture_block(f, target);
	b.host = host;
	b.wish = wish;
	assert_int_equal(store_block_put(f->store, &b), 0);
	return b;
}

static void wishes_come_by_version(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "");
	fixture_begin(f);
	struct block one = put_block(f, "198.51.100.1", second, next_version(f));
	struct block two = put_block(f, "198.51.100.2", second, next_version(f));
	(void)put_block(f, "198.51.100.3", second, 0);
	struct block other = put_block(f, "198.51.100.1", f->host, next_version(f));
	/* wished again: it comes later */
	one.wish = next_version(f);
	one.state = BLOCK_CANCELLING;
	assert_int_equal(store_block_put(f->store, &one), 0);
	fixture_commit(f);
	fixture_reopen(f);
	struct seen seen = {0};
	assert_int_equal(store_wish_each(f->store, second, 0, 10, see, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.ids[0], two.id);
	assert_int_equal(seen.ids[1], one.id);
	assert_int_equal(seen.wishes[1], one.wish);
	seen = (struct seen){0};
	assert_int_equal(store_wish_each(f->store, second, two.wish, 10, see, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(store_wish_each(f->store, second, one.wish, 10, see, &seen), 0);
	assert_int_equal(seen.n, 1);
	seen = (struct seen){0};
	assert_int_equal(store_wish_each(f->store, second, -5, 1, see, &seen), 0);
	assert_int_equal(seen.n, 1);
	seen = (struct seen){.stop_at = 1};
	assert_int_equal(store_wish_each(f->store, second, 0, 10, see, &seen), 44);
	seen = (struct seen){0};
	assert_int_equal(store_wish_each(f->store, f->host, 0, 10, see, &seen), 0);
	assert_int_equal(seen.ids[0], other.id);
	/* no wish any more */
	other.wish = 0;
	fixture_begin(f);
	assert_int_equal(store_block_put(f->store, &other), 0);
	fixture_commit(f);
	seen = (struct seen){0};
	assert_int_equal(store_wish_each(f->store, f->host, 0, 10, see, &seen), 0);
	assert_int_equal(seen.n, 0);
}

static int64_t waiting(struct fixture *f)
{
	int64_t n = -1;
	assert_int_equal(store_report_waiting(f->store, &n), 0);
	return n;
}

static void nothing_is_noted_while_reports_are_off(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block b = put_block(f, "198.51.100.1", f->host, 0);
	assert_int_equal(store_attempt_add(f->store, f->now, f->host, 1, &b.target, 2), 0);
	fixture_commit(f);
	assert_int_equal(waiting(f), 0);
	fixture_begin(f);
	assert_int_equal(store_report_all(f->store), 0);
	assert_int_equal(store_report_all(f->store), 0);
	fixture_commit(f);
	assert_int_equal(waiting(f), 1);
}

static size_t freeze(struct fixture *f, int64_t number, unsigned attempts, unsigned blocks)
{
	size_t n = 999;
	fixture_begin(f);
	assert_int_equal(store_report_freeze(f->store, number, attempts, blocks, &n), 0);
	fixture_commit(f);
	return n;
}

static void done(struct fixture *f, int64_t number)
{
	fixture_begin(f);
	assert_int_equal(store_report_remove(f->store, number), 0);
	fixture_commit(f);
}

static void a_batch_counts_the_same_until_it_is_sent(void **state)
{
	struct fixture *f = *state;
	struct prefix p = fixture_prefix("192.0.2.1"), q = fixture_prefix("192.0.2.2");
	const int64_t t = 1700000040000;
	int64_t number = 0;
	store_report_on(f->store);
	assert_int_equal(store_report_frozen(f->store, &number), STORE_NOT_FOUND);
	fixture_begin(f);
	assert_int_equal(store_attempt_add(f->store, t + 1, f->host, SERVICE_SSH, &p, 2), 0);
	assert_int_equal(store_attempt_add(f->store, t + 9, f->host, SERVICE_SSH, &p, 3), 0);
	assert_int_equal(store_attempt_add(f->store, t - 1, f->host, SERVICE_RDP, &q, 4), 0);
	struct block b = put_block(f, "198.51.100.1", f->host, 0);
	fixture_commit(f);
	assert_int_equal(waiting(f), 3);
	assert_int_equal(freeze(f, 7, 10, 10), 3);
	/* meanwhile */
	fixture_begin(f);
	assert_int_equal(store_attempt_add(f->store, t + 2, f->host, SERVICE_SSH, &p, 100), 0);
	b.state = BLOCK_APPLIED;
	assert_int_equal(store_block_put(f->store, &b), 0);
	assert_int_equal(store_block_count(f->store, b.id, 5, f->now + 9), 0);
	fixture_commit(f);
	fixture_reopen(f);
	store_report_on(f->store);
	assert_int_equal(store_report_frozen(f->store, &number), 0);
	assert_int_equal(number, 7);
	struct report r = {.number = 7, .seen = 55};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_report_read(f->store, 7, &r), 0);
		assert_int_equal(r.number, 7);
		assert_int_equal(r.seen, 55);
		assert_int_equal(r.attempt_count, 2);
		assert_int_equal(r.attempts[0].minute, t - 60000);
		assert_int_equal(r.attempts[0].service, SERVICE_RDP);
		assert_true(prefix_eq(&r.attempts[0].source, &q));
		assert_int_equal(r.attempts[1].n, 5);
		/* records are read as they are now */
		assert_int_equal(r.block_count, 1);
		assert_int_equal(r.blocks[0].state, BLOCK_APPLIED);
		assert_int_equal(r.blocks[0].attempts, b.attempts + 5);
		report_done(&r);
		r = (struct report){.number = 7, .seen = 55};
	}
	/* one at a time */
	size_t n;
	fixture_begin(f);
	assert_int_equal(store_report_freeze(f->store, 8, 10, 10, &n), -EINVAL);
	store_rollback(f->store);
	done(f, 7);
	assert_int_equal(freeze(f, 8, 10, 10), 2);
	assert_int_equal(store_report_read(f->store, 8, &r), 0);
	assert_int_equal(r.attempt_count, 1);
	assert_int_equal(r.attempts[0].n, 100);
	assert_int_equal(r.block_count, 1);
	report_done(&r);
	done(f, 8);
	assert_int_equal(waiting(f), 0);
	assert_int_equal(freeze(f, 9, 10, 10), 0);
	assert_int_equal(store_report_frozen(f->store, &number), STORE_NOT_FOUND);
}

static void everything_is_reported_in_its_turn(void **state)
{
	struct fixture *f = *state;
	store_report_on(f->store);
	struct block blocks[200];
	bool told[200] = {0};
	fixture_begin(f);
	for (int i = 0; i < 200; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.100.%d", i);
		blocks[i] = put_block(f, text, f->host, 0);
	}
	fixture_commit(f);
	/* the first ten change all the time; a batch has room for nine */
	unsigned left = 200;
	for (int64_t number = 1; left > 0 && number < 40; number++) {
		struct report r = {0};
		assert_int_equal(freeze(f, number, 10, 9), 9);
		assert_int_equal(store_report_read(f->store, number, &r), 0);
		for (size_t i = 0; i < r.block_count; i++) {
			int64_t k = r.blocks[i].id - blocks[0].id;
			left -= !told[k];
			told[k] = true;
		}
		report_done(&r);
		done(f, number);
		fixture_begin(f);
		for (int i = 0; i < 10; i++)
			assert_int_equal(store_block_count(f->store, blocks[i].id, 1, f->now), 0);
		fixture_commit(f);
	}
	assert_int_equal(left, 0);
}

static void a_batch_may_get_another_number(void **state)
{
	struct fixture *f = *state;
	store_report_on(f->store);
	fixture_begin(f);
	struct block b = put_block(f, "198.51.100.1", f->host, 0);
	assert_int_equal(store_attempt_add(f->store, 5, f->host, SERVICE_SSH, &b.target, 2), 0);
	fixture_commit(f);
	assert_int_equal(freeze(f, 7, 10, 10), 2);
	fixture_begin(f);
	assert_int_equal(store_report_renumber(f->store, 7, 3), 0);
	fixture_commit(f);
	int64_t number = 0;
	struct report r = {0};
	assert_int_equal(store_report_frozen(f->store, &number), 0);
	assert_int_equal(number, 3);
	assert_int_equal(store_report_read(f->store, 3, &r), 0);
	assert_int_equal(r.block_count, 1);
	assert_int_equal(r.attempt_count, 1);
	report_done(&r);
	fixture_begin(f);
	assert_int_equal(store_report_renumber(f->store, 3, 0), -EINVAL);
	store_rollback(f->store);
	fixture_begin(f);
	assert_int_equal(store_report_forget(f->store), 0);
	fixture_commit(f);
	assert_int_equal(waiting(f), 0);
}

/* Without a server for longer than failures are kept. */
static void retention_takes_what_was_never_sent(void **state)
{
	struct fixture *f = *state;
	struct prefix p = fixture_prefix("192.0.2.1");
	store_report_on(f->store);
	fixture_begin(f);
	assert_int_equal(store_attempt_add(f->store, 60000, f->host, SERVICE_SSH, &p, 1), 0);
	fixture_commit(f);
	assert_int_equal(freeze(f, 1, 10, 10), 1);
	fixture_begin(f);
	assert_int_equal(store_attempt_add(f->store, 120000, f->host, SERVICE_SSH, &p, 1), 0);
	assert_int_equal(store_attempt_add(f->store, 180000, f->host, SERVICE_SSH, &p, 1), 0);
	assert_int_equal(store_attempt_expunge(f->store, 180000, 10), 2);
	fixture_commit(f);
	/* the frozen one stays what it is */
	assert_int_equal(waiting(f), 2);
	struct report r = {0};
	assert_int_equal(store_report_read(f->store, 1, &r), 0);
	assert_int_equal(r.attempt_count, 1);
	report_done(&r);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(invitations_are_of_use_once),
		TEST(agents),
		TEST(versions_only_grow),
		TEST(an_accounts_policy_has_a_version),
		TEST(wishes_come_by_version),
		TEST(nothing_is_noted_while_reports_are_off),
		TEST(a_batch_counts_the_same_until_it_is_sent),
		TEST(everything_is_reported_in_its_turn),
		TEST(a_batch_may_get_another_number),
		TEST(retention_takes_what_was_never_sent),
	};
	return cmocka_run_group_tests_name("store/fleet", tests, NULL, NULL);
}
