/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the detector through stories: each file of tests/cases/detect is one
 * test. Adding a case needs no C. A line is one of
 *
 *   # comment
 *   rule span=5m fail=10 forbidden=6h services=ssh,mysql disabled
 *   protect allowed 192.0.2.0/24        (loopback own gateway resolver allowed session server)
 *   onlink 2001:db8::/64
 *   t=5m fail ssh 192.0.2.1 session=1 evidence=verdict repeat=2 host=1 now=6m
 *   t=- fail ssh - session=1            (a line without stamp, without address)
 *   t=5m success ssh 192.0.2.1 session=1
 *   expect block 192.0.2.1/32 at t=5m attempts=10 first=0 rule=1 trigger=192.0.2.1
 *   expect nothing                      (the event above decided nothing; always checked)
 *   expect attempts 0                   (what the event above added)
 *   expect refused gateway              (why the event above may not block; none)
 *   expect failures 3 duplicates 1 refused 0 successes 0 without-source 0
 *
 * Times are ms, or with s, m, h behind the number; now is t unless said. A
 * decision without its expect line right after the event fails the test.
 */
#include "base/clock.h"
#include "base/util.h"
#include "detect/detect.h"
#include "model/session.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 16
#define FILES_MAX 200

struct story {
	const char *file;
	unsigned line;
	struct window_table *windows;
	struct session_table *sessions;
	struct protect *protect;
	struct detector *detector;
	struct rule rules[8];
	unsigned rule_count;
	int64_t now;
	struct verdict verdict;
	bool unclaimed; /* the decision was not yet expected */
};

#define fail_at(story, ...)                                                                        \
	do {                                                                                       \
		print_error("%s:%u: ", (story)->file, (story)->line);                              \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

static int64_t parse_time(const struct story *s, const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"", 1}, {"s", MS_SECOND}, {"m", MS_MINUTE}, {"h", MS_HOUR}, {"d", MS_DAY}};
	for (size_t i = 0; end != text && i < countof(units); i++)
		if (strcmp(end, units[i].unit) == 0)
			return n * units[i].ms;
	fail_at(s, "not a time: %s", text);
	return 0;
}

static struct prefix parse_prefix(const struct story *s, const char *text)
{
	struct prefix p = {0};
	if (!prefix_parse(slice_of(text), &p))
		fail_at(s, "not a prefix: %s", text);
	return p;
}

/* The value behind "name=", NULL if no word begins so. */
static const char *value_of(char *const *words, unsigned n, const char *name)
{
	size_t len = strlen(name);
	for (unsigned i = 0; i < n; i++)
		if (strncmp(words[i], name, len) == 0 && words[i][len] == '=')
			return words[i] + len + 1;
	return NULL;
}

static unsigned long number_of(
	char *const *words, unsigned n, const char *name, unsigned long other)
{
	const char *text = value_of(words, n, name);
	return text ? strtoul(text, NULL, 10) : other;
}

static unsigned index_of(
	const struct story *s, const char *const *names, size_t n, const char *text)
{
	for (unsigned i = 0; i < n; i++)
		if (names[i] && strcmp(names[i], text) == 0)
			return i;
	fail_at(s, "unknown word: %s", text);
	return 0;
}

static enum protect_reason parse_reason(const struct story *s, const char *text)
{
	static const char *const names[] = {"none", "loopback", "own", "gateway", "resolver",
		"allowed", "session", "server", "unusable"};
	return (enum protect_reason)index_of(s, names, countof(names), text);
}

static void add_rule(struct story *s, char **words, unsigned n)
{
	if (s->rule_count == countof(s->rules))
		fail_at(s, "too many rules");
	struct rule *r = &s->rules[s->rule_count++];
	const char *services = value_of(words, n, "services");
	const char *span = value_of(words, n, "span"), *time = value_of(words, n, "forbidden");
	*r = (struct rule){.id = s->rule_count,
		.span = span ? parse_time(s, span) : 5 * MS_MINUTE,
		.fail_count = (uint32_t)number_of(words, n, "fail", 10),
		.forbidden = time ? parse_time(s, time) : 6 * MS_HOUR,
		.services = services ? 0 : SERVICE_ALL,
		.enabled = strcmp(words[n - 1], "disabled") != 0};
	for (const char *p = services; p && *p; p += *p == ',') {
		size_t len = strcspn(p, ",");
		r->services |= SERVICE_BIT(service_parse((struct slice){p, len}));
		p += len;
	}
	assert_int_equal(detector_set_rules(s->detector, s->rules, s->rule_count), 0);
}

