/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions that wait for something to be wished, one a host: of a newer one the older, whose agent
 * is gone, is answered that there is nothing. Nobody is missed: a question is in the table before
 * it reads what is wished, and is suspended only if nobody woke it meanwhile.
 */
#include "base/clock.h"
#include "fleet/server_private.h"

static struct exchange **bucket_of(struct held *h, uint32_t host)
{
	return &h->buckets[host & (HELD_BUCKETS - 1)];
}

static struct exchange **slot_of(struct held *h, uint32_t host)
{
	struct exchange **slot = bucket_of(h, host);
	while (*slot && (*slot)->host != host)
		slot = &(*slot)->next;
	return slot;
}

/* Most are put at the end, a question that goes on waiting somewhat before it. */
static void put(struct held *h, struct exchange *x)
{
	struct exchange **bucket = bucket_of(h, x->host), *before = h->last;
	x->next = *bucket;
	*bucket = x;
	while (before && before->until > x->until)
		before = before->earlier;
	x->earlier = before;
	x->later = before ? before->later : h->first;
	*(x->later ? &x->later->earlier : &h->last) = x;
	*(before ? &before->later : &h->first) = x;
	x->held = true;
	h->n++;
}

static void take_out(struct held *h, struct exchange *x)
{
	*slot_of(h, x->host) = x->next;
	*(x->later ? &x->later->earlier : &h->last) = x->earlier;
	*(x->earlier ? &x->earlier->later : &h->first) = x->later;
	x->held = false;
	h->n--;
	h->starved -= x->starved;
	x->starved = false;
}

static void wake(struct exchange *x)
{
	take_out(&x->server->held, x);
	x->woken = true;
	exchange_resume(x);
}

bool held_begin(struct exchange *x)
{
	struct fleet_server *s = x->server;
	int64_t now = clock_mono();
	server_lock(s);
	if (x->until == 0)
		x->until = now + FLEET_HOLD;
	bool may = !s->draining && !x->superseded && now < x->until;
	if (may) {
		struct exchange *older = *slot_of(&s->held, x->host);
		if (older) {
			older->superseded = true;
			wake(older);
		}
		x->woken = false;
		put(&s->held, x);
		(void)pthread_cond_signal(&s->tick);
	}
	server_unlock(s);
	return may;
}

void held_end(struct exchange *x)
{
	server_lock(x->server);
	if (x->held)
		take_out(&x->server->held, x);
	server_unlock(x->server);
}

bool held_wait(struct exchange *x)
{
	struct fleet_server *s = x->server;
	server_lock(s);
	bool wait = !x->woken;
	if (wait) {
		MHD_suspend_connection(x->connection);
		x->suspended = true;
	}
	server_unlock(s);
	return wait;
}

void held_tick(struct fleet_server *s, int64_t now)
{
	while (s->held.first && s->held.first->until <= now)
		wake(s->held.first);
}

void held_wake_host(struct fleet_server *s, uint32_t host)
{
	struct exchange *x = *slot_of(&s->held, host);
	if (x)
		wake(x);
}

void held_wake_all(struct fleet_server *s)
{
	while (s->held.first)
		wake(s->held.first);
}

void held_feed(struct fleet_server *s)
{
	struct exchange *x = s->held.starved > 0 ? s->held.first : NULL;
	while (x && !x->starved)
		x = x->later;
	if (x)
		wake(x);
}
