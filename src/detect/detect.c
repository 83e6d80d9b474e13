/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From one event to perhaps one decision:
 *
 *   how many attempts does it add   (its session knows what was counted)
 *   whose are they                  (the source: an address or its prefix)
 *   may it be blocked               (never: counted and said so)
 *   does a rule's count fill up     (the first rule that says so decides)
 *
 * A success changes no window: the failures it takes back are those the format
 * still holds as pending in the session, and they never came here.
 */
#include "detect/detect.h"

#include "base/clock.h"
#include "base/util.h"
#include "detect/rule/bruteforce.h"
#include "model/session.h"

#include <errno.h>

/* How far ahead of our clock a stamp may be: log and clock are not read at once. */
#define AHEAD_TIME MS_SECOND

struct detector {
	struct window_table *windows;
	const struct protect *protect;
	struct rule *rules; /* those that can decide */
	unsigned rule_count;
	unsigned most[SERVICE_COUNT]; /* largest fail_count of a service's rules; 0: none */
	int64_t span;
	struct detect_stats stats;
};

struct detector *detector_new(struct window_table *windows, const struct protect *protect)
{
	struct detector *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->windows = windows;
	d->protect = protect;
	return d;
}

struct detector *detector_free(struct detector *d)
{
	if (d) {
		free(d->rules);
		free(d);
	}
	return NULL;
}

static bool rule_is_valid(const struct rule *r)
{
	return r->fail_count >= 1 && r->fail_count <= WINDOW_MOST && r->span >= 1 &&
	       r->span <= WINDOW_SPAN_MOST;
}

int detector_set_rules(struct detector *d, const struct rule *rules, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!rule_is_valid(&rules[i]))
			return -EINVAL;
	struct rule *copy = calloc((size_t)n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	free(d->rules);
	d->rules = copy;
	d->rule_count = 0;
	d->span = 0;
	memset(d->most, 0, sizeof(d->most));
	for (unsigned i = 0; i < n; i++) {
		if (!rules[i].enabled)
			continue;
		d->rules[d->rule_count++] = rules[i];
		d->span = MAX_OF(d->span, rules[i].span);
		for (unsigned s = 0; s < SERVICE_COUNT; s++)
			if (rules[i].services & SERVICE_BIT(s))
				d->most[s] = MAX_OF(d->most[s], rules[i].fail_count);
	}
	return 0;
}

/* ---- attempts of a session ---- */

/* The largest count of any one kind; a summary only says again what others said. */
static unsigned largest(const unsigned seen[static EVIDENCE_COUNT])
{
	unsigned most = 0;
	for (unsigned i = 0; i < EVIDENCE_COUNT; i++)
		if (i != EVIDENCE_SUMMARY)
			most = MAX_OF(most, seen[i]);
	return most > 0 ? most : seen[EVIDENCE_SUMMARY];
}

static uint8_t lower(unsigned count, unsigned by)
{
	return (uint8_t)(count > by ? count - by : 0);
}

/* Stores counts in their bytes. Only differences matter: what would not fit is taken from all. */
static void remember(struct session *s, const unsigned seen[static EVIDENCE_COUNT],
	unsigned attempts, unsigned unplaced)
{
	unsigned most = MAX_OF(attempts, unplaced);
	for (unsigned i = 0; i < EVIDENCE_COUNT; i++)
		most = MAX_OF(most, seen[i]);
	unsigned by = most > UINT8_MAX ? most - UINT8_MAX / 2 : 0;
	for (unsigned i = 0; i < EVIDENCE_COUNT; i++)
		s->seen[i] = lower(seen[i], by);
	s->attempts = lower(attempts, by);
	s->unplaced = lower(unplaced, by);
}

struct counted {
	unsigned attempts; /* new ones */
	unsigned placed;   /* of them counted before, when their source was not known */
};

/*
 * What the line adds to its session. An attempt counted without a source must
 * not hide the line that names the source, so it is counted once more for it.
 */
static struct counted count_attempts(const struct event *event)
{
	struct session *s = event->session;
	unsigned repeat = MAX_OF(event->repeat, 1u), seen[EVIDENCE_COUNT];
	if (!s || event->evidence >= EVIDENCE_COUNT)
		return (struct counted){.attempts = repeat};
	for (unsigned i = 0; i < EVIDENCE_COUNT; i++)
		seen[i] = s->seen[i];
	seen[event->evidence] += repeat;

