/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lists are kept as given, one a reason, and merged into one sorted array
 * of prefixes that do not overlap (of nested ones the outermost stays). Then
 * whatever overlaps a range is the last entry that begins at or before its end:
 * one binary search answers "is it inside" and "does it contain one" alike.
 *
 * Most addresses of the world share nothing with any entry: a bit for each /16
 * (IPv4) and for each value of the first 16 bits (IPv6) says so at once.
 */
#include "detect/protect.h"

#include "base/util.h"

#include <assert.h>
#include <errno.h>

#define REASONS (PROTECT_UNUSABLE + 1)

struct entry {
	struct prefix prefix;
	uint8_t why;
};

struct set {
	struct entry *entries;
	size_t n;
	uint64_t v4[1024], v6[1024]; /* bit n: some entry overlaps addresses that begin with n */
};

struct list {
	struct prefix *prefixes;
	unsigned n;
};

struct protect {
	struct list lists[REASONS];
	struct set never;  /* all lists */
	struct set onlink; /* prefixes of own interfaces */
};

/* ---- one set ---- */

static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = memcmp(&x->prefix.addr, &y->prefix.addr, sizeof(struct addr));
	if (r == 0)
		r = (int)x->prefix.len - (int)y->prefix.len;
	return r != 0 ? r : (int)x->why - (int)y->why;
}

static unsigned word_at(const struct addr *a, unsigned byte)
{
	return (unsigned)a->b[byte] << 8 | a->b[byte + 1];
}

/* Sets the bits of all values of the 16 bits at `byte` that the prefix allows. */
static void mark_words(uint64_t bits[static 1024], const struct prefix *p, unsigned byte)
{
	unsigned first = word_at(&p->addr, byte);
	unsigned fixed = p->len > byte * 8 ? MIN_OF(p->len - byte * 8, 16u) : 0;
	for (unsigned i = 0; i < 1u << (16 - fixed); i++)
		bits[(first + i) / 64] |= (uint64_t)1 << (first + i) % 64;
}

static void mark(struct set *s, const struct prefix *p)
{
	static const struct prefix v4 = {.addr = {.b = {[10] = 0xff, [11] = 0xff}}, .len = 96};
	if (prefix_overlaps(p, &v4)) {
		struct prefix inner = p->len < v4.len ? v4 : *p;
		mark_words(s->v4, &inner, 12);
	}
	mark_words(s->v6, p, 0);
}

/* Sorts, leaves out what another entry contains, and marks. */
static void set_finish(struct set *s)
{
	size_t kept = 0;
	qsort(s->entries, s->n, sizeof(*s->entries), entry_compare);
	for (size_t i = 0; i < s->n; i++) {
		struct entry e = s->entries[i];
		if (kept > 0 && prefix_has(&s->entries[kept - 1].prefix, &e.prefix.addr))
			continue;
		s->entries[kept++] = e;
		mark(s, &e.prefix);
	}
	s->n = kept;
}

static struct addr last_of(const struct prefix *p)
{
	struct addr a = p->addr;
	for (unsigned i = 0; i < 16; i++) {
		unsigned fixed = p->len > i * 8 ? MIN_OF(p->len - i * 8, 8u) : 0;
		a.b[i] = (uint8_t)(a.b[i] | (0xffu >> fixed));
	}
	return a;
}

static bool may_overlap(const struct set *s, const struct prefix *p)
{
	if (p->len >= 112 && addr_is_v4(&p->addr)) {
		unsigned word = word_at(&p->addr, 12);
		return s->v4[word / 64] >> word % 64 & 1;
	}
	unsigned word = word_at(&p->addr, 0);
	return p->len < 16 || (s->v6[word / 64] >> word % 64 & 1);
}

/* The entry that overlaps p, NULL if none does. */
static const struct entry *set_find(const struct set *s, const struct prefix *p)
{
	if (!may_overlap(s, p))
		return NULL;
	struct addr last = last_of(p);
	size_t low = 0, high = s->n; /* entries before low begin at or before last */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(&s->entries[middle].prefix.addr, &last, sizeof(last)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !prefix_overlaps(&s->entries[low - 1].prefix, p))
		return NULL;
	return &s->entries[low - 1];
}

/* ---- the lists ---- */

static int list_copy(
	enum protect_reason why, const struct prefix *from, unsigned n, struct list *ret)
{
	struct prefix *p = calloc((size_t)n + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		/* a session protects its address, never its neighbours */
		unsigned len = why == PROTECT_SESSION ? 128u : MIN_OF(from[i].len, 128u);
		p[i] = prefix_of(&from[i].addr, len);
	}
	*ret = (struct list){p, n};
	return 0;
}

