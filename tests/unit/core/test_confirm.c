/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines that a client may have written: whom they count against. */
#include "world.h"

#include "base/util.h"
#include "core/private.h"

#define STRANGER "203.0.113.99"
#define ATTACKER "203.0.113.5"

/* Each starts it as it needs it. */
static int prepare(void **state)
{
	return world_prepare(state, false);
}

static void start(struct world *w, uint32_t services)
{
	w->settings->sensors[0].services = services;
	(void)snprintf(
		w->settings->sensors[0].timezone, sizeof(w->settings->sensors[0].timezone), "UTC");
	world_start_answering(w);
	world_settle(w); /* what comes from now on is read as it is written */
}

/* "YYYY-MM-DD HH:MM:SS" */
static const char *stamp_of(int64_t time, char text[static CLOCK_TEXT_MAX])
{
	(void)clock_format(time, text);
	text[10] = ' ';
	text[19] = '\0';
	return text;
}

static void mysql_failures(struct world *w, const char *address, unsigned n, int64_t time)
{
	char stamp[CLOCK_TEXT_MAX];
	FILE *f = fopen(w->log, "ae");
	assert_non_null(f);
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(f,
			"%s 5 [Warning] Access denied for user 'a'@'%s' (using password: YES)\n",
			stamp_of(time, stamp), address);
	(void)fclose(f);
}

static uint64_t unconfirmed(struct world *w)
{
	struct core_status status;
	core_get_status(w->core, &status);
	return status.unconfirmed;
}

static uint64_t counted(struct world *w)
{
	struct core_status status;
	core_get_status(w->core, &status);
	return status.detect.failures;
}

static void who_never_connected_is_nobody(void **state)
{
	struct world *w = *state;
	start(w, SERVICE_BIT(SERVICE_MYSQL));
	mysql_failures(w, STRANGER, 20, clock_now());
	world_until(w, unconfirmed(w) == 20);
	world_settle(w);
	assert_int_equal(counted(w), 0);
	assert_int_equal(world_attempts(w), 0);
	assert_null(world_in_kernel(w, ENFORCE_IN, STRANGER));
	assert_int_equal(world_block(w, STRANGER, SERVICE_MYSQL).id, 0);
}

static void who_connected_is_counted(void **state)
{
	struct world *w = *state;
	world_connected(w, ATTACKER);
	start(w, SERVICE_BIT(SERVICE_MYSQL));
	int64_t began = clock_now();
	mysql_failures(w, ATTACKER, 9, began);
	world_until(w, world_attempts(w) == 9);
	assert_null(world_in_kernel(w, ENFORCE_IN, ATTACKER));
	mysql_failures(w, STRANGER, 3, began);
	mysql_failures(w, ATTACKER, 1, began);
	world_until(w, world_in_kernel(w, ENFORCE_IN, ATTACKER));
	assert_int_equal(world_block(w, ATTACKER, SERVICE_MYSQL).attempts, 10);
	assert_int_equal(unconfirmed(w), 3);
	assert_true(w->asked <= 3 + 2); /* a yes is known for seconds */
	assert_null(world_in_kernel(w, ENFORCE_IN, STRANGER));
}

/* Who connects after he was named falsely is counted from then on. */
static void a_no_is_not_remembered(void **state)
{
	struct world *w = *state;
	start(w, SERVICE_BIT(SERVICE_MYSQL));
	mysql_failures(w, ATTACKER, 1, clock_now());
	world_until(w, unconfirmed(w) == 1);
	world_connected(w, ATTACKER);
	mysql_failures(w, ATTACKER, 10, clock_now());
	world_until(w, world_in_kernel(w, ENFORCE_IN, ATTACKER));
	assert_int_equal(world_block(w, ATTACKER, SERVICE_MYSQL).attempts, 10);
}

static void of_a_network_somebody_connected(void **state)
{
	struct world *w = *state;
	world_connected(w, "2001:db8:1::/64");
	start(w, SERVICE_BIT(SERVICE_MYSQL));
	for (unsigned i = 0; i < 10; i++) {
		char address[ADDR_TEXT_MAX];
		(void)snprintf(address, sizeof(address), "2001:db8:1::%x", i + 1);
		mysql_failures(w, address, 1, clock_now());
	}
	mysql_failures(w, "2001:db8:2::1", 10, clock_now());
	world_until(w, unconfirmed(w) == 10);
	world_until(w, world_in_kernel(w, ENFORCE_IN, "2001:db8:1::/64"));
	assert_null(world_in_kernel(w, ENFORCE_IN, "2001:db8:2::/64"));
}

