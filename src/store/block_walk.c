/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks over blocks that answer with every record: by state, by expiry, by prefix. */
#include "store/blocks.h"

#include "store/lengths.h"
#include "store/rows.h"

#include <errno.h>

static const struct sql each_sql = {SQL_BLOCK_EACH,
	"SELECT " BLOCK_COLUMNS " FROM block b WHERE (?1 >> b.state) & 1"
	" ORDER BY b.expires, b.id"};
/* Active ones are in that order already. */
static const struct sql active_sql = {SQL_BLOCK_ACTIVE,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_due WHERE b.state IN (0, 1, 2)"
	" AND (?1 >> b.state) & 1 ORDER BY b.expires, b.id"};
static const struct sql due_sql = {SQL_BLOCK_DUE,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_due WHERE b.state IN (0, 1, 2)"
	" ORDER BY b.expires, b.id LIMIT ?1"};
static const struct sql covering_sql = {SQL_BLOCK_COVERING,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_target"
	" WHERE b.target = ?1 AND b.len = ?2 AND b.state IN (0, 1)"};
static const struct sql within_sql = {SQL_BLOCK_WITHIN,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_target"
	" WHERE b.target >= ?1 AND b.len = ?2 AND b.target <= ?3 AND b.state IN (0, 1)"};

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

int store_block_each(
	struct store *s, uint32_t states, int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	const uint32_t active = 1u << BLOCK_WANTED | 1u << BLOCK_APPLIED | 1u << BLOCK_FAILED;
	struct query q;
	sql_read(&q, s, states & ~active ? &each_sql : &active_sql);
	sql_put_int(&q, states);
	return hand_out(&q, fn, ctx);
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

int store_block_covering(struct store *s, const struct prefix *target,
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
		if (!wider)
			sql_put_addr(&q, &last);
		r = hand_out(&q, fn, ctx);
	}
	return r;
}
