/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line's socket: one JSON object a line in, one a line out.
 *
 *   {"verb":"unblock","args":{"target":"192.0.2.1"}}
 *   {"ok":true,"result":{"lifted":1}}
 *   {"ok":false,"error":"192.0.2.1 is not blocked"}
 *
 * "account" beside the verb says of whom (name, account id or project id); without it it
 * is the first account. A line is 1 MiB at most: what is longer comes in pieces, as
 * import.begin, import.add …, import.commit on one connection.
 * Who may connect is decided by the socket's permissions (0660, group cordon).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct control;
struct core;
struct loop;

/* listener: taken over. Runs on the loop's thread. 0 or -errno. */
int control_new(struct loop *loop, struct core *core, int listener, struct control **ret);
struct control *control_free(struct control *c); /* NULL allowed; returns NULL */

/* An agent's link to its server, for `cordon status`. */
struct control_link {
	char server[256]; /* URL */
	char name[128];   /* as what this machine was enrolled there */
	bool connected;
	int64_t since,
		heard;   /* ms: of the latest change of connected; of the latest answer, or 0 */
	char error[160]; /* why it is not connected; "" */
};
/* fn fills in what it is now; false: there is no link. Called on the loop's thread. */
void control_set_link(
	struct control *c, bool (*fn)(void *ctx, struct control_link *ret), void *ctx);
/* False: none. */
bool control_get_link(struct control *c, struct control_link *ret);
