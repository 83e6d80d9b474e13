/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks over blocks that answer with every record: by state, by expiry, by prefix. */
#include "store/blocks.h"

#include "store/found.h"
#include "store/lengths.h"
#include "store/rows.h"

#include <errno.h>

static const struct sql each_sql = {SQL_BLOCK_EACH,
	"SELECT " BLOCK_COLUMNS " FROM block b WHERE (?1 >> b.state) & 1"
	" ORDER BY b.expires, b.id"};
/* Active ones are in that order already. */
static const struct sql active_sql = {SQL_BLOCK_ACTIVE,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_due WHERE b.state <= 2"
	" AND (?1 >> b.state) & 1 AND ?2 IN (0, b.host) ORDER BY b.expires, b.id"};
static const struct sql host_sql = {SQL_BLOCK_OF_HOST,
	"SELECT b.id, b.expires FROM block b INDEXED BY block_host WHERE b.host = ?2"
	" AND b.state IN (0, 1, 2, 3, 4, 5) AND (?1 >> b.state) & 1"};
static const struct sql scan_sql = {SQL_BLOCK_SCAN,
	"SELECT b.id, b.target, b.len, b.direction, b.service, b.port, b.state, b.error, b.expires"
	" FROM block b NOT INDEXED WHERE (?1 >> b.state) & 1 AND b.host = ?2"};
static const struct sql due_sql = {SQL_BLOCK_DUE,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_due WHERE b.state <= 2"
	" ORDER BY b.expires, b.id LIMIT ?1"};
static const struct sql covering_sql = {SQL_BLOCK_COVERING,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_target"
	" WHERE b.target = ?1 AND b.len = ?2 AND b.state IN (0, 1) AND ?3 IN (0, b.account)"};
static const struct sql within_sql = {SQL_BLOCK_WITHIN,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_target"
	" WHERE b.target >= ?1 AND b.len = ?2 AND b.target <= ?4 AND b.state IN (0, 1)"
	" AND ?3 IN (0, b.account)"};

static int hand_out(struct query *q, int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	int r = 0;
	while (r == 0 && sql_row(q) > 0) {
		struct block b = {0};
		rows_block(q, &b);
		if (sql_sound(q))
			r = fn(ctx, &b);
	}
	return sql_end(q, r);
}

/* Only numbers are sorted; one host may have very many records. */
static int each_of_host(struct store *s, uint32_t host, uint32_t states,
	int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	_cleanup_(found_done) struct found found = {0};
	struct query q;
	sql_read(&q, s, &host_sql);
	sql_put_int(&q, states);
	sql_put_int(&q, host);
	int r = found_rows(&found, &q);
	found_sort(&found);
	/* it sorts the latest first */
	for (size_t i = found.n; r == 0 && i > 0; i--) {
		struct block b;
		r = store_block_get(s, found.items[i - 1].id, &b);
		if (r == 0)
			r = fn(ctx, &b);
		else if (r == STORE_NOT_FOUND) /* fn took it */
			r = 0;
	}
	return r;
}

/* Where most active records are the host's, walking all of them costs the least. */
static int has_most(struct store *s, uint32_t host, uint32_t states, bool *ret_most)
{
	const struct counter_filter f = {.states = states};
	int64_t own = 0, all = 0;
	int r = counters_sum(s, &f, host, &own);
	if (r == 0)
		r = counters_sum(s, &f, 0, &all);
	if (r == 0)
		*ret_most = own >= all / 2;
	return r;
}

int store_block_each(struct store *s, uint32_t host, uint32_t states,
	int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	const uint32_t active = 1u << BLOCK_WANTED | 1u << BLOCK_APPLIED | 1u << BLOCK_FAILED;
	bool only_active = (states & ~active) == 0, most = true;
	int r = host && only_active ? has_most(s, host, states, &most) : 0;
	if (r < 0)
		return r;
	if (host && !(only_active && most))
		return each_of_host(s, host, states, fn, ctx);
	struct query q;
	sql_read(&q, s, only_active ? &active_sql : &each_sql);
	sql_put_int(&q, states);
	if (only_active)
		sql_put_int(&q, host);
	return hand_out(&q, fn, ctx);
}

