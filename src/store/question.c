/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/question.h"

#include "base/buf.h"

#include <errno.h>

/* Parameters, the same in every text. */
enum parameter {
	P_ACCOUNT = 1,
	P_HOST,
	P_SERVICE,
	P_DIRECTION,
	P_SINCE,
	P_UNTIL,
	P_BEFORE,
	P_TARGET,
	P_LEN,
	P_LIMIT,
	P_OFFSET,
	P_BUDGET,
};

/* What the text depends on, in bits; states take six from bit 8. */
enum shape {
	SHAPE_ACCOUNT = 1u << 14,
	SHAPE_HOST_ONE = 1u << 15,
	SHAPE_HOST_SOME = 1u << 16,
	SHAPE_APPLIED = 1u << 17,
	SHAPE_SERVICE = 1u << 18,
	SHAPE_DIRECTION = 1u << 19,
	SHAPE_SINCE = 1u << 20,
	SHAPE_UNTIL = 1u << 21,
	SHAPE_BEFORE = 1u << 22,
	SHAPE_LOGINS = 1u << 23,
};

static uint32_t shape_of(const struct question *question, enum question_plan plan)
{
	const struct block_query *asked = question->asked;
	uint32_t shape = (uint32_t)plan | question->states << 8;
	/* a host belongs to one account, and the caller has seen to it that it is this one;
	   only the index of a range begins with the account all the same */
	bool ranged = plan == PLAN_RANGE || plan == PLAN_RANGE_COUNT;
	if (question->account && (question->hosts != HOSTS_ONE || ranged))
		shape |= SHAPE_ACCOUNT;
	if (question->hosts == HOSTS_ONE)
		shape |= SHAPE_HOST_ONE;
	if (question->hosts == HOSTS_SOME)
		shape |= SHAPE_HOST_SOME;
	if (asked->applied_once)
		shape |= SHAPE_APPLIED;
	if (asked->service)
		shape |= SHAPE_SERVICE;
	else if (asked->logins)
		shape |= SHAPE_LOGINS;
	if (asked->has_direction)
		shape |= SHAPE_DIRECTION;
	if (question->since != INT64_MIN)
		shape |= SHAPE_SINCE;
	if (question->until != INT64_MAX)
		shape |= SHAPE_UNTIL;
	if (question->before != INT64_MAX)
		shape |= SHAPE_BEFORE;
	return shape;
}

static void add_filters(struct buf *sql, uint32_t shape)
{
	static const struct {
		uint32_t shape;
		const char *text;
	} filters[] = {
		{SHAPE_ACCOUNT, " AND account = ?1"},
		{SHAPE_HOST_ONE, " AND host = ?2"},
		{SHAPE_HOST_SOME, " AND wanted_host(host)"},
		{SHAPE_APPLIED, " AND applied_once = 1"},
		{SHAPE_SERVICE, " AND service = ?3"},
		{SHAPE_LOGINS, " AND service > 0"},
		{SHAPE_DIRECTION, " AND direction = ?4"},
		{SHAPE_SINCE, " AND latest_attempt >= ?5"},
		{SHAPE_UNTIL, " AND latest_attempt <= ?6"},
		{SHAPE_BEFORE, " AND changed < ?7"},
	};
	for (size_t i = 0; i < countof(filters); i++)
		if (shape & filters[i].shape)
			buf_puts(sql, filters[i].text);
}

/* " AND state IN (0, 2)"; nothing when any will do. */
static void add_states(struct buf *sql, uint32_t states)
{
	if (states == (1u << BLOCK_STATES) - 1)
		return;
	buf_puts(sql, " AND state IN (");
	const char *comma = "";
	for (unsigned i = 0; i < BLOCK_STATES; i++) {
		if (states >> i & 1) {
			buf_printf(sql, "%s%u", comma, i);
			comma = ", ";
		}
	}
	buf_puts(sql, ")");
}

#define IN_ORDER " ORDER BY changed DESC, id DESC LIMIT "
#define PAGE     IN_ORDER "?10 OFFSET ?11"

/*
 * One arm a state, each in order already; SQLite merges them without sorting. `columns`
 * that the index lacks make it read every row it passes over.
 */
