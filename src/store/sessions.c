/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login sessions that are still open, as a blob of fixed layout (pack_session()
 * lists it) that begins with its version; another version or size is skipped.
 */
#include "store/pack.h"
#include "store/sql.h"
#include "store/tables.h"

#define VERSION 1
#define SIZE    (1 + 8 + 16 + 2 + 6 + EVIDENCE_COUNT + 1 + SESSION_USER_MAX + 4)

static const struct sql put_sql = {
	SQL_SESSION_PUT, "INSERT OR REPLACE INTO session(key, content) VALUES(?1, ?2)"};
static const struct sql remove_sql = {SQL_SESSION_REMOVE, "DELETE FROM session WHERE key = ?1"};
static const struct sql each_sql = {SQL_SESSION_EACH, "SELECT key, content FROM session"};

static void pack_session(uint8_t blob[static SIZE], const struct session *c)
{
	uint8_t *p = blob;
	*p++ = VERSION;
	p = pack(p, (uint64_t)c->last, 8);
	p = pack_bytes(p, c->src.b, sizeof(c->src.b));
	p = pack(p, c->src_port, 2);
	*p++ = c->service;
	*p++ = c->has_src;
	*p++ = c->flags;
	*p++ = c->pending;
	*p++ = c->attempts;
	*p++ = EVIDENCE_COUNT;
	p = pack_bytes(p, c->seen, sizeof(c->seen));
	*p++ = c->user_len;
	p = pack_bytes(p, c->user, sizeof(c->user));
	(void)pack(p, c->user_hash, 4);
}

static bool unpack_session(struct slice blob, struct session *c)
{
	struct unpack u = {.left = blob};
	uint64_t version = unpack(&u, 1);
	c->last = (int64_t)unpack(&u, 8);
	unpack_bytes(&u, c->src.b, sizeof(c->src.b));
	c->src_port = (uint16_t)unpack(&u, 2);
	c->service = (uint8_t)unpack(&u, 1);
	uint64_t has_src = unpack(&u, 1);
	c->has_src = has_src != 0;
	c->flags = (uint8_t)unpack(&u, 1);
	c->pending = (uint8_t)unpack(&u, 1);
	c->attempts = (uint8_t)unpack(&u, 1);
	uint64_t kinds = unpack(&u, 1);
	unpack_bytes(&u, c->seen, sizeof(c->seen));
	c->user_len = (uint8_t)unpack(&u, 1);
	unpack_bytes(&u, c->user, sizeof(c->user));
	c->user_hash = (uint32_t)unpack(&u, 4);
	return !u.failed && u.left.n == 0 && version == VERSION && kinds == EVIDENCE_COUNT &&
	       has_src <= 1 && c->service < SERVICE_COUNT && c->user_len <= SESSION_USER_MAX;
}

int store_session_put(struct store *s, const struct session *session)
{
	uint8_t blob[SIZE];
	struct query q;
	sql_write(&q, s, session->closed ? &remove_sql : &put_sql);
	sql_put_int(&q, (int64_t)session->key);
	if (!session->closed) {
		pack_session(blob, session);
		sql_put_blob(&q, blob, sizeof(blob));
	}
	return sql_run(&q);
}

int store_session_each(
	struct store *s, int (*fn)(void *ctx, const struct session *session), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct session c = {.key = (uint64_t)sql_get_int(&q)};
		/* key 0 marks a free slot */
		q.damaged = !unpack_session(sql_get_blob(&q), &c) || c.key == 0;
		if (sql_sound(&q))
			r = fn(ctx, &c);
	}
	return sql_end(&q, r);
}
