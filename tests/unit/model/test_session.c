/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/session.h"

#include "base/clock.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define IDLE (10 * MS_MINUTE)

static void tablep(struct session_table **t)
{
	*t = session_table_free(*t);
}

static uint64_t key_of(uint32_t pid)
{
	return session_key(SLICE("host"), SLICE("sshd"), pid);
}

static void keys_are_fixed(void **state)
{
	(void)state;
	/* stored by earlier versions: must not change */
	assert_true(session_key(SLICE("web-1"), SLICE("sshd"), 4711) == 0x0b283d6bfb9c1d64u);
	assert_true(session_key(SLICE("a-longer.host.example"), SLICE("vsftpd"), 1) ==
		    0x6c231e2e8ce15a3fu);
	assert_true(session_key(SLICE_NULL, SLICE_NULL, 0) != 0);
}

static void keys_tell_sessions_apart(void **state)
{
	(void)state;
	struct slice host = SLICE("web-1"), sshd = SLICE("sshd");
	uint64_t key = session_key(host, sshd, 1);
	assert_true(session_key(host, SLICE("sshd-session"), 1) == key);
	assert_true(session_key(host, SLICE("sshd-auth"), 1) == key);
	assert_true(session_key(host, sshd, 2) != key);
	assert_true(session_key(host, SLICE("vsftpd"), 1) != key);
	assert_true(session_key(SLICE("web-2"), sshd, 1) != key);
	assert_true(session_key(SLICE("web-1s"), SLICE("shd"), 1) != key);
	assert_true(session_key(SLICE("12345678"), SLICE_NULL, 1) !=
		    session_key(SLICE_NULL, SLICE("12345678"), 1));
}

static void get_finds_what_it_made(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(100, IDLE);
	assert_null(session_find(t, key_of(1)));
	struct session *s = session_get(t, key_of(1), 1000);
	assert_true(s->key == key_of(1) && s->last == 1000 && s->dirty && !s->has_src);
	s->pending = 3;
	assert_ptr_equal(session_get(t, key_of(1), 2000), s);
	assert_ptr_equal(session_find(t, key_of(1)), s);
	assert_int_equal(s->pending, 3);
	assert_true(s->last == 2000);
	/* late and unstamped lines do not make it older */
	assert_ptr_equal(session_get(t, key_of(1), 1500), s);
	assert_true(s->last == 2000);
	assert_ptr_equal(session_get(t, key_of(1), EVENT_NO_TIME), s);
	assert_int_equal(session_table_count(t), 1);
}

static void renewed_sessions_remember_nothing(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(100, IDLE);
	(void)session_get(t, key_of(2), 1000);
	struct session *s = session_get(t, key_of(1), 1000);
	(void)session_get(t, key_of(3), 1000);
	s->pending = 3;
	s->seen[EVIDENCE_PAM] = 2;
	s->attempts = 2;
	session_renew(s);
	assert_ptr_equal(session_find(t, key_of(1)), s);
	assert_int_equal(s->pending + s->attempts + s->seen[EVIDENCE_PAM], 0);
	assert_true(s->last == 1000 && s->dirty);
	session_table_sweep(t, 1000 + IDLE + 1);
	assert_int_equal(session_table_count(t), 0);
}

static void silent_ones_start_anew(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(100, IDLE);
	session_get(t, key_of(1), 1000)->pending = 3;
	assert_int_equal(session_get(t, key_of(1), 1000 + IDLE)->pending, 3);
	assert_int_equal(session_get(t, key_of(1), 1001 + 2 * IDLE)->pending, 0);
	/* a stamp far ahead, then the clock is right again */
	session_get(t, key_of(2), 100 * IDLE)->pending = 3;
	assert_int_equal(session_get(t, key_of(2), 5 * IDLE)->pending, 0);
	(void)session_get(t, key_of(3), INT64_MAX);
	(void)session_get(t, key_of(3), INT64_MIN + 1);
	assert_non_null(session_find(t, key_of(3)));
}

static void closed_ones_linger(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(100, IDLE);
	struct session *s = session_get(t, key_of(1), 1000);
	s->pending = 1;
	session_close(t, s);
	session_close(t, s);
	session_table_sweep(t, 1000);
	assert_ptr_equal(session_get(t, key_of(1), 2000), s);
	assert_int_equal(s->pending, 1);
	session_table_sweep(t, 2000 + 5 * MS_SECOND);
	assert_int_equal(session_table_count(t), 1);
	session_table_sweep(t, 2001 + 5 * MS_SECOND);
	assert_int_equal(session_table_count(t), 0);
	assert_null(session_find(t, key_of(1)));
	/* the pid again, soon after */
	session_close(t, session_get(t, key_of(2), 20000));
	assert_false(session_get(t, key_of(2), 20001 + 5 * MS_SECOND)->closed);
}

static void full_table_lets_the_silent_go(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(10, IDLE);
	for (uint32_t pid = 0; pid < 10; pid++)
		(void)session_get(t, key_of(pid), pid);
	(void)session_get(t, key_of(0), 100);
	(void)session_get(t, key_of(100), 101);
	assert_null(session_find(t, key_of(1)));
	assert_non_null(session_find(t, key_of(0)));
	assert_int_equal(session_table_evicted(t), 1);
	/* a closed one first, and that is no loss */
	session_close(t, session_find(t, key_of(100)));
	(void)session_get(t, key_of(101), 102);
	assert_null(session_find(t, key_of(100)));
	assert_non_null(session_find(t, key_of(2)));
	assert_int_equal(session_table_evicted(t), 1);
	assert_int_equal(session_table_count(t), 10);
}

