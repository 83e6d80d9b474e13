/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the store costs: changes in bulk, one live transaction, and questions
 * over many records.
 *
 *   bench_store DIRECTORY [RECORDS]
 *
 * DIRECTORY must not exist; it is left behind for a look. One line a figure. Bulk
 * is processor time, so that a busy machine changes it little; the rest is real.
 */
#include "base/clock.h"
#include "store/blocks.h"
#include "store/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS 100

struct bench {
	struct store *s;
	int64_t account, now;
	uint32_t hosts[HOSTS];
	uint64_t random;
	int64_t records;
};

static void must(struct bench *b, int r)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "bench_store: %s\n", store_error(b->s));
	exit(1);
}

static uint32_t draw(struct bench *b, uint32_t n)
{
	b->random ^= b->random >> 12;
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return (uint32_t)((b->random * 0x2545f4914f6cdd1du) >> 33) % n;
}

static double read_us(clockid_t clock)
{
	struct timespec ts;
	(void)clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double now_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

static void make_hosts(struct bench *b)
{
	must(b, store_begin(b->s));
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host h = {.account = b->account, .enterprise_project = "0"};
		(void)snprintf(h.uuid, sizeof(h.uuid), "uuid-%u", i);
		(void)snprintf(h.instance_id, sizeof(h.instance_id), "i-%u", i);
		(void)snprintf(h.name, sizeof(h.name), "host-%03u.example", i);
		(void)snprintf(h.internet_ip, sizeof(h.internet_ip), "203.0.113.%u", i);
		must(b, store_host_put(b->s, &h));
		b->hosts[i] = h.id;
	}
	must(b, store_commit(b->s, STORE_DURABLE));
}

/* Spread over 180 days, 60 % applied, 1 % failed. */
static struct block make_block(struct bench *b, int64_t i)
{
	uint32_t dice = draw(b, 100);
	int64_t at = b->now - 180 * MS_DAY + i * (180 * MS_DAY / b->records);
	struct addr a = addr_from_v4((uint32_t)(i * 2654435761u));
	return (struct block){
		.account = b->account,
		.host = b->hosts[draw(b, HOSTS)],
		.target = prefix_of(&a, 128),
		.trigger = a,
		.service = (enum service)(1 + draw(b, 10) / 7),
		.port = 22,
		.state = dice < 60   ? BLOCK_APPLIED
			 : dice < 61 ? BLOCK_FAILED
				     : BLOCK_EXPIRED,
		.applied_once = dice != 60,
		.rule = 1,
		.rule_name = "system",
		.created = at,
		.first_attempt = at - 60000,
		.latest_attempt = at,
		.attempts = 10,
		.expires = at + 6 * MS_HOUR,
		.changed = at,
		.lives = 1,
	};
}

static struct prefix source_of(int64_t i)
{
	struct addr a = addr_from_v4((uint32_t)(i * 2654435761u));
	return prefix_of(&a, 128);
}

static void put_block(struct bench *b, int64_t i)
{
	struct block block = make_block(b, i);
	must(b, store_block_put(b->s, &block));
}

static void change_block(struct bench *b, int64_t i)
{
	struct block block;
	must(b, store_block_get(b->s, b->records - i, &block));
	block.state = BLOCK_CANCELLING;
	block.changed = b->now + i;
	must(b, store_block_put(b->s, &block));
}

static void count_block(struct bench *b, int64_t i)
{
	must(b, store_block_count(b->s, b->records - i, 3, b->now + i));
}

static void put_attempt(struct bench *b, int64_t i)
{
	struct prefix p = source_of(i);
	must(b, store_attempt_add(b->s, b->now + i * 10, 1, SERVICE_SSH, &p, 1));
}

static void put_same_attempt(struct bench *b, int64_t i)
{
	struct prefix p = source_of(i % 100);
	must(b, store_attempt_add(b->s, b->now, 1, SERVICE_SSH, &p, 1));
}

static void put_window(struct bench *b, int64_t i)
{
	struct prefix p = source_of(i);
	int64_t times[4] = {b->now, b->now + i, b->now + i + 1, b->now + i + 2};
	must(b, store_window_put(b->s, (uint32_t)i + 1, 1, SERVICE_SSH, &p, times, 4));
}

static void put_session(struct bench *b, int64_t i)
{
	struct session s = {
		.key = (uint64_t)i * 0x9e3779b97f4a7c15u + 1, .last = i, .service = SERVICE_SSH};
	must(b, store_session_put(b->s, &s));
}

static void put_cursor(struct bench *b, int64_t i)
{
	char text[48];
	int n = snprintf(text, sizeof(text), "inode=1234 offset=%" PRId64, i);
	must(b, store_cursor_put(b->s, "file:/var/log/auth.log", (struct slice){text, (size_t)n}));
}

