/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ask.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* base64 of TESTACCESSKEYID00001:TestAccessKeySecret0000000000001 and of …:wrong */
#define RIGHT "Basic VEVTVEFDQ0VTU0tFWUlEMDAwMDE6VGVzdEFjY2Vzc0tleVNlY3JldDAwMDAwMDAwMDAwMDE="
#define WRONG "Basic VEVTVEFDQ0VTU0tFWUlEMDAwMDE6d3Jvbmc="

static struct core core;
static struct api *api;
static struct ask ask;

static int set_up(void **state)
{
	(void)state;
	fake_core_init(&core);
	return api_new(&core, &api, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	ask_done(&ask);
	api = api_free(api);
	fake_core_done(&core);
	return 0;
}

static void send_from(
	const char *peer, const char *method, const char *target, const char *authorization)
{
	ask_done(&ask);
	ask_init(&ask, method, target);
	assert_true(addr_parse(slice_of(peer), &ask.request.peer));
	if (authorization)
		ask_header(&ask, "Authorization", authorization);
	ask_send(&ask, api);
}

static void this_machine_needs_no_key(void **state)
{
	static const char *const here[] = {"127.0.0.1", "127.9.9.9", "::1"};
	(void)state;
	for (size_t i = 0; i < countof(here); i++) {
		send_from(here[i], "GET", "/healthz", NULL);
		assert_int_equal(ask.response.status, 200);
		assert_string_equal(ask_text(&ask, "status"), "ok");
		send_from(here[i], "HEAD", "/metrics", NULL);
		assert_int_equal(ask.response.status, 200);
		assert_string_equal(
			ask.response.content_type, "text/plain; version=0.0.4; charset=utf-8");
		assert_non_null(strstr(ask.response.body.p, "cordon_blocks 0\n"));
	}
}

static void others_need_one(void **state)
{
	static const char *const targets[] = {"/healthz", "/metrics"};
	(void)state;
	for (size_t i = 0; i < countof(targets); i++) {
		send_from("203.0.113.9", "GET", targets[i], NULL);
		assert_int_equal(ask.response.status, 401);
		assert_non_null(ask_extra(&ask, "WWW-Authenticate"));
		send_from("203.0.113.9", "GET", targets[i], WRONG);
		assert_int_equal(ask.response.status, 401);
		send_from("203.0.113.9", "GET", targets[i], "Basic !!");
		assert_int_equal(ask.response.status, 401);
		send_from("203.0.113.9", "GET", targets[i], RIGHT);
		assert_int_equal(ask.response.status, 200);
	}
}

static void the_key_must_allow_it(void **state)
{
	(void)state;
	(void)snprintf(core.keys[1].allow, sizeof(core.keys[1].allow), "cordon:metrics");
	send_from("2001:db8::1", "GET", "/metrics", RIGHT);
	assert_int_equal(ask.response.status, 200);
	send_from("2001:db8::1", "GET", "/healthz", RIGHT);
	assert_int_equal(ask.response.status, 403);
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	send_from("127.0.0.1", "GET", "/healthz", NULL);
	core.fail = -EIO;
	send_from("127.0.0.1", "GET", "/healthz", NULL);
	assert_int_equal(ask.response.status, 503);
	assert_string_equal(ask_text(&ask, "reason"), "told to fail");
	send_from("127.0.0.1", "GET", "/metrics", NULL);
	assert_int_equal(ask.response.status, 500);
	core.fail = 0;
	send_from("127.0.0.1", "POST", "/metrics", NULL);
	assert_int_equal(ask.response.status, 405);
	assert_string_equal(ask_extra(&ask, "Allow"), "GET, HEAD");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(this_machine_needs_no_key),
		CASE(others_need_one),
		CASE(the_key_must_allow_it),
		CASE(says_what_is_wrong),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
