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

/* Rules that people made held on every machine there was: they still do. */
static const char fleet_sql[] =
	"ALTER TABLE host ADD COLUMN remote INTEGER NOT NULL DEFAULT 0 CHECK(remote IN (0, 1));"
	"ALTER TABLE host ADD COLUMN retired INTEGER NOT NULL DEFAULT 0 CHECK(retired IN (0, 1));"
	"ALTER TABLE host ADD COLUMN version TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE host ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE account ADD COLUMN policy INTEGER NOT NULL DEFAULT 0;"
	"CREATE UNIQUE INDEX account_name ON account(name);"
	"ALTER TABLE access_key ADD COLUMN projects TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE block ADD COLUMN wish INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX block_wish ON block(host, wish) WHERE wish > 0;"
	/* a list of states would be made into a temporary table at every change of a row, twice */
	"DROP INDEX block_due;"
	"CREATE INDEX block_due ON block(expires) WHERE state <= 2;"
	"UPDATE rule SET is_default = 1 WHERE source = 1;"
	"CREATE TABLE rule_host("
	"  host INTEGER PRIMARY KEY REFERENCES host,"
	"  rule INTEGER NOT NULL REFERENCES rule ON DELETE CASCADE) STRICT;"
	"CREATE INDEX rule_host_rule ON rule_host(rule);"
	"ALTER TABLE allow RENAME TO allow_of_one;"
	"CREATE TABLE allow("
	"  account INTEGER NOT NULL REFERENCES account,"
	"  prefix BLOB NOT NULL CHECK(length(prefix) = 16),"
	"  len INTEGER NOT NULL CHECK(len BETWEEN 0 AND 128), why TEXT NOT NULL,"
	"  created INTEGER NOT NULL, PRIMARY KEY(account, prefix, len)) STRICT, WITHOUT ROWID;"
	"INSERT INTO allow(account, prefix, len, why, created)"
	"  SELECT (SELECT min(id) FROM account), prefix, len, why, created FROM allow_of_one;"
	"DROP TABLE allow_of_one;"
	"CREATE TABLE invite("
	"  hash BLOB PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
	"  name TEXT NOT NULL, enterprise_project TEXT NOT NULL, created INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	/* what an agent says of itself is long and seldom changes, its batch is the contrary */
	"CREATE TABLE agent("
	"  host INTEGER PRIMARY KEY REFERENCES host, fingerprint TEXT NOT NULL UNIQUE,"
	"  batch INTEGER NOT NULL, batch_id INTEGER NOT NULL, enrolled INTEGER NOT NULL) STRICT;"
	"CREATE TABLE agent_health("
	"  host INTEGER PRIMARY KEY REFERENCES agent ON DELETE CASCADE,"
	"  health TEXT NOT NULL) STRICT;"
	"CREATE TABLE report_block("
	"  batch INTEGER NOT NULL, block INTEGER NOT NULL,"
	"  PRIMARY KEY(batch, block)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE report_attempt("
	"  batch INTEGER NOT NULL, minute INTEGER NOT NULL, source BLOB NOT NULL,"
	"  len INTEGER NOT NULL, service INTEGER NOT NULL, n INTEGER NOT NULL,"
	"  PRIMARY KEY(batch, minute, source, len, service)) STRICT, WITHOUT ROWID;";

/*
 * custom_identity: one a target. custom_status: what the lists filter by, then their order
 * (changed, and the id behind it). due: when its time is over, NULL when nothing ends; not in
 * the way of those that never end. custom_target names no other table: who puts a row has looked at
 * both, and a hundred thousand at once must not look again. Blocks made by hand and still
 * wanted become custom blocks.
 */
