/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security Center's custom blocks: made, listed, changed, and what is refused. */
#include "ask.h"
#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define RECORDS   "DescribeCustomBlockRecords"
#define INSTANCES "DescribeCustomBlockInstances"
#define WEB       "6d5b361f-958d-48a8-a9d2-d6e82c100001"
#define DB        "6d5b361f-958d-48a8-a9d2-d6e82c100002"
#define EDGE      "6d5b361f-958d-48a8-a9d2-d6e82c100003" /* offline */
#define THEIRS    "6d5b361f-958d-48a8-a9d2-d6e82c100009" /* another account's */
#define NOBODY    "6d5b361f-958d-48a8-a9d2-d6e82c1000ff"
#define LATER     "1767326645000" /* ASK_NOW and an hour */
#define WISH      "BlockIp=203.0.113.7&Bound=in&ExpireTime=" LATER "&Uuids="

struct world {
	struct core core;
	struct api *api;
	struct ask ask;
};

static int set_up(void **state)
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

static int tear_down(void **state)
{
	struct world *w = *state;
	ask_done(&w->ask);
	w->api = api_free(w->api);
	fake_core_done(&w->core);
	free(w);
	return 0;
}

/* Asks, and expects that status and Code (NULL: a success, which must have none). */
static void expect(
	struct world *w, const char *action, const char *params, unsigned status, const char *code)
{
	ask_done(&w->ask);
	ask_v1(&w->ask, w->api, action, params);
	assert_non_null(w->ask.json);
	assert_string_equal(ask_text(&w->ask, "Code"), code ? code : "(none)");
	assert_int_equal(w->ask.response.status, status);
	assert_int_equal(strlen(ask_text(&w->ask, "RequestId")), 36);
}

/* A change that succeeds says nothing but its RequestId. */
static void change(struct world *w, const char *action, const char *params)
{
	expect(w, action, params, 200, NULL);
	assert_int_equal(json_object_size(w->ask.json), 1);
}

static void expect_rows(
	struct world *w, const char *action, const char *list, const char *params, int64_t rows)
{
	expect(w, action, params, 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), rows);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), rows);
	assert_int_equal(json_array_size(ask_at(&w->ask, list)), rows);
}

static void a_block_is_what_was_acknowledged(void **state)
{
	struct world *w = *state;
	const struct ask *a = &w->ask;
	change(w, "CreateCustomBlockRecord", WISH WEB "%2C" EDGE "%2C" DB);
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	assert_int_equal(json_object_size(ask_at(a, "RecordList.0")), 9);
	assert_true(ask_int(a, "RecordList.0.Id") > 0);
	assert_int_equal(ask_int(a, "RecordList.0.Status"), 1);
	assert_int_equal(ask_int(a, "RecordList.0.BlockExpireDate"), ASK_NOW + MS_HOUR);
	assert_int_equal(ask_int(a, "RecordList.0.EnableCount"), 2);
	assert_int_equal(ask_int(a, "RecordList.0.ServerCount"), 3);
	assert_string_equal(ask_text(a, "RecordList.0.BlockIp"), "203.0.113.7");
	assert_string_equal(ask_text(a, "RecordList.0.Bound"), "in");
	assert_string_equal(ask_text(a, "RecordList.0.Source"), "UserRule");
	assert_int_equal(json_array_size(ask_at(a, "RecordList.0.TargetList")), 2);
	assert_int_equal(json_object_size(ask_at(a, "RecordList.0.TargetList.0")), 2);
	assert_string_equal(ask_text(a, "RecordList.0.TargetList.0.Target"), WEB);
	assert_string_equal(ask_text(a, "RecordList.0.TargetList.1.Target"), DB);
	assert_string_equal(ask_text(a, "RecordList.0.TargetList.0.TargetType"), "uuid");
	assert_int_equal(json_object_size(ask_at(a, "PageInfo")), 4);
}

