/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The enforcer's work: messages in, kernel changes, answers out. One thread, one
 * message after the other.
 */
#pragma once

#include "enforce/conn.h"
#include "enforce/drift.h"
#include "enforce/nets.h"
#include "enforce/outbox.h"
#include "enforce/process.h"
#include "enforce/table.h"
#include "enforce/wire.h"

/* Elements of one sync that do not go straight in, orders of one batch. */
#define SERVER_WANTED_MAX ((size_t)1 << 20)
#define SERVER_BATCH_MAX  4096

/* A sync under way. */
struct sync {
	bool receiving, too_many;
	bool straight;         /* the kernel holds nothing: what is wanted goes in as it comes */
	int error;             /* the latest, 0 or -errno */
	struct entries actual; /* what the kernel holds, sorted */
	struct entries wanted; /* of hash sets; not those that went in */
	struct nets nets[SET_ORDERED]; /* of interval sets */
	size_t n;                      /* elements of these two */
	struct enforce_sync_result result;
};

struct server {
	int socket;
	struct nft nft;
	struct table table;
	struct drift drift;
	struct conn conn;
	int64_t ordered;               /* ms, monotonic: when the last orders came */
	int64_t ended;                 /* and when connections were last ended, or nothing waited */
	struct nets nets[SET_ORDERED]; /* of the interval sets: what was ordered */
	struct outbox out;
	char answers[WIRE_ITEMS_MAX * sizeof(struct wire_order)]; /* to share a message */
	size_t answers_n;
	struct enforce_order *orders; /* read, not yet done */
	size_t orders_n;
	struct sync sync;
	bool fresh;         /* the table is one we made, and nothing was put into it */
	bool drifted;       /* to be told */
	int64_t drift_told; /* ms, monotonic */
	struct enforce_state state;
};

/* Opens all the kernel interfaces; needs CAP_NET_ADMIN. 0 or -errno. */
int server_open(struct server *s, int socket, const struct enforcer_config *config);
void server_done(struct server *s);
/* Makes sure a table stands, and tells the engine how things are. 0 or -errno. */
int server_start(struct server *s);
/* Only tells it that there will be none. */
void server_refuse(int socket, int error);

/* Reads and does what waits. 0, -EPIPE when the engine is gone, -EBADMSG, or -errno. */
int server_requests(struct server *s);
/* Reads others' changes. */
void server_events(struct server *s);
/* What to do at leisure; returns ms until it wants to be called again, -1: not. */
int server_idle(struct server *s);

/* sync.c: takes a part of the list of all that is wanted; after the last one the kernel holds
   exactly that, and what it came to is said. 0 or -errno. */
int server_sync(struct server *s, const struct wire_message *part);
void server_sync_done(struct server *s);
/* sync.c: makes a table of our own one of nobody's, with all it holds. 0 or -errno. */
int server_release(struct server *s);
/* order.c: does s->orders and answers them. */
int server_orders(struct server *s);
/* Makes the table anew, with these changes in it. 0 or -errno. */
int server_rebuild(struct server *s, struct change *changes, size_t n);
/* Starts a message of n items of this size in the outbox; NULL: no memory. */
char *server_put(struct server *s, enum wire_kind kind, unsigned flags, size_t n, size_t size);
int server_answer(struct server *s, const struct enforce_order *order, int error);
int server_tell_state(struct server *s);
