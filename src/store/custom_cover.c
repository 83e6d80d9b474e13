/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one server has of a list of new custom blocks: its targets and its records, each in one
 * statement that goes through the list in the order of the tables. A hundred thousand one by one
 * would look up the same few pages a million times.
 */
#include "store/block_ids.h"
#include "store/counters.h"
#include "store/custom.h"
#include "store/custom_count.h"
#include "store/found.h"
#include "store/reports.h"
#include "store/sql.h"

static const struct sql targets_sql = {SQL_COVER_TARGETS,
	"INSERT INTO custom_target(custom, host)"
	" SELECT c.id, ?3 FROM custom_block c WHERE c.id BETWEEN ?1 AND ?2"};
/* Beside what the custom block says: WANTED, by hand, its first life. */
static const struct sql blocks_sql = {SQL_COVER_BLOCKS,
	"INSERT INTO block(id, account, host, target, len, direction, service, trigger, port,"
	" state, applied_once, rule, source, rule_name, error, created, first_attempt,"
	" latest_attempt, attempts, expires, changed, lives, wish)"
	" SELECT c.id + ?4, c.account, ?3, c.target, c.len, c.direction, 0, c.target, 0,"
	" 0, 0, 0, 1, c.why, '', c.changed, c.changed,"
	" c.changed, 0, c.expires, c.changed, 1, CASE ?5 WHEN 0 THEN 0 ELSE c.id - ?1 + ?5 END"
	" FROM custom_block c WHERE c.id BETWEEN ?1 AND ?2 AND c.direction = ?6"
	" ON CONFLICT(len, target, host, service, direction) DO NOTHING"};
static const struct sql older_sql = {SQL_COVER_OLDER,
	"SELECT c.id, 0 FROM custom_block c CROSS JOIN block b INDEXED BY block_target"
	" ON b.len = c.len AND b.target = c.target AND b.host = ?3 AND b.service = 0"
	" AND b.direction = c.direction"
	" WHERE c.id BETWEEN ?1 AND ?2 AND b.id <> c.id + ?4 ORDER BY c.id"};

/* What is about to be made. */
struct cover {
	struct store *s;
	const struct custom_batch *batch;
	uint32_t host;
	int64_t ahead; /* of the records' ids */
	int64_t wish;  /* of the first; 0: they are none */
};

static void put_range(struct query *q, const struct cover *c)
{
	sql_put_int(q, c->batch->first);
	sql_put_int(q, c->batch->last);
	sql_put_int(q, c->host);
}

static int take_numbers(struct cover *c, bool wishes)
{
	int64_t first = 0, n = c->batch->last - c->batch->first + 1;
	int r = block_ids_take(c->s, n, &first);
	if (r == 0 && wishes)
		r = serial_take(c->s, SERIAL_VERSION, n, &c->wish);
	c->ahead = first - c->batch->first;
	return r;
}

static int put_targets(const struct cover *c)
{
	struct query q;
	sql_write(&q, c->s, &targets_sql);
	put_range(&q, c);
	return sql_run(&q);
}

/* How many there were none of, or -errno. */
static int put_blocks(const struct cover *c, enum block_direction direction)
{
	const struct block like = {.account = c->batch->account,
		.host = c->host,
		.direction = direction,
		.state = BLOCK_WANTED,
		.source = RULE_USER,
		.latest_attempt = c->batch->changed,
		.changed = c->batch->changed};
	struct query q;
	if (c->batch->n[direction] == 0)
		return 0;
	sql_write(&q, c->s, &blocks_sql);
	put_range(&q, c);
	sql_put_int(&q, c->ahead);
	sql_put_int(&q, c->wish);
	sql_put_int(&q, direction);
	int r = sql_run(&q);
	int n = r < 0 ? r : sqlite3_changes(c->s->db);
	if (r == 0)
		r = counters_add(c->s, &like, n);
	return r < 0 ? r : n;
}

/* Their records were there before the targets, and may be in the kernel. */
static int meet_older(const struct cover *c, int (*fn)(void *ctx, int64_t id), void *ctx)
{
	_cleanup_(found_done) struct found found = {0};
	struct query q;
	sql_read(&q, c->s, &older_sql);
	put_range(&q, c);
	sql_put_int(&q, c->ahead);
	int r = found_rows(&found, &q);
	for (size_t i = 0; i < found.n && r == 0; i++) {
		r = custom_open(c->s, found.items[i].id);
		int applied = r == 0 ? custom_target_applied(c->s, c->host) : r;
		if (applied > 0)
			custom_add(c->s, 0, 1);
		r = applied < 0 ? applied : fn(ctx, found.items[i].id);
	}
	return r;
}

int store_custom_cover(struct store *s, const struct custom_batch *batch, uint32_t host,
	bool wishes, int64_t *ret_ahead, int (*fn)(void *ctx, int64_t id), void *ctx)
{
	struct cover c = {.s = s, .batch = batch, .host = host};
	if (batch->first == 0)
		return 0;
	int r = take_numbers(&c, wishes);
	if (r == 0)
		r = put_targets(&c);
	int64_t older = 0;
	for (int d = BLOCK_IN; d <= BLOCK_OUT && r == 0; d++) {
		int made = put_blocks(&c, (enum block_direction)d);
		older += batch->n[d] - made;
		r = MIN_OF(made, 0);
	}
	if (r == 0)
		r = reports_blocks(s, batch->first + c.ahead, batch->last + c.ahead);
	if (r == 0 && older > 0)
		r = meet_older(&c, fn, ctx);
	if (r == 0)
		*ret_ahead = c.ahead;
	return r;
}
