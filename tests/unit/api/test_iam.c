/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens for access keys, in Keystone's shape. */
#include "base/clock.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LOGIN(name, password, scope)                                                               \
	"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":"    \
	"\"" name "\",\"password\":\"" password "\",\"domain\":{\"name\":\"any\"}}}}" scope "}}"

static void post(struct world *w, const char *target, const char *body, unsigned status)
{
	ask_done(&w->ask);
	ask_init(&w->ask, "POST", target);
	ask_header(&w->ask, "Host", "cordon.example:8731");
	ask_body(&w->ask, "application/json", body);
	ask_send(&w->ask, w->api);
	assert_int_equal(w->ask.response.status, status);
	assert_non_null(ask_extra(&w->ask, "X-Request-Id"));
	if (status >= 400) {
		assert_int_equal(ask_int(&w->ask, "error.code"), status);
		assert_non_null(ask_at(&w->ask, "error.message"));
		assert_non_null(ask_at(&w->ask, "error.title"));
	}
}

static void issues_a_token(void **state)
{
	struct world *w = *state;
	post(w, "/v3/auth/tokens", LOGIN(ASK_KEY, ASK_SECRET, ""), 201);
	const struct ask *a = &w->ask;
	char token[80];
	(void)snprintf(token, sizeof(token), "%s", ask_extra(a, "X-Subject-Token"));
	assert_int_equal(strlen(token), 64);
	assert_string_equal(ask_text(a, "token.methods.0"), "password");
	assert_string_equal(ask_text(a, "token.issued_at"), "2026-01-02T03:04:05.000000Z");
	assert_string_equal(ask_text(a, "token.expires_at"), "2026-01-03T03:04:05.000000Z");
	assert_string_equal(ask_text(a, "token.user.id"), ASK_KEY);
	assert_string_equal(ask_text(a, "token.user.name"), "name-of-" ASK_KEY);
	assert_string_equal(ask_text(a, "token.user.domain.id"), "1234567890123456");
	assert_string_equal(ask_text(a, "token.user.password_expires_at"), "");
	assert_string_equal(ask_text(a, "token.project.id"), ASK_PROJECT);
	assert_string_equal(ask_text(a, "token.project.domain.name"), "main");
	assert_non_null(ask_at(a, "token.roles.0.name"));
	assert_string_equal(ask_text(a, "token.catalog.0.type"), "hss");
	assert_string_equal(ask_text(a, "token.catalog.0.endpoints.0.url"),
		"http://cordon.example:8731/v5/" ASK_PROJECT);

	ask_done(&w->ask);
	ask_init(&w->ask, "GET", "/v5/" ASK_PROJECT "/event/blocked-ip");
	ask_header(&w->ask, "X-Auth-Token", token);
	ask_send(&w->ask, w->api);
	assert_int_equal(w->ask.response.status, 200);
}

static void nocatalog_leaves_it_out(void **state)
{
	struct world *w = *state;
	post(w, "/v3/auth/tokens?nocatalog=true", LOGIN(ASK_KEY, ASK_SECRET, ""), 201);
	assert_null(ask_at(&w->ask, "token.catalog"));
	post(w, "/v3/auth/tokens?nocatalog=", LOGIN(ASK_KEY, ASK_SECRET, ""), 201);
	assert_non_null(ask_at(&w->ask, "token.catalog"));
}

static void takes_a_keys_name(void **state)
{
	post(*state, "/v3/auth/tokens", LOGIN("name-of-" ASK_KEY, ASK_SECRET, ""), 201);
}

static void scopes(void **state)
{
	struct world *w = *state;
	static const char own[] =
		LOGIN(ASK_KEY, ASK_SECRET, ",\"scope\":{\"project\":{\"id\":\"" ASK_PROJECT "\"}}"),
			  region[] = LOGIN(ASK_KEY, ASK_SECRET,
				  ",\"scope\":{\"project\":{\"name\":\"cn-north-4\"}}"),
			  account[] = LOGIN(ASK_KEY, ASK_SECRET,
				  ",\"scope\":{\"project\":{\"name\":\"main\"}}"),
			  domain[] = LOGIN(ASK_KEY, ASK_SECRET,
				  ",\"scope\":{\"domain\":{\"name\":\"whatever\"}}");
	post(w, "/v3/auth/tokens", own, 201);
	post(w, "/v3/auth/tokens", region, 201);
	post(w, "/v3/auth/tokens", account, 201);
	post(w, "/v3/auth/tokens", domain, 201);
	assert_null(ask_at(&w->ask, "token.project"));
	assert_string_equal(ask_text(&w->ask, "token.domain.id"), "1234567890123456");
	static const char *const foreign[] = {
		LOGIN(ASK_KEY, ASK_SECRET,
			",\"scope\":{\"project\":{\"id\":\"fedcba9876543210fedcba9876543210\"}}"),
		LOGIN(ASK_KEY, ASK_SECRET, ",\"scope\":{\"project\":{\"name\":\"eu-west-0\"}}"),
		LOGIN(ASK_KEY, ASK_SECRET, ",\"scope\":{\"domain\":{\"id\":\"6543210987654321\"}}"),
		LOGIN(ASK_KEY, ASK_SECRET, ",\"scope\":{\"project\":{}}"),
		LOGIN(ASK_KEY, ASK_SECRET, ",\"scope\":{}"),
		LOGIN(ASK_KEY, ASK_SECRET, ",\"scope\":1"),
	};
	for (size_t i = 0; i < countof(foreign); i++)
		post(w, "/v3/auth/tokens", foreign[i], 401);
}

