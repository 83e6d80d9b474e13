/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sync: the wanted elements as they come in parts, what the kernel holds, the
 * difference, one transaction. A table that is missing or not as it should be is made
 * anew in the same transaction, so that no packet meets an empty one. So is one that would
 * take too long to read: to dump a million elements takes the kernel a minute, to put them
 * in a second.
 *
 * After a reboot the kernel holds nothing, and there is nothing to compare with: elements go
 * straight in while the engine still sends the others, with the ranges that came before them
 * (the engine begins with the allow-list).
 */
#include "enforce/server.h"

#include "base/clock.h"
#include "base/util.h"
#include "enforce/dump.h"

#include <errno.h>

/* From so many on the table is made anew instead of compared, and left as it is by release. */
#define COMPARE_MAX 131072
/* One that is made anew anyway is read for the counts alone: up to so many. */
#define COUNT_MAX 16384
/* Elements that go straight in together. */
#define STRAIGHT_MIN 8192

void server_sync_done(struct server *s)
{
	struct sync *y = &s->sync;
	for (enum set_id set = 0; set < SET_ORDERED; set++)
		nets_done(&y->nets[set]);
	entries_done(&y->wanted);
	entries_done(&y->actual);
	*y = (struct sync){0};
}

static void begin(struct server *s)
{
	struct sync *y = &s->sync;
	server_sync_done(s); /* of a list that was given up */
	y->straight = s->fresh && table_look(&s->table) == 0 && s->table.fits;
	y->receiving = true;
}

/* Sorts an element into hash entries and nets; answers what no set can hold. */
static int sort_one(struct server *s, const struct enforce_order *order, int64_t now)
{
	struct sync *y = &s->sync;
	const struct enforce_element *e = &order->element;
	enum set_id set;
	int error = element_set(e, &set);
	if (error == 0 && e->expires <= now)
		error = -ETIME;
	if (error)
		return server_answer(s, order, error);
	y->n++;
	if (set_specs[set].interval) {
		struct net net = {e->target, e->expires, e->record};
		return nets_append(&y->nets[set], &net);
	}
	struct entry entry = element_entry(e, set);
	return entries_add(&y->wanted, &entry);
}

/* The element that an entry stands for. */
static struct enforce_element element_of(const struct nets nets[SET_ORDERED], const struct entry *e)
{
	const struct set_spec *spec = &set_specs[e->set];
	return (struct enforce_element){
		.target = spec->interval ? nets[e->set].list[e->from].prefix
					 : (struct prefix){e->first, spec->len},
		.list = spec->list,
		.expires = e->expires,
		.record = e->record,
	};
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

static int flatten(struct nets nets[SET_ORDERED], struct entries *ranges)
{
	int r = 0;
	for (enum set_id set = 0; set < SET_ORDERED && r == 0; set++) {
		nets_sort(&nets[set]);
		r = nets_flatten(&nets[set], set, ranges);
	}
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
		struct enforce_order order = {.element = element_of(s->nets, &c->entry)};
		r = server_answer(s, &order, c->error);
	}
	return r;
}

/*
 * A table made anew goes on with whom the old one remembered, as far as that is no flood;
 * what cannot be read is forgotten, and comes again with the next connection.
 */