static int merge(struct protect *p)
{
	size_t n = 0;
	for (unsigned why = 0; why < REASONS; why++)
		n += p->lists[why].n;
	struct entry *entries = calloc(n + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	free(p->never.entries);
	p->never = (struct set){.entries = entries};
	for (unsigned why = 0; why < REASONS; why++)
		for (unsigned i = 0; i < p->lists[why].n; i++)
			entries[p->never.n++] =
				(struct entry){p->lists[why].prefixes[i], (uint8_t)why};
	set_finish(&p->never);
	return 0;
}

int protect_set(struct protect *p, enum protect_reason why, const struct prefix *list, unsigned n)
{
	struct list fresh;
	if (why <= PROTECT_NONE || (unsigned)why >= REASONS)
		return -EINVAL;
	int r = list_copy(why, list, n, &fresh);
	if (r < 0)
		return r;
	struct list before = p->lists[why];
	p->lists[why] = fresh;
	r = merge(p);
	if (r < 0)
		p->lists[why] = before;
	free(r < 0 ? fresh.prefixes : before.prefixes);
	return r;
}

int protect_set_onlink(struct protect *p, const struct prefix *list, unsigned n)
{
	struct entry *entries = calloc((size_t)n + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	free(p->onlink.entries);
	p->onlink = (struct set){.entries = entries, .n = n};
	for (unsigned i = 0; i < n; i++)
		entries[i].prefix = prefix_of(&list[i].addr, MIN_OF(list[i].len, 128u));
	set_finish(&p->onlink);
	return 0;
}

struct protect *protect_new(void)
{
	static const struct prefix loopback[] = {
		{.addr = {.b = {[10] = 0xff, [11] = 0xff, [12] = 127}}, .len = 104},
		{.addr = {.b = {[15] = 1}}, .len = 128},
	};
	/* 0.0.0.0/8 (RFC 1122 3.2.1.3), 224.0.0.0/4 (RFC 5771), broadcast, ::, ff00::/8 (RFC 4291)
	 */
	static const struct prefix unusable[] = {
		{.addr = {.b = {[10] = 0xff, [11] = 0xff}}, .len = 104},
		{.addr = {.b = {[10] = 0xff, [11] = 0xff, [12] = 224}}, .len = 100},
		{.addr = {.b = {[10] = 0xff, [11] = 0xff, 0xff, 0xff, 0xff, 0xff}}, .len = 128},
		{.len = 128},
		{.addr = {.b = {[0] = 0xff}}, .len = 8},
	};
	struct protect *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	if (protect_set(p, PROTECT_LOOPBACK, loopback, countof(loopback)) < 0 ||
		protect_set(p, PROTECT_UNUSABLE, unusable, countof(unusable)) < 0)
		return protect_free(p);
	return p;
}

struct protect *protect_free(struct protect *p)
{
	if (p) {
		for (unsigned why = 0; why < REASONS; why++)
			free(p->lists[why].prefixes);
		free(p->never.entries);
		free(p->onlink.entries);
		free(p);
	}
	return NULL;
}

/* ---- questions ---- */

enum protect_reason protect_prefix(const struct protect *p, const struct prefix *target)
{
	const struct entry *e = set_find(&p->never, target);
	return e ? (enum protect_reason)e->why : PROTECT_NONE;
}

enum protect_reason protect_address(const struct protect *p, const struct addr *a)
{
	return protect_prefix(p, &(struct prefix){.addr = *a, .len = 128});
}

/* IPv6 addresses that have nothing in common with the rest of their /64. */
static bool is_single(const struct addr *a)
{
	/* link-local; NAT64 (RFC 6052): the IPv4 Internet in one /96; Teredo
	   (RFC 4380): the address behind the 32 bits is the server's */
	static const struct prefix single[] = {
		{.addr = {.b = {0xfe, 0x80}}, .len = 10},
		{.addr = {.b = {0x00, 0x64, 0xff, 0x9b}}, .len = 96},
		{.addr = {.b = {0x20, 0x01, 0x00, 0x00}}, .len = 32},
	};
	for (size_t i = 0; i < countof(single); i++)
		if (prefix_has(&single[i], a))
			return true;
	return false;
}

struct prefix protect_source(const struct protect *p, const struct addr *a)
{
	struct prefix one = {.addr = *a, .len = 128};
	if (addr_is_v4(a) || is_single(a))
		return one;
	bool is_6to4 = a->b[0] == 0x20 && a->b[1] == 0x02;
	struct prefix all = prefix_of(a, is_6to4 ? 48 : 64);
	return set_find(&p->onlink, &all) || set_find(&p->never, &all) ? one : all;
}

const char *protect_reason_text(enum protect_reason why)
{
	static const char *const texts[REASONS] = {
		[PROTECT_NONE] = "not protected",
		[PROTECT_LOOPBACK] = "loopback",
		[PROTECT_OWN] = "own address",
		[PROTECT_GATEWAY] = "default gateway",
		[PROTECT_RESOLVER] = "resolver",
		[PROTECT_ALLOWED] = "on the allow-list",
		[PROTECT_SESSION] = "an administrator is logged in from there",
		[PROTECT_SERVER] = "the Cordon server",
		[PROTECT_UNUSABLE] = "not a source address",
	};
	return (unsigned)why < REASONS ? texts[why] : "unknown";
}
