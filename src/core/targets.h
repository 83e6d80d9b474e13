/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which servers somebody names: uuids of an account's hosts. A host of another account,
 * or one that is retired, is as one that does not exist.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct host;

struct targets {
	uint32_t *ids; /* ascending, each once */
	unsigned n, size;
};

void targets_done(struct targets *t);
bool targets_has(const struct targets *t, uint32_t host);
/* 0, also when it is there already, or -ENOMEM. */
int targets_add(struct targets *t, uint32_t host);

/* The host of that uuid, or CORE_NOT_FOUND. */
int targets_find(struct store *s, int64_t account, const char *uuid, struct host *ret);
/* *ret: empty before, targets_done() also after a failure. CORE_NOT_FOUND: *ret_bad (NULL
   allowed) is the index of a uuid that the account has not. */
int targets_of(struct store *s, int64_t account, const char *const *uuids, unsigned n,
	struct targets *ret, unsigned *ret_bad, struct err *err);
/* Every server of the account. */
int targets_all(struct store *s, int64_t account, struct targets *ret);
