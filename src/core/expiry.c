/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What ends by the clock: blocks of all machines, custom blocks. One timer is
 * set for the next end; whoever makes a block arms it.
 */
#include "base/clock.h"
#include "core/private.h"

#include <errno.h>
#include <sodium/randombytes.h>

#define EXPIRE_AT_ONCE 1024

struct due {
	struct block *list;
	unsigned n;
};

struct canceling {
	struct store *store;
	struct due due;
};

static int collect_due(void *ctx, const struct block *b)
{
	struct due *due = ctx;
	due->list[due->n++] = *b;
	return 0;
}

void blocks_arm_expiry(struct core *c, int64_t next)
{
	if (next == BLOCK_FOREVER || !c->expiry_timer)
		return;
	/* at most a minute: should a step of the clock go unnoticed (clockstep.c) */
	if (c->expiry_next != 0 && c->expiry_next <= next)
		return;
	c->expiry_next = next;
	timer_set(c->expiry_timer, MIN_OF(MAX_OF(next - clock_now(), 0) + 1, MS_MINUTE));
}

static int collect_row(void *ctx, const struct block_row *row)
{
	return collect_due(ctx, &row->block);
}

static int collect_canceling(void *ctx, const struct account *a)
{
	struct canceling *walk = ctx;
	int64_t total = 0, most = EXPIRE_AT_ONCE - walk->due.n;
	struct block_query q = {.account = a->id, .states = 1u << BLOCK_CANCELLING};
	int r = store_block_query(walk->store, &q, collect_row, &walk->due, &total);
	if (r != 0 || total == 0 || most == 0)
		return r;
	/* of more than fit any piece: none waits for ever behind those that have long to go */
	uint32_t pieces = (uint32_t)MIN_OF((total + most - 1) / most, UINT32_MAX);
	q.limit = most;
	q.offset = most * randombytes_uniform(pieces);
	return store_block_query(walk->store, &q, collect_row, &walk->due, &total);
}

/*
 * What an agent was told to lift, and has not answered for, is over with its time at the
 * latest: its kernel knows the end. There are such records while an agent is away.
 */
static int end_unanswered(struct core *c, int64_t now, int64_t *next)
{
	_cleanup_(freep) struct block *list = calloc(EXPIRE_AT_ONCE, sizeof(*list));
	if (!list)
		return -ENOMEM;
	struct canceling walk = {.store = c->store, .due = {.list = list}};
	int r = store_account_each(c->store, collect_canceling, &walk);
	for (unsigned i = 0; i < walk.due.n && r == 0; i++) {
		struct block *b = &list[i];
		if (!block_is_remote(c, b))
			continue; /* our kernel's answer comes */
		if (b->expires <= now)
			r = blocks_change(c, b, BLOCK_CANCELED, "");
		else
			*next = MIN_OF(*next, b->expires);
	}
	return r;
}

/* Ends what is due, custom blocks before their records; *next: when there is more to do. */
static int expire(struct core *c, struct due *due, int64_t *next)
{
	int64_t now = clock_now(), next_custom = BLOCK_FOREVER, next_answer = BLOCK_FOREVER;
	int r = custom_expire(c, now, &next_custom);
	if (r == 0)
		r = store_block_due(c->store, now, EXPIRE_AT_ONCE, collect_due, due, next);
	for (unsigned i = 0; i < due->n && r == 0; i++)
		r = blocks_change(c, &due->list[i], BLOCK_EXPIRED, "");
	if (r == 0)
		r = end_unanswered(c, now, &next_answer);
	if (due->n == EXPIRE_AT_ONCE)
		*next = now;
	*next = MIN_OF(*next, MIN_OF(next_custom, next_answer));
	return r;
}

void blocks_expire(struct core *c)
{
	_cleanup_(freep) struct block *list = calloc(EXPIRE_AT_ONCE, sizeof(*list));
	struct due due = {.list = list};
	int64_t next = BLOCK_FOREVER;
	c->expiry_next = 0;
	if (!list)
		return;
	if (store_begin(c->store) < 0) {
		blocks_arm_expiry(c, clock_now() + MAX_OF(c->store_retry, MS_SECOND));
		return;
	}
	(void)expire(c, &due, &next); /* what went wrong sticks in the transaction */
	int r = store_commit(c->store, STORE_REPLAYABLE);
	blocks_commit(c, r);
	blocks_arm_expiry(c, r < 0 ? clock_now() + c->store_retry : next);
}
