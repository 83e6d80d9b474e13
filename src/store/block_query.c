/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dialects' question. First the hosts it means (few) become a list, then
 * the total comes from counters or a narrow index, then the page's ids are found
 * in the way that is cheapest for that total, and only they are read whole.
 */
#include "store/blocks.h"

#include "store/found.h"
#include "store/lengths.h"
#include "store/question.h"
#include "store/rows.h"
#include "store/tables.h"

#include <errno.h>
#include <strings.h>

/*
 * Which way is cheaper; every way gives the same answer, and a test takes them all by setting
 * these to other numbers.
 */
#ifndef GATHER_AT_MOST
/* Hosts with at most this many records are read whole rather than a range of everybody's. */
#define GATHER_AT_MOST 20000
/* Hosts with less than this part of the records are asked one by one. */
#define SPARSE 64
/* Below this offset the walk to where a page begins costs more than it saves. */
#define SKIP_FROM 2000
/* Rows of the list that are always worth a look. */
#define LOOK_AT_LEAST 256
#endif

static const struct sql row_sql = {SQL_BLOCK_ROW,
	"SELECT " BLOCK_COLUMNS ", " HOST_COLUMNS
	" FROM block b JOIN host h ON h.id = b.host WHERE b.id = ?1"};

struct run {
	struct store *s;
	struct question question;
	uint32_t *hosts; /* sorted, HOSTS_SOME */
	size_t host_count;
	struct found found; /* ids of the page, or of everything when `gathered` */
	bool gathered;
};

