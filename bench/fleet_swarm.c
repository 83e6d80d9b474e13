/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet_swarm.h"

#include "base/clock.h"
#include "fleet/enrolment.h"
#include "fleet/protocol.h"
#include "fleet_times.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>

#define AT_A_TIME  16    /* agents on their way in: a fleet does not start in one instant */
#define PATIENCE   15000 /* ms for an answer; a question is held for 4 s */
#define FLOOD_ROWS 2048
#define TURN_MOST  10 /* ms */
#define TOKEN_LINE 256

enum question { Q_NONE, Q_INFO, Q_WISHES, Q_REPORT };

struct talk {
	struct simulated *agent;
	struct wire wire;
	enum question question;
	int64_t since; /* ms, monotonic: of the question, or the handshake */
};

struct simulated {
	struct swarm *swarm;
	unsigned index;
	gnutls_certificate_credentials_t identity;
	struct talk wishes, reports;
	bool held;
	int64_t version, number, due; /* due: ms, monotonic: its next report of attempts */
	int64_t owes;                 /* attempts in the report under way */
	struct block *acks;           /* acknowledgements to send */
	size_t ack_count, acking;     /* acking: in the report under way */
};

static _Noreturn void lose(const struct simulated *a, const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_fleet: agent %u of %u (%u held): %s: %s\n", a->index,
		a->swarm->n, a->swarm->held, what, why);
	exit(1);
}

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "bench_fleet: %s\n", what);
	exit(1);
}

/* --- enrolment ------------------------------------------------------------------------- */

static void add_uuid(struct swarm *s, const char *uuid)
{
	char *more = NULL;
	if (asprintf(&more, "%s%s%s", s->uuids ? s->uuids : "", s->uuids ? "," : "", uuid) < 0)
		die("no memory");
	free(s->uuids);
	s->uuids = more;
}

static void enrol(struct simulated *a, const char *dir, const char *url, char *token)
{
	struct err err = {""};
	struct enrolment e = {0};
	struct agent_info info = {.version = "bench", .enforces = true, .health = "[]"};
	(void)snprintf(info.name, sizeof(info.name), "simulated-%u", a->index);
	(void)snprintf(info.instance_id, sizeof(info.instance_id), "i-%020u", a->index);
	(void)snprintf(info.intranet_ip, sizeof(info.intranet_ip), "10.%u.%u.%u", a->index >> 16,
		a->index >> 8 & 255, a->index & 255);
	token[strcspn(token, "\n")] = '\0';
	if (enrolment_make(dir, url, token, &info, &e, &err) < 0)
		lose(a, "enrolment", err.text);
	a->identity = wire_identity(&e.credential);
	if (!a->identity)
		lose(a, "enrolment", "a credential of no use");
	add_uuid(a->swarm, e.uuid);
	enrolment_done(&e);
}

static void simulated_init(struct swarm *s, unsigned i)
{
	s->agents[i] = (struct simulated){.swarm = s, .index = i, .number = 1};
	s->agents[i].wishes.agent = s->agents[i].reports.agent = &s->agents[i];
}

