/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sql.h"

#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>

/* What the caller can act on keeps its own number; the rest is SQLite's trouble. */
static int errno_of(sqlite3 *db, int result)
{
	static const struct {
		int result, code;
	} known[] = {
		{SQLITE_FULL, -ENOSPC},
		{SQLITE_READONLY, -EROFS},
		{SQLITE_NOMEM, -ENOMEM},
		{SQLITE_BUSY, -EBUSY},
		{SQLITE_LOCKED, -EBUSY},
		{SQLITE_PERM, -EACCES},
		{SQLITE_TOOBIG, -EMSGSIZE},
		{SQLITE_INTERRUPT, -EINTR},
		{SQLITE_CONSTRAINT_UNIQUE, -EEXIST},
		{SQLITE_CONSTRAINT_PRIMARYKEY, -EEXIST},
		{SQLITE_CONSTRAINT, -EINVAL},
	};
	for (size_t i = 0; i < countof(known); i++)
		if (result == known[i].result || (result & 0xff) == known[i].result)
			return known[i].code;
	int system = db ? sqlite3_system_errno(db) : 0;
	bool file = (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN;
	return file && system > 0 ? -system : -EIO;
}

static int keep(struct store *s, int code)
{
	if (s->in_transaction && s->error == 0)
		s->error = code;
	return code;
}

int sql_error(struct store *s, int code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(s->why.text, sizeof(s->why.text), format, args);
	va_end(args);
	return keep(s, code);
}

int sql_failed(struct store *s, int result)
{
	int code = errno_of(s->db, result);
	const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(result);
	(void)err_set(&s->why, code, "the database %s: %s", s->path, text);
	return keep(s, code);
}

void sql_around(struct query *q, struct store *s, sqlite3_stmt *statement)
{
	*q = (struct query){.s = s, .statement = statement, .error = statement ? 0 : -EIO};
}

sqlite3_stmt *sql_shape_find(struct store *s, uint32_t shape)
{
	for (unsigned i = 0; i < STORE_SHAPES; i++)
		if (s->shapes[i].shape == shape)
			return s->shapes[i].statement;
	return NULL;
}

sqlite3_stmt *sql_shape_add(struct store *s, uint32_t shape, const struct buf *text)
{
	if (text->error) {
		(void)sql_error(s, text->error, "out of memory");
		return NULL;
	}
	struct store_shape *slot = &s->shapes[s->shape_next++ % STORE_SHAPES];
	(void)sqlite3_finalize(slot->statement);
	*slot = (struct store_shape){0};
	int r = sqlite3_prepare_v3(
		s->db, text->p, (int)text->n, SQLITE_PREPARE_PERSISTENT, &slot->statement, NULL);
	if (r != SQLITE_OK) {
		(void)sql_failed(s, r);
		return NULL;
	}
	slot->shape = shape;
	return slot->statement;
}

void sql_read(struct query *q, struct store *s, const struct sql *sql)
{
	*q = (struct query){.s = s, .error = s->error};
	if (q->error)
		return;
	sqlite3_stmt **slot = &s->statements[sql->slot];
	if (!*slot) {
		int r = sqlite3_prepare_v3(
			s->db, sql->text, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
		if (r != SQLITE_OK) {
			q->error = sql_failed(s, r);
			return;
		}
	}
	if (sqlite3_stmt_busy(*slot)) {
		q->error = sql_error(s, -EBUSY, "asked again within its own answer");
		return;
	}
	q->statement = *slot;
}

void sql_write(struct query *q, struct store *s, const struct sql *sql)
{
	if (!s->in_transaction) {
		*q = (struct query){.s = s};
		q->error = sql_error(s, -EINVAL, "a change outside a transaction");
		return;
	}
	sql_read(q, s, sql);
}

static void bound(struct query *q, int result)
{
	if (result != SQLITE_OK && q->error == 0)
		q->error = sql_failed(q->s, result);
}

void sql_put_int(struct query *q, int64_t value)
{
	if (q->error == 0)
		bound(q, sqlite3_bind_int64(q->statement, ++q->parameter, value));
}

void sql_put_text(struct query *q, const char *value)
{
	if (q->error == 0)
		bound(q, sqlite3_bind_text(q->statement, ++q->parameter, value, -1, SQLITE_STATIC));
}

void sql_put_blob(struct query *q, const void *p, size_t n)
{
	/* a NULL pointer would bind NULL, not an empty blob */
	if (q->error == 0)
		bound(q, sqlite3_bind_blob64(
				 q->statement, ++q->parameter, n ? p : "", n, SQLITE_STATIC));
}

void sql_put_addr(struct query *q, const struct addr *a)
{
	sql_put_blob(q, a->b, sizeof(a->b));
}

void sql_put_prefix(struct query *q, const struct prefix *p)
{
	sql_put_addr(q, &p->addr);
	sql_put_int(q, p->len);
}

int sql_row(struct query *q)
{
	if (q->error)
		return q->error;
	int r = sqlite3_step(q->statement);
	q->column = -1;
	q->damaged = false;
	if (r == SQLITE_ROW)
		return 1;
	if (r != SQLITE_DONE)
		q->error = sql_failed(q->s, r);
	return q->error;
}

int64_t sql_get_int(struct query *q)
{
	return sqlite3_column_int64(q->statement, ++q->column);
}

uint64_t sql_get_uint(struct query *q, uint64_t most)
{
	int64_t value = sql_get_int(q);
	if (value >= 0 && (uint64_t)value <= most)
		return (uint64_t)value;
	q->damaged = true;
	return 0;
}

bool sql_get_bool(struct query *q)
{
	return sql_get_uint(q, 1) != 0;
}

void sql_get_text(struct query *q, char *ret, size_t size)
{
	const unsigned char *text = sqlite3_column_text(q->statement, ++q->column);
	size_t n = (size_t)sqlite3_column_bytes(q->statement, q->column);
	if (!text || n >= size || memchr(text, '\0', n)) {
		q->damaged = true;
		n = 0;
	}
	if (n)
		memcpy(ret, text, n);
	ret[n] = '\0';
}

struct slice sql_get_blob(struct query *q)
{
	const void *p = sqlite3_column_blob(q->statement, ++q->column);
	size_t n = (size_t)sqlite3_column_bytes(q->statement, q->column);
	return (struct slice){p ? p : "", p ? n : 0};
}

void sql_get_addr(struct query *q, struct addr *ret)
{
	struct slice blob = sql_get_blob(q);
	*ret = (struct addr){0};
	if (blob.n == sizeof(ret->b))
		memcpy(ret->b, blob.p, sizeof(ret->b));
	else
		q->damaged = true;
}

void sql_get_prefix(struct query *q, struct prefix *ret)
{
	struct addr a;
	sql_get_addr(q, &a);
	unsigned len = (unsigned)sql_get_uint(q, 128);
	*ret = prefix_of(&a, len);
	if (!addr_eq(&ret->addr, &a))
		q->damaged = true;
}

int sql_end(struct query *q, int result)
{
	/* sqlite3_reset() repeats the error of the step, which is already kept */
	if (q->statement)
		(void)sqlite3_reset(q->statement);
	q->statement = NULL;
	return q->error ? q->error : result;
}

int sql_run(struct query *q)
{
	(void)sql_row(q);
	return sql_end(q, 0);
}

int sql_run_one(struct query *q)
{
	int r = sql_run(q);
	if (r < 0)
		return r;
	return sqlite3_changes(q->s->db) > 0 ? 0 : STORE_NOT_FOUND;
}

int sql_end_one(struct query *q, int row)
{
	if (row > 0 && !sql_sound(q))
		q->error = sql_error(q->s, -EIO, "a damaged row in %s", q->s->path);
	return sql_end(q, row > 0 ? 0 : STORE_NOT_FOUND);
}

bool sql_sound(struct query *q)
{
	if (q->damaged)
		q->s->damaged++;
	return !q->damaged;
}