/* No server said yes: it is failed, whatever was hoped for. */
static void nobody_has_it(void **state)
{
	struct world *w = *state;
	change(w, "CreateCustomBlockRecord", WISH EDGE);
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=2", 1);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.EnableCount"), 0);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.ServerCount"), 1);
	assert_int_equal(json_array_size(ask_at(&w->ask, "RecordList.0.TargetList")), 0);
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=in", 1);
	const struct ask *a = &w->ask;
	assert_int_equal(json_object_size(ask_at(a, "InstanceList.0")), 9);
	assert_int_equal(ask_int(a, "InstanceList.0.Status"), 2);
	assert_string_equal(ask_text(a, "InstanceList.0.ErrorCode"), "AliNetNotOnline");
	assert_true(json_is_false(ask_at(a, "InstanceList.0.AliNetOnline")));
	assert_string_equal(ask_text(a, "InstanceList.0.SuccessInfo"), "");
}

static void an_instance_has_every_element(void **state)
{
	struct world *w = *state;
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200", 1);
	const struct ask *a = &w->ask;
	assert_string_equal(ask_text(a, "InstanceList.0.Uuid"), WEB);
	assert_string_equal(ask_text(a, "InstanceList.0.InstanceName"), "web 01/ä+b");
	assert_string_equal(ask_text(a, "InstanceList.0.InternetIp"), "198.51.100.7");
	assert_string_equal(ask_text(a, "InstanceList.0.IntranetIp"), "10.0.0.8");
	assert_string_equal(ask_text(a, "InstanceList.0.BlockType"), "alinet");
	assert_int_equal(ask_int(a, "InstanceList.0.Status"), 1);
	assert_string_equal(ask_text(a, "InstanceList.0.ErrorCode"), "");
	assert_true(json_is_true(ask_at(a, "InstanceList.0.AliNetOnline")));
	assert_string_equal(ask_text(a, "InstanceList.0.SuccessInfo"),
		"{\"instanceId\":\"i-6d5b361fd6e82c100001\",\"regionId\":\"cn-north-4\"}");
}

/* Ordered, no answer yet, and the server is there: not in force, for no other reason. */
static void not_answered_is_not_enabled(void **state)
{
	struct world *w = *state;
	w->core.customs[0].states[0] = BLOCK_WANTED;
	w->core.customs[0].block.applied = 0;
	w->core.customs[0].block.status = CUSTOM_FAILED;
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200&Status=2", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.ErrorCode"), "NotAcknowledged");
	w->core.customs[0].states[0] = BLOCK_FAILED;
	(void)snprintf(w->core.customs[0].errors[0], BLOCK_ERROR_MAX, "KernelRefused");
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200&Status=2", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.ErrorCode"), "KernelRefused");
	w->core.customs[0].states[0] = BLOCK_CANCELED;
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200&Status=0", 1);
}

static void directions_are_apart(void **state)
{
	struct world *w = *state;
	change(w, "CreateCustomBlockRecord", WISH WEB);
	change(w, "CreateCustomBlockRecord",
		"BlockIp=203.0.113.7&Bound=out&ExpireTime=" LATER "&Uuids=" DB);
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 2);
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7", 2);
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=out", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.Uuid"), DB);
	change(w, "DisableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=out");
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=0", 1);
	assert_string_equal(ask_text(&w->ask, "RecordList.0.Bound"), "out");
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=1", 1);
	assert_string_equal(ask_text(&w->ask, "RecordList.0.Bound"), "in");
}

