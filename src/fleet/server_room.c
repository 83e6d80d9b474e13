/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much of what comes in and goes out is in memory at a time. A body is read once there is room
 * for all of it; until then its connection is suspended, and TCP keeps the agent from sending more.
 * Strangers are told to come again. For an answer there has to be room before it is made.
 */
#include "base/clock.h"
#include "fleet/server_private.h"

static void charge(struct exchange *x, struct pot *pot, size_t n)
{
	x->pot = pot;
	x->charged = n;
	pot->used += n;
}

static void enter(struct room *room)
{
	struct exchange *x = room->first;
	room->first = x->next;
	if (!room->first)
		room->last = &room->first;
	exchange_resume(x);
}

static bool fits(const struct fleet_server *s, const struct exchange *x)
{
	return s->room.taken.used + x->length <= ROOM_TAKEN;
}

/* Gives back what the exchange has, to those that wait for it. */
static void release(struct exchange *x)
{
	struct fleet_server *s = x->server;
	struct room *room = &s->room;
	if (x->pot)
		x->pot->used -= x->charged;
	x->pot = NULL;
	while (room->first && fits(s, room->first)) {
		charge(room->first, &room->taken, room->first->length);
		enter(room);
	}
	if (room->given.used < ROOM_GIVEN)
		held_feed(s);
}

static void stand_in_line(struct exchange *x)
{
	struct room *room = &x->server->room;
	x->next = NULL;
	x->until = clock_mono() + ROOM_PATIENCE;
	x->entering = true;
	*room->last = x;
	room->last = &x->next;
	MHD_suspend_connection(x->connection);
	x->suspended = true;
	(void)pthread_cond_signal(&x->server->tick);
}

static bool enter_as_stranger(struct exchange *x)
{
	struct pot *pot = &x->server->room.strangers;
	bool may = pot->used + x->length <= ROOM_STRANGERS;
	if (may)
		charge(x, pot, x->length);
	return may;
}

static bool enter_or_wait(struct exchange *x)
{
	struct room *room = &x->server->room;
	if (x->length == 0 || (!room->first && fits(x->server, x))) {
		charge(x, &room->taken, x->length);
		return true;
	}
	if (x->server->draining)
		return false;
	stand_in_line(x);
	return true;
}

bool room_enter(struct exchange *x)
{
	server_lock(x->server);
	bool may = x->verb->open ? enter_as_stranger(x) : enter_or_wait(x);
	server_unlock(x->server);
	return may;
}

bool room_for_answer(struct exchange *x)
{
	struct fleet_server *s = x->server;
	server_lock(s);
	bool room = s->room.given.used < ROOM_GIVEN;
	if (!room && x->held && !x->starved) {
		x->starved = true;
		s->held.starved++;
	}
	server_unlock(s);
	return room;
}

void room_answer(struct exchange *x)
{
	server_lock(x->server);
	release(x);
	charge(x, &x->server->room.given, x->answer.n);
	server_unlock(x->server);
}

void room_leave(struct exchange *x)
{
	server_lock(x->server);
	release(x);
	server_unlock(x->server);
}

void room_tick(struct fleet_server *s, int64_t now)
{
	struct exchange *x;
	while ((x = s->room.first) && (s->draining || x->until <= now)) {
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is coming in");
		enter(&s->room);
	}
}