static void making_forgets_the_idle(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(100000, IDLE);
	for (uint32_t pid = 0; pid < 50000; pid++)
		(void)session_get(t, key_of(pid), (int64_t)pid * MS_SECOND);
	assert_in_range(session_table_count(t), 600, 605);
	assert_int_equal(session_table_evicted(t), 0);
}

/* ---- the store's side ---- */

#define PIDS 60

struct rows {
	struct session row[PIDS];
	bool there[PIDS];
	unsigned calls, fail_at;
};

static int put_row(void *ctx, const struct session *s)
{
	struct rows *rows = ctx;
	if (++rows->calls == rows->fail_at)
		return -5;
	for (uint32_t pid = 0; pid < PIDS; pid++)
		if (key_of(pid) == s->key) {
			rows->there[pid] = !s->closed;
			rows->row[pid] = *s;
			return 0;
		}
	fail_msg("nobody's key");
	return 0;
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % below);
}

static void assert_same(struct session_table *a, struct session_table *b)
{
	assert_int_equal(session_table_count(a), session_table_count(b));
	for (uint32_t pid = 0; pid < PIDS; pid++) {
		const struct session *x = session_find(a, key_of(pid));
		const struct session *y = session_find(b, key_of(pid));
		assert_int_equal(!x, !y);
		if (!x)
			continue;
		assert_true(x->last == y->last);
		assert_int_equal(x->pending, y->pending);
	}
}

static void rows_follow_every_change(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(40, MS_MINUTE);
	_cleanup_(freep) struct rows *rows = calloc(1, sizeof(*rows));
	uint64_t seed = 3;
	int64_t now = 1000;
	for (unsigned i = 0; i < 20000; i++) {
		now += draw(&seed, 2000);
		struct session *s = session_get(t, key_of(draw(&seed, PIDS)), now);
		s->pending = (uint8_t)draw(&seed, 100);
		if (draw(&seed, 5) == 0)
			session_close(t, s);
		if (draw(&seed, 50) == 0)
			session_table_sweep(t, now);
		if (draw(&seed, 10) == 0)
			assert_int_equal(session_table_dirty(t, put_row, rows), 0);
	}
	assert_int_equal(session_table_dirty(t, put_row, rows), 0);
	_cleanup_(tablep) struct session_table *copy = session_table_new(40, MS_MINUTE);
	for (uint32_t pid = 0; pid < PIDS; pid++)
		if (rows->there[pid])
			session_table_restore(copy, &rows->row[pid]);
	assert_same(t, copy);
	rows->calls = 0;
	assert_int_equal(session_table_dirty(copy, put_row, rows), 0);
	assert_int_equal(rows->calls, 0);
}

static void restored_ones_leave_by_age(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(10, IDLE);
	for (uint32_t pid = 0; pid < 10; pid++) {
		struct session s = {.key = key_of(pid), .last = (pid * 7) % 10, .user_len = 200};
		session_table_restore(t, &s);
		assert_true(session_find(t, s.key)->user_len <= SESSION_USER_MAX);
	}
	(void)session_get(t, key_of(50), 100);
	(void)session_get(t, key_of(51), 100);
	assert_null(session_find(t, key_of(0)));
	assert_null(session_find(t, key_of(3))); /* last: 21 % 10 */
	assert_int_equal(session_table_count(t), 10);
	struct session nobody = {.key = 0};
	session_table_restore(t, &nobody);
	assert_int_equal(session_table_count(t), 10);
}

static void failed_reports_stay_dirty(void **state)
{
	(void)state;
	_cleanup_(tablep) struct session_table *t = session_table_new(10, IDLE);
	_cleanup_(freep) struct rows *rows = calloc(1, sizeof(*rows));
	for (uint32_t pid = 0; pid < 5; pid++)
		(void)session_get(t, key_of(pid), 1000);
	rows->fail_at = 3;
	assert_int_equal(session_table_dirty(t, put_row, rows), -5);
	*rows = (struct rows){0};
	assert_int_equal(session_table_dirty(t, put_row, rows), 0);
	assert_int_equal(rows->calls, 5);
	*rows = (struct rows){0};
	assert_int_equal(session_table_dirty(t, put_row, rows), 0);
	assert_int_equal(rows->calls, 0);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_fixed),
		cmocka_unit_test(keys_tell_sessions_apart),
		cmocka_unit_test(get_finds_what_it_made),
		cmocka_unit_test(renewed_sessions_remember_nothing),
		cmocka_unit_test(silent_ones_start_anew),
		cmocka_unit_test(closed_ones_linger),
		cmocka_unit_test(full_table_lets_the_silent_go),
		cmocka_unit_test(making_forgets_the_idle),
		cmocka_unit_test(rows_follow_every_change),
		cmocka_unit_test(restored_ones_leave_by_age),
		cmocka_unit_test(failed_reports_stay_dirty),
	};
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
