/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Refused connections. The kernel counts them a (source, port) since its table
 * was made; what is new since the stored reading belongs to the block. Reading
 * and difference are written in one transaction, under the boot and the table
 * they were read in, so a restart on either side counts nothing twice.
 */
#include "base/clock.h"
#include "core/private.h"

#include <unistd.h>

#define REFRESH_TRIES    100
#define REFRESH_PAUSE_US 1000

/* The record a refused connection counts for: the one of its port, else any that holds. */
static struct member *member_for(struct element *el, uint16_t port)
{
	struct member *any = NULL;
	for (struct member *m = el ? &el->first : NULL; m; m = m->next) {
		if (m->port == port)
			return m;
		any = m;
	}
	return any;
}

/* A reading is as late as the enforcer's answer, and the kernel counts in ticks. */
#define SLACK (10 * MS_SECOND)

/*
 * The kernel drops a counter ENFORCE_HITS_MS after the latest connection, and the next one
 * counts 1 again: the number alone could be higher, the same or lower than before. The
 * same number with a later connection has begun anew. A higher one certainly has when the
 * last sample came after the old one's end: it would have seen any that kept it alive.
 */
uint64_t hits_new(
	const struct hit_reading *before, const struct hit_reading *now, int64_t last_sample)
{
	bool known = before->latest >= 0;
	int64_t ended = before->latest + ENFORCE_HITS_MS + SLACK;
	if (now->count < before->count)
		return now->count;
	if (now->count == before->count)
		return known && now->latest - before->latest > SLACK ? now->count : 0;
	if (known && last_sample >= ended && now->latest >= ended)
		return now->count;
	return now->count - before->count;
}

static void take_one(struct core *c, const struct enforce_hit *hit, uint64_t table)
{
	struct prefix source = {.addr = hit->source, .len = hit->len};
	struct hit_reading before, reading = {hit->count, hit->latest - clock_now() + clock_mono()};
	if (store_hit_get(c->store, &source, hit->port, c->boot_id, table, &before) < 0)
		return;
	uint64_t new = hits_new(&before, &reading, c->sampled);
	if (new == 0)
		return;
	struct member *m = member_for(elements_find(&c->elements, ENFORCE_IN, &source), hit->port);
	if (m)
		(void)store_block_count(
			c->store, m->block, (int64_t) new, MIN_OF(hit->latest, clock_now()));
	(void)store_hit_put(c->store, &source, hit->port, c->boot_id, table, &reading, clock_now());
}

void hits_take(struct core *c, const struct enforce_hit *hits, size_t n)
{
	c->counters.last_sample = clock_now();
	if (n == 0)
		c->sampled = clock_mono();
	if (n == 0 || store_begin(c->store) < 0)
		return;
	uint64_t table = enforce_get_state(c->enforce)->table;
	for (size_t i = 0; i < n; i++)
		take_one(c, &hits[i], table);
	int r = store_commit(c->store, STORE_REPLAYABLE);
	blocks_commit(c, r);
	if (r == 0)
		c->sampled = clock_mono();
}

void hits_sample(struct core *c)
{
	if (!enforce_observes(c->enforce))
		(void)enforce_sample(c->enforce);
	kernel_poll(c);
	timer_set(c->hits_timer, c->settings->hits_interval);
}

/* On the loop's thread: asks, and remembers who waits for the answer. */
static int ask_sample(struct core *c, void *arg)
{
	(void)arg;
	if (clock_now() - c->counters.last_sample >= c->settings->hits_interval)
		hits_sample(c);
	return 0;
}

void hits_refresh(struct core *c)
{
	if (clock_now() - c->counters.last_sample < c->settings->hits_interval ||
		enforce_observes(c->enforce))
		return;
	int64_t asked = clock_now();
	if (core_call(c, ask_sample, NULL) < 0 || pthread_equal(pthread_self(), c->calls.thread))
		return;
	/* bounded: an answer without the newest handful of refusals beats no answer */
	for (int i = 0; i < REFRESH_TRIES && c->counters.last_sample < asked; i++)
		(void)usleep(REFRESH_PAUSE_US);
}
