/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file read while it grows: lines, pieces of lines, too long lines, budget,
 * refusal, and where reading begins. Rotation is test_tail_rotate.c's.
 */
#include "sensor/reader.h"
#include "tail_world.h"

#include <poll.h>
#include <sys/inotify.h>

static void text_of(struct buf *b, size_t n, char c)
{
	for (size_t i = 0; i < n; i++)
		buf_addc(b, c);
}

static void test_begins_at_the_end(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false);
	world_write(&w, "log", "old\nolder\nhalf");
	world_expect(&w, "");
	world_write(&w, "log", " a line\nnew\n");
	world_expect(&w, "half a line\nnew\n");
	world_done(&w);
}

static void test_begins_at_the_end_inside_a_long_line(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false);
	struct buf text = BUF_NULL;
	text_of(&text, 20000, 'x');
	world_write(&w, "log", text.p);
	world_expect(&w, "");
	world_write(&w, "log", "rest of it\nnew\n");
	world_expect(&w, "new\n");
	buf_done(&text);
	world_done(&w);
}

static void test_begins_at_the_start(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "old\nolder\n");
	world_write(&w, "log.1", "history\n");
	world_expect(&w, "old\nolder\n");
	world_done(&w);
}

static void test_waits_for_the_file(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false);
	world_write(&w, "log.1", "history\n");
	world_expect(&w, "");
	assert_int_equal(tail_deadline(w.tail), w.mono + 1000);
	world_write(&w, "log", "first\n");
	world_expect(&w, "first\n");
	world_done(&w);
}

static void test_waits_for_the_directory(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false);
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/sub/log", w.dir);
	w.paths[0] = path;
	world_expect(&w, "");
	assert_int_equal(tail_watch_fd(w.tail), -1);
	assert_int_equal(tail_deadline(w.tail), w.mono + 1000);
	assert_int_equal(mkdir(world_path(&w, "sub"), 0700), 0);
	world_write(&w, "sub/log", "first\n");
	w.mono += 1000;
	world_expect(&w, "first\n");
	assert_true(tail_watch_fd(w.tail) >= 0);
	world_write(&w, "sub/log", "second\n");
	world_expect(&w, "second\n");
	world_done(&w);
}

static void test_directory_replaced(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, false);
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/sub/log", w.dir);
	w.paths[0] = path;
	assert_int_equal(mkdir(world_path(&w, "sub"), 0700), 0);
	world_write(&w, "sub/log", "");
	world_expect(&w, "");
	world_write(&w, "sub/log", "one\n");
	world_rename(&w, "sub", "gone");
	assert_int_equal(mkdir(world_path(&w, "sub"), 0700), 0);
	world_write(&w, "sub/log", "two\n");
	world_expect(&w, "one\ntwo\n");
	world_write(&w, "gone/log", "late\n");
	world_write(&w, "sub/log", "three\n");
	world_expect(&w, "late\nthree\n");
	world_done(&w);
}

static void test_partial_lines_wait(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a");
	world_expect(&w, "");
	world_write(&w, "log", "b\nc");
	world_expect(&w, "ab\n");
	world_write(&w, "log", "\n");
	world_expect(&w, "c\n");
	assert_int_equal(world_stats(&w).lines, 2);
	assert_int_equal(world_stats(&w).bytes, 5);
	world_done(&w);
}