static void bulk(struct bench *b, const char *what, int64_t n, void (*fn)(struct bench *, int64_t))
{
	must(b, store_begin(b->s));
	double began = read_us(CLOCK_PROCESS_CPUTIME_ID);
	for (int64_t i = 0; i < n; i++)
		fn(b, i);
	double ended = read_us(CLOCK_PROCESS_CPUTIME_ID);
	must(b, store_commit(b->s, STORE_REPLAYABLE));
	double committed = read_us(CLOCK_PROCESS_CPUTIME_ID);
	(void)printf("bulk %-28s %8.2f us each, with its commit %.2f\n", what,
		(ended - began) / (double)n, (committed - began) / (double)n);
	must(b, store_maintain(b->s));
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void show(const char *what, double *us, unsigned n)
{
	qsort(us, n, sizeof(*us), compare);
	(void)printf("%-33s %8.1f us median, %.1f p99\n", what, us[n / 2], us[n * 99 / 100]);
}

static void live(struct bench *b, const char *what, enum store_durability durability, int64_t first)
{
	enum { ROUNDS = 1000 };
	double us[ROUNDS];
	for (int64_t i = 0; i < ROUNDS; i++) {
		double began = now_us();
		must(b, store_begin(b->s));
		put_block(b, first + i);
		put_window(b, first + i);
		put_session(b, first + i);
		put_attempt(b, first + i);
		put_cursor(b, first + i);
		must(b, store_commit(b->s, durability));
		us[i] = now_us() - began;
		if (i % 100 == 99)
			must(b, store_maintain(b->s));
	}
	show(what, us, ROUNDS);
}

static int nothing(void *ctx, const struct block_row *row)
{
	(void)row;
	++*(int *)ctx;
	return 0;
}

static void ask(struct bench *b, struct store *reader, const char *what, struct block_query q)
{
	enum { ROUNDS = 30 };
	double us[ROUNDS];
	int64_t total = 0;
	int rows = 0;
	q.account = b->account;
	q.limit = q.limit ? q.limit : 20;
	for (unsigned i = 0; i < ROUNDS; i++) {
		double began = now_us();
		rows = 0;
		if (store_block_query(reader, &q, nothing, &rows, &total) < 0)
			must(b, -1);
		us[i] = now_us() - began;
	}
	show(what, us, ROUNDS);
	(void)printf("  %d of %" PRId64 "\n", rows, total);
}

static void questions(struct bench *b, struct store *reader)
{
	int64_t day = b->now - MS_DAY, month = b->now - 30 * MS_DAY, n = b->records;
	struct addr address = source_of(n / 2).addr;
	ask(b, reader, "first page", (struct block_query){0});
	ask(b, reader, "page of 1000", (struct block_query){.limit = 1000});
	ask(b, reader, "state applied", (struct block_query){.states = 1u << BLOCK_APPLIED});
	ask(b, reader, "state failed", (struct block_query){.states = 1u << BLOCK_FAILED});
	ask(b, reader, "an address", (struct block_query){.has_address = true, .address = address});
	ask(b, reader, "a host", (struct block_query){.host = b->hosts[7]});
	ask(b, reader, "part of a host's name (10 of 100)",
		(struct block_query){.host_like = "host-07"});
	ask(b, reader, "an address of a host", (struct block_query){.host_like = "203.0.113.77"});
	ask(b, reader, "a service", (struct block_query){.service = SERVICE_MYSQL});
	ask(b, reader, "last day", (struct block_query){.since = day});
	ask(b, reader, "last 30 days", (struct block_query){.since = month});
	ask(b, reader, "last 30 days, once applied",
		(struct block_query){.since = month, .applied_once = true});
	ask(b, reader, "30 days of long ago",
		(struct block_query){.since = month - 90 * MS_DAY, .until = month - 60 * MS_DAY});
	ask(b, reader, "deep page, a fifth down", (struct block_query){.offset = n / 5});
	ask(b, reader, "deep page of state applied",
		(struct block_query){.offset = n / 5, .states = 1u << BLOCK_APPLIED});
	ask(b, reader, "last page", (struct block_query){.offset = n - 20});
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		(void)fprintf(stderr, "usage: bench_store DIRECTORY [RECORDS]\n");
		return 2;
	}
	struct bench b = {.random = 42, .now = clock_now()};
	b.records = argc > 2 ? strtoll(argv[2], NULL, 10) : 1000000;
	struct err err = {0};
	struct account account;
	if (b.records < 100000 || store_open(argv[1], &b.s, &err) < 0 ||
		store_account_first(b.s, &account) != 0) {
		(void)fprintf(stderr, "bench_store: %s\n",
			err.text[0] ? err.text : "at least 100000 records");
		return 1;
	}
	b.account = account.id;
	make_hosts(&b);
	bulk(&b, "block, new", b.records, put_block);
	bulk(&b, "block, another state", 50000, change_block);
	bulk(&b, "block, refused connections", 50000, count_block);
	bulk(&b, "attempt, new", 200000, put_attempt);
	bulk(&b, "attempt, same", 200000, put_same_attempt);
	bulk(&b, "window, new", 200000, put_window);
	bulk(&b, "window, changed", 200000, put_window);
	bulk(&b, "session, new", 50000, put_session);
	bulk(&b, "session, changed", 50000, put_session);
	bulk(&b, "cursor", 200000, put_cursor);
	struct store *reader;
	if (store_open_reader(argv[1], &reader, &err) < 0)
		must(&b, -1);
	questions(&b, reader);
	reader = store_close(reader);
	live(&b, "live transaction, replayable", STORE_REPLAYABLE, b.records + 10);
	live(&b, "live transaction, durable", STORE_DURABLE, b.records + 5000);
	(void)printf("%.0f bytes a record in all\n", (double)store_size(b.s) / (double)b.records);
	b.s = store_close(b.s);
	return 0;
}
