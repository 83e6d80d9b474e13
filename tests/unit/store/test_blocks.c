/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

static void assert_block_equal(const struct block *a, const struct block *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->account, b->account);
	assert_int_equal(a->host, b->host);
	assert_true(prefix_eq(&a->target, &b->target));
	assert_true(addr_eq(&a->trigger, &b->trigger));
	assert_int_equal(a->direction, b->direction);
	assert_int_equal(a->service, b->service);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->applied_once, b->applied_once);
	assert_int_equal(a->rule, b->rule);
	assert_int_equal(a->source, b->source);
	assert_string_equal(a->rule_name, b->rule_name);
	assert_string_equal(a->error, b->error);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->first_attempt, b->first_attempt);
	assert_int_equal(a->latest_attempt, b->latest_attempt);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->changed, b->changed);
	assert_int_equal(a->lives, b->lives);
	assert_int_equal(a->wish, b->wish);
}

static struct block put(struct fixture *f, const char *target)
{
	struct block b = fixture_block(f, target);
	assert_int_equal(store_block_put(f->store, &b), 0);
	assert_true(b.id > 0);
	return b;
}

static struct block put_until(struct fixture *f, const char *target, int64_t expires)
{
	struct block b = fixture_block(f, target);
	b.expires = expires;
	assert_int_equal(store_block_put(f->store, &b), 0);
	return b;
}

static void a_block_reads_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	struct block b = {
		.account = f->account.id,
		.host = f->host,
		.target = fixture_prefix("2001:db8:1:2::/64"),
		.direction = BLOCK_OUT,
		.service = SERVICE_VSFTPD,
		.port = 65535,
		.state = BLOCK_FAILED,
		.applied_once = true,
		.rule = 7,
		.source = RULE_USER,
		.rule_name = "night \xe2\x98\xbe rule",
		.error = "KernelRefused",
		.created = 1,
		.first_attempt = -2,
		.latest_attempt = 3,
		.attempts = INT64_MAX,
		.expires = BLOCK_FOREVER,
		.changed = 4,
		.lives = UINT32_MAX,
		.wish = INT64_MAX,
	};
	b.trigger = fixture_prefix("2001:db8:1:2::77").addr;
	fixture_begin(f);
	assert_int_equal(store_block_put(f->store, &b), 0);
	fixture_commit(f);
	fixture_reopen(f);
	struct block got, found;
	assert_int_equal(store_block_get(f->store, b.id, &got), 0);
	assert_block_equal(&got, &b);
	assert_int_equal(
		store_block_find(f->store, f->host, &b.target, SERVICE_VSFTPD, BLOCK_OUT, &found),
		0);
	assert_block_equal(&found, &b);
	assert_int_equal(
		store_block_find(f->store, f->host, &b.target, SERVICE_VSFTPD, BLOCK_IN, &found),
		STORE_NOT_FOUND);
	assert_int_equal(store_block_get(f->store, b.id + 1, &got), STORE_NOT_FOUND);
}

static void an_update_changes_the_content(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block b = put(f, "198.51.100.7");
	b.state = BLOCK_APPLIED;
	b.applied_once = true;
	b.changed += 10;
	b.attempts = 11;
	assert_int_equal(store_block_put(f->store, &b), 0);
	struct block got;
	for (b.wish = 1; b.wish >= 0; b.wish--) {
		assert_int_equal(store_block_put(f->store, &b), 0);
		assert_int_equal(store_block_get(f->store, b.id, &got), 0);
		assert_block_equal(&got, &b);
	}
	b.wish = 0;
	fixture_commit(f);
	assert_int_equal(store_block_get(f->store, b.id, &got), 0);
	assert_block_equal(&got, &b);
	int64_t counts[BLOCK_STATES];
	assert_int_equal(store_block_counts(f->store, f->account.id, counts), 0);
	assert_int_equal(counts[BLOCK_WANTED], 0);
	assert_int_equal(counts[BLOCK_APPLIED], 1);
}

static void a_kernels_word_changes_the_state_alone(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block b = put(f, "198.51.100.7"), got;
	static const struct {
		enum block_state state;
		const char *error;
	} words[] = {{BLOCK_FAILED, "KernelRefused"}, {BLOCK_APPLIED, ""}, {BLOCK_FAILED, "x"}};
	for (size_t i = 0; i < countof(words); i++) {
		b.state = words[i].state;
		b.applied_once = i >= 1;
		(void)snprintf(b.error, sizeof(b.error), "%s", words[i].error);
		b.changed += 3600000;
		assert_int_equal(store_block_state(f->store, b.id, b.state, b.error, b.changed), 0);
		assert_int_equal(store_block_get(f->store, b.id, &got), 0);
		assert_block_equal(&got, &b);
	}
	assert_int_equal(store_block_state(f->store, b.id + 1, BLOCK_APPLIED, "", b.changed),
		STORE_NOT_FOUND);
	fixture_commit(f);
	int64_t counts[BLOCK_STATES];
	assert_int_equal(store_block_counts(f->store, f->account.id, counts), 0);
	assert_int_equal(counts[BLOCK_WANTED], 0);
	assert_int_equal(counts[BLOCK_APPLIED], 0);
	assert_int_equal(counts[BLOCK_FAILED], 1);
}

