/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Custom blocks: their numbers agree with their targets and records, whatever happens to those. */
#include "store/custom.h"

#include "fixture.h"

#include <errno.h>
#include <string.h>

static struct custom_block put(struct fixture *f, const char *target)
{
	struct custom_block cb = fixture_custom(f, target);
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_true(cb.id > 0);
	return cb;
}

static void put_target(struct fixture *f, const struct custom_block *cb, uint32_t host)
{
	assert_int_equal(store_custom_target_put(f->store, cb->id, host), 0);
}

/* The record of a custom block on a host, in the state. */
static struct block record(
	struct fixture *f, const struct custom_block *cb, uint32_t host, enum block_state state)
{
	struct block b;
	int r = store_block_find(f->store, host, &cb->target, SERVICE_NONE, cb->direction, &b);
	assert_true(r >= 0);
	if (r == STORE_NOT_FOUND)
		b = (struct block){.account = cb->account,
			.host = host,
			.target = cb->target,
			.direction = cb->direction,
			.source = RULE_USER,
			.expires = cb->expires};
	b.state = state;
	(void)snprintf(b.error, sizeof(b.error), "%s", state == BLOCK_FAILED ? "Refused" : "");
	b.changed = ++f->now;
	assert_int_equal(store_block_put(f->store, &b), 0);
	return b;
}

static void assert_numbers(struct fixture *f, const struct custom_block *cb, unsigned servers,
	unsigned applied, enum custom_status status)
{
	struct custom_block got;
	assert_int_equal(store_custom_get(f->store, cb->id, &got), 0);
	assert_int_equal(got.servers, servers);
	assert_int_equal(got.applied, applied);
	assert_int_equal(got.status, status);
}

static void assert_custom_equal(const struct custom_block *a, const struct custom_block *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->account, b->account);
	assert_true(prefix_eq(&a->target, &b->target));
	assert_int_equal(a->direction, b->direction);
	assert_int_equal(a->enabled, b->enabled);
	assert_int_equal(a->everywhere, b->everywhere);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->changed, b->changed);
	assert_string_equal(a->why, b->why);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->servers, b->servers);
	assert_int_equal(a->applied, b->applied);
}

static void it_reads_back_as_it_was_put(void **state)
{
	struct fixture *f = *state;
	struct custom_block cb = fixture_custom(f, "2001:db8::/32"), got;
	cb.direction = BLOCK_OUT;
	cb.everywhere = true;
	cb.expires = BLOCK_FOREVER;
	memset(cb.why, 'y', sizeof(cb.why) - 1);
	cb.servers = 7; /* not the caller's to say */
	fixture_begin(f);
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_int_equal(cb.servers, 0);
	assert_int_equal(cb.status, CUSTOM_FAILED);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(store_custom_get(f->store, cb.id, &got), 0);
	assert_custom_equal(&got, &cb);
	cb.enabled = false;
	cb.everywhere = false;
	cb.expires = f->now + 5;
	cb.changed++;
	(void)snprintf(cb.why, sizeof(cb.why), "x");
	fixture_begin(f);
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_int_equal(cb.status, CUSTOM_OFF);
	fixture_commit(f);
	assert_int_equal(store_custom_find(f->store, cb.account, &cb.target, BLOCK_OUT, &got), 0);
	assert_custom_equal(&got, &cb);
	assert_int_equal(store_custom_find(f->store, cb.account, &cb.target, BLOCK_IN, &got),
		STORE_NOT_FOUND);
	assert_int_equal(store_custom_find(f->store, cb.account + 1, &cb.target, BLOCK_OUT, &got),
		STORE_NOT_FOUND);
	assert_int_equal(store_custom_get(f->store, cb.id + 1, &got), STORE_NOT_FOUND);
	fixture_assert_sound(f);
}

static void refuse(struct fixture *f, struct custom_block cb, int code)
{
	fixture_begin(f);
	assert_int_equal(store_custom_put(f->store, &cb), code);
	store_rollback(f->store);
}

