/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions against a model: random changes to a few hundred records, mirrored
 * in an array; then every kind of filter is asked and must give what a plain
 * walk over the array gives, page by page.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS   6 /* the last belongs to another account */
#define RECORDS 600

#ifndef GROUP
#define GROUP "store/block_query"
#endif

struct model {
	struct fixture *f;
	struct host hosts[HOSTS];
	struct block blocks[RECORDS];
	unsigned n;
	uint64_t random;
	int64_t clock;
	bool stale; /* what changes now was attempted long ago, before 1970 even */
};

static unsigned pick(struct model *m, unsigned n)
{
	return (unsigned)(fixture_random(&m->random) >> 33) % n;
}

static int keep_host(void *ctx, const struct host *h)
{
	struct model *m = ctx;
	m->hosts[h->id - 1] = *h;
	return 0;
}

static int64_t add_account(struct fixture *f)
{
	struct account other = {.name = "other"};
	fixture_begin(f);
	assert_int_equal(store_account_add(f->store, &other), 0);
	fixture_commit(f);
	return other.id;
}

/* Of the first four hosts; the others stay in the default one. */
static void give_projects(struct model *m)
{
	static const char *const projects[] = {"0", "shop", "0", "sho"};
	fixture_begin(m->f);
	for (unsigned i = 0; i < countof(projects); i++) {
		struct host *h = &m->hosts[i];
		(void)snprintf(
			h->enterprise_project, sizeof(h->enterprise_project), "%s", projects[i]);
		assert_int_equal(store_host_put(m->f->store, h), 0);
	}
	fixture_commit(m->f);
}

static struct model *model_new(struct fixture *f, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	m->f = f;
	m->random = seed;
	m->clock = f->now;
	(void)fixture_host(f, "web-2", "203.0.113.11");
	(void)fixture_host(f, "DB-1", "");
	(void)fixture_host(f, "mail", "198.18.0.5");
	(void)fixture_host(f, "web-3", "2001:db8::9");
	struct account first = f->account;
	f->account.id = add_account(f);
	(void)fixture_host(f, "web-of-others", "203.0.113.99");
	f->account = first;
	assert_int_equal(store_host_each(f->store, 0, keep_host, m), 0);
	give_projects(m);
	return m;
}

/* Few values each, so that filters meet. */
static struct prefix random_target(struct model *m)
{
	struct addr v4 = addr_from_v4(0xc6336400u + pick(m, 60));
	struct addr v6 = fixture_prefix("2001:db8:1::1").addr;
	v6.b[7] = (uint8_t)pick(m, 20);
	switch (pick(m, 8)) {
	case 0:
		return prefix_of(&v6, 64);
	case 1:
		return prefix_of(&v6, 128);
	case 2:
		return prefix_of(&v4, 120);
	default:
		return prefix_of(&v4, 128);
	}
}

static void randomize(struct model *m, struct block *b)
{
	/* ties are common, and hours are crossed */
	m->clock += pick(m, 3) ? 0 : pick(m, 2000000);
	b->state = (enum block_state)pick(m, pick(m, 4) ? 3 : BLOCK_STATES);
	b->applied_once = pick(m, 2);
	b->latest_attempt = m->clock - pick(m, 20) * 1000000 - (m->stale ? 1800000000000 : 0);
	if (pick(m, 3) == 0) /* on the hour */
		b->latest_attempt -= b->latest_attempt % 3600000;

	b->changed = m->clock;
	b->attempts++;
}

static bool model_has(const struct model *m, const struct block *b)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct block *o = &m->blocks[i];
		if (o->host == b->host && o->service == b->service &&
			o->direction == b->direction && prefix_eq(&o->target, &b->target))
			return true;
	}
	return false;
}

