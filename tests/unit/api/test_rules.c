/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security Center's rules against password guessing: made, given to servers, listed. */
#include "api/http/encode.h"
#include "base/clock.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CREATE "CreateAntiBruteForceRule"
#define MODIFY "ModifyAntiBruteForceRule"
#define LIST   "DescribeAntiBruteForceRules"
#define ON     "DescribeInstanceAntiBruteForceRules"
#define DELETE "DeleteAntiBruteForceRule"
#define GIVE   "ModifyInstanceAntiBruteForceRule"
#define RULE   "Name=r1&Span=10&FailCount=80&ForbiddenTime=360"

/* The rules of fake_core_seed(). */
enum { ALL = 11, STRICT = 12, NEW = 14 };

static const struct rule *rule(const struct world *w, int64_t id)
{
	for (unsigned i = 0; i < w->core.rule_count; i++)
		if (w->core.rules[i].id == id)
			return &w->core.rules[i];
	fail();
	return NULL;
}

static void a_new_rule_is_listed(void **state)
{
	struct world *w = *state;
	const struct ask *a = &w->ask;
	world_expect(w, CREATE, RULE "&UuidList.1=" WEB "&UuidList.2=" EDGE, 200, NULL);
	assert_int_equal(json_object_size(w->ask.json), 2);
	assert_int_equal(json_object_size(ask_at(a, "CreateAntiBruteForceRule")), 1);
	assert_int_equal(ask_int(a, "CreateAntiBruteForceRule.RuleId"), NEW);
	world_expect_rows(w, LIST, "Rules", "Id=14", 1);
	assert_int_equal(json_object_size(ask_at(a, "Rules.0")), 11);
	assert_int_equal(ask_int(a, "Rules.0.Id"), NEW);
	assert_string_equal(ask_text(a, "Rules.0.Name"), "r1");
	assert_int_equal(ask_int(a, "Rules.0.Span"), 10);
	assert_int_equal(ask_int(a, "Rules.0.FailCount"), 80);
	assert_int_equal(ask_int(a, "Rules.0.ForbiddenTime"), 360);
	assert_true(json_is_false(ask_at(a, "Rules.0.DefaultRule")));
	assert_true(json_is_false(ask_at(a, "Rules.0.EnableSmartRule")));
	assert_int_equal(ask_int(a, "Rules.0.MachineCount"), 2);
	assert_int_equal(ask_int(a, "Rules.0.CreateTimestamp"), ASK_NOW);
	assert_int_equal(json_array_size(ask_at(a, "Rules.0.UuidList")), 2);
	assert_string_equal(ask_text(a, "Rules.0.UuidList.0"), WEB);
	assert_string_equal(ask_text(a, "Rules.0.UuidList.1"), EDGE);
	assert_string_equal(ask_text(a, "Rules.0.ProtocolType.Ssh"), "on");
	assert_string_equal(ask_text(a, "Rules.0.ProtocolType.Rdp"), "on");
	assert_string_equal(ask_text(a, "Rules.0.ProtocolType.SqlServer"), "off");
	assert_string_equal(ask_text(a, "Rules.0.ProtocolType.Ftp"), "on");
	assert_int_equal(rule(w, NEW)->span, 10 * MS_MINUTE);
	assert_int_equal(rule(w, NEW)->forbidden, 6 * MS_HOUR);
	assert_true(rule(w, NEW)->enabled);
	assert_int_equal(rule(w, NEW)->source, RULE_USER);
}

#define SSH SERVICE_BIT(SERVICE_SSH)
#define FTP SERVICE_BIT(SERVICE_VSFTPD)
#define RDP SERVICE_BIT(SERVICE_RDP)
#define SQL SERVICE_BIT(SERVICE_MYSQL)

