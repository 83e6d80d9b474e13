/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's end of the socketpair. Messages that find no room wait in one
 * buffer, in order; answers carry the whole order back, so nothing is kept here
 * about orders under way. Questions (enforce_ask) are answered in the order they
 * were put.
 *
 * Events may call back into this file: dispatch looks at nothing it held before
 * a callback but the struct itself.
 */
#include "enforce/enforce.h"

#include "base/fdpass.h"
#include "base/util.h"
#include "enforce/outbox.h"
#include "enforce/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define ASKS_MAX        1024
#define DISPATCH_MAX    256 /* messages a call, so that other sources get their turn */
#define ANSWER_PATIENCE (2 * MS_SECOND)

struct ask {
	void (*fn)(void *ctx, bool found, const struct enforce_element *element, int error);
	void *ctx;
};

struct enforce {
	int socket; /* -1: observe mode, or the enforcer is gone */
	bool observes;
	struct enforce_events events;
	struct enforce_state state;
	struct outbox out;
	char wanted[WIRE_ITEMS_MAX * sizeof(struct wire_order)]; /* of a sync, to share a message */
	size_t wanted_n;
	unsigned wanted_flags;
	int wanted_error;
	struct ask asks[ASKS_MAX];
	size_t ask_first, ask_n; /* a ring */
	struct enforce_hit *hits;
	size_t hits_n, hits_size;
	struct outbox kept; /* messages that came while enforce_answered() waited for its own */
	uint32_t who_tag;
	char message[WIRE_MESSAGE_MAX];
};

int enforce_new(int socket, const struct enforce_events *events, struct enforce **ret)
{
	struct enforce *e = calloc(1, sizeof(*e));
	if (!e) {
		if (socket >= 0)
			(void)close(socket);
		return -ENOMEM;
	}
	e->socket = socket;
	e->observes = socket < 0;
	e->events = *events;
	*ret = e;
	return 0;
}

struct enforce *enforce_free(struct enforce *e)
{
	if (!e)
		return NULL;
	closep(&e->socket);
	outbox_done(&e->out);
	outbox_done(&e->kept);
	free(e->hits);
	free(e);
	return NULL;
}

bool enforce_observes(const struct enforce *e)
{
	return e->observes;
}

int enforce_fd(const struct enforce *e)
{
	return e->socket;
}

bool enforce_wants_write(const struct enforce *e)
{
	return e->socket >= 0 && !outbox_empty(&e->out);
}

const struct enforce_state *enforce_get_state(const struct enforce *e)
{
	return &e->state;
}

static size_t put_order(char *out, const struct enforce_order *order)
{
	struct enforce_order o = *order;
	o.element.target = prefix_of(&o.element.target.addr, o.element.target.len);
	o.element.expires = MAX_OF(o.element.expires, 0);
	return wire_put_order(out, &o, 0);
}

/* Appends one message of orders[0..n) to the queue. */
static void queue_orders(
	struct enforce *e, enum wire_kind kind, const struct enforce_order *orders, size_t n)
{
	char *p = outbox_put(&e->out, sizeof(struct wire_header) + n * sizeof(struct wire_order));
	if (!p)
		return;
	p += wire_put_header(p, kind, 0, n);
	for (size_t i = 0; i < n; i++)
		p += put_order(p, &orders[i]);
}

/* Takes back what was queued since `mark` when memory ran out; else starts sending. */
static int queue_end(struct enforce *e, size_t mark)
{
	int r = outbox_settle(&e->out, mark);
	/* a failure here is seen again, and told, by the next dispatch */
	if (r == 0)
		(void)outbox_flush(&e->out, e->socket);
	return r;
}

static void answer(struct enforce *e, const struct enforce_order *order, int error)
{
	if (e->events.answer)
		e->events.answer(e->events.ctx, order, error);
}

int enforce_submit(struct enforce *e, const struct enforce_order *orders, size_t n)
{
	if (e->observes) {
		for (size_t i = 0; i < n; i++)
			answer(e, &orders[i], -ENOTSUP);
		return 0;
	}
	if (e->socket < 0)
		return -EPIPE;
	size_t mark = e->out.waiting.n;
	for (size_t i = 0; i < n; i += WIRE_ITEMS_MAX)
		queue_orders(e, WIRE_ORDERS, orders + i, MIN_OF(n - i, (size_t)WIRE_ITEMS_MAX));
	return queue_end(e, mark);
}

/* The elements so far become a message, and leave. */
static void send_wanted(struct enforce *e, unsigned flags)
{
	size_t mark = e->out.waiting.n, size = e->wanted_n * sizeof(struct wire_order);
	char *p = outbox_put(&e->out, sizeof(struct wire_header) + size);
	if (p) {
		p += wire_put_header(p, WIRE_WANTED, e->wanted_flags | flags, e->wanted_n);
		memcpy(p, e->wanted, size);
	}
	int r = queue_end(e, mark);
	if (r < 0)
		e->wanted_error = r;
	e->wanted_n = 0;
	e->wanted_flags = 0;
}

