/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/table.h"

#include "enforce/describe.h"
#include "enforce/dump.h"
#include "enforce/ruleset.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

/* Linux 6.9; the header may be older. */
#define TABLE_F_PERSIST 0x4u
#define TABLE_F_OWN     (NFT_TABLE_F_OWNER | TABLE_F_PERSIST)

/* Makes such a table and takes it out again in one transaction: nobody sees it. */
static void put_probe(struct nft *nft, struct batch *batch, void *ctx)
{
	struct nft other = *nft;
	(void)snprintf(other.table, sizeof(other.table), "cordon-probe-%x", nft->portid);
	ruleset_put(&other, batch, *(uint32_t *)ctx, NULL);
	ruleset_put_delete(&other, batch);
}

static int probe(struct nft *nft, uint32_t flags)
{
	struct nft_head head = {put_probe, &flags};
	return nft_transact(nft, &head);
}

static int expect(struct table *t)
{
	struct batch b = {0};
	batch_begin(&b, 0);
	ruleset_put(t->nft, &b, 0, &t->expected);
	int r = b.error ? b.error : t->expected.error;
	batch_done(&b);
	return r;
}

int table_open(struct table *t, struct nft *nft, bool own)
{
	*t = (struct table){.nft = nft};
	if (own) {
		int r = probe(nft, TABLE_F_OWN);
		if (r < 0 && r != -EOPNOTSUPP && r != -EINVAL)
			return r;
		t->own = r == 0;
		t->cannot = r < 0;
	}
	int r = t->own ? 0 : probe(nft, 0);
	return r < 0 ? r : expect(t);
}

void table_done(struct table *t)
{
	buf_done(&t->expected);
	*t = (struct table){0};
}

static void put_claim(struct nft *nft, struct batch *batch, void *ctx)
{
	(void)ctx;
	ruleset_put_claim(nft, batch, TABLE_F_OWN);
}

/* Whether the rules and sets in the kernel are the expected ones. */
static int compare(struct table *t)
{
	struct buf text = BUF_NULL;
	int r = describe_table(t->nft, &text);
	t->alike = r == 0 && slice_eq(buf_as_slice(&text), buf_as_slice(&t->expected));
	buf_done(&text);
	return r;
}

int table_look(struct table *t)
{
	struct dump_table found;
	t->there = t->owner = t->alike = t->fits = false;
	int r = dump_table(t->nft, &found);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (found.owner && found.owner != t->nft->portid)
		return -EBUSY;
	t->there = true;
	t->handle = found.handle;
	t->owner = found.owner != 0;
	if (t->own && !t->owner && found.flags & TABLE_F_PERSIST) {
		struct nft_head claim = {put_claim, NULL};
		t->owner = nft_transact(t->nft, &claim) == 0;
	}
	r = compare(t);
	/* made by one that could not own it, or loaded from a file: to be made anew */
	t->fits = t->alike && (t->owner || !t->own);
	return r;
}

static void put_rebuild(struct nft *nft, struct batch *batch, void *ctx)
{
	struct table *t = ctx;
	if (t->there)
		ruleset_put_delete(nft, batch);
	ruleset_put(nft, batch, t->own ? TABLE_F_OWN : 0, NULL);
}

void table_rebuild(struct table *t, struct nft_head *ret_head)
{
	*ret_head = (struct nft_head){put_rebuild, t};
}

/* The kernel takes neither flag off a table that has them. */
static void put_release(struct nft *nft, struct batch *batch, void *ctx)
{
	(void)ctx;
	ruleset_put_delete(nft, batch);
	ruleset_put(nft, batch, 0, NULL);
}

void table_release(struct table *t, struct nft_head *ret_head)
{
	*ret_head = (struct nft_head){put_release, t};
}
