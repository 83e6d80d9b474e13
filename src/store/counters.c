/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/counters.h"

#include "store/sql.h"

static const struct sql add_sql = {SQL_COUNT_ADD,
	"INSERT INTO block_count(kind, account, scope, state, applied_once, direction, service, n)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
	" ON CONFLICT DO UPDATE SET n = n + excluded.n"};
/* Hours pass: what counts nothing any more must not stay. */
static const struct sql clean_sql = {SQL_COUNT_CLEAN,
	"DELETE FROM block_count WHERE kind = ?1 AND account = ?2 AND scope = ?3 AND state = ?4"
	" AND applied_once = ?5 AND direction = ?6 AND service = ?7 AND n = 0"};

#define FILTER                                                                                     \
	" AND (?2 >> state) & 1 AND applied_once >= ?3"                                            \
	" AND (?4 = 0 OR direction + 1 = ?4) AND (?5 = 0 OR service = ?5 OR (?5 < 0 AND service "  \
	"> 0))"
#define ACCOUNTS " AND account IN (SELECT id FROM account WHERE ?1 = 0 OR id = ?1)"

static const struct sql sum_sql = {SQL_COUNT_SUM,
	"SELECT coalesce(sum(n), 0) FROM block_count WHERE kind = 0" ACCOUNTS FILTER
	" AND scope = ?6"};
static const struct sql states_sql = {SQL_COUNT_BY_STATE,
	"SELECT state, sum(n) FROM block_count WHERE kind = 0 AND scope = 0" ACCOUNTS
	" GROUP BY state"};
static const struct sql source_sql = {SQL_COUNT_BY_SOURCE,
	"SELECT scope, sum(n) FROM block_count WHERE kind = 3" ACCOUNTS FILTER " GROUP BY scope"};
static const struct sql custom_sql = {SQL_COUNT_CUSTOM,
	"SELECT direction, state, n FROM block_count WHERE kind = 4 AND account = ?1"
	" AND scope = 0"};
static const struct sql range_sql = {SQL_COUNT_RANGE,
	"SELECT coalesce(sum(n), 0) FROM block_count WHERE kind = 2" ACCOUNTS FILTER
	" AND scope >= ?6 AND scope < ?7"};
static const struct sql walk_sql = {SQL_COUNT_WALK,
	"SELECT scope, n FROM block_count WHERE kind = 1 AND account = ?1" FILTER
	" ORDER BY scope DESC"};

int64_t counters_hour(int64_t ms)
{
	return ms / COUNTER_HOUR - (ms % COUNTER_HOUR < 0);
}

static bool same(const struct counter *a, const struct counter *b)
{
	return a->kind == b->kind && a->account == b->account && a->scope == b->scope &&
	       a->state == b->state && a->applied == b->applied && a->direction == b->direction &&
	       a->service == b->service;
}

static unsigned slot_of(const struct counter *c)
{
	uint64_t h = (uint64_t)c->scope * 31 + (uint64_t)c->kind;
	h = h * 31 + (uint64_t)c->account;
	h = h * 31 + (unsigned)(c->state << 5 | c->applied << 4 | c->direction << 3 | c->service);
	return (unsigned)((h * 0x9e3779b97f4a7c15u) >> 48) % COUNTER_SLOTS;
}

static void put_key(struct query *q, const struct counter *c)
{
	sql_put_int(q, c->kind);
	sql_put_int(q, c->account);
	sql_put_int(q, c->scope);
	sql_put_int(q, c->state);
	sql_put_int(q, c->applied);
	sql_put_int(q, c->direction);
	sql_put_int(q, c->service);
}

static int write_slot(struct store *s, struct counter *c)
{
	int64_t n = c->n;
	c->n = 0;
	if (n == 0)
		return 0;
	struct query q;
	sql_write(&q, s, &add_sql);
	put_key(&q, c);
	sql_put_int(&q, n);
	int r = sql_run(&q);
	if (r < 0 || n > 0)
		return r;
	sql_write(&q, s, &clean_sql);
	put_key(&q, c);
	return sql_run(&q);
}

static int add(struct store *s, const struct counter *c)
{
	struct counters *counters = &s->counters;
	unsigned i = slot_of(c);
	struct counter *slot = &counters->slots[i];
	if (!same(slot, c)) {
		int r = write_slot(s, slot);
		if (r < 0)
			return r;
		bool listed = slot->listed;
		*slot = *c;
		slot->listed = listed;
		slot->n = 0;
	}
	slot->n += c->n;
	if (!slot->listed) {
		slot->listed = true;
		counters->list[counters->listed++] = (uint16_t)i;
	}
	return 0;
}

static struct counter counter_of(const struct block *b, enum counter_kind kind, int64_t scope)
{
	return (struct counter){
		.kind = kind,
		.account = b->account,
		.scope = scope,
		.state = (uint8_t)b->state,
		.applied = b->applied_once,
		.direction = (uint8_t)b->direction,
		.service = (uint8_t)b->service,
	};
}

static int add_to(
	struct store *s, const struct block *b, enum counter_kind kind, int64_t scope, int64_t n)
{
	struct counter c = counter_of(b, kind, scope);
	c.n = n;
	return add(s, &c);
}

int counters_add(struct store *s, const struct block *b, int64_t n)
{
	int r = add_to(s, b, COUNTER_HOST, b->host, n);
	if (r == 0)
		r = add_to(s, b, COUNTER_HOST, 0, n);
	if (r == 0)
		r = add_to(s, b, COUNTER_CHANGED, counters_hour(b->changed), n);
	if (r == 0)
		r = add_to(s, b, COUNTER_ATTEMPT, counters_hour(b->latest_attempt), n);
	if (r == 0)
		r = add_to(s, b, COUNTER_SOURCE, b->source, n);
	return r;
}

