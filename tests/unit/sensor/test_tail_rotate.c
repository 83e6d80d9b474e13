/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rotation of every kind, noticed at once or after a restart; and a long random
 * history in which every line must come exactly once.
 */
#include "base/clock.h"
#include "tail_world.h"

#include <sys/mman.h>

static void test_rename(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_write(&w, "log", "b\n");
	world_rename(&w, "log", "log.1");
	world_write(&w, "log.1", "c\n"); /* the writer has not reopened yet */
	world_expect(&w, "b\nc\n");
	world_write(&w, "log", "d\n");
	world_write(&w, "log.1", "late\n");
	world_expect(&w, "late\nd\n");
	assert_int_equal(world_stats(&w).rotations, 1);
	assert_int_equal(world_stats(&w).gaps, 0);
	world_done(&w);
}

static void test_old_file_until_quiet(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_rename(&w, "log", "log.1");
	world_write(&w, "log", "b\n");
	world_expect(&w, "b\n");
	for (int i = 0; i < 5; i++) { /* each late line starts the 5 s anew */
		assert_true(tail_deadline(w.tail) <= w.mono + 1000);
		w.mono += 4900;
		world_write(&w, "log.1", "late\n");
		world_expect(&w, "late\n");
	}
	w.mono += 5000;
	world_expect(&w, "");
	world_write(&w, "log.1", "nobody reads this\n");
	world_expect(&w, "");
	world_done(&w);
}

static void test_recreate(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "a\n");
	int old = world_open(&w, "log");
	world_expect(&w, "a\n");
	assert_int_equal(unlink(w.log), 0);
	world_write_fd(&w, old, "b\n", 2); /* deleted, but open */
	world_expect(&w, "b\n");
	world_write(&w, "log", "c\n");
	world_write_fd(&w, old, "late\n", 5);
	world_expect(&w, "late\nc\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	(void)close(old);
	world_done(&w);
}

static void test_recreate_while_down_is_a_gap(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	assert_int_equal(unlink(w.log), 0);
	world_write(&w, "log", "b\n");
	world_start(&w, &cursor);
	world_expect(&w, "b\n");
	assert_int_equal(world_stats(&w).gaps, 1);
	buf_done(&cursor);
	world_done(&w);
}

/* The new file may well get the old one's inode. */
static void test_inode_used_again(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	for (int i = 0; i < 20; i++) {
		char line[32];
		(void)snprintf(line, sizeof(line), "%c is the line\n", 'a' + i);
		world_write(&w, "log", i % 3 ? line : "");
		world_expect(&w, i % 3 ? line : "");
		world_stop(&w, &cursor);
		int64_t tick = clock_ms(CLOCK_REALTIME_COARSE);
		while (clock_ms(CLOCK_REALTIME_COARSE) == tick) {
			/* another time of birth */
		}
		assert_int_equal(unlink(w.log), 0);
		world_write(&w, "log", "new\n");
		world_start(&w, &cursor);
		world_expect(&w, "new\n");
		assert_int_equal(world_stats(&w).gaps, 1);
		assert_int_equal(unlink(w.log), 0);
		world_expect(&w, "");
		w.mono += 1000;
	}
	buf_done(&cursor);
	world_done(&w);
}

static void test_copytruncate(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\nb\n");
	world_expect(&w, "a\nb\n");
	world_write(&w, "log", "c\n");
	world_copy(&w, "log", "log.1");
	world_truncate(&w, "log");
	world_expect(&w, "c\n");
	world_write(&w, "log", "d\n");
	world_expect(&w, "d\n");
	assert_int_equal(world_stats(&w).rotations, 1);
	assert_int_equal(world_stats(&w).gaps, 0);
	world_done(&w);
}

/* The reader sees neither the empty file nor a smaller one, only other bytes. */
static void test_copytruncate_and_grown_again(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\nb\n");
	world_expect(&w, "a\nb\n");
	world_write(&w, "log", "c\n");
	world_copy(&w, "log", "log.1");
	world_truncate(&w, "log");
	world_write(&w, "log", "much longer than the file was before\n");
	world_expect(&w, "c\nmuch longer than the file was before\n");
	world_done(&w);
}