static void refuse(struct fixture *f, struct block b, int code)
{
	fixture_begin(f);
	assert_int_equal(store_block_put(f->store, &b), code);
	assert_int_equal(store_commit(f->store, STORE_REPLAYABLE), code);
	assert_false(store_in_transaction(f->store));
}

static void what_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block b = put(f, "198.51.100.7");
	fixture_commit(f);

	struct block again = b;
	again.id = 0;
	refuse(f, again, -EEXIST);
	struct block other = b;
	other.target = fixture_prefix("198.51.100.8");
	refuse(f, other, -EINVAL);
	other = b;
	other.id = 99;
	refuse(f, other, -EINVAL);
	other = fixture_block(f, "198.51.100.9");
	other.host = 99;
	refuse(f, other, -EINVAL);
	other = fixture_block(f, "198.51.100.9");
	other.account += 1;
	refuse(f, other, -EINVAL);
	other = fixture_block(f, "198.51.100.9");
	other.target.len = 120;
	refuse(f, other, -EINVAL);
	other = fixture_block(f, "198.51.100.9");
	other.state = BLOCK_STATES;
	refuse(f, other, -EINVAL);
	other = fixture_block(f, "198.51.100.9");
	other.wish = -1;
	refuse(f, other, -EINVAL);
	assert_int_equal(store_block_put(f->store, &b), -EINVAL); /* no transaction */
}

static void counting_adds_and_keeps_the_latest(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block b = put(f, "198.51.100.7"), got;
	assert_int_equal(store_block_count(f->store, b.id, 5, f->now + 7200000), 0);
	assert_int_equal(store_block_count(f->store, b.id, 2, f->now - 1), 0);
	assert_int_equal(store_block_count(f->store, b.id + 1, 2, f->now), STORE_NOT_FOUND);
	fixture_commit(f);
	assert_int_equal(store_block_get(f->store, b.id, &got), 0);
	assert_int_equal(got.attempts, 17);
	assert_int_equal(got.latest_attempt, f->now + 7200000);
}

struct seen {
	int64_t ids[64];
	unsigned n, stop_at;
	struct fixture *end; /* end what is seen */
};

static int see(void *ctx, const struct block *b)
{
	struct seen *seen = ctx;
	assert_true(seen->n < countof(seen->ids));
	seen->ids[seen->n++] = b->id;
	if (seen->end) {
		struct block ended = *b;
		ended.state = BLOCK_EXPIRED;
		assert_int_equal(store_block_put(seen->end->store, &ended), 0);
	}
	return seen->stop_at == seen->n ? 77 : 0;
}

static void each_walks_states_by_expiry(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block a = put_until(f, "198.51.100.1", BLOCK_FOREVER);
	struct block b = put_until(f, "198.51.100.2", 300);
	struct block c = put_until(f, "198.51.100.3", 200);
	c.state = BLOCK_EXPIRED;
	assert_int_equal(store_block_put(f->store, &c), 0);
	fixture_commit(f);

	struct seen seen = {0};
	assert_int_equal(store_block_each(f->store, 0, 1u << BLOCK_WANTED, see, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.ids[0], b.id);
	assert_int_equal(seen.ids[1], a.id);
	seen = (struct seen){0};
	assert_int_equal(store_block_each(f->store, 0, UINT32_MAX, see, &seen), 0);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.ids[0], c.id);
	seen = (struct seen){.stop_at = 1};
	assert_int_equal(store_block_each(f->store, 0, UINT32_MAX, see, &seen), 77);
	assert_int_equal(seen.n, 1);
	seen = (struct seen){0};
	assert_int_equal(store_block_each(f->store, 0, 1u << BLOCK_APPLIED, see, &seen), 0);
	assert_int_equal(seen.n, 0);
}