static const char custom_sql[] =
	"CREATE TABLE custom_block("
	"  id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
	"  target BLOB NOT NULL CHECK(length(target) = 16),"
	"  len INTEGER NOT NULL CHECK(len BETWEEN 0 AND 128),"
	"  direction INTEGER NOT NULL CHECK(direction IN (0, 1)),"
	"  status INTEGER NOT NULL CHECK(status BETWEEN 0 AND 2),"
	"  servers INTEGER NOT NULL, applied INTEGER NOT NULL, due INTEGER,"
	"  enabled INTEGER NOT NULL CHECK(enabled IN (0, 1)),"
	"  everywhere INTEGER NOT NULL CHECK(everywhere IN (0, 1)),"
	"  expires INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL,"
	"  why TEXT NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX custom_identity ON custom_block(account, target, len, direction);"
	"CREATE INDEX custom_status ON custom_block(account, direction, status, changed);"
	"CREATE INDEX custom_due ON custom_block(due) WHERE due IS NOT NULL;"
	"CREATE TABLE custom_target("
	"  custom INTEGER NOT NULL, host INTEGER NOT NULL,"
	"  PRIMARY KEY(custom, host)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX custom_target_host ON custom_target(host);"
	"INSERT INTO custom_block(account, target, len, direction, status, servers, applied, due,"
	"  enabled, everywhere, expires, created, changed, why)"
	"  SELECT account, target, len, direction, CASE WHEN max(expires) <= max(changed) THEN 0"
	"  WHEN max(state = 1) THEN 1 ELSE 2 END, count(*), sum(state = 1),"
	"  nullif(max(expires), 9223372036854775807), 1, 0, max(expires), min(created),"
	"  max(changed), rule_name FROM block WHERE service = 0 AND state IN (0, 1, 2)"
	"  GROUP BY account, target, len, direction ORDER BY min(id);"
	"UPDATE custom_block SET due = NULL WHERE status = 0;"
	"INSERT INTO meta(name, value)"
	"  SELECT 'custom.last_id', max(id) FROM custom_block HAVING max(id) > 0;"
	"INSERT INTO custom_target(custom, host) SELECT c.id, b.host FROM custom_block c"
	"  JOIN block b ON b.account = c.account AND b.target = c.target AND b.len = c.len"
	"  AND b.direction = c.direction WHERE b.service = 0 AND b.state IN (0, 1, 2);"
	"INSERT INTO block_count(kind, account, scope, state, applied_once, direction, service, n)"
	"  SELECT 4, account, 0, status, 0, direction, 0, count(*) FROM custom_block"
	"  GROUP BY account, status, direction;";

/* Only retention removes, and it says from when on everything is kept. */
#define KEPT_FROM                                                                                  \
	"coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'audit.kept_from'),"       \
	" -9223372036854775808)"
static const char audit_sql[] =
	"ALTER TABLE audit ADD COLUMN \"from\" TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE audit ADD COLUMN \"before\" TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE audit ADD COLUMN \"after\" TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX audit_change ON audit(time) WHERE who <> 'rule';"
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
	"  BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;"
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN OLD.time >= " KEPT_FROM
	"  BEGIN SELECT RAISE(ABORT, 'the audit is kept'); END;";

/* See windows.c and attempts.c. */
static const char flood_sql[] =
	"ALTER TABLE window RENAME TO window_by_source;"
	"CREATE TABLE window("
	"  row INTEGER PRIMARY KEY, host INTEGER NOT NULL, service INTEGER NOT NULL,"
	"  source BLOB NOT NULL, len INTEGER NOT NULL, times BLOB NOT NULL) STRICT;"
	"INSERT INTO window(host, service, source, len, times)"
	"  SELECT host, service, source, len, times FROM window_by_source;"
	"DROP TABLE window_by_source;"
	"ALTER TABLE attempt ADD COLUMN part INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX attempt_source;"
	"CREATE INDEX attempt_source ON attempt(part, source, len, host, service);";

static const struct step {
	const char *sql[4];
	int (*fill)(struct store *s); /* rows the database is born with */
} steps[] = {
	{{base_sql, block_sql, history_sql}, accounts_found},
	{{hit_latest_sql}, NULL},
	{{source_count_sql}, NULL},
	{{fleet_sql, custom_sql, audit_sql}, NULL},
	{{flood_sql}, NULL},
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
