/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Damage is found, counted and stepped over; copies are whole. */
#include "store/custom.h"

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct problems {
	char text[32][256];
	unsigned n;
};

static void note(void *ctx, const char *problem)
{
	struct problems *p = ctx;
	assert_true(p->n < countof(p->text));
	(void)snprintf(p->text[p->n++], sizeof(p->text[0]), "%s", problem);
}

static bool noted(const struct problems *p, const char *part)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strstr(p->text[i], part))
			return true;
	for (unsigned i = 0; i < p->n; i++)
		print_message("# %s\n", p->text[i]);
	return false;
}

static struct problems check(const struct fixture *f)
{
	struct problems p = {0};
	struct err err = {0};
	if (store_check(f->dir, note, &p, &err) != 0)
		fail_msg("%s", err.text);
	return p;
}

static void fill(struct fixture *f)
{
	struct prefix source = fixture_prefix("192.0.2.1");
	int64_t times[] = {1, 2, 3};
	struct session session = {.key = 9, .service = SERVICE_SSH};
	struct rule rule = {.account = f->account.id, .source = RULE_BLINK, .name = "system"};
	fixture_begin(f);
	assert_int_equal(store_rule_put(f->store, &rule), 0);
	for (int i = 0; i < 200; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.100.%d", i);
		struct block b = fixture_block(f, text);
		b.changed -= i * 60000;
		b.state = (enum block_state)(i % BLOCK_STATES);
		assert_int_equal(store_block_put(f->store, &b), 0);
		assert_int_equal(store_attempt_add(f->store, b.changed, 1, 1, &b.target, 2), 0);
	}
	assert_int_equal(store_block_expunge(f->store, f->now, 20), 20);
	assert_int_equal(store_attempt_expunge(f->store, f->now - 100 * 60000, 33), 33);
	assert_int_equal(store_window_put(f->store, 7, 1, SERVICE_SSH, &source, times, 3), 0);
	assert_int_equal(store_session_put(f->store, &session), 0);
	struct custom_block cb = {.account = f->account.id,
		.target = fixture_prefix("203.0.113.7"),
		.enabled = true,
		.expires = f->now + 5,
		.changed = f->now};
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_int_equal(store_custom_target_put(f->store, cb.id, f->host), 0);
	struct block b = fixture_block(f, "203.0.113.7");
	b.service = SERVICE_NONE;
	b.state = BLOCK_APPLIED;
	assert_int_equal(store_block_put(f->store, &b), 0);
	fixture_commit(f);
}

/* Behind the closed store's back. */
static void tamper(struct fixture *f, const char *sql)
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

static void a_sound_database_has_no_problems(void **state)
{
	struct fixture *f = *state;
	fill(f);
	/* while the daemon has it open, within a transaction even */
	fixture_begin(f);
	struct block b = fixture_block(f, "203.0.113.99");
	assert_int_equal(store_block_put(f->store, &b), 0);
	struct problems p = check(f);
	for (unsigned i = 0; i < p.n; i++)
		print_message("# %s\n", p.text[i]);
	assert_int_equal(p.n, 0);
	fixture_commit(f);
	f->store = store_close(f->store);
	assert_int_equal(check(f).n, 0);
}

static void each_kind_of_damage_is_named(void **state)
{
	static const struct {
		const char *sql, *problem;
	} damages[] = {
		{"UPDATE block_count SET n = n + 1 WHERE kind = 0 AND scope = 0 AND state = 3",
			"counters do not have"},
		{"INSERT INTO block_count VALUES(1, 1, 5, 0, 0, 0, 1, 4)", "counters count"},
		{"UPDATE block SET len = 100 WHERE id = 1", "rows of block"},
		{"PRAGMA ignore_check_constraints = 1; UPDATE block SET state = 9 WHERE id = 1",
			"a state that is none"},
		{"UPDATE block SET rule_name = printf('%0200d', 1) WHERE id = 1", "rows of block"},
		{"UPDATE block SET host = 77 WHERE id = 1", "no host of their account"},
		{"UPDATE block SET host = 77 WHERE id = 1", "names one of host"},
		{"UPDATE attempt_minute SET n = n + 1 WHERE minute = (SELECT max(minute) FROM "
		 "attempt)",
			"another sum"},
		{"UPDATE window SET times = x'0203'", "rows of window"},
		{"UPDATE session SET content = x'01'", "rows of session"},
		{"UPDATE account SET uid = '12'", "no proper numbers"},
		{"UPDATE custom_block SET servers = 2", "another number of servers"},
		{"UPDATE custom_block SET applied = 2", "another number of kernels"},
		{"UPDATE block SET state = 2 WHERE service = 0", "another number of kernels"},
		{"UPDATE custom_block SET status = 2", "a status that does not follow"},
		{"UPDATE custom_block SET status = 2", "counters do not have"},
		{"UPDATE custom_block SET due = NULL", "a status that does not follow"},
		{"UPDATE custom_block SET why = printf('%0200d', 1)", "rows of custom_block"},
		{"UPDATE custom_target SET host = 77", "no server of their account"},
		{"INSERT INTO rule_host SELECT 1, id FROM rule", "hosts have a rule that is not"},
		{"UPDATE host SET remote = 1; UPDATE block SET wish = 5", "was never given"},
		{"UPDATE account SET policy = 5", "a version that was never given"},
		{"INSERT INTO report_block VALUES(1, 1); INSERT INTO report_block VALUES(2, 1)",
			"frozen beside another"},
		{"INSERT INTO report_attempt VALUES(0, 0, zeroblob(16), 0, 1, 0)", "make no sense"},
		{"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage ="
		 " (SELECT rootpage FROM sqlite_schema WHERE name = 'block_due')"
		 " WHERE name = 'audit_time'",
			"audit_time"},
	};
	for (size_t i = 0; i < countof(damages); i++) {
		void *own = NULL;
		assert_int_equal(fixture_setup(&own), 0);
		struct fixture *f = own;
		fill(f);
		f->store = store_close(f->store);
		tamper(f, damages[i].sql);
		struct problems p = check(f);
		assert_true(noted(&p, damages[i].problem));
		assert_int_equal(fixture_teardown(&own), 0);
	}
	(void)state;
}

