/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's ear for its agents: HTTPS with certificates on both sides
 * (libmicrohttpd). A question for wishes is held open (suspended) until there are some.
 * libmicrohttpd only asks for a client's certificate: every request checks it.
 */
#pragma once

#include "base/err.h"
#include "core/fleet.h"
#include "fleet/credential.h"

struct fleet_server;

/* listener: bound and listening, taken over also on failure. The credential is borrowed until
   fleet_server_free(). workers: threads that answer. */
int fleet_server_new(struct core *core, const struct credential *credential, int listener,
	unsigned workers, struct fleet_server **ret, struct err *err);
/* core_ops.wished: answers those that are held for these hosts (NULL: for all). Any thread. */
void fleet_server_wished(struct fleet_server *s, const uint32_t *hosts, size_t n);
/*
 * Gives what is under way up to 2 s, joins the threads. On the loop's thread call core_close()
 * first: somebody may wait for it. NULL allowed; returns NULL.
 */
struct fleet_server *fleet_server_free(struct fleet_server *s);