int counters_custom(
	struct store *s, const struct custom_block *cb, enum custom_status status, int64_t n)
{
	const struct counter c = {
		.kind = COUNTER_CUSTOM,
		.account = cb->account,
		.state = (uint8_t)status,
		.direction = (uint8_t)cb->direction,
		.n = n,
	};
	return add(s, &c);
}

int counters_moved(struct store *s, const struct block *b, int64_t latest)
{
	int64_t from = counters_hour(b->latest_attempt), to = counters_hour(latest);
	if (from == to)
		return 0;
	int r = add_to(s, b, COUNTER_ATTEMPT, from, -1);
	return r < 0 ? r : add_to(s, b, COUNTER_ATTEMPT, to, 1);
}

static void unlist(struct counters *counters)
{
	for (unsigned i = 0; i < counters->listed; i++) {
		struct counter *slot = &counters->slots[counters->list[i]];
		slot->listed = false;
		slot->n = 0;
	}
	counters->listed = 0;
}

int counters_flush(struct store *s)
{
	if (!s->in_transaction || !s->writer)
		return 0;
	struct counters *counters = &s->counters;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < counters->listed; i++)
		r = write_slot(s, &counters->slots[counters->list[i]]);
	if (r == 0)
		unlist(counters);
	return r;
}

void counters_forget(struct store *s)
{
	unlist(&s->counters);
}

static void put_filter(struct query *q, const struct counter_filter *f)
{
	sql_put_int(q, f->account);
	sql_put_int(q, f->states ? f->states : UINT32_MAX);
	sql_put_int(q, f->applied_once);
	sql_put_int(q, f->has_direction);
	sql_put_int(q, f->service == SERVICE_NONE && f->logins ? -1 : (int)f->service);
}

static int read_total(struct query *q, int64_t *ret_total)
{
	int row = sql_row(q);
	int64_t total = row > 0 ? sql_get_int(q) : 0;
	int r = sql_end(q, 0);
	if (r == 0)
		*ret_total = total;
	return r;
}

int counters_sum(struct store *s, const struct counter_filter *f, uint32_t host, int64_t *ret_total)
{
	int r = counters_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &sum_sql);
	put_filter(&q, f);
	sql_put_int(&q, host);
	return read_total(&q, ret_total);
}

int counters_states(struct store *s, int64_t account, int64_t ret_counts[static BLOCK_STATES])
{
	int64_t counts[BLOCK_STATES] = {0};
	int r = counters_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &states_sql);
	sql_put_int(&q, account);
	while (sql_row(&q) > 0) {
		uint64_t state = sql_get_uint(&q, BLOCK_STATES - 1);
		if (sql_sound(&q))
			counts[state] = sql_get_int(&q);
	}
	r = sql_end(&q, 0);
	if (r == 0)
		memcpy(ret_counts, counts, sizeof(counts));
	return r;
}

int counters_sources(
	struct store *s, const struct counter_filter *f, int64_t ret_totals[static RULE_SOURCES])
{
	int64_t totals[RULE_SOURCES] = {0};
	int r = counters_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &source_sql);
	put_filter(&q, f);
	while (sql_row(&q) > 0) {
		uint64_t source = sql_get_uint(&q, RULE_SOURCES - 1);
		if (sql_sound(&q))
			totals[source] = sql_get_int(&q);
	}
	r = sql_end(&q, 0);
	if (r == 0)
		memcpy(ret_totals, totals, sizeof(totals));
	return r;
}

int counters_customs(
	struct store *s, int64_t account, int64_t ret_counts[static BLOCK_OUT + 1][CUSTOM_STATUSES])
{
	int64_t counts[BLOCK_OUT + 1][CUSTOM_STATUSES] = {0};
	int r = counters_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &custom_sql);
	sql_put_int(&q, account);
	while (sql_row(&q) > 0) {
		uint64_t direction = sql_get_uint(&q, BLOCK_OUT);
		uint64_t status = sql_get_uint(&q, CUSTOM_STATUSES - 1);
		if (sql_sound(&q))
			counts[direction][status] = sql_get_int(&q);
	}
	r = sql_end(&q, 0);
	if (r == 0)
		memcpy(ret_counts, counts, sizeof(counts));
	return r;
}

int counters_hours(struct store *s, const struct counter_filter *f, int64_t from, int64_t to,
	int64_t *ret_total)
{
	int r = counters_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &range_sql);
	put_filter(&q, f);
	sql_put_int(&q, from);
	sql_put_int(&q, to);
	return read_total(&q, ret_total);
}

int counters_skip(struct store *s, const struct counter_filter *f, int64_t offset,
	int64_t *ret_before, int64_t *ret_offset)
{
	int r = counters_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &walk_sql);
	put_filter(&q, f);
	int64_t hour = INT64_MAX, newer = 0, here = 0;
	while (sql_row(&q) > 0) {
		int64_t scope = sql_get_int(&q), n = sql_get_int(&q);
		if (scope != hour) {
			if (newer + here > offset)
				break;
			newer += here;
			here = 0;
			hour = scope;
		}
		here += n;
	}
	r = sql_end(&q, 0);
	if (r < 0)
		return r;
	bool whole = hour == INT64_MAX || hour >= INT64_MAX / COUNTER_HOUR - 1;
	*ret_before = whole ? INT64_MAX : (hour + 1) * COUNTER_HOUR;
	*ret_offset = whole ? offset : offset - newer;
	return 0;
}