static bool like(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool names_projects(const struct block_query *asked)
{
	return asked->enterprise_projects && asked->enterprise_projects[0];
}

/* The text is one of the lines. */
static bool listed(const char *lines, const char *text)
{
	size_t n = strlen(text);
	for (const char *line = lines;; line++) {
		size_t len = strcspn(line, "\n");
		if (len == n && memcmp(line, text, n) == 0)
			return true;
		line += len;
		if (!*line)
			return false;
	}
}

static bool host_meant(const struct block_query *asked, const struct host *h)
{
	if (asked->host && asked->host != h->id)
		return false;
	if (asked->host_name && strcmp(asked->host_name, h->name) != 0)
		return false;
	if (asked->instance_id && strcmp(asked->instance_id, h->instance_id) != 0)
		return false;
	if (asked->enterprise_project &&
		strcmp(asked->enterprise_project, h->enterprise_project) != 0)
		return false;
	if (names_projects(asked) && !listed(asked->enterprise_projects, h->enterprise_project))
		return false;
	const char *part = asked->host_like;
	return !part || like(h->name, part) || like(h->internet_ip, part) ||
	       like(h->intranet_ip, part);
}

struct host_walk {
	struct run *run;
	size_t size, seen;
};

static int one_host(struct run *run, uint32_t id)
{
	run->hosts = malloc(sizeof(*run->hosts));
	if (!run->hosts)
		return sql_error(run->s, -ENOMEM, "out of memory");
	run->hosts[0] = id;
	run->host_count = 1;
	run->question.hosts = HOSTS_ONE;
	run->question.host = id;
	return 0;
}

static int resolve_host(struct run *run)
{
	struct host h;
	int r = store_host_get(run->s, run->question.asked->host, &h);
	if (r != 0)
		return r;
	if (run->question.account && h.account != run->question.account)
		return STORE_NOT_FOUND;
	return one_host(run, h.id);
}

static int host_add(void *ctx, const struct host *h)
{
	struct host_walk *walk = ctx;
	struct run *run = walk->run;
	walk->seen++;
	if (!host_meant(run->question.asked, h))
		return 0;
	if (run->host_count == walk->size) {
		walk->size = walk->size ? walk->size * 2 : 64;
		uint32_t *hosts = realloc(run->hosts, walk->size * sizeof(*hosts));
		if (!hosts)
			return sql_error(run->s, -ENOMEM, "out of memory");
		run->hosts = hosts;
	}
	run->hosts[run->host_count++] = h->id;
	return 0;
}

/* 1: it means no host at all. */
static int resolve_hosts(struct run *run)
{
	const struct block_query *asked = run->question.asked;
	bool described = asked->host_name || asked->host_like || asked->instance_id ||
			 asked->enterprise_project || names_projects(asked);
	if (!described)
		return asked->host ? resolve_host(run) : 0;
	struct host_walk walk = {.run = run};
	int r = store_host_each(run->s, run->question.account, host_add, &walk);
	if (r < 0)
		return r;
	if (run->host_count == 0)
		return 1;
	if (run->host_count == walk.seen && run->question.account)
		return 0;
	run->question.hosts = run->host_count == 1 ? HOSTS_ONE : HOSTS_SOME;
	run->question.host = run->hosts[0];
	run->s->wanted_hosts = run->hosts;
	run->s->wanted_host_count = run->host_count;
	return 0;
}

static int account_only(void *ctx, const struct account *a)
{
	int64_t *account = ctx;
	bool second = *account != 0;
	*account = second ? 0 : a->id;
	return second;
}

/* 1: nothing can match. */
static int resolve(struct run *run, const struct block_query *asked)
{
	const uint32_t all = (1u << BLOCK_STATES) - 1;
	run->question = (struct question){
		.asked = asked,
		.account = asked->account,
		.states = asked->states ? asked->states & all : all,
		.since = asked->since ? asked->since : INT64_MIN,
		.until = asked->until ? asked->until : INT64_MAX,
		.before = INT64_MAX,
	};
	if (run->question.states == 0)
		return 1;
	if (asked->account == 0) {
		int r = store_account_each(run->s, account_only, &run->question.account);
		if (r < 0)
			return r;
	}
	return resolve_hosts(run);
}

static bool has_range(const struct question *question)
{
	return question->since != INT64_MIN || question->until != INT64_MAX;
}

static struct counter_filter filter_of(const struct question *question)
{
	return (struct counter_filter){
		.account = question->account,
		.states = question->states,
		.applied_once = question->asked->applied_once,
		.has_direction = question->asked->has_direction,
		.service = question->asked->service,
		.logins = question->asked->logins,
	};
}

static int gather(struct run *run, enum question_plan plan)
{
	struct query q;
	question_ask(&q, run->s, &run->question, plan);
	return found_rows(&run->found, &q);
}

/* Everything about one address: a look-up for each length there is. */
static int gather_address(struct run *run)
{
	struct lengths lengths;
	int r = lengths_present(run->s, &lengths);
	for (unsigned i = 0; r == 0 && i < lengths.n; i++) {
		run->question.target = prefix_of(&run->question.asked->address, lengths.len[i]);
		r = gather(run, PLAN_ADDRESS);
	}
	found_sort(&run->found);
	run->gathered = true;
	return r;
}

static int gather_hosts(struct run *run)
{
	struct question whole = run->question;
	run->question.hosts = HOSTS_ONE;
	int r = 0;
	for (size_t i = 0; r == 0 && i < run->host_count; i++) {
		run->question.host = run->hosts[i];
		r = gather(run, PLAN_HOST);
	}
	run->question = whole;
	found_sort(&run->found);
	run->gathered = true;
	return r;
}

static int count_by(struct run *run, enum question_plan plan, int64_t *ret_total)
{
	struct query q;
	question_ask(&q, run->s, &run->question, plan);
	int64_t total = sql_row(&q) > 0 ? sql_get_int(&q) : 0;
	int r = sql_end(&q, 0);
	if (r == 0)
		*ret_total = total;
	return r;
}

static int count_between(struct run *run, int64_t since, int64_t until, int64_t *total)
{
	struct question whole = run->question;
	run->question.since = since;
	run->question.until = until;
	int64_t n = 0;
	int r = since > until ? 0 : count_by(run, PLAN_RANGE_COUNT, &n);
	run->question = whole;
	*total += n;
	return r;
}

/* Bounds that a caller made up (INT64_MAX - 1 …) have no whole hour beside them. */
static bool within_ages(const struct question *question)
{
	const int64_t age = INT64_MAX / 2;
	return (question->since == INT64_MIN ||
		       (question->since > -age && question->since < age)) &&
	       (question->until == INT64_MAX || (question->until > -age && question->until < age));
}

/* Whole hours from the counters, the edges from the index. */
static int count_range(struct run *run, int64_t *ret_total)
{
	const struct question *question = &run->question;
	bool from_start = question->since == INT64_MIN, to_end = question->until == INT64_MAX;
	int64_t from = from_start ? INT64_MIN : counters_hour(question->since) + 1;
	int64_t to = to_end ? INT64_MAX : counters_hour(question->until);
	if (question->hosts != HOSTS_ANY || from >= to || !within_ages(question))
		return count_by(run, PLAN_RANGE_COUNT, ret_total);
	struct counter_filter f = filter_of(question);
	int64_t total = 0;
	int r = counters_hours(run->s, &f, from, to, &total);
	if (r == 0 && !from_start)
		r = count_between(run, question->since, from * COUNTER_HOUR - 1, &total);
	if (r == 0 && !to_end)
		r = count_between(run, to * COUNTER_HOUR, question->until, &total);
	if (r == 0)
		*ret_total = total;
	return r;
}

static int count_hosts(struct run *run, int64_t *ret_total)
{
	struct counter_filter f = filter_of(&run->question);
	if (run->question.hosts == HOSTS_ANY)
		return counters_sum(run->s, &f, 0, ret_total);
	int64_t total = 0;
	for (size_t i = 0; i < run->host_count; i++) {
		int64_t n = 0;
		int r = counters_sum(run->s, &f, run->hosts[i], &n);
		if (r < 0)
			return r;
		total += n;
	}
	*ret_total = total;
	return 0;
}

static int count(struct run *run, int64_t *ret_total)
{
	if (run->question.asked->has_address) {
		int r = gather_address(run);
		if (r == 0)
			*ret_total = (int64_t)run->found.n;
		return r;
	}
	if (!has_range(&run->question))
		return count_hosts(run, ret_total);
	if (run->question.hosts != HOSTS_ANY) {
		int64_t most = 0;
		int r = count_hosts(run, &most);
		if (r == 0 && most <= GATHER_AT_MOST)
			r = gather_hosts(run);
		if (r == 0 && run->gathered)
			*ret_total = (int64_t)run->found.n;
		if (r < 0 || run->gathered)
			return r;
	}
	/* the index of ranges begins with the account */
	return run->question.account ? count_range(run, ret_total)
				     : count_by(run, PLAN_SORTED_COUNT, ret_total);
}

/* Whether so few of all records are meant that a walk in order would mostly step over others. */
static int is_sparse(struct run *run, int64_t total, bool *ret_sparse)
{
	struct counter_filter f = filter_of(&run->question);
	int64_t all = 0;
	int r = counters_sum(run->s, &f, 0, &all);
	*ret_sparse = total < all / SPARSE;
	return r;
}

static int find_in_order(struct run *run)
{
	struct question *question = &run->question;
	if (question->hosts == HOSTS_ANY && !has_range(question) && question->offset >= SKIP_FROM) {
		struct counter_filter f = filter_of(question);
		int r = counters_skip(
			run->s, &f, question->offset, &question->before, &question->offset);
		if (r < 0)
			return r;
	}
	return gather(run, PLAN_ORDERED);
}

/*
 * "The last days" are mostly the first rows of the list. So many of those are looked at as
 * cost less than sorting everything; if they hold the page whole, it is the page.
 */
static int find_likely(struct run *run, int64_t total, bool *ret_done)
{
	struct question *question = &run->question;
	int64_t budget = 4 * (question->offset + question->limit) + LOOK_AT_LEAST;
	if (question->until != INT64_MAX || budget > total / 3)
		return 0;
	question->budget = budget;
	int r = gather(run, PLAN_LIKELY);
	*ret_done = run->found.n == (size_t)MIN_OF(question->limit, total - question->offset);
	if (!*ret_done)
		run->found.n = 0;
	return r;
}

static int find_page(struct run *run, int64_t total)
{
	struct question *question = &run->question;
	if (run->gathered)
		return 0;
	if (has_range(question) && question->account) {
		bool done = false;
		int r = find_likely(run, total, &done);
		return r < 0 || done ? r : gather(run, PLAN_RANGE);
	}
	if (!question->account && question->hosts != HOSTS_ONE)
		return gather(run, PLAN_SORTED);
	if (question->hosts == HOSTS_SOME) {
		bool sparse = false;
		int r = is_sparse(run, total, &sparse);
		if (r < 0 || sparse)
			return r < 0 ? r : gather_hosts(run);
	}
	return find_in_order(run);
}

static int read_row(struct store *s, int64_t id, struct block_row *ret)
{
	struct query q;
	sql_read(&q, s, &row_sql);
	sql_put_int(&q, id);
	int row = sql_row(&q);
	if (row > 0) {
		rows_block(&q, &ret->block);
		rows_host(&q, &ret->host);
	}
	return sql_end_one(&q, row);
}

static int hand_out(struct run *run, int (*fn)(void *ctx, const struct block_row *row), void *ctx)
{
	const struct block_query *asked = run->question.asked;
	size_t first = run->gathered ? (size_t)MIN_OF(asked->offset, (int64_t)run->found.n) : 0;
	size_t left = run->found.n - first;
	size_t n = (size_t)MIN_OF((int64_t)left, asked->limit);
	for (size_t i = 0; i < n; i++) {
		struct block_row row = {0};
		int r = read_row(run->s, run->found.items[first + i].id, &row);
		if (r == STORE_NOT_FOUND)
			r = sql_error(run->s, -EIO, "a block without its host in %s", run->s->path);
		if (r == 0)
			r = fn(ctx, &row);
		if (r != 0)
			return r;
	}
	return 0;
}

static int answer(struct run *run, int (*fn)(void *ctx, const struct block_row *row), void *ctx,
	int64_t *ret_total)
{
	const struct block_query *asked = run->question.asked;
	int64_t total = 0;
	int r = count(run, &total);
	if (r == 0 && asked->limit > 0 && asked->offset < total) {
		run->question.offset = asked->offset;
		run->question.limit = asked->limit;
		r = find_page(run, total);
		if (r == 0)
			r = hand_out(run, fn, ctx);
	}
	if (r >= 0)
		*ret_total = total;
	return r;
}

int store_block_query(struct store *s, const struct block_query *q,
	int (*fn)(void *ctx, const struct block_row *row), void *ctx, int64_t *ret_total)
{
	if (q->offset < 0 || q->limit < 0 || q->offset > INT64_MAX / 16 ||
		q->limit > INT64_MAX / 16)
		return sql_error(s, -EINVAL, "no page begins at %lld", (long long)q->offset);
	/* the total and the page belong to one instant */
	bool own = !s->in_snapshot && !s->in_transaction;
	int r = own ? store_snapshot(s) : 0;
	if (r < 0)
		return r;
	struct run run = {.s = s};
	r = resolve(&run, q);
	if (r == 1) {
		*ret_total = 0;
		r = 0;
	} else if (r == 0) {
		r = answer(&run, fn, ctx, ret_total);
	}
	s->wanted_hosts = NULL;
	s->wanted_host_count = 0;
	found_done(&run.found);
	free(run.hosts);
	if (own)
		store_snapshot_end(s);
	return r;
}
