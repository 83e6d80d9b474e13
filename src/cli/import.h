/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of addresses to block as other programs write them, told apart by what is in
 * them:
 *
 *   plain      192.0.2.1, 198.51.100.0/24, 203.0.113.5-203.0.113.9: one a line
 *   CSV        the first line names the columns
 *   ipset      what `ipset save` prints
 *   nft        what `nft list set`, `table` or `ruleset` prints
 *   fail2ban   what `fail2ban-client banned` prints
 *
 * Every entry is understood whole, or refused with its line and the reason: an exception,
 * an allow-list or one port of an address never becomes a block of it. Pure: text in,
 * entries out; the slices in them point into the text.
 */
#pragma once

#include "base/addr.h"
#include "model/custom.h"

#include <stdint.h>

#define IMPORT_ENTRIES_MAX  (1u << 20)
#define IMPORT_REFUSALS_MAX (1u << 20)
#define IMPORT_SETS_MAX     256 /* names of sets in one text */

struct import_entry {
	struct prefix target;
	bool in, out;      /* neither: as the command says */
	int64_t expires;   /* ms, or BLOCK_FOREVER; 0: as the command says */
	struct slice text; /* as it is written; a range has several entries */
	struct slice why;  /* raw, see import_why() */
	unsigned line;
};

struct import_refusal {
	struct slice text;
	const char *why; /* a constant */
	unsigned line;
};

struct import_list {
	struct import_entry *entries;
	size_t n, size;
	struct import_refusal *refusals;
	size_t refusal_count, refusal_size;
};

struct import_how {
	int64_t now;      /* ms */
	const char *zone; /* of times without one; NULL: the machine's */
	const char *const
		*sets; /* take only these of ipset's and nft's sets, whatever they are called */
	unsigned set_count;
};

/* 0; -ENOMEM; -E2BIG: more than fits. import_done() in every case. */
int import_read(struct slice text, const struct import_how *how, struct import_list *ret);
void import_done(struct import_list *list);

/* The reason as text: one line, UTF-8, cut to what is stored. Returns ret. */
const char *import_why(struct slice raw, char ret[static CUSTOM_WHY_MAX]);
