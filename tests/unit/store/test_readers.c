/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One writer, several readers, each a thread with its own connection. Every
 * transaction moves a number in meta and as many records; whatever instant a
 * reader sees, they agree.
 */
#include "fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define READERS      3
#define TRANSACTIONS 400
#define EACH         3 /* blocks a transaction */

struct reader {
	pthread_t thread;
	const struct fixture *f;
	atomic_bool *stop;
	unsigned views, distinct;
	const char *wrong; /* what did not agree */
};

struct ids {
	int64_t id[16];
	unsigned n;
};

static int keep_id(void *ctx, const struct block_row *row)
{
	struct ids *ids = ctx;
	if (ids->n < countof(ids->id))
		ids->id[ids->n++] = row->block.id;
	return 0;
}

/* Everything within one snapshot; NULL or what is wrong. */
static const char *look(struct store *s, int64_t account, int64_t *ret_n)
{
	char text[24] = "0";
	if (store_meta_get(s, "n", text, sizeof(text)) < 0)
		return "meta";
	int64_t n = strtoll(text, NULL, 10), total = -1, counts[BLOCK_STATES], sum = 0;
	*ret_n = n;
	struct ids ids = {0};
	struct block_query q = {.account = account, .limit = 5};
	if (store_block_query(s, &q, keep_id, &ids, &total) != 0 || total != n * EACH)
		return "total";
	q.offset = 5;
	if (store_block_query(s, &q, keep_id, &ids, &total) != 0 || total != n * EACH)
		return "total of the second page";
	for (unsigned i = 1; i < ids.n; i++)
		if (ids.id[i] != ids.id[i - 1] - 1)
			return "pages overlap or skip";
	if (ids.n != MIN_OF(n * EACH, 10) || (n && ids.id[0] != n * EACH))
		return "the first page is not the latest";
	if (store_block_counts(s, account, counts) != 0)
		return "counts";
	for (unsigned i = 0; i < BLOCK_STATES; i++)
		sum += counts[i];
	if (sum != n * EACH || store_attempt_total(s, 0) != n)
		return "sum of the states";
	return NULL;
}

static void *read_on(void *ctx)
{
	struct reader *r = ctx;
	struct store *s;
	if (store_open_reader(r->f->dir, &s, NULL) < 0) {
		r->wrong = "open";
		return NULL;
	}
	int64_t last = -1;
	bool stopped;
	do {
		stopped = atomic_load(r->stop); /* one more look after the last commit */
		int64_t n = last;
		if (store_snapshot(s) < 0)
			r->wrong = "snapshot";
		else
			r->wrong = look(s, r->f->account.id, &n);
		store_snapshot_end(s);
		if (n < last)
			r->wrong = "time went back";
		r->distinct += n != last;
		r->views++;
		last = n;
	} while (!r->wrong && !stopped);
	if (!r->wrong && last != TRANSACTIONS)
		r->wrong = "the end was not seen";
	(void)store_close(s);
	return NULL;
}

static void write_one(struct fixture *f, int64_t n)
{
	fixture_begin(f);
	for (int i = 0; i < EACH; i++) {
		struct block b = fixture_block(f, "192.0.2.1");
		b.target.addr = addr_from_v4(0x0a000000u + (uint32_t)(n * EACH + i));
		b.state = (enum block_state)(n % BLOCK_STATES);
		b.changed = f->now + n;
		assert_int_equal(store_block_put(f->store, &b), 0);
	}
	struct prefix source = fixture_prefix("192.0.2.1");
	assert_int_equal(store_attempt_add(f->store, f->now + n * 1000, f->host, 1, &source, 1), 0);
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRId64, n);
	assert_int_equal(store_meta_put(f->store, "n", text), 0);
}

static void every_view_is_of_one_instant(void **state)
{
	struct fixture *f = *state;
	atomic_bool stop = false;
	struct reader readers[READERS] = {0};
	for (unsigned i = 0; i < READERS; i++) {
		readers[i].f = f;
		readers[i].stop = &stop;
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	for (int64_t n = 1; n <= TRANSACTIONS; n++) {
		write_one(f, n);
		if (n % 10 == 0) {
			store_rollback(f->store);
			write_one(f, n);
		}
		fixture_commit(f);
		if (n % 50 == 0)
			assert_int_equal(store_maintain(f->store), 0);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
	for (unsigned i = 0; i < READERS; i++) {
		if (readers[i].wrong)
			fail_msg("reader %u: %s", i, readers[i].wrong);
		assert_true(readers[i].views > 0);
	}
}

/* The writer's commit does not wait for a view that stays open. */
static void an_open_view_blocks_nobody(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	assert_int_equal(store_snapshot(reader), 0);
	for (int64_t n = 1; n <= 20; n++) {
		write_one(f, n);
		fixture_commit(f);
	}
	assert_int_equal(store_maintain(f->store), 0);
	int64_t seen = -1;
	assert_null(look(reader, f->account.id, &seen));
	assert_int_equal(seen, 0);
	store_snapshot_end(reader);
	assert_null(look(reader, f->account.id, &seen));
	assert_int_equal(seen, 20);
	reader = store_close(reader);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_view_is_of_one_instant),
		TEST(an_open_view_blocks_nobody),
	};
	return cmocka_run_group_tests_name("store/readers", tests, NULL, NULL);
}
