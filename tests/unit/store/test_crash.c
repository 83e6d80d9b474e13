/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exactly once: a child writes transaction after transaction, each moving the
 * cursor and what came of the input together, and is killed somewhere. What is
 * found afterwards must be the work of whole transactions, as many as the
 * cursor says.
 */
#include "fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAME     "file:/var/log/auth.log"
#define FAILURES 7 /* a line */

static int64_t cursor_of(struct store *s)
{
	_cleanup_(buf_done) struct buf cursor = BUF_NULL;
	if (store_cursor_get(s, NAME, &cursor) != 0)
		return 0;
	return strtoll(cursor.p, NULL, 10);
}

/* The n-th line: one new block, an older one changed, a window, a session, failures. */
static int write_line(struct fixture *f, struct store *s, int64_t n)
{
	struct block b = fixture_block(f, "192.0.2.1");
	b.target.addr = b.trigger = addr_from_v4(0x0a000000u + (uint32_t)n);
	b.changed = f->now + n * 100000;
	int r = store_begin(s);
	if (r == 0)
		r = store_block_put(s, &b);
	struct block older;
	if (r == 0 && n > 3 && store_block_get(s, b.id - 3, &older) == 0) {
		older.state = (enum block_state)(n % BLOCK_STATES);
		older.changed = b.changed;
		r = store_block_put(s, &older);
	}
	if (r == 0)
		r = store_window_put(
			s, (uint32_t)n + 1, f->host, SERVICE_SSH, &b.target, &b.changed, 1);
	struct session session = {.key = (uint64_t)n, .last = b.changed, .service = SERVICE_SSH};
	if (r == 0)
		r = store_session_put(s, &session);
	if (r == 0)
		r = store_attempt_add(s, b.changed, f->host, SERVICE_SSH, &b.target, FAILURES);
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRId64, n);
	if (r == 0)
		r = store_cursor_put(s, NAME, slice_of(text));
	return r < 0 ? r : store_commit(s, n % 3 ? STORE_REPLAYABLE : STORE_DURABLE);
}

static _Noreturn void write_until_killed(struct fixture *f)
{
	struct store *s;
	if (store_open(f->dir, &s, NULL) < 0)
		_exit(1);
	for (int64_t n = cursor_of(s) + 1;; n++) {
		if (write_line(f, s, n) < 0)
			_exit(2);
		if (n % 50 == 0 && store_maintain(s) < 0)
			_exit(3);
	}
}

static void kill_somewhere(struct fixture *f, int64_t nanoseconds)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_until_killed(f);
	struct timespec some = {.tv_nsec = nanoseconds};
	(void)nanosleep(&some, NULL);
	assert_int_equal(kill(child, SIGKILL), 0);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void no_problem(void *ctx, const char *problem)
{
	(void)ctx;
	fail_msg("%s", problem);
}

static int count_window(void *ctx, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n)
{
	(void)row, (void)host, (void)service, (void)source, (void)times, (void)n;
	++*(int64_t *)ctx;
	return 0;
}

static int count_session(void *ctx, const struct session *session)
{
	*(int64_t *)ctx += (int64_t)session->key;
	return 0;
}

static void assert_whole(struct fixture *f, int64_t n)
{
	struct store *s = f->store;
	struct block_query q = {.account = f->account.id};
	int64_t total = -1, windows = 0, keys = 0;
	assert_int_equal(store_block_query(s, &q, NULL, NULL, &total), 0);
	assert_int_equal(total, n);
	assert_int_equal(store_attempt_total(s, 0), n * FAILURES);
	assert_int_equal(store_window_each(s, count_window, &windows), 0);
	assert_int_equal(windows, n);
	assert_int_equal(store_session_each(s, count_session, &keys), 0);
	assert_int_equal(keys, n * (n + 1) / 2);
	assert_int_equal(store_damaged(s), 0);
	struct err err;
	assert_int_equal(store_check(f->dir, no_problem, NULL, &err), 0);
}

static void rows_and_cursor_agree_after_any_kill(void **state)
{
	struct fixture *f = *state;
	uint64_t random = 99;
	int64_t last = 0;
	f->store = store_close(f->store);
	for (unsigned round = 0; round < 40; round++) {
		kill_somewhere(f, (int64_t)(fixture_random(&random) >> 32) % 25000000);
		struct err err = {0};
		if (store_open(f->dir, &f->store, &err) < 0)
			fail_msg("%s", err.text);
		int64_t n = cursor_of(f->store);
		assert_true(n >= last);
		assert_whole(f, n);
		last = n;
		f->store = store_close(f->store);
	}
	assert_true(last > 0);
}

/* Killed while the very first open makes the database: the next one finishes it. */
static void a_kill_at_birth_leaves_a_state_that_opens(void **state)
{
	struct fixture *f = *state;
	for (unsigned round = 0; round < 20; round++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			write_until_killed(f);
		struct timespec some = {.tv_nsec = (long)round * 500000};
		(void)nanosleep(&some, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		struct err err = {0};
		if (store_open(f->dir, &f->store, &err) < 0)
			fail_msg("round %u: %s", round, err.text);
		assert_int_equal(store_account_first(f->store, &f->account), 0);
		assert_int_equal(f->account.id, 1);
		f->store = store_close(f->store);
		static const char *const names[] = {"cordon.db", "secret.key"};
		for (size_t i = 0; i < countof(names); i++) {
			char path[128];
			fixture_path(f, names[i], path);
			assert_int_equal(unlink(path), 0);
		}
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			rows_and_cursor_agree_after_any_kill, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_kill_at_birth_leaves_a_state_that_opens,
			fixture_setup_empty, fixture_teardown),
	};
	return cmocka_run_group_tests_name("store/crash", tests, NULL, NULL);
}
