/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/health.h"

#include "base/clock.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>

#define LATEST   1000
#define ENOUGH   50  /* to judge by */
#define BAD      500 /* of a thousand */
#define SKEW_SAY MS_MINUTE

static void update(struct share *s, uint64_t all, uint64_t part)
{
	s->all += all - s->seen_all;
	s->part += part - s->seen_part;
	s->seen_all = all;
	s->seen_part = part;
	while (s->all > LATEST) {
		s->all /= 2;
		s->part /= 2;
	}
}

void health_update(struct health *h, const struct reader_stats *totals)
{
	update(&h->unread, totals->lines, totals->unparsed);
	update(&h->unknown, totals->messages, totals->unknown);
	update(&h->failed, totals->messages, totals->failures);
}

unsigned health_share(const struct share *s)
{
	return s->all < ENOUGH ? 0 : (unsigned)(s->part * 1000 / s->all);
}

/* "2 h", "90 min", "70 s" */
static const char *span(int64_t ms, char *ret, size_t size)
{
	int64_t s = llabs(ms) / MS_SECOND;
	bool hours = (s >= 3600 && s % 3600 == 0) || s >= 172800;
	if (hours)
		(void)snprintf(ret, size, "%lld h", (long long)(s / 3600));
	else if (s >= 300)
		(void)snprintf(ret, size, "%lld min", (long long)(s / 60));
	else
		(void)snprintf(ret, size, "%lld s", (long long)s);
	return ret;
}

bool health_text(const struct health_facts *f, char *ret, size_t size)
{
	char text[32];
	*ret = '\0';
	if (f->error[0]) {
		(void)snprintf(ret, size, "%s", f->error);
		return true;
	}
	if (f->unread >= BAD) {
		(void)snprintf(ret, size, "%u %% of its lines are not understood", f->unread / 10);
		return true;
	}
	/* a daemon that chatters in new words is one thing; but if it is a new version, its
	   failures would be among them */
	if (f->unknown >= BAD && f->failed == 0) {
		(void)snprintf(ret, size,
			"%u %% of its daemons' messages are not understood, and none is a failed "
			"login",
			f->unknown / 10);
		return true;
	}
	if (f->since_line >= f->silent_after)
		(void)snprintf(ret, size, "silent for %s", span(f->since_line, text, sizeof(text)));
	else if (llabs(f->skew) >= SKEW_SAY)
		(void)snprintf(ret, size, "stamps are %s %s", span(f->skew, text, sizeof(text)),
			f->skew > 0 ? "late" : "early");
	else if (f->shift)
		(void)snprintf(ret, size, "stamps are off by %s: put right",
			span(f->shift, text, sizeof(text)));
	else if (f->unknown >= BAD)
		(void)snprintf(ret, size, "%u %% of its daemons' messages are not understood",
			f->unknown / 10);
	return false;
}