static void protocols(void **state)
{
	static const struct {
		const char *json;
		uint32_t made;    /* of a new rule; 0: refused */
		uint32_t changed; /* of one that was for ssh only */
	} cases[] = {
		{"{}", SSH | FTP | RDP, SSH},
		{"{\"Ssh\":\"on\"}", SSH | FTP | RDP, SSH | FTP},
		{"{\"Ssh\":\"off\"}", RDP, 0},
		{"{\"Rdp\":\"off\"}", SSH | FTP, SSH},
		{"{\"SqlServer\":\"on\"}", SSH | FTP | RDP | SQL, SSH | SQL},
		{"{\"Ssh\":\"on\",\"Rdp\":\"on\",\"SqlServer\":\"off\"}", SSH | FTP | RDP,
			SSH | FTP | RDP},
		{"{\"Ftp\":\"off\"}", SSH | RDP, SSH},
		{"{\"Ssh\":\"on\",\"Ftp\":\"off\"}", SSH | RDP, SSH},
		{"{\"Ftp\":\"on\",\"Ssh\":\"off\"}", FTP | RDP, FTP},
		{"{\"Ssh\":\"off\",\"Rdp\":\"off\"}", 0, 0},
		{"{\"Ssh\":\"ON\"}", 0, 0},
		{"{\"Ssh\":true}", 0, 0},
		{"{\"ssh\":\"on\"}", 0, 0},
		{"{\"Ssh\":\"on\",\"Ssh\":\"off\"}", 0, 0},
		{"[\"Ssh\"]", 0, 0},
		{"on", 0, 0},
		{"{", 0, 0},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		_cleanup_(buf_done) struct buf params = BUF_NULL;
		buf_puts(&params,
			"Span=1&FailCount=2&ForbiddenTime=5&UuidList.1=" WEB "&ProtocolType=");
		encode_percent(&params, slice_of(cases[i].json));
		buf_printf(&params, "&Name=r%zu", i);
		if (cases[i].made) {
			world_expect(w, CREATE, params.p, 200, NULL);
			int64_t id = ask_int(&w->ask, "CreateAntiBruteForceRule.RuleId");
			assert_int_equal(rule(w, id)->services, cases[i].made);
		} else {
			world_expect(w, CREATE, params.p, 400, "InvalidProtocolType");
		}
		w->core.rules[1].services = SSH;
		buf_reset(&params);
		buf_puts(&params, "Id=12&ProtocolType=");
		encode_percent(&params, slice_of(cases[i].json));
		if (cases[i].changed)
			world_change(w, MODIFY, params.p);
		else
			world_expect(w, MODIFY, params.p, 400, "InvalidProtocolType");
		assert_int_equal(
			w->core.rules[1].services, cases[i].changed ? cases[i].changed : SSH);
	}
}

static void takes_the_vendors_values_only(void **state)
{
	static const struct {
		const char *name;
		int64_t good[12];
		const char *bad[6];
	} cases[] = {
		{"Span", {1, 2, 5, 10, 15}, {"0", "3", "-1", "16", "x", "1.5"}},
		{"FailCount", {2, 3, 4, 5, 10, 50, 80, 100}, {"0", "1", "6", "101", "x", "2e0"}},
		{"ForbiddenTime", {5, 15, 30, 60, 120, 360, 720, 1440, 10080, 52560000},
			{"0", "1", "6", "52560001", "x", "-5"}},
	};
	struct world *w = *state;
	char params[128], code[32];
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t k = 0; cases[i].good[k]; k++) {
			(void)snprintf(params, sizeof(params), "Id=12&%s=%lld", cases[i].name,
				(long long)cases[i].good[k]);
			world_change(w, MODIFY, params);
			world_expect_rows(w, LIST, "Rules", "Id=12", 1);
			(void)snprintf(params, sizeof(params), "Rules.0.%s", cases[i].name);
			assert_int_equal(ask_int(&w->ask, params), cases[i].good[k]);
		}
		(void)snprintf(code, sizeof(code), "Invalid%s", cases[i].name);
		for (size_t k = 0; k < countof(cases[i].bad); k++) {
			(void)snprintf(params, sizeof(params), "Id=12&%s=%s", cases[i].name,
				cases[i].bad[k]);
			world_expect(w, MODIFY, params, 400, code);
		}
	}
	assert_true(rule(w, STRICT)->forbidden >= RULE_PERMANENT);
}

