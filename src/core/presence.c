/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which agents are there. Every word of an agent is a store into one atomic
 * number of its own, from whatever thread heard it; the loop looks at all of them once a
 * second, and only what turned is written: online, offline, and once an hour that it is
 * still there.
 *
 * The numbers are found by the host's id, in pieces that are made when the first of their
 * hosts is heard and stay until the end: nobody waits for anybody.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"

#include <errno.h>

#define LOOK   MS_SECOND
#define REMIND MS_HOUR /* last_seen of who is online is at most so old in the store */
#define PIECE  1024u
#define PIECES 1024u /* a million hosts: an id beyond is never online */

struct seen {
	_Atomic int64_t heard; /* ms, monotonic; negative: it left then; 0: never heard */
	_Atomic bool idle;     /* its kernel takes no orders */
	/* the loop's own */
	bool online;
	int64_t stored; /* ms, monotonic: when last_seen was stored */
};

struct piece {
	struct seen list[PIECE];
};

struct presence {
	struct core *core;
	struct timer *timer;
	_Atomic(struct piece *) pieces[PIECES];
};

/* NULL: no memory, or too large an id. */
static struct seen *seen_of(struct presence *p, uint32_t host)
{
	if (host / PIECE >= PIECES)
		return NULL;
	_Atomic(struct piece *) *at = &p->pieces[host / PIECE];
	struct piece *piece = atomic_load_explicit(at, memory_order_acquire);
	if (!piece) {
		struct piece *mine = calloc(1, sizeof(*mine));
		if (!mine)
			return NULL;
		if (atomic_compare_exchange_strong(at, &piece, mine))
			piece = mine;
		else
			free(mine); /* somebody was quicker */
	}
	return &piece->list[host % PIECE];
}

void core_agent_heard(struct core *c, uint32_t host)
{
	struct seen *s = seen_of(c->presence, host);
	if (s)
		atomic_store_explicit(&s->heard, MAX_OF(clock_mono(), 1), memory_order_relaxed);
}

void core_agent_left(struct core *c, uint32_t host)
{
	struct seen *s = seen_of(c->presence, host);
	if (s)
		atomic_store_explicit(&s->heard, -MAX_OF(clock_mono(), 1), memory_order_relaxed);
}

void presence_enforces(struct core *c, uint32_t host, bool enforces)
{
	struct seen *s = seen_of(c->presence, host);
	if (s)
		atomic_store_explicit(&s->idle, !enforces, memory_order_relaxed);
}

static bool is_there(struct seen *s, int64_t mono)
{
	int64_t heard = atomic_load_explicit(&s->heard, memory_order_relaxed);
	return heard > 0 && mono - heard < AGENT_SILENT;
}

bool core_agent_observes(struct core *c, uint32_t host)
{
	struct seen *s = seen_of(c->presence, host);
	return s && is_there(s, clock_mono()) &&
	       atomic_load_explicit(&s->idle, memory_order_relaxed);
}

/* What a look found to be written. */
struct turn {
	struct seen *seen;
	uint32_t host;
	bool online;
	int64_t heard; /* ms UTC */
};

struct turns {
	struct turn *list;
	size_t n, size;
};

static int turns_add(struct turns *t, const struct turn *turn)
{
	if (t->n == t->size) {
		size_t size = t->size ? t->size * 2 : 64;
		struct turn *more = reallocarray(t->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->list = more;
		t->size = size;
	}
	t->list[t->n++] = *turn;
	return 0;
}

static int look_at(struct turns *turns, struct seen *s, uint32_t host, int64_t mono)
{
	int64_t heard = atomic_load_explicit(&s->heard, memory_order_relaxed);
	bool idle = atomic_load_explicit(&s->idle, memory_order_relaxed);
	bool online = is_there(s, mono) && !idle;
	if (heard == 0 || (online == s->online && !(online && mono - s->stored >= REMIND)))
		return 0;
	int64_t silent = mono - (heard < 0 ? -heard : heard);
	return turns_add(turns,
		&(struct turn){
			.seen = s, .host = host, .online = online, .heard = clock_now() - silent});
}

static int look_at_all(struct presence *p, int64_t mono, struct turns *turns)
{
	int r = 0;
	for (uint32_t i = 0; i < PIECES; i++) {
		struct piece *piece = atomic_load_explicit(&p->pieces[i], memory_order_acquire);
		for (uint32_t k = 0; piece && k < PIECE && r == 0; k++)
			r = look_at(turns, &piece->list[k], i * PIECE + k, mono);
	}
	return r;
}

static int store_turn(struct core *c, const struct turn *turn)
{
	struct host h;
	int r = store_host_get(c->store, turn->host, &h);
	if (r == STORE_NOT_FOUND || (r == 0 && (h.retired || !h.remote)))
		return 0; /* it has no access any more: its last words */
	if (r < 0)
		return r;
	if (h.agent_online != turn->online)
		log_info("agent %s is %s", h.name, turn->online ? "online" : "offline");
	h.agent_online = turn->online;
	h.last_seen = turn->heard;
	return store_host_put(c->store, &h);
}

void presence_look(struct core *c, int64_t mono)
{
	struct turns turns = {0};
	int r = look_at_all(c->presence, mono, &turns);
	_cleanup_(freep) struct turn *list = turns.list;
	if (turns.n == 0 || store_begin(c->store) < 0)
		return;
	for (size_t i = 0; i < turns.n && r >= 0; i++)
		r = store_turn(c, &list[i]);
	r = store_commit(c->store, STORE_REPLAYABLE);
	blocks_commit(c, r);
	for (size_t i = 0; i < turns.n && r == 0; i++) {
		list[i].seen->online = list[i].online;
		list[i].seen->stored = mono;
	}
}

static void on_look(void *ctx)
{
	struct presence *p = ctx;
	presence_look(p->core, clock_mono());
	timer_set(p->timer, LOOK);
}

static int collect_online(void *ctx, const struct host *h)
{
	struct turns *online = ctx;
	if (!h->remote || !h->agent_online)
		return 0;
	return turns_add(online, &(struct turn){.host = h->id, .heard = h->last_seen});
}

/* Nobody has been heard yet. */
static int begin_offline(struct core *c)
{
	struct turns online = {0};
	int r = store_host_each(c->store, 0, collect_online, &online);
	_cleanup_(freep) struct turn *list = online.list;
	if (r != 0 || online.n == 0)
		return r;
	r = store_begin(c->store);
	for (size_t i = 0; i < online.n && r == 0; i++)
		r = store_turn(c, &list[i]);
	return store_commit(c->store, STORE_REPLAYABLE);
}

int presence_new(struct core *c, struct presence **ret)
{
	struct presence *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->core = c;
	p->timer = timer_new(c->loop, on_look, p);
	int r = p->timer ? begin_offline(c) : -ENOMEM;
	if (r < 0) {
		(void)presence_free(p);
		return r;
	}
	if (c->settings->fleet_listen.host[0] != '\0')
		timer_set(p->timer, LOOK);
	*ret = p;
	return 0;
}

struct presence *presence_free(struct presence *p)
{
	if (!p)
		return NULL;
	p->timer = timer_free(p->timer);
	for (uint32_t i = 0; i < PIECES; i++)
		free(atomic_load(&p->pieces[i]));
	free(p);
	return NULL;
}
