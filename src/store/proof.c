/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database remembers which key its secrets are sealed under: a keyed hash
 * of a fixed text, in meta. It says nothing about the key.
 */
#include "store/seal.h"
#include "store/sql.h"

#include <sodium.h>

#define PROOF_NAME "secret.key"
#define PROOF_TEXT "cordon: the key this database was made with"

static void prove(const struct seal *seal, char hex[static 2 * crypto_generichash_BYTES + 1])
{
	unsigned char hash[crypto_generichash_BYTES];
	(void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)PROOF_TEXT,
		sizeof(PROOF_TEXT) - 1, seal->key, sizeof(seal->key));
	(void)sodium_bin2hex(hex, 2 * sizeof(hash) + 1, hash, sizeof(hash));
}

int seal_found(struct store *s)
{
	char hex[2 * crypto_generichash_BYTES + 1];
	prove(&s->seal, hex);
	return store_meta_put(s, PROOF_NAME, hex);
}

int seal_prove(struct store *s)
{
	char hex[2 * crypto_generichash_BYTES + 1], stored[sizeof(hex)];
	int r = store_meta_get(s, PROOF_NAME, stored, sizeof(stored));
	if (r != 0)
		return r;
	prove(&s->seal, hex);
	return sodium_memcmp(hex, stored, sizeof(hex)) == 0 ? 0 : STORE_NOT_FOUND;
}
