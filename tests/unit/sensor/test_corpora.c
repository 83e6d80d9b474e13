/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines that nobody here wrote, against what their authors say of them: the rows of
 * $CORDON_CORPORA/logs/<source>/EXPECT.jsonl about the services. A file is read whole and in
 * order by one reader, so earlier lines count. Without the corpora all is skipped.
 */
#include "base/util.h"
#include "cases.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Rows of a mode other than the default, and those that are wrong about whom to blame. */
static const struct {
	const char *file;
	int first, last;
} exempt[] = {
	{"fail2ban/ssh/sshd", 5, 5},     /* no address */
	{"fail2ban/ssh/sshd", 147, 147}, /* the injected address */
	{"fail2ban/ssh/sshd", 252, 252}, /* an accepted password */
	{"fail2ban/ssh/sshd", 262, 262},
	{"fail2ban/ssh/sshd", 269, 269}, /* a second match for one attempt */
	{"fail2ban/ssh/sshd-journal", 9, 9},
	{"fail2ban/ssh/sshd-journal", 64, 68}, /* another program's prefix */
	{"fail2ban/ssh/sshd-journal", 145, 145}, {"fail2ban/ssh/sshd-journal", 244, 244},
	{"fail2ban/ssh/sshd-journal", 254, 254}, {"fail2ban/ssh/sshd-journal", 261, 261},
	{"crowdsec/ssh/ssh-timeout/ssh-timeout.log", 1, 8},    /* time-outs are no failed logins */
	{"sshguard/other/tests-banner-formats.txt", 3, 3},     /* no program */
	{"sshguard/other/tests-banner-formats.txt", 45, 45},   /* two headers */
	{"crowdsec/vsftpd/vsftpd-logs/vsftpd-logs.log", 5, 5}, /* an FTP 530 that is no login */
};

struct row {
	json_t *json;
	char name[128];
};

static struct row rows[CASES_MAX];
static size_t row_count;
static char corpora[PATH_MAX];

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static bool is_scored(const json_t *row)
{
	const char *service = text_of(row, "service"), *file = text_of(row, "file");
	int line = (int)json_integer_value(json_object_get(row, "line_no"));
	if (!service || !file || strstr(file, "ipban") ||
		service_parse(slice_of(service)) == SERVICE_NONE)
		return false;
	json_t *mode = json_object_get(row, "default_mode");
	if (json_object_get(row, "filter_options") && !json_is_true(mode))
		return false;
	for (size_t i = 0; i < countof(exempt); i++) {
		size_t skip = strlen("logs/");
		if (strcmp(file + skip, exempt[i].file) == 0 && line >= exempt[i].first &&
			line <= exempt[i].last)
			return false;
	}
	return true;
}

static void load(const char *source)
{
	char path[PATH_MAX + 64];
	(void)snprintf(path, sizeof(path), "%s/logs/%s/EXPECT.jsonl", corpora, source);
	struct slice text = cases_read(path), line;
	while (cases_line(&text, &line) && row_count < CASES_MAX) {
		json_t *row = json_loadb(line.p, line.n, 0, NULL);
		if (!row || !is_scored(row)) {
			json_decref(row);
			continue;
		}
		struct row *r = &rows[row_count++];
		r->json = row;
		(void)snprintf(r->name, sizeof(r->name), "%s:%d", text_of(row, "file"),
			(int)json_integer_value(json_object_get(row, "line_no")));
	}
}

/* fail2ban's tests run at this instant in this zone. */
#define CORPORA_NOW  ((int64_t)1124013600000) /* 2005-08-14T10:00:00Z */
#define CORPORA_ZONE "Europe/Zurich"

static void compare(const json_t *row, bool event, const struct event *e, int64_t time)
{
	char address[ADDR_TEXT_MAX] = "", user[128] = "";
	bool match = event && e->outcome == OUTCOME_FAILURE;
	const char *src = text_of(row, "src_ip"), *name = text_of(row, "user");
	const char *stamp = text_of(row, "time");
	assert_int_equal(match, json_is_true(json_object_get(row, "match")));
	if (stamp && time != EVENT_NO_TIME) { /* local time there */
		struct stamps s;
		int64_t expected = 0;
		stamps_init(&s, CORPORA_ZONE, CORPORA_NOW);
		assert_true(stamp_read(&s, slice_of(stamp), INT64_MAX / 2, &expected) > 0);
		assert_int_equal(time / 1000, expected / 1000);
	}
	if (!match)
		return;
	if (e->has_src)
		addr_format(&e->src, address);
	if (src)
		assert_string_equal(address, src);
	if (text_of(row, "host")) /* a name: never an address */
		assert_false(e->has_src);
	if (name) {
		(void)snprintf(user, sizeof(user), "%.*s", SLICE_ARG(e->user));
		assert_string_equal(user, name);
	}
}

static void row_means(void **state)
{
	const json_t *row = ((const struct row *)*state)->json;
	char path[PATH_MAX + 256];
	(void)snprintf(path, sizeof(path), "%s/%s", corpora, text_of(row, "file"));
	struct slice text = cases_read(path), line = SLICE_NULL;
	struct reader r;
	struct event e;
	bool event = false;
	cases_reader(&r, CORPORA_NOW, CORPORA_ZONE);
	for (int64_t n = json_integer_value(json_object_get(row, "line_no")); n > 0; n--) {
		assert_true(cases_line(&text, &line));
		event = reader_line(&r, line, &e);
	}
	compare(row, event, &e, r.latest.time);
	cases_done(&r);
}

/* A real host's log under attack: no labels, but bounds that any sane reading keeps. */
static void real_log(void **state)
{
	(void)state;
	char path[PATH_MAX + 64];
	(void)snprintf(path, sizeof(path), "%s/logs/elastic-examples/ssh/auth.log.part1", corpora);
	struct slice text = cases_read(path), line;
	struct reader r;
	struct event e;
	unsigned successes = 0;
	cases_reader(&r, CASES_NOW, "UTC");
	while (cases_line(&text, &line))
		successes += reader_line(&r, line, &e) && e.outcome == OUTCOME_SUCCESS;
	if (r.stats.lines == 0)
		skip();
	assert_int_equal(r.stats.lines, 4062);
	assert_int_equal(r.stats.unparsed, 0);
	assert_true(r.stats.messages > 2000);
	assert_int_equal(r.stats.unknown, 0);
	assert_int_equal(successes, 208);
	assert_true(r.stats.failures > 350);
	cases_done(&r);
}

static void no_corpora(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	static const char *const sources[] = {"fail2ban", "crowdsec", "sshguard", "lnav", "wazuh"};
	static const char *names[CASES_MAX];
	static void *states[CASES_MAX];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const char *where = getenv("CORDON_CORPORA");
	(void)snprintf(corpora, sizeof(corpora), "%s",
		where && *where ? where : CORDON_ROOT "/../shared/corpora");
	for (size_t i = 0; i < countof(sources); i++)
		load(sources[i]);
	for (size_t i = 0; i < row_count; i++) {
		names[i] = rows[i].name;
		states[i] = &rows[i];
	}
	if (row_count == 0) {
		const struct CMUnitTest none[] = {cmocka_unit_test(no_corpora)};
		return cmocka_run_group_tests_name("corpora", none, NULL, NULL);
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(real_log)};
	int failed = cases_run("corpora", names, states, row_count, row_means);
	failed += cmocka_run_group_tests_name("logs", tests, NULL, NULL);
	for (size_t i = 0; i < row_count; i++)
		json_decref(rows[i].json);
	return failed != 0;
}