static void prefixes_too(void **state)
{
	static const struct {
		const char *said, *shown;
	} cases[] = {
		{"192.0.2.0%2F24", "192.0.2.0/24"},
		{"192.0.3.77%2F24", "192.0.3.0/24"},
		{"2001%3Adb8%3A%3A1", "2001:db8::1"},
		{"2001%3Adb8%3A1%3A%3A%2F48", "2001:db8:1::/48"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		char params[256];
		(void)snprintf(params, sizeof(params),
			"BlockIp=%s&Bound=in&ExpireTime=" LATER "&Uuids=" WEB, cases[i].said);
		change(w, "CreateCustomBlockRecord", params);
		(void)snprintf(params, sizeof(params), "BlockIp=%s", cases[i].said);
		expect_rows(w, RECORDS, "RecordList", params, 1);
		assert_string_equal(ask_text(&w->ask, "RecordList.0.BlockIp"), cases[i].shown);
	}
}

static void ends_to_the_millisecond_or_never(void **state)
{
	struct world *w = *state;
	change(w, "CreateCustomBlockRecord",
		"BlockIp=203.0.113.7&Bound=in&ExpireTime=1767323045001&Uuids=" WEB);
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.BlockExpireDate"), ASK_NOW + 1);
	char params[256];
	(void)snprintf(params, sizeof(params),
		"BlockIp=203.0.113.7&Bound=in&Uuids=" WEB "&ExpireTime=%lld",
		(long long)(ASK_NOW + RULE_PERMANENT));
	change(w, "ModifyCustomBlockRecord", params);
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	assert_int_equal(
		ask_int(&w->ask, "RecordList.0.BlockExpireDate"), ASK_NOW + RULE_PERMANENT);
	assert_int_equal(w->core.customs[w->core.custom_count - 1].block.expires, BLOCK_FOREVER);
}

static void lives(void **state)
{
	struct world *w = *state;
	char params[64];
	change(w, "CreateCustomBlockRecord", WISH WEB);
	expect(w, "CreateCustomBlockRecord", WISH WEB, 400, "RuleRecordIsExists");
	assert_string_equal(ask_text(&w->ask, "Message"), "Rule record already exists.");
	change(w, "ModifyCustomBlockRecord", WISH DB);
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	int64_t id = ask_int(&w->ask, "RecordList.0.Id");
	assert_string_equal(ask_text(&w->ask, "RecordList.0.TargetList.0.Target"), DB);
	change(w, "DisableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in");
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.Status"), 0);
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Status=0", 1);
	change(w, "EnableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in");
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=1", 1);
	(void)snprintf(params, sizeof(params), "Id=%lld", (long long)id);
	change(w, "DeleteCustomBlockRecord", params);
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 0);
	expect(w, "DeleteCustomBlockRecord", params, 400, "InvalidId");
}

/* An agent that came back, by hand: on one server, in one direction or in both. */
static void enables_on_one_server(void **state)
{
	struct world *w = *state;
	const char *both = "BlockIp=203.0.113.7&Uuid=" EDGE;
	change(w, "CreateCustomBlockRecord", WISH WEB "%2C" EDGE);
	change(w, "CreateCustomBlockRecord",
		"BlockIp=203.0.113.7&Bound=out&ExpireTime=" LATER "&Uuids=" EDGE);
	w->core.hosts[2].agent_online = true;
	change(w, "EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.7&Bound=in&Uuid=" EDGE);
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=in&Status=1", 2);
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=out&Status=1", 0);
	change(w, "EnableCustomInstanceBlockRecord", both);
	expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=out&Status=1", 1);
	expect(w, "EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.7&Bound=out&Uuid=" WEB, 400,
		"InvalidBlockIp");
	expect(w, "EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.8&Uuid=" WEB, 400,
		"InvalidBlockIp");
	for (unsigned i = 0; i < w->core.custom_count; i++)
		w->core.customs[i].block.expires = ASK_NOW;
	expect(w, "EnableCustomInstanceBlockRecord", both, 400, "InvalidBlockIp");
	assert_string_equal(ask_text(&w->ask, "Message"), "its time is over");
}

