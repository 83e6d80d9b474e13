/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Access keys. What proves a caller is one sealed box of fixed size: the key's
 * id (so that no row's box opens in another row), its secret and, when it is a
 * temporary one, its security token.
 */
#include "store/sql.h"
#include "store/tables.h"

#include <errno.h>
#include <sodium.h>

struct secrets {
	char id[KEY_ID_MAX];
	char secret[KEY_SECRET_MAX];
	char security_token[64];
};

#define BOX_SIZE (sizeof(struct secrets) + SEAL_EXTRA)

static const struct sql put_sql = {SQL_KEY_PUT,
	"INSERT INTO access_key(id, account, name, allow, created, expires, active, projects,"
	" sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
	" ON CONFLICT DO UPDATE SET account = excluded.account, name = excluded.name,"
	" allow = excluded.allow, created = excluded.created, expires = excluded.expires,"
	" active = excluded.active, projects = excluded.projects, sealed = excluded.sealed"};
#define COLUMNS                                                                                    \
	"SELECT id, account, name, allow, created, expires, active, projects, sealed"              \
	" FROM access_key "
static const struct sql get_sql = {SQL_KEY_GET, COLUMNS "WHERE id = ?1"};
/* names need not be unique: the newest that works */
static const struct sql name_sql = {SQL_KEY_NAME,
	COLUMNS "WHERE name = ?1 AND name <> '' ORDER BY active DESC, created DESC, id LIMIT 1"};
static const struct sql remove_sql = {SQL_KEY_REMOVE, "DELETE FROM access_key WHERE id = ?1"};
static const struct sql each_sql = {
	SQL_KEY_EACH, COLUMNS "WHERE ?1 IN (0, account) ORDER BY created, id"};

static void secrets_wipe(struct secrets *secrets)
{
	sodium_memzero(secrets, sizeof(*secrets));
}

static void seal_secrets(struct store *s, const struct access_key *k, unsigned char *box)
{
	_cleanup_(secrets_wipe) struct secrets secrets = {0};
	(void)snprintf(secrets.id, sizeof(secrets.id), "%s", k->id);
	(void)snprintf(secrets.secret, sizeof(secrets.secret), "%s", k->secret);
	(void)snprintf(
		secrets.security_token, sizeof(secrets.security_token), "%s", k->security_token);
	seal_close(&s->seal, &secrets, sizeof(secrets), box);
}

static bool open_secrets(struct store *s, struct slice box, struct access_key *k)
{
	_cleanup_(secrets_wipe) struct secrets secrets = {0};
	if (box.n != BOX_SIZE ||
		!seal_open(&s->seal, (const unsigned char *)box.p, box.n, &secrets) ||
		memcmp(secrets.id, k->id, strlen(k->id) + 1) != 0)
		return false;
	memcpy(k->secret, secrets.secret, sizeof(k->secret));
	memcpy(k->security_token, secrets.security_token, sizeof(k->security_token));
	k->secret[sizeof(k->secret) - 1] = '\0';
	k->security_token[sizeof(k->security_token) - 1] = '\0';
	return true;
}

int store_key_put(struct store *s, const struct access_key *k)
{
	if (!k->id[0])
		return sql_error(s, -EINVAL, "an access key without an id");
	unsigned char box[BOX_SIZE];
	seal_secrets(s, k, box);
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_text(&q, k->id);
	sql_put_int(&q, k->account);
	sql_put_text(&q, k->name);
	sql_put_text(&q, k->allow);
	sql_put_int(&q, k->created);
	sql_put_int(&q, k->expires);
	sql_put_int(&q, k->active);
	sql_put_text(&q, k->projects);
	sql_put_blob(&q, box, sizeof(box));
	return sql_run(&q);
}

static void read_row(struct query *q, struct access_key *k)
{
	sql_get_text(q, k->id, sizeof(k->id));
	k->account = sql_get_int(q);
	sql_get_text(q, k->name, sizeof(k->name));
	sql_get_text(q, k->allow, sizeof(k->allow));
	k->created = sql_get_int(q);
	k->expires = sql_get_int(q);
	k->active = sql_get_bool(q);
	sql_get_text(q, k->projects, sizeof(k->projects));
}

static int read_one(struct query *q, struct access_key *ret)
{
	struct access_key k = {0};
	int row = sql_row(q);
	if (row > 0) {
		read_row(q, &k);
		if (!open_secrets(q->s, sql_get_blob(q), &k))
			q->damaged = true;
	}
	int r = sql_end_one(q, row);
	if (r == 0)
		*ret = k;
	sodium_memzero(&k, sizeof(k));
	return r;
}

int store_key_get(struct store *s, const char *id, struct access_key *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_text(&q, id);
	return read_one(&q, ret);
}

int store_key_by_name(struct store *s, const char *name, struct access_key *ret)
{
	struct query q;
	sql_read(&q, s, &name_sql);
	sql_put_text(&q, name);
	return read_one(&q, ret);
}

int store_key_remove(struct store *s, const char *id)
{
	struct query q;
	sql_write(&q, s, &remove_sql);
	sql_put_text(&q, id);
	return sql_run_one(&q);
}

int store_key_each(struct store *s, int64_t account,
	int (*fn)(void *ctx, const struct access_key *k), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	sql_put_int(&q, account);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct access_key k = {0};
		read_row(&q, &k);
		if (sql_sound(&q))
			r = fn(ctx, &k);
	}
	return sql_end(&q, r);
}
