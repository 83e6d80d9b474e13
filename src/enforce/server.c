/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/server.h"

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/util.h"
#include "enforce/dump.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

/* Two programs that fight over the table must not eat the machine. */
#define DRIFT_EVERY 200 /* ms */

/* Ending connections takes up to milliseconds in which no order is done. */
#define GAP          100  /* ms without orders before it begins: the rules have cut them already */
#define GAP_PATIENCE 1000 /* ms after which it begins all the same */

/* The answers so far become a message, before any other. */
static int put_answers(struct server *s)
{
	if (s->answers_n == 0)
		return 0;
	size_t size = s->answers_n * sizeof(struct wire_order);
	char *p = outbox_put(&s->out, sizeof(struct wire_header) + size);
	if (!p)
		return -ENOMEM;
	p += wire_put_header(p, WIRE_ANSWERS, 0, s->answers_n);
	memcpy(p, s->answers, size);
	s->answers_n = 0;
	return 0;
}

char *server_put(struct server *s, enum wire_kind kind, unsigned flags, size_t n, size_t size)
{
	if (put_answers(s) < 0)
		return NULL;
	char *p = outbox_put(&s->out, sizeof(struct wire_header) + n * size);
	return p ? p + wire_put_header(p, kind, flags, n) : NULL;
}

int server_answer(struct server *s, const struct enforce_order *order, int error)
{
	char *p = s->answers + s->answers_n * sizeof(struct wire_order);
	(void)wire_put_order(p, order, error);
	return ++s->answers_n == WIRE_ITEMS_MAX ? put_answers(s) : 0;
}

static int send_out(struct server *s)
{
	int r = put_answers(s);
	return r < 0 ? r : outbox_flush(&s->out, s->socket);
}

static void name_lacks(struct server *s)
{
	(void)snprintf(s->state.lacks, sizeof(s->state.lacks), "%s%s%s",
		!s->table.cannot ? "" : "tables nobody else can touch (Linux 6.9); ",
		s->conn.diag && !s->conn.no_destroy ? "" : "ending sockets (INET_DIAG_DESTROY); ",
		s->conn.track && !s->conn.no_forget
			? ""
			: "forgetting tracked connections by address; ");
	size_t n = strlen(s->state.lacks);
	if (n >= 2)
		s->state.lacks[n - 2] = '\0';
}

int server_tell_state(struct server *s)
{
	s->state.ready = s->table.there;
	s->state.owner = s->table.owner;
	s->state.table = s->table.handle;
	name_lacks(s);
	/* nobody else can touch what is ours alone */
	int r = drift_listen(&s->drift, !s->table.owner);
	if (r < 0)
		return r;
	char *p = server_put(s, WIRE_STATE, 0, 1, sizeof(struct wire_state));
	if (!p)
		return -ENOMEM;
	(void)wire_put_state(p, &s->state);
	return 0;
}

void server_refuse(int socket, int error)
{
	struct enforce_state state = {.error = error};
	char message[sizeof(struct wire_header) + sizeof(struct wire_state)];
	size_t n = wire_put_header(message, WIRE_STATE, 0, 1);
	n += wire_put_state(message + n, &state);
	(void)fdpass_send(socket, message, n, -1);
}

int server_open(struct server *s, int socket, const struct enforcer_config *config)
{
	*s = (struct server){.socket = socket};
	struct utsname name;
	if (uname(&name) == 0)
		(void)snprintf(s->state.kernel, sizeof(s->state.kernel), "%.63s", name.release);
	s->orders = calloc(SERVER_BATCH_MAX, sizeof(*s->orders));
	if (!s->orders)
		return -ENOMEM;
	int r = nft_open(&s->nft, config->table);
	s->nft.ports = config->ports;
	if (r == 0)
		r = table_open(&s->table, &s->nft, config->own);
	if (r == 0)
		r = drift_open(&s->drift, config->table, s->nft.portid);
	if (r == 0)
		r = conn_open(&s->conn);
	return r;
}

void server_done(struct server *s)
{
	for (enum set_id set = 0; set < SET_ORDERED; set++)
		nets_done(&s->nets[set]);
	conn_done(&s->conn);
	drift_done(&s->drift);
	table_done(&s->table);
	nft_done(&s->nft);
	outbox_done(&s->out);
	server_sync_done(s);
	free(s->orders);
}

int server_rebuild(struct server *s, struct change *changes, size_t n)
{
	struct nft_head head;
	table_rebuild(&s->table, &head);
	int r = nft_apply(&s->nft, changes, n, &head);
	return r < 0 ? r : table_look(&s->table);
}

int server_start(struct server *s)
{
	int r = table_look(&s->table);
	/* one that does not fit keeps its blocks until the first sync replaces it */
	s->fresh = r == 0 && !s->table.there;
	if (s->fresh)
		r = server_rebuild(s, NULL, 0);
	if (r < 0)
		return r;
	r = server_tell_state(s);
	return r < 0 ? r : send_out(s);
}

static int on_orders(struct server *s, const struct wire_message *m)
{
	s->ordered = clock_mono();
	for (size_t i = 0; i < m->count; i++)
		s->orders[s->orders_n++] = wire_get_order(m, i, NULL);
	return 0;
}

struct sample {
	struct enforce_hit *list;
	size_t n, size;
};

static int collect_hit(void *ctx, const struct enforce_hit *hit)
{
	struct sample *sample = ctx;
	if (sample->n == sample->size) {
		size_t size = sample->size ? 2 * sample->size : 256;
		struct enforce_hit *p = reallocarray(sample->list, size, sizeof(*p));
		if (!p)
			return -ENOMEM;
		sample->list = p;
		sample->size = size;
	}
	sample->list[sample->n++] = *hit;
	return 0;
}

