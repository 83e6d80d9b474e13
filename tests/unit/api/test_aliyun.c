/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gateway's codes, and Security Center's brute-force operations. */
#include "base/clock.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DESCRIBE "DescribeBruteForceRecords"

static void lists_every_element(void **state)
{
	struct world *w = *state;
	const struct block *b = &w->core.blocks[0];
	world_expect_rows(w, DESCRIBE, "MachineList", "BlockIp=203.0.113.77", 1);
	const struct ask *a = &w->ask;
	assert_int_equal(json_object_size(ask_at(a, "MachineList.0")), 14);
	assert_int_equal(ask_int(a, "MachineList.0.Id"), b->id);
	assert_int_equal(ask_int(a, "MachineList.0.Status"), 1);
	assert_int_equal(ask_int(a, "MachineList.0.BlockExpireDate"), b->expires);
	assert_string_equal(ask_text(a, "MachineList.0.BlockIp"), "203.0.113.77");
	assert_string_equal(ask_text(a, "MachineList.0.Port"), "22/22");
	assert_string_equal(ask_text(a, "MachineList.0.Source"), "blinkRule");
	assert_string_equal(ask_text(a, "MachineList.0.RuleName"), "system");
	assert_string_equal(ask_text(a, "MachineList.0.ErrorCode"), "");
	assert_string_equal(ask_text(a, "MachineList.0.Uuid"), WEB);
	assert_string_equal(ask_text(a, "MachineList.0.InstanceName"), "web 01/ä+b");
	assert_string_equal(ask_text(a, "MachineList.0.InternetIp"), "198.51.100.7");
	assert_string_equal(ask_text(a, "MachineList.0.IntranetIp"), "10.0.0.8");
	assert_string_equal(ask_text(a, "MachineList.0.BlockType"), "alinet");
	assert_true(json_is_true(ask_at(a, "MachineList.0.AliNetOnline")));
	assert_int_equal(ask_int(a, "PageInfo.CurrentPage"), 1);
	assert_int_equal(ask_int(a, "PageInfo.PageSize"), 20);
}

static void a_permanent_block_has_a_far_end(void **state)
{
	struct world *w = *state;
	const struct block *b = &w->core.blocks[2];
	assert_int_equal(b->expires, BLOCK_FOREVER);
	world_expect_rows(w, DESCRIBE, "MachineList", "BlockIp=2001%3Adb8%3A1%3A2%3A%3Affff",
		1); /* anywhere in the /64 */
	assert_int_equal(ask_int(&w->ask, "MachineList.0.BlockExpireDate"),
		b->created + INT64_C(52560000) * 60000);
	assert_string_equal(ask_text(&w->ask, "MachineList.0.BlockIp"), "2001:db8:1:2::5");
	assert_string_equal(ask_text(&w->ask, "MachineList.0.Source"), "userRule");
}

static void filters(void **state)
{
	static const struct {
		const char *params;
		int64_t rows;
	} cases[] = {
		{"", 8},
		{"Status=0", 3}, /* wanted, expired, canceled */
		{"Status=1", 4},
		{"Status=2", 1},
		{"Status=", 8},
		{"BlockIp=203.0.113.99", 0},
		{"InstanceId=i-6d5b361fd6e82c100001", 4},
		{"InstanceId=i-6d5b361fd6e82c100002", 3},
		{"InstanceId=i-6d5b361fd6e82c100003", 1},
		{"InstanceId=i-6d5b361fd6e82c100009", 0}, /* another account's */
		{"InstanceId=i-6d5b", 0},
		{"InstanceId=i-6d5b361fd6e82c100002&Status=1", 1},
		{"InstanceId=i-6d5b361fd6e82c100002&Remark=web", 0},
		{"Remark=web", 4},
		{"Remark=db-02", 3},
		{"Remark=edge", 1},
		{"Remark=0.0.9", 1}, /* its private address */
		{"Remark=theirs", 0},
		{"Remark=198.51.100", 8},
		{"Remark=nobody", 0},
		{"Remark=web&Status=1", 2},
		{"RegionId=cn&Lang=zh&SourceIp=1.1.1.1&ResourceOwnerId=1", 8},
	};
	for (size_t i = 0; i < countof(cases); i++)
		world_expect_rows(*state, DESCRIBE, "MachineList", cases[i].params, cases[i].rows);
}

