/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which set an element lives in, and what it is there.
 *
 * Whole addresses and v6 /64s live in hash sets: a lookup and a change cost the
 * same however many there are. Every other prefix length, and the allow-list,
 * lives in interval sets, whose members may not overlap (nets.h makes them so).
 */
#pragma once

#include "enforce/enforce.h"

#include <stdbool.h>
#include <stdint.h>

enum set_id {
	SET_BLOCK4,
	SET_BLOCK6,
	SET_BLOCK64,
	SET_NET4,
	SET_NET6,
	SET_OUT4,
	SET_OUT6,
	SET_OUT64,
	SET_OUTNET4,
	SET_OUTNET6,
	SET_ALLOW4,
	SET_ALLOW6,
	SET_ORDERED, /* the sets above hold what was ordered */
	SET_SEEN4 = SET_ORDERED,
	SET_SEEN6,
	SET_HITS4,
	SET_HITS6,
	SET_ANSWERED, /* whom the services answered, ANSWERED_SETS each */
	SET_MYSQL4 = SET_ANSWERED,
	SET_MYSQL6,
	SET_MYSQL64,
	SET_RDP4,
	SET_RDP6,
	SET_RDP64,
	SETS
};

struct set_spec {
	const char *name;
	enum enforce_list list; /* of the ordered sets */
	bool v4;
	bool interval;
	uint8_t len; /* of a hash set's members */
};

/* By enum set_id. */
extern const struct set_spec set_specs[SETS];

#define ANSWERED_SETS 3 /* of v4, v6, and v6 /64s */

/* What one set holds for one element: an address, or the range first..last. */
struct entry {
	struct addr first, last; /* both inclusive; equal in a hash set */
	int64_t expires;         /* ms UTC or ENFORCE_FOREVER */
	int64_t record;
	uint32_t from; /* of a range: the place of the net it was made from (nets.h) */
	uint8_t set;
};

/* 0, or -EINVAL for what no set can hold (a block of everything). */
int element_set(const struct enforce_element *element, enum set_id *ret_set);
/* The set where this address or /64 stands when the service answered it. */
enum set_id element_answered(enum enforce_served service, const struct prefix *who);
/* Whose it is. */
static inline enum enforce_served element_served(enum set_id set)
{
	return (enum enforce_served)((set - SET_ANSWERED) / ANSWERED_SETS);
}
/* element's entry, where `set` is its set; an interval set's whole range. */
struct entry element_entry(const struct enforce_element *element, enum set_id set);
/* The last address of a prefix. */
struct addr element_last(const struct prefix *p);
/* By set, then first, then last: the order diff.h wants. For qsort(3). */
int entry_compare(const void *a, const void *b);