static void changes_judge_parameters(void **state)
{
	static const struct {
		const char *params, *code;
	} cases[] = {
		{"", "MissingBlockIp"},
		{"Bound=in&ExpireTime=" LATER "&Uuids=" WEB, "MissingBlockIp"},
		{"BlockIp=203.0.113.7&ExpireTime=" LATER "&Uuids=" WEB, "MissingBound"},
		{"BlockIp=203.0.113.7&Bound=in&Uuids=" WEB, "MissingExpireTime"},
		{"BlockIp=203.0.113.7&Bound=in&ExpireTime=" LATER, "MissingUuids"},
		{WISH, "MissingUuids"},
		{"BlockIp=x&Bound=in&ExpireTime=" LATER "&Uuids=" WEB, "InvalidBlockIp"},
		{"BlockIp=203.0.113.7%2F33&Bound=in&ExpireTime=" LATER "&Uuids=" WEB,
			"InvalidBlockIp"},
		{"BlockIp=203.0.113.7&Bound=both&ExpireTime=" LATER "&Uuids=" WEB, "InvalidBound"},
		{"BlockIp=203.0.113.7&Bound=in&ExpireTime=soon&Uuids=" WEB, "InvalidExpireTime"},
		{"BlockIp=203.0.113.7&Bound=in&ExpireTime=-1&Uuids=" WEB, "InvalidExpireTime"},
		{"BlockIp=203.0.113.7&Bound=in&ExpireTime=1767323045000&Uuids=" WEB,
			"InvalidExpireTime"}, /* now */
		{"BlockIp=203.0.113.7&Bound=in&ExpireTime=1767323045&Uuids=" WEB,
			"InvalidExpireTime"}, /* seconds */
		{WISH WEB "%2C", "InvalidUuids"},
		{WISH "%2C" WEB, "InvalidUuids"},
		{WISH WEB "%2C%2C" DB, "InvalidUuids"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		expect(*state, "CreateCustomBlockRecord", cases[i].params, 400, cases[i].code);
		expect(*state, "ModifyCustomBlockRecord", cases[i].params, 400, cases[i].code);
	}
}

static void other_changes_judge_parameters(void **state)
{
	static const struct {
		const char *action, *params, *code;
	} cases[] = {
		{"EnableCustomBlockRecord", "Bound=in", "MissingBlockIp"},
		{"EnableCustomBlockRecord", "BlockIp=203.0.113.7", "MissingBound"},
		{"EnableCustomBlockRecord", "BlockIp=x&Bound=in", "InvalidBlockIp"},
		{"EnableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in", "InvalidBlockIp"},
		{"DisableCustomBlockRecord", "Bound=in", "MissingBlockIp"},
		{"DisableCustomBlockRecord", "BlockIp=203.0.113.7", "MissingBound"},
		{"DisableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=up", "InvalidBound"},
		{"DisableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in", "InvalidBlockIp"},
		{"ModifyCustomBlockRecord", WISH WEB, "InvalidBlockIp"},
		{"EnableCustomInstanceBlockRecord", "Uuid=" WEB, "MissingBlockIp"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.7", "MissingUuid"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=x&Uuid=" WEB, "InvalidBlockIp"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.7&Uuid=" NOBODY,
			"InvalidUuid"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=198.51.100.200&Bound=x&Uuid=" WEB,
			"InvalidBound"},
		{"DeleteCustomBlockRecord", "", "MissingId"},
		{"DeleteCustomBlockRecord", "Id=x", "InvalidId"},
		{"DeleteCustomBlockRecord", "Id=0", "InvalidId"},
		{"DeleteCustomBlockRecord", "Id=999", "InvalidId"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		expect(*state, cases[i].action, cases[i].params, 400, cases[i].code);
}

static void lists_judge_parameters(void **state)
{
	static const struct {
		const char *params, *code;
	} cases[] = {
		{"PageSize=0", "InvalidPageSize"},
		{"PageSize=1001", "InvalidPageSize"},
		{"CurrentPage=0", "InvalidCurrentPage"},
		{"CurrentPage=x", "InvalidCurrentPage"},
		{"Status=3", "InvalidStatus"},
		{"Status=x", "InvalidStatus"},
		{"BlockIp=nonsense", "InvalidBlockIp"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		expect(*state, RECORDS, cases[i].params, 400, cases[i].code);
		expect(*state, INSTANCES, cases[i].params, 400, cases[i].code);
	}
	expect(*state, INSTANCES, "Bound=up", 400, "InvalidBound");
}

/* What was wrong is named, so that one of a hundred can be found. */
static void names_the_unknown_server(void **state)
{
	struct world *w = *state;
	expect(w, "CreateCustomBlockRecord", WISH WEB "%2C" NOBODY, 400, "InvalidUuids");
	assert_non_null(strstr(ask_text(&w->ask, "Message"), NOBODY));
	expect(w, "CreateCustomBlockRecord", WISH THEIRS "%2C" WEB, 400, "InvalidUuids");
	assert_non_null(strstr(ask_text(&w->ask, "Message"), THEIRS));
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 0);
	change(w, "CreateCustomBlockRecord", WISH WEB);
	expect(w, "ModifyCustomBlockRecord", WISH THEIRS, 400, "InvalidUuids");
	expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=1", 1);
}

static void pages(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 30; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i + 1);
		(void)fake_core_custom(&w->core, &w->core.hosts[i % 2], text);
	}
	expect(w, RECORDS, "", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.PageSize"), 20);
	assert_int_equal(ask_int(&w->ask, "PageInfo.CurrentPage"), 1);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 20);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 31);
	assert_string_equal(ask_text(&w->ask, "RecordList.0.BlockIp"), "192.0.2.30");
	expect(w, RECORDS, "CurrentPage=2&PageSize=20", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 11);
	assert_string_equal(ask_text(&w->ask, "RecordList.10.BlockIp"), "198.51.100.200");
	expect(w, RECORDS, "CurrentPage=9", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 0);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 31);
}