/* The stamp of a line that is read as it is written proves nothing. */
static void stamps_hide_nobody(void **state)
{
	struct world *w = *state;
	world_connected(w, ATTACKER);
	start(w, SERVICE_BIT(SERVICE_MYSQL));
	int64_t began = clock_now();
	for (unsigned i = 0; i < 10; i++)
		mysql_failures(w, ATTACKER, 1, began - (10 - i) * MS_HOUR);
	world_until(w, world_in_kernel(w, ENFORCE_IN, ATTACKER));
	struct block b = world_block(w, ATTACKER, SERVICE_MYSQL);
	assert_int_equal(b.attempts, 10);
	assert_true(b.first_attempt >= began);
	assert_int_equal(unconfirmed(w), 0);
}

/* What is read late counts at its time while the kernel can remember it, and then never. */
static void old_lines_are_history(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now() / MS_SECOND * MS_SECOND;
	world_connected(w, ATTACKER);
	mysql_failures(w, ATTACKER, 12, now - ENFORCE_ANSWERED_MS - 3 * MS_SECOND);
	mysql_failures(w, ATTACKER, 10, now - 2 * MS_MINUTE);
	start(w, SERVICE_BIT(SERVICE_MYSQL));
	world_until(w, world_in_kernel(w, ENFORCE_IN, ATTACKER));
	assert_int_equal(unconfirmed(w), 12);
	struct block b = world_block(w, ATTACKER, SERVICE_MYSQL);
	assert_int_equal(b.attempts, 10);
	assert_int_equal(b.first_attempt, now - 2 * MS_MINUTE);
}

static void another_daemons_lines_in_such_a_log(void **state)
{
	struct world *w = *state;
	world_connected(w, ATTACKER);
	start(w, SERVICE_ALL);
	mysql_failures(w, ATTACKER, 1, clock_now());
	world_until(w, world_attempts(w) == 1);
	world_failures(w, STRANGER, 12, clock_now());
	world_until(w, unconfirmed(w) == 12);
	assert_null(world_in_kernel(w, ENFORCE_IN, STRANGER));
	assert_int_equal(world_attempts(w), 1);
}

/* A log that no client can write into needs no kernel's word. */
static void others_are_not_asked_about(void **state)
{
	struct world *w = *state;
	start(w, SERVICE_BIT(SERVICE_SSH));
	world_failures(w, STRANGER, 10, clock_now());
	world_until(w, world_in_kernel(w, ENFORCE_IN, STRANGER));
	assert_int_equal(w->asked, 0);
	assert_int_equal(unconfirmed(w), 0);
}

/* Without an answer the lines are read again: nothing is lost, or counted twice. */
static void without_an_answer_lines_wait(void **state)
{
	struct world *w = *state;
	world_connected(w, ATTACKER);
	start(w, SERVICE_BIT(SERVICE_MYSQL));
	w->deaf = true;
	mysql_failures(w, ATTACKER, 10, clock_now());
	world_until(w, w->asked > 0);
	assert_int_equal(world_attempts(w), 0);
	w->deaf = false;
	world_until(w, world_in_kernel(w, ENFORCE_IN, ATTACKER));
	assert_int_equal(world_block(w, ATTACKER, SERVICE_MYSQL).attempts, 10);
	assert_int_equal(world_attempts(w), 10);
}

static void in_observe_mode_they_count(void **state)
{
	struct world *w = *state;
	w->settings->observe = true;
	w->settings->sensors[0].services = SERVICE_BIT(SERVICE_MYSQL);
	world_start(w);
	mysql_failures(w, STRANGER, 10, clock_now());
	world_until(w, world_attempts(w) == 10);
	assert_int_equal(unconfirmed(w), 10);
	assert_string_equal(world_block(w, STRANGER, SERVICE_MYSQL).error, "ObserveMode");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, prepare, world_teardown)
	const struct CMUnitTest tests[] = {
		CASE(who_never_connected_is_nobody),
		CASE(who_connected_is_counted),
		CASE(a_no_is_not_remembered),
		CASE(of_a_network_somebody_connected),
		CASE(stamps_hide_nobody),
		CASE(old_lines_are_history),
		CASE(another_daemons_lines_in_such_a_log),
		CASE(others_are_not_asked_about),
		CASE(without_an_answer_lines_wait),
		CASE(in_observe_mode_they_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