	unsigned before = s->attempts, unplaced = s->unplaced;
	unsigned known = before + (event->has_src ? 0 : unplaced);
	unsigned most = largest(seen);
	struct counted c = {.attempts = most > known ? most - known : 0};
	if (event->has_src) {
		c.placed = MIN_OF(c.attempts, unplaced);
		remember(s, seen, before + c.attempts, unplaced - c.placed);
	} else {
		remember(s, seen, before, unplaced + c.attempts);
	}
	return c;
}

/* ---- failures ---- */

/* What the event adds; 0: nothing new. */
static uint32_t count_failure(struct detector *d, const struct event *event)
{
	struct counted counted = count_attempts(event);
	if (counted.attempts == 0)
		d->stats.duplicates++;
	d->stats.failures += counted.attempts - counted.placed;
	if (!event->has_src)
		d->stats.without_source += counted.attempts;
	return counted.attempts;
}

static bool is_watched(const struct detector *d, const struct failure *f)
{
	return f->refused == PROTECT_NONE && f->key.service < SERVICE_COUNT &&
	       d->most[f->key.service] > 0;
}

static void place_failure(struct detector *d, uint32_t host, const struct event *event, int64_t now,
	struct failure *f)
{
	bool believed = event->time != EVENT_NO_TIME && event->time <= now + AHEAD_TIME;
	f->src = event->src;
	f->key = (struct window_key){.host = host,
		.service = event->service,
		.source = protect_source(d->protect, &event->src)};
	f->refused = protect_address(d->protect, &event->src);
	f->time = believed ? event->time : now;
	f->past = MIN_OF(f->time, now);
	if (is_watched(d, f))
		f->place = window_place(d->windows, &f->key);
	else if (f->refused != PROTECT_NONE)
		d->stats.refused += f->attempts;
}

bool detector_count(struct detector *d, uint32_t host, const struct event *event, int64_t now,
	struct failure *ret)
{
	*ret = (struct failure){0};
	d->stats.successes += event->outcome == OUTCOME_SUCCESS;
	if (event->outcome != OUTCOME_FAILURE)
		return false;
	ret->attempts = count_failure(d, event);
	if (ret->attempts == 0 || !event->has_src)
		return false;
	place_failure(d, host, event, now, ret);
	return true;
}

void detector_approach(const struct detector *d, struct failure *f)
{
	if (is_watched(d, f))
		window_approach(d->windows, &f->place);
}

bool detector_judge(struct detector *d, const struct failure *f, struct decision *ret)
{
	if (!is_watched(d, f))
		return false;
	/* enough to remember that all failures of this line and one less than decide
	   fit: then a decision's number of attempts is exact */
	unsigned keep = d->most[f->key.service] - 1 + f->attempts;
	uint32_t handle = window_add_at(d->windows, &f->place, &f->key, f->time, f->attempts, keep);
	for (unsigned i = 0; i < d->rule_count; i++) {
		const struct rule *rule = &d->rules[i];
		struct bruteforce_match match;
		if (!(rule->services & SERVICE_BIT(f->key.service)) ||
			!bruteforce_judge(rule, d->windows, handle, f->time, &match))
			continue;
		*ret = (struct decision){.host = f->key.host,
			.target = f->key.source,
			.trigger = f->src,
			.service = f->key.service,
			.rule = rule->id,
			.forbidden = rule->forbidden,
			.attempts = match.attempts,
			.first_attempt = match.first,
			.latest_attempt = match.latest};
		window_clear(d->windows, &f->key);
		return true;
	}
	return false;
}

void detector_event(struct detector *d, uint32_t host, const struct event *event, int64_t now,
	struct verdict *ret)
{
	struct failure f;
	*ret = (struct verdict){0};
	bool placed = detector_count(d, host, event, now, &f);
	ret->attempts = f.attempts;
	if (!placed)
		return;
	ret->source = f.key.source;
	ret->refused = f.refused;
	ret->decided = detector_judge(d, &f, &ret->decision);
}

int64_t detector_span(const struct detector *d)
{
	return d->span;
}

void detector_get_stats(const struct detector *d, struct detect_stats *ret)
{
	*ret = d->stats;
}
