/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * event -> decision. Pure: no I/O, and time comes with the events.
 */
#pragma once

#include "detect/protect.h"
#include "detect/window.h"
#include "model/decision.h"
#include "model/event.h"
#include "model/rule.h"

struct detector;

struct detect_stats {
	uint64_t failures; /* attempts counted */
	uint64_t successes;
	uint64_t duplicates;     /* lines that said again what was counted */
	uint64_t without_source; /* attempts counted before, or without, their source */
	uint64_t refused;        /* attempts of never-blocked sources */
};

/* What one event meant. */
struct verdict {
	uint32_t attempts;    /* attempts this event adds to the statistics (0: a duplicate) */
	struct prefix source; /* as counted; valid when attempts > 0 and the event has an address */
	enum protect_reason refused; /* counted, but never blocked */
	bool decided;                /* decision is valid */
	struct decision decision;
};

/* windows, protect: borrowed. */
struct detector *detector_new(struct window_table *windows, const struct protect *protect);
struct detector *detector_free(struct detector *d);
/*
 * Rules of one host, most specific first; copied. The first of them that is reached decides.
 * -EINVAL (nothing changes) for a fail_count outside 1..WINDOW_MOST or a span outside
 * 1 ms..WINDOW_SPAN_MOST.
 */
int detector_set_rules(struct detector *d, const struct rule *rules, unsigned n);
/*
 * Judges one event of `host`. An event without a time counts at `now` (ms), which
 * is also the latest time believed: a stamp more than 1 s ahead of it counts at now.
 */
void detector_event(struct detector *d, uint32_t host, const struct event *event, int64_t now,
	struct verdict *ret);
/* The longest span of the rules (ms): older windows mean nothing. */
int64_t detector_span(const struct detector *d);
void detector_get_stats(const struct detector *d, struct detect_stats *ret);
