/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/ahead.h"

#include "base/util.h"

/* How many later failures come between the steps towards a window. */
#define STEP 3

struct ahead {
	struct detector *detector;
	int (*fn)(void *ctx, const struct failure *f, const struct decision *decision);
	void *ctx;
	unsigned depth, first, n; /* of the ring: those that wait, oldest first */
	struct failure ring[AHEAD_MOST];
};

struct ahead *ahead_new(struct detector *d, unsigned depth,
	int (*fn)(void *ctx, const struct failure *f, const struct decision *decision), void *ctx)
{
	struct ahead *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->detector = d;
	a->fn = fn;
	a->ctx = ctx;
	a->depth = MAX_OF(1u, MIN_OF(depth, (unsigned)AHEAD_MOST));
	return a;
}

struct ahead *ahead_free(struct ahead *a)
{
	free(a);
	return NULL;
}

static struct failure *waiting(struct ahead *a, unsigned i)
{
	return &a->ring[(a->first + i) % AHEAD_MOST];
}

static int judge_oldest(struct ahead *a)
{
	struct decision decision;
	const struct failure *f = waiting(a, 0);
	bool decided = detector_judge(a->detector, f, &decision);
	a->first++;
	a->n--;
	return a->fn(a->ctx, f, decided ? &decision : NULL);
}

int ahead_event(struct ahead *a, uint32_t host, const struct event *event, int64_t now)
{
	struct failure *f = waiting(a, a->n);
	if (!detector_count(a->detector, host, event, now, f))
		return 0;
	a->n++;
	for (unsigned back = STEP; back < a->n; back += STEP)
		detector_approach(a->detector, waiting(a, a->n - 1 - back));
	return a->n == a->depth ? judge_oldest(a) : 0;
}

int ahead_flush(struct ahead *a)
{
	int r = 0;
	while (a->n > 0) {
		int one = judge_oldest(a);
		r = r == 0 ? one : r;
	}
	return r;
}
