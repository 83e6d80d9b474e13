/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a server is: its URL, and the addresses its name leads to. They are looked up
 * here and not by libcurl, so that those that are never blocked are those that are connected to.
 */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "core/fleet.h"

struct place {
	char url[256];  /* https://HOST:PORT */
	char host[254]; /* name or literal address, without brackets */
	uint16_t port;
	bool literal;
	struct addr list[SERVER_ADDRESSES_MAX]; /* the preferred one first */
	unsigned n;                             /* 0: not looked up yet */
};

/* "https://HOST:PORT"; without the scheme, the port (8732) or with a "/" at the end too.
   -EINVAL. A literal address is looked up with it. */
int place_parse(const char *text, struct place *ret, struct err *err);
/* Looks the name up (seconds, while no resolver answers). What was known stays when it cannot
   be: -EHOSTUNREACH. */
int place_resolve(struct place *p, struct err *err);