static void change_one(struct model *m)
{
	struct store *s = m->f->store;
	if (m->n < RECORDS && (m->n < 20 || pick(m, 3) == 0)) {
		struct block b = fixture_block(m->f, "192.0.2.1");
		b.host = 1 + pick(m, pick(m, 2) ? HOSTS : 1);
		b.account = m->hosts[b.host - 1].account;
		b.target = random_target(m);
		b.service = (enum service)pick(m, SERVICE_COUNT);
		b.direction = (enum block_direction)(pick(m, 6) == 0);
		randomize(m, &b);
		if (model_has(m, &b))
			return;
		assert_int_equal(store_block_put(s, &b), 0);
		m->blocks[m->n++] = b;
		return;
	}
	struct block *b = &m->blocks[pick(m, m->n)];
	if (pick(m, 4) == 0) {
		int64_t latest = m->clock + pick(m, 9000000);
		assert_int_equal(store_block_count(s, b->id, 3, latest), 0);
		b->attempts += 3;
		b->latest_attempt = MAX_OF(b->latest_attempt, latest);
		return;
	}
	randomize(m, b);
	assert_int_equal(store_block_put(s, b), 0);
}

static void change_many(struct model *m, unsigned n)
{
	fixture_begin(m->f);
	struct model *before = malloc(sizeof(*before));
	assert_non_null(before);
	*before = *m;
	for (unsigned i = 0; i < n; i++)
		change_one(m);
	if (pick(m, 5) == 0) {
		uint64_t random = m->random;
		store_rollback(m->f->store);
		*m = *before;
		m->random = random;
	} else {
		fixture_commit(m->f);
	}
	free(before);
}

/* The plain way: a line is what is between two line ends. */
static bool one_of(const char *lines, const char *text)
{
	char all[128], line[80];
	(void)snprintf(all, sizeof(all), "\n%s\n", lines);
	(void)snprintf(line, sizeof(line), "\n%s\n", text);
	return strstr(all, line) != NULL;
}

static bool host_matches(const struct block_query *q, const struct host *h)
{
	const char *part = q->host_like;
	return (!q->host || q->host == h->id) &&
	       (!q->host_name || strcmp(q->host_name, h->name) == 0) &&
	       (!q->instance_id || strcmp(q->instance_id, h->instance_id) == 0) &&
	       (!q->enterprise_project ||
		       strcmp(q->enterprise_project, h->enterprise_project) == 0) &&
	       (!q->enterprise_projects || !q->enterprise_projects[0] ||
		       one_of(q->enterprise_projects, h->enterprise_project)) &&
	       (!part || strcasestr(h->name, part) || strcasestr(h->internet_ip, part) ||
		       strcasestr(h->intranet_ip, part));
}

static bool matches(const struct model *m, const struct block_query *q, const struct block *b)
{
	return host_matches(q, &m->hosts[b->host - 1]) &&
	       (!q->account || q->account == b->account) &&
	       (!q->states || q->states >> b->state & 1) && (!q->applied_once || b->applied_once) &&
	       (!q->has_address || prefix_has(&b->target, &q->address)) &&
	       (!q->service || q->service == b->service) &&
	       (!q->has_direction || q->has_direction - 1 == (int)b->direction) &&
	       (!q->logins || b->service != SERVICE_NONE) &&
	       (!q->since || b->latest_attempt >= q->since) &&
	       (!q->until || b->latest_attempt <= q->until);
}

static int newest_first(const void *a, const void *b)
{
	const struct block *x = a, *y = b;
	if (x->changed != y->changed)
		return x->changed < y->changed ? 1 : -1;
	return (x->id < y->id) - (x->id > y->id);
}

struct page {
	struct block_row rows[RECORDS];
	unsigned n;
};

static int keep_row(void *ctx, const struct block_row *row)
{
	struct page *page = ctx;
	assert_true(page->n < RECORDS);
	page->rows[page->n++] = *row;
	return 0;
}