/* The reader was ahead of the copy: nothing of it comes twice. */
static void test_copy_shorter_than_read(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\nb\n");
	world_expect(&w, "a\nb\n");
	world_copy(&w, "log", "log.1");
	world_write(&w, "log", "c\n");
	world_expect(&w, "c\n");
	world_truncate(&w, "log");
	world_write(&w, "log", "d\n");
	world_expect(&w, "d\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	world_done(&w);
}

static void test_copy_shorter_than_read_over_a_restart(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log", "a\nb\n");
	world_expect(&w, "a\nb\n");
	world_copy(&w, "log", "log.1");
	world_write(&w, "log", "c\n");
	world_expect(&w, "c\n");
	world_stop(&w, &cursor);
	world_truncate(&w, "log");
	world_write(&w, "log", "d\n");
	world_start(&w, &cursor);
	world_expect(&w, "d\n");
	assert_int_equal(world_stats(&w).gaps, 1); /* nobody can say what was between */
	buf_done(&cursor);
	world_done(&w);
}

static void test_truncated_without_a_copy(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_truncate(&w, "log");
	world_write(&w, "log", "b\n");
	world_expect(&w, "b\n");
	assert_int_equal(world_stats(&w).gaps, 0); /* all of it had been read */
	world_write(&w, "log", "c\nhalf a li");
	world_expect(&w, "c\n");
	world_truncate(&w, "log");
	world_write(&w, "log", "d\n");
	world_expect(&w, "d\n");
	assert_int_equal(world_stats(&w).gaps, 1);
	world_done(&w);
}

/* Nothing had been read of it, so no byte says that it was emptied. */
static void test_copytruncate_of_an_unread_file(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "");
	world_expect(&w, "");
	world_rename(&w, "log.1", "log.2");
	world_write(&w, "log", "a\n");
	world_copy(&w, "log", "log.1");
	world_truncate(&w, "log");
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	world_rename(&w, "log.2", "log.3");
	world_rename(&w, "log.1", "log.2");
	world_write(&w, "log", "b\n");
	world_copy(&w, "log", "log.1");
	world_truncate(&w, "log");
	world_write(&w, "log", "c\n");
	world_start(&w, &cursor);
	world_expect(&w, "b\nc\n");
	buf_done(&cursor);
	world_done(&w);
}

/* A writer without O_APPEND goes on where it was: the emptied file begins with a hole. */
static void test_hole(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	int fd = open(w.log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	world_write_fd(&w, fd, "a\nb\n", 4);
	world_expect(&w, "a\nb\n");
	for (int i = 0; i < 3; i++) {
		world_write_fd(&w, fd, "c\n", 2);
		world_copy(&w, "log", i == 0 ? "log.1" : i == 1 ? "log.2" : "log.3");
		assert_int_equal(ftruncate(fd, 0), 0);
		world_stamp(&w, fd);
		world_write_fd(&w, fd, "d\n", 2);
		world_expect(&w, "c\nd\n");
	}
	/* and one larger than any piece */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 3 << 20, SEEK_SET), 3 << 20);
	world_write_fd(&w, fd, "e\n", 2);
	world_expect(&w, "e\n");
	(void)close(fd);
	world_done(&w);
}

static void test_renamed_while_down(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "a\nb\n");
	world_expect(&w, "a\nb\n");
	world_stop(&w, &cursor);
	world_write(&w, "log", "c\n");
	world_rename(&w, "log.1", "log.2");
	world_rename(&w, "log", "log.1");
	world_write(&w, "log", "d\n");
	world_start(&w, &cursor);
	world_expect(&w, "c\nd\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	buf_done(&cursor);
	world_done(&w);
}

/* Keeps the file's inode from being used again: of an empty file, only its time of birth
   tells it from the next file on that inode, and here both can come in one tick of the clock. */
static void keep_inode(struct world *w, const char *name)
{
	char kept[32];
	(void)snprintf(kept, sizeof(kept), "kept%lld", (long long)w->tick++);
	if (link(world_path(w, name), world_path(w, kept)) < 0)
		assert_int_equal(errno, ENOENT);
}

