/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a new database begins with. */
#pragma once

struct store;

/* The first account, its numbers drawn at random, and the proof of the secret key. */
int accounts_found(struct store *s);

/* fn non-zero stops and is returned. */
struct account;
int accounts_each(struct store *s, int (*fn)(void *ctx, const struct account *a), void *ctx);