static void refuses_strangers(void **state)
{
	struct world *w = *state;
	post(w, "/v3/auth/tokens", LOGIN(ASK_KEY, "wrong", ""), 401);
	assert_string_equal(ask_text(&w->ask, "error.title"), "Unauthorized");
	post(w, "/v3/auth/tokens", LOGIN("nobody", ASK_SECRET, ""), 401);
	post(w, "/v3/auth/tokens", LOGIN("", "", ""), 401);
	(void)snprintf(w->core.keys[1].security_token, 64, "temporary");
	post(w, "/v3/auth/tokens", LOGIN(ASK_KEY, ASK_SECRET, ""), 401);
	w->core.keys[1].security_token[0] = '\0';
	w->core.keys[1].expires = ASK_NOW;
	post(w, "/v3/auth/tokens", LOGIN(ASK_KEY, ASK_SECRET, ""), 401);
	w->core.keys[1].expires = INT64_MAX;
	(void)snprintf(w->core.keys[1].allow, sizeof(w->core.keys[1].allow), "hss:*");
	post(w, "/v3/auth/tokens", LOGIN(ASK_KEY, ASK_SECRET, ""), 403);
	assert_null(ask_extra(&w->ask, "X-Subject-Token"));
}

static void judges_its_body(void **state)
{
	static const char *const cases[] = {"", "{", "[]", "1", "{}", "{\"auth\":{}}",
		"{\"auth\":{\"identity\":{}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"x\"}}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"]}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		"\"name\":1,\"password\":\"x\",\"domain\":{\"name\":\"d\"}}}}}}",
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		"\"name\":\"" ASK_KEY "\",\"password\":\"" ASK_SECRET "\"}}}}}"};
	for (size_t i = 0; i < countof(cases); i++)
		post(*state, "/v3/auth/tokens", cases[i], 400);
}

/* A client that signs everything signs this call too; its signature does not disturb. */
static void ignores_a_signature(void **state)
{
	struct world *w = *state;
	struct ask_signer s = ask_signer_default;
	s.secret = "wrong";
	ask_huawei_signed(
		&w->ask, w->api, &s, "POST", "/v3/auth/tokens", LOGIN(ASK_KEY, ASK_SECRET, ""));
	assert_int_equal(w->ask.response.status, 201);
}

static void failures_lock_out(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 7; i++) {
		ask_done(&w->ask);
		ask_init(&w->ask, "POST", "/v3/auth/tokens");
		ask_body(&w->ask, "application/json",
			i == 6 ? LOGIN(ASK_KEY, ASK_SECRET, "") : LOGIN(ASK_KEY, "wrong", ""));
		assert_true(addr_parse(SLICE("203.0.113.200"), &w->ask.request.peer));
		ask_send(&w->ask, w->api);
		assert_int_equal(w->ask.response.status, 401);
	}
	assert_string_equal(ask_text(&w->ask, "error.message"),
		"The user is locked after too many failures, try again later.");
}

static void faults_are_ours(void **state)
{
	struct world *w = *state;
	post(w, "/v3/auth/tokens", LOGIN(ASK_KEY, ASK_SECRET, ""), 201);
	w->core.fail = -EIO;
	post(w, "/v3/auth/tokens", LOGIN(ASK_KEY, ASK_SECRET, ""), 500);
	w->core.fail = 0;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(issues_a_token),
		CASE(nocatalog_leaves_it_out),
		CASE(takes_a_keys_name),
		CASE(scopes),
		CASE(refuses_strangers),
		CASE(judges_its_body),
		CASE(ignores_a_signature),
		CASE(failures_lock_out),
		CASE(faults_are_ours),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