static void test_event_says_when(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	struct pollfd p = {.fd = tail_watch_fd(w.tail), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	world_write(&w, "log", "b\n");
	assert_int_equal(poll(&p, 1, 0), 1);
	world_expect(&w, "b\n");
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_true(tail_deadline(w.tail) > w.mono + 5000);
	world_done(&w);
}

static void check_long_line(size_t length, bool delivered)
{
	struct world w;
	world_init(&w, true);
	struct buf text = BUF_NULL;
	buf_puts(&text, "before\n");
	size_t start = text.n;
	text_of(&text, length, 'x');
	buf_puts(&text, "\n");
	size_t end = text.n;
	buf_puts(&text, "after\n");
	world_write(&w, "log", text.p);
	world_read(&w);
	if (delivered)
		assert_string_equal(w.got.p, text.p);
	else
		assert_string_equal(w.got.p, "before\nafter\n");
	assert_int_equal(world_stats(&w).too_long, delivered ? 0 : 1);
	assert_int_equal(world_stats(&w).lines, delivered ? 3 : 2);
	assert_int_equal(world_stats(&w).size_behind, 0);
	assert_int_equal(end - start, length + 1);
	buf_done(&text);
	world_done(&w);
}

static void test_long_lines(void **state)
{
	(void)state;
	check_long_line(READER_LINE_MAX - 1, true);
	check_long_line(READER_LINE_MAX, true);
	check_long_line(READER_LINE_MAX + 1, false);
	check_long_line(3 * READER_LINE_MAX, false);
	check_long_line(1000000, false);
}

static void test_long_line_in_pieces_and_over_a_restart(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL, text = BUF_NULL;
	world_init(&w, true);
	text_of(&text, 9000, 'y');
	world_write(&w, "log", "a\n");
	world_write(&w, "log", text.p);
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	world_write(&w, "log", text.p);
	world_start(&w, &cursor);
	world_expect(&w, "");
	world_write(&w, "log", "end\nb\n");
	world_expect(&w, "b\n");
	assert_int_equal(world_stats(&w).too_long, 0); /* counted by the first reader */
	buf_done(&cursor);
	buf_done(&text);
	world_done(&w);
}

/* Lines of every length around the limit, none cut wrongly. */
static void test_many_lengths(void **state)
{
	(void)state;
	struct world w;
	struct buf text = BUF_NULL, want = BUF_NULL;
	world_init(&w, true);
	uint32_t x = 1;
	size_t long_ones = 0;
	for (int i = 0; i < 500; i++) {
		x = x * 1664525u + 1013904223u;
		size_t n = (x >> 8) % (i % 10 ? 300 : 20000);
		size_t start = text.n;
		text_of(&text, n, (char)('a' + i % 26));
		buf_addc(&text, '\n');
		if (n <= READER_LINE_MAX)
			buf_add(&want, text.p + start, n + 1);
		long_ones += n > READER_LINE_MAX;
	}
	world_write(&w, "log", text.p);
	world_read(&w);
	assert_int_equal(w.got.n, want.n);
	assert_memory_equal(w.got.p, want.p, want.n);
	assert_int_equal(world_stats(&w).too_long, long_ones);
	buf_done(&text);
	buf_done(&want);
	world_done(&w);
}

static void test_budget(void **state)
{
	(void)state;
	struct world w;
	struct buf text = BUF_NULL;
	world_init(&w, true);
	for (int i = 0; i < 100000; i++)
		buf_printf(&text, "line %d\n", i);
	world_write(&w, "log", text.p);
	assert_int_equal(world_read_some(&w, 20000), TAIL_MORE);
	assert_true(w.got.n > 10000 && w.got.n <= 30000);
	assert_int_equal(world_stats(&w).size_behind, text.n - w.got.n);
	world_read(&w);
	assert_int_equal(w.got.n, text.n);
	assert_memory_equal(w.got.p, text.p, text.n);
	assert_int_equal(world_stats(&w).lines, 100000);
	assert_true(w.calls < 30); /* pieces, not lines */
	buf_done(&text);
	world_done(&w);
}

static void test_refusal_loses_nothing(void **state)
{
	(void)state;
	struct world w;
	struct buf before = BUF_NULL, after = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	tail_cursor(w.tail, &before);
	world_write(&w, "log", "b\nc\n");
	w.refuse = -EBUSY;
	assert_int_equal(world_read_some(&w, 4096), -EBUSY);
	tail_cursor(w.tail, &after);
	/* the same up to the time of change: device, inode, offset, head and its hash */
	size_t same = before.n - strlen("1000000000000000000:8");
	assert_memory_equal(before.p, after.p, same);
	w.tail = tail_free(w.tail);
	w.refuse = 0;
	world_start(&w, &after);
	world_expect(&w, "b\nc\n");
	buf_done(&before);
	buf_done(&after);
	world_done(&w);
}

static void test_no_cursor_before_the_first_read(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, false);
	tail_cursor(w.tail, &cursor);
	assert_int_equal(cursor.n, 0);
	world_expect(&w, "");
	world_stop(&w, &cursor);
	assert_int_equal(cursor.n, 5); /* "there was nothing" is a position */
	world_write(&w, "log", "came while down\n");
	world_start(&w, &cursor);
	world_expect(&w, "came while down\n");
	buf_done(&cursor);
	world_done(&w);
}

