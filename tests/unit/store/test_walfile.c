/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log is written in few calls, and what cannot be written fails the commit it is part of. */
#include "fixture.h"
#include "store/walfile.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VFS "counted"

/* The system's files, counting writes to the log and failing them when told to. */
static struct {
	sqlite3_vfs *system, counted, walfile;
	sqlite3_io_methods methods;
	const sqlite3_io_methods *real;
	unsigned writes;
	bool full;
} world;

static int count_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	world.writes++;
	return world.full ? SQLITE_FULL : world.real->xWrite(f, p, n, at);
}

static int count_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	(void)vfs;
	int r = world.system->xOpen(world.system, name, f, flags, ret_flags);
	if (r == SQLITE_OK && flags & SQLITE_OPEN_WAL) {
		world.real = f->pMethods;
		world.methods = *f->pMethods;
		world.methods.xWrite = count_write;
		f->pMethods = &world.methods;
	}
	return r;
}

static void make_world(void)
{
	if (world.system)
		return;
	world.system = sqlite3_vfs_find(NULL);
	world.counted = *world.system;
	world.counted.xOpen = count_open;
	world.walfile = *world.system;
	world.walfile.zName = VFS;
	world.walfile.pNext = NULL;
	walfile_use(&world.walfile, &world.counted);
	assert_int_equal(sqlite3_vfs_register(&world.walfile, 0), SQLITE_OK);
}

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(statement, 0);
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return n;
}

static sqlite3 *open_database(const struct fixture *f, const char *vfs)
{
	char path[128];
	sqlite3 *db;
	fixture_path(f, "log.db", path);
	make_world();
	assert_int_equal(
		sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs),
		SQLITE_OK);
	run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		"CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, x BLOB)");
	return db;
}

#define ROWS(n)                                                                                    \
	"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < " #n ")"         \
	" INSERT INTO t(x) SELECT randomblob(3000) FROM c"

static void forget_file(const struct fixture *f)
{
	static const char *const names[] = {"log.db", "log.db-wal", "log.db-shm"};
	for (size_t i = 0; i < countof(names); i++) {
		char path[128];
		fixture_path(f, names[i], path);
		(void)unlink(path);
	}
}

static void a_transaction_is_one_write(void **state)
{
	const struct fixture *f = *state;
	sqlite3 *db = open_database(f, VFS);
	run(db, "INSERT INTO t(x) VALUES(1)");
	world.writes = 0;
	run(db, ROWS(20));
	assert_int_equal(world.writes, 1);
	run(db, ROWS(20));
	assert_int_equal(world.writes, 2);
	/* another connection, which knows nothing of this, sees all of it */
	sqlite3 *other = open_database(f, NULL);
	assert_int_equal(number(other, "SELECT count(*) FROM t WHERE length(x) = 3000"), 40);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	forget_file(f);
}

/* More than the cache holds goes to the log early, is read from there and written again. */
static void a_large_transaction_reads_its_own_pages(void **state)
{
	const struct fixture *f = *state;
	sqlite3 *db = open_database(f, VFS);
	run(db, "PRAGMA cache_size = 4; BEGIN;" ROWS(400) "; UPDATE t SET x = id WHERE id % 3 = 0");
	run(db, "UPDATE t SET x = id WHERE id % 5 = 0");
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE x = id"), 187);
	run(db, "COMMIT; BEGIN; UPDATE t SET x = 0; ROLLBACK; BEGIN;" ROWS(100) "; COMMIT");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	db = open_database(f, NULL);
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE x = id"), 187);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 500);
	assert_int_equal(number(db, "SELECT count(*) FROM pragma_integrity_check"
				    " WHERE integrity_check = 'ok'"),
		1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	forget_file(f);
}

static void a_full_disk_fails_the_commit(void **state)
{
	const struct fixture *f = *state;
	sqlite3 *db = open_database(f, VFS);
	run(db, "INSERT INTO t(x) VALUES(1); BEGIN;" ROWS(5));
	world.full = true;
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_FULL);
	(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	world.full = false;
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
	run(db, ROWS(3));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	db = open_database(f, NULL);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 4);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	forget_file(f);
}

