/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Little-endian numbers in blobs, and a reader that remembers when it ran out. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

static inline uint8_t *pack(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*to++ = (uint8_t)(value >> 8 * i);
	return to;
}

static inline uint8_t *pack_bytes(uint8_t *to, const void *p, size_t n)
{
	memcpy(to, p, n);
	return to + n;
}

struct unpack {
	struct slice left;
	bool failed;
};

static inline uint64_t unpack(struct unpack *u, unsigned bytes)
{
	if (u->left.n < bytes) {
		u->failed = true;
		return 0;
	}
	uint64_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)(uint8_t)u->left.p[i] << 8 * i;
	u->left = slice_skip(u->left, bytes);
	return value;
}

static inline void unpack_bytes(struct unpack *u, void *to, size_t n)
{
	if (u->left.n < n) {
		u->failed = true;
		return;
	}
	memcpy(to, u->left.p, n);
	u->left = slice_skip(u->left, n);
}
