/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written is read back the same; what is not as the protocol says is refused, by name. */
#include "fleet/plain.h"
#include "fleet/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW INT64_C(1767323045678)

static struct prefix prefix(const char *text)
{
	struct prefix p;
	assert_true(prefix_parse(slice_of(text), &p));
	return p;
}

static struct addr addr(const char *text)
{
	struct addr a;
	assert_true(addr_parse(slice_of(text), &a));
	return a;
}

/* --- round trips ---------------------------------------------------------------------- */

static struct report_attempt attempts[] = {
	{.minute = NOW / 60000 * 60000, .service = SERVICE_SSH, .n = 12},
	{.minute = 0, .service = SERVICE_VSFTPD, .n = INT64_C(1) << 48},
};

static struct block blocks[] = {
	{.direction = BLOCK_IN,
		.service = SERVICE_SSH,
		.port = 2222,
		.state = BLOCK_APPLIED,
		.applied_once = true,
		.source = RULE_BLINK,
		.rule_name = "système \"a\\b\"",
		.created = NOW,
		.first_attempt = NOW - 5,
		.latest_attempt = NOW + 5,
		.attempts = 77,
		.expires = BLOCK_FOREVER,
		.changed = NOW + 1,
		.lives = UINT32_MAX,
		.wish = 40},
	{.direction = BLOCK_OUT,
		.service = SERVICE_NONE,
		.state = BLOCK_FAILED,
		.source = RULE_USER,
		.error = "AllowListed",
		.expires = NOW + 1000},
};

static struct report sample_report(void)
{
	attempts[0].source = prefix("198.51.100.7");
	attempts[1].source = prefix("2001:db8:1:2::/64");
	blocks[0].target = prefix("198.51.100.7");
	blocks[0].trigger = addr("198.51.100.7");
	blocks[1].target = prefix("2001:db8::/32");
	blocks[1].trigger = addr("2001:db8::1");
	return (struct report){.number = 7,
		.seen = 41,
		.attempts = attempts,
		.attempt_count = countof(attempts),
		.blocks = blocks,
		.block_count = countof(blocks)};
}

static void same_blocks(const struct block *a, const struct block *b)
{
	assert_true(prefix_eq(&a->target, &b->target));
	assert_true(addr_eq(&a->trigger, &b->trigger));
	assert_int_equal(a->direction, b->direction);
	assert_int_equal(a->service, b->service);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->applied_once, b->applied_once);
	assert_int_equal(a->source, b->source);
	assert_string_equal(a->rule_name, b->rule_name);
	assert_string_equal(a->error, b->error);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->first_attempt, b->first_attempt);
	assert_int_equal(a->latest_attempt, b->latest_attempt);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->changed, b->changed);
	assert_int_equal(a->lives, b->lives);
	assert_int_equal(a->wish, b->wish);
}

static void a_report_comes_back(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct report out = sample_report(), in = {0};
	struct err err = {0};
	(void)state;
	protocol_put_report(&text, &out);
	assert_int_equal(text.error, 0);
	assert_int_equal(protocol_get_report(buf_as_slice(&text), &in, &err), 0);
	assert_int_equal(in.number, 7);
	assert_int_equal(in.seen, 41);
	assert_int_equal(in.attempt_count, countof(attempts));
	for (size_t i = 0; i < countof(attempts); i++) {
		assert_int_equal(in.attempts[i].minute, attempts[i].minute);
		assert_true(prefix_eq(&in.attempts[i].source, &attempts[i].source));
		assert_int_equal(in.attempts[i].service, attempts[i].service);
		assert_int_equal(in.attempts[i].n, attempts[i].n);
	}
	assert_int_equal(in.block_count, countof(blocks));
	for (size_t i = 0; i < countof(blocks); i++)
		same_blocks(&in.blocks[i], &blocks[i]);
	report_done(&in);
}

static void an_empty_report_comes_back(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct report out = {.number = 1}, in = {0};
	(void)state;
	protocol_put_report(&text, &out);
	assert_string_equal(text.p, "{\"number\":1,\"seen\":0,\"attempts\":[],\"blocks\":[]}");
	assert_int_equal(protocol_get_report(buf_as_slice(&text), &in, NULL), 0);
	assert_int_equal(in.attempt_count + in.block_count, 0);
	report_done(&in);
}