static void changes_only_what_is_said(void **state)
{
	struct world *w = *state;
	const struct rule before = *rule(w, STRICT);
	world_change(w, MODIFY, "Id=12&Name=stricter&DefaultRule=true");
	const struct rule *r = rule(w, STRICT);
	assert_string_equal(r->name, "stricter");
	assert_true(r->is_default);
	assert_int_equal(r->span, before.span);
	assert_int_equal(r->fail_count, before.fail_count);
	assert_int_equal(r->forbidden, before.forbidden);
	assert_int_equal(r->services, before.services);
	assert_int_equal(r->created, before.created);
	assert_int_equal(w->core.host_rules[1], STRICT); /* servers stay when none are named */
	world_change(w, MODIFY, "Id=12&DefaultRule=false&UuidList.1=" WEB);
	assert_false(r->is_default);
	assert_int_equal(w->core.host_rules[0], STRICT);
	assert_int_equal(w->core.host_rules[1], 0);
}

static void judges_parameters(void **state)
{
	static const struct {
		const char *action, *params, *code;
	} cases[] = {
		{CREATE, "", "MissingName"},
		{CREATE, "Span=1&FailCount=2&ForbiddenTime=5&UuidList.1=" WEB, "MissingName"},
		{CREATE, "Name=r&FailCount=2&ForbiddenTime=5&UuidList.1=" WEB, "MissingSpan"},
		{CREATE, "Name=r&Span=1&ForbiddenTime=5&UuidList.1=" WEB, "MissingFailCount"},
		{CREATE, "Name=r&Span=1&FailCount=2&UuidList.1=" WEB, "MissingForbiddenTime"},
		{CREATE, RULE, "MissingUuidList"},
		{CREATE, RULE "&UuidList=" WEB, "MissingUuidList"},
		{CREATE, RULE "&UuidList.1=", "InvalidUuidList"},
		{CREATE, RULE "&UuidList.1=" WEB "&UuidList.2=nobody", "InvalidUuidList"},
		{CREATE, RULE "&UuidList.1=" THEIRS, "InvalidUuidList"},
		{CREATE, RULE "&UuidList.1=" WEB "&DefaultRule=yes", "InvalidDefaultRule"},
		{CREATE, "Name=strict&Span=1&FailCount=2&ForbiddenTime=5&UuidList.1=" WEB,
			"InvalidName"}, /* is taken */
		{CREATE, "Name=a%0Ab&Span=1&FailCount=2&ForbiddenTime=5&UuidList.1=" WEB,
			"InvalidName"},
		{MODIFY, "", "MissingId"},
		{MODIFY, "Id=x", "InvalidId"},
		{MODIFY, "Id=0", "InvalidId"},
		{MODIFY, "Id=99", "InvalidId"},
		{MODIFY, "Id=12&Name=all", "InvalidName"},
		{MODIFY, "Id=12&UuidList.1=" THEIRS, "InvalidUuidList"},
		{MODIFY, "Id=12&DefaultRule=1", "InvalidDefaultRule"},
		{DELETE, "", "MissingIds"},
		{DELETE, "Ids=12", "MissingIds"},
		{DELETE, "Ids.1=x", "InvalidIds"},
		{DELETE, "Ids.1=0", "InvalidIds"},
		{DELETE, "Ids.1=12&Ids.2=99", "InvalidIds"},
		{GIVE, "", "MissingUuid"},
		{GIVE, "Uuid=" WEB, "MissingNewRuleId"},
		{GIVE, "Uuid=" WEB "&NewRuleId=x", "InvalidNewRuleId"},
		{GIVE, "Uuid=" WEB "&NewRuleId=99", "InvalidNewRuleId"},
		{GIVE, "Uuid=nobody&NewRuleId=12", "InvalidUuid"},
		{GIVE, "Uuid=" THEIRS "&NewRuleId=12", "InvalidUuid"},
		{LIST, "PageSize=0", "InvalidPageSize"},
		{LIST, "PageSize=1001", "InvalidPageSize"},
		{LIST, "CurrentPage=0", "InvalidCurrentPage"},
		{LIST, "Id=x", "InvalidId"},
		{ON, "PageSize=10001", "InvalidPageSize"},
		{ON, "CurrentPage=x", "InvalidCurrentPage"},
		{ON, "UuidList.1=", "InvalidUuidList"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		world_expect(*state, cases[i].action, cases[i].params, 400, cases[i].code);
	assert_int_equal(((struct world *)*state)->core.rule_count, 3); /* nothing was made */
}

static void names_have_a_limit(void **state)
{
	struct world *w = *state;
	char params[512];
	(void)snprintf(params, sizeof(params), "Id=12&Name=%0127d", 1);
	world_change(w, MODIFY, params);
	(void)snprintf(params, sizeof(params), "Id=12&Name=%0128d", 1);
	world_expect(w, MODIFY, params, 400, "InvalidName");
	world_change(w, MODIFY, "Id=12&Name=%E9%98%B2%E6%9A%B4%E5%8A%9B");
	world_expect_rows(w, LIST, "Rules", "Name=%E6%9A%B4", 1);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Name"), "防暴力");
}

static void lists(void **state)
{
	struct world *w = *state;
	world_expect_rows(w, LIST, "Rules", "", 2); /* not the other account's */
	assert_int_equal(ask_int(&w->ask, "PageInfo.CurrentPage"), 1);
	assert_int_equal(ask_int(&w->ask, "PageInfo.PageSize"), 20);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Name"), "strict");
	assert_int_equal(ask_int(&w->ask, "Rules.0.MachineCount"), 1);
	assert_string_equal(ask_text(&w->ask, "Rules.1.Name"), "all");
	assert_int_equal(ask_int(&w->ask, "Rules.1.MachineCount"), 2); /* as the default */
	assert_int_equal(json_array_size(ask_at(&w->ask, "Rules.1.UuidList")), 0);
	assert_true(json_is_true(ask_at(&w->ask, "Rules.1.DefaultRule")));
	world_expect_rows(w, LIST, "Rules", "Name=stri", 1);
	world_expect_rows(w, LIST, "Rules", "Name=none", 0);
	world_expect_rows(w, LIST, "Rules", "Id=13", 0); /* the other account's */
	world_expect(w, LIST, "PageSize=1&CurrentPage=2", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 2);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 1);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Name"), "all");
}

/* What the vendor cannot say in whole minutes is rounded up. */
static void shorter_than_a_minute(void **state)
{
	struct world *w = *state;
	w->core.rules[1].span = 30 * MS_SECOND;
	w->core.rules[1].forbidden = 61 * MS_SECOND;
	world_expect_rows(w, LIST, "Rules", "Id=12", 1);
	assert_int_equal(ask_int(&w->ask, "Rules.0.Span"), 1);
	assert_int_equal(ask_int(&w->ask, "Rules.0.ForbiddenTime"), 2);
}

static void rules_of_servers(void **state)
{
	struct world *w = *state;
	world_expect_rows(w, ON, "Rules", "", 3);
	assert_int_equal(ask_int(&w->ask, "PageInfo.PageSize"), 10000);
	assert_int_equal(json_object_size(ask_at(&w->ask, "Rules.0")), 3);
	assert_int_equal(ask_int(&w->ask, "Rules.0.Id"), ALL);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Name"), "all");
	assert_string_equal(ask_text(&w->ask, "Rules.0.Uuid"), WEB);
	assert_int_equal(ask_int(&w->ask, "Rules.1.Id"), STRICT);
	world_expect_rows(w, ON, "Rules", "UuidList.1=" DB, 1);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Name"), "strict");
	world_expect_rows(w, ON, "Rules", "UuidList.1=" DB "&UuidList.2=" EDGE, 2);
	world_expect_rows(w, ON, "Rules", "UuidList.1=" THEIRS, 0);
	world_expect_rows(
		w, ON, "Rules", "UuidList.1=nobody&UuidList.2=" DB "&UuidList.3=" THEIRS, 1);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Uuid"), DB);
	world_expect(w, ON, "PageSize=2&CurrentPage=2", 200, NULL);
	assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 3);
	assert_int_equal(ask_int(&w->ask, "PageInfo.Count"), 1);
	assert_string_equal(ask_text(&w->ask, "Rules.0.Uuid"), EDGE);
	world_change(w, GIVE, "Uuid=" EDGE "&NewRuleId=12");
	world_expect_rows(w, ON, "Rules", "UuidList.1=" EDGE, 1);
	assert_int_equal(ask_int(&w->ask, "Rules.0.Id"), STRICT);
	world_change(w, GIVE, "Uuid=" EDGE "&NewRuleId=0");
	world_expect_rows(w, ON, "Rules", "UuidList.1=" EDGE, 1);
	assert_int_equal(ask_int(&w->ask, "Rules.0.Id"), ALL);
}

