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

/* What one event adds to the failures of its source. */
struct failure {
	struct window_key key; /* host, service, source */
	struct addr src;       /* the very address */
	enum protect_reason refused;
	uint32_t attempts;         /* at least 1 */
	int64_t time;              /* ms, as the windows have it */
	int64_t past;              /* the same, but never after the `now` it was counted at */
	struct window_place place; /* unless refused */
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
/*
 * The same in two halves, so that the memory of a window can come in between. The first says
 * what the event adds; true when *ret is a failure with a source: it is to be judged,
 * in order, before rules or windows change.
 */
bool detector_count(struct detector *d, uint32_t host, const struct event *event, int64_t now,
	struct failure *ret);
/* Asks for what the judgement needs next; any number of times, or never. */
void detector_approach(const struct detector *d, struct failure *f);
/* True when it decides. */
bool detector_judge(struct detector *d, const struct failure *f, struct decision *ret);
/* The longest span of the rules (ms): older windows mean nothing. */
int64_t detector_span(const struct detector *d);
void detector_get_stats(const struct detector *d, struct detect_stats *ret);
