/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions of wishes that this database never gave. An agent remembers up to where it followed.
 * A server whose database came from a backup has forgotten what it wished since, and would give
 * the same numbers to something else: who followed the former would be told too little.
 *
 * So each start of a server goes on from the clock, which is further than counting came, and keeps
 * which numbers that left out. Who followed one of those followed a database that is no more.
 */
#include "base/clock.h"
#include "core/private.h"

#include <inttypes.h>

#define META_GAPS "wish.gaps" /* "AFTER-UNTIL", oldest first, with spaces between */
#define GAP_TEXT  48          /* bytes of one */
#define PER_MS    64          /* more than are given, imports of lists included */

static void parse(struct core *c, char *text)
{
	for (const char *one; (one = strsep(&text, " ")) != NULL;) {
		char *end;
		struct version_gap g = {.after = strtoll(one, &end, 10)};
		g.until = *end == '-' ? strtoll(end + 1, NULL, 10) : 0;
		if (g.until > g.after && c->version_gap_count < VERSION_GAPS_MAX)
			c->version_gaps[c->version_gap_count++] = g;
	}
}

static void add(struct core *c, int64_t after, int64_t until)
{
	struct version_gap *list = c->version_gaps;
	if (c->version_gap_count == VERSION_GAPS_MAX)
		memmove(list, list + 1, --c->version_gap_count * sizeof(*list));
	list[c->version_gap_count++] = (struct version_gap){after, until};
}

static int put(struct core *c)
{
	char text[VERSION_GAPS_MAX * GAP_TEXT] = "";
	const struct version_gap *g = c->version_gaps;
	size_t n = 0;
	for (unsigned i = 0; i < c->version_gap_count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%" PRId64 "-%" PRId64,
			i ? " " : "", g[i].after, g[i].until);
	int r = store_begin(c->store);
	if (r == 0)
		r = store_version_skip(c->store, g[c->version_gap_count - 1].until);
	if (r == 0)
		(void)store_meta_put(c->store, META_GAPS, text); /* an error sticks */
	return store_commit(c->store, STORE_DURABLE);
}

int versions_load(struct core *c)
{
	char text[VERSION_GAPS_MAX * GAP_TEXT] = "";
	int64_t latest = 0, now = clock_now() * PER_MS;
	if (!c->settings->fleet_listen.host[0])
		return 0;
	int r = store_meta_get(c->store, META_GAPS, text, sizeof(text));
	if (r >= 0)
		r = store_version_latest(c->store, &latest);
	if (r < 0)
		return r;
	parse(c, text);
	if (now <= latest)
		return 0; /* the clock was set back */
	add(c, latest, now);
	return put(c);
}

bool versions_is_lost(const struct core *c, int64_t version)
{
	const struct version_gap *g = c->version_gaps;
	if (c->version_gap_count == VERSION_GAPS_MAX && version <= g[0].after)
		return true; /* nobody remembers */
	for (unsigned i = 0; i < c->version_gap_count; i++)
		if (version > g[i].after && version < g[i].until)
			return true;
	return false;
}
