/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Times are ms since 1970 UTC. Addresses are 16 bytes (IPv4 mapped), lengths
 * count in 128 bits. Tables that grow by the line have no rowid and a key that
 * begins with the time, so that they are written at their end.
 */
#include "store/migrations.h"

#include "store/accounts.h"
#include "store/sql.h"

#include <errno.h>
#include <inttypes.h>

#define APPLICATION_ID 0x436f7264 /* "Cord" */

static const char base_sql[] =
	"CREATE TABLE meta("
	"  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE account("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE,"
	"  project_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
	"  closed INTEGER NOT NULL CHECK(closed IN (0, 1))) STRICT;"
	"CREATE TABLE access_key("
	"  id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
	"  name TEXT NOT NULL, allow TEXT NOT NULL, created INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL, active INTEGER NOT NULL CHECK(active IN (0, 1)),"
	"  sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX access_key_name ON access_key(name);"
	"CREATE TABLE token("
	"  hash BLOB PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
	"  key_id TEXT NOT NULL REFERENCES access_key ON DELETE CASCADE,"
	"  issued INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX token_key ON token(key_id);"
	"CREATE INDEX token_expires ON token(expires);"
	"CREATE TABLE host("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL REFERENCES account,"
	"  uuid TEXT NOT NULL, instance_id TEXT NOT NULL, name TEXT NOT NULL,"
	"  internet_ip TEXT NOT NULL, intranet_ip TEXT NOT NULL, region TEXT NOT NULL,"
	"  enterprise_project TEXT NOT NULL,"
	"  agent_online INTEGER NOT NULL CHECK(agent_online IN (0, 1)),"
	"  UNIQUE(account, uuid), UNIQUE(id, account)) STRICT;"
	"CREATE TABLE rule("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL REFERENCES account,"
	"  source INTEGER NOT NULL CHECK(source BETWEEN 0 AND 1), name TEXT NOT NULL,"
	"  span INTEGER NOT NULL, fail_count INTEGER NOT NULL, forbidden INTEGER NOT NULL,"
	"  services INTEGER NOT NULL, is_default INTEGER NOT NULL CHECK(is_default IN (0, 1)),"
	"  enabled INTEGER NOT NULL CHECK(enabled IN (0, 1)), created INTEGER NOT NULL) STRICT;"
	"CREATE INDEX rule_account ON rule(account);"
	"CREATE TABLE cursor("
	"  name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;";

/*
 * block_target: the identity; length first, so that the few lengths there are can be
 * stepped over. block_state and block_host end in the order of the lists (changed, id)
 * and hold what filters ask, as block_latest does for ranges of time.
 */
static const char block_sql[] =
	"CREATE TABLE block("
	"  id INTEGER PRIMARY KEY, account INTEGER NOT NULL,"
	"  host INTEGER NOT NULL,"
	"  target BLOB NOT NULL CHECK(length(target) = 16),"
	"  len INTEGER NOT NULL CHECK(len BETWEEN 0 AND 128),"
	"  trigger BLOB NOT NULL CHECK(length(trigger) = 16),"
	"  direction INTEGER NOT NULL CHECK(direction IN (0, 1)),"
	"  service INTEGER NOT NULL, port INTEGER NOT NULL,"
	"  state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 5),"
	"  applied_once INTEGER NOT NULL CHECK(applied_once IN (0, 1)),"
	"  rule INTEGER NOT NULL, source INTEGER NOT NULL, rule_name TEXT NOT NULL,"
	"  error TEXT NOT NULL, created INTEGER NOT NULL, first_attempt INTEGER NOT NULL,"
	"  latest_attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, expires INTEGER NOT NULL,"
	"  changed INTEGER NOT NULL, lives INTEGER NOT NULL,"
	"  FOREIGN KEY(host, account) REFERENCES host(id, account)) STRICT;"
	"CREATE UNIQUE INDEX block_target ON block(len, target, host, service, direction);"
	"CREATE INDEX block_state ON block("
	"  account, state, changed, id, applied_once, direction, service, host);"
	"CREATE INDEX block_host ON block("
	"  host, state, changed, id, applied_once, direction, service);"
	"CREATE INDEX block_latest ON block("
	"  account, latest_attempt, state, applied_once, direction, service, host, changed);"
	"CREATE INDEX block_due ON block(expires) WHERE state IN (0, 1, 2);"
	"CREATE TABLE block_count("
	"  kind INTEGER NOT NULL, account INTEGER NOT NULL, scope INTEGER NOT NULL,"
	"  state INTEGER NOT NULL, applied_once INTEGER NOT NULL, direction INTEGER NOT NULL,"
	"  service INTEGER NOT NULL, n INTEGER NOT NULL,"
	"  PRIMARY KEY(kind, account, scope, state, applied_once, direction, service)"
	") STRICT, WITHOUT ROWID;";