static void failures_say_why(void **state)
{
	struct world *w = *state;
	world_expect_rows(w, DESCRIBE, "MachineList", "Status=2", 1);
	assert_string_equal(ask_text(&w->ask, "MachineList.0.ErrorCode"), "ObserveMode");
}

static void a_block_by_hand_has_no_port(void **state)
{
	struct world *w = *state;
	w->core.blocks[0].service = SERVICE_NONE;
	w->core.blocks[0].port = 0;
	world_expect_rows(w, DESCRIBE, "MachineList", "BlockIp=203.0.113.77", 1);
	assert_string_equal(ask_text(&w->ask, "MachineList.0.Port"), "*/*");
	world_expect(w, "DisableBruteForceRecord",
		"BlockIp=203.0.113.77&Uuid=" WEB "&Port=%2A%2F%2A", 200, NULL);
	assert_int_equal(w->core.blocks[0].state, BLOCK_CANCELLING);
}

static void pages(void **state)
{
	struct world *w = *state;
	int64_t seen = 0, last = INT64_MAX;
	for (int page = 1; page <= 4; page++) {
		char params[64];
		(void)snprintf(params, sizeof(params), "CurrentPage=%d&PageSize=3", page);
		world_expect(w, DESCRIBE, params, 200, NULL);
		assert_int_equal(ask_int(&w->ask, "PageInfo.TotalCount"), 8);
		assert_int_equal(ask_int(&w->ask, "PageInfo.CurrentPage"), page);
		assert_int_equal(ask_int(&w->ask, "PageInfo.PageSize"), 3);
		json_t *list = ask_at(&w->ask, "MachineList");
		assert_int_equal(
			ask_int(&w->ask, "PageInfo.Count"), (int64_t)json_array_size(list));
		for (size_t i = 0; i < json_array_size(list); i++) {
			int64_t id =
				json_integer_value(json_object_get(json_array_get(list, i), "Id"));
			assert_true(id < last); /* each row changed later than the one before */
			last = id;
			seen++;
		}
	}
	assert_int_equal(seen, 8);
}