static void add_arms(struct buf *sql, const char *columns, uint32_t shape, uint32_t states)
{
	const char *index = shape & SHAPE_HOST_ONE ? "block_host" : "block_state";
	const char *joined = "";
	for (unsigned i = 0; i < BLOCK_STATES; i++) {
		if (!(states >> i & 1))
			continue;
		buf_printf(sql, "%sSELECT %s FROM block INDEXED BY %s WHERE state = %u", joined,
			columns, index, i);
		add_filters(sql, shape);
		joined = " UNION ALL ";
	}
}

static void add_ordered(struct buf *sql, uint32_t shape, uint32_t states)
{
	add_arms(sql, "id, changed", shape, states);
	buf_puts(sql, PAGE);
}

static void add_likely(struct buf *sql, uint32_t shape, uint32_t states)
{
	const uint32_t range = SHAPE_SINCE | SHAPE_UNTIL;
	buf_puts(sql, "SELECT id, changed FROM (");
	add_arms(sql, "id, changed, latest_attempt", shape & ~range, states);
	buf_puts(sql, IN_ORDER "?12) WHERE 1");
	add_filters(sql, shape & range);
	buf_puts(sql, PAGE);
}

static void compose(struct buf *sql, uint32_t shape, uint32_t states, enum question_plan plan)
{
	static const struct {
		const char *begin, *end;
	} texts[] = {
		[PLAN_ADDRESS] = {"SELECT id, changed FROM block INDEXED BY block_target"
				  " WHERE len = ?9 AND target = ?8",
			""},
		[PLAN_HOST] = {"SELECT id, changed FROM block INDEXED BY block_host WHERE 1", ""},
		[PLAN_RANGE] = {"SELECT id, changed FROM block INDEXED BY block_latest WHERE 1",
			PAGE},
		[PLAN_RANGE_COUNT] = {"SELECT count(*) FROM block INDEXED BY block_latest WHERE 1",
			""},
		[PLAN_SORTED] = {"SELECT id, changed FROM block WHERE 1", PAGE},
		[PLAN_SORTED_COUNT] = {"SELECT count(*) FROM block WHERE 1", ""},
	};
	if (plan == PLAN_ORDERED || plan == PLAN_LIKELY) {
		(plan == PLAN_ORDERED ? add_ordered : add_likely)(sql, shape, states);
		return;
	}
	buf_puts(sql, texts[plan].begin);
	add_filters(sql, shape);
	add_states(sql, states);
	buf_puts(sql, texts[plan].end);
}

static sqlite3_stmt *statement_of(
	struct store *s, const struct question *question, enum question_plan plan)
{
	uint32_t shape = shape_of(question, plan);
	sqlite3_stmt *statement = sql_shape_find(s, shape);
	if (statement)
		return statement;
	_cleanup_(buf_done) struct buf sql = BUF_NULL;
	compose(&sql, shape, question->states, plan);
	return sql_shape_add(s, shape, &sql);
}

static void bind_int(struct query *q, enum parameter parameter, int64_t value)
{
	/* a text that ends before this parameter has no use for it */
	if (q->error || (int)parameter > sqlite3_bind_parameter_count(q->statement))
		return;
	q->parameter = (int)parameter - 1;
	sql_put_int(q, value);
}

void question_ask(
	struct query *q, struct store *s, const struct question *question, enum question_plan plan)
{
	if (s->error) {
		*q = (struct query){.s = s, .error = s->error};
		return;
	}
	sql_around(q, s, statement_of(s, question, plan));
	bind_int(q, P_ACCOUNT, question->account);
	bind_int(q, P_HOST, question->host);
	bind_int(q, P_SERVICE, question->asked->service);
	bind_int(q, P_DIRECTION, question->asked->has_direction - 1);
	bind_int(q, P_SINCE, question->since);
	bind_int(q, P_UNTIL, question->until);
	bind_int(q, P_BEFORE, question->before);
	bind_int(q, P_LEN, question->target.len);
	bind_int(q, P_LIMIT, question->limit);
	bind_int(q, P_OFFSET, question->offset);
	bind_int(q, P_BUDGET, question->budget);
	if (plan == PLAN_ADDRESS && q->error == 0) {
		q->parameter = P_TARGET - 1;
		sql_put_addr(q, &question->target.addr);
	}
}