static void what_it_is_about_never_changes(void **state)
{
	struct fixture *f = *state;
	struct account other = {.name = "other"};
	fixture_begin(f);
	struct custom_block cb = put(f, "198.51.100.7");
	assert_int_equal(store_account_add(f->store, &other), 0);
	fixture_commit(f);
	struct custom_block c = cb;
	c.id = 0;
	refuse(f, c, -EEXIST);
	c = cb;
	c.target = fixture_prefix("198.51.100.8");
	refuse(f, c, -EINVAL);
	c = cb;
	c.direction = BLOCK_OUT;
	refuse(f, c, -EINVAL);
	c = cb;
	c.account = other.id;
	refuse(f, c, -EINVAL);
	c = cb;
	c.id = 99;
	refuse(f, c, -EINVAL);
	c = cb;
	c.target.len = 127; /* bits beyond it */
	refuse(f, c, -EINVAL);
	/* another account may have the same */
	fixture_begin(f);
	c = cb;
	c.id = 0;
	c.account = other.id;
	assert_int_equal(store_custom_put(f->store, &c), 0);
	assert_int_not_equal(c.id, cb.id);
	/* a server of the one is none of the other's */
	assert_int_equal(store_custom_target_put(f->store, c.id, f->host), -EINVAL);
	store_rollback(f->store);
	fixture_begin(f);
	assert_int_equal(store_custom_target_put(f->store, 77, f->host), -EINVAL);
	store_rollback(f->store);
}

static void ids_are_never_given_twice(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct custom_block cb = put(f, "198.51.100.7");
	fixture_commit(f);
	fixture_reopen(f);
	fixture_begin(f);
	assert_int_equal(store_custom_remove(f->store, cb.id), 0);
	assert_int_equal(store_custom_remove(f->store, cb.id), STORE_NOT_FOUND);
	fixture_commit(f);
	fixture_reopen(f);
	fixture_begin(f);
	assert_true(put(f, "198.51.100.7").id > cb.id);
	fixture_commit(f);
	fixture_assert_sound(f);
}

static void the_status_follows_the_kernels(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "203.0.113.11");
	fixture_begin(f);
	struct custom_block cb = put(f, "198.51.100.7");
	put_target(f, &cb, f->host);
	put_target(f, &cb, f->host);
	put_target(f, &cb, second);
	assert_numbers(f, &cb, 2, 0, CUSTOM_FAILED);
	(void)record(f, &cb, f->host, BLOCK_WANTED);
	(void)record(f, &cb, second, BLOCK_WANTED);
	assert_numbers(f, &cb, 2, 0, CUSTOM_FAILED);
	fixture_commit(f);
	fixture_begin(f);
	(void)record(f, &cb, second, BLOCK_APPLIED);
	(void)record(f, &cb, f->host, BLOCK_FAILED);
	assert_numbers(f, &cb, 2, 1, CUSTOM_ENABLED);
	(void)record(f, &cb, f->host, BLOCK_APPLIED);
	assert_numbers(f, &cb, 2, 2, CUSTOM_ENABLED);
	fixture_commit(f);
	fixture_begin(f);
	(void)record(f, &cb, second, BLOCK_CANCELLING);
	(void)record(f, &cb, f->host, BLOCK_EXPIRED);
	fixture_commit(f);
	assert_numbers(f, &cb, 2, 0, CUSTOM_FAILED);
	fixture_assert_sound(f);
}