static void test_restart_goes_on(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log", "a\nb\nhalf");
	world_expect(&w, "a\nb\n");
	world_stop(&w, &cursor);
	world_write(&w, "log", " c\nd\n");
	world_start(&w, &cursor);
	world_expect(&w, "half c\nd\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	buf_done(&cursor);
	world_done(&w);
}

static void test_bad_cursors(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "tail", "tail2", "tail1 ", "tail1  ", "tail1x",
		"tail1 1:2:0:0:0:00112233445566778899aabbccddeeff:0", /* no flags */
		"tail1 1:2:0:0:0:00112233445566778899aabbccddeeff:0:0 ",
		"tail1 1:2:0:0:0:00112233445566778899aabbccddeeff:0:16",
		"tail1 1:2:0:0:1:00112233445566778899aabbccddeeff:0:0",
		"tail1 01:2:0:0:0:00112233445566778899aabbccddeeff:0:0",
		"tail1 1:2:-0:0:0:00112233445566778899aabbccddeeff:0:0",
		"tail1 1:2:0:5:6:00112233445566778899aabbccddeeff:0:0",
		"tail1 1:2:0:-5:5:00112233445566778899aabbccddeeff:0:0",
		"tail1 1:2:0:5000:5000:00112233445566778899aabbccddeeff:0:0",
		"tail1 1:2:0:0:0:00112233445566778899aabbccddeef:0:0",
		"tail1 1:2:0:0:0:00112233445566778899AABBCCDDEEFF:0:0",
		"tail1 1:99999999999999999999:0:0:00112233445566778899aabbccddeeff:0:0",
		"tail1 1:2:0:9223372036854775808:1024:00112233445566778899aabbccddeeff:0:0"};
	struct world w;
	world_init(&w, true);
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(tail_restore(w.tail, slice_of(bad[i])), -EBADMSG);
	assert_int_equal(tail_restore(w.tail, slice_of("tail1 1:2:0:5:5:"
						       "00112233445566778899aabbccddeeff:-7:9")),
		0);
	struct buf again = BUF_NULL;
	tail_cursor(w.tail, &again);
	assert_string_equal(again.p, "tail1 1:2:0:5:5:00112233445566778899aabbccddeeff:-7:9");
	buf_done(&again);
	struct buf many = BUF_NULL;
	buf_puts(&many, "tail1");
	for (int i = 0; i < 1000; i++)
		buf_puts(&many, " 1:2:0:0:0:00112233445566778899aabbccddeeff:0:0");
	assert_int_equal(tail_restore(w.tail, buf_as_slice(&many)), -EBADMSG);
	buf_done(&many);
	world_done(&w);
}

static void test_zero_bytes_in_a_line_stay(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	int fd = world_open(&w, "log");
	static const char text[] = "a\nb\0c\n\0\0d\n\0\0\0";
	world_write_fd(&w, fd, text, sizeof(text) - 1);
	world_read(&w);
	assert_int_equal(w.got.n, 8);
	assert_memory_equal(w.got.p, "a\nb\0c\nd\n", 8);
	/* zero bytes at the end wait for what follows them */
	assert_int_equal(world_stats(&w).size_behind, 3);
	world_write_fd(&w, fd, "e\n", 2);
	buf_reset(&w.got);
	world_expect(&w, "e\n");
	(void)close(fd);
	world_done(&w);
}

static void test_not_a_regular_file(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	assert_int_equal(mkfifo(w.log, 0600), 0);
	assert_int_equal(world_read_some(&w, 4096), -EINVAL);
	assert_int_equal(tail_deadline(w.tail), w.mono + 1000);
	assert_int_equal(unlink(w.log), 0);
	world_write(&w, "log", "a\n");
	w.mono += 1000;
	world_expect(&w, "a\n");
	world_done(&w);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins_at_the_end),
		cmocka_unit_test(test_begins_at_the_end_inside_a_long_line),
		cmocka_unit_test(test_begins_at_the_start),
		cmocka_unit_test(test_waits_for_the_file),
		cmocka_unit_test(test_waits_for_the_directory),
		cmocka_unit_test(test_directory_replaced),
		cmocka_unit_test(test_partial_lines_wait),
		cmocka_unit_test(test_event_says_when),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_line_in_pieces_and_over_a_restart),
		cmocka_unit_test(test_many_lengths),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_refusal_loses_nothing),
		cmocka_unit_test(test_no_cursor_before_the_first_read),
		cmocka_unit_test(test_restart_goes_on),
		cmocka_unit_test(test_bad_cursors),
		cmocka_unit_test(test_zero_bytes_in_a_line_stay),
		cmocka_unit_test(test_not_a_regular_file),
	};
	return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}
