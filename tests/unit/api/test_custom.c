/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security Center's custom blocks: made, listed, changed, and what is refused. */
#include "base/clock.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define RECORDS   "DescribeCustomBlockRecords"
#define INSTANCES "DescribeCustomBlockInstances"
#define NOBODY    "6d5b361f-958d-48a8-a9d2-d6e82c1000ff"
#define LATER     "1767326645000" /* ASK_NOW and an hour */
#define WISH      "BlockIp=203.0.113.7&Bound=in&ExpireTime=" LATER "&Uuids="

static void a_block_is_what_was_acknowledged(void **state)
{
	struct world *w = *state;
	const struct ask *a = &w->ask;
	world_change(w, "CreateCustomBlockRecord", WISH WEB "%2C" EDGE "%2C" DB);
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
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
	world_change(w, "CreateCustomBlockRecord", WISH EDGE);
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=2", 1);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.EnableCount"), 0);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.ServerCount"), 1);
	assert_int_equal(json_array_size(ask_at(&w->ask, "RecordList.0.TargetList")), 0);
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=in", 1);
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
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200", 1);
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
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200&Status=2", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.ErrorCode"), "NotAcknowledged");
	w->core.customs[0].states[0] = BLOCK_FAILED;
	(void)snprintf(w->core.customs[0].errors[0], BLOCK_ERROR_MAX, "KernelRefused");
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200&Status=2", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.ErrorCode"), "KernelRefused");
	w->core.customs[0].states[0] = BLOCK_CANCELED;
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=198.51.100.200&Status=0", 1);
}

static void directions_are_apart(void **state)
{
	struct world *w = *state;
	world_change(w, "CreateCustomBlockRecord", WISH WEB);
	world_change(w, "CreateCustomBlockRecord",
		"BlockIp=203.0.113.7&Bound=out&ExpireTime=" LATER "&Uuids=" DB);
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 2);
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7", 2);
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=out", 1);
	assert_string_equal(ask_text(&w->ask, "InstanceList.0.Uuid"), DB);
	world_change(w, "DisableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=out");
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=0", 1);
	assert_string_equal(ask_text(&w->ask, "RecordList.0.Bound"), "out");
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=1", 1);
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
		world_change(w, "CreateCustomBlockRecord", params);
		(void)snprintf(params, sizeof(params), "BlockIp=%s", cases[i].said);
		world_expect_rows(w, RECORDS, "RecordList", params, 1);
		assert_string_equal(ask_text(&w->ask, "RecordList.0.BlockIp"), cases[i].shown);
	}
}

static void ends_to_the_millisecond_or_never(void **state)
{
	struct world *w = *state;
	world_change(w, "CreateCustomBlockRecord",
		"BlockIp=203.0.113.7&Bound=in&ExpireTime=1767323045001&Uuids=" WEB);
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.BlockExpireDate"), ASK_NOW + 1);
	char params[256];
	(void)snprintf(params, sizeof(params),
		"BlockIp=203.0.113.7&Bound=in&Uuids=" WEB "&ExpireTime=%lld",
		(long long)(ASK_NOW + RULE_PERMANENT));
	world_change(w, "ModifyCustomBlockRecord", params);
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	assert_int_equal(
		ask_int(&w->ask, "RecordList.0.BlockExpireDate"), ASK_NOW + RULE_PERMANENT);
	assert_int_equal(w->core.customs[w->core.custom_count - 1].block.expires, BLOCK_FOREVER);
}

static void lives(void **state)
{
	struct world *w = *state;
	char params[64];
	world_change(w, "CreateCustomBlockRecord", WISH WEB);
	world_expect(w, "CreateCustomBlockRecord", WISH WEB, 400, "RuleRecordIsExists");
	assert_string_equal(ask_text(&w->ask, "Message"), "Rule record already exists.");
	world_change(w, "ModifyCustomBlockRecord", WISH DB);
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	int64_t id = ask_int(&w->ask, "RecordList.0.Id");
	assert_string_equal(ask_text(&w->ask, "RecordList.0.TargetList.0.Target"), DB);
	world_change(w, "DisableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in");
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 1);
	assert_int_equal(ask_int(&w->ask, "RecordList.0.Status"), 0);
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Status=0", 1);
	world_change(w, "EnableCustomBlockRecord", "BlockIp=203.0.113.7&Bound=in");
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=1", 1);
	(void)snprintf(params, sizeof(params), "Id=%lld", (long long)id);
	world_change(w, "DeleteCustomBlockRecord", params);
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 0);
	world_expect(w, "DeleteCustomBlockRecord", params, 400, "InvalidId");
}

