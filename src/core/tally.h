/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Adds up the attempts of one batch a (minute, service, source), so that the
 * store is asked once for each instead of once a line.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"
#include "model/service.h"

#include <stdint.h>

struct tally_entry {
	int64_t minute; /* since 1970 */
	struct prefix source;
	enum service service;
	uint32_t n; /* 0: free slot */
};

struct tally {
	struct tally_entry *slots;
	size_t size, used;
	struct hash_key key;
};

int tally_init(struct tally *t);
void tally_done(struct tally *t);
/* 0 or -ENOMEM. time: ms. */
int tally_add(struct tally *t, int64_t time, enum service service, const struct prefix *source,
	uint32_t n);
/* Calls fn for each entry, oldest minute first, and empties the tally. */
int tally_drain(struct tally *t, int (*fn)(void *ctx, const struct tally_entry *e), void *ctx);
/* Empties it. */
void tally_clear(struct tally *t);
