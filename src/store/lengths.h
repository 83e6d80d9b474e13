/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prefix lengths there are among the blocks: a handful, each a step over the index. */
#pragma once

#include <stdint.h>

struct store;

struct lengths {
	uint8_t len[129];
	unsigned n;
};

int lengths_present(struct store *s, struct lengths *ret);
