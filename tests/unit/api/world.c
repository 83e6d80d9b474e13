/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	fake_core_init(&w->core);
	w->core.now = ASK_NOW;
	fake_core_seed(&w->core);
	assert_int_equal(api_new(&w->core, &w->api, NULL), 0);
	*state = w;
	return 0;
}

int world_tear_down(void **state)
{
	struct world *w = *state;
	ask_done(&w->ask);
	w->api = api_free(w->api);
	assert_int_equal(w->core.readers, 0);
	fake_core_done(&w->core);
	free(w);
	return 0;
}

void world_expect(
	struct world *w, const char *action, const char *params, unsigned status, const char *code)
{
	ask_done(&w->ask);
	ask_v1(&w->ask, w->api, action, params);
	assert_non_null(w->ask.json);
	if (code)
		assert_string_equal(ask_text(&w->ask, "Code"), code);
	else
		assert_null(ask_at(&w->ask, "Code"));
	assert_int_equal(w->ask.response.status, status);
	assert_int_equal(strlen(ask_text(&w->ask, "RequestId")), 36);
}

void world_change(struct world *w, const char *action, const char *params)
{
	world_expect(w, action, params, 200, NULL);
	assert_int_equal(json_object_size(w->ask.json), 1);
}

void world_expect_rows(
	struct world *w, const char *action, const char *list, const char *params, int64_t rows)
{
	world_expect(w, action, params, 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), rows);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), rows);
	assert_int_equal(json_array_size(ask_at(&w->ask, list)), rows);
}

void world_expect_permissions(struct world *w, const char *const *actions, size_t n)
{
	struct access_key *k = &w->core.keys[1];
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(k->allow, sizeof(k->allow),
			"hss:*\nyundun-sas:Describe\nyundun-sas:%sX", actions[i]);
		world_expect(w, actions[i], "", 403, "NoPermission");
		assert_string_equal(ask_text(&w->ask, "Message"), "caller has no permission");
		(void)snprintf(k->allow, sizeof(k->allow), "yundun-sas:%s", actions[i]);
		ask_done(&w->ask);
		ask_v1(&w->ask, w->api, actions[i], "");
		assert_int_not_equal(w->ask.response.status, 403);
	}
}