static void add_protection(struct story *s, char **words, unsigned n)
{
	struct prefix list[WORDS_MAX];
	bool onlink = strcmp(words[0], "onlink") == 0;
	unsigned from = onlink ? 1 : 2, count = 0;
	for (unsigned i = from; i < n; i++)
		list[count++] = parse_prefix(s, words[i]);
	if (onlink)
		assert_int_equal(protect_set_onlink(s->protect, list, count), 0);
	else
		assert_int_equal(
			protect_set(s->protect, parse_reason(s, words[1]), list, count), 0);
}

static struct session *session_of(struct story *s, const char *number, int64_t time)
{
	if (!number)
		return NULL;
	uint32_t pid = (uint32_t)strtoul(number, NULL, 10);
	return session_get(s->sessions, session_key(SLICE("host"), SLICE("sshd"), pid), time);
}

static void run_event(struct story *s, char **words, unsigned n)
{
	static const char *const kinds[EVIDENCE_COUNT] = {
		"announced", "pam", "verdict", "refused", "summary"};
	if (n < 4)
		fail_at(s, "an event needs a time, an outcome, a service and an address");
	const char *stamp = words[0] + 2, *now = value_of(words, n, "now");
	const char *evidence = value_of(words, n, "evidence");
	struct event e = {.time = EVENT_NO_TIME,
		.outcome = strcmp(words[1], "success") == 0 ? OUTCOME_SUCCESS : OUTCOME_FAILURE,
		.service = service_parse(slice_of(words[2])),
		.repeat = (uint16_t)number_of(words, n, "repeat", 1)};
	if (strcmp(stamp, "-") != 0)
		e.time = s->now = parse_time(s, stamp);
	if (now)
		s->now = parse_time(s, now);
	e.has_src = strcmp(words[3], "-") != 0;
	if (e.has_src)
		e.src = parse_prefix(s, words[3]).addr;
	e.evidence = evidence ? (enum evidence)index_of(s, kinds, countof(kinds), evidence)
			      : EVIDENCE_VERDICT;
	e.session = session_of(s, value_of(words, n, "session"), e.time);
	uint32_t host = (uint32_t)number_of(words, n, "host", 1);
	detector_event(s->detector, host, &e, s->now, &s->verdict);
	s->unclaimed = s->verdict.decided;
}

static void expect_block(struct story *s, char **words, unsigned n)
{
	char text[PREFIX_TEXT_MAX];
	const struct decision *d = &s->verdict.decision;
	const char *at = value_of(words, n, "t"), *first = value_of(words, n, "first");
	const char *trigger = value_of(words, n, "trigger");
	if (!s->unclaimed)
		fail_at(s, "nothing was decided");
	s->unclaimed = false;
	struct prefix target = parse_prefix(s, words[2]);
	if (!prefix_eq(&target, &d->target))
		fail_at(s, "blocks %s", prefix_format(&d->target, text));
	if (at && parse_time(s, at) != d->latest_attempt)
		fail_at(s, "blocks at %lld", (long long)d->latest_attempt);
	if (first && parse_time(s, first) != d->first_attempt)
		fail_at(s, "first attempt at %lld", (long long)d->first_attempt);
	if (d->attempts != number_of(words, n, "attempts", d->attempts))
		fail_at(s, "%u attempts", d->attempts);
	if (d->rule != (int64_t)number_of(words, n, "rule", (unsigned long)d->rule))
		fail_at(s, "rule %lld decided", (long long)d->rule);
	if (d->host != number_of(words, n, "host", d->host))
		fail_at(s, "on host %u", d->host);
	struct addr by = trigger ? parse_prefix(s, trigger).addr : d->trigger;
	if (!addr_eq(&by, &d->trigger))
		fail_at(s, "triggered by %s", addr_format(&d->trigger, text));
}

