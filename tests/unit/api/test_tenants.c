/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may see what: every operation, asked by a key of another account, and by a key that is
 * limited to one enterprise project. And what the audit is told of who asks.
 */
#include "base/clock.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LATER "&Bound=in&ExpireTime=1767326645000&Uuids="
#define RULE  "&Span=10&FailCount=80&ForbiddenTime=360&UuidList.1="
#define PATH  "/v5/" ASK_PROJECT "/event/blocked-ip"

#define OTHER_PROJECT "fedcba9876543210fedcba9876543210"
#define OTHER_PATH    "/v5/" OTHER_PROJECT "/event/blocked-ip"

#define ENTRY(host, ip)                                                                            \
	"{\"data_list\":[{\"host_id\":\"" host "\",\"src_ip\":\"" ip "\",\"login_type\":\"ssh\"}]" \
	"}"

/* The ids of fake_core_seed(). */
#define CUSTOM_WEB  "301"
#define RULE_ALL    "11"
#define RULE_STRICT "12"
#define RULE_THEIRS "13"

static const struct ask_signer other = {.id = "other", .secret = ASK_SECRET, .time = ASK_NOW},
			       limited = {.id = "limited", .secret = ASK_SECRET, .time = ASK_NOW};

static int set_up(void **state)
{
	int r = world_set_up(state);
	struct world *w = *state;
	fake_core_key(&w->core, "other", ASK_SECRET)->account = w->core.other.id;
	struct access_key *k = fake_core_key(&w->core, "limited", ASK_SECRET);
	(void)snprintf(k->projects, sizeof(k->projects), "ep-none\n" FAKE_PROJECT);
	return r;
}

static void expect(struct world *w, const struct ask_signer *s, const char *action,
	const char *params, unsigned status, const char *code)
{
	ask_done(&w->ask);
	ask_v1_signed(&w->ask, w->api, s, action, params);
	assert_non_null(w->ask.json);
	assert_string_equal(ask_text(&w->ask, "Code"), code ? code : "(none)");
	assert_int_equal(w->ask.response.status, status);
}

static void expect_total(struct world *w, const struct ask_signer *s, const char *action,
	const char *params, int64_t total)
{
	expect(w, s, action, params, 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), total);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), total);
}

static void hss(struct world *w, const struct ask_signer *s, const char *method, const char *target,
	const char *body, unsigned status, const char *code)
{
	ask_done(&w->ask);
	ask_huawei_signed(&w->ask, w->api, s, method, target, body);
	assert_int_equal(w->ask.response.status, status);
	if (code)
		assert_string_equal(ask_text(&w->ask, "error_code"), code);
}

static void hss_total(
	struct world *w, const struct ask_signer *s, const char *target, int64_t total)
{
	hss(w, s, "GET", target, NULL, 200, NULL);
	assert_int_equal(ask_int(&w->ask, "total_num"), total);
	assert_int_equal(json_array_size(ask_at(&w->ask, "data_list")), total);
}

struct attempt {
	const char *action, *params;
	unsigned status;
	const char *code;
};

/* Tries all of them; nothing of what there is may have changed. */
static void expect_nothing_done(
	struct world *w, const struct ask_signer *s, const struct attempt *attempts, size_t n)
{
	struct core *before = malloc(sizeof(*before));
	assert_non_null(before);
	*before = w->core;
	for (size_t i = 0; i < n; i++)
		expect(w, s, attempts[i].action, attempts[i].params, attempts[i].status,
			attempts[i].code);
	assert_memory_equal(w->core.blocks, before->blocks, sizeof(before->blocks));
	assert_memory_equal(w->core.customs, before->customs, sizeof(before->customs));
	assert_memory_equal(w->core.rules, before->rules, sizeof(before->rules));
	assert_memory_equal(w->core.host_rules, before->host_rules, sizeof(before->host_rules));
	free(before);
}

