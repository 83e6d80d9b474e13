/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections. Whoever has not shown whose he is gets a short time and a bounded part of the
 * places, the latest that came; so nobody from outside keeps agents out for long.
 */
#include "base/clock.h"
#include "fleet/server_private.h"

#include <sys/socket.h>

static void put(struct visitor_list *l, struct visitor *v)
{
	v->earlier = l->last;
	v->later = NULL;
	*(l->last ? &l->last->later : &l->first) = v;
	l->last = v;
	v->list = l;
	l->n++;
}

static void take_out(struct visitor *v)
{
	struct visitor_list *l = v->list;
	if (!l)
		return;
	*(v->later ? &v->later->earlier : &l->last) = v->earlier;
	*(v->earlier ? &v->earlier->later : &l->first) = v->later;
	v->list = NULL;
	l->n--;
}

/* libmicrohttpd sees the end of the connection and closes it. The descriptor is still this
   connection's: before it is closed visitors_notify() waits for the lock. */
static void cut(struct visitor *v)
{
	take_out(v);
	(void)shutdown(v->fd, SHUT_RDWR);
}

static void came(struct fleet_server *s, int fd, void **state)
{
	struct visitor *v = calloc(1, sizeof(*v));
	*state = v;
	if (!v) {
		(void)shutdown(fd, SHUT_RDWR);
		return;
	}
	*v = (struct visitor){.server = s, .fd = fd, .since = clock_mono()};
	server_lock(s);
	if (s->visitors.strangers.n >= VISITORS_STRANGERS)
		cut(s->visitors.strangers.first);
	put(&s->visitors.strangers, v);
	(void)pthread_cond_signal(&s->tick);
	server_unlock(s);
}

void visitors_notify(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_ConnectionNotificationCode what)
{
	struct fleet_server *s = ctx;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		came(s, info->connect_fd, state);
		return;
	}
	struct visitor *v = take(*state);
	if (!v)
		return;
	server_lock(s);
	take_out(v);
	server_unlock(s);
	free(v);
}

static void make_room(struct visitor_list *known, uint32_t host)
{
	struct visitor *oldest = NULL;
	unsigned n = 0;
	for (struct visitor *v = known->last; v; v = v->earlier)
		if (v->host == host) {
			oldest = v;
			n++;
		}
	if (n >= VISITORS_A_HOST)
		cut(oldest);
}

void visitor_known(struct visitor *v, uint32_t host)
{
	struct fleet_server *s = v->server;
	server_lock(s);
	if (v->host != host && v->list) {
		make_room(&s->visitors.known, host);
		take_out(v);
		v->host = host;
		put(&s->visitors.known, v);
	}
	server_unlock(s);
}

void visitors_tick(struct fleet_server *s, int64_t now)
{
	struct visitor_list *strangers = &s->visitors.strangers;
	while (strangers->first && now - strangers->first->since >= VISITORS_PATIENCE)
		cut(strangers->first);
}

/* Somebody with IPv6 has a /64 of addresses. */
static struct trier *trier_of(struct visitors *v, const struct addr *from, struct prefix *ret_who)
{
	*ret_who = prefix_of(from, addr_is_v4(from) ? 128 : 64);
	uint64_t hash = hash_bytes(&v->key, ret_who, sizeof(*ret_who));
	return &v->triers[hash & (VISITORS_TRIERS - 1)];
}

/* Of two that would have one place, the later has it: the other is forgotten. */
bool visitors_try(struct fleet_server *s, const struct addr *from, int64_t now)
{
	struct prefix who;
	server_lock(s);
	struct trier *t = trier_of(&s->visitors, from, &who);
	if (!prefix_eq(&t->who, &who))
		*t = (struct trier){.who = who};
	bool may = now >= t->until && t->trying < VISITORS_TRIES;
	t->trying += may;
	server_unlock(s);
	return may;
}

void visitors_tried(struct fleet_server *s, const struct addr *from, bool failed, int64_t now)
{
	struct prefix who;
	server_lock(s);
	struct trier *t = trier_of(&s->visitors, from, &who);
	if (prefix_eq(&t->who, &who)) {
		t->trying -= t->trying > 0;
		if (failed)
			t->until = MAX_OF(t->until, now) + VISITORS_PENANCE;
	}
	server_unlock(s);
}
