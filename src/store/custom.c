/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Table custom_block. What it is about (account, target, direction) never changes. Its
 * numbers follow from custom_target and from the records; those of the one being worked on wait in
 * store.custom, so that its targets and their records cost one write together.
 */
#include "store/custom.h"

#include "store/custom_count.h"
#include "store/rows.h"

#include <errno.h>

/* due: NULL unless its time will be over once */
#define INSERT                                                                                     \
	"INSERT INTO custom_block(id, account, target, len, direction, status, servers, applied,"  \
	" due, enabled, everywhere, expires, created, changed, why)"                               \
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, 9223372036854775807), ?10, ?11, ?12,"  \
	" ?13, ?14, ?15)"
static const struct sql insert_sql = {SQL_CUSTOM_INSERT, INSERT};
static const struct sql add_sql = {
	SQL_CUSTOM_ADD, INSERT " ON CONFLICT(account, target, len, direction) DO NOTHING"};
static const struct sql update_sql = {SQL_CUSTOM_UPDATE,
	"UPDATE custom_block SET status = ?1, servers = ?2, applied = ?3,"
	" due = nullif(?4, 9223372036854775807), enabled = ?5, everywhere = ?6, expires = ?7,"
	" created = ?8, changed = ?9, why = ?10 WHERE id = ?11"};
/* Naming the status costs a step in its index even when it stays the same. */
static const struct sql numbers_sql = {
	SQL_CUSTOM_NUMBERS, "UPDATE custom_block SET servers = ?1, applied = ?2 WHERE id = ?3"};
static const struct sql status_sql = {SQL_CUSTOM_STATUS,
	"UPDATE custom_block SET servers = ?1, applied = ?2, status = ?4 WHERE id = ?3"};
static const struct sql get_sql = {
	SQL_CUSTOM_GET, "SELECT " CUSTOM_COLUMNS " FROM custom_block c WHERE c.id = ?1"};
static const struct sql find_sql = {SQL_CUSTOM_FIND,
	"SELECT " CUSTOM_COLUMNS " FROM custom_block c INDEXED BY custom_identity"
	" WHERE c.target = ?1 AND c.len = ?2 AND c.account = ?3 AND c.direction = ?4"};
/* Where the host is one of its targets. */
static const struct sql of_block_sql = {SQL_CUSTOM_OF_BLOCK,
	"SELECT " CUSTOM_COLUMNS " FROM custom_block c INDEXED BY custom_identity"
	" JOIN custom_target t ON t.custom = c.id AND t.host = ?5"
	" WHERE c.target = ?1 AND c.len = ?2 AND c.account = ?3 AND c.direction = ?4"};
static const struct sql remove_sql = {SQL_CUSTOM_REMOVE, "DELETE FROM custom_block WHERE id = ?1"};

enum custom_status custom_status(const struct custom_block *cb)
{
	if (!cb->enabled || cb->expires <= cb->changed)
		return CUSTOM_OFF;
	return cb->applied ? CUSTOM_ENABLED : CUSTOM_FAILED;
}

static int read_one(struct query *q, struct custom_block *ret)
{
	struct custom_block cb = {0};
	int row = sql_row(q);
	if (row > 0)
		rows_custom(q, &cb);
	int r = sql_end_one(q, row);
	if (r == 0)
		*ret = cb;
	return r;
}

static int read_id(struct store *s, int64_t id, struct custom_block *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_int(&q, id);
	return read_one(&q, ret);
}

static struct store_numbers numbers_of(const struct custom_block *cb)
{
	return (struct store_numbers){cb->status, cb->servers, cb->applied};
}

static void work_on(struct store *s, const struct custom_block *cb)
{
	s->custom.now = *cb;
	s->custom.written = numbers_of(cb);
}

int custom_open(struct store *s, int64_t id)
{
	if (id != 0 && s->custom.now.id == id)
		return 0;
	struct custom_block cb;
	int r = custom_flush(s);
	if (r == 0)
		r = read_id(s, id, &cb);
	if (r == 0)
		work_on(s, &cb);
	return r;
}

int custom_open_target(struct store *s, const struct block *b)
{
	const struct custom_block *now = &s->custom.now;
	if (now->id != 0 && now->account == b->account && now->direction == b->direction &&
		prefix_eq(&now->target, &b->target))
		return custom_target_has(s, now->id, b->host);
	int r = custom_flush(s);
	if (r < 0)
		return r;
	struct custom_block cb;
	struct query q;
	sql_read(&q, s, &of_block_sql);
	sql_put_prefix(&q, &b->target);
	sql_put_int(&q, b->account);
	sql_put_int(&q, b->direction);
	sql_put_int(&q, b->host);
	r = read_one(&q, &cb);
	if (r == 0)
		work_on(s, &cb);
	return r;
}

static uint32_t moved(uint32_t n, int by)
{
	return by < 0 && n < (uint32_t)-by ? 0 : n + (uint32_t)by;
}

void custom_add(struct store *s, int servers, int applied)
{
	struct custom_block *now = &s->custom.now;
	now->servers = moved(now->servers, servers);
	now->applied = moved(now->applied, applied);
	now->status = custom_status(now);
}

/* Its row has its status from now on. */
static int count_status(struct store *s)
{
	enum custom_status from = s->custom.written.status, to = s->custom.now.status;
	if (from == to)
		return 0;
	int r = counters_custom(s, &s->custom.now, from, -1);
	return r < 0 ? r : counters_custom(s, &s->custom.now, to, 1);
}

