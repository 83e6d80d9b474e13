/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Custom blocks on their way: what each item says of itself, what all share, what is refused. */
#include "others.h"

#include "api/native/stage.h"
#include "base/util.h"

#include <string.h>

struct told {
	size_t n;
	size_t items[8];
	char why[128]; /* of the latest */
};

static void on_refused(void *ctx, size_t item, const char *why)
{
	struct told *t = ctx;
	if (t->n < countof(t->items))
		t->items[t->n] = item;
	t->n++;
	(void)snprintf(t->why, sizeof(t->why), "%s", why);
}

static struct stage *begin(int64_t expires, bool in, bool out, bool skip_refused)
{
	struct stage *s = stage_new();
	struct stage_terms terms = {.in = in,
		.out = out,
		.expires = expires,
		.why = "all",
		.skip_refused = skip_refused};
	assert_non_null(s);
	stage_set_terms(s, &terms);
	return s;
}

static int add(struct stage *s, const char *item)
{
	struct err err = {""};
	json_error_t error;
	json_t *value = json_loads(item, JSON_DECODE_ANY, &error);
	int r = stage_add(s, value, &err);
	assert_true(r == 0 || err.text[0]);
	json_decref(value);
	return r;
}

static int commit(struct world *w, struct stage *s, struct told *told, size_t *ret_done)
{
	*told = (struct told){0};
	*ret_done = 0;
	int r = stage_commit(s, w->core, &w->who, on_refused, told, ret_done, NULL);
	world_settle(w);
	return r;
}

static void items_say_what_is_their_own(void **state)
{
	struct world *w = *state;
	struct told told;
	size_t done;
	int64_t now = clock_now(), day = now + MS_DAY, hour = now + MS_HOUR;
	char timed[128];
	struct stage *s = begin(day, true, false, false);
	(void)snprintf(timed, sizeof(timed), "{\"target\":\"203.0.113.2\",\"expires\":%lld}",
		(long long)hour);
	assert_int_equal(add(s, "\"203.0.113.1\""), 0);
	assert_int_equal(add(s, timed), 0);
	assert_int_equal(add(s, "{\"target\":\"203.0.113.3\",\"direction\":\"out\"}"), 0);
	assert_int_equal(add(s, "{\"target\":\"203.0.113.4\",\"direction\":\"both\"}"), 0);
	assert_int_equal(add(s, "{\"target\":\"203.0.113.5\",\"why\":\"its own\"}"), 0);
	assert_int_equal(add(s, "{\"target\":\"2001:db8::/48\",\"why\":\"its own\"}"), 0);
	assert_int_equal(stage_items(s), 6);
	assert_int_equal(commit(w, s, &told, &done), 0);
	assert_int_equal(done, 7);
	assert_int_equal(told.n, 0);
	(void)stage_free(s);

	struct custom_block cb = others_custom(w, w->who.account, "203.0.113.1", BLOCK_IN);
	assert_int_equal(cb.expires, day);
	assert_string_equal(cb.why, "all");
	assert_true(cb.everywhere);
	cb = others_custom(w, w->who.account, "203.0.113.2", BLOCK_IN);
	assert_int_equal(cb.expires, hour);
	assert_int_equal(others_custom(w, w->who.account, "203.0.113.3", BLOCK_IN).id, 0);
	assert_int_not_equal(others_custom(w, w->who.account, "203.0.113.3", BLOCK_OUT).id, 0);
	assert_int_not_equal(others_custom(w, w->who.account, "203.0.113.4", BLOCK_IN).id, 0);
	assert_int_not_equal(others_custom(w, w->who.account, "203.0.113.4", BLOCK_OUT).id, 0);
	assert_string_equal(
		others_custom(w, w->who.account, "203.0.113.5", BLOCK_IN).why, "its own");
	assert_string_equal(
		others_custom(w, w->who.account, "2001:db8::/48", BLOCK_IN).why, "its own");
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.4"));
	assert_non_null(world_in_kernel(w, ENFORCE_OUT, "203.0.113.4"));
}

static void one_refused_both_ways_is_told_once(void **state)
{
	struct world *w = *state;
	struct told told;
	size_t done;
	struct stage *s = begin(clock_now() + MS_DAY, true, true, false);
	assert_int_equal(add(s, "\"203.0.113.1\""), 0);
	assert_int_equal(add(s, "\"127.0.0.1\""), 0);
	assert_int_equal(add(s, "\"203.0.113.2\""), 0);
	assert_int_equal(add(s, "{\"target\":\"203.0.113.3\",\"expires\":1}"), 0);
	assert_int_equal(commit(w, s, &told, &done), CORE_INVALID);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.items[0], 1);
	assert_int_equal(told.items[1], 3);
	assert_string_equal(told.why, "the end lies in the past");
	assert_int_equal(others_custom(w, w->who.account, "203.0.113.1", BLOCK_IN).id, 0);
	(void)stage_free(s);
}

static void the_others_are_done_when_asked_for(void **state)
{
	struct world *w = *state;
	struct told told;
	size_t done;
	struct stage *s = begin(BLOCK_FOREVER, false, true, true);
	assert_int_equal(add(s, "\"127.0.0.1\""), 0);
	assert_int_equal(add(s, "\"203.0.113.2\""), 0);
	assert_int_equal(commit(w, s, &told, &done), 0);
	assert_int_equal(done, 1);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.items[0], 0);
	struct custom_block cb = others_custom(w, w->who.account, "203.0.113.2", BLOCK_OUT);
	assert_int_equal(cb.expires, BLOCK_FOREVER);
	(void)stage_free(s);
}

static void items_that_are_none(void **state)
{
	static const char *const wrong[] = {"\"example.com\"", "{}", "7", "null", "[]",
		"{\"target\":7}", "{\"target\":\"203.0.113.1\",\"direction\":\"up\"}"};
	char longer[400], item[512];
	struct stage *s = begin(BLOCK_FOREVER, true, false, false);
	(void)state;
	for (size_t i = 0; i < countof(wrong); i++)
		assert_int_equal(add(s, wrong[i]), CORE_INVALID);
	for (size_t n = CUSTOM_WHY_MAX - 1; n <= CUSTOM_WHY_MAX; n++) {
		memset(longer, 'x', n);
		longer[n] = '\0';
		(void)snprintf(
			item, sizeof(item), "{\"target\":\"203.0.113.1\",\"why\":\"%s\"}", longer);
		assert_int_equal(add(s, item), n < CUSTOM_WHY_MAX ? 0 : CORE_INVALID);
	}
	assert_int_equal(stage_items(s), 1);
	(void)stage_free(s);
}

static void so_many_and_no_more(void **state)
{
	struct stage *s = begin(BLOCK_FOREVER, true, true, false);
	json_t *item = json_string("203.0.113.1");
	(void)state;
	for (size_t i = 0; i < STAGE_TARGETS_MAX / 2; i++)
		assert_int_equal(stage_add(s, item, NULL), 0);
	assert_int_equal(stage_add(s, item, NULL), CORE_INVALID);
	json_decref(item);
	(void)stage_free(s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(items_say_what_is_their_own),
		CASE(one_refused_both_ways_is_told_once),
		CASE(the_others_are_done_when_asked_for),
		cmocka_unit_test(items_that_are_none),
		cmocka_unit_test(so_many_and_no_more),
	};
	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
