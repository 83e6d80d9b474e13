/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set of nonces that each leave at their own time: 16 bytes an entry, open
 * addressing, at most `limit` entries, grown as they come.
 */
#pragma once

#include "base/slice.h"

#include <stdint.h>

struct nonce_entry {
	uint64_t high;
	uint32_t low;
	uint32_t until; /* s UTC; 0: free slot */
};

struct nonce_set {
	struct nonce_entry *entries;
	uint32_t size, used; /* slots; entries in them, ended ones too */
	uint32_t swept;      /* s UTC of the latest look for ended entries */
};

#define NONCE_OK   0
#define NONCE_USED 1
#define NONCE_FULL 2

void nonce_set_done(struct nonce_set *s);
/* key: 16 bytes of the keyed hash. Times in ms. NONCE_*; out of memory counts as full. */
int nonce_set_add(struct nonce_set *s, const uint8_t key[static 16], struct slice nonce,
	uint32_t limit, int64_t now, int64_t until);
