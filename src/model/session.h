/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login sessions: what is remembered between the lines of one connection.
 *
 * The reader of lines keeps here what an earlier line said (address, pending
 * failure), the detector how often each kind of evidence came, so that one
 * attempt counts once. A session is one (host, program family, pid); a pid
 * that comes back with another peer is another session.
 *
 * The table has a fixed size: when it is full a closed session leaves, or else
 * the one that was silent for longest (`evicted` counts the latter). Every
 * change marks a session dirty, so that the dirty ones can be stored in the
 * transaction of what came of them.
 */
#pragma once

#include "base/addr.h"
#include "model/event.h"

#define SESSION_USER_MAX 32

struct session {
	uint64_t key; /* session_key(); 0: free slot */
	int64_t last; /* ms, event time of its latest line */
	struct addr src;
	uint16_t src_port;
	uint8_t service;
	bool has_src;
	bool dirty, closed, stored;   /* stored: the store has a copy */
	uint8_t flags;                /* of the format that owns the session */
	uint8_t pending;              /* failures waiting for an address or the end */
	uint8_t seen[EVIDENCE_COUNT]; /* detect: how often each kind came (saturates) */
	uint8_t attempts;             /* detect: attempts already counted (saturates) */
	uint8_t unplaced; /* detect: counted before their source was known (saturates) */
	uint8_t user_len;
	char user[SESSION_USER_MAX]; /* the user an earlier line named, cut to fit */
	uint32_t user_hash;          /* of the whole name */
	uint32_t older, newer;       /* of the table: slot + 1 */
};

struct session_table;

/* Holds at most `limit` sessions; those silent for `idle` ms of event time are forgotten. */
struct session_table *session_table_new(uint32_t limit, int64_t idle);
struct session_table *session_table_free(struct session_table *t); /* returns NULL */

/*
 * Never 0. Stable across restarts: it is stored. A program's family is its name
 * up to the first '-': sshd-session and sshd-auth speak for sshd.
 */
uint64_t session_key(struct slice host, struct slice program, uint32_t pid);

/* NULL when there is none; closed ones are found until they leave. */
struct session *session_find(struct session_table *t, uint64_t key);
/*
 * Finds or makes; marks it dirty, sets last (time may be EVENT_NO_TIME). Never NULL.
 * One that was silent for longer than `idle` starts anew. The pointer stays
 * valid until the next call that may make or forget a session.
 */
struct session *session_get(struct session_table *t, uint64_t key, int64_t time);
/* The pid came back with another peer: forgets all but key and last. */
void session_renew(struct session *s);
/*
 * The connection ended. Daemons may write one more line after it ("PAM 2 more
 * authentication failures"), so it is still found for some seconds of event time.
 */
void session_close(struct session_table *t, struct session *s);
/* Forgets what has been closed or idle for long enough at `now` (event time). */
void session_table_sweep(struct session_table *t, int64_t now);

/*
 * Calls fn for every session changed since the last call and marks it clean;
 * `closed` then means that the session has left and its stored copy shall go
 * (key is all that is valid). fn must not change the table. When fn returns
 * non-zero that is returned and everything stays dirty. When the transaction
 * fails afterwards, the table is of no use: restore a new one from the store.
 */
int session_table_dirty(
	struct session_table *t, int (*fn)(void *ctx, const struct session *s), void *ctx);
/* Puts a stored session back (key, last and content as stored). */
void session_table_restore(struct session_table *t, const struct session *s);

uint32_t session_table_count(const struct session_table *t);
uint64_t session_table_evicted(const struct session_table *t);
