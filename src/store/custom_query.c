/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of custom blocks. The total comes from the counters; so does which of the six
 * kinds (direction, status) there are at all, and the page is found in the index among those only.
 */
#include "base/buf.h"
#include "store/custom.h"
#include "store/custom_count.h"
#include "store/found.h"
#include "store/rows.h"

#include <errno.h>

#define KINDS ((BLOCK_OUT + 1) * CUSTOM_STATUSES)

#define SHAPE    (1u << 31) /* of all shapes: one of these */
#define REVERSED (1u << 30)

static const struct sql target_sql = {SQL_CUSTOM_TARGETED,
	"SELECT id, changed, direction, status FROM custom_block INDEXED BY custom_identity"
	" WHERE target = ?1 AND len = ?2 AND account = ?3"};
static const struct sql within_sql = {SQL_CUSTOM_WITHIN,
	"SELECT everywhere = 0 AND NOT EXISTS (SELECT 1 FROM custom_target t"
	" JOIN host h ON h.id = t.host WHERE t.custom = custom_block.id"
	" AND instr(?2, char(10) || h.enterprise_project || char(10)) = 0)"
	" FROM custom_block WHERE id = ?1"};
static const struct sql everywhere_sql = {SQL_CUSTOM_EVERYWHERE,
	"SELECT id, 0 FROM custom_block WHERE account = ?1 AND everywhere = 1 AND status > 0"
	" ORDER BY id"};
static const struct sql of_host_sql = {SQL_CUSTOM_OF_HOST,
	"SELECT c.id, 0 FROM custom_target t INDEXED BY custom_target_host"
	" JOIN custom_block c ON c.id = t.custom"
	" WHERE c.account = ?1 AND t.host = ?2 AND c.status > 0 ORDER BY t.custom"};
static const struct sql due_sql = {SQL_CUSTOM_DUE,
	"SELECT id, due FROM custom_block INDEXED BY custom_due WHERE due IS NOT NULL"
	" ORDER BY due, id LIMIT ?1"};

static int hand_out(struct store *s, const struct found_item *items, size_t n,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct custom_block cb;
		r = store_custom_get(s, items[i].id, &cb);
		if (r == 0)
			r = fn(ctx, &cb);
		else if (r == STORE_NOT_FOUND) /* fn took it */
			r = 0;
	}
	return r;
}

int store_custom_each(struct store *s, int64_t account, uint32_t host,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx)
{
	_cleanup_(found_done) struct found found = {0};
	int r = custom_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, host ? &of_host_sql : &everywhere_sql);
	sql_put_int(&q, account);
	if (host)
		sql_put_int(&q, host);
	r = found_rows(&found, &q);
	return r < 0 ? r : hand_out(s, found.items, found.n, fn, ctx);
}

int store_custom_due(struct store *s, int64_t now, unsigned most,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx, int64_t *ret_next)
{
	_cleanup_(found_done) struct found found = {0};
	int r = custom_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &due_sql);
	sql_put_int(&q, (int64_t)most + 1);
	r = found_rows(&found, &q);
	size_t n = 0;
	while (n < found.n && n < most && found.items[n].changed <= now)
		n++;
	int64_t next = n < found.n ? found.items[n].changed : INT64_MAX;
	if (r == 0)
		r = hand_out(s, found.items, n, fn, ctx);
	if (r == 0)
		*ret_next = next;
	return r;
}

struct run {
	struct store *s;
	const struct custom_query *asked;
	unsigned kinds; /* asked for, and there are some */
	int64_t total;
	struct found found; /* of the page */
};

static unsigned kind_of(unsigned direction, unsigned status)
{
	return 1u << (direction * CUSTOM_STATUSES + status);
}

static unsigned kinds_of(const struct custom_query *asked)
{
	unsigned kinds = 0;
	for (unsigned d = 0; d <= BLOCK_OUT; d++)
		for (unsigned status = 0; status < CUSTOM_STATUSES; status++)
			if ((!asked->has_direction || asked->has_direction == (int)d + 1) &&
				(!asked->has_status || asked->has_status == (int)status + 1))
				kinds |= kind_of(d, status);
	return kinds;
}

static int count(struct run *run)
{
	int64_t counts[BLOCK_OUT + 1][CUSTOM_STATUSES];
	int r = counters_customs(run->s, run->asked->account, counts);
	if (r < 0)
		return r;
	unsigned asked = run->kinds;
	run->kinds = 0;
	for (unsigned d = 0; d <= BLOCK_OUT; d++) {
		for (unsigned status = 0; status < CUSTOM_STATUSES; status++) {
			unsigned kind = kind_of(d, status);
			if (!(asked & kind) || counts[d][status] <= 0)
				continue;
			run->total += counts[d][status];
			run->kinds |= kind;
		}
	}
	return 0;
}

/* One arm a kind, each in order already; SQLite merges them without sorting. */
static void compose(struct buf *sql, unsigned kinds, bool reversed)
{
	const char *joined = "";
	for (unsigned i = 0; i < KINDS; i++) {
		if (!(kinds >> i & 1))
			continue;
		buf_printf(sql,
			"%sSELECT id, changed FROM custom_block INDEXED BY custom_status"
			" WHERE account = ?1 AND direction = %u AND status = %u",
			joined, i / CUSTOM_STATUSES, i % CUSTOM_STATUSES);
		joined = " UNION ALL ";
	}
	buf_puts(sql, reversed ? " ORDER BY changed, id" : " ORDER BY changed DESC, id DESC");
	buf_puts(sql, " LIMIT ?2 OFFSET ?3");
}

