/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables custom_block and custom_target. */
#pragma once

#include "model/custom.h"
#include "model/host.h"
#include "store/store.h"

/* Inserts (id == 0: sets it; -EEXIST when there is one of that account, target and direction) or
   updates; account, target and direction of a stored one never change: -EINVAL. The status
   follows from enabled, expires (against cb->changed) and the acknowledgements. */
int store_custom_put(struct store *s, struct custom_block *cb);
int store_custom_get(struct store *s, int64_t id, struct custom_block *ret); /* or NOT_FOUND */
int store_custom_find(struct store *s, int64_t account, const struct prefix *target,
	enum block_direction direction, struct custom_block *ret); /* or NOT_FOUND */
/* Its targets go with it; what they have in their kernels does not. Or NOT_FOUND. */
int store_custom_remove(struct store *s, int64_t id);

/* The host need not have a record yet. Being there already is no error. `servers` and `applied`
   follow; store_block_put() keeps `applied` and the status right from then on. */
int store_custom_target_put(struct store *s, int64_t custom, uint32_t host);
int store_custom_target_remove(struct store *s, int64_t custom, uint32_t host); /* or NOT_FOUND */
int store_custom_target_each(
	struct store *s, int64_t custom, int (*fn)(void *ctx, uint32_t host), void *ctx);
/* Takes a host out of all of them. */
int store_custom_forget_host(struct store *s, uint32_t host);
/* Those of the account that are not CUSTOM_OFF and cover a host (host 0: are `everywhere`), by id.
   fn may change them, here and below. */
int store_custom_each(struct store *s, int64_t account, uint32_t host,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx);
/* Those not CUSTOM_OFF whose end is at or before now, at most `most`; *ret_next as
 * store_block_due(). */
int store_custom_due(struct store *s, int64_t now, unsigned most,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx, int64_t *ret_next);

/*
 * A list: its new ones are added one after the other, then what each server has of them is made at
 * once. They share the account, how many servers they will have, and when they were changed.
 */
struct custom_batch {
	int64_t account, changed;
	uint32_t servers;
	int64_t first, last;      /* ids of those added; 0: none yet */
	int64_t n[BLOCK_OUT + 1]; /* how many */
};

/* A new one, no record of which is APPLIED; its number of servers is true once they are covered.
   STORE_EXISTS: there is one of that account, target and direction. */
int store_custom_add(struct store *s, struct custom_batch *batch, struct custom_block *cb);
/* Makes the host a target of all that were added, and for each a record, WANTED, whose id is the
   custom block's + *ret_ahead. wishes: each is a wish. Where there was a record it stays as it is,
   and fn gets the custom block's id (ascending); it may change both. */
int store_custom_cover(struct store *s, const struct custom_batch *batch, uint32_t host,
	bool wishes, int64_t *ret_ahead, int (*fn)(void *ctx, int64_t id), void *ctx);

struct custom_query {
	int64_t account;
	int has_status;    /* 0: any, else status + 1 */
	int has_direction; /* 0: any, else direction + 1 */
	bool has_target;
	struct prefix target; /* exact */
	/* Only those all of whose servers are of these enterprise projects, one a line, and that
	   are not `everywhere`; NULL or "": any. Need not be quick. */
	const char *enterprise_projects;
	int64_t offset, limit;
};
/* Latest change first, then id descending; *ret_total is exact. */
int store_custom_query(struct store *s, const struct custom_query *q,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx, int64_t *ret_total);

/* The targets of one custom block with their records; a target without one is WANTED. By host. */
int store_custom_instances(struct store *s, const struct custom_block *cb,
	int (*fn)(void *ctx, const struct custom_instance *i), void *ctx);
