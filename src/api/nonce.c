/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Of a nonce only 96 bits of its keyed hash are kept: two of a million nonces
 * collide with a chance below 10^-16, and nobody outside can aim at it.
 * Entries are never deleted one by one; a sweep rebuilds the table without the
 * ended ones, when it is full and at most once a second.
 */
#include "api/nonce.h"

#include "base/clock.h"
#include "base/util.h"

#include <sodium/crypto_shorthash.h>

#define SIZE_FIRST 64u

void nonce_set_done(struct nonce_set *s)
{
	free(s->entries);
	*s = (struct nonce_set){0};
}

/* A full set of `limit` entries still has one slot in nine free. */
static uint32_t size_most(uint32_t limit)
{
	return limit + limit / 8 + 1;
}

static uint32_t room(uint32_t size)
{
	return size - size / 9 - 1;
}

static struct nonce_entry *find_slot(
	struct nonce_entry *entries, uint32_t size, const struct nonce_entry *e)
{
	uint32_t i = (uint32_t)(((__uint128_t)e->high * size) >> 64);
	while (entries[i].until && (entries[i].high != e->high || entries[i].low != e->low))
		i = i + 1 == size ? 0 : i + 1;
	return &entries[i];
}

static bool rebuild(struct nonce_set *s, uint32_t size, uint32_t now)
{
	struct nonce_entry *entries = calloc(size, sizeof(*entries));
	if (!entries)
		return false;
	uint32_t used = 0;
	for (uint32_t i = 0; i < s->size; i++) {
		const struct nonce_entry *e = &s->entries[i];
		if (e->until > now) {
			*find_slot(entries, size, e) = *e;
			used++;
		}
	}
	free(s->entries);
	*s = (struct nonce_set){.entries = entries, .size = size, .used = used, .swept = now};
	return true;
}

static uint32_t alive(const struct nonce_set *s, uint32_t now)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->size; i++)
		n += s->entries[i].until > now;
	return n;
}

/* Makes sure that one more entry fits. */
static bool make_room(struct nonce_set *s, uint32_t limit, uint32_t now)
{
	uint32_t most = size_most(limit);
	if (s->size && s->used < MIN_OF(room(s->size), limit))
		return true;
	if (s->size == 0)
		return rebuild(s, MIN_OF(SIZE_FIRST, most), now);
	if (s->size == most && s->swept == now)
		return false;
	uint32_t n = alive(s, now);
	s->swept = now;
	if (n >= limit)
		return false;
	uint32_t size = s->size;
	if (n > room(size) / 2)
		size = size > most / 2 ? most : size * 2;
	return rebuild(s, size, now) && s->used < MIN_OF(room(s->size), limit);
}

int nonce_set_add(struct nonce_set *s, const uint8_t key[static 16], struct slice nonce,
	uint32_t limit, int64_t now, int64_t until)
{
	uint32_t seconds = (uint32_t)(now / MS_SECOND);
	if (!make_room(s, limit, seconds))
		return NONCE_FULL;
	unsigned char hash[crypto_shorthash_siphashx24_BYTES];
	(void)crypto_shorthash_siphashx24(hash, (const unsigned char *)nonce.p, nonce.n, key);
	struct nonce_entry e = {.until = (uint32_t)((until + MS_SECOND - 1) / MS_SECOND) + 1};
	memcpy(&e.high, hash, sizeof(e.high));
	memcpy(&e.low, hash + sizeof(e.high), sizeof(e.low));

	struct nonce_entry *slot = find_slot(s->entries, s->size, &e);
	if (slot->until > seconds)
		return NONCE_USED;
	s->used += slot->until == 0;
	*slot = e;
	return NONCE_OK;
}
