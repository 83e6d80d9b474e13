/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Failures a few lines ahead of their judgement. With many sources each one's window
 * is somewhere else in memory, and waiting for it takes longer than all the rest. So a failure
 * is counted at once, and judged when its window has come and some more lines
 * have been read. Order stays: what is judged, and what comes of it, is the same as one by one.
 */
#pragma once

#include "detect/detect.h"

#define AHEAD_MOST 8 /* a power of two */

struct ahead;

/*
 * fn gets each failure that has a source, in order, judged; what it returns other than 0 is
 * returned by the call that judged. depth: how many may wait, 1 to AHEAD_MOST. NULL: no memory.
 */
struct ahead *ahead_new(struct detector *d, unsigned depth,
	int (*fn)(void *ctx, const struct failure *f, const struct decision *decision), void *ctx);
struct ahead *ahead_free(struct ahead *a); /* what waits is dropped */
/* Takes an event; if it is a failure with a source, that is judged now or later. */
int ahead_event(struct ahead *a, uint32_t host, const struct event *event, int64_t now);
/* Judges all that wait. Call it before anything that judgement depends on changes. */
int ahead_flush(struct ahead *a);