static void others_do_not_count(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "203.0.113.11");
	fixture_begin(f);
	struct custom_block cb = put(f, "198.51.100.7"), out = fixture_custom(f, "198.51.100.7");
	out.direction = BLOCK_OUT;
	assert_int_equal(store_custom_put(f->store, &out), 0);
	put_target(f, &cb, f->host);
	put_target(f, &out, f->host);
	/* a login's record, a wider one, the other direction, a host that is no target */
	struct block login = fixture_block(f, "198.51.100.7");
	login.state = BLOCK_APPLIED;
	assert_int_equal(store_block_put(f->store, &login), 0);
	struct custom_block wide = fixture_custom(f, "198.51.100.0/24");
	(void)record(f, &wide, f->host, BLOCK_APPLIED);
	(void)record(f, &out, f->host, BLOCK_APPLIED);
	(void)record(f, &cb, second, BLOCK_APPLIED);
	fixture_commit(f);
	assert_numbers(f, &cb, 1, 0, CUSTOM_FAILED);
	assert_numbers(f, &out, 1, 1, CUSTOM_ENABLED);
	/* a target that is in force already counts at once */
	fixture_begin(f);
	put_target(f, &cb, second);
	fixture_commit(f);
	assert_numbers(f, &cb, 2, 1, CUSTOM_ENABLED);
	fixture_begin(f);
	assert_int_equal(store_custom_target_remove(f->store, cb.id, second), 0);
	assert_int_equal(store_custom_target_remove(f->store, cb.id, second), STORE_NOT_FOUND);
	assert_int_equal(store_custom_target_remove(f->store, 99, second), STORE_NOT_FOUND);
	fixture_commit(f);
	assert_numbers(f, &cb, 1, 0, CUSTOM_FAILED);
	fixture_assert_sound(f);
}

static void off_is_off_whatever_the_kernels_say(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct custom_block cb = put(f, "198.51.100.7");
	put_target(f, &cb, f->host);
	(void)record(f, &cb, f->host, BLOCK_APPLIED);
	cb.enabled = false;
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_int_equal(cb.applied, 1);
	assert_numbers(f, &cb, 1, 1, CUSTOM_OFF);
	(void)record(f, &cb, f->host, BLOCK_CANCELED);
	assert_numbers(f, &cb, 1, 0, CUSTOM_OFF);
	cb.enabled = true;
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_numbers(f, &cb, 1, 0, CUSTOM_FAILED);
	/* over: at the millisecond */
	cb.changed = cb.expires - 1;
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_int_equal(cb.status, CUSTOM_FAILED);
	cb.changed = cb.expires;
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_int_equal(cb.status, CUSTOM_OFF);
	fixture_commit(f);
	fixture_assert_sound(f);
}

static void a_rollback_takes_its_numbers_back(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	struct custom_block cb = put(f, "198.51.100.7");
	fixture_commit(f);
	fixture_begin(f);
	put_target(f, &cb, f->host);
	(void)record(f, &cb, f->host, BLOCK_APPLIED);
	(void)put(f, "198.51.100.8");
	store_rollback(f->store);
	assert_numbers(f, &cb, 0, 0, CUSTOM_FAILED);
	fixture_begin(f);
	put_target(f, &cb, f->host);
	fixture_commit(f);
	assert_numbers(f, &cb, 1, 0, CUSTOM_FAILED);
	fixture_assert_sound(f);
}

struct list {
	int64_t ids[512];
	enum block_state states[512];
	char errors[512][BLOCK_ERROR_MAX];
	unsigned n, stop_at;
	struct fixture *change;
};

static int note_custom(void *ctx, const struct custom_block *cb)
{
	struct list *list = ctx;
	assert_true(list->n < countof(list->ids));
	list->ids[list->n++] = cb->id;
	if (list->change) {
		struct custom_block other = *cb;
		other.enabled = false;
		assert_int_equal(store_custom_put(list->change->store, &other), 0);
	}
	return list->n == list->stop_at ? 66 : 0;
}

static int note_host(void *ctx, uint32_t host)
{
	struct list *list = ctx;
	list->ids[list->n++] = host;
	return list->n == list->stop_at ? 66 : 0;
}

static int note_instance(void *ctx, const struct custom_instance *i)
{
	struct list *list = ctx;
	list->states[list->n] = i->state;
	(void)snprintf(list->errors[list->n], BLOCK_ERROR_MAX, "%s", i->error);
	list->ids[list->n++] = i->host;
	return list->n == list->stop_at ? 66 : 0;
}