/* An agent that came back, by hand: on one server, in one direction or in both. */
static void enables_on_one_server(void **state)
{
	struct world *w = *state;
	const char *both = "BlockIp=203.0.113.7&Uuid=" EDGE;
	world_change(w, "CreateCustomBlockRecord", WISH WEB "%2C" EDGE);
	world_change(w, "CreateCustomBlockRecord",
		"BlockIp=203.0.113.7&Bound=out&ExpireTime=" LATER "&Uuids=" EDGE);
	w->core.hosts[2].agent_online = true;
	world_change(
		w, "EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.7&Bound=in&Uuid=" EDGE);
	world_expect_rows(w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=in&Status=1", 2);
	world_expect_rows(
		w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=out&Status=1", 0);
	world_change(w, "EnableCustomInstanceBlockRecord", both);
	world_expect_rows(
		w, INSTANCES, "InstanceList", "BlockIp=203.0.113.7&Bound=out&Status=1", 1);
	world_expect(w, "EnableCustomInstanceBlockRecord",
		"BlockIp=203.0.113.7&Bound=out&Uuid=" WEB, 400, "InvalidBlockIp");
	world_expect(w, "EnableCustomInstanceBlockRecord", "BlockIp=203.0.113.8&Uuid=" WEB, 400,
		"InvalidBlockIp");
	for (unsigned i = 0; i < w->core.custom_count; i++)
		w->core.customs[i].block.expires = ASK_NOW;
	world_expect(w, "EnableCustomInstanceBlockRecord", both, 400, "InvalidBlockIp");
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
		world_expect(
			*state, "CreateCustomBlockRecord", cases[i].params, 400, cases[i].code);
		world_expect(
			*state, "ModifyCustomBlockRecord", cases[i].params, 400, cases[i].code);
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
		world_expect(*state, cases[i].action, cases[i].params, 400, cases[i].code);
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
		world_expect(*state, RECORDS, cases[i].params, 400, cases[i].code);
		world_expect(*state, INSTANCES, cases[i].params, 400, cases[i].code);
	}
	world_expect(*state, INSTANCES, "Bound=up", 400, "InvalidBound");
}

/* What was wrong is named, so that one of a hundred can be found. */
static void names_the_unknown_server(void **state)
{
	struct world *w = *state;
	world_expect(w, "CreateCustomBlockRecord", WISH WEB "%2C" NOBODY, 400, "InvalidUuids");
	assert_non_null(strstr(ask_text(&w->ask, "Message"), NOBODY));
	world_expect(w, "CreateCustomBlockRecord", WISH THEIRS "%2C" WEB, 400, "InvalidUuids");
	assert_non_null(strstr(ask_text(&w->ask, "Message"), THEIRS));
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7", 0);
	world_change(w, "CreateCustomBlockRecord", WISH WEB);
	world_expect(w, "ModifyCustomBlockRecord", WISH THEIRS, 400, "InvalidUuids");
	world_expect_rows(w, RECORDS, "RecordList", "BlockIp=203.0.113.7&Status=1", 1);
}

static void pages(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 30; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i + 1);
		(void)fake_core_custom(&w->core, &w->core.hosts[i % 2], text);
	}
	world_expect(w, RECORDS, "", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.PageSize"), 20);
	assert_int_equal(ask_int(&w->ask, "PageInfo.CurrentPage"), 1);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 20);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 31);
	assert_string_equal(ask_text(&w->ask, "RecordList.0.BlockIp"), "192.0.2.30");
	world_expect(w, RECORDS, "CurrentPage=2&PageSize=20", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 11);
	assert_string_equal(ask_text(&w->ask, "RecordList.10.BlockIp"), "198.51.100.200");
	world_expect(w, RECORDS, "CurrentPage=9", 200, NULL);
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
		world_expect(w, INSTANCES, params, 200, NULL);
		assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 16);
		seen += ask_int(&w->ask, "PageInfo.Count");
	}
	assert_int_equal(seen, 16);
	world_expect_rows(w, INSTANCES, "InstanceList", "Status=2", 5);
	world_expect_rows(w, INSTANCES, "InstanceList", "Status=1", 11);
	world_expect(w, INSTANCES, "Status=1&PageSize=4&CurrentPage=3", 200, NULL);
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
		world_expect(w, cases[i].action, cases[i].params, 500, "ServerError");
	w->core.condition = CORE_PROTECTED;
	world_expect(w, "CreateCustomBlockRecord", WISH WEB, 400, "InvalidBlockIp");
	assert_string_equal(ask_text(&w->ask, "Message"), "told to refuse");
}

static void permissions(void **state)
{
	static const char *const actions[] = {RECORDS, INSTANCES, "CreateCustomBlockRecord",
		"ModifyCustomBlockRecord", "DeleteCustomBlockRecord", "EnableCustomBlockRecord",
		"DisableCustomBlockRecord", "EnableCustomInstanceBlockRecord"};
	world_expect_permissions(*state, actions, countof(actions));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
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
