/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/dump.h"

#include "base/clock.h"
#include "base/util.h"
#include "enforce/attr.h"
#include "enforce/ruleset.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Others may change nf_tables all the time: after these the last answer is taken. */
#define TRIES_MAX 8

static int on_table(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs a = attrs_of(nlh, sizeof(struct nfgenmsg));
	*(struct dump_table *)ctx = (struct dump_table){
		.handle = attr_u64(a.by[NFTA_TABLE_HANDLE]),
		.flags = attr_u32(a.by[NFTA_TABLE_FLAGS]),
		.owner = attr_u32(a.by[NFTA_TABLE_OWNER]),
	};
	return 0;
}

int dump_table(struct nft *nft, struct dump_table *ret)
{
	char buffer[NFT_QUERY_MAX] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = nft_query_begin(buffer, NFT_MSG_GETTABLE, NLM_F_ACK);
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, nft->table);
	int r = nft_query(nft, nlh, on_table, ret);
	return r < 0 ? r : 0;
}

/* One set's elements as they arrive. */
struct elements {
	enum set_id set;
	struct entries *entries;
	int (*fn)(struct elements *e, const struct attrs *a);
	int (*hit)(void *ctx, const struct enforce_hit *hit);
	void *hit_ctx;
};

static bool key_read(const struct attrs *a, void *key, size_t n)
{
	const struct nlattr *nest = a->by[NFTA_SET_ELEM_KEY];
	if (!nest)
		return false;
	struct attrs data = attrs_in(nest);
	const struct nlattr *value = data.by[NFTA_DATA_VALUE];
	if (!value || mnl_attr_get_payload_len(value) != n)
		return false;
	memcpy(key, mnl_attr_get_payload(value), n);
	return true;
}

static bool key_address(const struct attrs *a, enum set_id set, struct addr *ret)
{
	if (!set_specs[set].v4)
		return key_read(a, ret->b, 16);
	*ret = addr_from_v4(0);
	return key_read(a, ret->b + 12, 4);
}

/* The record in an element's comment; -1 when it is not ours. */
static int64_t comment_record(const struct nlattr *userdata)
{
	if (!userdata)
		return -1;
	const uint8_t *p = mnl_attr_get_payload(userdata);
	size_t n = mnl_attr_get_payload_len(userdata);
	if (n < 3 || p[0] != NFTNL_UDATA_SET_ELEM_COMMENT || p[1] + 2u > n || p[1] == 0 ||
		p[1] > 24 || p[1 + p[1]] != '\0')
		return -1;
	char *end;
	long long record = strtoll((const char *)p + 2, &end, 10);
	return end == (const char *)p + 2 || *end ? -1 : record;
}

static int element_add(struct elements *e, const struct attrs *a)
{
	struct entry entry = {.set = (uint8_t)e->set, .expires = ENFORCE_FOREVER};
	if (!key_address(a, e->set, &entry.first))
		return -EBADMSG;
	entry.last = entry.first;
	if (a->by[NFTA_SET_ELEM_EXPIRATION])
		entry.expires = clock_now() + (int64_t)attr_u64(a->by[NFTA_SET_ELEM_EXPIRATION]);
	entry.record = comment_record(a->by[NFTA_SET_ELEM_USERDATA]);
	/* `from` tells boundaries apart until they are paired */
	entry.from = attr_u32(a->by[NFTA_SET_ELEM_FLAGS]) & NFT_SET_ELEM_INTERVAL_END;
	return entries_add(e->entries, &entry);
}

static int on_elements(const struct nlmsghdr *nlh, void *ctx)
{
	struct elements *e = ctx;
	struct attrs a = attrs_of(nlh, sizeof(struct nfgenmsg));
	const struct nlattr *list = a.by[NFTA_SET_ELEM_LIST_ELEMENTS], *attr;
	if (!list)
		return 0;
	attr_for_each_in(attr, list)
	{
		struct attrs element = attrs_in(attr);
		int r = e->fn(e, &element);
		if (r < 0)
			return r;
	}
	return 0;
}

static int dump_elements(struct nft *nft, struct elements *e)
{
	char buffer[NFT_QUERY_MAX] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = nft_query_begin(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nft->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set_specs[e->set].name);
	return nft_query(nft, nlh, on_elements, e);
}

/* By address, an end before a beginning at the same place. */
static int boundary_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = memcmp(&x->first, &y->first, sizeof(x->first));
	return r ? r : (int)y->from - (int)x->from;
}

static struct addr address_before(const struct addr *a)
{
	struct addr out = *a;
	for (int i = 15; i >= 0 && out.b[i]-- == 0; i--)
		;
	return out;
}

/* Turns boundaries list[0..n) into ranges; returns how many. */
static size_t pair_boundaries(struct entry *list, size_t n, enum set_id set)
{
	struct prefix v4 = {.addr = addr_from_v4(0), .len = 96}, all = {.len = 0};
	struct addr very_last = element_last(set_specs[set].v4 ? &v4 : &all);
	size_t kept = 0;
	qsort(list, n, sizeof(*list), boundary_compare);
	for (size_t i = 0; i < n; i++) {
		if (list[i].from)
			continue;
		struct entry range = list[i];
		bool ends = i + 1 < n && list[i + 1].from;
		range.last = ends ? address_before(&list[i + 1].first) : very_last;
		list[kept++] = range;
	}
	return kept;
}

