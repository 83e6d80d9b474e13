/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a restart, a full disk and a clock do to it: nothing is lost, nothing twice. */
#include "world.h"

#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#define ADDRESS "203.0.113.5"

static void restart(struct world *w)
{
	world_stop(w);
	world_start(w);
}

static void windows_outlive_a_restart(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now();
	world_failures(w, ADDRESS, 5, now - 2000);
	world_until(w, world_attempts(w) == 5);
	restart(w);
	world_failures(w, ADDRESS, 4, now - 1000);
	world_until(w, world_attempts(w) == 9);
	assert_int_equal(world_state(w, ADDRESS), BLOCK_STATES);
	restart(w);
	world_failures(w, ADDRESS, 1, now - 500);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	assert_int_equal(world_block(w, ADDRESS, SERVICE_SSH).attempts, 10);
	assert_int_equal(world_attempts(w), 10);
}

static uint64_t tracked(struct world *w)
{
	struct core_status status;
	core_get_status(w->core, &status);
	return status.windows.tracked;
}

static void windows_outlive_less_memory(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now();
	char address[32];
	for (int i = 0; i < 100; i++) {
		(void)snprintf(address, sizeof(address), "198.51.100.%d", i);
		world_failures(w, address, 1, now - 3000);
	}
	world_failures(w, ADDRESS, 8, now - 2000);
	world_until(w, world_attempts(w) == 108);
	assert_int_equal(tracked(w), 101);
	world_stop(w);
	w->settings->tracked_bytes = 4096; /* for some sixty sources */
	world_start(w);
	uint64_t kept = tracked(w);
	assert_in_range(kept, 30, 70);
	world_failures(w, ADDRESS, 1, now - 1000);
	world_until(w, world_attempts(w) == 109);
	/* what went for want of memory does not come back with it */
	world_stop(w);
	w->settings->tracked_bytes = 4 << 20;
	world_start(w);
	assert_int_equal(tracked(w), kept);
	world_failures(w, ADDRESS, 1, now - 500);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	assert_int_equal(world_block(w, ADDRESS, SERVICE_SSH).attempts, 10);
}

static void write_line(struct world *w, const char *message)
{
	char stamp[CLOCK_TEXT_MAX];
	FILE *f = fopen(w->log, "ae");
	assert_non_null(f);
	(void)fprintf(f, "%s web sshd[77]: %s\n", clock_format(clock_now() - 100, stamp), message);
	(void)fclose(f);
}

static void sessions_outlive_a_restart(void **state)
{
	struct world *w = *state;
	write_line(w, "Invalid user admin from 203.0.113.5 port 4000");
	world_until(w, world_attempts(w) == 1);
	restart(w);
	write_line(w, "Failed password for invalid user admin from 203.0.113.5 port 4000 ssh2");
	world_failures(w, "198.51.100.1", 1, clock_now()); /* to know when it was read */
	world_until(w, world_attempts(w) >= 2);
	assert_int_equal(world_attempts(w), 2); /* one attempt of two lines, and that one */
}

static void wanted_is_ordered_again_after_a_restart(void **state)
{
	struct world *w = *state;
	w->mute = true;
	world_failures(w, ADDRESS, 10, clock_now() - 1000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_WANTED && w->kernel_n == 1);
	world_stop(w);
	w->kernel_n = 0; /* and the machine, too, was started anew */
	w->mute = false;
	world_start(w);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	assert_int_equal(w->kernel_n, 1);
	assert_int_equal(world_attempts(w), 10);
}

static void a_lift_under_way_is_ended_by_a_restart(void **state)
{
	struct world *w = *state;
	struct prefix p = world_prefix(ADDRESS);
	unsigned n = 0;
	/* it would have ended by itself before the restart */
	assert_int_equal(world_by_hand(w, &p, BLOCK_IN, clock_now() + 200, NULL, NULL), 0);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	w->mute = true;
	assert_int_equal(core_unblock(w->core, &w->who, &p, NULL, 0, &n, NULL), 0);
	world_settle(w);
	assert_int_equal(world_state(w, ADDRESS), BLOCK_CANCELLING);
	while (clock_now() < world_block(w, ADDRESS, SERVICE_NONE).expires)
		world_turn(w);
	world_stop(w);
	w->mute = false;
	w->settings->observe = true; /* nobody to ask any more */
	world_start(w);
	world_until(w, world_state(w, ADDRESS) == BLOCK_CANCELED);
}