/* Without BlockIp the servers of all blocks follow each other; every one is on one page. */
static void instances_of_all(void **state)
{
	struct world *w = *state;
	int64_t seen = 0;
	for (int i = 0; i < 5; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i + 1);
		struct fake_custom *f = fake_core_custom(&w->core, &w->core.hosts[0], text);
		f->covers[1] = f->covers[2] = true;
		f->states[1] = BLOCK_APPLIED;
		f->states[2] = BLOCK_WANTED;
		f->block.servers = 3;
		f->block.applied = 2;
	}
	for (int page = 1; page <= 5; page++) {
		char params[64];
		(void)snprintf(params, sizeof(params), "CurrentPage=%d&PageSize=4", page);
		expect(w, INSTANCES, params, 200, NULL);
		assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 16);
		seen += ask_int(&w->ask, "PageInfo.Count");
	}
	assert_int_equal(seen, 16);
	expect_rows(w, INSTANCES, "InstanceList", "Status=2", 5);
	expect_rows(w, INSTANCES, "InstanceList", "Status=1", 11);
	expect(w, INSTANCES, "Status=1&PageSize=4&CurrentPage=3", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 3);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 11);
}

static void core_may_refuse_or_fail(void **state)
{
	static const struct {
		const char *action, *params;
	} cases[] = {
		{"CreateCustomBlockRecord",
			"BlockIp=192.0.2.200&Bound=in&ExpireTime=" LATER "&Uuids=" WEB},
		{"ModifyCustomBlockRecord",
			"BlockIp=192.0.2.200&Bound=in&ExpireTime=" LATER "&Uuids=" WEB},
		{"EnableCustomBlockRecord", "BlockIp=192.0.2.200&Bound=in"},
		{"DisableCustomBlockRecord", "BlockIp=192.0.2.200&Bound=in"},
		{"EnableCustomInstanceBlockRecord", "BlockIp=192.0.2.200&Uuid=" WEB},
		{"DeleteCustomBlockRecord", "Id=500"},
		{RECORDS, "BlockIp=192.0.2.200"},
		{INSTANCES, "BlockIp=192.0.2.200"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++)
		expect(w, cases[i].action, cases[i].params, 500, "ServerError");
	w->core.condition = CORE_PROTECTED;
	expect(w, "CreateCustomBlockRecord", WISH WEB, 400, "InvalidBlockIp");
	assert_string_equal(ask_text(&w->ask, "Message"), "told to refuse");
}

static void permissions(void **state)
{
	static const char *const actions[] = {RECORDS, INSTANCES, "CreateCustomBlockRecord",
		"ModifyCustomBlockRecord", "DeleteCustomBlockRecord", "EnableCustomBlockRecord",
		"DisableCustomBlockRecord", "EnableCustomInstanceBlockRecord"};
	struct world *w = *state;
	struct access_key *k = &w->core.keys[1];
	for (size_t i = 0; i < countof(actions); i++) {
		(void)snprintf(k->allow, sizeof(k->allow), "hss:*\nyundun-sas:%sX", actions[i]);
		expect(w, actions[i], "", 403, "NoPermission");
		assert_string_equal(ask_text(&w->ask, "Message"), "caller has no permission");
		(void)snprintf(k->allow, sizeof(k->allow), "yundun-sas:%s", actions[i]);
		ask_done(&w->ask);
		ask_v1(&w->ask, w->api, actions[i], "");
		assert_int_not_equal(w->ask.response.status, 403);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_block_is_what_was_acknowledged),
		CASE(nobody_has_it),
		CASE(an_instance_has_every_element),
		CASE(not_answered_is_not_enabled),
		CASE(directions_are_apart),
		CASE(prefixes_too),
		CASE(ends_to_the_millisecond_or_never),
		CASE(lives),
		CASE(enables_on_one_server),
		CASE(changes_judge_parameters),
		CASE(other_changes_judge_parameters),
		CASE(lists_judge_parameters),
		CASE(names_the_unknown_server),
		CASE(pages),
		CASE(instances_of_all),
		CASE(core_may_refuse_or_fail),
		CASE(permissions),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
