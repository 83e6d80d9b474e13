/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Custom blocks as a key that is limited to enterprise projects may list them. */
#include "fixture.h"
#include "store/custom.h"

#include <string.h>

static uint32_t host_of(struct fixture *f, const char *name, const char *project)
{
	struct host h;
	uint32_t id = fixture_host(f, name, "203.0.113.20");
	assert_int_equal(store_host_get(f->store, id, &h), 0);
	(void)snprintf(h.enterprise_project, sizeof(h.enterprise_project), "%s", project);
	fixture_begin(f);
	assert_int_equal(store_host_put(f->store, &h), 0);
	fixture_commit(f);
	return id;
}

static void put(struct fixture *f, const char *target, bool everywhere, const uint32_t *hosts)
{
	f->now += 1000;
	struct custom_block cb = {.account = f->account.id,
		.target = fixture_prefix(target),
		.enabled = true,
		.everywhere = everywhere,
		.expires = f->now + 3600000,
		.created = f->now,
		.changed = f->now};
	fixture_begin(f);
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	for (; *hosts; hosts++)
		assert_int_equal(store_custom_target_put(f->store, cb.id, *hosts), 0);
	fixture_commit(f);
}

static int note(void *ctx, const struct custom_block *cb)
{
	char *list = ctx, text[PREFIX_TEXT_MAX];
	size_t n = strlen(list);
	/* the last number of 192.0.2.x */
	const char *number = strrchr(prefix_format(&cb->target, text), '.') + 1;
	(void)snprintf(list + n, 64 - n, "%s%s", n ? " " : "", number);
	return 0;
}

static void expect(struct fixture *f, struct custom_query q, int64_t total, const char *listed)
{
	char list[64] = "";
	int64_t got = -1;
	q.account = f->account.id;
	assert_int_equal(store_custom_query(f->store, &q, note, list, &got), 0);
	assert_int_equal(got, total);
	assert_string_equal(list, listed);
}

static void those_whose_servers_are_all_within(void **state)
{
	struct fixture *f = *state;
	const uint32_t a = host_of(f, "a", "a"), b = host_of(f, "b", "b"),
		       ab = host_of(f, "ab", "ab");
	put(f, "192.0.2.1", false, (uint32_t[]){a, 0});
	put(f, "192.0.2.2", false, (uint32_t[]){a, b, 0});
	put(f, "192.0.2.3", false, (uint32_t[]){ab, 0});
	put(f, "192.0.2.4", true, (uint32_t[]){a, 0}); /* and on whatever comes later */
	put(f, "192.0.2.5", false, (uint32_t[]){b, 0});
	put(f, "192.0.2.6", false, (uint32_t[]){a, f->host, 0}); /* of the default project */
	expect(f, (struct custom_query){.limit = 10}, 6, "6 5 4 3 2 1");
	expect(f, (struct custom_query){.limit = 10, .enterprise_projects = ""}, 6, "6 5 4 3 2 1");
	expect(f, (struct custom_query){.limit = 10, .enterprise_projects = "a"}, 1, "1");
	expect(f, (struct custom_query){.limit = 10, .enterprise_projects = "b"}, 1, "5");
	expect(f, (struct custom_query){.limit = 10, .enterprise_projects = "a\nb"}, 3, "5 2 1");
	expect(f, (struct custom_query){.limit = 10, .enterprise_projects = "a\n0"}, 2, "6 1");
	expect(f, (struct custom_query){.limit = 10, .enterprise_projects = "c"}, 0, "");
}

static void other_filters_and_pages_hold_too(void **state)
{
	struct fixture *f = *state;
	const uint32_t a = host_of(f, "a", "a"), b = host_of(f, "b", "b");
	for (int i = 1; i <= 9; i++) {
		char text[16];
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		put(f, text, false, (uint32_t[]){i % 2 ? a : b, 0});
	}
	struct custom_query q = {.enterprise_projects = "a", .limit = 2};
	expect(f, q, 5, "9 7");
	q.offset = 2;
	expect(f, q, 5, "5 3");
	q.offset = 4;
	expect(f, q, 5, "1");
	q.offset = 6;
	expect(f, q, 5, "");
	q = (struct custom_query){.enterprise_projects = "a", .has_status = CUSTOM_FAILED + 1};
	expect(f, q, 5, "");
	q.has_status = CUSTOM_ENABLED + 1;
	expect(f, q, 0, "");
	q = (struct custom_query){.enterprise_projects = "a", .limit = INT64_MAX};
	q.has_target = true;
	q.target = fixture_prefix("192.0.2.3");
	expect(f, q, 1, "3");
	q.target = fixture_prefix("192.0.2.4");
	expect(f, q, 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			those_whose_servers_are_all_within, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			other_filters_and_pages_hold_too, fixture_setup, fixture_teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("store/custom_projects", tests, NULL, NULL);
}
