/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the API remembers between calls to keep them honest: nonces already
 * used, failed proofs, calls a second. All tables are bounded; times are ms
 * UTC and arguments. May be called from any thread.
 */
#pragma once

#include "base/addr.h"
#include "base/slice.h"

#include <stdint.h>

struct guard;

struct guard_limits {
	uint32_t nonces_per_key;
	uint32_t rate; /* calls a second a key; 0: no limit */
	uint32_t lockout_failures;
	int64_t lockout_time; /* ms */
};

enum guard_verdict { GUARD_OK, GUARD_USED, GUARD_FULL };

int guard_new(const struct guard_limits *limits, struct guard **ret);
struct guard *guard_free(struct guard *g); /* returns NULL */

/* Remembers a nonce of the key until `until`. USED: it was there; FULL: no room. */
enum guard_verdict guard_nonce(
	struct guard *g, const char *key_id, struct slice nonce, int64_t now, int64_t until);
/* False when the key has called too often in the last second. */
bool guard_rate(struct guard *g, const char *key_id, int64_t now);

/*
 * Failed proofs, by (source, key). A v6 source is its /64. After
 * lockout_failures in a row the pair is locked for lockout_time.
 */
bool guard_locked(struct guard *g, const struct addr *source, struct slice key_id, int64_t now);
void guard_failed(struct guard *g, const struct addr *source, struct slice key_id, int64_t now);
void guard_proved(struct guard *g, const struct addr *source, struct slice key_id);