static sqlite3_stmt *statement_of(struct store *s, unsigned kinds, bool reversed)
{
	uint32_t shape = SHAPE | kinds | (reversed ? REVERSED : 0);
	sqlite3_stmt *statement = sql_shape_find(s, shape);
	if (statement)
		return statement;
	_cleanup_(buf_done) struct buf sql = BUF_NULL;
	compose(&sql, kinds, reversed);
	return sql_shape_add(s, shape, &sql);
}

static void reverse(struct found *found)
{
	for (size_t i = 0, k = found->n; i + 1 < k; i++) {
		struct found_item item = found->items[i];
		found->items[i] = found->items[--k];
		found->items[k] = item;
	}
}

/* From whichever end of the list is nearer. */
static int find_page(struct run *run)
{
	int64_t offset = run->asked->offset;
	int64_t n = MIN_OF(run->asked->limit, run->total - offset);
	bool reversed = run->total - offset - n < offset;
	struct query q;
	sql_around(&q, run->s, statement_of(run->s, run->kinds, reversed));
	sql_put_int(&q, run->asked->account);
	sql_put_int(&q, n);
	sql_put_int(&q, reversed ? run->total - offset - n : offset);
	int r = found_rows(&run->found, &q);
	if (reversed)
		reverse(&run->found);
	return r;
}

/* Those about one target: one a direction. */
static int find_target(struct run *run)
{
	const struct custom_query *asked = run->asked;
	struct query q;
	sql_read(&q, run->s, &target_sql);
	sql_put_prefix(&q, &asked->target);
	sql_put_int(&q, asked->account);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		int64_t id = sql_get_int(&q), changed = sql_get_int(&q);
		unsigned direction = (unsigned)sql_get_uint(&q, BLOCK_OUT);
		unsigned status = (unsigned)sql_get_uint(&q, CUSTOM_STATUSES - 1);
		if (run->kinds & kind_of(direction, status))
			r = found_add(&run->found, id, changed);
		if (r < 0)
			r = sql_error(run->s, r, "out of memory");
	}
	run->total = (int64_t)run->found.n;
	found_sort(&run->found);
	return sql_end(&q, r);
}

static bool names_projects(const struct custom_query *asked)
{
	return asked->enterprise_projects && asked->enterprise_projects[0];
}

/* lines: each between two newlines. */
static int is_within(struct store *s, int64_t id, const char *lines, bool *ret)
{
	struct query q;
	sql_read(&q, s, &within_sql);
	sql_put_int(&q, id);
	sql_put_text(&q, lines);
	bool within = sql_row(&q) > 0 && sql_get_bool(&q);
	int r = sql_end(&q, 0);
	if (r == 0)
		*ret = within;
	return r;
}

/* Everything that is asked for but for the projects, in order. */
static int find_all(struct run *run)
{
	const struct custom_query *asked = run->asked;
	struct custom_query all = *asked;
	int r = asked->has_target ? find_target(run) : count(run);
	if (r < 0 || asked->has_target || run->total == 0)
		return r;
	all.offset = 0;
	all.limit = INT64_MAX;
	run->asked = &all;
	r = find_page(run);
	run->asked = asked;
	return r;
}

/* One after the other: whose servers are where is in no index, and few keys are limited. */
static int find_within(struct run *run)
{
	_cleanup_(buf_done) struct buf lines = BUF_NULL;
	struct found *found = &run->found;
	size_t n = 0;
	buf_printf(&lines, "\n%s\n", run->asked->enterprise_projects);
	int r = lines.error ? sql_error(run->s, lines.error, "out of memory") : find_all(run);
	for (size_t i = 0; i < found->n && r >= 0; i++) {
		bool within = false;
		r = is_within(run->s, found->items[i].id, lines.p, &within);
		if (within)
			found->items[n++] = found->items[i];
	}
	if (r >= 0)
		found->n = n;
	run->total = (int64_t)n;
	return r;
}

static int answer(struct run *run, int (*fn)(void *ctx, const struct custom_block *cb), void *ctx)
{
	const struct custom_query *asked = run->asked;
	bool all = asked->has_target || names_projects(asked); /* not the page alone is found */
	int r = names_projects(asked) ? find_within(run)
		: asked->has_target   ? find_target(run)
				      : count(run);
	if (r < 0 || asked->limit == 0 || asked->offset >= run->total)
		return r;
	size_t first = all ? (size_t)asked->offset : 0;
	if (!all)
		r = find_page(run);
	if (r < 0)
		return r;
	int64_t n = MIN_OF((int64_t)(run->found.n - first), asked->limit);
	return hand_out(run->s, run->found.items + first, (size_t)n, fn, ctx);
}

int store_custom_query(struct store *s, const struct custom_query *q,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx, int64_t *ret_total)
{
	if (q->offset < 0 || q->limit < 0)
		return sql_error(s, -EINVAL, "no page begins at %lld", (long long)q->offset);
	/* the total and the page belong to one instant */
	bool own = !s->in_snapshot && !s->in_transaction;
	int r = own ? store_snapshot(s) : custom_flush(s);
	if (r < 0)
		return r;
	struct run run = {.s = s, .asked = q, .kinds = kinds_of(q)};
	r = answer(&run, fn, ctx);
	if (r >= 0)
		*ret_total = run.total;
	found_done(&run.found);
	if (own)
		store_snapshot_end(s);
	return r;
}
