/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyed hash of every table an outsider can fill: SipHash-2-4 of
 * libsodium under a key drawn at start, so nobody can aim at one bucket.
 */
#pragma once

#include <sodium/crypto_shorthash.h>
#include <sodium/randombytes.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_key {
	unsigned char k[crypto_shorthash_KEYBYTES];
};

static inline void hash_key_draw(struct hash_key *key)
{
	randombytes_buf(key->k, sizeof(key->k));
}

static inline uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t n)
{
	unsigned char out[crypto_shorthash_BYTES];
	(void)crypto_shorthash(out, p, n, key->k);
	uint64_t h;
	memcpy(&h, out, sizeof(h));
	return h;
}
