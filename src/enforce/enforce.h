/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wanted blocks -> kernel, as the engine sees it. The engine holds one end of a
 * socketpair; the enforcer process on the other end owns the nftables table
 * (enforce/process.h). Every order is answered, by the kernel's own word.
 *
 * In observe mode there is no other end: every order is answered -ENOTSUP.
 */
#pragma once

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum enforce_list {
	ENFORCE_IN,    /* drop all it sends us */
	ENFORCE_OUT,   /* refuse what we start towards it, end what exists */
	ENFORCE_ALLOW, /* the first rule of each chain */
	ENFORCE_LISTS
};

#define ENFORCE_FOREVER INT64_MAX

/* One kernel element. */
struct enforce_element {
	struct prefix target;
	enum enforce_list list;
	int64_t expires; /* ms UTC, or ENFORCE_FOREVER (no kernel timeout) */
	int64_t record;  /* in the element's comment: the record it stands for */
};

struct enforce_order {
	struct enforce_element element;
	/*
	 * true: take it out; 0 too when the kernel says it is not there (expired).
	 * false: add, or change what is there (timeout, record). -ETIME and nothing
	 * done when it would already be over; -EINVAL for a block of a whole family (/0).
	 */
	bool remove;
	uint64_t tag; /* given back with the answer */
};

/*
 * A counter of refused connections lives this long after the latest one: its
 * remaining time tells when that was.
 */
#define ENFORCE_HITS_MS MS_HOUR

struct enforce_hit {
	struct addr source; /* v6: the /64's base for a /64 block */
	uint8_t len;        /* 128 or 64 */
	uint16_t port;      /* destination port the refused connection was for */
	uint64_t count;     /* since the table was made, or since ENFORCE_HITS_MS without any */
	int64_t latest;     /* ms UTC of the latest one (from the element's remaining timeout) */
};

/*
 * Services that write a client's line breaks into their logs as they came, so that a line
 * may be its words. The kernel remembers whom they answered, which takes a connection.
 */
enum enforce_served { ENFORCE_MYSQL, ENFORCE_RDP, ENFORCE_SERVED };

#define ENFORCE_PORTS       2
#define ENFORCE_ANSWERED_MS (10 * MS_MINUTE) /* since the latest answer */

struct enforce_ports {
	uint16_t of[ENFORCE_SERVED][ENFORCE_PORTS]; /* 0: none */
};

struct enforce_state {
	bool ready;      /* the table stands */
	bool owner;      /* the kernel lets no one else touch it */
	int error;       /* why it is not ready: -EADDRINUSE another daemon, -EPERM …; or 0 */
	uint64_t table;  /* its handle: another number is another table */
	char kernel[64]; /* uname release */
	char lacks[256]; /* what this kernel cannot do, for people; "" nothing */
};

struct enforce_sync_result {
	int error; /* 0 or -errno */
	uint32_t added, removed, changed, kept;
};

struct enforce_events {
	/* One answer an order, in order. error: 0, or -errno of the kernel. */
	void (*answer)(void *ctx, const struct enforce_order *order, int error);
	/* The table differs from what was ordered (someone else changed it): sync again. */
	void (*drift)(void *ctx);
	/* enforce_sync() is done. Elements it failed to add were answered one by one (tag 0). */
	void (*synced)(void *ctx, const struct enforce_sync_result *result);
	/* The sample asked for: all at once. */
	void (*hits)(void *ctx, const struct enforce_hit *hits, size_t n);
	/* The enforcer is gone; nothing more will come. */
	void (*gone)(void *ctx);
	void *ctx;
};

struct enforce;

/* socket: taken over; -1: observe mode. */
int enforce_new(int socket, const struct enforce_events *events, struct enforce **ret);
struct enforce *enforce_free(struct enforce *e);
bool enforce_observes(const struct enforce *e);
/* Readable: call enforce_dispatch(). -1 in observe mode. */
int enforce_fd(const struct enforce *e);
/* Also wants to write (orders are queued): poll for that too. */
bool enforce_wants_write(const struct enforce *e);
/* Reads what came, calls the events, writes what is queued. 0 or -errno. */
int enforce_dispatch(struct enforce *e);
/* Queues orders (copied); sent at once as far as there is room. In observe mode the
   answers come from within this call. 0 or -ENOMEM. */
int enforce_submit(struct enforce *e, const struct enforce_order *orders, size_t n);
/*
 * Makes the kernel hold exactly these elements (all lists): dumps, compares, and
 * sends only the difference, or, where there are very many, a new table in the place of the
 * old one, so traffic is never unguarded. Elements are copied, and leave
 * while others are still added: the allow-list comes first. Between begin and end nothing
 * else is called; one that is begun and not ended is given up with the next begin.
 */
void enforce_sync_begin(struct enforce *e);
void enforce_sync_add(struct enforce *e, const struct enforce_element *element);
/* 0, or what went wrong since begin. */
int enforce_sync_end(struct enforce *e);
/* The three, for a list at hand. */
int enforce_sync(struct enforce *e, const struct enforce_element *wanted, size_t n);
/* Asks for a sample of refused connections. */
int enforce_sample(struct enforce *e);
/* What the kernel says of one target, answered through fn (found false: not there). */
int enforce_ask(struct enforce *e, enum enforce_list list, const struct prefix *target,
	void (*fn)(void *ctx, bool found, const struct enforce_element *element, int error),
	void *ctx);
/*
 * Whether the service answered this address, or (length 64) somebody in this /64, within
 * ENFORCE_ANSWERED_MS: 1, 0, -ENOTSUP in observe mode, -ETIMEDOUT, or -errno. Waits for
 * the enforcer's word; what else it says meanwhile is kept: see enforce_has_kept().
 */
int enforce_answered(struct enforce *e, enum enforce_served service, const struct prefix *who);
/* Something was kept: call enforce_dispatch() though the descriptor may have nothing. */
bool enforce_has_kept(const struct enforce *e);
const struct enforce_state *enforce_get_state(const struct enforce *e);