static void its_servers_and_what_came_of_it(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", ""), third = fixture_host(f, "web-3", "");
	fixture_begin(f);
	struct custom_block cb = put(f, "198.51.100.7"), other = put(f, "198.51.100.8");
	put_target(f, &cb, third);
	put_target(f, &cb, f->host);
	put_target(f, &cb, second);
	put_target(f, &other, second);
	(void)record(f, &cb, f->host, BLOCK_FAILED);
	(void)record(f, &cb, third, BLOCK_APPLIED);
	(void)record(f, &other, second, BLOCK_APPLIED);
	fixture_commit(f);
	struct list list = {0};
	assert_int_equal(store_custom_instances(f->store, &cb, note_instance, &list), 0);
	assert_int_equal(list.n, 3);
	assert_int_equal(list.ids[0], f->host);
	assert_int_equal(list.states[0], BLOCK_FAILED);
	assert_string_equal(list.errors[0], "Refused");
	assert_int_equal(list.ids[1], second);
	assert_int_equal(list.states[1], BLOCK_WANTED);
	assert_string_equal(list.errors[1], "");
	assert_int_equal(list.states[2], BLOCK_APPLIED);
	list = (struct list){.stop_at = 2};
	assert_int_equal(store_custom_instances(f->store, &cb, note_instance, &list), 66);
	list = (struct list){0};
	assert_int_equal(store_custom_target_each(f->store, cb.id, note_host, &list), 0);
	assert_int_equal(list.n, 3);
	assert_int_equal(list.ids[2], third);
	list = (struct list){.stop_at = 1};
	assert_int_equal(store_custom_target_each(f->store, cb.id, note_host, &list), 66);

	fixture_begin(f);
	assert_int_equal(store_custom_forget_host(f->store, second), 0);
	fixture_commit(f);
	assert_numbers(f, &cb, 2, 1, CUSTOM_ENABLED);
	assert_numbers(f, &other, 0, 0, CUSTOM_FAILED);
	fixture_begin(f);
	assert_int_equal(store_custom_remove(f->store, cb.id), 0);
	list = (struct list){0};
	assert_int_equal(store_custom_target_each(f->store, cb.id, note_host, &list), 0);
	assert_int_equal(list.n, 0);
	fixture_commit(f);
	fixture_assert_sound(f);
}

static void each_gives_those_in_force(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "");
	fixture_begin(f);
	struct custom_block one = put(f, "198.51.100.1"), two = put(f, "198.51.100.2");
	struct custom_block all = fixture_custom(f, "198.51.100.3"),
			    off = fixture_custom(f, "198.51.100.4");
	all.everywhere = off.everywhere = true;
	off.enabled = false;
	assert_int_equal(store_custom_put(f->store, &all), 0);
	assert_int_equal(store_custom_put(f->store, &off), 0);
	put_target(f, &one, f->host);
	put_target(f, &two, second);
	put_target(f, &all, second);
	put_target(f, &off, second);
	struct list list = {0};
	assert_int_equal(store_custom_each(f->store, f->account.id, second, note_custom, &list), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.ids[0], two.id);
	assert_int_equal(list.ids[1], all.id);
	list = (struct list){0};
	assert_int_equal(store_custom_each(f->store, f->account.id, 0, note_custom, &list), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.ids[0], all.id);
	list = (struct list){0};
	assert_int_equal(
		store_custom_each(f->store, f->account.id + 1, second, note_custom, &list), 0);
	assert_int_equal(list.n, 0);
	/* what is walked may change */
	list = (struct list){.change = f};
	assert_int_equal(store_custom_each(f->store, f->account.id, second, note_custom, &list), 0);
	assert_int_equal(list.n, 2);
	assert_numbers(f, &all, 1, 0, CUSTOM_OFF);
	fixture_commit(f);
	fixture_assert_sound(f);
}