static void another_account_changes_nothing(void **state)
{
	static const struct attempt attempts[] = {
		{"EnableBruteForceRecord", "BlockIp=203.0.113.77&Uuid=" WEB, 400, "InvalidBlockIp"},
		{"DisableBruteForceRecord", "BlockIp=203.0.113.77&Uuid=" WEB, 400,
			"InvalidBlockIp"},
		{"CreateCustomBlockRecord", "BlockIp=203.0.113.7" LATER WEB, 400, "InvalidUuids"},
		{"CreateCustomBlockRecord", "BlockIp=203.0.113.7" LATER THEIRS "%2C" WEB, 400,
			"InvalidUuids"},
		{"ModifyCustomBlockRecord", "BlockIp=198.51.100.200" LATER THEIRS, 400,
			"InvalidBlockIp"},
		{"ModifyCustomBlockRecord", "BlockIp=198.51.100.201" LATER WEB, 400,
			"InvalidUuids"},
		{"EnableCustomBlockRecord", "BlockIp=198.51.100.200&Bound=in", 400,
			"InvalidBlockIp"},
		{"DisableCustomBlockRecord", "BlockIp=198.51.100.200&Bound=in", 400,
			"InvalidBlockIp"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=198.51.100.200&Uuid=" WEB, 400,
			"InvalidUuid"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=198.51.100.200&Uuid=" THEIRS, 400,
			"InvalidBlockIp"},
		{"DeleteCustomBlockRecord", "Id=" CUSTOM_WEB, 400, "InvalidId"},
		{"CreateAntiBruteForceRule", "Name=r" RULE WEB, 400, "InvalidUuidList"},
		{"ModifyAntiBruteForceRule", "Name=r&Id=" RULE_STRICT, 400, "InvalidId"},
		{"ModifyAntiBruteForceRule", "Id=" RULE_THEIRS "&UuidList.1=" WEB, 400,
			"InvalidUuidList"},
		{"DeleteAntiBruteForceRule", "Ids.1=" RULE_STRICT, 400, "InvalidIds"},
		{"DeleteAntiBruteForceRule", "Ids.1=" RULE_THEIRS "&Ids.2=" RULE_ALL, 400,
			"InvalidIds"},
		{"ModifyInstanceAntiBruteForceRule", "Uuid=" WEB "&NewRuleId=" RULE_THEIRS, 400,
			"InvalidUuid"},
		{"ModifyInstanceAntiBruteForceRule", "Uuid=" THEIRS "&NewRuleId=" RULE_STRICT, 400,
			"InvalidNewRuleId"},
	};
	struct world *w = *state;
	expect_nothing_done(w, &other, attempts, countof(attempts));
	hss(w, &other, "PUT", PATH, ENTRY(WEB, "203.0.113.77"), 403, "HSS.0010");
	hss(w, &other, "PUT", OTHER_PATH, ENTRY(WEB, "203.0.113.77"), 400, "HSS.0011");
	assert_int_equal(w->core.blocks[0].state, BLOCK_APPLIED);
}

static void another_account_sees_nothing(void **state)
{
	struct world *w = *state;
	const struct ask_signer *s = &other;
	expect_total(w, s, "DescribeBruteForceRecords", "", 1);
	assert_string_equal(ask_text(&w->ask, "MachineList.0.Uuid"), THEIRS);
	expect_total(w, s, "DescribeBruteForceRecords", "BlockIp=203.0.113.77", 0);
	expect_total(w, s, "DescribeBruteForceRecords", "InstanceId=i-6d5b361fd6e82c100001", 0);
	expect_total(w, s, "DescribeBruteForceRecords", "Remark=web", 0);
	expect(w, s, "DescribeBruteForceSummary", "", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "BruteForceSummary.AllStrategyCount"), 1);
	expect_total(w, s, "DescribeCustomBlockRecords", "", 1);
	assert_string_equal(ask_text(&w->ask, "RecordList.0.BlockIp"), "198.51.100.201");
	expect_total(w, s, "DescribeCustomBlockRecords", "BlockIp=198.51.100.200", 0);
	expect_total(w, s, "DescribeCustomBlockInstances", "", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.Uuid"), THEIRS);
	expect_total(w, s, "DescribeCustomBlockInstances", "BlockIp=198.51.100.200", 0);
	expect_total(w, s, "DescribeAntiBruteForceRules", "", 1);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Name"), "their own");
	expect_total(w, s, "DescribeAntiBruteForceRules", "Id=" RULE_STRICT, 0);
	expect_total(w, s, "DescribeInstanceAntiBruteForceRules", "", 1);
	expect_total(w, s, "DescribeInstanceAntiBruteForceRules", "UuidList.1=" WEB, 0);
	hss(w, s, "GET", PATH, NULL, 403, "HSS.0010");
	hss_total(w, s, OTHER_PATH, 1);
	hss_total(w, s, OTHER_PATH "?enterprise_project_id=all_granted_eps", 1);
	hss_total(w, s, OTHER_PATH "?host_name=db-02", 0);
}