static int count_window(void *ctx, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n)
{
	(void)row, (void)host, (void)service, (void)source, (void)times;
	*(unsigned *)ctx += n;
	return 0;
}

static int count_session(void *ctx, const struct session *session)
{
	(void)session;
	++*(unsigned *)ctx;
	return 0;
}

static void damaged_rows_are_skipped_and_counted(void **state)
{
	struct fixture *f = *state;
	fill(f);
	f->store = store_close(f->store);
#define WINDOW "INSERT INTO window(source, len, host, service, times) VALUES("
#define TIME   "x'010100000000000000'"
	tamper(f, WINDOW
		"zeroblob(16), 200, 1, 1, " TIME ");" WINDOW "zeroblob(16), 128, 1, 1, x'01');"
		/* 2 before 1 */
		WINDOW "zeroblob(16), 128, 2, 1, x'0102000000000000000100000000000000');" WINDOW
		"zeroblob(16), 128, 3, 99, " TIME ");" WINDOW "x'ff', 128, 4, 1, " TIME ");"
		"INSERT INTO window SELECT 0, host, service, source, len, times FROM window"
		" WHERE row = 7;"
		"INSERT INTO window SELECT 4294967296, host, service, source, len, times"
		" FROM window WHERE row = 7;"
		"INSERT INTO session SELECT 10, zeroblob(length(content)) FROM session WHERE key = "
		"9;"
		"INSERT INTO session SELECT 0, content FROM session WHERE key = 9;"
		"INSERT INTO session SELECT 11, substr(content, 1, 20) FROM session WHERE key = 9");
	assert_int_equal(store_open(f->dir, &f->store, NULL), 0);
	unsigned n = 0;
	assert_int_equal(store_window_each(f->store, count_window, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(store_damaged(f->store), 7);
	n = 0;
	assert_int_equal(store_session_each(f->store, count_session, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_damaged(f->store), 10);
}

/* Bytes of the file itself: never a crash, and the check says so. */
static void a_torn_page_is_found(void **state)
{
	struct fixture *f = *state;
	fill(f);
	f->store = store_close(f->store);
	char path[128];
	fixture_path(f, "cordon.db", path);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	char rubbish[700];
	memset(rubbish, 0xa7, sizeof(rubbish));
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	/* not the first pages: those are the schema */
	for (off_t at = st.st_size / 2; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), at), sizeof(rubbish));
	assert_int_equal(close(fd), 0);
	struct problems p = {0};
	struct err err = {0};
	int r = store_check(f->dir, note, &p, &err);
	assert_true(r < 0 || p.n > 0);
}

static void percent(void *ctx, int percent)
{
	int *last = ctx;
	assert_true(percent >= *last && percent <= 100);
	*last = percent;
}

static void a_copy_is_whole_and_never_overwrites(void **state)
{
	struct fixture *f = *state;
	fill(f);
	char to[128], aside[128], database[128];
	fixture_path(f, "copy.db", to);
	fixture_path(f, "cordon.db", database);
	fixture_path(f, "original.db", aside);
	struct err err = {0};
	int last = 0;
	/* what is not committed is not copied */
	fixture_begin(f);
	assert_int_equal(store_meta_put(f->store, "pending", "1"), 0);
	if (store_backup(f->dir, to, percent, &last, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(last, 100);
	assert_int_equal(store_backup(f->dir, to, percent, &last, &err), -EEXIST);
	assert_non_null(strstr(err.text, to));
	assert_int_equal(store_backup(f->dir, "/nonexistent/x", NULL, NULL, &err), -ENOENT);
	fixture_commit(f);
	struct stat st;
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	f->store = store_close(f->store);
	assert_int_equal(rename(database, aside), 0);
	assert_int_equal(rename(to, database), 0);
	assert_int_equal(check(f).n, 0);
	assert_int_equal(store_open(f->dir, &f->store, &err), 0);
	int64_t counts[BLOCK_STATES], total = 0;
	assert_int_equal(store_block_counts(f->store, 0, counts), 0);
	for (int i = 0; i < BLOCK_STATES; i++)
		total += counts[i];
	assert_int_equal(total, 181);
	char value[8];
	assert_int_equal(
		store_meta_get(f->store, "pending", value, sizeof(value)), STORE_NOT_FOUND);
}

static void what_is_not_there_cannot_be_checked(void **state)
{
	struct problems p = {0};
	struct err err = {0};
	struct fixture *f = *state;
	char to[128];
	fixture_path(f, "copy.db", to);
	assert_int_equal(store_check(f->dir, note, &p, &err), -ENOENT);
	assert_int_equal(store_backup(f->dir, to, NULL, NULL, &err), -ENOENT);
	assert_int_equal(access(to, F_OK), -1);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f)  cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define EMPTY(f) cmocka_unit_test_setup_teardown(f, fixture_setup_empty, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_sound_database_has_no_problems),
		cmocka_unit_test(each_kind_of_damage_is_named),
		TEST(damaged_rows_are_skipped_and_counted),
		TEST(a_torn_page_is_found),
		TEST(a_copy_is_whole_and_never_overwrites),
		EMPTY(what_is_not_there_cannot_be_checked),
	};
	return cmocka_run_group_tests_name("store/check", tests, NULL, NULL);
}
