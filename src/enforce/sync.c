/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sync: wanted elements -> entries, the kernel's own, the difference, one
 * transaction. A table that is missing or not as it should be is made anew in the
 * same transaction, so that no packet meets an empty one.
 */
#include "enforce/server.h"

#include "base/clock.h"
#include "base/util.h"
#include "enforce/dump.h"

#include <errno.h>

static int answer_failed(struct server *s, size_t index, int error)
{
	struct enforce_order order = {.element = s->wanted[index]};
	return server_answer(s, &order, error);
}

/* Sorts wanted into hash entries and nets; answers what no set can hold. */
static int sort_wanted(struct server *s, struct entries *entries, struct nets nets[SET_ORDERED])
{
	int64_t now = clock_now();
	int r = 0;
	for (size_t i = 0; i < s->wanted_n && r == 0; i++) {
		const struct enforce_element *e = &s->wanted[i];
		enum set_id set;
		int error = element_set(e, &set);
		if (error == 0 && e->expires <= now)
			error = -ETIME;
		if (error) {
			r = answer_failed(s, i, error);
			continue;
		}
		struct entry entry = element_entry(e, set);
		entry.from = (uint32_t)i;
		if (set_specs[set].interval) {
			struct net net = {e->target, e->expires, e->record, (uint32_t)i};
			r = nets_append(&nets[set], &net);
		} else {
			r = entries_add(entries, &entry);
		}
	}
	return r;
}

/* The same element twice: the one that lives longer. */
static void drop_doubles(struct entries *entries)
{
	size_t kept = 0;
	if (entries->n > 0)
		qsort(entries->list, entries->n, sizeof(*entries->list), entry_compare);
	for (size_t i = 0; i < entries->n; i++) {
		struct entry *last = kept ? &entries->list[kept - 1] : NULL;
		if (!last || entry_compare(last, &entries->list[i]) != 0)
			entries->list[kept++] = entries->list[i];
		else if (last->expires < entries->list[i].expires)
			*last = entries->list[i];
	}
	entries->n = kept;
}

static int plan(struct server *s, struct entries *entries, struct nets nets[SET_ORDERED])
{
	int r = sort_wanted(s, entries, nets);
	for (enum set_id set = 0; set < SET_ORDERED && r == 0; set++) {
		nets_sort(&nets[set]);
		r = nets_flatten(&nets[set], set, entries);
	}
	drop_doubles(entries);
	return r;
}

/* Tells each element that failed, and takes it out of the counts. */
static int report(
	struct server *s, const struct changes *changes, struct enforce_sync_result *result)
{
	int r = 0;
	for (size_t i = 0; i < changes->n && r == 0; i++) {
		const struct change *c = &changes->list[i];
		if (!c->error || c->entry.set >= SET_ORDERED)
			continue;
		if (!c->add) {
			result->error = c->error;
			result->removed--;
			continue;
		}
		/* a table made anew is given what the old one had, too */
		if (c->there)
			result->changed--;
		else if (result->added > 0)
			result->added--;
		else
			result->kept--;
		r = answer_failed(s, c->entry.from, c->error);
	}
	return r;
}

/*
 * A table made anew goes on with whom the old one remembered, as far as one transaction
 * takes that; what cannot be read is forgotten, and comes again with the next connection.
 */
static int keep_answered(struct server *s, struct changes *changes)
{
	_cleanup_(entries_done) struct entries answered = {0};
	for (enum set_id set = SET_ANSWERED; set < SETS; set++)
		if (dump_set(&s->nft, set, &answered) == -ENOMEM)
			return -ENOMEM;
	drop_doubles(&answered);
	if (changes->n + answered.n > NFT_CHANGES_MAX)
		return 0;
	for (size_t i = 0; i < answered.n; i++) {
		struct change c = {
			.entry = answered.list[i], .add = true, .group = (uint32_t)changes->n};
		if (!s->nft.ports.of[element_served((enum set_id)c.entry.set)][0])
			continue;
		int r = changes_add(changes, &c);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_so(struct server *s, const struct entries *wanted, struct changes *changes,
	struct enforce_sync_result *result)
{
	_cleanup_(entries_done) struct entries actual = {0};
	struct enforce_sync_result ignored = {0};
	int r = table_look(&s->table);
	if (r == 0 && s->table.alike)
		r = dump_ordered(&s->nft, &actual);
	if (r == 0)
		r = diff(wanted->list, wanted->n, actual.list, actual.n, DIFF_TOLERANCE, changes,
			result);
	if (r < 0 || s->table.fits)
		return r < 0 ? r : nft_apply(&s->nft, changes->list, changes->n, NULL);
	changes->n = 0;
	r = diff(wanted->list, wanted->n, NULL, 0, 0, changes, &ignored);
	if (r == 0)
		r = keep_answered(s, changes);
	return r < 0 ? r : server_rebuild(s, changes->list, changes->n);
}

static void keep_nets(struct server *s, struct nets nets[SET_ORDERED])
{
	for (enum set_id set = 0; set < SET_ORDERED; set++) {
		nets_done(&s->nets[set]);
		s->nets[set] = nets[set];
		nets[set] = (struct nets){0};
	}
}

static int tell(struct server *s, const struct enforce_sync_result *result)
{
	char *p = server_put(s, WIRE_SYNCED, 0, 1, sizeof(struct wire_synced));
	if (!p)
		return -ENOMEM;
	(void)wire_put_synced(p, result);
	return 0;
}

int server_sync(struct server *s)
{
	_cleanup_(entries_done) struct entries wanted = {0};
	_cleanup_(changes_done) struct changes changes = {0};
	struct nets nets[SET_ORDERED] = {0};
	struct enforce_sync_result result = {0};

	s->drifted = false; /* what has happened so far is seen below */
	int r = plan(s, &wanted, nets);
	if (r == 0) {
		int error = make_so(s, &wanted, &changes, &result);
		keep_nets(s, nets);
		r = report(s, &changes, &result);
		if (error < 0)
			result.error = error;
	}
	for (enum set_id set = 0; set < SET_ORDERED; set++)
		nets_done(&nets[set]);
	free(s->wanted);
	s->wanted = NULL;
	s->wanted_n = s->wanted_size = 0;
	if (r == 0)
		r = server_tell_state(s);
	return r < 0 ? r : tell(s, &result);
}

/*
 * A saved ruleset must load at the next boot, and nft cannot load what it lists of a
 * table with an owner's flags (1.0.6 writes "flags" and no flag). The new table holds
 * what the old one held, in one transaction: no packet meets an empty one. Where the
 * transaction would be too large for that the table stays as it is.
 */
int server_release(struct server *s)
{
	_cleanup_(entries_done) struct entries held = {0};
	_cleanup_(changes_done) struct changes changes = {0};
	struct enforce_sync_result ignored = {0};
	struct nft_head head;
	int r = table_look(&s->table);
	if (r < 0 || !s->table.owner || !s->table.fits)
		return r;
	r = dump_ordered(&s->nft, &held);
	if (r == 0)
		r = diff(held.list, held.n, NULL, 0, 0, &changes, &ignored);
	if (r < 0 || changes.n > NFT_CHANGES_MAX)
		return r;
	r = keep_answered(s, &changes);
	if (r < 0)
		return r;
	table_release(&s->table, &head);
	return nft_apply(&s->nft, changes.list, changes.n, &head);
}