static int keep_answered(struct server *s, struct changes *changes)
{
	_cleanup_(entries_done) struct entries answered = {0};
	for (enum set_id set = SET_ANSWERED; set < SETS; set++)
		if (dump_set(&s->nft, set, &answered) == -ENOMEM)
			return -ENOMEM;
	drop_doubles(&answered);
	if (answered.n > NFT_CHANGES_MAX)
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

static bool comparable(const struct server *s)
{
	const struct sync *y = &s->sync;
	return y->straight || y->wanted.n <= (s->table.fits ? COMPARE_MAX : COUNT_MAX);
}

/* What the table is, and what it holds, where that is to be compared. */
static int look(struct server *s)
{
	s->drifted = false; /* what has happened so far is seen below */
	int r = table_look(&s->table);
	return r == 0 && s->table.alike && comparable(s) ? dump_ordered(&s->nft, &s->sync.actual)
							 : r;
}

static int make_so(struct server *s, struct changes *changes)
{
	struct sync *y = &s->sync;
	struct enforce_sync_result ignored = {0};
	int r = y->straight ? y->error : look(s);
	if (r == 0)
		r = diff(y->wanted.list, y->wanted.n, y->actual.list, y->actual.n, DIFF_TOLERANCE,
			changes, &y->result);
	if (r < 0 || (s->table.fits && comparable(s)))
		return r < 0 ? r : nft_apply(&s->nft, changes->list, changes->n, NULL);
	changes->n = 0;
	r = diff(y->wanted.list, y->wanted.n, NULL, 0, 0, changes, &ignored);
	if (r == 0)
		r = keep_answered(s, changes);
	return r < 0 ? r : server_rebuild(s, changes->list, changes->n);
}

/* The ranges so far; they are compared again when all are known. */
static int straight_ranges(struct sync *y, struct changes *changes)
{
	_cleanup_(entries_done) struct entries ranges = {0};
	struct enforce_sync_result ignored = {0};
	int r = y->actual.n == 0 ? flatten(y->nets, &ranges) : 0;
	return r < 0 ? r : diff(ranges.list, ranges.n, NULL, 0, 0, changes, &ignored);
}

/* What became of them: a range that is not there is tried again at the end. */
static int straight_report(struct server *s, const struct changes *changes)
{
	struct sync *y = &s->sync;
	int r = 0;
	for (size_t i = 0; i < changes->n && r == 0; i++) {
		const struct change *c = &changes->list[i];
		bool range = set_specs[c->entry.set].interval;
		if (range && c->error == 0)
			r = entries_add(&y->actual, &c->entry);
		if (range || c->error == 0) {
			y->result.added += !range;
			continue;
		}
		struct enforce_order order = {.element = element_of(y->nets, &c->entry)};
		r = server_answer(s, &order, c->error);
	}
	return r;
}

static int go_straight(struct server *s)
{
	struct sync *y = &s->sync;
	_cleanup_(changes_done) struct changes changes = {0};
	struct enforce_sync_result ignored = {0};
	int r = straight_ranges(y, &changes);
	if (r == 0)
		r = diff(y->wanted.list, y->wanted.n, NULL, 0, 0, &changes, &ignored);
	if (r < 0)
		return r;
	y->n -= y->wanted.n;
	y->wanted.n = 0;
	s->fresh = false;
	int error = nft_apply(&s->nft, changes.list, changes.n, NULL);
	if (error < 0)
		y->error = error;
	return straight_report(s, &changes);
}

static void keep_nets(struct server *s)
{
	for (enum set_id set = 0; set < SET_ORDERED; set++) {
		nets_done(&s->nets[set]);
		s->nets[set] = s->sync.nets[set];
		s->sync.nets[set] = (struct nets){0};
	}
}

static int compare(struct server *s)
{
	struct sync *y = &s->sync;
	_cleanup_(changes_done) struct changes changes = {0};
	int r = flatten(y->nets, &y->wanted);
	if (r < 0)
		return r;
	drop_doubles(&y->wanted);
	int error = make_so(s, &changes);
	keep_nets(s);
	r = report(s, &changes, &y->result);
	if (error < 0)
		y->result.error = error;
	return r;
}

static int tell(struct server *s, const struct enforce_sync_result *result)
{
	char *p = server_put(s, WIRE_SYNCED, 0, 1, sizeof(struct wire_synced));
	if (!p)
		return -ENOMEM;
	(void)wire_put_synced(p, result);
	return 0;
}

static int end(struct server *s)
{
	struct enforce_sync_result *result = &s->sync.result;
	int r = 0;
	s->fresh = false;
	if (s->sync.too_many)
		result->error = -E2BIG;
	else
		r = compare(s);
	if (s->sync.straight) { /* what came first was not there before either */
		result->added += result->kept + result->changed;
		result->kept = result->changed = result->removed = 0;
	}
	if (r == 0)
		r = server_tell_state(s);
	if (r == 0)
		r = tell(s, result);
	server_sync_done(s);
	return r;
}

int server_sync(struct server *s, const struct wire_message *part)
{
	struct sync *y = &s->sync;
	int64_t now = clock_now();
	int r = 0;
	if (part->first)
		begin(s);
	else if (!y->receiving)
		return -EBADMSG;
	/* one too long for us is refused whole: half a list would unblock the rest */
	y->too_many |= y->n + part->count > SERVER_WANTED_MAX;
	for (size_t i = 0; i < part->count && r == 0 && !y->too_many; i++) {
		struct enforce_order order = wire_get_order(part, i, NULL);
		r = sort_one(s, &order, now);
	}
	if (r == 0 && y->straight && y->wanted.n >= STRAIGHT_MIN)
		r = go_straight(s);
	if (r < 0 || !part->last)
		return r;
	return end(s);
}

/*
 * A saved ruleset must load at the next boot, and nft cannot load what it lists of a
 * table with an owner's flags (1.0.6 writes "flags" and no flag). The new table holds
 * what the old one held, in one transaction: no packet meets an empty one. Where the
 * transaction would be too large for that the table stays as it is; all of a million elements
 * would be ten seconds of reading.
 */
int server_release(struct server *s)
{
	_cleanup_(entries_done) struct entries held = {.most = COMPARE_MAX};
	_cleanup_(changes_done) struct changes changes = {0};
	struct enforce_sync_result ignored = {0};
	struct nft_head head;
	int r = table_look(&s->table);
	if (r < 0 || !s->table.owner || !s->table.fits)
		return r;
	r = dump_ordered(&s->nft, &held);
	if (r < 0)
		return r == -E2BIG ? 0 : r;
	r = diff(held.list, held.n, NULL, 0, 0, &changes, &ignored);
	if (r == 0)
		r = keep_answered(s, &changes);
	if (r < 0)
		return r;
	table_release(&s->table, &head);
	return nft_apply(&s->nft, changes.list, changes.n, &head);
}