static void rotate_numbers(struct world *w)
{
	keep_inode(w, "log.9");
	for (int i = 8; i > 0; i--) {
		char from[16], to[16];
		(void)snprintf(from, sizeof(from), "log.%d", i);
		(void)snprintf(to, sizeof(to), "log.%d", i + 1);
		if (access(world_path(w, from), F_OK) == 0)
			world_rename(w, from, to);
	}
}

static void test_several_rotations_while_down(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	world_write(&w, "log", "b\n");
	for (int i = 0; i < 4; i++) {
		char line[16];
		rotate_numbers(&w);
		world_rename(&w, "log", "log.1");
		(void)snprintf(line, sizeof(line), "c%d\n", i);
		world_write(&w, "log", line);
	}
	/* the writer of the second but newest was slow: its file is the one changed last */
	world_write(&w, "log.2", "slow\n");
	world_start(&w, &cursor);
	world_expect(&w, "b\nc0\nc1\nslow\nc2\nc3\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	buf_done(&cursor);
	world_done(&w);
}

static void test_dated_names_while_down(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log-20251230", "history\n");
	world_write(&w, "log-20251231.gz", "not text\n");
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	world_write(&w, "log", "b\n");
	world_rename(&w, "log", "log-20260101");
	world_write(&w, "log", "c\n");
	world_rename(&w, "log", "log-20260102");
	world_write(&w, "log", "d\n");
	world_write(&w, "log-20260101", "slow\n");
	world_start(&w, &cursor);
	world_expect(&w, "b\nslow\nc\nd\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	buf_done(&cursor);
	world_done(&w);
}

/* The file that was being read is gone; what came after it is not. */
static void test_last_read_is_compressed(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	world_rename(&w, "log.1", "log.3.gz");
	world_rename(&w, "log", "log.2.gz");
	world_write(&w, "log.1", "b\n");
	world_write(&w, "log", "c\n");
	world_start(&w, &cursor);
	world_expect(&w, "b\nc\n");
	assert_int_equal(world_stats(&w).gaps, 1);
	buf_done(&cursor);
	world_done(&w);
}

static void test_copytruncate_twice_while_down(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log.1", "history\n");
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	world_write(&w, "log", "b\n");
	for (int i = 0; i < 2; i++) {
		rotate_numbers(&w);
		world_copy(&w, "log", "log.1");
		world_truncate(&w, "log");
		world_write(&w, "log", i == 0 ? "c\n" : "d\n");
	}
	world_start(&w, &cursor);
	world_expect(&w, "b\nc\nd\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	buf_done(&cursor);
	world_done(&w);
}

/* Emptied by copytruncate and then renamed, between two looks. */
static void test_both_kinds_between_two_looks(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_write(&w, "log", "b\n");
	world_copy(&w, "log", "log.1");
	world_truncate(&w, "log");
	world_write(&w, "log", "c\n");
	rotate_numbers(&w);
	world_rename(&w, "log", "log.1");
	world_write(&w, "log", "d\n");
	world_expect(&w, "b\nc\nd\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	world_done(&w);
}

static void test_two_renames_between_two_looks(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	for (int i = 0; i < 2; i++) {
		rotate_numbers(&w);
		world_rename(&w, "log", "log.1");
		world_write(&w, "log", i == 0 ? "b\n" : "c\n");
	}
	world_expect(&w, "b\nc\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	world_done(&w);
}

static void test_name_comes_later(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_expect(&w, "a\n");
	world_stop(&w, &cursor);
	world_write(&w, "log", "b\n");
	world_rename(&w, "log", "away"); /* no sibling, and no file at the path */
	world_start(&w, &cursor);
	world_expect(&w, "");
	assert_int_equal(world_stats(&w).gaps, 0);
	world_stop(&w, &cursor); /* the position outlives another restart */
	world_start(&w, &cursor);
	world_expect(&w, "");
	world_rename(&w, "away", "log.1");
	w.mono += 1000;
	world_expect(&w, "b\n");
	world_write(&w, "log", "c\n");
	world_expect(&w, "c\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	buf_done(&cursor);
	world_done(&w);
}

static void test_symlink_repointed(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	assert_int_equal(mkdir(world_path(&w, "data"), 0700), 0);
	world_write(&w, "data/mon", "a\n");
	assert_int_equal(symlink("data/mon", w.log), 0);
	world_expect(&w, "a\n");
	world_write(&w, "data/mon", "b\n");
	world_expect(&w, "b\n");
	world_write(&w, "data/tue", "c\n");
	assert_int_equal(symlink("data/tue", world_path(&w, "log-new")), 0);
	world_rename(&w, "log-new", "log");
	world_write(&w, "data/mon", "late\n");
	world_expect(&w, "late\nc\n");
	world_write(&w, "data/tue", "d\n"); /* the new target's directory is watched */
	world_expect(&w, "d\n");
	/* back again, long after: nothing comes twice */
	w.mono += 6000;
	world_expect(&w, "");
	assert_int_equal(unlink(w.log), 0);
	assert_int_equal(symlink("data/mon", w.log), 0);
	world_write(&w, "data/mon", "e\n");
	world_expect(&w, "e\n");
	world_done(&w);
}

static void test_rotation_behind_a_symlink(void **state)
{
	(void)state;
	struct world w;
	struct buf cursor = BUF_NULL;
	world_init(&w, true);
	assert_int_equal(mkdir(world_path(&w, "data"), 0700), 0);
	assert_int_equal(symlink("data/middle", w.log), 0);
	assert_int_equal(symlink("real.log", world_path(&w, "data/middle")), 0);
	world_write(&w, "data/real.log", "a\n");
	world_expect(&w, "a\n");
	world_rename(&w, "data/real.log", "data/real.log.1");
	world_write(&w, "data/real.log", "b\n");
	world_expect(&w, "b\n");
	world_stop(&w, &cursor);
	world_write(&w, "data/real.log", "c\n");
	world_rename(&w, "data/real.log.1", "data/real.log.2");
	world_rename(&w, "data/real.log", "data/real.log.1");
	world_write(&w, "data/real.log", "d\n");
	world_start(&w, &cursor);
	world_expect(&w, "c\nd\n");
	assert_int_equal(world_stats(&w).gaps, 0);
	buf_done(&cursor);
	world_done(&w);
}

static void test_written_anew_by_an_editor(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	for (int i = 0; i < 10; i++)
		world_write(&w, "log", "a line of some length\n");
	world_read(&w);
	buf_reset(&w.got);
	world_copy(&w, "log", "sedXXXX");
	world_rename(&w, "sedXXXX", "log");
	world_expect(&w, "");
	world_write(&w, "log", "b\n");
	world_expect(&w, "b\n");
	world_done(&w);
}

static void test_last_line_never_ended(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	world_write(&w, "log", "a\nFailed password for root from 192.0.2.1");
	world_expect(&w, "a\n");
	world_rename(&w, "log", "log.1");
	world_write(&w, "log", "b\n");
	world_expect(&w, "b\n");
	w.mono += 5000;
	world_expect(&w, "");
	assert_int_equal(world_stats(&w).gaps, 1);
	world_done(&w);
}

static struct input_ops real_ops;
static int sibling_error;

static int failing_sibling(void *ctx, unsigned input, unsigned n)
{
	return n == 0 && sibling_error ? sibling_error : real_ops.open_sibling(ctx, input, n);
}

/* One that may not be read is passed over; when the monitor does not answer, nothing is decided. */
static void test_sibling_cannot_be_opened(void **state)
{
	(void)state;
	static const int errors[] = {-EACCES, -EINVAL, -ETIMEDOUT};
	for (size_t i = 0; i < countof(errors); i++) {
		struct world w;
		struct buf cursor = BUF_NULL;
		world_init(&w, true);
		world_write(&w, "log", "a\n");
		world_expect(&w, "a\n");
		world_stop(&w, &cursor);
		real_ops = w.ops;
		w.ops.open_sibling = failing_sibling;
		sibling_error = errors[i];
		world_write(&w, "log", "b\n");
		world_rename(&w, "log", "log.2");
		world_write(&w, "log.1", "c\n");
		world_write(&w, "log", "d\n");
		world_start(&w, &cursor);
		if (errors[i] == -ETIMEDOUT) {
			assert_int_equal(world_read_some(&w, 4096), -ETIMEDOUT);
			sibling_error = 0;
			w.mono += 1000;
			world_expect(&w, "b\nc\nd\n");
		} else {
			world_expect(&w, "b\nd\n");
		}
		buf_done(&cursor);
		world_done(&w);
	}
}

/* --- a random history --- */

struct history {
	struct world w;
	struct buf cursor;
	int daemon; /* the writer's descriptor */
	bool stale; /* it is not the file at the path */
	int64_t stale_since;
	unsigned line;   /* next number */
	bool half;       /* half a line is written */
	unsigned hidden; /* rotations since the reader read last */
	uint64_t x;
};

static unsigned draw(struct history *h, unsigned n)
{
	h->x = h->x * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(h->x >> 33) % n;
}

static void write_lines(struct history *h)
{
	char text[256];
	for (unsigned i = draw(h, 20) + 1; i > 0; i--) {
		int n = snprintf(text, sizeof(text), "%u %.*s\n", h->line, (int)draw(h, 100),
			"the quick brown fox jumps over the lazy dog, again and again and "
			"again, until it is tired of it all");
		size_t half = h->half ? strcspn(text, " ") : 0;
		h->half = false;
		if (i == 1 && draw(h, 4) == 0) {
			world_write_fd(&h->w, h->daemon, text + half, strcspn(text, " ") - half);
			h->half = true;
			return;
		}
		world_write_fd(&h->w, h->daemon, text + half, (size_t)n - half);
		h->line++;
	}
}

static void end_line(struct history *h)
{
	if (h->half)
		world_write_fd(&h->w, h->daemon, " end\n", 5);
	h->line += h->half;
	h->half = false;
}

static void reopen(struct history *h)
{
	end_line(h);
	(void)close(h->daemon);
	h->daemon = world_open(&h->w, "log");
	h->stale = false;
}

static void read_some(struct history *h)
{
	if (!h->w.tail)
		return;
	if (draw(h, 10) == 0) {
		h->w.refuse = -EBUSY;
		int r = world_read_some(&h->w, 4096);
		assert_true(r == -EBUSY || r == TAIL_IDLE);
		h->w.refuse = 0;
	}
	assert_true(world_read_some(&h->w, 1 + draw(h, 20000)) >= 0);
}

static void read_all(struct history *h)
{
	if (!h->w.tail)
		world_start(&h->w, &h->cursor);
	world_read(&h->w);
	h->hidden = 0;
}

static void rotate_by_rename(struct history *h)
{
	if (h->stale)
		reopen(h);
	if (h->hidden >= 6)
		read_all(h);
	rotate_numbers(&h->w);
	world_rename(&h->w, "log", "log.1");
	h->hidden++;
	h->stale = true;
	h->stale_since = h->w.mono;
	if (draw(h, 2))
		reopen(h);
	else if (draw(h, 2))
		(void)close(world_open(&h->w, "log"));
}

static void rotate_by_copy(struct history *h)
{
	reopen(h);
	if (h->hidden >= 6)
		read_all(h);
	rotate_numbers(&h->w);
	world_copy(&h->w, "log", "log.1");
	world_truncate(&h->w, "log");
	h->hidden++;
}

static void recreate(struct history *h)
{
	reopen(h);
	read_all(h); /* nothing else could get at the removed file's lines */
	keep_inode(&h->w, "log");
	assert_int_equal(unlink(h->w.log), 0);
	reopen(h);
	read_all(h); /* or a restart would take it for a gap: it could have been written on */
}

static void stop_or_start(struct history *h)
{
	if (h->w.tail)
		world_stop(&h->w, &h->cursor);
	else
		world_start(&h->w, &h->cursor);
}

static void pass_time(struct history *h)
{
	h->w.mono += draw(h, 2000);
	if (h->stale && h->w.mono - h->stale_since > 2500)
		reopen(h);
}

static void check_history(const struct history *h)
{
	const char *p = h->w.got.p;
	for (unsigned i = 0; i < h->line; i++) {
		char *end;
		assert_int_equal(strtoul(p, &end, 10), i);
		assert_true(*end == ' ');
		p = strchr(end, '\n') + 1;
	}
	assert_true(*p == '\0');
}

static int by_first_number(const void *a, const void *b)
{
	unsigned long x = strtoul(*(char *const *)a, NULL, 10);
	unsigned long y = strtoul(*(char *const *)b, NULL, 10);
	return x < y ? -1 : x > y;
}

/* Old and new file are read side by side: lines of both are in order of their numbers only
   after sorting. */
static void sort_lines(struct history *h)
{
	char **lines = calloc(h->w.got.n + 1, sizeof(*lines));
	size_t n = 0;
	struct buf sorted = BUF_NULL;
	for (char *p = strtok(h->w.got.p, "\n"); p; p = strtok(NULL, "\n"))
		lines[n++] = p;
	qsort(lines, n, sizeof(*lines), by_first_number);
	for (size_t i = 0; i < n; i++)
		buf_printf(&sorted, "%s\n", lines[i]);
	free(lines);
	buf_done(&h->w.got);
	h->w.got = sorted;
}

/* A watch that always says that it has ended, so every reading looks at the names: the kernel
   takes milliseconds to close a real one. */
static int ended_watch(void *ctx, unsigned input)
{
	(void)ctx;
	(void)input;
	return memfd_create("watch", MFD_CLOEXEC);
}

static void run_history(uint64_t seed, unsigned steps)
{
	static void (*const often[])(struct history * h) = {write_lines, read_some, pass_time};
	static void (*const seldom[])(struct history * h) = {
		rotate_by_rename, rotate_by_copy, recreate, stop_or_start, stop_or_start, read_all};
	struct history h = {.x = seed, .daemon = -1};
	/* thousands of truncations would each wait for a disk */
	world_init_in(&h.w, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", true);
	h.w.ops.open_watch = ended_watch;
	h.w.tail = tail_free(h.w.tail);
	world_tail(&h.w);
	h.daemon = world_open(&h.w, "log");
	world_read(&h.w);
	for (unsigned i = 0; i < steps; i++)
		if (draw(&h, 4))
			often[draw(&h, countof(often))](&h);
		else
			seldom[draw(&h, countof(seldom))](&h);
	reopen(&h);
	read_all(&h);
	if (world_stats(&h.w).gaps)
		print_message("seed %lu gaps %lu\n", seed, world_stats(&h.w).gaps);
	sort_lines(&h);
	check_history(&h);
	assert_true(h.line > steps);
	(void)close(h.daemon);
	buf_done(&h.cursor);
	world_done(&h.w);
}

static void test_random_histories(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		run_history(seed, 400);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_old_file_until_quiet),
		cmocka_unit_test(test_recreate),
		cmocka_unit_test(test_recreate_while_down_is_a_gap),
		cmocka_unit_test(test_inode_used_again),
		cmocka_unit_test(test_copytruncate),
		cmocka_unit_test(test_copytruncate_and_grown_again),
		cmocka_unit_test(test_copy_shorter_than_read),
		cmocka_unit_test(test_copy_shorter_than_read_over_a_restart),
		cmocka_unit_test(test_truncated_without_a_copy),
		cmocka_unit_test(test_copytruncate_of_an_unread_file),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_renamed_while_down),
		cmocka_unit_test(test_several_rotations_while_down),
		cmocka_unit_test(test_dated_names_while_down),
		cmocka_unit_test(test_last_read_is_compressed),
		cmocka_unit_test(test_copytruncate_twice_while_down),
		cmocka_unit_test(test_both_kinds_between_two_looks),
		cmocka_unit_test(test_two_renames_between_two_looks),
		cmocka_unit_test(test_name_comes_later),
		cmocka_unit_test(test_symlink_repointed),
		cmocka_unit_test(test_rotation_behind_a_symlink),
		cmocka_unit_test(test_written_anew_by_an_editor),
		cmocka_unit_test(test_last_line_never_ended),
		cmocka_unit_test(test_sibling_cannot_be_opened),
		cmocka_unit_test(test_random_histories),
	};
	return cmocka_run_group_tests_name("tail rotation", tests, NULL, NULL);
}