static struct wish wish_list[] = {
	{.service = SERVICE_NONE,
		.direction = BLOCK_OUT,
		.expires = BLOCK_FOREVER,
		.version = 40,
		.port = 0,
		.source = RULE_USER,
		.rule_name = "why not"},
	{.service = SERVICE_RDP, .lift = true, .expires = NOW, .version = 41, .port = 3389},
};

static struct rule rule_list[] = {
	{.source = RULE_USER,
		.name = "five in ten minutes",
		.span = 600000,
		.fail_count = 5,
		.forbidden = RULE_PERMANENT,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true,
		.created = NOW},
	{.source = RULE_BLINK, .name = "s", .span = 1000, .fail_count = 1000, .forbidden = 1000},
};

static void wishes_come_back(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct prefix allow[] = {prefix("192.0.2.0/24"), prefix("0.0.0.0/0"), prefix("::/0")};
	struct wishes out = {.version = 41,
		.snapshot = true,
		.more = true,
		.blocks = wish_list,
		.block_count = countof(wish_list),
		.has_policy = true,
		.rules = rule_list,
		.rule_count = countof(rule_list),
		.allow = allow,
		.allow_count = countof(allow)};
	struct wishes in = {0};
	struct err err = {0};
	(void)state;
	wish_list[0].target = prefix("203.0.113.0/24");
	wish_list[0].trigger = addr("203.0.113.9");
	wish_list[1].target = prefix("2001:db8::7");
	wish_list[1].trigger = addr("2001:db8::7");
	protocol_put_wishes(&text, &out);
	assert_int_equal(protocol_get_wishes(buf_as_slice(&text), &in, &err), 0);
	assert_int_equal(in.version, 41);
	assert_true(in.snapshot && in.more && in.has_policy);
	assert_int_equal(in.block_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct wish *a = &in.blocks[i], *b = &wish_list[i];
		assert_true(prefix_eq(&a->target, &b->target));
		assert_true(addr_eq(&a->trigger, &b->trigger));
		assert_int_equal(a->service, b->service);
		assert_int_equal(a->direction, b->direction);
		assert_int_equal(a->lift, b->lift);
		assert_int_equal(a->expires, b->expires);
		assert_int_equal(a->version, b->version);
		assert_int_equal(a->port, b->port);
		assert_int_equal(a->source, b->source);
		assert_string_equal(a->rule_name, b->rule_name);
	}
	assert_int_equal(in.rule_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct rule *a = &in.rules[i], *b = &rule_list[i];
		assert_string_equal(a->name, b->name);
		assert_int_equal(a->source, b->source);
		assert_int_equal(a->span, b->span);
		assert_int_equal(a->fail_count, b->fail_count);
		assert_int_equal(a->forbidden, b->forbidden);
		assert_int_equal(a->services, b->services);
		assert_int_equal(a->is_default, b->is_default);
		assert_int_equal(a->enabled, b->enabled);
		assert_int_equal(a->created, b->created);
	}
	assert_int_equal(in.allow_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(prefix_eq(&in.allow[i], &allow[i]));
	wishes_done(&in);
}

static void no_policy_is_not_an_empty_one(void **state)
{
	_cleanup_(buf_done) struct buf without = BUF_NULL, empty = BUF_NULL;
	struct wishes w = {.version = 3}, in = {0};
	(void)state;
	protocol_put_wishes(&without, &w);
	w.has_policy = true;
	protocol_put_wishes(&empty, &w);
	assert_int_equal(protocol_get_wishes(buf_as_slice(&without), &in, NULL), 0);
	assert_false(in.has_policy);
	wishes_done(&in);
	assert_int_equal(protocol_get_wishes(buf_as_slice(&empty), &in, NULL), 0);
	assert_true(in.has_policy);
	wishes_done(&in);
}

#define HEALTH                                                                                     \
	"[{\"source\":\"file:/var/log/auth.log\",\"problem\":null,\"note\":\"\"},"                 \
	"{\"source\":\"journal\",\"problem\":\"says nothing\",\"note\":null}]"

static const struct agent_info sample_info = {.version = "0.2.0",
	.name = "web-01",
	.instance_id = "i-0123",
	.internet_ip = "203.0.113.5",
	.intranet_ip = "",
	.region = "eu",
	.enforces = true,
	.health = HEALTH};

static void same_info(const struct agent_info *a, const struct agent_info *b)
{
	assert_string_equal(a->version, b->version);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->instance_id, b->instance_id);
	assert_string_equal(a->internet_ip, b->internet_ip);
	assert_string_equal(a->intranet_ip, b->intranet_ip);
	assert_string_equal(a->region, b->region);
	assert_int_equal(a->enforces, b->enforces);
	assert_string_equal(a->health, b->health);
}