static int write_numbers(struct store *s)
{
	const struct custom_block *now = &s->custom.now;
	bool other = now->status != s->custom.written.status;
	struct query q;
	sql_write(&q, s, other ? &status_sql : &numbers_sql);
	sql_put_int(&q, now->servers);
	sql_put_int(&q, now->applied);
	sql_put_int(&q, now->id);
	if (other)
		sql_put_int(&q, now->status);
	int r = sql_run(&q);
	return r < 0 ? r : count_status(s);
}

int custom_flush(struct store *s)
{
	const struct store_numbers *written = &s->custom.written;
	const struct custom_block *now = &s->custom.now;
	if (now->id == 0)
		return 0;
	bool same = written->status == now->status && written->servers == now->servers &&
		    written->applied == now->applied;
	int r = same ? 0 : write_numbers(s);
	s->custom.written = numbers_of(now);
	return r;
}

void custom_forget(struct store *s)
{
	s->custom = (struct store_custom){0};
}

static int check(struct store *s, const struct custom_block *cb)
{
	struct prefix masked = prefix_of(&cb->target.addr, MIN_OF(cb->target.len, 128u));
	if (cb->direction > BLOCK_OUT || !prefix_eq(&masked, &cb->target))
		return sql_error(s, -EINVAL, "a custom block no Cordon makes");
	return 0;
}

static void put_content(struct query *q, const struct custom_block *cb)
{
	sql_put_int(q, cb->status);
	sql_put_int(q, cb->servers);
	sql_put_int(q, cb->applied);
	sql_put_int(q, cb->status == CUSTOM_OFF ? BLOCK_FOREVER : cb->expires);
	sql_put_int(q, cb->enabled);
	sql_put_int(q, cb->everywhere);
	sql_put_int(q, cb->expires);
	sql_put_int(q, cb->created);
	sql_put_int(q, cb->changed);
	sql_put_text(q, cb->why);
}

/* A new row, with what it says of its servers: 0, or NOT_FOUND when there was nothing to insert. */
static int insert_row(struct store *s, const struct sql *sql, struct custom_block *row)
{
	int r = serial_next(s, SERIAL_CUSTOM, &row->id);
	if (r < 0)
		return r;
	row->applied = 0;
	row->status = custom_status(row);
	struct query q;
	sql_write(&q, s, sql);
	sql_put_int(&q, row->id);
	sql_put_int(&q, row->account);
	sql_put_prefix(&q, &row->target);
	sql_put_int(&q, row->direction);
	put_content(&q, row);
	r = sql_run_one(&q);
	return r == 0 ? counters_custom(s, row, row->status, 1) : r;
}

static int insert(struct store *s, struct custom_block *cb)
{
	struct custom_block row = *cb;
	row.servers = 0;
	int r = custom_flush(s);
	if (r == 0)
		r = insert_row(s, &insert_sql, &row);
	if (r < 0)
		return r;
	work_on(s, &row);
	*cb = row;
	return 0;
}

int store_custom_add(struct store *s, struct custom_batch *batch, struct custom_block *cb)
{
	struct custom_block row = *cb;
	row.servers = batch->servers;
	int r = check(s, cb);
	if (r == 0 && (cb->account != batch->account || cb->changed != batch->changed))
		r = sql_error(s, -EINVAL, "a custom block of another batch");
	if (r == 0)
		r = insert_row(s, &add_sql, &row);
	if (r != 0)
		return r == STORE_NOT_FOUND ? STORE_EXISTS : r;
	*cb = row;
	if (batch->first == 0)
		batch->first = row.id;
	batch->last = row.id;
	batch->n[row.direction]++;
	return 0;
}

static bool same_subject(const struct custom_block *a, const struct custom_block *b)
{
	return a->account == b->account && a->direction == b->direction &&
	       prefix_eq(&a->target, &b->target);
}

static int update(struct store *s, struct custom_block *cb)
{
	int r = custom_open(s, cb->id);
	if (r == STORE_NOT_FOUND || (r == 0 && !same_subject(&s->custom.now, cb)))
		r = sql_error(s, -EINVAL, "custom block %lld is not about that", (long long)cb->id);
	if (r < 0)
		return r;
	struct custom_block *now = &s->custom.now;
	cb->servers = now->servers;
	cb->applied = now->applied;
	cb->status = custom_status(cb);
	*now = *cb;
	struct query q;
	sql_write(&q, s, &update_sql);
	put_content(&q, now);
	sql_put_int(&q, now->id);
	r = sql_run(&q);
	if (r == 0)
		r = count_status(s);
	s->custom.written = numbers_of(now);
	return r;
}

int store_custom_put(struct store *s, struct custom_block *cb)
{
	int r = check(s, cb);
	if (r < 0)
		return r;
	return cb->id == 0 ? insert(s, cb) : update(s, cb);
}

int store_custom_get(struct store *s, int64_t id, struct custom_block *ret)
{
	int r = custom_flush(s);
	return r < 0 ? r : read_id(s, id, ret);
}

int store_custom_find(struct store *s, int64_t account, const struct prefix *target,
	enum block_direction direction, struct custom_block *ret)
{
	int r = custom_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &find_sql);
	sql_put_prefix(&q, target);
	sql_put_int(&q, account);
	sql_put_int(&q, direction);
	return read_one(&q, ret);
}

int store_custom_remove(struct store *s, int64_t id)
{
	int r = custom_open(s, id);
	if (r != 0)
		return r;
	r = counters_custom(s, &s->custom.now, s->custom.written.status, -1);
	custom_forget(s);
	if (r == 0)
		r = custom_targets_remove(s, id);
	if (r < 0)
		return r;
	struct query q;
	sql_write(&q, s, &remove_sql);
	sql_put_int(&q, id);
	return sql_run(&q);
}