void enforce_sync_begin(struct enforce *e)
{
	e->wanted_n = 0;
	e->wanted_flags = WIRE_FIRST;
	e->wanted_error = e->socket < 0 && !e->observes ? -EPIPE : 0;
}

void enforce_sync_add(struct enforce *e, const struct enforce_element *element)
{
	struct enforce_order order = {.element = *element};
	if (e->observes)
		answer(e, &order, -ENOTSUP);
	if (e->observes || e->wanted_error)
		return;
	if (e->wanted_n == WIRE_ITEMS_MAX)
		send_wanted(e, 0);
	(void)put_order(e->wanted + e->wanted_n++ * sizeof(struct wire_order), &order);
}

int enforce_sync_end(struct enforce *e)
{
	if (!e->observes) {
		if (!e->wanted_error)
			send_wanted(e, WIRE_LAST);
		return e->wanted_error;
	}
	struct enforce_sync_result result = {.error = -ENOTSUP};
	if (e->events.synced)
		e->events.synced(e->events.ctx, &result);
	return 0;
}

int enforce_sync(struct enforce *e, const struct enforce_element *wanted, size_t n)
{
	enforce_sync_begin(e);
	for (size_t i = 0; i < n; i++)
		enforce_sync_add(e, &wanted[i]);
	return enforce_sync_end(e);
}

int enforce_sample(struct enforce *e)
{
	if (e->observes) {
		if (e->events.hits)
			e->events.hits(e->events.ctx, NULL, 0);
		return 0;
	}
	if (e->socket < 0)
		return -EPIPE;
	size_t mark = e->out.waiting.n;
	queue_orders(e, WIRE_SAMPLE, NULL, 0);
	return queue_end(e, mark);
}

int enforce_ask(struct enforce *e, enum enforce_list list, const struct prefix *target,
	void (*fn)(void *ctx, bool found, const struct enforce_element *element, int error),
	void *ctx)
{
	struct enforce_order question = {.element = {.target = *target, .list = list}};
	if (e->observes) {
		fn(ctx, false, &question.element, -ENOTSUP);
		return 0;
	}
	if (e->socket < 0)
		return -EPIPE;
	if (e->ask_n == ASKS_MAX)
		return -ENOBUFS;
	size_t mark = e->out.waiting.n;
	e->asks[(e->ask_first + e->ask_n++) % ASKS_MAX] = (struct ask){fn, ctx};
	queue_orders(e, WIRE_ASK, &question, 1);
	int r = queue_end(e, mark);
	if (r < 0)
		e->ask_n--;
	return r;
}

static struct ask next_ask(struct enforce *e)
{
	struct ask ask = e->asks[e->ask_first];
	e->ask_first = (e->ask_first + 1) % ASKS_MAX;
	e->ask_n--;
	return ask;
}

static int on_state(struct enforce *e, const struct wire_message *m)
{
	e->state = wire_get_state(m);
	return 0;
}

static int on_answers(struct enforce *e, const struct wire_message *m)
{
	for (size_t i = 0; i < m->count; i++) {
		int error;
		struct enforce_order order = wire_get_order(m, i, &error);
		answer(e, &order, error);
	}
	return 0;
}

static int on_synced(struct enforce *e, const struct wire_message *m)
{
	struct enforce_sync_result result = wire_get_synced(m);
	if (e->events.synced)
		e->events.synced(e->events.ctx, &result);
	return 0;
}

static int on_hits(struct enforce *e, const struct wire_message *m)
{
	if (m->first)
		e->hits_n = 0;
	if (e->hits_n + m->count > e->hits_size) {
		size_t size = MAX_OF(2 * e->hits_size, e->hits_n + m->count);
		struct enforce_hit *p = reallocarray(e->hits, size, sizeof(*p));
		if (!p)
			return -ENOMEM;
		e->hits = p;
		e->hits_size = size;
	}
	for (size_t i = 0; i < m->count; i++)
		e->hits[e->hits_n++] = wire_get_hit(m, i);
	if (m->last && e->events.hits)
		e->events.hits(e->events.ctx, e->hits, e->hits_n);
	return 0;
}

static int on_found(struct enforce *e, const struct wire_message *m)
{
	if (e->ask_n == 0)
		return -EBADMSG;
	int error;
	struct enforce_order order = wire_get_order(m, 0, &error);
	struct ask ask = next_ask(e);
	ask.fn(ask.ctx, error == 0, &order.element, error == -ENOENT ? 0 : error);
	return 0;
}

static int on_drift(struct enforce *e, const struct wire_message *m)
{
	(void)m;
	if (e->events.drift)
		e->events.drift(e->events.ctx);
	return 0;
}

/* To a question that nobody waits for any more. */
static int on_late(struct enforce *e, const struct wire_message *m)
{
	(void)e;
	(void)m;
	return 0;
}