int dump_set(struct nft *nft, enum set_id set, struct entries *entries)
{
	size_t before = entries->n;
	struct elements e = {.set = set, .entries = entries, .fn = element_add};
	int r = dump_elements(nft, &e);
	if (r >= 0 && set_specs[set].interval && entries->n > before)
		entries->n =
			before + pair_boundaries(entries->list + before, entries->n - before, set);
	return r;
}

/*
 * A hash table that is resized during the dump shows some elements twice and, just
 * as many, not at all.
 */
static bool has_doubles(struct entry *list, size_t n)
{
	qsort(list, n, sizeof(*list), entry_compare);
	for (size_t i = 1; i < n; i++)
		if (entry_compare(&list[i], &list[i - 1]) == 0)
			return true;
	return false;
}

static int dump_again(struct nft *nft, enum set_id set, struct entries *entries)
{
	size_t before = entries->n;
	int r = NFT_E_INTERRUPTED;
	for (int i = 0; i < TRIES_MAX && r == NFT_E_INTERRUPTED; i++) {
		entries->n = before;
		r = dump_set(nft, set, entries);
		size_t n = entries->n - before;
		if (r == 0 && n > 1 && has_doubles(entries->list + before, n))
			r = NFT_E_INTERRUPTED;
	}
	return r < 0 ? r : 0;
}

int dump_ordered(struct nft *nft, struct entries *entries)
{
	for (enum set_id set = 0; set < SET_ORDERED; set++) {
		int r = dump_again(nft, set, entries);
		if (r < 0)
			return r;
	}
	if (entries->n == 0)
		return 0;
	qsort(entries->list, entries->n, sizeof(*entries->list), entry_compare);
	size_t kept = 1;
	for (size_t i = 1; i < entries->n; i++)
		if (entry_compare(&entries->list[i], &entries->list[kept - 1]) != 0)
			entries->list[kept++] = entries->list[i];
	entries->n = kept;
	return 0;
}

static int get_element(
	struct nft *nft, enum set_id set, const struct addr *target, struct entries *entries)
{
	char buffer[NFT_QUERY_MAX] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = nft_query_begin(buffer, NFT_MSG_GETSETELEM, NLM_F_ACK);
	struct elements e = {.set = set, .entries = entries, .fn = element_add};
	uint16_t n;
	const uint8_t *key = nft_key(set, target, &n);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nft->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set_specs[set].name);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, n, key);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
	return nft_query(nft, nlh, on_elements, &e);
}

int dump_element(
	struct nft *nft, enum set_id set, const struct addr *target, struct entry *ret_entry)
{
	struct entries found = {0};
	int r = set_specs[set].interval ? dump_again(nft, set, &found)
					: get_element(nft, set, target, &found);
	bool there = false;
	for (size_t i = 0; i < found.n && r >= 0 && !there; i++) {
		const struct entry *e = &found.list[i];
		there = memcmp(&e->first, target, sizeof(*target)) <= 0 &&
			memcmp(target, &e->last, sizeof(*target)) <= 0;
		if (there)
			*ret_entry = *e;
	}
	entries_done(&found);
	if (r < 0)
		return r;
	return there ? 0 : -ENOENT;
}

static uint64_t counter_packets(const struct nlattr *expression)
{
	if (!expression)
		return 0;
	struct attrs a = attrs_in(expression);
	if (!a.by[NFTA_EXPR_DATA])
		return 0;
	struct attrs data = attrs_in(a.by[NFTA_EXPR_DATA]);
	return attr_u64(data.by[NFTA_COUNTER_PACKETS]);
}

/* The key: the address, then the port filled up to 32 bits. */
static int hit_read(struct elements *e, const struct attrs *a)
{
	bool v4 = set_specs[e->set].v4;
	size_t width = v4 ? 4 : 16;
	uint8_t key[20], zero[8] = {0};
	if (!key_read(a, key, width + 4))
		return -EBADMSG;
	struct enforce_hit hit = {.source = addr_from_v4(0),
		.len = 128,
		.port = (uint16_t)(key[width] << 8 | key[width + 1]),
		.count = counter_packets(a->by[NFTA_SET_ELEM_EXPR])};
	int64_t left = (int64_t)attr_u64(a->by[NFTA_SET_ELEM_EXPIRATION]);
	hit.latest = MAX_OF(clock_now() + MIN_OF(left, ENFORCE_HITS_MS) - ENFORCE_HITS_MS, 0);
	memcpy(hit.source.b + 16 - width, key, width);
	/* a /64 is counted under its base, which is no host's address (RFC 4291 2.6.1) */
	if (!v4 && memcmp(hit.source.b + 8, zero, sizeof(zero)) == 0)
		hit.len = 64;
	return e->hit(e->hit_ctx, &hit);
}

int dump_hits(struct nft *nft, int (*fn)(void *ctx, const struct enforce_hit *hit), void *ctx)
{
	for (enum set_id set = SET_HITS4; set <= SET_HITS6; set++) {
		struct elements e = {.set = set, .fn = hit_read, .hit = fn, .hit_ctx = ctx};
		int r = dump_elements(nft, &e);
		if (r < 0)
			return r;
	}
	return 0;
}
