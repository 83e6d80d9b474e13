/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one failed login costs in the table of windows, and how that grows with
 * the number of sources: a line each for 200 to 1,000,000 sources, with the
 * memory in use. Keys come in random order, as in a distributed attack. Once one by one, as a
 * single line has it, and once with each source's memory asked for some failures ahead, as
 * lines have it that are read together (detect/ahead.h).
 */
#include "detect/window.h"
#include "detect/ahead.h"

#include "base/clock.h"
#include "base/util.h"

#include <stdio.h>

#define EVENTS 4000000u

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static struct window_key key_of(uint32_t source)
{
	struct addr a = addr_from_v4(source * 2654435761u);
	return (struct window_key){
		.host = 1, .service = SERVICE_SSH, .source = {.addr = a, .len = 128}};
}

struct waiting {
	struct window_key key;
	struct window_place place;
};

/* The source of the failure after next ones, its memory on the way; `ahead` is a power of two. */
static void draw_ahead(const struct window_table *t, struct waiting *ring, unsigned ahead,
	uint32_t i, uint32_t sources, uint64_t *state)
{
	struct waiting *w = &ring[i % ahead];
	w->key = key_of((uint32_t)((draw(state) >> 32) * sources >> 32));
	w->place = window_place(t, &w->key);
	if (ahead > 1) {
		window_approach(t, &ring[(i + ahead - ahead / 3) % ahead].place);
		window_approach(t, &ring[(i + ahead - 2 * (ahead / 3)) % ahead].place);
	}
}

static int64_t run(struct window_table *t, uint32_t sources, unsigned ahead, uint64_t *state)
{
	struct waiting ring[AHEAD_MOST] = {0};
	int64_t time = 1000000;
	unsigned counted = 0;
	for (uint32_t i = 0; i < sources; i++) {
		struct window_key key = key_of(i);
		(void)window_add(t, &key, time, 1, 4);
	}
	for (uint32_t i = 0; i < ahead; i++)
		draw_ahead(t, ring, ahead, i, sources, state);
	struct timespec a, b;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (uint32_t i = 0; i < EVENTS; i++) {
		const struct waiting *w = &ring[i % ahead];
		uint32_t handle = window_add_at(t, &w->place, &w->key, ++time, 1, 4);
		counted += window_count(t, handle, time, 5 * MS_MINUTE, NULL);
		draw_ahead(t, ring, ahead, i, sources, state);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	if (counted == 0)
		return -1;
	return ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec) * 10 / EVENTS;
}

static void measure(uint32_t sources, unsigned ahead, const char *how, uint64_t *state)
{
	struct window_table *t = window_table_new(1000000, 64u << 20);
	if (!t)
		exit(1);
	int64_t tenths = run(t, sources, ahead, state);
	struct window_stats stats;
	window_get_stats(t, &stats);
	printf("%7u sources, %s: %4lld.%lld ns/event, %5.1f MiB, %llu tracked, %llu evicted\n",
		sources, how, (long long)tenths / 10, (long long)tenths % 10,
		(double)stats.bytes / (1 << 20), (unsigned long long)stats.tracked,
		(unsigned long long)stats.evicted);
	t = window_table_free(t);
}

int main(void)
{
	static const uint32_t sizes[] = {200, 10000, 100000, 1000000};
	uint64_t state = 88172645463325252u;

	for (size_t i = 0; i < countof(sizes); i++) {
		measure(sizes[i], 1, "one by one", &state);
		measure(sizes[i], AHEAD_MOST, "ahead     ", &state);
	}
	return 0;
}