void swarm_enrol(struct swarm *s, const char *dir, uint16_t port, unsigned n)
{
	char path[300], url[64], token[TOKEN_LINE];
	(void)snprintf(path, sizeof(path), "%s/tokens", dir);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
	*s = (struct swarm){.n = n,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.agents = calloc(n, sizeof(*s->agents)),
		.arrived = calloc(n, sizeof(*s->arrived)),
		.at = {.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	_cleanup_(fclosep) FILE *tokens = fopen(path, "re");
	if (s->epoll < 0 || !s->agents || !s->arrived || !tokens)
		die(path);
	for (unsigned i = 0; i < n; i++) {
		simulated_init(s, i);
		if (!fgets(token, sizeof(token), tokens))
			die("not enough tokens");
		enrol(&s->agents[i], dir, url, token);
	}
	(void)enrolment_remove(dir);
}

/* --- questions ------------------------------------------------------------------------- */

static void take_news(struct talk *t, enum wire_news news);

static void open_talk(struct talk *t)
{
	struct swarm *s = t->agent->swarm;
	t->since = clock_mono();
	if (!wire_open(&t->wire, s->epoll, t, &s->at, t->agent->identity))
		lose(t->agent, "connecting", strerror(errno));
}

static void ask(struct talk *t, enum question question, const char *method, const char *path,
	struct slice body)
{
	t->question = question;
	t->since = clock_mono();
	take_news(t, wire_ask(&t->wire, t, method, path, body));
}

static void ask_info(struct simulated *a)
{
	_cleanup_(buf_done) struct buf body = BUF_NULL;
	struct agent_info info = {.version = "bench", .enforces = true, .health = "[]"};
	protocol_put_info(&body, &info);
	ask(&a->reports, Q_INFO, "PUT", "/fleet/v1/info", buf_as_slice(&body));
}

static void ask_wishes(struct simulated *a)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/fleet/v1/wishes?after=%lld", (long long)a->version);
	ask(&a->wishes, Q_WISHES, "GET", path, SLICE_NULL);
}

static void ask_report(struct simulated *a, const struct report *report)
{
	_cleanup_(buf_done) struct buf body = BUF_NULL;
	body.limit = FLEET_BODY_MAX;
	protocol_put_report(&body, report);
	if (body.error)
		lose(a, "report", "too large");
	a->acking = report->block_count;
	a->owes = 0;
	for (size_t i = 0; i < report->attempt_count; i++)
		a->owes += report->attempts[i].n;
	a->swarm->sent += a->owes;
	a->swarm->reports++;
	ask(&a->reports, Q_REPORT, "POST", "/fleet/v1/reports", buf_as_slice(&body));
}

/* Failures of sources among a million. */
static void draw_attempts(struct report_attempt *rows, size_t n)
{
	int64_t minute = clock_now() / MS_MINUTE * MS_MINUTE;
	for (size_t i = 0; i < n; i++) {
		struct addr source = addr_from_v4(0x0b000000u + randombytes_uniform(1u << 20));
		rows[i] = (struct report_attempt){.minute = minute,
			.service = SERVICE_SSH,
			.n = 1,
			.source = prefix_of(&source, 128)};
	}
}

/* What an agent has to say now, if anything. */
static void report_due(struct simulated *a, int64_t now)
{
	static struct report_attempt rows[FLOOD_ROWS];
	const struct swarm *s = a->swarm;
	struct report r = {.number = a->number, .id = a->number, .seen = a->version};
	if (a->ack_count > 0) {
		r.blocks = a->acks;
		r.block_count = MIN_OF(a->ack_count, (size_t)REPORT_BLOCKS_MAX);
	} else if (s->flood || (s->attempts_a_second > 0 && now >= a->due)) {
		int64_t due = s->attempts_a_second * SWARM_REPORT_EVERY / 1000 / s->n;
		r.attempt_count = s->flood ? FLOOD_ROWS : (size_t)MAX_OF(due, (int64_t)1);
		a->due = now + SWARM_REPORT_EVERY;
		draw_attempts(rows, r.attempt_count);
		r.attempts = rows;
	} else {
		return;
	}
	ask_report(a, &r);
}

/* --- answers --------------------------------------------------------------------------- */

static struct block applied(const struct wish *wish)
{
	int64_t now = clock_now();
	struct block b = {.target = wish->target,
		.trigger = wish->trigger,
		.direction = wish->direction,
		.service = wish->service,
		.port = wish->port,
		.source = wish->source,
		.state = wish->lift ? BLOCK_CANCELED : BLOCK_APPLIED,
		.applied_once = true,
		.created = now,
		.first_attempt = now,
		.latest_attempt = now,
		.changed = now,
		.lives = 1,
		.expires = wish->expires};
	memcpy(b.rule_name, wish->rule_name, sizeof(b.rule_name));
	return b;
}

static void acknowledge(struct simulated *a, const struct wishes *w, int64_t came)
{
	struct swarm *s = a->swarm;
	size_t n = a->ack_count + w->block_count;
	struct block *more = reallocarray(a->acks, MAX_OF(n, (size_t)1), sizeof(*more));
	if (!more)
		die("no memory");
	a->acks = more;
	for (size_t i = 0; i < w->block_count; i++) {
		more[a->ack_count++] = applied(&w->blocks[i]);
		if (s->arrivals < s->n)
			s->arrived[s->arrivals++] = came;
	}
}

/* The first answer is a snapshot; whoever asks after it is held. */
static void on_wishes(struct simulated *a)
{
	struct wishes w = {0};
	struct err err = {""};
	int64_t came = fleet_micros();
	if (a->wishes.wire.status == 200) {
		if (protocol_get_wishes(a->wishes.wire.answer, &w, &err) < 0)
			lose(a, "wishes", err.text);
		acknowledge(a, &w, came);
		a->version = w.version;
		a->swarm->held += !a->held;
		a->held = true;
		wishes_done(&w);
	} else {
		a->swarm->heartbeats++;
	}
	ask_wishes(a);
}

static void on_report(struct simulated *a)
{
	size_t left = a->ack_count - a->acking;
	a->number++;
	a->swarm->stored += a->owes;
	a->swarm->acknowledged += (unsigned)a->acking;
	if (a->acking > 0)
		memmove(a->acks, a->acks + a->acking, left * sizeof(*a->acks));
	a->ack_count = left;
	a->acking = 0;
}

static bool is_right(const struct talk *t, enum question q)
{
	unsigned status = t->wire.status;
	return (q == Q_REPORT && status == 200) || (q == Q_INFO && status == 204) ||
	       (q == Q_WISHES && (status == 200 || status == 204));
}

static void on_answer(struct talk *t)
{
	enum question q = t->question;
	t->question = Q_NONE;
	if (!is_right(t, q))
		lose(t->agent, "refused", t->wire.in.p);
	if (q == Q_WISHES)
		on_wishes(t->agent);
	else if (q == Q_REPORT)
		on_report(t->agent);
	else
		open_talk(&t->agent->wishes);
}

static void take_news(struct talk *t, enum wire_news news)
{
	if (news == WIRE_LOST)
		lose(t->agent, t->question == Q_NONE ? "no question" : "under way", t->wire.why);
	if (news == WIRE_OPEN && t == &t->agent->reports)
		ask_info(t->agent);
	else if (news == WIRE_OPEN)
		ask_wishes(t->agent);
	else if (news == WIRE_ANSWER)
		on_answer(t);
}

/* --- turns ----------------------------------------------------------------------------- */

static void check_patience(const struct talk *t, int64_t now)
{
	bool waits = t->question != Q_NONE || (t->wire.fd > 0 && !t->wire.open);
	if (waits && now - t->since > PATIENCE)
		lose(t->agent, "no answer", t->wire.open ? "to a question" : "to a handshake");
}

static void look_at_all(struct swarm *s)
{
	int64_t now = clock_mono();
	for (unsigned i = 0; i < s->begun; i++) {
		struct simulated *a = &s->agents[i];
		if (a->held && a->reports.question == Q_NONE)
			report_due(a, now);
		check_patience(&a->wishes, now);
		check_patience(&a->reports, now);
	}
}

static void turn(struct swarm *s)
{
	struct epoll_event events[256];
	look_at_all(s);
	int n = epoll_wait(s->epoll, events, countof(events), TURN_MOST);
	if (n < 0 && errno != EINTR)
		die("epoll_wait");
	for (int i = 0; i < n; i++) {
		struct talk *t = events[i].data.ptr;
		take_news(t, wire_turn(&t->wire, t));
	}
}

void swarm_connect(struct swarm *s)
{
	while (s->held < s->n) {
		while (s->begun < s->n && s->begun - s->held < AT_A_TIME)
			open_talk(&s->agents[s->begun++].reports);
		turn(s);
	}
	int64_t now = clock_mono();
	for (unsigned i = 0; i < s->n; i++)
		s->agents[i].due = now + (int64_t)i * SWARM_REPORT_EVERY / s->n;
}

void swarm_run(struct swarm *s, int64_t ms, unsigned acknowledged)
{
	int64_t until = clock_mono() + ms;
	while (clock_mono() < until && (acknowledged == 0 || s->acknowledged < acknowledged))
		turn(s);
}

void swarm_free(struct swarm *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct simulated *a = &s->agents[i];
		wire_close(&a->wishes.wire);
		wire_close(&a->reports.wire);
		gnutls_certificate_free_credentials(a->identity);
		free(a->acks);
	}
	(void)close(s->epoll);
	free(s->agents);
	free(s->arrived);
	free(s->uuids);
}