/* Whether the host has most of the records or few decides how they are found, not what. */
static void each_walks_one_host(void **state)
{
	struct fixture *f = *state;
	uint32_t hosts[] = {f->host, fixture_host(f, "web-2", "")};
	int64_t by_expiry[2][20];
	unsigned count[2] = {0};
	fixture_begin(f);
	for (int i = 0; i < 22; i++) {
		int of = i % 11 == 0; /* two of the second's */
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.100.%d", i);
		struct block b = fixture_block(f, text);
		b.host = hosts[of];
		b.expires = f->now + i / 4; /* ties */
		b.state = i == 11 ? BLOCK_FAILED : BLOCK_APPLIED;
		assert_int_equal(store_block_put(f->store, &b), 0);
		by_expiry[of][count[of]++] = b.id;
	}
	fixture_commit(f);
	const uint32_t active = 1u << BLOCK_APPLIED | 1u << BLOCK_FAILED;
	for (int of = 0; of < 2; of++) {
		unsigned n = count[of];
		for (int all = 0; all < 2; all++) {
			struct seen seen = {0};
			assert_int_equal(store_block_each(f->store, hosts[of],
						 all ? UINT32_MAX : active, see, &seen),
				0);
			assert_int_equal(seen.n, n);
			assert_memory_equal(seen.ids, by_expiry[of], n * sizeof(int64_t));
			/* these came in the order of their ends */
			seen = (struct seen){0};
			assert_int_equal(store_block_load(f->store, hosts[of],
						 all ? UINT32_MAX : active, see, &seen),
				0);
			assert_int_equal(seen.n, n);
			assert_memory_equal(seen.ids, by_expiry[of], n * sizeof(int64_t));
		}
	}
	struct seen seen = {.stop_at = 1};
	assert_int_equal(store_block_each(f->store, hosts[1], active, see, &seen), 77);
	seen = (struct seen){0};
	assert_int_equal(store_block_each(f->store, hosts[1], 1u << BLOCK_FAILED, see, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.ids[0], by_expiry[1][1]);
	/* what is walked may end */
	fixture_begin(f);
	seen = (struct seen){.end = f};
	assert_int_equal(store_block_each(f->store, hosts[1], active, see, &seen), 0);
	fixture_commit(f);
	assert_int_equal(seen.n, 2);
	seen = (struct seen){0};
	assert_int_equal(store_block_each(f->store, hosts[1], active, see, &seen), 0);
	assert_int_equal(seen.n, 0);
}

static void due_ends_in_pieces_and_says_when_next(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	for (int i = 1; i <= 5; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.100.%d", i);
		(void)put_until(f, text, i * 100);
	}
	(void)put_until(f, "198.51.100.9", BLOCK_FOREVER);
	int64_t next = 0;
	struct seen seen = {.end = f};
	assert_int_equal(store_block_due(f->store, 300, 2, see, &seen, &next), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(next, 300);
	assert_int_equal(store_block_due(f->store, 300, 2, see, &seen, &next), 0);
	assert_int_equal(seen.n, 3);
	assert_int_equal(next, 400);
	assert_int_equal(store_block_due(f->store, 300, 2, see, &seen, &next), 0);
	assert_int_equal(seen.n, 3);
	assert_int_equal(store_block_due(f->store, INT64_MAX, 10, see, &seen, &next), 0);
	assert_int_equal(seen.n, 5);
	assert_int_equal(next, INT64_MAX);
	fixture_commit(f);
	int64_t counts[BLOCK_STATES];
	assert_int_equal(store_block_counts(f->store, 0, counts), 0);
	assert_int_equal(counts[BLOCK_EXPIRED], 5);
	assert_int_equal(counts[BLOCK_WANTED], 1);
}

static unsigned covering(struct fixture *f, const char *target)
{
	struct seen seen = {0};
	struct prefix p = fixture_prefix(target);
	assert_int_equal(store_block_covering(f->store, f->account.id, &p, see, &seen), 0);
	return seen.n;
}

static void covering_finds_wider_and_narrower(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	(void)put(f, "198.51.100.7");
	(void)put(f, "198.51.100.0/24");
	(void)put(f, "198.51.101.7");
	(void)put(f, "2001:db8:1:2::/64");
	struct block ended = put(f, "198.51.100.9");
	ended.state = BLOCK_CANCELED;
	assert_int_equal(store_block_put(f->store, &ended), 0);
	fixture_commit(f);
	assert_int_equal(covering(f, "198.51.100.7"), 2);
	assert_int_equal(covering(f, "198.51.100.9"), 1);
	assert_int_equal(covering(f, "198.51.100.0/24"), 2);
	assert_int_equal(covering(f, "198.51.100.0/23"), 3);
	assert_int_equal(covering(f, "192.0.2.1"), 0);
	assert_int_equal(covering(f, "2001:db8:1:2::55"), 1);
	assert_int_equal(covering(f, "2001:db8::/32"), 1);
	assert_int_equal(covering(f, "::/0"), 4);

	/* another account's are another's */
	struct account mine = f->account, other = {.name = "other"};
	fixture_begin(f);
	assert_int_equal(store_account_add(f->store, &other), 0);
	fixture_commit(f);
	f->account = other;
	assert_int_equal(covering(f, "::/0"), 0);
	uint32_t host = fixture_host(f, "web-of-others", "");
	fixture_begin(f);
	struct block theirs = fixture_block(f, "198.51.100.7");
	theirs.host = host;
	assert_int_equal(store_block_put(f->store, &theirs), 0);
	fixture_commit(f);
	assert_int_equal(covering(f, "198.51.100.7"), 1);
	assert_int_equal(covering(f, "198.51.100.0/24"), 1);
	f->account = mine;
	assert_int_equal(covering(f, "198.51.100.7"), 2);
	/* on whatever host */
	struct block second = fixture_block(f, "198.51.100.7");
	second.host = fixture_host(f, "web-2", "");
	fixture_begin(f);
	assert_int_equal(store_block_put(f->store, &second), 0);
	fixture_commit(f);
	assert_int_equal(covering(f, "198.51.100.7"), 3);
}

static struct block ended(
	struct fixture *f, const char *target, enum block_state s, int64_t changed)
{
	struct block b = fixture_block(f, target);
	b.state = s;
	b.changed = changed;
	assert_int_equal(store_block_put(f->store, &b), 0);
	return b;
}

static void expunge_takes_only_what_has_ended(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	int64_t old = f->now - 1000;
	(void)ended(f, "198.51.100.1", BLOCK_WANTED, old);
	(void)ended(f, "198.51.100.2", BLOCK_APPLIED, old);
	(void)ended(f, "198.51.100.3", BLOCK_CANCELLING, old);
	(void)ended(f, "198.51.100.4", BLOCK_EXPIRED, old);
	(void)ended(f, "198.51.100.5", BLOCK_CANCELED, old);
	(void)ended(f, "198.51.100.6", BLOCK_EXPIRED, f->now);
	(void)ended(f, "198.51.100.7", BLOCK_FAILED, old); /* its hour is not over */
	struct block last = ended(f, "198.51.100.8", BLOCK_EXPIRED, old);
	assert_int_equal(store_block_expunge(f->store, f->now, 2), 2);
	assert_int_equal(store_block_expunge(f->store, f->now, 2), 1);
	assert_int_equal(store_block_expunge(f->store, f->now, 2), 0);
	assert_int_equal(store_block_expunge(f->store, f->now + 3700000, 200), 2);
	/* an id is never given twice */
	struct block b = put(f, "198.51.100.99");
	assert_true(b.id > last.id);
	fixture_commit(f);
	int64_t counts[BLOCK_STATES];
	assert_int_equal(store_block_counts(f->store, f->account.id, counts), 0);
	const int64_t wanted[BLOCK_STATES] = {2, 1, 0, 0, 1, 0};
	assert_memory_equal(counts, wanted, sizeof(counts));
}

/* What the block says now is what is counted, also when a new life has another rule. */
static void sources_are_counted_by_whose_rule(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block b = put(f, "198.51.100.1");
	(void)put(f, "198.51.100.2");
	b.source = b.source == RULE_USER ? RULE_BLINK : RULE_USER;
	b.state = BLOCK_APPLIED;
	assert_int_equal(store_block_put(f->store, &b), 0);
	struct block out = b;
	out.id = 0;
	out.direction = BLOCK_OUT;
	assert_int_equal(store_block_put(f->store, &out), 0);
	fixture_commit(f);
	fixture_reopen(f);
	enum rule_source moved = b.source, other = moved == RULE_USER ? RULE_BLINK : RULE_USER;
	int64_t all[RULE_SOURCES], applied[RULE_SOURCES];
	assert_int_equal(store_block_sources(f->store, f->account.id, 0, all), 0);
	assert_int_equal(
		store_block_sources(f->store, f->account.id, 1u << BLOCK_APPLIED, applied), 0);
	assert_int_equal(all[moved], 1);
	assert_int_equal(all[other], 1);
	assert_int_equal(applied[moved], 1);
	assert_int_equal(applied[other], 0);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_block_reads_back_as_it_was_put),
		TEST(an_update_changes_the_content),
		TEST(a_kernels_word_changes_the_state_alone),
		TEST(what_cannot_be_is_refused),
		TEST(counting_adds_and_keeps_the_latest),
		TEST(each_walks_states_by_expiry),
		TEST(each_walks_one_host),
		TEST(due_ends_in_pieces_and_says_when_next),
		TEST(covering_finds_wider_and_narrower),
		TEST(expunge_takes_only_what_has_ended),
		TEST(sources_are_counted_by_whose_rule),
	};
	return cmocka_run_group_tests_name("store/blocks", tests, NULL, NULL);
}
