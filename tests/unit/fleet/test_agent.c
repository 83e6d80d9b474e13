/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The link against a server that does as it is told, with a double in core's place.
 */
#include "ear.h"

#include "base/clock.h"
#include "fleet/agent.h"
#include "fleet/libcurl.h"
#include "fleet/protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HELLO   "PUT /fleet/v1/info"
#define WISHES  "GET /fleet/v1/wishes"
#define REPORTS "POST /fleet/v1/reports"
#define GOODBYE "DELETE /fleet/v1/session"

/* --- core's double ----------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	int64_t version, number;
	unsigned waiting, sent; /* reports */
	int64_t renumbered;
	unsigned follows, dismissals, servers;
	struct addr server;
	int follow_fails, dismissed_fails; /* so often */
	char name[32];
} core = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
	(void)pthread_mutex_lock(&core.lock);
}

static int unlock(int r)
{
	(void)pthread_mutex_unlock(&core.lock);
	return r;
}

int core_agent_state(struct core *c, int64_t *ret_version, int64_t *ret_next)
{
	(void)c;
	lock();
	*ret_version = core.version;
	*ret_next = core.number;
	return unlock(0);
}

int core_report_next(struct core *c, struct report *ret)
{
	(void)c;
	lock();
	if (core.waiting == 0)
		return unlock(CORE_NOT_FOUND);
	*ret = (struct report){.number = core.number,
		.seen = core.version,
		.attempts = calloc(1, sizeof(*ret->attempts)),
		.attempt_count = 1};
	ret->attempts[0].source = (struct prefix){.addr = addr_from_v4(0xcb007109), .len = 128};
	ret->attempts[0].service = SERVICE_SSH;
	ret->attempts[0].minute = 60000;
	ret->attempts[0].n = 3;
	return unlock(0);
}

int core_report_sent(struct core *c, int64_t number)
{
	(void)c;
	lock();
	if (number == core.number) {
		core.number++;
		core.sent++;
		core.waiting--;
	}
	return unlock(0);
}

int core_report_renumber(struct core *c, int64_t number, int64_t as)
{
	(void)c;
	(void)number;
	lock();
	core.number = core.renumbered = as;
	return unlock(0);
}

int core_wishes_follow(struct core *c, const struct wishes *wishes)
{
	(void)c;
	lock();
	if (core.follow_fails > 0) {
		core.follow_fails--;
		return unlock(-EIO);
	}
	core.version = wishes->version;
	core.follows++;
	return unlock(0);
}

int core_agent_dismissed(struct core *c)
{
	(void)c;
	lock();
	core.dismissals++;
	return unlock(core.dismissed_fails-- > 0 ? -EIO : 0);
}

int core_agent_describe(struct core *c, struct agent_info *ret)
{
	(void)c;
	*ret = (struct agent_info){.version = "1.2", .health = "[]", .enforces = true};
	lock();
	(void)snprintf(ret->name, sizeof(ret->name), "%s", core.name);
	return unlock(0);
}

int core_server_set(struct core *c, const struct addr *list, unsigned n)
{
	(void)c;
	lock();
	core.server = list[0];
	core.servers = n;
	return unlock(0);
}

/* --- the world --------------------------------------------------------------------- */

struct world {
	struct ear ear;
	struct enrolment enrolment;
	char fingerprint[FINGERPRINT_MAX];
	struct fleet_agent *agent;
	atomic_bool released;               /* held questions are answered, also later ones */
	_Atomic int64_t version;            /* what the server wishes up to */
	atomic_uint hello, wishes, reports; /* statuses */
	const char *reports_body;
	atomic_uint dismissed;
};

