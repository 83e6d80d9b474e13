/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wanted against actual: what to take out, put in and replace so that the kernel
 * holds what is wanted and traffic is never unguarded in between. Pure.
 */
#pragma once

#include "enforce/element.h"

#include <stddef.h>

/* One step of a transaction; with both: replaced (its timeout or comment differs). */
struct change {
	struct entry entry;
	bool del, add;
	bool there;     /* diff()'s: the kernel has it already */
	bool unsure;    /* it may be there or not: the outcome is the same */
	bool alone;     /* nft_apply()'s: in no message with others */
	uint8_t packed; /* nft_apply()'s: so many, from this one on, share a message */
	int error;      /* filled in by nft_apply(): 0 or -errno */
	uint32_t group; /* changes of one group are all done or none */
};

struct changes {
	struct change *list;
	size_t n, size;
};

/* For what was dumped: kernel timeouts count in ticks, and a dump takes a while. */
#define DIFF_TOLERANCE 2000 /* ms */

void changes_done(struct changes *changes);
/* 0 or -ENOMEM. */
int changes_add(struct changes *changes, const struct change *change);

/*
 * Both lists sorted by entry_compare(), no two of one list equal by it. Adds to
 * changes, removals first: a range taken out may overlap one that comes in. Each
 * change is its own group. Ends that differ by at most tolerance ms are the same. counts: added,
 * removed, changed, kept. 0 or -ENOMEM.
 */
int diff(const struct entry *wanted, size_t wanted_n, const struct entry *actual, size_t actual_n,
	int64_t tolerance, struct changes *changes, struct enforce_sync_result *counts);