static void info_comes_back(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct agent_info in = {0};
	(void)state;
	protocol_put_info(&text, &sample_info);
	assert_int_equal(protocol_get_info(buf_as_slice(&text), &in, NULL), 0);
	same_info(&in, &sample_info);
}

static void an_enrolment_comes_back(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL, answer_text = BUF_NULL;
	struct enrol_request q = {.token = "s3cret-_", .request = "-----BEGIN X-----\nabc=\n"};
	struct enrol_request q_in = {0};
	struct enrol_answer a = {.certificate = "-----BEGIN CERTIFICATE-----\nMII=\n",
		.uuid = "01234567-89ab-cdef-0123-456789abcdef",
		.name = "web-01"};
	struct enrol_answer a_in = {0};
	(void)state;
	q.info = sample_info;
	protocol_put_enrol_request(&text, &q);
	assert_int_equal(protocol_get_enrol_request(buf_as_slice(&text), &q_in, NULL), 0);
	assert_string_equal(q_in.token, q.token);
	assert_string_equal(q_in.request, q.request);
	same_info(&q_in.info, &q.info);
	protocol_put_enrol_answer(&answer_text, &a);
	assert_int_equal(protocol_get_enrol_answer(buf_as_slice(&answer_text), &a_in, NULL), 0);
	assert_string_equal(a_in.certificate, a.certificate);
	assert_string_equal(a_in.uuid, a.uuid);
	assert_string_equal(a_in.name, a.name);
}

static void numbers_and_errors_come_back(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL, error = BUF_NULL;
	char why[64];
	int64_t n = -1;
	(void)state;
	protocol_put_number(&text, "next", 9);
	assert_string_equal(text.p, "{\"next\":9}");
	assert_int_equal(protocol_get_number(buf_as_slice(&text), "next", &n, NULL), 0);
	assert_int_equal(n, 9);
	assert_int_equal(protocol_get_number(buf_as_slice(&text), "applied", &n, NULL), -EBADMSG);
	assert_int_equal(n, 9);
	protocol_put_error(&error, "not \"now\"\x1b");
	protocol_get_error(buf_as_slice(&error), why, sizeof(why));
	assert_string_equal(why, "not \"now\"?");
	protocol_get_error(SLICE("<html>"), why, sizeof(why));
	assert_string_equal(why, "");
}

/* --- what is written can always be read ------------------------------------------------ */

