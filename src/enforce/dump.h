/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel holds: the table itself, its elements, the refused connections.
 * Dumping a hash set costs the kernel quadratic time (100,000 elements: 0.9 s), so
 * the ordered sets are dumped at start and after drift only.
 */
#pragma once

#include "enforce/nets.h"
#include "enforce/nft.h"

struct dump_table {
	uint64_t handle;
	uint32_t flags; /* NFT_TABLE_F_* */
	uint32_t owner; /* netlink port of the owner; 0: none */
};

/* 0, -ENOENT when there is none, or -errno. */
int dump_table(struct nft *nft, struct dump_table *ret);
/*
 * Adds one set's elements to entries: those of an interval set as whole ranges.
 * Not sorted. NFT_E_INTERRUPTED like nft_query().
 */
int dump_set(struct nft *nft, enum set_id set, struct entries *entries);
/* All ordered sets, sorted by entry_compare(), tried again when interrupted. */
int dump_ordered(struct nft *nft, struct entries *entries);
/*
 * The one element that stands for target: exactly it in a hash set, the range that
 * holds it in an interval set. 0, -ENOENT, or -errno.
 */
int dump_element(
	struct nft *nft, enum set_id set, const struct addr *target, struct entry *ret_entry);
/* Calls fn for each refused-connection counter. 0 or -errno. */
int dump_hits(struct nft *nft, int (*fn)(void *ctx, const struct enforce_hit *hit), void *ctx);
