/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets at rest: crypto_secretbox of libsodium under dir/secret.key (32
 * random bytes, 0600), so that a copy of the database alone opens nothing.
 */
#pragma once

#include "base/err.h"

#include <sodium/crypto_secretbox.h>
#include <stdbool.h>
#include <stddef.h>

struct seal {
	unsigned char key[crypto_secretbox_KEYBYTES];
};

#define SEAL_EXTRA (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)

/* Makes the file when it is missing and may_make says so; otherwise -ENOENT. */
int seal_load(struct seal *seal, const char *dir, bool may_make, struct err *err);
void seal_done(struct seal *seal);

/* ret has room for n + SEAL_EXTRA bytes. */
void seal_close(const struct seal *seal, const void *plain, size_t n, unsigned char *ret);
/* False when it was not sealed under this key; n counts the sealed bytes, >= SEAL_EXTRA. */
bool seal_open(const struct seal *seal, const unsigned char *sealed, size_t n, void *ret);

struct store;

/* Keeps a proof of the key in the database; 0, STORE_NOT_FOUND (another key) or -errno. */
int seal_found(struct store *s);
int seal_prove(struct store *s);