static void due_ends_in_pieces_and_says_when_next(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	for (int i = 1; i <= 6; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.100.%d", i);
		struct custom_block cb = fixture_custom(f, text);
		cb.expires = i == 6 ? BLOCK_FOREVER : f->now + i * 100;
		cb.enabled = i != 5;
		assert_int_equal(store_custom_put(f->store, &cb), 0);
	}
	int64_t next = 0, at = f->now + 300;
	struct list list = {.change = f};
	assert_int_equal(store_custom_due(f->store, at, 2, note_custom, &list, &next), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(next, f->now + 300);
	assert_int_equal(store_custom_due(f->store, at, 2, note_custom, &list, &next), 0);
	assert_int_equal(list.n, 3);
	assert_int_equal(next, f->now + 400);
	assert_int_equal(
		store_custom_due(f->store, INT64_MAX - 1, 9, note_custom, &list, &next), 0);
	assert_int_equal(list.n, 4);
	assert_int_equal(next, INT64_MAX);
	fixture_commit(f);
	fixture_assert_sound(f);
}

/* What a list should be, found the slow way. */
struct truth {
	struct custom_block all[256];
	unsigned n;
};

static int newest_first(const void *a, const void *b)
{
	const struct custom_block *x = a, *y = b;
	if (x->changed != y->changed)
		return x->changed < y->changed ? 1 : -1;
	return x->id < y->id ? 1 : -1;
}

static bool meant(const struct custom_query *q, const struct custom_block *cb)
{
	return cb->account == q->account &&
	       (!q->has_status || q->has_status == (int)cb->status + 1) &&
	       (!q->has_direction || q->has_direction == (int)cb->direction + 1) &&
	       (!q->has_target || prefix_eq(&q->target, &cb->target));
}

static void assert_answer(
	struct fixture *f, const struct truth *truth, const struct custom_query *q)
{
	int64_t wanted[256], total = 0, got_total = -1;
	unsigned n = 0;
	for (unsigned i = 0; i < truth->n; i++) {
		if (!meant(q, &truth->all[i]))
			continue;
		if (total >= q->offset && total - q->offset < q->limit)
			wanted[n++] = truth->all[i].id;
		total++;
	}
	struct list list = {0};
	assert_int_equal(store_custom_query(f->store, q, note_custom, &list, &got_total), 0);
	assert_int_equal(got_total, total);
	assert_int_equal(list.n, n);
	if (n)
		assert_memory_equal(list.ids, wanted, n * sizeof(wanted[0]));
}

static void make_many(struct fixture *f, struct truth *truth, uint64_t *random)
{
	fixture_begin(f);
	for (unsigned i = 0; i < 120; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.%u.%u", i % 3, i / 3);
		struct custom_block cb = fixture_custom(f, text);
		cb.direction = fixture_random(random) % 3 == 0 ? BLOCK_OUT : BLOCK_IN;
		cb.enabled = fixture_random(random) % 4 != 0;
		cb.changed = f->now + (int64_t)(fixture_random(random) % 20);
		assert_int_equal(store_custom_put(f->store, &cb), 0);
		put_target(f, &cb, f->host);
		if (fixture_random(random) % 2)
			(void)record(f, &cb, f->host, BLOCK_APPLIED);
		assert_int_equal(store_custom_get(f->store, cb.id, &truth->all[truth->n++]), 0);
	}
	fixture_commit(f);
	qsort(truth->all, truth->n, sizeof(truth->all[0]), newest_first);
}

static void lists_are_exact_from_both_ends(void **state)
{
	struct fixture *f = *state;
	uint64_t random = 7;
	static struct truth truth;
	truth.n = 0;
	make_many(f, &truth, &random);
	struct custom_query q = {.account = f->account.id};
	for (q.has_status = 0; q.has_status <= CUSTOM_STATUSES; q.has_status++) {
		for (q.has_direction = 0; q.has_direction <= BLOCK_OUT + 1; q.has_direction++) {
			for (q.offset = 0; q.offset < 130; q.offset += 13) {
				for (q.limit = 0; q.limit < 200; q.limit = q.limit * 3 + 1)
					assert_answer(f, &truth, &q);
			}
		}
	}
	for (unsigned i = 0; i < truth.n; i += 9) {
		q = (struct custom_query){.account = f->account.id,
			.has_target = true,
			.target = truth.all[i].target,
			.has_status = (int)(i / 9 % 4),
			.limit = 10};
		assert_answer(f, &truth, &q);
		q.offset = 1;
		assert_answer(f, &truth, &q);
	}
	q = (struct custom_query){.account = f->account.id + 1, .limit = 10};
	assert_answer(f, &truth, &q);
	int64_t total = 0;
	q = (struct custom_query){.account = f->account.id, .offset = -1};
	assert_int_equal(store_custom_query(f->store, &q, note_custom, NULL, &total), -EINVAL);
	fixture_assert_sound(f);
}

#define HOSTS   4
#define TARGETS 12

/* Anything in any order, with commits and rollbacks between. */
static void do_anything(struct fixture *f, const uint32_t *hosts, uint64_t *random)
{
	char text[32];
	(void)snprintf(
		text, sizeof(text), "198.51.100.%u", (unsigned)(fixture_random(random) % TARGETS));
	uint32_t host = hosts[fixture_random(random) % HOSTS];
	struct custom_block cb, made = fixture_custom(f, text);
	bool known = store_custom_find(f->store, made.account, &made.target, BLOCK_IN, &cb) == 0;
	switch (fixture_random(random) % 8) {
	case 0:
	case 1:
	case 2:
		(void)record(
			f, &made, host, (enum block_state)(fixture_random(random) % BLOCK_STATES));
		break;
	case 3:
	case 4:
		if (known)
			put_target(f, &cb, host);
		break;
	case 5:
		if (known)
			assert_true(store_custom_target_remove(f->store, cb.id, host) >= 0);
		break;
	case 6:
		if (known && fixture_random(random) % 4 == 0) {
			assert_int_equal(store_custom_remove(f->store, cb.id), 0);
			break;
		}
		if (!known)
			cb = made;
		cb.enabled = fixture_random(random) % 3 != 0;
		assert_int_equal(store_custom_put(f->store, &cb), 0);
		break;
	default:
		if (fixture_random(random) % 8 == 0)
			assert_int_equal(store_custom_forget_host(f->store, host), 0);
	}
}

static void the_numbers_survive_anything(void **state)
{
	struct fixture *f = *state;
	uint64_t random = 4711;
	uint32_t hosts[HOSTS] = {f->host};
	for (unsigned i = 1; i < HOSTS; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "web-%u", i + 1);
		hosts[i] = fixture_host(f, name, "");
	}
	for (unsigned round = 0; round < 60; round++) {
		fixture_begin(f);
		unsigned n = (unsigned)(fixture_random(&random) % 40);
		for (unsigned i = 0; i < n; i++)
			do_anything(f, hosts, &random);
		if (fixture_random(&random) % 4 == 0)
			store_rollback(f->store);
		else
			fixture_commit(f);
		if (round % 10 == 9)
			fixture_assert_sound(f);
	}
}