/* Every page of one size, laid end to end, is the model's list. */
static void ask(struct model *m, struct store *s, struct block_query q, int64_t limit)
{
	static struct block expected[RECORDS];
	static struct page page;
	unsigned n = 0;
	for (unsigned i = 0; i < m->n; i++)
		if (matches(m, &q, &m->blocks[i]))
			expected[n++] = m->blocks[i];
	qsort(expected, n, sizeof(expected[0]), newest_first);

	q.limit = limit;
	page.n = 0;
	for (q.offset = 0; q.offset <= n; q.offset += limit) {
		int64_t total = -1;
		unsigned before = page.n;
		int r = store_block_query(s, &q, keep_row, &page, &total);
		if (r != 0)
			fail_msg("%d: %s", r, store_error(s));
		assert_int_equal(total, n);
		assert_int_equal(page.n - before, MIN_OF(limit, (int64_t)n - q.offset));
	}
	assert_int_equal(page.n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(page.rows[i].block.id, expected[i].id);
		assert_int_equal(page.rows[i].block.attempts, expected[i].attempts);
		assert_int_equal(page.rows[i].block.latest_attempt, expected[i].latest_attempt);
		assert_string_equal(page.rows[i].host.name, m->hosts[expected[i].host - 1].name);
	}
}

static struct block_query random_question(struct model *m)
{
	struct block_query q = {.account = pick(m, 4) ? m->f->account.id + pick(m, 5) / 4 : 0};
	if (pick(m, 2))
		q.states = 1 + pick(m, 63);
	q.applied_once = pick(m, 3) == 0;
	q.service = (enum service)(pick(m, 3) ? 0 : 1 + pick(m, 4));
	q.has_direction = (int)(pick(m, 4) ? 0 : 1 + pick(m, 2));
	q.logins = pick(m, 3) == 0;
	static const char *const likes[] = {"web", "203.0.113", "nothing", "db", "1"};
	if (pick(m, 3) == 0)
		q.host_like = likes[pick(m, countof(likes))];
	if (pick(m, 5) == 0)
		q.host = 1 + pick(m, HOSTS + 1);
	if (pick(m, 8) == 0)
		q.host_name = "mail";
	if (pick(m, 8) == 0)
		q.instance_id = "i-web-2";
	if (pick(m, 8) == 0)
		q.enterprise_project = pick(m, 4) ? "0" : "shop";
	static const char *const lists[] = {"", "shop", "0\nsho", "sh\nshop\n", "other", "0"};
	if (pick(m, 4) == 0)
		q.enterprise_projects = lists[pick(m, countof(lists))];
	if (pick(m, 4) == 0) {
		q.has_address = true;
		q.address = random_target(m).addr;
	}
	/* bounds are of the range: just at a record, or just beside it */
	if (m->n && pick(m, 3) == 0)
		q.since = m->blocks[pick(m, m->n)].latest_attempt + pick(m, 3) - 1;
	if (m->n && pick(m, 4) == 0)
		q.until = m->blocks[pick(m, m->n)].latest_attempt + pick(m, 3) - 1;
	return q;
}

static void any_question_is_answered_as_by_the_model(void **state)
{
	struct model *m = model_new(*state, 42);
	struct fixture *f = *state;
	struct store *reader;
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	for (unsigned round = 0; round < 60; round++) {
		m->stale = pick(m, 3) == 0;
		change_many(m, 1 + pick(m, 60));
		ask(m, reader, (struct block_query){.account = f->account.id}, 7);
		int64_t latest = m->n ? m->blocks[pick(m, m->n)].latest_attempt : 1;
		ask(m, reader, (struct block_query){.account = f->account.id, .since = latest}, 9);
		for (unsigned i = 0; i < 12; i++)
			ask(m, reader, random_question(m), 1 + pick(m, 40));
	}
	assert_true(m->n > 250);
	reader = store_close(reader);
	free(m);
}