static void a_limited_key_sees_its_projects(void **state)
{
	struct world *w = *state;
	const struct ask_signer *s = &limited;
	expect_total(w, s, "DescribeBruteForceRecords", "", 1);
	assert_string_equal(ask_text(&w->ask, "MachineList.0.Uuid"), EDGE);
	expect_total(w, s, "DescribeBruteForceRecords", "Remark=web", 0);
	expect_total(w, s, "DescribeBruteForceRecords", "InstanceId=i-6d5b361fd6e82c100002", 0);
	expect(w, s, "DescribeBruteForceSummary", "", 403, "NoPermission");
	expect_total(w, s, "DescribeCustomBlockRecords", "", 0);
	expect_total(w, s, "DescribeCustomBlockInstances", "", 0);
	expect_total(w, s, "DescribeAntiBruteForceRules", "", 2);
	assert_int_equal(json_array_size(ask_at(&w->ask, "Rules.0.UuidList")), 0); /* strict: DB */
	expect_total(w, s, "DescribeInstanceAntiBruteForceRules", "", 1);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Uuid"), EDGE);
}

static void a_limited_key_changes_its_own(void **state)
{
	struct world *w = *state;
	const struct ask_signer *s = &limited;
	char params[128];
	expect(w, s, "DisableBruteForceRecord", "BlockIp=203.0.113.83&Uuid=" EDGE, 200, NULL);
	expect(w, s, "CreateCustomBlockRecord", "BlockIp=203.0.113.7" LATER EDGE, 200, NULL);
	expect_total(w, s, "DescribeCustomBlockRecords", "", 1);
	int64_t id = ask_int(&w->ask, "RecordList.0.Id");
	expect(w, s, "ModifyCustomBlockRecord", "BlockIp=203.0.113.7" LATER EDGE, 200, NULL);
	expect(w, s, "DisableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in", 200, NULL);
	expect(w, s, "EnableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in", 200, NULL);
	expect(w, s, "EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.7&Uuid=" EDGE, 200,
		NULL);
	(void)snprintf(params, sizeof(params), "Id=%lld", (long long)id);
	expect(w, s, "DeleteCustomBlockRecord", params, 200, NULL);
	expect(w, s, "CreateAntiBruteForceRule", "Name=r" RULE EDGE, 200, NULL);
	id = ask_int(&w->ask, "CreateAntiBruteForceRule.RuleId");
	(void)snprintf(params, sizeof(params), "Id=%lld&Name=r2", (long long)id);
	expect(w, s, "ModifyAntiBruteForceRule", params, 200, NULL);
	expect(w, s, "ModifyInstanceAntiBruteForceRule", "Uuid=" EDGE "&NewRuleId=" RULE_STRICT,
		200, NULL);
	(void)snprintf(params, sizeof(params), "Ids.1=%lld", (long long)id);
	expect(w, s, "DeleteAntiBruteForceRule", params, 200, NULL);
}

