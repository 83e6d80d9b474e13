/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an agent knows of its conversation with its server. The numbers are those in
 * the store (table meta); a snapshot that comes in several answers is followed in memory, so
 * that one that breaks off begins anew.
 */
#pragma once

#include "model/wishes.h"
#include "store/fleet.h"

struct core;

struct following {
	int64_t version; /* of the wishes that were followed; 0: no snapshot was */
	int64_t batch;   /* latest number that the server has */
	bool in_snapshot;
	int64_t cursor;     /* version the next answer of the snapshot begins after */
	int64_t *mentioned; /* records that are in it */
	size_t mentioned_count, mentioned_size;
};

#define META_ENROLMENT "fleet.enrolment" /* uuid that the server gave; "": none */
#define META_VERSION   "fleet.version"
#define META_BATCH     "fleet.batch"
#define META_AWAY      "fleet.away" /* "1": went on without its server for a while */

/* In a transaction. */
int following_put(struct core *c, const char *name, int64_t value);
/* What was read of a snapshot is forgotten. */
void following_reset(struct following *f);

/* agent_policy.c: puts the server's rules and allow-list in the place of those in the store. The
   check of what is never blocked follows at once. In a transaction. */
int policy_replace(struct core *c, const struct wishes *w, bool *ret_allow_changed);
/* What it brings about beyond the store, after the commit. */
int policy_follow(struct core *c, bool allow_changed);
