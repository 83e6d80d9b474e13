/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Table block. Who a record is about (account, host, target, service,
 * direction) never changes once it is stored; an update that differs is refused.
 */
#include "store/blocks.h"

#include "store/block_ids.h"
#include "store/custom_count.h"
#include "store/reports.h"
#include "store/rows.h"

#include <errno.h>

static const struct sql insert_sql = {SQL_BLOCK_INSERT,
	"INSERT INTO block(id, account, host, target, len, direction, service, trigger, port, "
	"state,"
	" applied_once, rule, source, rule_name, error, created, first_attempt, latest_attempt,"
	" attempts, expires, changed, lives, wish)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
	" ?19, ?20, ?21, ?22, ?23)"};
static const struct sql old_sql = {
	SQL_BLOCK_OLD, "SELECT " BLOCK_COLUMNS " FROM block b WHERE b.id = ?1"};
#define UPDATE                                                                                     \
	"UPDATE block SET trigger = ?1, port = ?2, state = ?3, applied_once = ?4, rule = ?5,"      \
	" source = ?6, rule_name = ?7, error = ?8, created = ?9, first_attempt = ?10,"             \
	" latest_attempt = ?11, attempts = ?12, expires = ?13, changed = ?14, lives = ?15"
static const struct sql update_sql = {SQL_BLOCK_UPDATE, UPDATE " WHERE id = ?16"};
/* Naming the column costs a step in its index even when it stays the same. */
static const struct sql update_wish_sql = {
	SQL_BLOCK_UPDATE_WISH, UPDATE ", wish = ?17 WHERE id = ?16"};
static const struct sql state_sql = {SQL_BLOCK_STATE,
	"UPDATE block SET state = ?1, applied_once = ?2, error = ?3, changed = ?4 WHERE id = ?5"};
static const struct sql get_sql = {
	SQL_BLOCK_GET, "SELECT " BLOCK_COLUMNS " FROM block b WHERE b.id = ?1"};
static const struct sql find_sql = {SQL_BLOCK_FIND,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_target"
	" WHERE b.target = ?1 AND b.len = ?2 AND b.host = ?3 AND b.service = ?4"
	" AND b.direction = ?5"};
static const struct sql hits_sql = {SQL_BLOCK_HITS,
	"UPDATE block SET attempts = attempts + ?1, latest_attempt = max(latest_attempt, ?2)"
	" WHERE id = ?3"};
static const struct sql ended_sql = {SQL_BLOCK_ENDED,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_state"
	" WHERE b.account IN (SELECT id FROM account) AND b.state IN (2, 3, 5) AND b.changed < ?1"
	" AND (b.state <> 2 OR b.expires < ?1) LIMIT ?2"};
static const struct sql delete_sql = {SQL_BLOCK_DELETE, "DELETE FROM block WHERE id = ?1"};

static int check(struct store *s, const struct block *b)
{
	struct prefix masked = prefix_of(&b->target.addr, MIN_OF(b->target.len, 128u));
	if (b->state >= BLOCK_STATES || b->direction > BLOCK_OUT || b->service >= SERVICE_COUNT ||
		b->source > RULE_USER || b->wish < 0 || !prefix_eq(&masked, &b->target))
		return sql_error(s, -EINVAL, "a block no Cordon makes");
	return 0;
}

static void put_content(struct query *q, const struct block *b)
{
	sql_put_addr(q, &b->trigger);
	sql_put_int(q, b->port);
	sql_put_int(q, b->state);
	sql_put_int(q, b->applied_once);
	sql_put_int(q, b->rule);
	sql_put_int(q, b->source);
	sql_put_text(q, b->rule_name);
	sql_put_text(q, b->error);
	sql_put_int(q, b->created);
	sql_put_int(q, b->first_attempt);
	sql_put_int(q, b->latest_attempt);
	sql_put_int(q, b->attempts);
	sql_put_int(q, b->expires);
	sql_put_int(q, b->changed);
	sql_put_int(q, b->lives);
}

/* The numbers that follow from a record; old: what it was, NULL when it is new. */
static int follow(struct store *s, const struct block *old, const struct block *b)
{
	int r = old ? counters_add(s, old, -1) : 0;
	if (r == 0)
		r = counters_add(s, b, 1);
	if (r == 0)
		r = custom_follow(s, old, b);
	return r < 0 ? r : reports_block(s, b->id);
}

static int insert(struct store *s, struct block *b)
{
	int64_t id = 0;
	int r = block_ids_take(s, 1, &id);
	if (r < 0)
		return r;
	struct query q;
	sql_write(&q, s, &insert_sql);
	sql_put_int(&q, id);
	sql_put_int(&q, b->account);
	sql_put_int(&q, b->host);
	sql_put_prefix(&q, &b->target);
	sql_put_int(&q, b->direction);
	sql_put_int(&q, b->service);
	put_content(&q, b);
	sql_put_int(&q, b->wish);
	r = sql_run(&q);
	struct block stored = *b;
	stored.id = id;
	if (r == 0)
		r = follow(s, NULL, &stored);
	if (r == 0)
		b->id = id;
	return r;
}