/* Half of the time of a whole row is that of its columns. */
static int load_rows(
	struct query *q, uint32_t host, int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	int r = 0;
	while (r == 0 && sql_row(q) > 0) {
		struct block b = {.host = host};
		b.id = sql_get_int(q);
		sql_get_prefix(q, &b.target);
		b.direction = (enum block_direction)sql_get_uint(q, BLOCK_OUT);
		b.service = (enum service)sql_get_uint(q, SERVICE_COUNT - 1);
		b.port = (uint16_t)sql_get_uint(q, UINT16_MAX);
		b.state = (enum block_state)sql_get_uint(q, BLOCK_STATES - 1);
		sql_get_text(q, b.error, sizeof(b.error));
		b.expires = sql_get_int(q);
		if (sql_sound(q))
			r = fn(ctx, &b);
	}
	return sql_end(q, r);
}

/* A walk through the table costs a third of one by an index, and steps over all it does not want.
 */
int store_block_load(struct store *s, uint32_t host, uint32_t states,
	int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	const struct counter_filter wanted = {.states = states}, any = {0};
	int64_t own = 0, all = 0;
	int r = counters_sum(s, &wanted, host, &own);
	if (r == 0)
		r = counters_sum(s, &any, 0, &all);
	if (r < 0)
		return r;
	if (own < all / 3)
		return each_of_host(s, host, states, fn, ctx);
	struct query q;
	sql_read(&q, s, &scan_sql);
	sql_put_int(&q, states);
	sql_put_int(&q, host);
	return load_rows(&q, host, fn, ctx);
}

struct due {
	struct block *blocks;
	size_t n, size;
	int64_t next;
};

static int due_add(struct store *s, struct due *due, const struct block *b)
{
	if (due->n == due->size) {
		size_t size = due->size ? due->size * 2 : 16;
		struct block *blocks = realloc(due->blocks, size * sizeof(*blocks));
		if (!blocks)
			return sql_error(s, -ENOMEM, "out of memory");
		due->blocks = blocks;
		due->size = size;
	}
	due->blocks[due->n++] = *b;
	return 0;
}

static int due_gather(struct store *s, int64_t now, unsigned most, struct due *due)
{
	struct query q;
	sql_read(&q, s, &due_sql);
	sql_put_int(&q, (int64_t)most + 1);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct block b = {0};
		rows_block(&q, &b);
		if (!sql_sound(&q))
			continue;
		if (b.expires > now || b.expires == BLOCK_FOREVER || due->n == most) {
			due->next = b.expires;
			break;
		}
		r = due_add(s, due, &b);
	}
	return sql_end(&q, r);
}

int store_block_due(struct store *s, int64_t now, unsigned most,
	int (*fn)(void *ctx, const struct block *b), void *ctx, int64_t *ret_next)
{
	struct due due = {.next = INT64_MAX};
	int r = due_gather(s, now, most, &due);
	/* only then, so that fn may end them */
	for (size_t i = 0; r == 0 && i < due.n; i++)
		r = fn(ctx, &due.blocks[i]);
	free(due.blocks);
	if (r == 0)
		*ret_next = due.next;
	return r;
}

/* The last address of a prefix. */
static struct addr last_of(const struct prefix *p)
{
	struct addr last = p->addr;
	for (unsigned i = p->len; i < 128; i++)
		last.b[i / 8] = (uint8_t)(last.b[i / 8] | 0x80u >> i % 8);
	return last;
}

int store_block_covering(struct store *s, int64_t account, const struct prefix *target,
	int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	struct lengths lengths;
	int r = lengths_present(s, &lengths);
	struct addr last = last_of(target);
	for (unsigned i = 0; r == 0 && i < lengths.n; i++) {
		bool wider = lengths.len[i] <= target->len;
		struct query q;
		sql_read(&q, s, wider ? &covering_sql : &within_sql);
		struct prefix p = wider ? prefix_of(&target->addr, lengths.len[i]) : *target;
		sql_put_addr(&q, &p.addr);
		sql_put_int(&q, lengths.len[i]);
		sql_put_int(&q, account);
		if (!wider)
			sql_put_addr(&q, &last);
		r = hand_out(&q, fn, ctx);
	}
	return r;
}
