/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is never blocked: loopback, own addresses, the default gateway, the
 * resolvers, the allow-list, administrators' live sessions. And what follows
 * from it for what a source is: an IPv6 /64 that contains a protected address
 * is not one source but many.
 */
#pragma once

#include "base/addr.h"

#include <stdint.h>

enum protect_reason {
	PROTECT_NONE,
	PROTECT_LOOPBACK,
	PROTECT_OWN, /* an address of this machine */
	PROTECT_GATEWAY,
	PROTECT_RESOLVER,
	PROTECT_ALLOWED,  /* the allow-list */
	PROTECT_SESSION,  /* an administrator is logged in from there */
	PROTECT_SERVER,   /* the Cordon server of an agent */
	PROTECT_UNUSABLE, /* unspecified, multicast, broadcast: nobody's source */
};

struct protect;

struct protect *protect_new(void); /* knows loopback and the unusable ones */
struct protect *protect_free(struct protect *p);
/* Replaces all entries of one reason. 0 or -ENOMEM. */
int protect_set(struct protect *p, enum protect_reason why, const struct prefix *list, unsigned n);
/* Prefixes of own interfaces: an on-link /64 is narrowed to /128 (not protected as such). */
int protect_set_onlink(struct protect *p, const struct prefix *list, unsigned n);
/* Why this very address is never blocked; PROTECT_NONE when it may be. */
enum protect_reason protect_address(const struct protect *p, const struct addr *a);
/* Why no part of this prefix may be blocked as a whole. */
enum protect_reason protect_prefix(const struct protect *p, const struct prefix *target);
/*
 * What counts and is blocked as one source: v4 the address; v6 its /64, but the
 * /128 when the /64 is link-local, on-link, in 64:ff9b::/96 or 2001::/32, or
 * contains a protected address; 2002::/16 by /48 (RFC 3056).
 */
struct prefix protect_source(const struct protect *p, const struct addr *a);
/* "loopback", "own address", … for people. */
const char *protect_reason_text(enum protect_reason why);