static void judges_parameters(void **state)
{
	static const struct {
		const char *params, *code;
	} cases[] = {
		{"PageSize=0", "InvalidPageSize"},
		{"PageSize=1001", "InvalidPageSize"},
		{"PageSize=-1", "InvalidPageSize"},
		{"PageSize=x", "InvalidPageSize"},
		{"PageSize=1.5", "InvalidPageSize"},
		{"PageSize=99999999999999999999", "InvalidPageSize"},
		{"CurrentPage=0", "InvalidCurrentPage"},
		{"CurrentPage=9999999999", "InvalidCurrentPage"},
		{"Status=3", "InvalidStatus"},
		{"Status=-1", "InvalidStatus"},
		{"Status=enabled", "InvalidStatus"},
		{"BlockIp=203.0.113.0%2F24", "InvalidBlockIp"},
		{"BlockIp=example.com", "InvalidBlockIp"},
		{"BlockIp=203.0.113.077", "InvalidBlockIp"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		world_expect(*state, DESCRIBE, cases[i].params, 400, cases[i].code);
	world_expect(*state, DESCRIBE, "PageSize=1000&CurrentPage=2000000000", 200, NULL);
}

static void knows_its_operations(void **state)
{
	struct world *w = *state;
	world_expect(w, "DescribeNothing", "", 404, "InvalidAction.NotFound");
	assert_string_equal(ask_text(&w->ask, "Message"),
		"Specified api is not found, please check your url and method.");
	world_expect(w, "describebruteforcerecords", "", 404, "InvalidAction.NotFound");
	assert_string_equal(ask_text(&w->ask, "HostId"), "127.0.0.1:8731");
	assert_non_null(ask_at(&w->ask, "Recommend"));
	assert_string_equal(ask_extra(&w->ask, "x-acs-request-id"), ask_text(&w->ask, "RequestId"));
}

static void disables_and_enables(void **state)
{
	struct world *w = *state;
	world_expect(w, "DisableBruteForceRecord",
		"BlockIp=203.0.113.77&Uuid=" WEB "&Port=22%2F22&Bound=in&Id=0", 200, NULL);
	assert_int_equal(json_object_size(w->ask.json), 1);
	assert_int_equal(w->core.blocks[0].state, BLOCK_CANCELLING);
	world_expect_rows(w, DESCRIBE, "MachineList", "BlockIp=203.0.113.77&Status=0", 1);
	world_expect(w, "EnableBruteForceRecord",
		"BlockIp=203.0.113.77&Uuid=" WEB "&Port=%2A%2F%2A", 200, NULL);
	assert_int_equal(w->core.blocks[0].state, BLOCK_APPLIED);
	/* lifting what is lifted is no error */
	world_expect(w, "DisableBruteForceRecord", "BlockIp=203.0.113.81&Uuid=" WEB, 200, NULL);
}

static void changes_judge_parameters(void **state)
{
	static const struct {
		const char *params, *code;
	} cases[] = {
		{"Uuid=" WEB, "MissingBlockIp"},
		{"BlockIp=203.0.113.77", "MissingUuid"},
		{"", "MissingBlockIp"},
		{"BlockIp=x&Uuid=" WEB, "InvalidBlockIp"},
		{"BlockIp=203.0.113.99&Uuid=" WEB, "InvalidBlockIp"},
		{"BlockIp=203.0.113.77&Uuid=" DB, "InvalidBlockIp"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Port=3306%2F3306", "InvalidBlockIp"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Port=9%2F9", "InvalidBlockIp"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Port=22", "InvalidPort"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Port=22%2F23", "InvalidPort"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Port=0%2F0", "InvalidPort"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Bound=both", "InvalidBound"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Bound=out", "InvalidBlockIp"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Id=x", "InvalidId"},
		{"BlockIp=203.0.113.77&Uuid=" WEB "&Id=999", "InvalidBlockIp"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		world_expect(
			*state, "DisableBruteForceRecord", cases[i].params, 400, cases[i].code);
		world_expect(*state, "EnableBruteForceRecord", cases[i].params, 400, cases[i].code);
	}
}

static void core_may_refuse_or_fail(void **state)
{
	struct world *w = *state;
	const char *params = "BlockIp=203.0.113.77&Uuid=" WEB;
	w->core.condition = CORE_PROTECTED;
	world_expect(w, "EnableBruteForceRecord", params, 400, "InvalidBlockIp");
	assert_string_equal(ask_text(&w->ask, "Message"), "told to refuse");
	w->core.condition = 0;
	world_expect(w, DESCRIBE, "", 200, NULL); /* a reader is open now */
	w->core.fail = -EIO;
	world_expect(w, DESCRIBE, "", 500, "InternalError");
	w->core.fail = 0;
}

static void permissions(void **state)
{
	struct world *w = *state;
	struct access_key *k = &w->core.keys[1];
	static const struct {
		const char *allow;
		bool ok;
	} cases[] = {
		{"*", true},
		{"yundun-sas:*", true},
		{"yundun-sas:Describe*", true},
		{"hss:*\nyundun-sas:DescribeBruteForceRecords", true},
		{"", false},
		{"hss:*", false},
		{"yundun-sas:DescribeBruteForceRecord", false},
		{"yundun-sas:EnableBruteForceRecord", false},
		{"*:DescribeBruteForceRecords", false}, /* a star counts at the end only */
		{"yundun-sas", false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		(void)snprintf(k->allow, sizeof(k->allow), "%s", cases[i].allow);
		world_expect(w, DESCRIBE, "", cases[i].ok ? 200 : 403,
			cases[i].ok ? NULL : "NoPermission");
	}
	assert_string_equal(ask_text(&w->ask, "Message"), "caller has no permission");
}

/* Signed with one thing wrong. */
static void expect_signed(
	struct world *w, const struct ask_signer *s, unsigned status, const char *code)
{
	ask_done(&w->ask);
	ask_v1_signed(&w->ask, w->api, s, DESCRIBE, "");
	assert_string_equal(ask_text(&w->ask, "Code"), code ? code : "(none)");
	assert_int_equal(w->ask.response.status, status);
}

static void keys_are_judged(void **state)
{
	struct world *w = *state;
	struct access_key *k = &w->core.keys[1];
	struct ask_signer s = ask_signer_default;
	s.secret = "wrong";
	expect_signed(w, &s, 400, "SignatureDoesNotMatch");
	s = ask_signer_default;
	s.id = "NOSUCHKEY";
	expect_signed(w, &s, 404, "InvalidAccessKeyId.NotFound");
	s = ask_signer_default;
	s.security_token = "unasked";
	expect_signed(w, &s, 400, "InvalidSecurityToken.MismatchWithAccessKey");
	k->active = false;
	expect_signed(w, &ask_signer_default, 400, "InvalidAccessKeyId.Inactive");
	k->active = true;
	w->core.account.closed = true;
	expect_signed(w, &ask_signer_default, 400, "InvalidAccessKeyId.Inactive");
	w->core.account.closed = false;
	expect_signed(w, &ask_signer_default, 200, NULL);
}

static void temporary_keys_need_their_token(void **state)
{
	struct world *w = *state;
	struct access_key *k = &w->core.keys[1];
	struct ask_signer s = ask_signer_default;
	(void)snprintf(k->security_token, sizeof(k->security_token), "tok/en+=");
	k->expires = ASK_NOW + MS_HOUR;
	expect_signed(w, &s, 400, "MissingSecurityToken");
	s.security_token = "tok/en+";
	expect_signed(w, &s, 400, "InvalidSecurityToken.MismatchWithAccessKey");
	s.security_token = "tok/en+=";
	expect_signed(w, &s, 200, NULL);
	k->expires = ASK_NOW;
	expect_signed(w, &s, 400, "InvalidSecurityToken.Expired");
}

static void stamps_and_nonces_are_judged(void **state)
{
	struct world *w = *state;
	struct ask_signer s = ask_signer_default;
	s.time = ASK_NOW - 15 * MS_MINUTE - MS_SECOND;
	expect_signed(w, &s, 400, "InvalidTimeStamp.Expired");
	s.time = ASK_NOW + 15 * MS_MINUTE + MS_SECOND;
	expect_signed(w, &s, 400, "InvalidTimeStamp.Expired");
	s = ask_signer_default;
	s.nonce = "once";
	expect_signed(w, &s, 200, NULL);
	expect_signed(w, &s, 400, "SignatureNonceUsed");
	/* a refused call does not use its nonce up */
	s.nonce = "twice";
	s.secret = "wrong";
	expect_signed(w, &s, 400, "SignatureDoesNotMatch");
	s.secret = ASK_SECRET;
	expect_signed(w, &s, 200, NULL);
}

static void a_full_nonce_table_throttles(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < w->core.settings.nonces_per_key; i++)
		expect_signed(w, &ask_signer_default, 200, NULL);
	expect_signed(w, &ask_signer_default, 400, "Throttling.User");
}

/* Unsigned requests: each is told what it lacks. */
static void says_what_is_missing(void **state)
{
	static const struct {
		const char *target, *code;
	} cases[] = {
		{"/", "MissingAccessKeyId"},
		{"/?AccessKeyId=a", "MissingSignature"},
		{"/?Signature=x", "MissingAccessKeyId"},
		{"/?Signature=x&AccessKeyId=a", "MissingSignatureMethod"},
		{"/?Signature=x&AccessKeyId=a&SignatureMethod=HMAC-SHA1",
			"MissingSignatureVersion"},
		{"/?Signature=x&AccessKeyId=a&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0",
			"MissingTimestamp"},
		{"/?Signature=x&AccessKeyId=a&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&"
		 "Timestamp=2026-01-02T03:04:05Z",
			"MissingSignatureNonce"},
		{"/?Signature=x&AccessKeyId=a&SignatureMethod=HMAC-SHA256&SignatureVersion=1.0&"
		 "Timestamp=2026-01-02T03:04:05Z&SignatureNonce=1",
			"InvalidSignatureMethod"},
		{"/?Signature=x&AccessKeyId=a&SignatureMethod=HMAC-SHA1&SignatureVersion=2.0&"
		 "Timestamp=2026-01-02T03:04:05Z&SignatureNonce=1",
			"InvalidSignatureVersion"},
		{"/?Signature=x&AccessKeyId=a&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&"
		 "Timestamp=yesterday&SignatureNonce=1",
			"InvalidTimeStamp.Format"},
		{"/?SignatureType=BEARERTOKEN&BearerToken=b", "InvalidSignatureMethod"},
		{"/?a=%zz", "InvalidParameter.Format"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		ask_init(&w->ask, "GET", cases[i].target);
		ask_send(&w->ask, w->api);
		assert_string_equal(ask_text(&w->ask, "Code"), cases[i].code);
		assert_int_equal(w->ask.response.status, 400);
		ask_done(&w->ask);
	}
}

static void other_paths_and_methods(void **state)
{
	static const struct {
		const char *method, *target;
		unsigned status;
		const char *code;
	} cases[] = {
		{"PUT", "/", 400, "UnsupportedHTTPMethod"},
		{"DELETE", "/", 400, "UnsupportedHTTPMethod"},
		{"HEAD", "/", 400, "UnsupportedHTTPMethod"},
		{"GET", "/nothing", 404, "InvalidAction.NotFound"},
		{"GET", "//", 404, "InvalidAction.NotFound"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		ask_init(&w->ask, cases[i].method, cases[i].target);
		ask_send(&w->ask, w->api);
		assert_string_equal(ask_text(&w->ask, "Code"), cases[i].code);
		assert_int_equal(w->ask.response.status, cases[i].status);
		ask_done(&w->ask);
	}
	ask_init(&w->ask, "POST", "/");
	w->ask.request.too_large = true;
	ask_send(&w->ask, w->api);
	assert_int_equal(w->ask.response.status, 413);
	ask_done(&w->ask);
}

/* From elsewhere five wrong signatures lock the pair; from this machine they do not. */
static void failures_lock_out(void **state)
{
	struct world *w = *state;
	struct addr far;
	assert_true(addr_parse(SLICE("203.0.113.200"), &far));
	for (int i = 0; i < 7; i++) {
		ask_init(&w->ask, "GET",
			"/?AccessKeyId=" ASK_KEY "&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0"
			"&Timestamp=2026-01-02T03%3A04%3A05Z&SignatureNonce=1&Signature=no");
		w->ask.request.peer = far;
		ask_send(&w->ask, w->api);
		assert_string_equal(ask_text(&w->ask, "Code"),
			i < 5 ? "SignatureDoesNotMatch" : "Throttling.User");
		ask_done(&w->ask);
	}
	/* the key is not locked for others */
	expect_signed(w, &ask_signer_default, 200, NULL);
	struct ask_signer s = ask_signer_default;
	s.secret = "wrong";
	for (int i = 0; i < 7; i++)
		expect_signed(w, &s, 400, "SignatureDoesNotMatch");
}

static void calls_can_be_limited(void **state)
{
	struct world *w = *state;
	struct api *api = NULL;
	w->core.settings.rate_limit = 2;
	assert_int_equal(api_new(&w->core, &api, NULL), 0);
	for (int i = 0; i < 3; i++) {
		ask_v1(&w->ask, api, DESCRIBE, "");
		assert_string_equal(
			ask_text(&w->ask, "Code"), i < 2 ? "(none)" : "Throttling.User");
		ask_done(&w->ask);
	}
	api = api_free(api);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(lists_every_element),
		CASE(a_permanent_block_has_a_far_end),
		CASE(filters),
		CASE(failures_say_why),
		CASE(a_block_by_hand_has_no_port),
		CASE(pages),
		CASE(judges_parameters),
		CASE(knows_its_operations),
		CASE(disables_and_enables),
		CASE(changes_judge_parameters),
		CASE(core_may_refuse_or_fail),
		CASE(permissions),
		CASE(keys_are_judged),
		CASE(temporary_keys_need_their_token),
		CASE(stamps_and_nonces_are_judged),
		CASE(a_full_nonce_table_throttles),
		CASE(says_what_is_missing),
		CASE(other_paths_and_methods),
		CASE(failures_lock_out),
		CASE(calls_can_be_limited),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