static void a_limited_key_changes_nothing_else(void **state)
{
	static const struct attempt attempts[] = {
		{"EnableBruteForceRecord", "BlockIp=203.0.113.77&Uuid=" WEB, 400, "InvalidBlockIp"},
		{"DisableBruteForceRecord", "BlockIp=203.0.113.77&Uuid=" WEB, 400,
			"InvalidBlockIp"},
		{"CreateCustomBlockRecord", "BlockIp=203.0.113.7" LATER WEB, 400, "InvalidUuids"},
		{"CreateCustomBlockRecord", "BlockIp=203.0.113.7" LATER EDGE "%2C" WEB, 400,
			"InvalidUuids"},
		{"ModifyCustomBlockRecord", "BlockIp=198.51.100.200" LATER EDGE, 400,
			"InvalidBlockIp"},
		{"ModifyCustomBlockRecord", "BlockIp=198.51.100.210" LATER EDGE, 400,
			"InvalidBlockIp"},
		{"EnableCustomBlockRecord", "BlockIp=198.51.100.210&Bound=in", 400,
			"InvalidBlockIp"},
		{"DisableCustomBlockRecord", "BlockIp=198.51.100.210&Bound=in", 400,
			"InvalidBlockIp"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=198.51.100.210&Uuid=" WEB, 400,
			"InvalidUuid"},
		{"DeleteCustomBlockRecord", "Id=" CUSTOM_WEB, 400, "InvalidId"},
		{"DeleteCustomBlockRecord", "Id=303", 400, "InvalidId"},
		{"CreateAntiBruteForceRule", "Name=r" RULE WEB, 400, "InvalidUuidList"},
		{"CreateAntiBruteForceRule", "Name=r" RULE EDGE "&DefaultRule=true", 403,
			"NoPermission"},
		{"ModifyAntiBruteForceRule", "Name=r&Id=" RULE_STRICT, 403, "NoPermission"},
		{"ModifyAntiBruteForceRule", "Name=r&Id=" RULE_ALL, 403, "NoPermission"},
		{"DeleteAntiBruteForceRule", "Ids.1=" RULE_STRICT, 403, "NoPermission"},
		{"ModifyInstanceAntiBruteForceRule", "Uuid=" WEB "&NewRuleId=" RULE_ALL, 400,
			"InvalidUuid"},
	};
	struct world *w = *state;
	/* One block on a server of its own and on another. */
	struct fake_custom *f = fake_core_custom(&w->core, &w->core.hosts[0], "198.51.100.210");
	assert_int_equal(f->block.id, 303);
	f->covers[2] = true;
	f->block.servers = 2;
	expect_nothing_done(w, &limited, attempts, countof(attempts));
	expect_total(w, &limited, "DescribeCustomBlockRecords", "BlockIp=198.51.100.210", 0);
	expect_total(w, &limited, "DescribeCustomBlockInstances", "BlockIp=198.51.100.210", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.Uuid"), EDGE);
	f->covers[0] = false;
	f->block.everywhere = true; /* those that come later may be another project's */
	expect(w, &limited, "DisableCustomBlockRecord", "BlockIp=198.51.100.210&Bound=in", 400,
		"InvalidBlockIp");
}

static void hss_keeps_to_the_projects(void **state)
{
	struct world *w = *state;
	const struct ask_signer *s = &limited;
	hss(w, s, "GET", PATH, NULL, 403, "HSS.0013");
	hss(w, s, "GET", PATH "?enterprise_project_id=0", NULL, 403, "HSS.0013");
	hss(w, s, "GET", PATH "?enterprise_project_id=ep", NULL, 403, "HSS.0013");
	hss_total(w, s, PATH "?enterprise_project_id=" FAKE_PROJECT, 1);
	hss_total(w, s, PATH "?enterprise_project_id=ep-none", 0);
	hss_total(w, s, PATH "?enterprise_project_id=all_granted_eps", 1);
	assert_string_equal(ask_text(&w->ask, "data_list.0.host_id"), EDGE);
	hss_total(w, s, PATH "?enterprise_project_id=all_granted_eps&host_name=db-02", 0);
	hss(w, s, "PUT", PATH, ENTRY(EDGE, "203.0.113.83"), 403, "HSS.0013");
	hss(w, s, "PUT", PATH "?enterprise_project_id=ep-none", ENTRY(EDGE, "203.0.113.83"), 400,
		"HSS.0011");
	hss(w, s, "PUT", PATH "?enterprise_project_id=all_granted_eps", ENTRY(WEB, "203.0.113.77"),
		400, "HSS.0011");
	hss(w, s, "PUT", PATH "?enterprise_project_id=" FAKE_PROJECT, ENTRY(EDGE, "203.0.113.83"),
		200, NULL);
	/* without a limit: the default project unless another is said */
	hss(w, &ask_signer_default, "PUT", PATH, ENTRY(EDGE, "203.0.113.83"), 400, "HSS.0011");
	hss(w, &ask_signer_default, "PUT", PATH "?enterprise_project_id=all_granted_eps",
		ENTRY(EDGE, "203.0.113.83"), 200, NULL);
}

static void issue_token(struct world *w, const char *login, char *ret, size_t size)
{
	char body[512];
	(void)snprintf(body, sizeof(body),
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":"
		"{\"name\":\"%s\",\"password\":\"" ASK_SECRET "\",\"domain\":{\"name\":\"x\"}}}}}}",
		login);
	ask_done(&w->ask);
	ask_init(&w->ask, "POST", "/v3/auth/tokens");
	ask_body(&w->ask, "application/json", body);
	ask_send(&w->ask, w->api);
	assert_int_equal(w->ask.response.status, 201);
	(void)snprintf(ret, size, "%s", ask_extra(&w->ask, "X-Subject-Token"));
}

static void with_token(
	struct world *w, const char *token, const char *target, unsigned status, int64_t total)
{
	ask_done(&w->ask);
	ask_init(&w->ask, "GET", target);
	ask_header(&w->ask, "X-Auth-Token", token);
	ask_send(&w->ask, w->api);
	assert_int_equal(w->ask.response.status, status);
	if (status == 200)
		assert_int_equal(ask_int(&w->ask, "total_num"), total);
}

static void a_token_has_the_limits_of_its_key(void **state)
{
	struct world *w = *state;
	char token[160];
	issue_token(w, "limited", token, sizeof(token));
	with_token(w, token, PATH, 403, 0);
	with_token(w, token, PATH "?enterprise_project_id=all_granted_eps", 200, 1);
	/* as they are now, not as they were when it was issued */
	w->core.keys[w->core.key_count - 1].projects[0] = '\0';
	with_token(w, token, PATH "?enterprise_project_id=all_granted_eps", 200, 6);
	issue_token(w, "other", token, sizeof(token));
	with_token(w, token, PATH, 403, 0);
	with_token(w, token, OTHER_PATH, 200, 1);
}

static void the_caller_is_the_connections_other_end(void **state)
{
	static const struct {
		const char *peer, *from;
	} cases[] = {
		{NULL, "127.0.0.1"},
		{"203.0.113.5", "203.0.113.5"},
		{"2001:db8::5", "2001:db8::5"},
		{"::1", "::1"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct ask_signer s = limited;
		s.peer = cases[i].peer;
		s.forwarded = "198.51.100.66";
		memset(&w->core.caller, 0, sizeof(w->core.caller));
		expect(w, &s, "DisableBruteForceRecord", "BlockIp=203.0.113.83&Uuid=" EDGE, 200,
			NULL);
		assert_string_equal(w->core.caller.from, cases[i].from);
		assert_string_equal(w->core.caller.who, "limited");
		assert_int_equal(w->core.caller.account, 1);
		memset(&w->core.caller, 0, sizeof(w->core.caller));
		hss(w, &s, "PUT", PATH "?enterprise_project_id=all_granted_eps",
			ENTRY(EDGE, "203.0.113.83"), 200, NULL);
		assert_string_equal(w->core.caller.from, cases[i].from);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(another_account_changes_nothing),
		CASE(another_account_sees_nothing),
		CASE(a_limited_key_sees_its_projects),
		CASE(a_limited_key_changes_its_own),
		CASE(a_limited_key_changes_nothing_else),
		CASE(hss_keeps_to_the_projects),
		CASE(a_token_has_the_limits_of_its_key),
		CASE(the_caller_is_the_connections_other_end),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