static sqlite3_file *log_of(sqlite3 *db)
{
	sqlite3_file *log = NULL;
	assert_int_equal(
		sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log), SQLITE_OK);
	assert_non_null(log);
	return log;
}

static int64_t log_size(const struct fixture *f)
{
	char path[128];
	struct stat st;
	fixture_path(f, "log.db-wal", path);
	assert_int_equal(stat(path, &st), 0);
	return (int64_t)st.st_size;
}

static void copy(const struct fixture *f, const char *from, const char *to)
{
	static char data[1 << 20];
	char path[128];
	fixture_path(f, from, path);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(data, 1, sizeof(data), file);
	assert_int_equal(fclose(file), 0);
	assert_true(n > 0 && n < sizeof(data));
	fixture_path(f, to, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void room_is_written_over(void **state)
{
	const struct fixture *f = *state;
	sqlite3 *db = open_database(f, VFS);
	run(db, ROWS(3));
	int64_t before = log_size(f);
	walfile_make_room(log_of(db));
	int64_t after = log_size(f);
	assert_true(after >= before + 60000);
	walfile_make_room(log_of(db)); /* there is enough */
	assert_int_equal(log_size(f), after);
	run(db, ROWS(5));
	assert_int_equal(log_size(f), after);
	run(db, ROWS(40)); /* more than the room */
	assert_true(log_size(f) > after);
	walfile_make_room(log_of(db));
	/* as a kill leaves it: nothing is read that is not there, and nothing is missing */
	copy(f, "log.db", "killed.db");
	copy(f, "log.db-wal", "killed.db-wal");
	char path[128];
	sqlite3 *killed;
	fixture_path(f, "killed.db", path);
	assert_int_equal(sqlite3_open_v2(path, &killed, SQLITE_OPEN_READWRITE, VFS), SQLITE_OK);
	assert_int_equal(number(killed, "SELECT count(*) FROM t WHERE length(x) = 3000"), 48);
	walfile_make_room(log_of(killed)); /* nothing is known of its end */
	run(killed, ROWS(2));
	walfile_make_room(log_of(killed));
	assert_int_equal(number(killed, "SELECT count(*) FROM t"), 50);
	assert_int_equal(sqlite3_close(killed), SQLITE_OK);
	(void)unlink(path);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	forget_file(f);
}

static void no_room_where_there_is_no_log_or_no_disk(void **state)
{
	const struct fixture *f = *state;
	sqlite3 *db = open_database(f, VFS);
	run(db, ROWS(3));
	int64_t before = log_size(f);
	world.full = true;
	walfile_make_room(log_of(db));
	world.full = false;
	assert_int_equal(log_size(f), before);
	run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	walfile_make_room(log_of(db));
	assert_int_equal(log_size(f), 0);
	run(db, ROWS(1));
	walfile_make_room(log_of(db));
	assert_true(log_size(f) > 60000);
	/* not ours */
	sqlite3 *other = open_database(f, NULL);
	run(other, ROWS(40));
	before = log_size(f);
	walfile_make_room(log_of(other));
	assert_int_equal(log_size(f), before);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 44);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	forget_file(f);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_transaction_is_one_write, fixture_setup_empty, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_large_transaction_reads_its_own_pages,
			fixture_setup_empty, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_full_disk_fails_the_commit, fixture_setup_empty, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			room_is_written_over, fixture_setup_empty, fixture_teardown),
		cmocka_unit_test_setup_teardown(no_room_where_there_is_no_log_or_no_disk,
			fixture_setup_empty, fixture_teardown),
	};
	return cmocka_run_group_tests_name("store/walfile", tests, NULL, NULL);
}