/* A list of one account at once: what the import does. */
static void a_long_list_counts_right(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "");
	fixture_begin(f);
	for (unsigned i = 0; i < 600; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "10.0.%u.%u", i / 200, i % 200);
		struct custom_block cb = put(f, text);
		if (i % 100 != 50) /* one now and then is on fewer servers */
			put_target(f, &cb, f->host);
		if (i % 100 != 51)
			put_target(f, &cb, second);
		(void)record(f, &cb, f->host, BLOCK_WANTED);
		if (i % 100 == 51)
			assert_numbers(f, &cb, 1, 0, CUSTOM_FAILED);
	}
	fixture_commit(f);
	fixture_assert_sound(f);
	struct custom_query q = {.account = f->account.id, .has_status = CUSTOM_FAILED + 1};
	int64_t total = 0;
	assert_int_equal(store_custom_query(f->store, &q, note_custom, NULL, &total), 0);
	assert_int_equal(total, 600);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_reads_back_as_it_was_put),
		TEST(what_it_is_about_never_changes),
		TEST(ids_are_never_given_twice),
		TEST(the_status_follows_the_kernels),
		TEST(others_do_not_count),
		TEST(off_is_off_whatever_the_kernels_say),
		TEST(a_rollback_takes_its_numbers_back),
		TEST(its_servers_and_what_came_of_it),
		TEST(each_gives_those_in_force),
		TEST(due_ends_in_pieces_and_says_when_next),
		TEST(lists_are_exact_from_both_ends),
		TEST(the_numbers_survive_anything),
		TEST(a_long_list_counts_right),
	};
	return cmocka_run_group_tests_name("store/custom", tests, NULL, NULL);
}
