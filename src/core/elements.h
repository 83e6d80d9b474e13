/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which kernel elements are wanted, and by which block records.
 *
 * One element serves all records that want the same prefix (ssh and mysql,
 * rule and hand): it exists while any of them wants it, until the latest end.
 * This is the memory's copy of the active rows of table block; the store is
 * the truth, and after a failed transaction the copy is made anew from it.
 */
#pragma once

#include "base/hash.h"
#include "enforce/enforce.h"
#include "model/block.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One record's share of an element. There is one for every block in force, so it is
 * packed: with the first of them inside it an element is 56 bytes.
 */
struct member {
	struct member *next;
	int64_t block; /* id of the record */
	int64_t expires;
	uint32_t counted; /* where its failures are counted before they are stored, see blocks.c */
	uint16_t port;
	uint8_t service : 4; /* enum service */
	uint8_t state : 4;   /* enum block_state: WANTED, APPLIED, FAILED or CANCELLING */
	bool in_sync : 1;    /* the running comparison with the kernel covers it */
	bool withheld : 1;   /* the kernel shall not have it: see block_is_withheld() */
};

struct element {
	struct prefix target;
	uint8_t list;        /* enum enforce_list */
	struct member first; /* and by its `next` the others; without any there is no element */
};

/* Where an element may be found: most that are not it are known by the hash. */
struct element_slot {
	uint32_t hash;
	uint32_t place; /* 0: none */
};

/* Elements lie in pages, where they stay: a walk over all goes through memory in order. */
struct elements {
	struct element_slot *slots;
	size_t size, used; /* size: a power of two */
	struct element **pages;
	uint32_t places; /* given out so far, free ones included */
	uint32_t free;   /* the first of those, and by its `first.block` the others; 0: none */
	struct hash_key key;
};

int elements_init(struct elements *e);
void elements_done(struct elements *e);
/* Forgets all. */
void elements_clear(struct elements *e);

struct element *elements_find(
	const struct elements *e, enum enforce_list list, const struct prefix *target);
/* Puts the record's share in, or brings it up to date. NULL: no memory. */
struct member *elements_put(struct elements *e, const struct block *b);
/* Takes the record's share out; the element goes with its last one. Pointers to other
   members of it may be invalid after that. */
void elements_remove(struct elements *e, const struct block *b);

struct member *element_member(struct element *el, enum service service);
/* True while the kernel should hold it; *ret is what to order then. */
bool element_wanted(const struct element *el, struct enforce_element *ret);
/* What makes the kernel hold of it what it should now. */
struct enforce_order elements_order(
	const struct elements *e, enum enforce_list list, const struct prefix *target);

/* Visits every element; fn may not add or remove any. Non-zero stops. */
int elements_each(struct elements *e, int (*fn)(void *ctx, struct element *el), void *ctx);

enum enforce_list block_list(enum block_direction direction);
/* FAILED because we did not ask (the ceiling, the allow-list), not because the kernel said no. */
bool block_is_withheld(const struct block *b);