static void a_drift_during_a_comparison_is_not_forgotten(void **state)
{
	struct world *w = *state;
	world_failures(w, ADDRESS, 10, clock_now() - 1000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	unsigned syncs = w->syncs;
	world_drift(w);
	world_until(w, w->syncs == syncs + 1); /* its answer is under way */
	w->kernel_n = 0;
	world_drift(w);
	world_until(w, w->kernel_n == 1);
}

static void an_event_from_the_future_ages_nothing(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now();
	/* the clock was a day ahead when these were written, and has been set since */
	world_failures(w, "198.51.100.1", 3, now + MS_DAY);
	world_until(w, world_attempts(w) == 3);
	world_failures(w, ADDRESS, 5, now - 2000);
	world_until(w, world_attempts(w) == 8);
	world_failures(w, ADDRESS, 5, now - 1000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
}

static void old_records_and_attempts_go(void **state)
{
	struct world *w = *state;
	int64_t old = clock_now() - 100 * MS_DAY;
	world_failures(w, ADDRESS, 3, old);
	world_failures(w, ADDRESS, 2, clock_now() - 1000);
	world_until(w, world_attempts(w) == 5);
	world_stop(w);
	w->settings->retain_attempts = 30 * MS_DAY;
	world_start(w);
	int64_t end = clock_mono() + 30000; /* upkeep begins ten seconds after the start */
	while (world_attempts(w) != 2 && clock_mono() < end)
		world_turn(w);
	assert_int_equal(world_attempts(w), 2);
}

/* A state directory that can be filled up; false without the right to make one. */
static bool make_small(struct world *w)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	world_stop(w);
	w->tmpfs = mount("cordon-core", w->dir, "tmpfs", 0, "size=3m,mode=0700") == 0;
	world_start(w);
	return w->tmpfs;
}

static void fill_up(struct world *w)
{
	static const char piece[4096];
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/filler", w->dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, piece, sizeof(piece)) > 0)
		;
	(void)close(fd);
}

static void empty(struct world *w)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/filler", w->dir);
	assert_int_equal(unlink(path), 0);
}

static void with_a_full_disk_blocks_leave_and_nothing_counts_twice(void **state)
{
	struct world *w = *state;
	enum { MANY = 1000 };
	struct core_status status;
	if (!make_small(w))
		skip();
	world_failures(w, ADDRESS, 5, clock_now() - 3000);
	world_until(w, world_attempts(w) == 5);
	fill_up(w);
	for (unsigned i = 0; i < MANY; i++) {
		char address[20];
		(void)snprintf(address, sizeof(address), "198.51.%u.%u", 100 + i / 250, i % 250);
		world_failures(w, address, 10, clock_now() - 2000);
	}
	world_failures(w, ADDRESS, 5, clock_now() - 1000);
	world_until(w, world_in_kernel(w, ENFORCE_IN, "198.51.100.0"));
	world_until(w, w->kernel_n == MANY + 1);
	core_get_status(w->core, &status);
	assert_true(status.commit_failures > 0);
	assert_int_equal(world_attempts(w), 5); /* nothing of it is on record */
	assert_int_equal(world_state(w, ADDRESS), BLOCK_STATES);
	struct err err;
	assert_true(core_health(w->core, &err) < 0);

	empty(w);
	world_until(w, world_attempts(w) == 10 * MANY + 10);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	world_settle(w);
	assert_int_equal(world_attempts(w), 10 * MANY + 10);
	assert_int_equal(w->kernel_n, MANY + 1);
	core_get_status(w->core, &status);
	assert_int_equal(status.blocks[BLOCK_APPLIED], MANY + 1);
	assert_int_equal(world_block(w, "198.51.103.249", SERVICE_SSH).attempts, 10);
	assert_int_equal(core_health(w->core, &err), 0);
}

#define MANY 800

static void an_operation_that_cannot_be_stored_was_not_done(void **state)
{
	struct world *w = *state;
	struct core_status status;
	if (!make_small(w))
		skip();
	/* more than there is room for in the log already (store_ready()) */
	for (unsigned i = 0; i < MANY; i++) {
		char address[20];
		(void)snprintf(address, sizeof(address), "198.51.%u.%u", 100 + i / 256, i % 256);
		world_failures(w, address, 10, clock_now() - 2000);
	}
	core_get_status(w->core, &status);
	world_until(w, (core_get_status(w->core, &status), status.blocks[BLOCK_APPLIED] == MANY));
	restart(w); /* the log is short after it */
	fill_up(w);
	struct prefix net = world_prefix("198.51.100.0/22");
	unsigned n = 0, removed = w->removed;
	assert_true(core_unblock(w->core, &w->who, &net, NULL, 0, &n, NULL) < 0);
	world_settle(w);
	core_get_status(w->core, &status);
	assert_int_equal(status.blocks[BLOCK_APPLIED], MANY);
	assert_int_equal(w->removed, removed);
	assert_int_equal(w->kernel_n, MANY);
	empty(w);
	/* lines are read as before */
	world_failures(w, ADDRESS, 10, clock_now() - 1000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	assert_int_equal(core_unblock(w->core, &w->who, &net, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, MANY);
	world_until(w, w->kernel_n == 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(windows_outlive_a_restart),
		CASE(windows_outlive_less_memory),
		CASE(sessions_outlive_a_restart),
		CASE(wanted_is_ordered_again_after_a_restart),
		CASE(a_lift_under_way_is_ended_by_a_restart),
		CASE(a_drift_during_a_comparison_is_not_forgotten),
		CASE(an_event_from_the_future_ages_nothing),
		CASE(old_records_and_attempts_go),
		CASE(with_a_full_disk_blocks_leave_and_nothing_counts_twice),
		CASE(an_operation_that_cannot_be_stored_was_not_done),
	};
	return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
