/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Huawei's Host Security Service: list, unblock, and who may. */
#include "base/clock.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PATH "/v5/" ASK_PROJECT "/event/blocked-ip"

#define ENTRY(host, ip, type)                                                                      \
	"{\"host_id\":\"" host "\",\"src_ip\":\"" ip "\",\"login_type\":\"" type "\"}"

#define TEXT_OF_65    "12345678901234567890123456789012345678901234567890123456789012345"
#define HOST_OF_65    "host_name=" TEXT_OF_65
#define PROJECT_OF_65 "enterprise_project_id=" TEXT_OF_65

static void get(struct world *w, const char *query, unsigned status)
{
	char target[512];
	ask_done(&w->ask);
	(void)snprintf(target, sizeof(target), PATH "%s%s", query[0] ? "?" : "", query);
	ask_huawei(&w->ask, w->api, "GET", target, NULL);
	assert_int_equal(w->ask.response.status, status);
	assert_int_equal(strlen(ask_extra(&w->ask, "X-Request-Id")), 36);
}

static void expect_rows(struct world *w, const char *query, int64_t rows)
{
	get(w, query, 200);
	assert_int_equal(ask_int(&w->ask, "total_num"), rows);
	assert_int_equal(json_array_size(ask_at(&w->ask, "data_list")), rows);
}

static void put(struct world *w, const char *body, unsigned status, const char *code)
{
	ask_done(&w->ask);
	ask_huawei(&w->ask, w->api, "PUT", PATH, body);
	assert_int_equal(w->ask.response.status, status);
	if (code)
		assert_string_equal(ask_text(&w->ask, "error_code"), code);
	else
		assert_int_equal(w->ask.response.body.n, 0);
	assert_non_null(ask_extra(&w->ask, "X-Request-Id"));
}

static void lists_every_element(void **state)
{
	struct world *w = *state;
	const struct block *b = &w->core.blocks[0];
	w->core.blocks[0].attempts = INT64_C(5000000000);
	expect_rows(w, "src_ip=203.0.113.77", 1);
	const struct ask *a = &w->ask;
	assert_int_equal(json_object_size(ask_at(a, "data_list.0")), 8);
	assert_string_equal(ask_text(a, "data_list.0.host_id"), WEB);
	assert_string_equal(ask_text(a, "data_list.0.host_name"), "web 01/ä+b");
	assert_string_equal(ask_text(a, "data_list.0.src_ip"), "203.0.113.77");
	assert_string_equal(ask_text(a, "data_list.0.login_type"), "ssh");
	assert_int_equal(ask_int(a, "data_list.0.intercept_num"), INT32_MAX);
	assert_string_equal(ask_text(a, "data_list.0.intercept_status"), "intercepted");
	assert_int_equal(ask_int(a, "data_list.0.block_time"), b->created);
	assert_int_equal(ask_int(a, "data_list.0.latest_time"), b->latest_attempt);
}

/* What the kernel never had is not listed: no WANTED, no FAILED of this life. */
static void filters(void **state)
{
	static const struct {
		const char *query;
		int64_t rows;
	} cases[] = {
		{"", 5},
		{"intercept_status=intercepted", 3},
		{"intercept_status=canceled", 2},
		{"intercept_status=cancelling", 0},
		{"intercept_status=", 5},
		{"src_ip=203.0.113.79", 0},
		{"src_ip=2001%3Adb8%3A1%3A2%3Affff%3A%3A1", 1},
		{"src_ip=2001%3Adb8%3A1%3A3%3A%3A1", 0},
		{"host_name=db-02", 2},
		{"host_name=db", 0},
		{"host_name=web%2001%2F%C3%A4%2Bb", 3},
		{"enterprise_project_id=all_granted_eps", 6},
		{"enterprise_project_id=0", 5}, /* as without it */
		{"enterprise_project_id=" FAKE_PROJECT, 1},
		{"enterprise_project_id=" FAKE_PROJECT "&host_name=edge-03", 1},
		{"enterprise_project_id=" FAKE_PROJECT "&host_name=db-02", 0},
		{"enterprise_project_id=all_granted_eps&host_name=edge-03", 1},
		{"enterprise_project_id=all_granted_eps&host_name=theirs", 0},
		{"host_name=edge-03", 0}, /* not of the default project */
		{"enterprise_project_id=abc", 0},
		{"last_days=30", 5},
		{"begin_time=1&end_time=2", 0},
		{"begin_time=1", 5},
		{"limit=1000&offset=0", 5},
		{"last_days=7&host_name=db-02&src_ip=203.0.113.80&intercept_status=canceled", 1},
		{"unknown=parameter", 5},
	};
	for (size_t i = 0; i < countof(cases); i++)
		expect_rows(*state, cases[i].query, cases[i].rows);
}

