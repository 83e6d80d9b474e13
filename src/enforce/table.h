/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table's life: looked at, taken over, made, made anew. Where the kernel has
 * owned tables that outlive their owner (6.9), nobody else can touch ours while
 * this process runs, and it stays when the process goes.
 */
#pragma once

#include "base/buf.h"
#include "enforce/nft.h"

struct table {
	struct nft *nft;
	bool own;    /* wanted, and this kernel can */
	bool cannot; /* wanted, and it cannot */
	bool owner;  /* it is ours alone */
	bool alike;  /* its sets and rules are those this program would make */
	bool fits;   /* alike, and ours as far as wanted: only its elements may need work */
	bool there;  /* some table of this name stands */
	uint64_t handle;
	struct buf expected; /* describe.h's text */
};

/* Learns what the kernel can do; own: take it where it can. 0 or -errno. */
int table_open(struct table *t, struct nft *nft, bool own);
void table_done(struct table *t);
/* Looks at what is there now, and claims an orphan. 0, or -errno (-EBUSY: another's). */
int table_look(struct table *t);
/* Fills head with what makes the table anew in the caller's transaction. */
void table_rebuild(struct table *t, struct nft_head *ret_head);
/* The same for one that nobody owns: what `nft list` says of it, nft(8) can load again. */
void table_release(struct table *t, struct nft_head *ret_head);
