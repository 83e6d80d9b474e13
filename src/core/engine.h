/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Core as the engine process runs it: made once, driven by one event loop.
 */
#pragma once

#include "core/core.h"
#include "detect/detect.h"
#include "enforce/enforce.h"
#include "sensor/input.h"
#include "sensor/journal.h"
#include "sensor/reader.h"
#include "sensor/tail.h"
#include "store/tables.h"

struct loop;

struct core_ops {
	struct input_ops inputs; /* how file sensors get their descriptors */
	/* The start-up diff was acknowledged, sensors run. Once. */
	void (*ready)(void *ctx);
	/* What a server wants of these agents changed, or they have no access any more; any order,
	   at any time, on the loop's thread. hosts NULL: of all. May be NULL. */
	void (*wished)(void *ctx, const uint32_t *hosts, size_t n);
	/* An agent has something to report. On the loop's thread. May be NULL. */
	void (*reportable)(void *ctx);
	/* Cannot go on (enforcer gone, store lost): the loop was told to end. */
	void (*failed)(void *ctx, const char *why);
	void *ctx;
};

/*
 * Opens the store in settings->state_dir (relative paths allowed) and loads everything; nothing
 * is ordered or read yet. enforcer: the engine's end of the socketpair, taken over; -1: observe.
 * loop, settings and ops are borrowed.
 */
int core_new(struct loop *loop, const struct settings *settings, const struct core_ops *ops,
	int enforcer, struct core **ret, struct err *err);
/* The start-up diff; then sensors. Returns at once; ops->ready tells. */
int core_start(struct core *c, struct err *err);
/* From now on operations of other threads are answered -ESHUTDOWN; what waits is run first. */
void core_close(struct core *c);
/* Stops sensors and timers, commits; blocks stay in the kernel. NULL allowed; returns NULL. */
struct core *core_free(struct core *c);

/* What follows is for the command line's socket, on the loop's thread. */

struct source_status {
	const char *name; /* "file:/var/log/auth.log" */
	const struct reader_stats *reader;
	struct tail_stats tail; /* zero for the journal */
	struct journal_stats journal;
	int64_t last_event;  /* ms: newest event time; INT64_MIN none */
	int64_t last_read;   /* ms: when something was read last; 0 never */
	int64_t since_line;  /* ms since it said anything, or since the start */
	unsigned unread;     /* of the latest thousand lines so many begin like none */
	unsigned unknown;    /* of the latest thousand messages so many are not understood */
	bool silent;         /* for longer than settings->silent_after */
	int64_t shift;       /* ms, added to its stamps */
	int64_t skew;        /* ms: how far they are behind the clock all the same */
	const char *error;   /* "" while it works */
	const char *problem; /* "": none; of the call's time */
	const char *note;    /* "": nothing remarkable; of the call's time */
};

struct core_status {
	struct host host;
	struct account account;
	bool observe, synced;
	int64_t started;
	const struct enforce_state *kernel;
	int64_t blocks[BLOCK_STATES];
	size_t elements;
	struct window_stats windows;
	struct detect_stats detect;
	uint32_t sessions;
	uint64_t sessions_evicted;
	uint64_t store_bytes;
	bool at_ceiling;      /* this minute no more blocks are made */
	uint64_t unconfirmed; /* failures of lines a client may have written */
	uint64_t drifts, commit_failures, blocks_new, blocks_refused, blocks_over_ceiling;
};

void core_get_status(struct core *c, struct core_status *ret);
void core_each_source(
	struct core *c, void (*fn)(void *ctx, const struct source_status *s), void *ctx);
struct store *core_store(struct core *c);
/* Is the agent there, although its kernel takes no orders (host.agent_online is false then)? */
bool core_agent_observes(struct core *c, uint32_t host);

/* Lifts all that blocks any part of target, on these servers of the account (n == 0: on all;
   then custom blocks of it are off for good). *ret_n: how many records. CORE_NOT_FOUND. */
int core_unblock(struct core *c, const struct core_caller *who, const struct prefix *target,
	const char *const *uuids, unsigned n, unsigned *ret_n, struct err *err);
int core_rule_remove(
	struct core *c, const struct core_caller *who, const char *name, struct err *err);

/* Accounts (accounts.c). The name, uid or project id says which. */
int core_account_add(struct core *c, const struct core_caller *who, const char *name,
	struct account *ret, struct err *err);
/* Closed: its keys are refused, its agents too. */
int core_account_set_closed(struct core *c, const struct core_caller *who, const char *which,
	bool closed, struct err *err);
/* Adding lifts every block that overlaps the prefix. */
int core_allow_add(struct core *c, const struct core_caller *who, const struct prefix *prefix,
	const char *why, struct err *err);
int core_allow_remove(struct core *c, const struct core_caller *who, const struct prefix *prefix,
	struct err *err);
int core_key_create(
	struct core *c, const struct core_caller *who, struct access_key *key, struct err *err);
int core_key_remove(struct core *c, const struct core_caller *who, const char *id, struct err *err);
/* A key that is not active answers as a disabled one until it is again. CORE_NOT_FOUND. */
int core_key_set_active(struct core *c, const struct core_caller *who, const char *id, bool active,
	struct err *err);

/* `cordon verify`: everything that bears on one address. */
struct core_verify {
	struct addr address;
	struct prefix source;      /* as what it counts and would be blocked */
	enum protect_reason never; /* PROTECT_NONE: may be blocked */
	unsigned window_failures;  /* within the longest span, now */
	bool kernel_asked, kernel_has;
	struct enforce_element kernel;
	int kernel_error;
	/* By enum service: does what lines say of it count? 1, 0; -1: the kernel is not asked. */
	int8_t answered[SERVICE_COUNT];
};
/* fn is called later, on the loop's thread, with what the kernel answered. */
int core_verify(struct core *c, const struct addr *address,
	void (*fn)(void *ctx, const struct core_verify *v), void *ctx);
