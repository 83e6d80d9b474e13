/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening, transactions, errors. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static mode_t mode_of(const struct fixture *f, const char *name)
{
	char path[128];
	fixture_path(f, name, path);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Runs SQL on the file behind the closed store's back. */
static void tamper(const struct fixture *f, const char *sql)
{
	char path[128];
	fixture_path(f, "cordon.db", path);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	char *text = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void the_first_open_makes_everything(void **state)
{
	struct fixture *f = *state;
	char dir[128];
	fixture_path(f, "state", dir);
	struct store *s;
	assert_int_equal(store_open(dir, &s, NULL), 0);
	struct stat st;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	struct account a;
	assert_int_equal(store_account_first(s, &a), 0);
	assert_int_equal(strlen(a.uid), 16);
	assert_int_equal(strspn(a.uid, "0123456789"), 16);
	assert_true(a.uid[0] != '0');
	assert_int_equal(strlen(a.project_id), 32);
	assert_int_equal(strspn(a.project_id, "0123456789abcdef"), 32);
	assert_false(a.closed);
	struct account same;
	assert_int_equal(store_account_find(s, a.project_id, &same), 0);
	assert_int_equal(same.id, a.id);
	assert_int_equal(store_account_get(s, a.id, &same), 0);
	assert_string_equal(same.uid, a.uid);
	assert_int_equal(store_account_get(s, a.id + 1, &same), STORE_NOT_FOUND);
	assert_true(store_size(s) > 4096);
	s = store_close(s);
	static const char *const names[] = {"cordon.db", "secret.key", "lock"};
	for (size_t i = 0; i < countof(names); i++) {
		char name[64], path[128];
		(void)snprintf(name, sizeof(name), "state/%s", names[i]);
		assert_int_equal(mode_of(f, name), 0600);
		fixture_path(f, name, path);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void a_second_writer_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *second = NULL;
	struct err err = {0};
	assert_int_equal(store_open(f->dir, &second, &err), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(err.text, "another cordond"));
	f->store = store_close(f->store);
	assert_int_equal(store_open(f->dir, &f->store, &err), 0);
}

static void a_newer_database_is_refused(void **state)
{
	struct fixture *f = *state;
	f->store = store_close(f->store);
	tamper(f, "PRAGMA user_version = 999");
	struct err err = {0};
	assert_int_equal(store_open(f->dir, &f->store, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "newer Cordon"));
	assert_int_equal(store_open_reader(f->dir, &f->store, &err), -ENOTSUP);
	assert_null(f->store);
}

static void anothers_database_is_left_alone(void **state)
{
	struct fixture *f = *state;
	tamper(f, "CREATE TABLE theirs(x)");
	struct err err = {0};
	assert_int_equal(store_open(f->dir, &f->store, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "not a database of Cordon's"));
	char path[128];
	fixture_path(f, "secret.key", path);
	assert_int_equal(access(path, F_OK), -1);
	tamper(f, "DROP TABLE theirs; PRAGMA application_id = 5");
	assert_int_equal(store_open(f->dir, &f->store, &err), -ENOTSUP);
}

static void write_file(const struct fixture *f, const char *name, const void *p, size_t n)
{
	char path[128];
	fixture_path(f, name, path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void an_empty_file_is_version_0(void **state)
{
	struct fixture *f = *state;
	write_file(f, "cordon.db", "", 0);
	struct err err = {0};
	assert_int_equal(store_open(f->dir, &f->store, &err), 0);
	assert_int_equal(store_account_first(f->store, &f->account), 0);
}

static void rubbish_is_no_database(void **state)
{
	struct fixture *f = *state;
	char rubbish[9000];
	memset(rubbish, 'x', sizeof(rubbish));
	write_file(f, "cordon.db", rubbish, sizeof(rubbish));
	struct err err = {0};
	assert_int_equal(store_open(f->dir, &f->store, &err), -EIO);
	assert_non_null(strstr(err.text, "not a database"));
}

static void the_key_must_be_the_databases(void **state)
{
	struct fixture *f = *state;
	f->store = store_close(f->store);
	char path[128], aside[128];
	fixture_path(f, "secret.key", path);
	fixture_path(f, "aside", aside);
	struct err err = {0};
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(store_open(f->dir, &f->store, &err), -ENOENT);
	assert_int_equal(store_open_reader(f->dir, &f->store, &err), -ENOENT);
	write_file(f, "secret.key", "0123456789abcdef0123456789abcdef", 32);
	assert_int_equal(store_open(f->dir, &f->store, &err), -EINVAL);
	assert_non_null(strstr(err.text, "is not the one"));
	write_file(f, "secret.key", "short", 5);
	assert_int_equal(store_open(f->dir, &f->store, &err), -EINVAL);
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(store_open(f->dir, &f->store, &err), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(store_open(f->dir, &f->store, &err), 0);
}

static void a_missing_directory_or_database_is_said(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	struct store *s = NULL;
	assert_int_equal(store_open("/nonexistent/dir/below", &s, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/dir/below"));
	assert_int_equal(store_open_reader(f->dir, &s, &err), -ENOENT);
	assert_null(s);
	assert_null(store_close(NULL));
}

static void meta_values_come_back(void **state)
{
	struct fixture *f = *state;
	char value[8] = "before";
	assert_int_equal(store_meta_get(f->store, "x", value, sizeof(value)), STORE_NOT_FOUND);
	assert_string_equal(value, "before");
	assert_int_equal(store_meta_put(f->store, "x", "1"), -EINVAL);
	fixture_begin(f);
	assert_int_equal(store_meta_put(f->store, "x", "1"), 0);
	assert_int_equal(store_meta_put(f->store, "x", "seven77"), 0);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(store_meta_get(f->store, "x", value, sizeof(value)), 0);
	assert_string_equal(value, "seven77");
	char small[4];
	assert_int_equal(store_meta_get(f->store, "x", small, sizeof(small)), -EIO);
}

static void a_transactions_error_sticks(void **state)
{
	struct fixture *f = *state;
	fixture_begin(f);
	assert_true(store_in_transaction(f->store));
	assert_int_equal(store_begin(f->store), -EINVAL);
	assert_int_equal(store_meta_put(f->store, "x", "1"), -EINVAL);
	struct account a;
	assert_int_equal(store_account_first(f->store, &a), -EINVAL);
	assert_int_equal(store_commit(f->store, STORE_DURABLE), -EINVAL);
	assert_false(store_in_transaction(f->store));
	assert_int_equal(store_commit(f->store, STORE_DURABLE), -EINVAL);
	/* the next one begins clean */
	fixture_begin(f);
	assert_int_equal(store_meta_put(f->store, "x", "2"), 0);
	store_rollback(f->store);
	char value[8];
	assert_int_equal(store_meta_get(f->store, "x", value, sizeof(value)), STORE_NOT_FOUND);
	store_rollback(f->store);
}

/* SQLite's own calls end here, in front of libc's. */
static unsigned syncs;
static bool syncs_fail;

int fdatasync(int fd)
{
	char link[64], path[128] = "";
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	syncs += n > 4 && strcmp(path + n - 4, "-wal") == 0;
	if (!syncs_fail)
		return (int)syscall(SYS_fdatasync, fd);
	errno = EIO;
	return -1;
}

static int commit_one(struct fixture *f, enum store_durability durability)
{
	static unsigned n;
	char value[16];
	(void)snprintf(value, sizeof(value), "%u", n++);
	fixture_begin(f);
	assert_int_equal(store_meta_put(f->store, "n", value), 0);
	syncs = 0;
	return store_commit(f->store, durability);
}

static void only_a_durable_commit_waits_for_the_disk(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(commit_one(f, STORE_REPLAYABLE), 0);
	assert_int_equal(syncs, 0);
	assert_int_equal(commit_one(f, STORE_DURABLE), 0);
	assert_int_equal(syncs, 1);
	/* somebody is told what an earlier, replayable commit wrote */
	assert_int_equal(commit_one(f, STORE_REPLAYABLE), 0);
	fixture_begin(f);
	assert_int_equal(store_commit(f->store, STORE_DURABLE), 0);
	assert_int_equal(syncs, 1);
	fixture_begin(f);
	assert_int_equal(store_commit(f->store, STORE_DURABLE), 0);
	assert_int_equal(syncs, 1);

	syncs_fail = true;
	int r = commit_one(f, STORE_DURABLE);
	syncs_fail = false;
	assert_int_equal(r, -EIO);
	assert_non_null(strstr(store_error(f->store), "-wal"));
	assert_false(store_in_transaction(f->store));
	assert_int_equal(commit_one(f, STORE_DURABLE), 0);
}

static void what_was_committed_durably_or_not_is_there(void **state)
{
	struct fixture *f = *state;
	static const enum store_durability durabilities[] = {
		STORE_DURABLE, STORE_REPLAYABLE, STORE_DURABLE};
	for (size_t i = 0; i < countof(durabilities); i++) {
		char name[8];
		(void)snprintf(name, sizeof(name), "d%zu", i);
		fixture_begin(f);
		assert_int_equal(store_meta_put(f->store, name, "1"), 0);
		assert_int_equal(store_commit(f->store, durabilities[i]), 0);
	}
	/* nothing changed and nothing left to sync */
	fixture_begin(f);
	assert_int_equal(store_commit(f->store, STORE_DURABLE), 0);
	struct store *reader;
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	char value[8];
	assert_int_equal(store_meta_get(reader, "d2", value, sizeof(value)), 0);
	reader = store_close(reader);
}

static void a_reader_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	assert_int_equal(store_begin(reader), -EINVAL);
	assert_int_equal(store_meta_put(reader, "x", "1"), -EINVAL);
	assert_int_equal(store_maintain(reader), -EINVAL);
	/* its errors do not stick */
	struct account a;
	assert_int_equal(store_account_first(reader, &a), 0);
	reader = store_close(reader);
}

static void a_snapshot_stays_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	char value[8];
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	assert_int_equal(store_snapshot(reader), 0);
	assert_int_equal(store_snapshot(reader), -EINVAL);
	fixture_begin(f);
	assert_int_equal(store_meta_put(f->store, "x", "1"), 0);
	fixture_commit(f);
	assert_int_equal(store_meta_get(reader, "x", value, sizeof(value)), STORE_NOT_FOUND);
	store_snapshot_end(reader);
	assert_int_equal(store_meta_get(reader, "x", value, sizeof(value)), 0);
	store_snapshot_end(reader);
	reader = store_close(reader);
}

static int put_meta(struct fixture *f, const char *name)
{
	int r = store_begin(f->store);
	if (r == 0)
		r = store_meta_put(f->store, name, "1");
	return r == 0 ? store_commit(f->store, STORE_REPLAYABLE) : r;
}

static void what_is_begun_ahead_is_nobodys_yet(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	char value[8];
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	store_ready(f->store);
	store_ready(f->store);
	assert_false(store_in_transaction(f->store));
	assert_int_equal(store_meta_put(f->store, "x", "1"), -EINVAL);
	assert_int_equal(store_commit(f->store, STORE_DURABLE), -EINVAL);
	store_rollback(f->store);
	/* it is the next one, and what that one says is there for all, also after the one behind it
	 */
	assert_int_equal(put_meta(f, "x"), 0);
	store_ready(f->store);
	assert_int_equal(store_meta_get(reader, "x", value, sizeof(value)), 0);
	assert_int_equal(store_meta_get(f->store, "x", value, sizeof(value)), 0);
	fixture_begin(f);
	assert_int_equal(store_meta_put(f->store, "y", "1"), 0);
	store_ready(f->store); /* not within one */
	store_rollback(f->store);
	store_ready(f->store);
	assert_int_equal(store_meta_get(f->store, "y", value, sizeof(value)), STORE_NOT_FOUND);
	/* a view of it is the latest, and ends */
	assert_int_equal(store_snapshot(f->store), 0);
	assert_int_equal(store_begin(f->store), -EINVAL);
	assert_int_equal(store_meta_get(f->store, "x", value, sizeof(value)), 0);
	store_snapshot_end(f->store);
	assert_int_equal(put_meta(f, "z"), 0);
	assert_int_equal(store_meta_get(reader, "z", value, sizeof(value)), 0);
	/* one that only reads never writes */
	store_ready(reader);
	assert_int_equal(store_begin(reader), -EINVAL);
	assert_int_equal(store_snapshot(reader), 0);
	store_snapshot_end(reader);
	reader = store_close(reader);
	store_ready(f->store);
	fixture_reopen(f);
	assert_int_equal(store_meta_get(f->store, "z", value, sizeof(value)), 0);
}

static void maintenance_shrinks_log_and_file(void **state)
{
	struct fixture *f = *state;
	char value[4001];
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	fixture_begin(f);
	for (unsigned i = 0; i < 3000; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(store_cursor_put(f->store, name, slice_of(value)), 0);
	}
	assert_int_equal(store_maintain(f->store), -EINVAL);
	store_rollback(f->store);
	for (unsigned round = 0; round < 4; round++) {
		/* what does not change is not written */
		memset(value, (int)('a' + round), sizeof(value) - 1);
		fixture_begin(f);
		for (unsigned i = 0; i < 3000; i++) {
			char name[16];
			(void)snprintf(name, sizeof(name), "c%u", i);
			assert_int_equal(store_cursor_put(f->store, name, slice_of(value)), 0);
		}
		fixture_commit(f);
	}
	/* more than LOG_PAGES_MAX: the log is gone afterwards */
	uint64_t before = store_size(f->store);
	store_ready(f->store);
	assert_int_equal(store_maintain(f->store), 0);
	uint64_t after = store_size(f->store);
	assert_true(after < before / 2);
	f->store = store_close(f->store);
	tamper(f, "DELETE FROM cursor");
	assert_int_equal(store_open(f->dir, &f->store, NULL), 0);
	unsigned pieces = 1;
	while (store_maintain(f->store) == 1)
		pieces++;
	assert_true(pieces > 5 && pieces < 100);
	fixture_reopen(f); /* the last close copies the log */
	assert_true(store_size(f->store) < after / 4);
}

/* In a mount namespace of its own: a small file system, filled. */
static int fill_the_disk(const struct fixture *f)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", f->dir, "tmpfs", 0, "size=1m,mode=0700") < 0)
		return 77;
	struct store *s;
	if (store_open(f->dir, &s, NULL) < 0)
		return 1;
	static char value[60000];
	memset(value, 'v', sizeof(value) - 1);
	int r = 0;
	unsigned stored = 0;
	for (unsigned i = 0; i < 100 && r == 0; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "c%u", i);
		r = store_begin(s);
		if (r == 0)
			(void)store_cursor_put(s, name, slice_of(value));
		if (r == 0)
			r = store_commit(s, STORE_REPLAYABLE);
		stored += r == 0;
	}
	if (r != -ENOSPC || store_in_transaction(s) || !store_error(s)[0])
		return 2;
	/* what was stored can be read, and small changes may go on later */
	_cleanup_(buf_done) struct buf got = BUF_NULL;
	if (stored < 2 || store_cursor_get(s, "c0", &got) != 0 || got.n != sizeof(value) - 1)
		return 3;
	if (store_cursor_get(s, "c99", &got) != STORE_NOT_FOUND)
		return 4;
	(void)store_close(s);
	return 0;
}

static int on_a_read_only_disk(const struct fixture *f)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", f->dir, "tmpfs", 0, "size=4m,mode=0700") < 0)
		return 77;
	struct store *s = NULL;
	if (store_open(f->dir, &s, NULL) < 0)
		return 1;
	s = store_close(s);
	if (mount("tmpfs", f->dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return 77;
	struct err err = {0};
	int r = store_open(f->dir, &s, &err);
	return r == -EROFS && err.text[0] ? 0 : 2;
}

static void in_child(struct fixture *f, int (*fn)(const struct fixture *f))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(fn(f));
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* no right to mount */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_full_disk_is_said_and_survived(void **state)
{
	in_child(*state, fill_the_disk);
}

static void a_read_only_disk_is_said(void **state)
{
	in_child(*state, on_a_read_only_disk);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f)  cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define EMPTY(f) cmocka_unit_test_setup_teardown(f, fixture_setup_empty, fixture_teardown)
	const struct CMUnitTest tests[] = {
		EMPTY(the_first_open_makes_everything),
		TEST(a_second_writer_is_refused),
		TEST(a_newer_database_is_refused),
		EMPTY(anothers_database_is_left_alone),
		EMPTY(an_empty_file_is_version_0),
		EMPTY(rubbish_is_no_database),
		TEST(the_key_must_be_the_databases),
		EMPTY(a_missing_directory_or_database_is_said),
		TEST(meta_values_come_back),
		TEST(a_transactions_error_sticks),
		TEST(only_a_durable_commit_waits_for_the_disk),
		TEST(what_was_committed_durably_or_not_is_there),
		TEST(a_reader_cannot_write),
		TEST(a_snapshot_stays_as_it_was),
		TEST(what_is_begun_ahead_is_nobodys_yet),
		TEST(maintenance_shrinks_log_and_file),
		EMPTY(a_full_disk_is_said_and_survived),
		EMPTY(a_read_only_disk_is_said),
	};
	return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