static int read_one(struct query *q, struct block *ret)
{
	struct block b = {0};
	int row = sql_row(q);
	if (row > 0)
		rows_block(q, &b);
	int r = sql_end_one(q, row);
	if (r == 0)
		*ret = b;
	return r;
}

static int read_old(struct store *s, int64_t id, struct block *ret)
{
	struct query q;
	sql_read(&q, s, &old_sql);
	sql_put_int(&q, id);
	return read_one(&q, ret);
}

static bool same_subject(const struct block *a, const struct block *b)
{
	return a->account == b->account && a->host == b->host && a->service == b->service &&
	       a->direction == b->direction && prefix_eq(&a->target, &b->target);
}

static int update(struct store *s, const struct block *b)
{
	struct block old;
	int r = read_old(s, b->id, &old);
	if (r < 0)
		return r;
	if (r != 0 || !same_subject(&old, b))
		return sql_error(s, -EINVAL, "block %lld is not about that", (long long)b->id);
	bool wished = b->wish != old.wish;
	struct query q;
	sql_write(&q, s, wished ? &update_wish_sql : &update_sql);
	put_content(&q, b);
	sql_put_int(&q, b->id);
	if (wished)
		sql_put_int(&q, b->wish);
	r = sql_run(&q);
	return r < 0 ? r : follow(s, &old, b);
}

int store_block_put(struct store *s, struct block *b)
{
	int r = check(s, b);
	if (r < 0)
		return r;
	return b->id == 0 ? insert(s, b) : update(s, b);
}

int store_block_state(
	struct store *s, int64_t id, enum block_state state, const char *error, int64_t changed)
{
	struct block old;
	int r = read_old(s, id, &old);
	if (r != 0)
		return r;
	struct block b = old;
	b.state = state;
	b.applied_once |= state == BLOCK_APPLIED;
	b.changed = changed;
	struct query q;
	sql_write(&q, s, &state_sql);
	sql_put_int(&q, b.state);
	sql_put_int(&q, b.applied_once);
	sql_put_text(&q, error);
	sql_put_int(&q, b.changed);
	sql_put_int(&q, b.id);
	r = sql_run(&q);
	return r < 0 ? r : follow(s, &old, &b);
}

int store_block_get(struct store *s, int64_t id, struct block *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_int(&q, id);
	return read_one(&q, ret);
}

int store_block_find(struct store *s, uint32_t host, const struct prefix *target,
	enum service service, enum block_direction direction, struct block *ret)
{
	struct query q;
	sql_read(&q, s, &find_sql);
	sql_put_prefix(&q, target);
	sql_put_int(&q, host);
	sql_put_int(&q, service);
	sql_put_int(&q, direction);
	return read_one(&q, ret);
}

int store_block_count(struct store *s, int64_t id, int64_t n, int64_t latest)
{
	struct block old;
	int r = read_old(s, id, &old);
	if (r != 0)
		return r;
	struct query q;
	sql_write(&q, s, &hits_sql);
	sql_put_int(&q, n);
	sql_put_int(&q, latest);
	sql_put_int(&q, id);
	r = sql_run(&q);
	if (r == 0)
		r = counters_moved(s, &old, MAX_OF(latest, old.latest_attempt));
	return r < 0 ? r : reports_block(s, id);
}

int store_block_counts(struct store *s, int64_t account, int64_t ret_counts[static BLOCK_STATES])
{
	return counters_states(s, account, ret_counts);
}

int store_block_sources(
	struct store *s, int64_t account, uint32_t states, int64_t ret_counts[static RULE_SOURCES])
{
	const struct counter_filter f = {.account = account,
		.states = states,
		.has_direction = BLOCK_IN + 1,
		.logins = true};
	return counters_sources(s, &f, ret_counts);
}

static int remove_one(struct store *s, const struct block *b)
{
	struct query q;
	sql_write(&q, s, &delete_sql);
	sql_put_int(&q, b->id);
	int r = sql_run(&q);
	return r < 0 ? r : counters_add(s, b, -1);
}

/* Gathered first: what is being read must not be removed. */
static int gather_ended(
	struct store *s, int64_t before, struct block *blocks, unsigned most, unsigned *ret_n)
{
	unsigned n = 0;
	struct query q;
	sql_read(&q, s, &ended_sql);
	sql_put_int(&q, before);
	sql_put_int(&q, most);
	while (n < most && sql_row(&q) > 0) {
		blocks[n] = (struct block){0};
		rows_block(&q, &blocks[n]);
		n += sql_sound(&q);
	}
	*ret_n = n;
	return sql_end(&q, 0);
}

int store_block_expunge(struct store *s, int64_t before, unsigned most)
{
	struct block blocks[64];
	unsigned done = 0;
	while (done < most) {
		unsigned n = 0, wanted = MIN_OF(most - done, (unsigned)countof(blocks));
		int r = gather_ended(s, before, blocks, wanted, &n);
		for (unsigned i = 0; r == 0 && i < n; i++)
			r = remove_one(s, &blocks[i]);
		if (r < 0)
			return r;
		done += n;
		if (n < wanted)
			break;
	}
	int r = done ? block_ids_keep(s) : 0;
	return r < 0 ? r : (int)done;
}