static void the_writer_sees_its_own_transaction(void **state)
{
	struct fixture *f = *state;
	struct model *m = model_new(f, 7);
	change_many(m, 100);
	fixture_begin(f);
	for (unsigned i = 0; i < 50; i++) {
		change_one(m);
		ask(m, f->store, (struct block_query){.account = f->account.id}, 50);
		ask(m, f->store, random_question(m), 50);
	}
	fixture_commit(f);
	free(m);
}

/* The hours of the counters: all records in few of them, and pages deep in each. */
static void deep_pages_neither_overlap_nor_skip(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 6000 };
	fixture_begin(f);
	for (unsigned i = 0; i < COUNT; i++) {
		struct block b = fixture_block(f, "192.0.2.1");
		b.target.addr = addr_from_v4(0x0a000000u + i);
		b.state = (enum block_state)(i % 3);
		b.changed = f->now + (int64_t)(i / 4 * 4) * 5000; /* ties of four, 8 hours */
		assert_int_equal(store_block_put(f->store, &b), 0);
	}
	fixture_commit(f);
	static struct page page;
	for (int64_t offset = 0; offset < COUNT; offset += 97) {
		struct block_query q = {.account = f->account.id, .offset = offset, .limit = 3};
		int64_t total;
		page.n = 0;
		assert_int_equal(store_block_query(f->store, &q, keep_row, &page, &total), 0);
		assert_int_equal(total, COUNT);
		for (unsigned i = 0; i < page.n; i++) {
			/* id 1 is the oldest, ids ascend within a tie too */
			assert_int_equal(page.rows[i].block.id, COUNT - offset - i);
		}
		assert_int_equal(page.n, MIN_OF(3, COUNT - offset));
	}
	/* state 1 alone: ids 2, 5, 8 … */
	for (int64_t offset = 0; offset < COUNT / 3; offset += 89) {
		struct block_query q = {
			.account = f->account.id, .offset = offset, .limit = 1, .states = 1u << 1};
		int64_t total;
		page.n = 0;
		assert_int_equal(store_block_query(f->store, &q, keep_row, &page, &total), 0);
		assert_int_equal(total, COUNT / 3);
		assert_int_equal(page.rows[0].block.id, COUNT - 1 - 3 * offset);
	}
}

static int stop_here(void *ctx, const struct block_row *row)
{
	(void)row;
	++*(int *)ctx;
	return -ECANCELED;
}

static void the_edges_of_a_question(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct block b = fixture_block(f, "198.51.100.7");
	assert_int_equal(store_block_put(f->store, &b), 0);
	fixture_commit(f);
	int64_t total = -1;
	int calls = 0;
	struct block_query q = {.account = f->account.id};
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), 0);
	assert_int_equal(total, 1); /* limit 0: only the count */
	assert_int_equal(calls, 0);
	q.limit = 5;
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), -ECANCELED);
	assert_int_equal(calls, 1);
	q.offset = 1;
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), 0);
	assert_int_equal(calls, 1);
	q.offset = -1;
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), -EINVAL);
	q = (struct block_query){.account = f->account.id + 1, .limit = 5};
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), 0);
	assert_int_equal(total, 0);
	q = (struct block_query){.states = 1u << 9, .limit = 5};
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), 0);
	assert_int_equal(total, 0);
	q = (struct block_query){.limit = 5, .since = INT64_MAX - 5, .until = INT64_MAX};
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), 0);
	assert_int_equal(total, 0);
	q = (struct block_query){.limit = 5, .since = INT64_MIN + 5, .until = INT64_MIN + 9};
	assert_int_equal(store_block_query(f->store, &q, stop_here, &calls, &total), 0);
	assert_int_equal(total, 0);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(any_question_is_answered_as_by_the_model),
		TEST(the_writer_sees_its_own_transaction),
		TEST(deep_pages_neither_overlap_nor_skip),
		TEST(the_edges_of_a_question),
	};
	return cmocka_run_group_tests_name(GROUP, tests, NULL, NULL);
}
