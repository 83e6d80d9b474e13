/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server over real connections with certificates; core is a double of which it is known what it
   is asked. */
#include "../empty_reads.h"
#include "base/clock.h"
#include "client.h"
#include "fake_core.h"
#include "fleet/protocol.h"
#include "fleet/server_private.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#define WISHES  "/fleet/v1/wishes"
#define REPORTS "/fleet/v1/reports"
#define INFO    "/fleet/v1/info"
#define SESSION "/fleet/v1/session"
#define ENROL   "/fleet/v1/enrol"
#define NOTHING ((struct slice){0})

/* What all tests share: keys take time to make. */
static struct credential authority, agents[6], stranger;
static char fingerprints[countof(agents)][FINGERPRINT_MAX];

static int make_credentials(void **state)
{
	(void)state;
	char dir[] = "/tmp/test_server.XXXXXX", path[64], *request = NULL, fingerprint[65];
	struct credential other = {0};
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/fleet.pem", dir);
	assert_int_equal(credential_of_server(dir, &other, NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(credential_of_server(dir, &authority, NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	for (size_t i = 0; i <= countof(agents); i++) {
		struct credential *c = i < countof(agents) ? &agents[i] : &stranger;
		assert_int_equal(credential_request(c, &request, NULL), 0);
		assert_int_equal(credential_sign(i < countof(agents) ? &authority : &other, request,
					 &c->certificate,
					 i < countof(agents) ? fingerprints[i] : fingerprint, NULL),
			0);
		free(request);
	}
	credential_done(&other);
	return 0;
}

static int forget_credentials(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(agents); i++)
		credential_done(&agents[i]);
	credential_done(&stranger);
	credential_done(&authority);
	return 0;
}

struct world {
	struct core core;
	struct fleet_server *server;
	uint16_t port;
};

static int open_listener(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* One worker: whatever would block it would block everything. The first two agents are known. */
static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	fake_core_init(&w->core);
	assert_int_equal(fake_core_add(&w->core, fingerprints[0]), 1);
	assert_int_equal(fake_core_add(&w->core, fingerprints[1]), 2);
	int fd = open_listener(&w->port);
	assert_int_equal(fleet_server_new(&w->core, &authority, fd, 1, &w->server, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	w->server = fleet_server_free(w->server);
	assert_int_equal(w->core.readers, 0);
	fake_core_done(&w->core);
	free(w);
	return 0;
}

static void open_as(struct world *w, struct client *c, const struct credential *credential)
{
	assert_true(client_open(c, w->port, credential, NULL));
}

/* One request on a connection of its own. */
static unsigned ask_once(struct world *w, const struct credential *credential, const char *method,
	const char *path, struct slice body, char *ret, size_t size)
{
	struct client c;
	open_as(w, &c, credential);
	unsigned status = client_ask(&c, method, path, body);
	if (ret)
		(void)snprintf(ret, size, "%s", c.body.p ? c.body.p : "");
	client_close(&c);
	return status;
}

/* --- who may ask what ------------------------------------------------------------------ */

static const struct {
	const char *method, *path, *body;
} questions[] = {
	{"GET", WISHES "?after=0", NULL},
	{"POST", REPORTS, "{\"number\":1,\"id\":1,\"seen\":0,\"attempts\":[],\"blocks\":[]}"},
	{"PUT", INFO, "{}"},
	{"DELETE", SESSION, NULL},
};

static struct slice body_of(size_t i)
{
	return questions[i].body ? slice_of(questions[i].body) : NOTHING;
}

static void only_agents_are_answered(void **state)
{
	struct world *w = *state;
	const struct {
		const struct credential *credential;
		unsigned status;
	} callers[] = {{NULL, 401}, {&stranger, 401}, {&agents[2], 401}, {&agents[1], 410},
		{&agents[0], 503}};
	fake_core_retire(&w->core, 2);
	fake_core_close(&w->core, 1, true);
	for (size_t k = 0; k < countof(callers); k++)
		for (size_t i = 0; i < countof(questions); i++) {
			char answer[256];
			unsigned status = ask_once(w, callers[k].credential, questions[i].method,
				questions[i].path, body_of(i), answer, sizeof(answer));
			assert_int_equal(status, callers[k].status);
			assert_non_null(strstr(answer, "{\"error\":\""));
		}
	fake_core_lock(&w->core);
	const struct core *c = &w->core;
	assert_int_equal(c->asked + c->informed + c->inside + c->left + c->heard, 0);
	fake_core_unlock(&w->core);
}

/* Every one of a connection's requests: its agent may be dismissed between two. */
static void each_request_is_checked(void **state)
{
	struct world *w = *state;
	struct client c;
	open_as(w, &c, &agents[0]);
	assert_int_equal(client_ask(&c, "DELETE", SESSION, NOTHING), 204);
	fake_core_retire(&w->core, 1);
	assert_int_equal(client_ask(&c, "DELETE", SESSION, NOTHING), 410);
	assert_int_equal(fake_core_count(&w->core, &w->core.left), 1);
	client_close(&c);
}

static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *method, *path, *body;
		unsigned status;
	} cases[] = {
		{"GET", "/", NULL, 404},
		{"GET", "/fleet/v1/wishes/", NULL, 404},
		{"GET", "/fleet/v2/wishes?after=0", NULL, 404},
		{"POST", WISHES "?after=0", "", 405},
		{"GET", REPORTS, NULL, 405},
		{"GET", ENROL, NULL, 405},
		{"GET", WISHES, NULL, 400},
		{"GET", WISHES "?after=", NULL, 400},
		{"GET", WISHES "?after=-1", NULL, 400},
		{"GET", WISHES "?after=1x", NULL, 400},
		{"GET", WISHES "?after=9223372036854775808", NULL, 400},
		{"GET", WISHES "?after=0", "body", 413},
		{"POST", REPORTS, "", 400},
		{"POST", REPORTS, "{}", 400},
		{"POST", REPORTS, "[1,2", 400},
		{"PUT", INFO, "{}", 400},
		{"POST", ENROL, "{}", 400},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct slice body = cases[i].body ? slice_of(cases[i].body) : NOTHING;
		unsigned status =
			ask_once(w, &agents[0], cases[i].method, cases[i].path, body, NULL, 0);
		if (status != cases[i].status)
			fail_msg("%s %s: %u", cases[i].method, cases[i].path, status);
	}
	fake_core_lock(&w->core);
	const struct core *c = &w->core;
	assert_int_equal(c->asked + c->informed + c->inside + c->tried, 0);
	fake_core_unlock(&w->core);
}

static void say_text(struct client *c, const char *text)
{
	assert_int_equal(gnutls_record_send(c->session, text, strlen(text)), (ssize_t)strlen(text));
}

static void bodies_have_a_length_and_a_limit(void **state)
{
	static const struct {
		const char *head;
		unsigned status;
	} cases[] = {
		{"POST " REPORTS " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
		{"POST " REPORTS " HTTP/1.1\r\nHost: h\r\n\r\n", 411},
		{"POST " REPORTS " HTTP/1.1\r\nHost: h\r\nContent-Length: 2097153\r\n\r\n", 413},
		{"POST " ENROL " HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", 413},
		{"PUT " INFO " HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", 413},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct client c;
		open_as(w, &c, &agents[0]);
		say_text(&c, cases[i].head);
		assert_int_equal(client_hear(&c), cases[i].status);
		client_close(&c);
	}
}

/* The largest body there may be comes through, and is understood. */
static void a_large_report_is_taken(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	buf_puts(&text, "{\"number\":1,\"id\":1,\"seen\":0,\"attempts\":[");
	for (int i = 0; i < REPORT_ATTEMPTS_MAX; i++)
		buf_printf(&text, "%s[29455384,\"2001:db8:0:%x::/64\",\"ssh\",1]", i ? "," : "",
			i + 1);
	buf_puts(&text, "],\"blocks\":[]");
	while (text.n < FLEET_BODY_MAX - 1)
		buf_addc(&text, ' ');
	buf_addc(&text, '}');
	assert_int_equal(
		ask_once(w, &agents[0], "POST", REPORTS, buf_as_slice(&text), NULL, 0), 200);
	fake_core_lock(&w->core);
	assert_int_equal(w->core.attempts, REPORT_ATTEMPTS_MAX);
	fake_core_unlock(&w->core);
}

/* As deep as it fits: refused, and nobody's stack is too small for it. */
static void deep_bodies_are_refused(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	for (unsigned i = 0; i < FLEET_BODY_MAX; i++)
		buf_addc(&text, '[');
	assert_int_equal(
		ask_once(w, &agents[0], "POST", REPORTS, buf_as_slice(&text), NULL, 0), 400);
	text.n = FLEET_ENROL_MAX;
	assert_int_equal(ask_once(w, NULL, "POST", ENROL, buf_as_slice(&text), NULL, 0), 400);
}

static void old_tls_is_refused(void **state)
{
	struct world *w = *state;
	struct client c;
	assert_false(client_open(&c, w->port, &agents[0], "NORMAL:-VERS-ALL:+VERS-TLS1.1"));
	client_close(&c);
	assert_true(client_open(&c, w->port, &agents[0], "NORMAL:-VERS-ALL:+VERS-TLS1.2"));
	assert_int_equal(client_ask(&c, "DELETE", SESSION, NOTHING), 204);
	client_close(&c);
}

/* --- enrolling ------------------------------------------------------------------------- */

static void put_enrolment(struct buf *out, const char *token, struct credential *ret)
{
	struct enrol_request *q = calloc(1, sizeof(*q));
	char *request = NULL;
	assert_non_null(q);
	assert_int_equal(credential_request(ret, &request, NULL), 0);
	(void)snprintf(q->token, sizeof(q->token), "%s", token);
	(void)snprintf(q->request, sizeof(q->request), "%s", request);
	(void)snprintf(q->info.name, sizeof(q->info.name), "web-01");
	protocol_put_enrol_request(out, q);
	free(request);
	free(q);
}

static void a_machine_enrols_and_is_known(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct credential c = {0};
	struct enrol_answer *a = calloc(1, sizeof(*a));
	struct client client;
	assert_non_null(a);
	put_enrolment(&text, FAKE_TOKEN, &c);
	open_as(w, &client, NULL);
	assert_int_equal(client_ask(&client, "POST", ENROL, buf_as_slice(&text)), 200);
	assert_non_null(strstr(client.head.p, "Connection: close"));
	assert_int_equal(protocol_get_enrol_answer(buf_as_slice(&client.body), a, NULL), 0);
	client_close(&client);
	assert_string_equal(a->name, "web-01");
	assert_string_equal(a->uuid, "01234567-89ab-cdef-0123-456789abcdef");
	fake_core_lock(&w->core);
	assert_string_equal(w->core.from, "127.0.0.1");
	assert_string_equal(w->core.info.name, "web-01");
	fake_core_unlock(&w->core);
	c.certificate = strdup(a->certificate);
	assert_int_equal(ask_once(w, &c, "DELETE", SESSION, NOTHING, NULL, 0), 204);
	credential_done(&c);
	free(a);
}

static void a_wrong_token_costs_time(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf wrong = BUF_NULL;
	_cleanup_(buf_done) struct buf right = BUF_NULL;
	struct credential c = {0};
	struct client client;
	char answer[256];
	put_enrolment(&wrong, "another", &c);
	credential_done(&c);
	put_enrolment(&right, FAKE_TOKEN, &c);
	unsigned status =
		ask_once(w, NULL, "POST", ENROL, buf_as_slice(&wrong), answer, sizeof(answer));
	assert_int_equal(status, 401);
	assert_string_equal(answer, "{\"error\":\"no such invitation\"}");
	open_as(w, &client, NULL);
	assert_int_equal(client_ask(&client, "POST", ENROL, buf_as_slice(&right)), 503);
	assert_non_null(strstr(client.head.p, "Retry-After: 1"));
	client_close(&client);
	assert_int_equal(fake_core_count(&w->core, &w->core.tried), 1);
	while (status != 200)
		status = ask_once(w, NULL, "POST", ENROL, buf_as_slice(&right), NULL, 0);
	assert_int_equal(fake_core_count(&w->core, &w->core.tried), 2);
	credential_done(&c);
}

/* What is no request costs the address its time, and no invitation. */
static void a_bad_request_spends_no_token(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct enrol_request *q = calloc(1, sizeof(*q));
	assert_non_null(q);
	(void)snprintf(q->token, sizeof(q->token), "%s", FAKE_TOKEN);
	(void)snprintf(q->request, sizeof(q->request), "-----BEGIN CERTIFICATE REQUEST-----\n");
	protocol_put_enrol_request(&text, q);
	assert_int_equal(ask_once(w, NULL, "POST", ENROL, buf_as_slice(&text), NULL, 0), 400);
	assert_int_equal(ask_once(w, NULL, "POST", ENROL, buf_as_slice(&text), NULL, 0), 503);
	assert_int_equal(fake_core_count(&w->core, &w->core.tried), 0);
	free(q);
}

static void a_known_key_does_not_enrol(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct credential c = {0};
	put_enrolment(&text, FAKE_TAKEN, &c);
	assert_int_equal(ask_once(w, NULL, "POST", ENROL, buf_as_slice(&text), NULL, 0), 409);
	credential_done(&c);
}

/* --- what agents tell ------------------------------------------------------------------ */

static void put_report(struct buf *out, int64_t number, int64_t id)
{
	const struct report report = {.number = number, .id = id};
	protocol_put_report(out, &report);
}

static void reports_are_applied_once(void **state)
{
	static const struct {
		int64_t number, id;
		unsigned status;
		const char *answer;
	} cases[] = {
		{1, 10, 200, "{\"applied\":1}"},
		{1, 10, 200, "{\"applied\":1}"},
		{2, 20, 200, "{\"applied\":2}"},
		{2, 21, 409,
			"{\"error\":\"another machine uses this "
			"enrolment\",\"clone\":true,\"next\":3}"},
		{4, 40, 409, "{\"next\":3}"},
		{3, 30, 200, "{\"applied\":3}"},
	};
	struct world *w = *state;
	struct client c;
	open_as(w, &c, &agents[0]);
	for (size_t i = 0; i < countof(cases); i++) {
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		put_report(&text, cases[i].number, cases[i].id);
		unsigned status = client_ask(&c, "POST", REPORTS, buf_as_slice(&text));
		assert_int_equal(status, cases[i].status);
		assert_string_equal(c.body.p, cases[i].answer);
		assert_non_null(strstr(c.head.p, "Content-Type: application/json"));
	}
	client_close(&c);
	assert_int_equal(fake_core_count(&w->core, &w->core.heard), countof(cases));
}

static void a_description_and_a_goodbye_arrive(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct agent_info info = {.name = "db-02", .version = "9", .health = "[]"};
	struct client c;
	protocol_put_info(&text, &info);
	open_as(w, &c, &agents[0]);
	assert_int_equal(client_ask(&c, "PUT", INFO, buf_as_slice(&text)), 204);
	fake_core_lock(&w->core);
	assert_string_equal(w->core.info.name, "db-02");
	fake_core_unlock(&w->core);
	assert_int_equal(client_ask(&c, "DELETE", SESSION, NOTHING), 204);
	assert_int_equal(fake_core_count(&w->core, &w->core.left), 1);
	client_close(&c);
}

static void fail_with(struct world *w, int error)
{
	fake_core_lock(&w->core);
	w->core.fails = error;
	fake_core_unlock(&w->core);
}

static void faults_of_core_are_told(void **state)
{
	static const struct {
		int error;
		unsigned status;
	} faults[] = {{-EIO, 503}, {-ESHUTDOWN, 503}, {-ENOMEM, 503}, {CORE_DENIED, 410},
		{CORE_NOT_FOUND, 401}, {-EBADMSG, 400}, {0, 0}};
	struct world *w = *state;
	_cleanup_(buf_done) struct buf report = BUF_NULL, info = BUF_NULL;
	struct client c;
	put_report(&report, 1, 1);
	protocol_put_info(&info, &(struct agent_info){.health = "[]"});
	fake_core_wish(&w->core, 1);
	open_as(w, &c, &agents[0]);
	for (size_t i = 0; i < countof(faults); i++) {
		fail_with(w, faults[i].error);
		unsigned status = faults[i].status;
		assert_int_equal(client_ask(&c, "POST", REPORTS, buf_as_slice(&report)),
			status ? status : 200);
		assert_int_equal(
			client_ask(&c, "PUT", INFO, buf_as_slice(&info)), status ? status : 204);
		assert_int_equal(
			client_ask(&c, "GET", WISHES "?after=0", NOTHING), status ? status : 200);
	}
	client_close(&c);
}

static void a_fault_costs_no_time_to_enrol(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct credential c = {0};
	put_enrolment(&text, FAKE_TOKEN, &c);
	fail_with(w, -EIO);
	assert_int_equal(ask_once(w, NULL, "POST", ENROL, buf_as_slice(&text), NULL, 0), 503);
	fail_with(w, 0);
	assert_int_equal(ask_once(w, NULL, "POST", ENROL, buf_as_slice(&text), NULL, 0), 200);
	credential_done(&c);
}

/* Reports that come together reach core together, so they can share a transaction; and who asks for
   wishes meanwhile does not wait for them, although there is one worker. */
static void reports_wait_together(void **state)
{
	enum { TOGETHER = 6 };
	struct world *w = *state;
	struct client reporting[TOGETHER], asking;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	fake_core_lock(&w->core);
	w->core.gather = TOGETHER;
	fake_core_unlock(&w->core);
	put_report(&text, 1, 1);
	for (size_t i = 0; i < TOGETHER; i++)
		open_as(w, &reporting[i], &agents[i % 2]);
	open_as(w, &asking, &agents[0]);
	for (size_t i = 0; i + 1 < TOGETHER; i++)
		assert_true(client_say(&reporting[i], "POST", REPORTS, buf_as_slice(&text)));
	fake_core_wait(&w->core, &w->core.inside, TOGETHER - 1);
	fake_core_wish(&w->core, 1);
	assert_int_equal(client_ask(&asking, "GET", WISHES "?after=0", NOTHING), 200);
	assert_true(client_say(&reporting[TOGETHER - 1], "POST", REPORTS, buf_as_slice(&text)));
	for (size_t i = 0; i < TOGETHER; i++) {
		assert_int_equal(client_hear(&reporting[i]), 200);
		client_close(&reporting[i]);
	}
	client_close(&asking);
}

/* --- wishes ---------------------------------------------------------------------------- */

static void is_wished(const struct client *c, int64_t version)
{
	struct wishes wishes = {0};
	assert_int_equal(protocol_get_wishes(buf_as_slice(&c->body), &wishes, NULL), 0);
	assert_int_equal(wishes.version, version);
	assert_int_equal(wishes.block_count, 1);
	wishes_done(&wishes);
}

static void what_is_wished_is_told_at_once(void **state)
{
	struct world *w = *state;
	struct client c;
	fake_core_wish(&w->core, 1);
	open_as(w, &c, &agents[0]);
	assert_int_equal(client_ask(&c, "GET", WISHES "?after=0", NOTHING), 200);
	is_wished(&c, 1);
	client_close(&c);
}

/* Until the server holds the next question of somebody. */
static void say_and_wait(struct world *w, struct client *c, const char *path)
{
	unsigned asked = fake_core_count(&w->core, &w->core.asked);
	assert_true(client_say(c, "GET", path, NOTHING));
	fake_core_wait(&w->core, &w->core.asked, asked + 1);
}

static void a_question_is_held_until_something_is_wished(void **state)
{
	struct world *w = *state;
	struct client c, other;
	const uint32_t first = 1;
	open_as(w, &c, &agents[0]);
	open_as(w, &other, &agents[1]);
	say_and_wait(w, &other, WISHES "?after=0");
	for (int64_t i = 0; i < 20; i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), WISHES "?after=%lld", (long long)i);
		say_and_wait(w, &c, path);
		fake_core_wish(&w->core, 1);
		fleet_server_wished(w->server, &first, 1);
		assert_int_equal(client_hear(&c), 200);
		is_wished(&c, i + 1);
	}
	fake_core_wish(&w->core, 2);
	fleet_server_wished(w->server, NULL, 0);
	assert_int_equal(client_hear(&other), 200);
	is_wished(&other, 1);
	client_close(&other);
	client_close(&c);
}

/* Woken without anything for them, questions go on being held. */
static void a_false_alarm_is_not_told(void **state)
{
	struct world *w = *state;
	struct client c[2];
	for (size_t i = 0; i < 2; i++) {
		open_as(w, &c[i], &agents[i]);
		say_and_wait(w, &c[i], WISHES "?after=0");
	}
	fleet_server_wished(w->server, NULL, 0);
	fake_core_wait(&w->core, &w->core.asked, 4);
	for (uint32_t i = 0; i < 2; i++)
		fake_core_wish(&w->core, i + 1);
	fleet_server_wished(w->server, NULL, 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(client_hear(&c[i]), 200);
		is_wished(&c[i], 1);
		client_close(&c[i]);
	}
}

/* Hosts that have one bucket are still two. */
static void hosts_are_told_apart(void **state)
{
	struct world *w = *state;
	struct client c[2];
	const uint32_t hosts[] = {1, 1 + HELD_BUCKETS};
	while (w->core.n < HELD_BUCKETS)
		(void)fake_core_add(&w->core, "");
	assert_int_equal(fake_core_add(&w->core, fingerprints[2]), hosts[1]);
	for (size_t i = 0; i < 2; i++) {
		open_as(w, &c[i], &agents[2 * i]);
		say_and_wait(w, &c[i], WISHES "?after=0");
	}
	for (size_t i = 0; i < 2; i++) {
		fake_core_wish(&w->core, hosts[i]);
		fleet_server_wished(w->server, &hosts[i], 1);
		assert_int_equal(client_hear(&c[i]), 200);
		client_close(&c[i]);
	}
	assert_int_equal(fake_core_count(&w->core, &w->core.asked), 4);
}

static struct fleet_server *told;

static void wish_between(struct core *c, uint32_t host)
{
	fake_core_wish(c, host);
	fleet_server_wished(told, &host, 1);
}

/* Wished after the question has looked and before it is suspended. */
static void nothing_is_missed(void **state)
{
	struct world *w = *state;
	struct client c;
	told = w->server;
	fake_core_lock(&w->core);
	w->core.looked = wish_between;
	fake_core_unlock(&w->core);
	open_as(w, &c, &agents[0]);
	int64_t began = clock_mono();
	assert_int_equal(client_ask(&c, "GET", WISHES "?after=0", NOTHING), 200);
	assert_true(clock_mono() - began < FLEET_HOLD);
	is_wished(&c, 1);
	assert_int_equal(fake_core_count(&w->core, &w->core.asked), 2);
	client_close(&c);
}

static void one_question_a_host_is_held(void **state)
{
	struct world *w = *state;
	struct client older, newer;
	open_as(w, &older, &agents[0]);
	open_as(w, &newer, &agents[0]);
	say_and_wait(w, &older, WISHES "?after=0");
	say_and_wait(w, &newer, WISHES "?after=0");
	assert_int_equal(client_hear(&older), 204);
	fake_core_wish(&w->core, 1);
	fleet_server_wished(w->server, NULL, 0);
	assert_int_equal(client_hear(&newer), 200);
	client_close(&older);
	client_close(&newer);
}

/* It is the heartbeat, so it comes before anybody takes the agent for gone. */
static void a_question_is_answered_in_the_end(void **state)
{
	struct world *w = *state;
	struct client c;
	int64_t began = clock_mono();
	open_as(w, &c, &agents[0]);
	assert_int_equal(client_ask(&c, "GET", WISHES "?after=0", NOTHING), 204);
	assert_true(clock_mono() - began >= FLEET_HOLD);
	assert_int_equal(c.body.n, 0);
	assert_int_equal(fake_core_count(&w->core, &w->core.heard), 1);
	client_close(&c);
}

static void who_is_dismissed_hears_it_while_held(void **state)
{
	struct world *w = *state;
	struct client c;
	const uint32_t host = 1;
	open_as(w, &c, &agents[0]);
	say_and_wait(w, &c, WISHES "?after=0");
	fake_core_retire(&w->core, 1);
	fleet_server_wished(w->server, &host, 1);
	assert_int_equal(client_hear(&c), 410);
	client_close(&c);
}

/* Closed is not dismissed: opened again, everything is as it was. */
static void a_closed_account_can_be_opened_again(void **state)
{
	struct world *w = *state;
	struct client c;
	const uint32_t host = 1;
	open_as(w, &c, &agents[0]);
	say_and_wait(w, &c, WISHES "?after=0");
	fake_core_close(&w->core, 1, true);
	fleet_server_wished(w->server, &host, 1);
	assert_int_equal(client_hear(&c), 503);
	assert_non_null(strstr(c.body.p, "closed"));
	assert_int_equal(client_ask(&c, "DELETE", SESSION, NOTHING), 503);
	assert_non_null(strstr(c.body.p, "closed"));
	client_close(&c);
	fake_core_close(&w->core, 1, false);
	open_as(w, &c, &agents[0]);
	assert_int_equal(client_ask(&c, "DELETE", SESSION, NOTHING), 204);
	client_close(&c);
}

static void a_goodbye_ends_the_question(void **state)
{
	struct world *w = *state;
	struct client held, leaving;
	open_as(w, &held, &agents[0]);
	open_as(w, &leaving, &agents[0]);
	say_and_wait(w, &held, WISHES "?after=0");
	assert_int_equal(client_ask(&leaving, "DELETE", SESSION, NOTHING), 204);
	fake_core_wait(&w->core, &w->core.asked, 2);
	client_close(&held);
	client_close(&leaving);
}

static void a_client_may_vanish_while_held(void **state)
{
	struct world *w = *state;
	struct client c;
	for (int i = 0; i < 3; i++) {
		open_as(w, &c, &agents[0]);
		say_and_wait(w, &c, WISHES "?after=0");
		client_close(&c);
	}
	fake_core_wish(&w->core, 1);
	fleet_server_wished(w->server, NULL, 0);
	open_as(w, &c, &agents[0]);
	assert_int_equal(client_ask(&c, "GET", WISHES "?after=0", NOTHING), 200);
	client_close(&c);
}

/* --- limits ---------------------------------------------------------------------------- */

static bool has_ended(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static bool ends(int fd)
{
	char byte;
	return recv(fd, &byte, 1, 0) == 0;
}

/* Of those that say nothing the oldest gives way, and an agent still comes in. */
static void strangers_give_way(void **state)
{
	enum { STRANGERS = VISITORS_STRANGERS };
	struct world *w = *state;
	struct rlimit files;
	int fds[STRANGERS + 1];
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_cur < 2 * STRANGERS + 100)
		skip();
	for (int i = 0; i <= STRANGERS; i++) {
		fds[i] = client_connect(w->port);
		assert_true(fds[i] >= 0);
	}
	assert_true(ends(fds[0]));
	assert_false(has_ended(fds[STRANGERS]));
	assert_int_equal(ask_once(w, &agents[0], "DELETE", SESSION, NOTHING, NULL, 0), 204);
	for (int i = 0; i <= STRANGERS; i++)
		(void)close(fds[i]);
}

static void strangers_leave_in_time(void **state)
{
	struct world *w = *state;
	struct client known, unknown;
	open_as(w, &known, &agents[0]);
	assert_int_equal(client_ask(&known, "DELETE", SESSION, NOTHING), 204);
	open_as(w, &unknown, &agents[1]);
	server_lock(w->server);
	visitors_tick(w->server, clock_mono() + VISITORS_PATIENCE);
	server_unlock(w->server);
	assert_int_equal(client_hear(&unknown), 0);
	assert_int_equal(client_ask(&known, "DELETE", SESSION, NOTHING), 204);
	client_close(&unknown);
	client_close(&known);
}

/* libmicrohttpd with epoll asks without end, as fast as it can, for the rest of a handshake. */
static void half_a_handshake_is_waited_for(void **state)
{
	struct world *w = *state;
	const struct timespec while_ = {.tv_nsec = 300000000};
	int fd = client_connect(w->port);
	assert_int_equal(send(fd, "\x16", 1, MSG_NOSIGNAL), 1);
	/* it was seen: connections are looked at in their order */
	assert_int_equal(ask_once(w, &agents[0], "DELETE", SESSION, NOTHING, NULL, 0), 204);
	unsigned before = empty_reads();
	(void)nanosleep(&while_, NULL);
	assert_in_range(empty_reads() - before, 0, 10);
	(void)close(fd);
}

/* What an agent has lost does not add up; others' connections stay. */
static void a_host_has_few_connections(void **state)
{
	enum { MOST = VISITORS_A_HOST };
	struct world *w = *state;
	struct client c[MOST + 1], other;
	open_as(w, &other, &agents[1]);
	assert_int_equal(client_ask(&other, "DELETE", SESSION, NOTHING), 204);
	for (int i = 0; i <= MOST; i++) {
		open_as(w, &c[i], &agents[0]);
		assert_int_equal(client_ask(&c[i], "DELETE", SESSION, NOTHING), 204);
	}
	assert_int_equal(client_hear(&c[0]), 0);
	for (int i = 1; i <= MOST; i++)
		assert_int_equal(client_ask(&c[i], "DELETE", SESSION, NOTHING), 204);
	assert_int_equal(client_ask(&other, "DELETE", SESSION, NOTHING), 204);
	client_close(&other);
	for (int i = 0; i <= MOST; i++)
		client_close(&c[i]);
}

/* Until something is so with the server; without end if it never is. */
#define wait_until(server, what)                                                                   \
	for (bool is_ = false; !is_; (void)sched_yield()) {                                        \
		server_lock(server);                                                               \
		is_ = (what);                                                                      \
		server_unlock(server);                                                             \
	}

#define LARGE_HEAD                                                                                 \
	"POST " REPORTS " HTTP/1.1\r\nHost: h\r\nContent-Length: 2097152\r\n"                      \
	"Expect: 100-continue\r\n\r\n"

/* Bodies are taken while there is room for them; the next one waits until there is again. */
static void bodies_wait_for_room(void **state)
{
	enum { FIT = ROOM_TAKEN / FLEET_BODY_MAX, ALL = FIT + 2, A_HOST = VISITORS_A_HOST };
	struct world *w = *state;
	const struct room *room = &w->server->room;
	struct client c[ALL];
	for (size_t i = 2; i <= ALL / A_HOST; i++)
		(void)fake_core_add(&w->core, fingerprints[i]);
	for (size_t i = 0; i < ALL; i++) {
		open_as(w, &c[i], &agents[i / A_HOST]);
		say_text(&c[i], LARGE_HEAD);
		if (i < FIT)
			assert_int_equal(client_hear(&c[i]), 100);
		else if (i == FIT)
			wait_until(w->server, room->first);
	}
	wait_until(w->server, room->last != &room->first->next);
	client_close(&c[0]);
	assert_int_equal(client_hear(&c[FIT]), 100);
	wait_until(w->server, room->first && room->last == &room->first->next);
	w->server = fleet_server_free(w->server);
	assert_int_equal(client_hear(&c[FIT + 1]), 503);
	for (size_t i = 1; i < ALL; i++)
		client_close(&c[i]);
}

static void pretend_answers(struct world *w, size_t bytes)
{
	server_lock(w->server);
	w->server->room.given.used = bytes;
	server_unlock(w->server);
}

/* While too much is on its way to others, questions are held although there is something. */
static void answers_wait_for_room(void **state)
{
	struct world *w = *state;
	struct client c, other;
	fake_core_wish(&w->core, 1);
	pretend_answers(w, ROOM_GIVEN);
	open_as(w, &c, &agents[0]);
	open_as(w, &other, &agents[1]);
	assert_true(client_say(&c, "GET", WISHES "?after=0", NOTHING));
	wait_until(w->server, w->server->held.starved == 1);
	assert_int_equal(client_ask(&other, "DELETE", SESSION, NOTHING), 204);
	assert_int_equal(fake_core_count(&w->core, &w->core.asked), 0);
	pretend_answers(w, 0);
	assert_int_equal(client_ask(&other, "DELETE", SESSION, NOTHING), 204);
	assert_int_equal(client_hear(&c), 200);
	is_wished(&c, 1);
	client_close(&other);
	client_close(&c);
}

static void a_large_answer_arrives(void **state)
{
	struct world *w = *state;
	struct wishes wishes = {0};
	struct client c;
	fake_core_lock(&w->core);
	w->core.wishes = WISHES_BLOCKS_MAX;
	fake_core_unlock(&w->core);
	fake_core_wish(&w->core, 1);
	open_as(w, &c, &agents[0]);
	assert_int_equal(client_ask(&c, "GET", WISHES "?after=0", NOTHING), 200);
	assert_int_equal(protocol_get_wishes(buf_as_slice(&c.body), &wishes, NULL), 0);
	assert_int_equal(wishes.block_count, WISHES_BLOCKS_MAX);
	wishes_done(&wishes);
	client_close(&c);
}

/* --- the end --------------------------------------------------------------------------- */

static void it_ends_while_questions_are_held(void **state)
{
	struct world *w = *state;
	struct client held[2], report;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	put_report(&text, 1, 1);
	for (size_t i = 0; i < 2; i++) {
		open_as(w, &held[i], &agents[i]);
		say_and_wait(w, &held[i], WISHES "?after=0");
	}
	open_as(w, &report, &agents[0]);
	assert_true(client_say(&report, "POST", REPORTS, buf_as_slice(&text)));
	fake_core_wait(&w->core, &w->core.inside, 1);
	w->server = fleet_server_free(w->server);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(client_hear(&held[i]), 204);
		client_close(&held[i]);
	}
	assert_int_equal(client_hear(&report), 200);
	client_close(&report);
}

static void a_bad_credential_is_said(void **state)
{
	struct world *w = *state;
	struct fleet_server *s = NULL;
	struct credential bad = {
		.key = (char *)(intptr_t) "x", .certificate = (char *)(intptr_t) "y"};
	struct err err = {""};
	uint16_t port;
	int fd = open_listener(&port);
	assert_true(fleet_server_new(&w->core, &bad, fd, 2, &s, &err) < 0);
	assert_null(s);
	assert_string_equal(err.text, "cannot serve agents");
}

/* --- many at once ---------------------------------------------------------------------- */

struct agent_thread {
	struct world *world;
	const struct credential *credential;
	pthread_t thread;
	int64_t followed;
};

enum { WISHED = 200 };

/* As an agent does, on two connections by turns. */
static void *follow(void *ctx)
{
	struct agent_thread *a = ctx;
	struct client c;
	if (!client_open(&c, a->world->port, a->credential, NULL))
		return NULL;
	while (a->followed < WISHED) {
		char path[64];
		struct wishes wishes = {0};
		(void)snprintf(path, sizeof(path), WISHES "?after=%lld", (long long)a->followed);
		unsigned status = client_ask(&c, "GET", path, NOTHING);
		if (status != 200 && status != 204)
			break;
		if (status == 200 && protocol_get_wishes(buf_as_slice(&c.body), &wishes, NULL) == 0)
			a->followed = wishes.version;
		wishes_done(&wishes);
	}
	client_close(&c);
	return NULL;
}

static void *report(void *ctx)
{
	struct agent_thread *a = ctx;
	struct client c;
	if (!client_open(&c, a->world->port, a->credential, NULL))
		return NULL;
	for (int64_t i = 1; i <= WISHED; i++) {
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		put_report(&text, i, 1);
		if (client_ask(&c, "POST", REPORTS, buf_as_slice(&text)) != 200)
			break;
		a->followed = i;
	}
	client_close(&c);
	return NULL;
}

/* Wished, told, reported by several threads at the same time, with several workers. */
static void nothing_is_lost_under_load(void **state)
{
	struct world *w = *state;
	struct agent_thread following[2], reporting[2];
	int fd = open_listener(&w->port);
	w->server = fleet_server_free(w->server);
	assert_int_equal(fleet_server_new(&w->core, &authority, fd, 3, &w->server, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		following[i] = (struct agent_thread){.world = w, .credential = &agents[i]};
		reporting[i] = following[i];
		assert_int_equal(
			pthread_create(&following[i].thread, NULL, follow, &following[i]), 0);
		assert_int_equal(
			pthread_create(&reporting[i].thread, NULL, report, &reporting[i]), 0);
	}
	for (int i = 0; i < WISHED; i++)
		for (uint32_t host = 1; host <= 2; host++) {
			fake_core_wish(&w->core, host);
			fleet_server_wished(w->server, i % 8 ? &host : NULL, 1);
		}
	for (size_t i = 0; i < 2; i++) {
		(void)pthread_join(following[i].thread, NULL);
		(void)pthread_join(reporting[i].thread, NULL);
		assert_int_equal(following[i].followed, WISHED);
		assert_int_equal(reporting[i].followed, WISHED);
		fake_core_lock(&w->core);
		assert_int_equal(w->core.agents[i].batch, WISHED);
		fake_core_unlock(&w->core);
	}
}

/* --- libcurl --------------------------------------------------------------------------- */

static size_t swallow(char *p, size_t size, size_t n, void *ctx)
{
	(void)p;
	(void)ctx;
	return size * n;
}

/* As our agents connect: no authority is asked, the pin alone counts. */
static CURLcode ask_pinned(uint16_t port, const char *pin, long *ret_status)
{
	CURL *curl = curl_easy_init();
	char url[64], text[PIN_MAX + 16];
	assert_non_null(curl);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u" WISHES "?after=0", port);
	(void)snprintf(text, sizeof(text), "sha256//%s", pin);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	(void)curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, text);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
	CURLcode r = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_cleanup(curl);
	return r;
}

static void curl_knows_the_server_by_its_pin(void **state)
{
	struct world *w = *state;
	char pin[PIN_MAX];
	long status = 0;
	assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), 0);
	assert_int_equal(credential_pin(authority.certificate, pin, NULL), 0);
	assert_int_equal(ask_pinned(w->port, pin, &status), CURLE_OK);
	assert_int_equal(status, 401); /* it has shown no certificate */
	assert_int_equal(credential_pin(stranger.certificate, pin, NULL), 0);
	assert_int_equal(ask_pinned(w->port, pin, &status), CURLE_SSL_PINNEDPUBKEYNOTMATCH);
	assert_int_equal(status, 0);
	assert_int_equal(ask_pinned(w->port, "", &status), CURLE_SSL_PINNEDPUBKEYNOTMATCH);
	curl_global_cleanup();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(only_agents_are_answered),
		CASE(each_request_is_checked),
		CASE(nonsense_is_refused),
		CASE(bodies_have_a_length_and_a_limit),
		CASE(a_large_report_is_taken),
		CASE(deep_bodies_are_refused),
		CASE(old_tls_is_refused),
		CASE(a_machine_enrols_and_is_known),
		CASE(a_wrong_token_costs_time),
		CASE(a_bad_request_spends_no_token),
		CASE(a_known_key_does_not_enrol),
		CASE(a_fault_costs_no_time_to_enrol),
		CASE(reports_are_applied_once),
		CASE(a_description_and_a_goodbye_arrive),
		CASE(faults_of_core_are_told),
		CASE(reports_wait_together),
		CASE(what_is_wished_is_told_at_once),
		CASE(a_question_is_held_until_something_is_wished),
		CASE(a_false_alarm_is_not_told),
		CASE(hosts_are_told_apart),
		CASE(nothing_is_missed),
		CASE(one_question_a_host_is_held),
		CASE(a_question_is_answered_in_the_end),
		CASE(who_is_dismissed_hears_it_while_held),
		CASE(a_closed_account_can_be_opened_again),
		CASE(a_goodbye_ends_the_question),
		CASE(a_client_may_vanish_while_held),
		CASE(strangers_give_way),
		CASE(strangers_leave_in_time),
		CASE(half_a_handshake_is_waited_for),
		CASE(a_host_has_few_connections),
		CASE(bodies_wait_for_room),
		CASE(answers_wait_for_room),
		CASE(a_large_answer_arrives),
		CASE(it_ends_while_questions_are_held),
		CASE(a_bad_credential_is_said),
		CASE(nothing_is_lost_under_load),
		CASE(curl_knows_the_server_by_its_pin),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_credentials, forget_credentials);
}