static void odd_values_are_brought_into_range(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct report_attempt odd[] = {
		{.minute = INT64_MIN, .service = SERVICE_SSH, .n = INT64_MAX},
		{.minute = NOW, .service = SERVICE_SSH, .n = 0}, /* nothing to tell */
		{.minute = NOW, .service = SERVICE_NONE, .n = 1},
	};
	struct block b = {.created = -1,
		.latest_attempt = INT64_MIN,
		.attempts = INT64_MAX,
		.expires = INT64_MAX - 1,
		.port = UINT16_MAX,
		.wish = INT64_MAX};
	struct report out = {
		.attempts = odd, .attempt_count = countof(odd), .blocks = &b, .block_count = 1};
	struct report in = {0};
	struct err err = {0};
	(void)state;
	memset(b.rule_name, '\xc3', sizeof(b.rule_name) - 1); /* cut within characters */
	memset(b.error, '\n', sizeof(b.error) - 1);
	protocol_put_report(&text, &out);
	int r = protocol_get_report(buf_as_slice(&text), &in, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	assert_int_equal(in.number, 1);
	assert_int_equal(in.attempt_count, 1);
	assert_int_equal(in.attempts[0].minute, 0);
	assert_int_equal(in.attempts[0].n, INT64_C(1) << 48);
	assert_int_equal(in.blocks[0].latest_attempt, 0);
	assert_int_equal(in.blocks[0].attempts, INT64_C(1) << 48);
	assert_int_equal(strlen(in.blocks[0].rule_name), sizeof(b.rule_name) - 1);
	assert_int_equal(strspn(in.blocks[0].rule_name, "?"), sizeof(b.rule_name) - 1);
	report_done(&in);
}

static void odd_health_is_brought_into_shape(void **state)
{
	static const struct {
		const char *health, *read;
	} cases[] = {
		{"", "[]"},
		{"not JSON", "[]"},
		{"{}", "[]"},
		{"[]", "[]"},
		{" [ {\"source\" : \"\\u001b[2J\", \"problem\":\"x\\ny\", \"other\": 1} ] ",
			"[{\"source\":\"?[2J\",\"problem\":\"x?y\",\"note\":null}]"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		struct agent_info info = {0}, in = {0};
		(void)snprintf(info.health, sizeof(info.health), "%s", cases[i].health);
		protocol_put_info(&text, &info);
		assert_int_equal(protocol_get_info(buf_as_slice(&text), &in, NULL), 0);
		assert_string_equal(in.health, cases[i].read);
	}
}

/* As full as a place can be. */
static void the_longest_health_fits(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct agent_info info = {0}, in = {0};
	int n = snprintf(
		info.health, sizeof(info.health), "[{\"source\":\"\",\"problem\":null,\"note\":\"");
	const char end[] = "\"}]";
	(void)state;
	memset(info.health + n, 'x', sizeof(info.health) - (size_t)n - sizeof(end));
	memcpy(info.health + sizeof(info.health) - sizeof(end), end, sizeof(end));
	protocol_put_info(&text, &info);
	assert_int_equal(protocol_get_info(buf_as_slice(&text), &in, NULL), 0);
	assert_string_equal(in.health, info.health);
}

/* The largest report and answer there can be are within the limits of the bodies. */
static void the_largest_fit(void **state)
{
	_cleanup_(buf_done) struct buf report_text = BUF_NULL, wishes_text = BUF_NULL;
	const struct prefix longest = prefix("2001:db8:1111:2222:3333:4444:5555:6600/127");
	struct report report = {.number = INT64_MAX,
		.attempt_count = REPORT_ATTEMPTS_MAX,
		.block_count = REPORT_BLOCKS_MAX};
	struct wishes wishes = {.version = INT64_MAX,
		.block_count = WISHES_BLOCKS_MAX,
		.has_policy = true,
		.rule_count = WISHES_RULES_MAX,
		.allow_count = WISHES_ALLOW_MAX};
	(void)state;
	report.attempts = calloc(report.attempt_count, sizeof(*report.attempts));
	report.blocks = calloc(report.block_count, sizeof(*report.blocks));
	wishes.blocks = calloc(wishes.block_count, sizeof(*wishes.blocks));
	wishes.rules = calloc(wishes.rule_count, sizeof(*wishes.rules));
	wishes.allow = calloc(wishes.allow_count, sizeof(*wishes.allow));
	assert_true(report.attempts && report.blocks && wishes.blocks && wishes.rules);
	assert_non_null(wishes.allow);
	for (size_t i = 0; i < report.attempt_count; i++)
		report.attempts[i] = (struct report_attempt){
			.minute = NOW, .source = longest, .service = SERVICE_VSFTPD, .n = 1 << 30};
	for (size_t i = 0; i < report.block_count; i++) {
		struct block *b = &report.blocks[i];
		*b = blocks[0];
		b->target = longest;
		b->trigger = longest.addr;
		memset(b->rule_name, '"', sizeof(b->rule_name) - 1);
		memset(b->error, 'e', sizeof(b->error) - 1);
	}
	for (size_t i = 0; i < wishes.block_count; i++) {
		struct wish *w = &wishes.blocks[i];
		*w = wish_list[0];
		w->target = longest;
		w->trigger = longest.addr;
		memset(w->rule_name, '"', sizeof(w->rule_name) - 1);
	}
	for (size_t i = 0; i < wishes.rule_count; i++) {
		wishes.rules[i] = rule_list[0];
		memset(wishes.rules[i].name, '"', sizeof(wishes.rules[i].name) - 1);
	}
	for (size_t i = 0; i < wishes.allow_count; i++)
		wishes.allow[i] = longest;
	protocol_put_report(&report_text, &report);
	protocol_put_wishes(&wishes_text, &wishes);
	print_message("# report %zu, wishes %zu bytes at most\n", report_text.n, wishes_text.n);
	assert_true(report_text.n <= FLEET_BODY_MAX);
	assert_true(wishes_text.n <= FLEET_ANSWER_MAX);
	report_done(&report);
	wishes_done(&wishes);
}

/* --- what is refused ------------------------------------------------------------------- */

#define ATTEMPT "[29455384,\"198.51.100.7\",\"ssh\",12]"
#define BLOCK                                                                                      \
	"{\"target\":\"198.51.100.0/24\",\"trigger\":\"198.51.100.7\",\"direction\":\"in\","       \
	"\"service\":\"ssh\",\"port\":22,\"state\":\"applied\",\"applied_once\":true,"             \
	"\"source\":\"user\",\"rule\":\"r\",\"error\":\"\",\"created\":1,\"first_attempt\":1,"     \
	"\"latest_attempt\":1,\"attempts\":1,\"expires\":null,\"changed\":1,\"lives\":1,"          \
	"\"wish\":0}"
#define REPORT "{\"number\":7,\"seen\":0,\"attempts\":[" ATTEMPT "],\"blocks\":[" BLOCK "]}"
#define WISH                                                                                       \
	"{\"target\":\"198.51.100.0/24\",\"trigger\":\"198.51.100.7\",\"direction\":\"in\","       \
	"\"service\":\"none\",\"port\":0,\"lift\":false,\"expires\":5,\"version\":9,"              \
	"\"source\":\"user\",\"rule\":\"r\"}"
#define RULE                                                                                       \
	"{\"name\":\"n\",\"source\":\"user\",\"span\":1000,\"fail_count\":5,\"forbidden\":1000,"   \
	"\"services\":[\"ssh\"],\"default\":true,\"enabled\":true,\"created\":1}"
#define WISHES                                                                                     \
	"{\"version\":9,\"snapshot\":false,\"more\":false,\"blocks\":[" WISH "],\"rules\":[" RULE  \
	"],\"allow\":[\"192.0.2.0/24\"]}"
#define INFO                                                                                       \
	"{\"version\":\"1\",\"name\":\"n\",\"instance_id\":\"i\",\"internet_ip\":\"192.0.2.1\","   \
	"\"intranet_ip\":\"\",\"region\":\"\",\"enforces\":true,\"health\":[{\"source\":\"s\","    \
	"\"problem\":null,\"note\":\"\"}]}"
#define ENROL "{\"token\":\"t\",\"request\":\"-----\\n\",\"info\":" INFO "}"
#define ANSWER                                                                                     \
	"{\"certificate\":\"-----\\n\",\"uuid\":\"01234567-89ab-cdef-0123-456789abcdef\","         \
	"\"name\":\"n\"}"

enum kind { IS_REPORT, IS_WISHES, IS_INFO, IS_ENROL, IS_ANSWER };
static const char *const good[] = {REPORT, WISHES, INFO, ENROL, ANSWER};

static int read_as(enum kind kind, struct slice text, struct err *err)
{
	static struct enrol_request q;
	static struct enrol_answer a;
	struct report report = {0};
	struct wishes wishes = {0};
	int r = kind == IS_REPORT   ? protocol_get_report(text, &report, err)
		: kind == IS_WISHES ? protocol_get_wishes(text, &wishes, err)
		: kind == IS_INFO   ? protocol_get_info(text, &q.info, err)
		: kind == IS_ENROL  ? protocol_get_enrol_request(text, &q, err)
				    : protocol_get_enrol_answer(text, &a, err);
	report_done(&report);
	wishes_done(&wishes);
	return r;
}

/* The good text with its first `from` as `to`. */
static void replace(struct buf *out, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	assert_non_null(at);
	buf_slice(out, slice_between(text, at));
	buf_puts(out, to);
	buf_puts(out, at + strlen(from));
}

#define TEN(c)     c c c c c c c c c c
#define HUNDRED(c) TEN(c) TEN(c) TEN(c) TEN(c) TEN(c) TEN(c) TEN(c) TEN(c) TEN(c) TEN(c)

static const struct {
	enum kind kind;
	const char *from, *to, *error; /* NULL: it is taken all the same */
} changes[] = {
	{IS_REPORT, "\"number\":7", "\"number\":7,\"later\":[1]", NULL},
	{IS_REPORT, "\"number\":7", "\"number\":0", "number is out of range"},
	{IS_REPORT, "\"number\":7", "\"number\":7.0", "number is not an integer"},
	{IS_REPORT, "\"number\":7", "\"number\":\"7\"", "number is not an integer"},
	{IS_REPORT, "\"number\":7", "\"number\":9007199254740993", "number is out of range"},
	{IS_REPORT, "\"number\":7", "\"number\":99999999999999999999", "not JSON"},
	{IS_REPORT, "\"number\":7,", "", "number is not an integer"},
	{IS_REPORT, "\"number\":7", "\"number\":7,\"number\":8", "not JSON"},
	{IS_REPORT, "\"seen\":0", "\"seen\":-1", "seen is out of range"},
	{IS_REPORT, "\"seen\":0", "\"seen\":true", "seen is not an integer"},
	{IS_REPORT, ATTEMPT, "", NULL},
	{IS_REPORT, "[" ATTEMPT "]", "{}", "attempts is not a list"},
	{IS_REPORT, ATTEMPT, "7", "attempts[0] is not a list of four"},
	{IS_REPORT, ATTEMPT, ATTEMPT ",[]", "attempts[1] is not a list of four"},
	{IS_REPORT, "29455384", "-1", "attempts[0].minute is out of range"},
	{IS_REPORT, "29455384", "4223371680", "attempts[0].minute is out of range"},
	{IS_REPORT, "\"198.51.100.7\"", "\"198.51.100.07\"", "attempts[0].source is not a prefix"},
	{IS_REPORT, "\"198.51.100.7\"", "\"198.51.100.7/32\"", "attempts[0].source is not a"},
	{IS_REPORT, "\"198.51.100.7\"", "\"example.org\"", "attempts[0].source is not a prefix"},
	{IS_REPORT, "\"198.51.100.7\"", "\"::ffff:198.51.100.7\"", "attempts[0].source is not"},
	{IS_REPORT, "\"198.51.100.7\"", "null", "attempts[0].source is not a text"},
	{IS_REPORT, "\"ssh\"", "\"SSH\"", "attempts[0].service is no service"},
	{IS_REPORT, "\"ssh\"", "\"\"", "attempts[0].service is no service"},
	{IS_REPORT, "\"ssh\"", "\"none\"", "attempts[0].service is none"},
	{IS_REPORT, "12]", "-2]", "attempts[0].n is out of range"},
	{IS_REPORT, "12]", "0]", "attempts[0].n is out of range"},
	{IS_REPORT, "/24", "/23", NULL},
	{IS_REPORT, ".0/24", ".9/24", "blocks[0].target is not a prefix in its canonical form"},
	{IS_REPORT, "/24", "/33", "blocks[0].target is not a prefix"},
	{IS_REPORT, "\"trigger\":\"198.51.100.7\"", "\"trigger\":\"2001:DB8::1\"",
		"blocks[0].trigger is not an address"},
	{IS_REPORT, "\"trigger\":\"198.51.100.7\"", "\"trigger\":\"\"", "blocks[0].trigger is not"},
	{IS_REPORT, "\"in\"", "\"both\"", "blocks[0].direction is none of those"},
	{IS_REPORT, "\"port\":22", "\"port\":65536", "blocks[0].port is out of range"},
	{IS_REPORT, "\"applied\"", "\"canceled\"", NULL},
	{IS_REPORT, "\"applied\"", "\"gone\"", "blocks[0].state is none of those"},
	{IS_REPORT, "\"applied_once\":true", "\"applied_once\":1", "blocks[0].applied_once is nei"},
	{IS_REPORT, "\"user\"", "\"root\"", "blocks[0].source is none of those"},
	{IS_REPORT, "\"rule\":\"r\"", "\"rule\":\"a\\u0007b\"", "blocks[0].rule has a control"},
	{IS_REPORT, "\"rule\":\"r\"", "\"rule\":\"a\\u0085b\"", "blocks[0].rule has a control"},
	{IS_REPORT, "\"rule\":\"r\"", "\"rule\":\"a\\u0000b\"", "not JSON"},
	{IS_REPORT, "\"rule\":\"r\"", "\"rule\":\"a\xff\"", "not JSON"},
	{IS_REPORT, "\"rule\":\"r\"", "\"rule\":\"" HUNDRED("x") TEN("x") TEN("x") "1234567\"",
		NULL},
	{IS_REPORT, "\"rule\":\"r\"", "\"rule\":\"" HUNDRED("x") TEN("x") TEN("x") "12345678\"",
		"blocks[0].rule is too long"},
	{IS_REPORT, "\"error\":\"\"", "\"error\":\"" TEN("e") TEN("e") TEN("e") "12\"",
		"blocks[0].error is too long"},
	{IS_REPORT, "\"created\":1", "\"created\":253402300800000", "blocks[0].created is out of"},
	{IS_REPORT, "\"expires\":null", "\"expires\":253402300799999", NULL},
	{IS_REPORT, "\"expires\":null", "\"expires\":\"never\"", "blocks[0].expires is not an int"},
	{IS_REPORT, "\"expires\":null", "\"expires\":9223372036854775807",
		"blocks[0].expires is o"},
	{IS_REPORT, "\"lives\":1", "\"lives\":4294967296", "blocks[0].lives is out of range"},
	{IS_REPORT, BLOCK, "null", "blocks[0].target is not a text"},
	{IS_WISHES, "\"version\":9", "\"version\":-9", "version is out of range"},
	{IS_WISHES, "\"snapshot\":false", "\"snapshot\":null", "snapshot is neither"},
	{IS_WISHES, "\"more\":false", "\"less\":false", "more is neither"},
	{IS_WISHES, "\"lift\":false", "\"lift\":0", "blocks[0].lift is neither"},
	{IS_WISHES, "\"none\"", "\"any\"", "blocks[0].service is no service"},
	{IS_WISHES, ",\"rules\":[" RULE "]", "", "rules is not a list"},
	{IS_WISHES, ",\"allow\":[\"192.0.2.0/24\"]", "", "allow is not a list"},
	{IS_WISHES, "\"span\":1000", "\"span\":0", "rules[0].span is out of range"},
	{IS_WISHES, "\"span\":1000", "\"span\":86400001", "rules[0].span is out of range"},
	{IS_WISHES, "\"fail_count\":5", "\"fail_count\":0", "rules[0].fail_count is out of range"},
	{IS_WISHES, "\"fail_count\":5", "\"fail_count\":1001", "rules[0].fail_count is out of"},
	{IS_WISHES, "\"forbidden\":1000", "\"forbidden\":999", "rules[0].forbidden is out of"},
	{IS_WISHES, "[\"ssh\"]", "[]", NULL},
	{IS_WISHES, "[\"ssh\"]", "[\"none\"]", "rules[0].services has none"},
	{IS_WISHES, "[\"ssh\"]", "[1]", "rules[0].services is not a text"},
	{IS_WISHES, "[\"ssh\"]", "[\"ssh\",\"ssh\",\"ssh\",\"ssh\",\"ssh\",\"ssh\"]",
		"rules[0].services is too long"},
	{IS_WISHES, "192.0.2.0/24", "192.0.2.0/8", "allow[0] is not a prefix"},
	{IS_INFO, "192.0.2.1", "192.0.2", "internet_ip is not an address"},
	{IS_INFO, "\"intranet_ip\":\"\"", "\"intranet_ip\":\"h\"", "intranet_ip is not an address"},
	{IS_INFO, "\"enforces\":true", "\"enforces\":\"true\"", "enforces is neither"},
	{IS_INFO, "\"version\":\"1\"", "\"version\":\"" TEN("1") TEN("1") TEN("1") "12\"",
		"version is too long"},
	{IS_INFO, "\"source\":\"s\"", "\"source\":null", "health[0].source is not a text"},
	{IS_INFO, "\"problem\":null", "\"problem\":7", "health[0].problem is not a text"},
	{IS_INFO, "\"problem\":null", "\"problem\":\"\\u001b\"", "health[0].problem has a control"},
	{IS_INFO, "[{\"source\":\"s\",\"problem\":null,\"note\":\"\"}]", "\"fine\"",
		"health is not a list"},
	{IS_ENROL, "\"token\":\"t\"", "\"token\":\"\"", "token is none"},
	{IS_ENROL, "\"token\":\"t\"", "\"token\":\"a b\"", "token is none"},
	{IS_ENROL, "\"token\":\"t\"", "\"token\":\"" HUNDRED("t") "\"", "token is too long"},
	{IS_ENROL, "-----\\n", "\\u0001", "request is not PEM"},
	{IS_ENROL, "-----\\n", "", "request is missing"},
	{IS_ENROL, "\"info\":", "\"about\":", "info is not an object"},
	{IS_ANSWER, "0123-", "0123_", "uuid is none"},
	{IS_ANSWER, "abcdef\"", "ABCDEF\"", "uuid is none"},
	{IS_ANSWER, "\"name\":\"n\"", "\"name\":\"\\n\"", "name has a control character"},
};

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(good); i++)
		assert_int_equal(read_as((enum kind)i, slice_of(good[i]), NULL), 0);
	for (size_t i = 0; i < countof(changes); i++) {
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		struct err err = {""};
		replace(&text, good[changes[i].kind], changes[i].from, changes[i].to);
		int r = read_as(changes[i].kind, buf_as_slice(&text), &err);
		const char *wanted = changes[i].error ? changes[i].error : "";
		if (r != (changes[i].error ? -EBADMSG : 0) ||
			strncmp(err.text, wanted, strlen(wanted)) != 0)
			fail_msg("%s -> %s: %d, %s", changes[i].from, changes[i].to, r, err.text);
	}
}

