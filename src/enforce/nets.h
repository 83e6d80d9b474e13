/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The prefixes ordered for one interval set, and the ranges the kernel holds for
 * them. The kernel refuses ranges that overlap, people order prefixes that do
 * (10.0.0.0/8 and 10.1.2.0/24), so a range says what the longest-lived of the
 * prefixes over it says: right now, and still when the others are over.
 */
#pragma once

#include "enforce/element.h"

#include <stddef.h>

struct net {
	struct prefix prefix;
	int64_t expires; /* ms UTC or ENFORCE_FOREVER */
	int64_t record;
};

struct nets {
	struct net *list; /* by address, outer before inner; no prefix twice */
	size_t n, size;
};

/* A set's members at most. */
#define NETS_MAX ((size_t)1 << 20)

struct entries {
	struct entry *list;
	size_t n, size;
	size_t most; /* 0: any number; one more is -E2BIG */
};

void nets_done(struct nets *nets);
void entries_done(struct entries *entries);
int entries_add(struct entries *entries, const struct entry *entry);

/* The net of exactly this prefix, or NULL. Valid until the next change. */
const struct net *nets_find(const struct nets *nets, const struct prefix *prefix);
/* True when some net holds the address. */
bool nets_hold(const struct nets *nets, const struct addr *address);
/* Adds or replaces. 0, -ENOMEM or -ENOSPC. */
int nets_put(struct nets *nets, const struct net *net);
/* True when it was there. */
bool nets_drop(struct nets *nets, const struct prefix *prefix);
/* Forgets what is over at `now`. */
void nets_expire(struct nets *nets, int64_t now);
/* Many at once: append them in any order, then sort. 0, -ENOMEM or -ENOSPC. */
int nets_append(struct nets *nets, const struct net *net);
/* Of a prefix appended twice the longer-lived stays. */
void nets_sort(struct nets *nets);
/* Adds the ranges for `set`, sorted; `from` of each is the place of its net. 0 or -ENOMEM. */
int nets_flatten(const struct nets *nets, enum set_id set, struct entries *ranges);
