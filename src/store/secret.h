/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of a secret that only has to be known again: its BLAKE2b hash. */
#pragma once

#include <sodium/crypto_generichash.h>
#include <string.h>

struct secret_hash {
	unsigned char b[crypto_generichash_BYTES];
};

static inline struct secret_hash secret_hash(const char *secret)
{
	struct secret_hash hash;
	(void)crypto_generichash(
		hash.b, sizeof(hash.b), (const unsigned char *)secret, strlen(secret), NULL, 0);
	return hash;
}