static void expect_stats(struct story *s, char **words, unsigned n)
{
	struct detect_stats stats;
	detector_get_stats(s->detector, &stats);
	const char *const names[] = {
		"failures", "successes", "duplicates", "without-source", "refused"};
	const uint64_t values[] = {stats.failures, stats.successes, stats.duplicates,
		stats.without_source, stats.refused};
	for (unsigned i = 1; i + 1 < n; i += 2) {
		uint64_t value = values[index_of(s, names, countof(names), words[i])];
		if (value != strtoull(words[i + 1], NULL, 10))
			fail_at(s, "%s: %llu", words[i], (unsigned long long)value);
	}
}

static void expect(struct story *s, char **words, unsigned n)
{
	if (n == 2 && strcmp(words[1], "nothing") == 0) {
		if (s->verdict.decided)
			fail_at(s, "a block was decided");
	} else if (n == 3 && strcmp(words[1], "attempts") == 0) {
		if (s->verdict.attempts != strtoul(words[2], NULL, 10))
			fail_at(s, "%u attempts", s->verdict.attempts);
	} else if (n == 3 && strcmp(words[1], "refused") == 0 &&
		   !isdigit((unsigned char)*words[2])) {
		if (s->verdict.refused != parse_reason(s, words[2]))
			fail_at(s, "refused: %s", protect_reason_text(s->verdict.refused));
	} else if (n >= 3 && strcmp(words[1], "block") == 0) {
		expect_block(s, words, n);
	} else if (n >= 3) {
		expect_stats(s, words, n);
	} else {
		fail_at(s, "expect what?");
	}
}

static void run_line(struct story *s, char *line)
{
	char *words[WORDS_MAX], *rest = NULL;
	unsigned n = 0;
	line[strcspn(line, "#\n")] = '\0';
	for (char *w = strtok_r(line, " \t", &rest); w && n < WORDS_MAX;
		w = strtok_r(NULL, " \t", &rest))
		words[n++] = w;
	if (n == 0)
		return;
	if (strcmp(words[0], "expect") == 0) {
		expect(s, words, n);
		return;
	}
	if (s->unclaimed)
		fail_at(s, "the event before decided a block nobody expects");
	if (strcmp(words[0], "rule") == 0)
		add_rule(s, words, n);
	else if (strcmp(words[0], "protect") == 0 || strcmp(words[0], "onlink") == 0)
		add_protection(s, words, n);
	else if (strncmp(words[0], "t=", 2) == 0)
		run_event(s, words, n);
	else
		fail_at(s, "unknown word: %s", words[0]);
}

static void story_done(struct story *s)
{
	s->detector = detector_free(s->detector);
	s->protect = protect_free(s->protect);
	s->sessions = session_table_free(s->sessions);
	s->windows = window_table_free(s->windows);
}

static void tells_its_story(void **state)
{
	char line[512];
	_cleanup_(story_done) struct story s = {.file = *state};
	_cleanup_(fclosep) FILE *f = fopen(s.file, "re");
	assert_non_null(f);
	s.windows = window_table_new(1000, 1u << 20);
	s.sessions = session_table_new(1000, 10 * MS_MINUTE);
	s.protect = protect_new();
	s.detector = detector_new(s.windows, s.protect);
	while (fgets(line, sizeof(line), f)) {
		s.line++;
		run_line(&s, line);
	}
	if (s.unclaimed)
		fail_at(&s, "the last event decided a block nobody expects");
}

static int is_story(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 4 && strcmp(d->d_name + n - 4, ".txt") == 0;
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const char *root = getenv("CORDON_ROOT");
	static char paths[FILES_MAX][512], names[FILES_MAX][256];
	static struct CMUnitTest tests[FILES_MAX];
	struct dirent **found = NULL;
	char directory[256];
	(void)snprintf(
		directory, sizeof(directory), "%s/tests/cases/detect", root ? root : CORDON_ROOT);
	int n = scandir(directory, &found, is_story, alphasort);
	if (n <= 0 || n > FILES_MAX) {
		(void)fprintf(stderr, "no stories in %s\n", directory);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%s", found[i]->d_name);
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", directory, names[i]);
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = tells_its_story, .initial_state = paths[i]};
		free(found[i]);
	}
	free(found);
	return _cmocka_run_group_tests("stories", tests, (size_t)n, NULL, NULL);
}
