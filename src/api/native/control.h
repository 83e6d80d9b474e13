/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line's socket: one JSON object a line in, one a line out.
 *
 *   {"verb":"unblock","args":{"target":"192.0.2.1"}}
 *   {"ok":true,"result":{"lifted":1}}
 *   {"ok":false,"error":"192.0.2.1 is not blocked"}
 *
 * Who may connect is decided by the socket's permissions (0660, group cordon).
 */
#pragma once

struct control;
struct core;
struct loop;

/* listener: taken over. Runs on the loop's thread. 0 or -errno. */
int control_new(struct loop *loop, struct core *core, int listener, struct control **ret);
struct control *control_free(struct control *c); /* NULL allowed; returns NULL */