static const char history_sql[] =
	"CREATE TABLE window("
	"  host INTEGER NOT NULL, service INTEGER NOT NULL, source BLOB NOT NULL,"
	"  len INTEGER NOT NULL, times BLOB NOT NULL,"
	"  PRIMARY KEY(source, len, host, service)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE session(key INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;"
	"CREATE TABLE attempt("
	"  minute INTEGER NOT NULL, source BLOB NOT NULL, len INTEGER NOT NULL,"
	"  host INTEGER NOT NULL, service INTEGER NOT NULL, n INTEGER NOT NULL,"
	"  PRIMARY KEY(minute, source, len, host, service)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX attempt_source ON attempt(source, len, host, service);"
	"CREATE TABLE attempt_minute(minute INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;"
	"CREATE TABLE allow("
	"  prefix BLOB NOT NULL CHECK(length(prefix) = 16),"
	"  len INTEGER NOT NULL CHECK(len BETWEEN 0 AND 128), why TEXT NOT NULL,"
	"  created INTEGER NOT NULL, PRIMARY KEY(prefix, len)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE hit("
	"  source BLOB NOT NULL, len INTEGER NOT NULL, port INTEGER NOT NULL,"
	"  boot_id TEXT NOT NULL, nft_table INTEGER NOT NULL, n INTEGER NOT NULL,"
	"  time INTEGER NOT NULL, PRIMARY KEY(source, len, port)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX hit_time ON hit(time);"
	"CREATE TABLE audit("
	"  id INTEGER PRIMARY KEY, account INTEGER NOT NULL, time INTEGER NOT NULL,"
	"  who TEXT NOT NULL, what TEXT NOT NULL, object TEXT NOT NULL,"
	"  detail TEXT NOT NULL) STRICT;"
	"CREATE INDEX audit_time ON audit(time);"
	"CREATE INDEX audit_object ON audit(object, time);";

static const char hit_latest_sql[] =
	"ALTER TABLE hit ADD COLUMN latest INTEGER NOT NULL DEFAULT -1;";

static const char source_count_sql[] =
	"INSERT INTO block_count(kind, account, scope, state, applied_once, direction, service, n)"
	" SELECT 3, account, source, state, applied_once, direction, service, count(*)"
	" FROM block GROUP BY 2, 3, 4, 5, 6, 7;";

static const struct step {
	const char *sql[4];
	int (*fill)(struct store *s); /* rows the database is born with */
} steps[] = {
	{{base_sql, block_sql, history_sql}, accounts_found},
	{{hit_latest_sql}, NULL},
	{{source_count_sql}, NULL},
};

static int pragma(struct store *s, const char *text, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(s->db, text, -1, &statement, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_step(statement);
	if (r == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	int code = r == SQLITE_ROW ? 0 : sql_failed(s, r);
	(void)sqlite3_finalize(statement);
	return code;
}

static int execute(struct store *s, const char *text)
{
	int r = sqlite3_exec(s->db, text, NULL, NULL, NULL);
	return r == SQLITE_OK ? 0 : sql_failed(s, r);
}

/* Nothing of anybody's may be taken for ours. */
int migrations_taken(struct store *s, int64_t *ret_taken, struct err *err)
{
	int64_t taken = 0, id = 0, tables = 0;
	int r = pragma(s, "PRAGMA user_version", &taken);
	if (r == 0)
		r = pragma(s, "PRAGMA application_id", &id);
	if (r == 0)
		r = pragma(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r < 0)
		return err_set(err, r, "%s", s->why.text);
	if (id != APPLICATION_ID && (id != 0 || taken != 0 || tables != 0))
		return err_set(err, -ENOTSUP, "%s is not a database of Cordon's", s->path);
	if (taken < 0 || taken > (int64_t)countof(steps))
		return err_set(err, -ENOTSUP,
			"%s was written by a newer Cordon (version %" PRId64
			" of the database, this program knows %zu)",
			s->path, taken, countof(steps));
	*ret_taken = taken;
	return 0;
}

static int take_step(struct store *s, size_t i)
{
	int r = store_begin(s);
	for (size_t k = 0; r == 0 && k < countof(steps[i].sql) && steps[i].sql[k]; k++)
		r = execute(s, steps[i].sql[k]);
	if (r == 0 && steps[i].fill)
		r = steps[i].fill(s);
	char text[96];
	(void)snprintf(text, sizeof(text), "PRAGMA application_id = %d; PRAGMA user_version = %zu",
		APPLICATION_ID, i + 1);
	if (r == 0)
		r = execute(s, text);
	if (r == 0)
		return store_commit(s, STORE_DURABLE);
	store_rollback(s);
	return r;
}

int migrations_run(struct store *s, struct err *err)
{
	int64_t taken = 0;
	int r = migrations_taken(s, &taken, err);
	for (size_t i = (size_t)(r == 0 ? taken : 0); r == 0 && i < countof(steps); i++) {
		r = take_step(s, i);
		if (r < 0)
			return err_set(err, r, "cannot bring %s to version %zu: %s", s->path, i + 1,
				s->why.text);
	}
	return r;
}

int migrations_verify(struct store *s, struct err *err)
{
	int64_t taken = 0;
	int r = migrations_taken(s, &taken, err);
	if (r == 0 && taken != (int64_t)countof(steps))
		r = err_set(err, -ENOTSUP,
			"%s has version %" PRId64 " of the database, this program needs %zu;"
			" the daemon converts it when it starts",
			s->path, taken, countof(steps));
	return r;
}