static void removes_all_or_none(void **state)
{
	struct world *w = *state;
	world_expect(
		w, DELETE, "Ids.1=12&Ids.2=13", 400, "InvalidIds"); /* 13: the other account's */
	world_expect_rows(w, LIST, "Rules", "", 2);
	world_change(w, DELETE, "Ids.1=12&Ids.2=11");
	world_expect_rows(w, LIST, "Rules", "", 0);
	assert_int_equal(w->core.host_rules[1], 0);
}

static void core_may_refuse_or_fail(void **state)
{
	static const struct {
		const char *action, *params, *refused;
	} cases[] = {
		{CREATE, "Name=fault&Span=1&FailCount=2&ForbiddenTime=5&UuidList.1=" WEB,
			"InvalidName"},
		{MODIFY, "Id=12&Name=fault", "InvalidId"},
		{DELETE, "Ids.1=500", NULL},
		{GIVE, "Uuid=" WEB "&NewRuleId=500", "InvalidNewRuleId"},
		{LIST, "Name=fault", NULL},
		{ON, "UuidList.1=fault", NULL},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++)
		world_expect(w, cases[i].action, cases[i].params, 500, "ServerError");
	w->core.condition = CORE_INVALID;
	for (size_t i = 0; i < countof(cases); i++) {
		if (!cases[i].refused)
			continue;
		world_expect(w, cases[i].action, cases[i].params, 400, cases[i].refused);
		assert_string_equal(ask_text(&w->ask, "Message"), "told to refuse");
	}
	world_expect(w, DELETE, "Ids.1=12", 400, "InvalidIds");
	assert_string_equal(ask_text(&w->ask, "Message"), "told to refuse");
}

static void permissions(void **state)
{
	static const char *const actions[] = {CREATE, MODIFY, DELETE, LIST, ON, GIVE};
	world_expect_permissions(*state, actions, countof(actions));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_new_rule_is_listed),
		CASE(protocols),
		CASE(takes_the_vendors_values_only),
		CASE(changes_only_what_is_said),
		CASE(judges_parameters),
		CASE(names_have_a_limit),
		CASE(lists),
		CASE(shorter_than_a_minute),
		CASE(rules_of_servers),
		CASE(removes_all_or_none),
		CASE(core_may_refuse_or_fail),
		CASE(permissions),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