static int on_sample(struct server *s, const struct wire_message *m)
{
	(void)m;
	struct sample sample = {0};
	/* without a table there is nothing to count: an empty sample says so */
	(void)dump_hits(&s->nft, collect_hit, &sample);
	size_t done = 0;
	int r;
	do {
		size_t k = MIN_OF(sample.n - done, (size_t)WIRE_ITEMS_MAX);
		unsigned flags =
			(done == 0 ? WIRE_FIRST : 0) | (done + k == sample.n ? WIRE_LAST : 0);
		char *p = server_put(s, WIRE_HITS, flags, k, sizeof(struct wire_hit));
		r = p ? 0 : -ENOMEM;
		for (size_t i = 0; p && i < k; i++)
			p += wire_put_hit(p, &sample.list[done + i]);
		done += k;
	} while (r == 0 && done < sample.n);
	free(sample.list);
	return r;
}

static int on_ask(struct server *s, const struct wire_message *m)
{
	struct enforce_order answer = wire_get_order(m, 0, NULL);
	struct entry found;
	enum set_id set;
	int r = element_set(&answer.element, &set);
	if (r == 0)
		r = dump_element(&s->nft, set, &answer.element.target.addr, &found);
	if (r == 0) {
		answer.element.expires = found.expires;
		answer.element.record = found.record;
	}
	char *p = server_put(s, WIRE_FOUND, 0, 1, sizeof(struct wire_order));
	if (!p)
		return -ENOMEM;
	(void)wire_put_order(p, &answer, r);
	return 0;
}

static int on_who(struct server *s, const struct wire_message *m)
{
	struct wire_who who = wire_get_who(m);
	struct prefix prefix = {.len = who.len};
	struct entry found;
	memcpy(prefix.addr.b, who.addr, sizeof(who.addr));
	enum set_id set = element_answered((enum enforce_served)who.service, &prefix);
	who.error = dump_element(&s->nft, set, &prefix.addr, &found);
	char *p = server_put(s, WIRE_ANSWERED, 0, 1, sizeof(who));
	if (!p)
		return -ENOMEM;
	memcpy(p, &who, sizeof(who));
	return 0;
}

static int handle(struct server *s, const void *data, size_t n)
{
	static int (*const handlers[WIRE_KINDS])(struct server *, const struct wire_message *) = {
		[WIRE_ORDERS] = on_orders,
		[WIRE_WANTED] = server_sync,
		[WIRE_SAMPLE] = on_sample,
		[WIRE_ASK] = on_ask,
		[WIRE_WHO] = on_who,
	};
	struct wire_message m;
	int r = wire_decode(WIRE_TO_ENFORCER, data, n, &m);
	if (r < 0)
		return r;
	/* orders wait for each other to share a transaction; all else comes after them */
	if (m.kind != WIRE_ORDERS)
		r = server_orders(s);
	return r < 0 ? r : handlers[m.kind](s, &m);
}

/* One message: 1, 0 when there is none, or -errno. */
static int receive(struct server *s)
{
	char message[WIRE_MESSAGE_MAX];
	int fd;
	ssize_t n = fdpass_recv(s->socket, message, sizeof(message), &fd);
	if (n == -EAGAIN)
		return 0;
	closep(&fd); /* none is asked for */
	if (n == 0 || n == -ECONNRESET)
		return -EPIPE;
	int r = n < 0 ? (int)n : handle(s, message, (size_t)n);
	return r < 0 ? r : 1;
}

/* Answers the engine does not fetch hold up its next requests, so all stays bounded. */
static bool has_room(const struct server *s)
{
	return outbox_empty(&s->out) && s->orders_n + WIRE_ITEMS_MAX <= SERVER_BATCH_MAX;
}

int server_requests(struct server *s)
{
	int r = 1;
	for (int i = 0; r == 1 && i < SERVER_BATCH_MAX / 8 && has_room(s); i++)
		r = receive(s);
	int done = server_orders(s);
	if (done == 0)
		done = send_out(s);
	return r < 0 ? r : done;
}

void server_events(struct server *s)
{
	s->drifted |= drift_read(&s->drift);
}

/* The allow-list beats a block around it. */
static bool spare(void *ctx, const struct addr *remote)
{
	const struct server *s = ctx;
	return nets_hold(&s->nets[addr_is_v4(remote) ? SET_ALLOW4 : SET_ALLOW6], remote);
}

/* Ends connections in a gap between orders, or when none has come for long. */
static int end_connections(struct server *s, int64_t now)
{
	if (!conn_pending(&s->conn)) {
		s->ended = now;
		return -1;
	}
	int64_t gap = s->ordered + GAP - now;
	if (gap > 0 && now - s->ended < GAP_PATIENCE)
		return (int)gap;
	(void)conn_work(&s->conn, spare, s);
	s->ended = now;
	return conn_pending(&s->conn) ? 0 : -1;
}

/* Tells of drift, not too often. */
static int tell_drift(struct server *s, int64_t now)
{
	if (!s->drifted || !outbox_empty(&s->out))
		return -1;
	int64_t left = s->drift_told + DRIFT_EVERY - now;
	if (left > 0)
		return (int)left;
	if (server_put(s, WIRE_DRIFT, 0, 0, 0)) {
		s->drifted = false;
		s->drift_told = now;
		(void)send_out(s);
	}
	return -1;
}

int server_idle(struct server *s)
{
	int64_t now = clock_mono();
	int ends = end_connections(s, now), tells = tell_drift(s, now);
	if (ends < 0 || tells < 0)
		return MAX_OF(ends, tells);
	return MIN_OF(ends, tells);
}
