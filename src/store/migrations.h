/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database's shape, as the steps that led to it. `PRAGMA user_version` is
 * the number of steps taken; each is one transaction.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct store;

/* Takes the steps that are missing; -ENOTSUP for another's or a newer Cordon's database. */
int migrations_run(struct store *s, struct err *err);
/* For readers: the database must have exactly this version's shape. */
int migrations_verify(struct store *s, struct err *err);
/* Steps already taken, 0 for an empty file; the same refusals. Only reads. */
int migrations_taken(struct store *s, int64_t *ret_taken, struct err *err);
