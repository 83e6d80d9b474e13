/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IP addresses and prefixes.
 *
 * An address is always 16 bytes, IPv4 as v4-mapped IPv6 (::ffff:a.b.c.d,
 * RFC 4291 2.5.5.2), so there is one comparison and one hash. A prefix length
 * counts in those 128 bits: an IPv4 /32 is 128, /24 is 120.
 */
#pragma once

#include "base/slice.h"

#include <netinet/in.h>
#include <stdint.h>

struct addr {
	uint8_t b[16];
};

struct prefix {
	struct addr addr; /* bits beyond len are zero */
	uint8_t len;      /* 0..128 */
};

#define ADDR_TEXT_MAX   48
#define PREFIX_TEXT_MAX 52

static inline bool addr_is_v4(const struct addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline struct addr addr_from_v4(uint32_t host_order)
{
	return (struct addr){.b = {[10] = 0xff,
				     [11] = 0xff,
				     [12] = (uint8_t)(host_order >> 24),
				     [13] = (uint8_t)(host_order >> 16),
				     [14] = (uint8_t)(host_order >> 8),
				     [15] = (uint8_t)host_order}};
}

/*
 * The whole of text must be one literal address (dotted quad without leading
 * zeros, IPv6 per RFC 4291, an optional %zone is refused). Names never match:
 * nothing is ever resolved. Returns false and leaves *ret alone otherwise.
 */
bool addr_parse(struct slice text, struct addr *ret);
/* The same for "a.b.c.d" or "a.b.c.d/nn", v6 alike. Host bits are cleared. */
bool prefix_parse(struct slice text, struct prefix *ret);
/* Only the IPv4 half of addr_parse(), for hot paths; host byte order. */
bool addr_parse_v4(const char *p, size_t n, uint32_t *ret);

/* Canonical text (RFC 5952, v4 dotted); returns text. */
const char *addr_format(const struct addr *a, char text[static ADDR_TEXT_MAX]);
/* Like addr_format, with "/len" unless it is a single address (v4 length as 0..32). */
const char *prefix_format(const struct prefix *p, char text[static PREFIX_TEXT_MAX]);

struct addr addr_mask(const struct addr *a, unsigned len);
struct prefix prefix_of(const struct addr *a, unsigned len);
bool prefix_has(const struct prefix *p, const struct addr *a);
/* True when one contains the other. */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_eq(const struct prefix *a, const struct prefix *b);
/* From a sockaddr_in or sockaddr_in6; false for other families. */
bool addr_from_sockaddr(const void *sockaddr, struct addr *ret, uint16_t *ret_port);