static void services_have_the_vendors_names(void **state)
{
	static const struct {
		const char *address, *type;
	} cases[] = {{"203.0.113.77", "ssh"}, {"203.0.113.78", "mysql"}, {"203.0.113.80", "vsftp"}};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		char query[64];
		(void)snprintf(query, sizeof(query), "src_ip=%s", cases[i].address);
		expect_rows(w, query, 1);
		assert_string_equal(ask_text(&w->ask, "data_list.0.login_type"), cases[i].type);
	}
}

static void last_days_counts_back_from_now(void **state)
{
	struct world *w = *state;
	w->core.blocks[0].latest_attempt = ASK_NOW - 2 * MS_DAY;
	expect_rows(w, "last_days=1", 4);
	expect_rows(w, "last_days=2", 5);
}

static void pages(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 20; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "198.51.100.%d", i + 1);
		(void)fake_core_block(
			&w->core, &w->core.hosts[0], text, SERVICE_SSH, BLOCK_APPLIED);
	}
	get(w, "", 200); /* 10 unless asked otherwise */
	assert_int_equal(json_array_size(ask_at(&w->ask, "data_list")), 10);
	assert_int_equal(ask_int(&w->ask, "total_num"), 25);
	assert_string_equal(ask_text(&w->ask, "data_list.0.src_ip"), "198.51.100.20");
	get(w, "offset=20&limit=10", 200);
	assert_int_equal(json_array_size(ask_at(&w->ask, "data_list")), 5);
	get(w, "offset=2000000", 200);
	assert_int_equal(json_array_size(ask_at(&w->ask, "data_list")), 0);
	assert_int_equal(ask_int(&w->ask, "total_num"), 25);
}

static void judges_parameters(void **state)
{
	static const char *const cases[] = {"limit=0", "limit=1001", "limit=x", "offset=-1",
		"offset=2000001", "last_days=0", "last_days=31", "last_days=1&begin_time=5",
		"begin_time=5&end_time=4", "begin_time=x", "intercept_status=bogus",
		"intercept_status=INTERCEPTED", "src_ip=nonsense", "src_ip=10.0.0.0%2F8",
		HOST_OF_65, PROJECT_OF_65};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		get(w, cases[i], 400);
		assert_string_equal(ask_text(&w->ask, "error_code"), "HSS.0001");
	}
}

static void unblocks(void **state)
{
	struct world *w = *state;
	put(w, "{\"data_list\":[" ENTRY(WEB, "203.0.113.77", "ssh") "]}", 200, NULL);
	assert_int_equal(w->core.blocks[0].state, BLOCK_CANCELLING);
	expect_rows(w, "intercept_status=cancelling", 1);
	put(w, "{\"data_list\":[" ENTRY(DB, "2001:db8:1:2:3::4", "ssh") "]}", 200, NULL);
	assert_int_equal(w->core.blocks[2].state, BLOCK_CANCELLING);
}

static void unblocks_all_or_nothing(void **state)
{
	struct world *w = *state;
	put(w,
		"{\"data_list\":[" ENTRY(WEB, "203.0.113.77", "ssh") "," ENTRY(
			WEB, "203.0.113.99", "ssh") "]}",
		400, "HSS.0011");
	assert_int_equal(w->core.blocks[0].state, BLOCK_APPLIED);
	put(w, "{\"data_list\":[" ENTRY(WEB, "203.0.113.77", "rdp") "]}", 400, "HSS.0011");
	put(w, "{\"data_list\":[" ENTRY(DB, "203.0.113.77", "ssh") "]}", 400, "HSS.0011");
	assert_int_equal(w->core.canceled, 0);
}