static void pause_a_little(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

#define until(condition)                                                                           \
	do {                                                                                       \
		int64_t end_ = clock_mono() + 20000;                                               \
		while (!(condition)) {                                                             \
			if (clock_mono() > end_)                                                   \
				fail_msg("never: %s", #condition);                                 \
			pause_a_little();                                                          \
		}                                                                                  \
	} while (0)

/* Held until there is something new, as by the real one. */
static struct ear_answer wish(struct world *w, const struct ear_asked *asked)
{
	static _Thread_local char text[256];
	long long after = strtoll(strchr(asked->path, '=') + 1, NULL, 10);
	int64_t end = clock_mono() + FLEET_HOLD;
	while (w->version <= after && w->wishes == 200 && !w->released && clock_mono() < end)
		pause_a_little();
	if (w->wishes != 200)
		return (struct ear_answer){w->wishes, "{\"error\":\"no\"}"};
	if (w->version <= after)
		return (struct ear_answer){204, NULL};
	struct wishes wishes = {.version = w->version};
	struct buf out = BUF_NULL;
	protocol_put_wishes(&out, &wishes);
	(void)snprintf(text, sizeof(text), "%s", out.p);
	buf_done(&out);
	return (struct ear_answer){200, text};
}

static struct ear_answer answer(void *ctx, const struct ear_asked *asked)
{
	struct world *w = ctx;
	if (strcmp(asked->method, "PUT") == 0)
		return (struct ear_answer){w->hello, NULL};
	if (strcmp(asked->method, "GET") == 0)
		return wish(w, asked);
	if (strcmp(asked->method, "POST") == 0)
		return (struct ear_answer){w->reports, w->reports_body};
	return (struct ear_answer){204, NULL};
}

static void enrol(struct world *w)
{
	char *request = NULL;
	struct err err;
	assert_int_equal(credential_request(&w->enrolment.credential, &request, &err), 0);
	assert_int_equal(credential_sign(&w->ear.credential, request,
				 &w->enrolment.credential.certificate, w->fingerprint, &err),
		0);
	free(request);
	(void)snprintf(w->enrolment.url, sizeof(w->enrolment.url), "%s", w->ear.url);
	(void)snprintf(w->enrolment.pin, sizeof(w->enrolment.pin), "%s", w->ear.pin);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	core.version = core.sent = core.waiting = core.follows = core.dismissals = 0;
	core.renumbered = core.follow_fails = core.dismissed_fails = 0;
	core.number = 1;
	(void)snprintf(core.name, sizeof(core.name), "web");
	ear_setup(&w->ear);
	w->ear.answer = answer;
	w->ear.ctx = w;
	w->hello = 204;
	w->wishes = w->reports = 200;
	w->reports_body = "{\"applied\":1}";
	ear_open(&w->ear);
	enrol(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	w->released = true;
	w->agent = fleet_agent_free(w->agent);
	ear_teardown(&w->ear);
	enrolment_done(&w->enrolment);
	free(w);
	return 0;
}

static void on_dismissed(void *ctx)
{
	struct world *w = ctx;
	w->dismissed++;
}

static void start(struct world *w)
{
	const struct fleet_agent_ops ops = {.dismissed = on_dismissed, .ctx = w};
	struct err err = {""};
	assert_int_equal(fleet_agent_new(NULL, &w->enrolment, &ops, &w->agent, &err), 0);
}

static struct fleet_link_status status(struct world *w)
{
	struct fleet_link_status s;
	fleet_agent_status(w->agent, &s);
	return s;
}

static unsigned locked(const unsigned *n)
{
	lock();
	unsigned value = *n;
	(void)unlock(0);
	return value;
}

static void report(struct world *w, unsigned n)
{
	lock();
	core.waiting += n;
	(void)unlock(0);
	fleet_agent_reportable(w->agent);
}

/* --- the tests --------------------------------------------------------------------- */

static void test_says_who_it_is_and_asks(void **state)
{
	struct world *w = *state;
	core.version = 7;
	w->version = 7;
	start(w);
	until(status(w).connected && ear_count(&w->ear, WISHES "?after=7") == 1);
	assert_non_null(strstr(ear_latest(&w->ear, HELLO), "\"web\""));
	assert_true(ear_only(&w->ear, w->fingerprint));
	assert_true(status(w).heard > 0);
	assert_string_equal(status(w).error, "");
	assert_int_equal(ear_count(&w->ear, HELLO), 1);
	struct addr loopback = addr_from_v4(0x7f000001);
	assert_int_equal(core.servers, 1);
	assert_true(addr_eq(&core.server, &loopback));
}

static void test_follows_and_asks_for_what_is_next(void **state)
{
	struct world *w = *state;
	start(w);
	until(ear_count(&w->ear, WISHES "?after=0") == 1);
	w->version = 5;
	until(ear_count(&w->ear, WISHES "?after=5") == 1);
	w->version = 9;
	until(ear_count(&w->ear, WISHES "?after=9") == 1);
	assert_int_equal(locked(&core.follows), 2);
}

/* The answer is asked for again, from where it was. */
static void test_what_cannot_be_followed_is_asked_again(void **state)
{
	struct world *w = *state;
	core.follow_fails = 1;
	w->version = 5;
	start(w);
	until(locked(&core.follows) == 1);
	assert_int_equal(ear_count(&w->ear, WISHES "?after=0"), 2);
	assert_true(status(w).connected);
}

static void test_reports_until_there_are_none(void **state)
{
	struct world *w = *state;
	core.waiting = 2; /* from an earlier life */
	start(w);
	until(locked(&core.sent) == 2);
	report(w, 1);
	until(locked(&core.sent) == 3);
	assert_int_equal(ear_count(&w->ear, REPORTS), 3);
	assert_non_null(strstr(ear_latest(&w->ear, REPORTS), "\"number\":3"));
	assert_non_null(strstr(ear_latest(&w->ear, REPORTS), "203.0.113.9"));
}

static void test_a_refused_report_comes_again(void **state)
{
	struct world *w = *state;
	w->reports = 503;
	start(w);
	report(w, 1);
	until(ear_count(&w->ear, REPORTS) >= 2);
	assert_int_equal(locked(&core.sent), 0);
	assert_non_null(strstr(ear_latest(&w->ear, REPORTS), "\"number\":1,"));
	assert_true(status(w).connected); /* only reports are refused */
	w->reports = 200;
	until(locked(&core.sent) == 1);
}

static void test_is_renumbered(void **state)
{
	struct world *w = *state;
	w->reports_body = "{\"next\":4}";
	w->reports = 409;
	start(w);
	report(w, 1);
	until(ear_count(&w->ear, REPORTS) >= 2);
	w->reports = 200;
	until(locked(&core.sent) == 1);
	assert_int_equal(core.renumbered, 4);
	assert_non_null(strstr(ear_latest(&w->ear, REPORTS), "\"number\":4,"));
}

/* Nothing is asked while the wait for one answer goes on, and everything begins again after it. */
static void test_comes_back(void **state)
{
	struct world *w = *state;
	start(w);
	until(ear_count(&w->ear, WISHES) == 1);
	w->released = true;
	ear_close(&w->ear);
	until(!status(w).connected);
	assert_true(strlen(status(w).error) > 0);
	report(w, 1);
	unsigned hellos = ear_count(&w->ear, HELLO);
	w->released = false;
	ear_open(&w->ear);
	until(status(w).connected && locked(&core.sent) == 1);
	assert_int_equal(ear_count(&w->ear, HELLO), hellos + 1);
	unsigned wishes = ear_count(&w->ear, WISHES);
	w->version = 3;
	until(locked(&core.follows) == 1 && ear_count(&w->ear, WISHES) > wishes);
}

static void test_waits_for_a_server(void **state)
{
	struct world *w = *state;
	ear_close(&w->ear);
	start(w);
	until(status(w).error[0]);
	assert_false(status(w).connected);
	assert_int_equal(status(w).heard, 0);
	ear_open(&w->ear);
	until(status(w).connected);
	assert_string_equal(status(w).error, "");
}

static void test_another_server_hears_nothing(void **state)
{
	struct world *w = *state;
	w->enrolment.pin[0] = w->enrolment.pin[0] == 'A' ? 'B' : 'A';
	core.waiting = 1;
	start(w);
	until(strstr(status(w).error, "another server"));
	assert_int_equal(ear_count(&w->ear, ""), 0);
}

/* A server that does not know us: slowly again, and it says what to do. */
static void test_unknown_is_said(void **state)
{
	struct world *w = *state;
	w->hello = 401;
	start(w);
	until(strstr(status(w).error, "cordond enrol"));
	assert_false(status(w).connected);
	assert_int_equal(ear_count(&w->ear, HELLO), 1);
	assert_int_equal(ear_count(&w->ear, WISHES), 0);
}

static void test_unknown_later(void **state)
{
	struct world *w = *state;
	start(w);
	until(ear_count(&w->ear, WISHES) == 1);
	w->wishes = 401;
	until(strstr(status(w).error, "cordond enrol"));
	assert_false(status(w).connected);
	assert_int_equal(w->dismissed, 0);
}

static void test_is_dismissed(void **state)
{
	struct world *w = *state;
	start(w);
	until(ear_count(&w->ear, WISHES) == 1);
	w->wishes = 410;
	until(w->dismissed == 1);
	assert_int_equal(locked(&core.dismissals), 1);
	assert_true(status(w).dismissed);
	assert_false(status(w).connected);
	unsigned asked = ear_count(&w->ear, "");
	w->agent = fleet_agent_free(w->agent);
	assert_int_equal(ear_count(&w->ear, ""), asked); /* no good-bye either */
}

/* What was wished has to be lifted before the enrolment goes. */
static void test_is_dismissed_once_it_is_lifted(void **state)
{
	struct world *w = *state;
	core.dismissed_fails = 1;
	w->hello = 410;
	start(w);
	until(w->dismissed == 1);
	assert_int_equal(locked(&core.dismissals), 2);
	assert_int_equal(ear_count(&w->ear, HELLO), 2);
}

static void test_says_goodbye(void **state)
{
	struct world *w = *state;
	start(w);
	until(ear_count(&w->ear, WISHES) == 1);
	int64_t began = clock_mono();
	w->agent = fleet_agent_free(w->agent);
	assert_true(clock_mono() - began < FLEET_HOLD); /* not for what was held */
	assert_int_equal(ear_count(&w->ear, GOODBYE), 1);
}

static void test_ends_without_a_server(void **state)
{
	struct world *w = *state;
	ear_close(&w->ear);
	start(w);
	until(status(w).error[0]);
	w->agent = fleet_agent_free(w->agent);
	assert_int_equal(ear_count(&w->ear, ""), 0);
}

/* Answers that say nothing new and come at once, as when two machines have one identity. */
static void test_empty_answers_are_not_asked_for_without_end(void **state)
{
	struct world *w = *state;
	w->released = true;
	start(w);
	until(ear_count(&w->ear, WISHES) >= 10);
	unsigned asked = ear_count(&w->ear, WISHES);
	int64_t began = clock_mono();
	until(ear_count(&w->ear, WISHES) > asked + 1);
	assert_true(clock_mono() - began > 500);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	struct err err;
	if (libcurl_load(&err) < 0) {
		(void)printf("1..0 # SKIP %s\n", err.text);
		return 0;
	}
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(says_who_it_is_and_asks),
		TEST(follows_and_asks_for_what_is_next),
		TEST(what_cannot_be_followed_is_asked_again),
		TEST(reports_until_there_are_none),
		TEST(a_refused_report_comes_again),
		TEST(is_renumbered),
		TEST(comes_back),
		TEST(waits_for_a_server),
		TEST(another_server_hears_nothing),
		TEST(unknown_is_said),
		TEST(unknown_later),
		TEST(is_dismissed),
		TEST(is_dismissed_once_it_is_lifted),
		TEST(says_goodbye),
		TEST(ends_without_a_server),
		TEST(empty_answers_are_not_asked_for_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