static int handle(struct enforce *e, const void *message, size_t n)
{
	static int (*const handlers[WIRE_KINDS])(struct enforce *, const struct wire_message *) = {
		[WIRE_STATE] = on_state,
		[WIRE_ANSWERS] = on_answers,
		[WIRE_SYNCED] = on_synced,
		[WIRE_HITS] = on_hits,
		[WIRE_FOUND] = on_found,
		[WIRE_DRIFT] = on_drift,
		[WIRE_ANSWERED] = on_late,
	};
	struct wire_message m;
	int r = wire_decode(WIRE_TO_ENGINE, message, n, &m);
	return r < 0 ? r : handlers[m.kind](e, &m);
}

/* Whatever still waited is told, once. */
static void gone(struct enforce *e)
{
	closep(&e->socket);
	e->socket = -1;
	e->state.ready = e->state.owner = false;
	outbox_done(&e->out);
	outbox_done(&e->kept);
	while (e->ask_n > 0) {
		struct ask ask = next_ask(e);
		struct enforce_element nothing = {.expires = 0};
		ask.fn(ask.ctx, false, &nothing, -EPIPE);
	}
	if (e->events.gone)
		e->events.gone(e->events.ctx);
}

/* Reads one message: its size, 0 when there is none, or -errno (-EPIPE at the end). */
static ssize_t read_message(struct enforce *e)
{
	int fd;
	ssize_t n = fdpass_recv(e->socket, e->message, sizeof(e->message), &fd);
	if (n == -EAGAIN)
		return 0;
	closep(&fd); /* the enforcer passes none */
	return n == 0 || n == -ECONNRESET ? -EPIPE : n;
}

/* Reads and handles one message: 1, 0 when there is none, or -errno (-EPIPE at the end). */
static int receive(struct enforce *e)
{
	ssize_t n = read_message(e);
	int r = n <= 0 ? (int)n : handle(e, e->message, (size_t)n);
	return n <= 0 || r < 0 ? r : 1;
}

/* What was kept comes first. */
static int handle_kept(struct enforce *e)
{
	int r = 0;
	struct slice message;
	struct outbox kept = e->kept;
	e->kept = (struct outbox){0};
	while (r == 0 && e->socket >= 0 && outbox_take(&kept, &message))
		r = handle(e, message.p, message.n);
	outbox_done(&kept);
	return r;
}

bool enforce_has_kept(const struct enforce *e)
{
	return !outbox_empty(&e->kept);
}

/* Looks at one message: 1 with its answer when it is to our question, 0 when it is kept. */
static int look_at(struct enforce *e, size_t n, int *ret_answer)
{
	struct wire_message m;
	int r = wire_decode(WIRE_TO_ENGINE, e->message, n, &m);
	if (r < 0)
		return r;
	struct wire_who who = {0};
	if (m.kind == WIRE_ANSWERED)
		who = wire_get_who(&m);
	if (m.kind == WIRE_ANSWERED && who.tag == e->who_tag) {
		*ret_answer = who.error == 0 ? 1 : who.error == -ENOENT ? 0 : who.error;
		return 1;
	}
	char *p = outbox_put(&e->kept, n);
	if (!p)
		return -ENOMEM;
	memcpy(p, e->message, n);
	return 0;
}

static int wait_for_answer(struct enforce *e)
{
	int64_t deadline = clock_mono() + ANSWER_PATIENCE;
	for (;;) {
		int answer;
		ssize_t n = read_message(e);
		int r = n <= 0 ? (int)n : look_at(e, (size_t)n, &answer);
		if (r == 1)
			return answer;
		if (r == 0)
			r = outbox_flush(&e->out, e->socket);
		if (r < 0)
			return r;
		int64_t left = deadline - clock_mono();
		if (left <= 0)
			return -ETIMEDOUT;
		struct pollfd wait = {.fd = e->socket,
			.events = (short)(POLLIN | (outbox_empty(&e->out) ? 0 : POLLOUT))};
		if (n == 0 && poll(&wait, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

int enforce_answered(struct enforce *e, enum enforce_served service, const struct prefix *who)
{
	if (e->observes)
		return -ENOTSUP;
	if (e->socket < 0)
		return -EPIPE;
	struct wire_who question = {
		.len = who->len, .service = (uint8_t)service, .tag = ++e->who_tag};
	memcpy(question.addr, who->addr.b, sizeof(question.addr));
	size_t mark = e->out.waiting.n;
	char *p = outbox_put(&e->out, sizeof(struct wire_header) + sizeof(question));
	if (p) {
		p += wire_put_header(p, WIRE_WHO, 0, 1);
		memcpy(p, &question, sizeof(question));
	}
	int r = queue_end(e, mark);
	return r < 0 ? r : wait_for_answer(e);
}

int enforce_dispatch(struct enforce *e)
{
	int r = handle_kept(e);
	for (unsigned i = 0; r >= 0 && i < DISPATCH_MAX && e->socket >= 0; i++) {
		r = receive(e);
		if (r <= 0)
			break;
	}
	if (e->socket < 0)
		return r < 0 ? r : 0;
	if (r >= 0)
		r = outbox_flush(&e->out, e->socket);
	if (r < 0) {
		gone(e);
		return r == -EPIPE ? 0 : r;
	}
	return 0;
}