/* Cut anywhere, no text is taken. */
static void half_a_text_is_refused(void **state)
{
	(void)state;
	for (size_t k = 0; k < countof(good); k++)
		for (size_t n = 0; n < strlen(good[k]); n++)
			assert_int_equal(
				read_as((enum kind)k, (struct slice){good[k], n}, NULL), -EBADMSG);
}

static void repeat(struct buf *out, const char *row, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i ? "," : "", row);
}

static void lists_have_an_end(void **state)
{
	static const struct {
		enum kind kind;
		const char *row;
		size_t most;
	} cases[] = {
		{IS_REPORT, ATTEMPT, REPORT_ATTEMPTS_MAX},
		{IS_REPORT, BLOCK, REPORT_BLOCKS_MAX},
		{IS_WISHES, WISH, WISHES_BLOCKS_MAX},
		{IS_WISHES, RULE, WISHES_RULES_MAX},
		{IS_WISHES, "\"192.0.2.0/24\"", WISHES_ALLOW_MAX},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t more = 0; more < 2; more++) {
			_cleanup_(buf_done) struct buf rows = BUF_NULL, text = BUF_NULL;
			struct err err = {""};
			repeat(&rows, cases[i].row, cases[i].most + more);
			replace(&text, good[cases[i].kind], cases[i].row, rows.p);
			int r = read_as(cases[i].kind, buf_as_slice(&text), &err);
			assert_int_equal(r, more ? -EBADMSG : 0);
			assert_int_equal(strstr(err.text, " is too long") != NULL, more);
		}
}