static void put_judges_its_body(void **state)
{
	static const struct {
		const char *body, *code;
	} cases[] = {
		{"", "HSS.0002"},
		{"{", "HSS.0002"},
		{"{\"data_list\":[]} x", "HSS.0002"},
		{"{\"data_list\":[],\"data_list\":[]}", "HSS.0002"},
		{"[]", "HSS.0001"},
		{"{}", "HSS.0001"},
		{"{\"data_list\":[]}", "HSS.0001"},
		{"{\"data_list\":{}}", "HSS.0001"},
		{"{\"data_list\":[1]}", "HSS.0001"},
		{"{\"data_list\":[{}]}", "HSS.0001"},
		{"{\"data_list\":[" ENTRY("", "203.0.113.77", "ssh") "]}", "HSS.0001"},
		{"{\"data_list\":[" ENTRY(WEB, "nonsense", "ssh") "]}", "HSS.0001"},
		{"{\"data_list\":[" ENTRY(WEB, "203.0.113.77", "vsftpd") "]}", "HSS.0001"},
		{"{\"data_list\":[" ENTRY(WEB, "203.0.113.77", "") "]}", "HSS.0001"},
		{"{\"data_list\":[{\"host_id\":1,\"src_ip\":\"203.0.113.77\",\"login_type\":"
		 "\"ssh\"}]}",
			"HSS.0001"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		put(*state, cases[i].body, 400, cases[i].code);
}

static void put_takes_up_to_100(void **state)
{
	struct world *w = *state;
	for (unsigned n = 100; n <= 101; n++) {
		_cleanup_(buf_done) struct buf body = BUF_NULL;
		buf_puts(&body, "{\"data_list\":[");
		for (unsigned i = 0; i < n; i++)
			buf_printf(&body, "%s%s", i ? "," : "", ENTRY(WEB, "203.0.113.77", "ssh"));
		buf_puts(&body, "]}");
		put(w, body.p, n == 100 ? 200 : 400, n == 100 ? NULL : "HSS.0001");
	}
}

static void put_keeps_to_its_enterprise_project(void **state)
{
	struct world *w = *state;
	const char *body = "{\"data_list\":[" ENTRY(WEB, "203.0.113.77", "ssh") "]}";
	ask_huawei(&w->ask, w->api, "PUT", PATH "?enterprise_project_id=abc", body);
	assert_string_equal(ask_text(&w->ask, "error_code"), "HSS.0011");
	ask_done(&w->ask);
	ask_huawei(&w->ask, w->api, "PUT", PATH "?enterprise_project_id=all_granted_eps", body);
	assert_int_equal(w->ask.response.status, 200);
}

static void only_the_own_project(void **state)
{
	struct world *w = *state;
	ask_huawei(&w->ask, w->api, "GET", "/v5/fedcba9876543210fedcba9876543210/event/blocked-ip",
		NULL);
	assert_int_equal(w->ask.response.status, 403);
	assert_string_equal(ask_text(&w->ask, "error_code"), "HSS.0010");
}

static void permissions(void **state)
{
	struct world *w = *state;
	struct access_key *k = &w->core.keys[1];
	(void)snprintf(k->allow, sizeof(k->allow), "hss:blockedIp:list");
	get(w, "", 200);
	put(w, "{\"data_list\":[" ENTRY(WEB, "203.0.113.77", "ssh") "]}", 403, "HSS.0013");
	(void)snprintf(k->allow, sizeof(k->allow), "hss:blockedIp:change");
	get(w, "", 403);
	assert_string_equal(ask_text(&w->ask, "error_msg"), "Insufficient permissions.");
}

static void expect_refused(struct world *w, const struct ask_signer *s, const char *tail)
{
	char message[160];
	ask_done(&w->ask);
	ask_huawei_signed(&w->ask, w->api, s, "GET", PATH, NULL);
	assert_int_equal(w->ask.response.status, 401);
	assert_string_equal(ask_text(&w->ask, "error_code"), "APIGW.0301");
	(void)snprintf(
		message, sizeof(message), "Incorrect IAM authentication information: %s", tail);
	assert_string_equal(ask_text(&w->ask, "error_msg"), message);
}

static void signatures_are_judged(void **state)
{
	struct world *w = *state;
	struct ask_signer s = ask_signer_default;
	s.secret = "wrong";
	expect_refused(w, &s, "verify aksk signature fail");
	s = ask_signer_default;
	s.id = "NOSUCHAK";
	expect_refused(w, &s, "Get secretKey failed, err:ak not exist");
	s = ask_signer_default;
	s.time = ASK_NOW - 16 * MS_MINUTE;
	expect_refused(w, &s, "signature expired");
	s = ask_signer_default;
	(void)snprintf(w->core.keys[1].security_token, 64, "sts=");
	expect_refused(w, &s, "X-Security-Token is required for a temporary access key");
	s.security_token = "other";
	expect_refused(w, &s, "X-Security-Token does not belong to the access key");
	w->core.keys[1].active = false;
	expect_refused(w, &s, "Get secretKey failed, err:ak is disabled");
}

static void with_token(struct world *w, const char *token)
{
	ask_done(&w->ask);
	ask_init(&w->ask, "GET", PATH);
	if (token)
		ask_header(&w->ask, "X-Auth-Token", token);
	ask_send(&w->ask, w->api);
}

static void tokens_are_judged(void **state)
{
	struct world *w = *state;
	char text[128];
	struct token t;
	with_token(w, NULL);
	assert_int_equal(w->ask.response.status, 401);
	with_token(w, "rubbish");
	assert_int_equal(w->ask.response.status, 401);
	assert_int_equal(core_token_issue(&w->core, &w->core.keys[1], text, sizeof(text), &t), 0);
	with_token(w, text);
	assert_int_equal(w->ask.response.status, 200);
	/* it stands for its key, also when that has lost its rights or its life */
	(void)snprintf(w->core.keys[1].allow, sizeof(w->core.keys[1].allow), "iam:*");
	with_token(w, text);
	assert_int_equal(w->ask.response.status, 403);
	w->core.keys[1].active = false;
	with_token(w, text);
	assert_int_equal(w->ask.response.status, 401);
	w->core.keys[1].active = true;
	w->core.tokens[0].token.expires = ASK_NOW;
	with_token(w, text);
	assert_string_equal(ask_text(&w->ask, "error_msg"),
		"Incorrect IAM authentication information: token expires");
}

static void other_paths_and_methods(void **state)
{
	static const char *const cases[][2] = {{"DELETE", PATH}, {"GET", "/v5/x/event/other"},
		{"GET", "/v5/"}, {"GET", "/v5/x"}, {"GET", "/v3/nothing"},
		{"GET", "/v3/auth/tokens"}};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		ask_init(&w->ask, cases[i][0], cases[i][1]);
		ask_send(&w->ask, w->api);
		assert_int_equal(w->ask.response.status, 404);
		assert_string_equal(ask_text(&w->ask, "error_code"), "APIGW.0101");
		ask_done(&w->ask);
	}
}

static void faults_are_ours(void **state)
{
	struct world *w = *state;
	get(w, "", 200);
	w->core.fail = -EIO;
	get(w, "", 500);
	w->core.fail = 0;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(lists_every_element),
		CASE(filters),
		CASE(services_have_the_vendors_names),
		CASE(last_days_counts_back_from_now),
		CASE(pages),
		CASE(judges_parameters),
		CASE(unblocks),
		CASE(unblocks_all_or_nothing),
		CASE(put_judges_its_body),
		CASE(put_takes_up_to_100),
		CASE(put_keeps_to_its_enterprise_project),
		CASE(only_the_own_project),
		CASE(permissions),
		CASE(signatures_are_judged),
		CASE(tokens_are_judged),
		CASE(other_paths_and_methods),
		CASE(faults_are_ours),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