static void a_long_health_is_refused(void **state)
{
	_cleanup_(buf_done) struct buf rows = BUF_NULL, text = BUF_NULL;
	struct err err = {""};
	(void)state;
	repeat(&rows, "{\"source\":\"s\",\"problem\":null,\"note\":\"\"}", 200);
	replace(&text, INFO, "{\"source\":\"s\",\"problem\":null,\"note\":\"\"}", rows.p);
	assert_int_equal(read_as(IS_INFO, buf_as_slice(&text), &err), -EBADMSG);
	assert_string_equal(err.text, "health is too long");
}

static void deep_texts_are_refused(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_addc(&text, '[');
	for (size_t k = 0; k < countof(good); k++)
		assert_int_equal(read_as((enum kind)k, buf_as_slice(&text), NULL), -EBADMSG);
}

/* --- plain text ------------------------------------------------------------------------ */

static void plain_text_is_made_so(void **state)
{
	static const struct {
		const char *text, *plain;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"é€𝄞", "é€𝄞"},
		{"a\x1b[2Jb\n", "a?[2Jb?"},
		{"\x7f", "?"},
		{"\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0"},
		{"\xc0\xaf", "??"},           /* overlong */
		{"\xe0\x9f\xbf", "???"},      /* overlong */
		{"\xed\xa0\x80", "???"},      /* a surrogate */
		{"\xf4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
		{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		{"a\xe2\x82", "a??"}, /* cut */
		{"\xe2\x28\xa1", "?(?"},
		{"\xff\xfe", "??"},
	};
	char text[16];
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_string_equal(plain_copy(text, sizeof(text), cases[i].text), cases[i].plain);
		assert_true(plain_is(text, strlen(text)));
		bool was = strcmp(cases[i].text, cases[i].plain) == 0;
		assert_int_equal(plain_is(cases[i].text, strlen(cases[i].text)), was);
	}
	assert_string_equal(plain_copy(text, 6, "abc€d"), "abc"); /* no half of a character */
	assert_string_equal(plain_copy(text, 7, "abc€d"), "abc€");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_comes_back),
		cmocka_unit_test(an_empty_report_comes_back),
		cmocka_unit_test(wishes_come_back),
		cmocka_unit_test(no_policy_is_not_an_empty_one),
		cmocka_unit_test(info_comes_back),
		cmocka_unit_test(an_enrolment_comes_back),
		cmocka_unit_test(numbers_and_errors_come_back),
		cmocka_unit_test(odd_values_are_brought_into_range),
		cmocka_unit_test(odd_health_is_brought_into_shape),
		cmocka_unit_test(the_longest_health_fits),
		cmocka_unit_test(the_largest_fit),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(half_a_text_is_refused),
		cmocka_unit_test(lists_have_an_end),
		cmocka_unit_test(a_long_health_is_refused),
		cmocka_unit_test(deep_texts_are_refused),
		cmocka_unit_test(plain_text_is_made_so),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
