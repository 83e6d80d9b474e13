/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of core: who owns what. Only files of core/ include this.
 *
 * Everything here belongs to the loop's thread; other threads come in through
 * call.c (operations) or have a reader of their own (query.c).
 */
#pragma once

#include "base/loop.h"
#include "core/call.h"
#include "core/core.h"
#include "core/elements.h"
#include "core/engine.h"
#include "core/fleet.h"
#include "core/tally.h"
#include "core/targets.h"
#include "detect/ahead.h"
#include "model/session.h"
#include "model/settings.h"
#include "sensor/reader.h"
#include "store/store.h"
#include "store/tables.h"

#include <stdatomic.h>

struct source;
struct exempt;
struct clockstep;
struct confirm;
struct presence;
struct reports;
struct following;

/* Failures counted for a record since the last flush. */
struct counted {
	int64_t block; /* 0: the record left in between */
	int64_t n, latest;
};

/* Counted for /metrics and `cordon status`; read by other threads. */
struct core_counters {
	_Atomic uint64_t batches, commit_failures;
	_Atomic uint64_t blocks_new, blocks_refused, blocks_over_ceiling, blocks_failed;
	_Atomic uint64_t drifts, syncs;
	_Atomic uint64_t unconfirmed;
	_Atomic uint64_t ordered, answered, answer_errors;
	_Atomic uint64_t reports_applied, reports_repeated, reports_refused, reports_cloned;
	_Atomic uint64_t wishes_told; /* answers with wishes */
	_Atomic int64_t last_sample, last_drift, last_sync;
};

/* The kernel's word on one element. */
struct answer {
	struct prefix target;
	uint8_t list;  /* enum enforce_list */
	bool removed;  /* it was to be taken out */
	bool compared; /* the comparison's word: of the members it covers (in_sync) */
	int error;
};

/* Those not yet stored, see answers.c. */
struct answers {
	struct answer *list; /* from first to n */
	size_t first, n, size;
	struct timer *timer;
};

#define VERSION_GAPS_MAX 64 /* starts of a server that are remembered */

/* Versions between these were never given, see versions.c. */
struct version_gap {
	int64_t after, until;
};

/* Those of a list that wait to be ordered, see backlog.c. */
struct backlog {
	struct backlog_item *list; /* from first to n */
	size_t first, n, size;
};

struct core {
	struct loop *loop; /* borrowed */
	const struct settings *settings;
	const struct core_ops *ops;
	char boot_id[40];
	int64_t started;

	struct store *store;
	struct account account;
	struct host host;
	struct rule system_rule;
	struct rule *rules; /* in force on this machine */
	unsigned rule_count;

	struct session_table *sessions;
	struct window_table *windows;
	bool windows_cut; /* the store has rows of when there was more memory for them */
	struct protect *protect;
	struct detector *detector;
	struct ahead *ahead; /* failures of the open batch that wait for their windows */
	struct exempt *exempt;
	struct clockstep *clockstep;
	struct confirm *confirm;

	struct elements elements;
	struct counted *counted; /* attempts of records that are not yet in the store */
	uint32_t counted_count, counted_size;
	struct tally tally;           /* attempts of the current batch */
	struct enforce_order *orders; /* staged with the current transaction */
	size_t order_count, order_size;
	bool touched; /* the open transaction changed what memory holds */
	/* Servers whose wishes the open transaction changes: told when it is committed. */
	struct targets wished;
	bool wished_all;
	bool reports;                /* an agent: what changes is noted to be reported */
	struct presence *presence;   /* of agents; see presence.c */
	struct reports *incoming;    /* of agents, see fleet_reports.c */
	struct following *following; /* an agent's, see agent.c */
	struct fleet_address fleet_address;
	_Atomic bool link_up;                       /* an agent's, see core_link_set() */
	struct prefix server[SERVER_ADDRESSES_MAX]; /* an agent's, see server.c */
	unsigned server_count;
	struct version_gap version_gaps[VERSION_GAPS_MAX]; /* a server's; as loaded */
	unsigned version_gap_count;
	/* The store failed: something said may be stored wrongly, see kernel_catch_up(). */
	bool out_of_step;
	int64_t store_retry; /* ms: grows while it fails */
	struct backlog backlog;
	size_t under_way; /* orders without an answer so far */
	struct answers answers;
	struct block *begun; /* in the current transaction; said when the orders are out */
	size_t begun_count, begun_more;
	int64_t ceiling_minute;
	uint32_t ceiling_used;

	struct enforce *enforce;
	struct watch *enforce_watch;
	struct timer *sync_timer, *ready_timer, *expiry_timer, *hits_timer, *upkeep_timer;
	struct timer *kept_timer; /* see kernel_answered() */
	bool syncing, sync_again, synced_once, stopping;
	bool shrinking;  /* the database is over its size, and it has been said */
	int64_t sampled; /* ms, monotonic: the latest sample that was written; 0: none */
	int64_t sync_backoff;
	int64_t expiry_next; /* ms UTC the expiry timer is set for; 0: not set */

	struct source *sources;
	unsigned source_count;
	int64_t latest_event; /* ms: the newest event time seen */

	struct call_queue calls;
	struct core_counters counters;
};

/* Of one thread that asks. */
struct core_reader {
	struct core *core;
	struct store *store;
};

/* blocks.c: the life of a block. */
/* Reads what should be in the kernel into c->elements. */
int blocks_load(struct core *c);
/* A rule wants a source blocked: stages the record and the order. In a transaction. */
void blocks_decide(struct core *c, const struct decision *d);
/* Counts a failure against the record that already blocks its source; true when there is one. */
bool blocks_count_failure(struct core *c, const struct prefix *source, enum service service,
	int64_t time, uint32_t n);
/* Writes the counted failures and connections. In a transaction. */
void blocks_flush_counts(struct core *c);
/* Stores b in its new state, brings memory and (staged) kernel orders in line. In a transaction. */
int blocks_change(struct core *c, struct block *b, enum block_state state, const char *error);
/* A record of this machine that the store made WANTED by itself: memory, and its order. */
int blocks_made(struct core *c, const struct block *b);
/* The kernel says how it stands with this machine's record: APPLIED or FAILED. In a transaction. */
int blocks_acknowledge(struct core *c, struct member *m, enum block_state state, const char *error);
/* After a commit: sends the staged orders. After a failure: sends what blocks, forgets the
   rest, and reads everything anew. */
void blocks_commit(struct core *c, int committed);
/* After a rollback: forgets what was staged, and reads anew what was changed. why: -errno of
   the store, or a CORE_* condition. */
void blocks_undo(struct core *c, int why);
/* Writes the life that ends now to the audit. In a transaction. */
void blocks_audit_life(struct core *c, const struct block *old);
/* True when this minute has all the new blocks it may have. */
bool blocks_at_ceiling(const struct core *c);
int64_t blocks_forbidden_of(struct core *c, int64_t rule);
/* Lifts it: to CANCELLING where a kernel may have it, else to CANCELED; what its source did
   before is forgiven. One that has ended is left alone. In a transaction. */
int blocks_lift(struct core *c, struct block *b);
/* A life by a person's wish begins: from now to `expires`. What the record says of the one
   before goes to the audit. In a transaction; blocks_change() follows. */
void blocks_begin_again(struct core *c, struct block *b, int64_t expires, int64_t now);

/* expiry.c: what ends by the clock. */
/* Ends what is due; arms the timer for the next. */
void blocks_expire(struct core *c);
/* Something ends then (ms, or BLOCK_FOREVER). */
void blocks_arm_expiry(struct core *c, int64_t next);

/* answers.c: queued as they come, stored a slice at a time. */
int answers_init(struct core *c);
void answers_done(struct core *c);
int answers_add(struct core *c, const struct answer *answer); /* 0 or -ENOMEM */
/* The first slice, in a transaction of its own; the others follow by themselves. */
void answers_store(struct core *c);
/* Some are not yet stored. */
bool answers_wait(const struct core *c);
/* What an answer makes of one record; same state: nothing. */
enum block_state answers_state(
	const struct core *c, const struct member *m, bool removed, int error);

/* backlog.c: orders of a long list, some thousand at a time. */
int backlog_add(struct core *c, const struct enforce_order *orders, size_t n); /* 0 or -ENOMEM */
/* Sends as many as may be under way. 0 or -errno. */
int backlog_send(struct core *c);
bool backlog_waits(const struct core *c);
void backlog_done(struct core *c);

/* kernel.c: orders, answers, drift. */
int kernel_start(struct core *c, int socket);
void kernel_stop(struct core *c);
void kernel_sync_soon(struct core *c, int64_t delay_ms);
/* Compares again when the store had failed and works now. */
void kernel_catch_up(struct core *c);
/* After anything that may have queued for the enforcer. */
void kernel_poll(struct core *c);
void kernel_submit(struct core *c, const struct enforce_order *orders, size_t n);
/* The same for records that are stored: a long list waits for its turn (backlog.c), and each of
   its orders is then made anew. */
void kernel_submit_stored(struct core *c, const struct enforce_order *orders, size_t n);
/* Queues them for the enforcer and counts them. 0 or -errno. */
int kernel_order(struct core *c, const struct enforce_order *orders, size_t n);

/* enforce_answered(), and what it kept is dispatched soon. */
int kernel_answered(struct core *c, enum enforce_served service, const struct prefix *who);

/* confirm.c: what a client may have written itself. */
struct confirm *confirm_new(void);
struct confirm *confirm_free(struct confirm *f);
/* Whether a forgeable event counts: 1, 0 (it is counted as unconfirmed), or -errno. */
int confirm_event(struct core *c, const struct event *event, int64_t now);
/* Whether the service answered the address, or its source, lately: 1, 0, -ENOTSUP, or -errno. */
int confirm_address(struct core *c, enum service service, const struct addr *address);
/* True while the kernel cannot be asked soon: lines of these SERVICE_BIT()s should wait. */
bool confirm_waits(const struct core *c, uint32_t services);

/* hits.c: refused connections. */
/* Asks the kernel for a sample; sets the timer for the next. */
void hits_sample(struct core *c);
/* Any thread: makes sure that the latest sample is fresh enough to answer from. */
void hits_refresh(struct core *c);
/* How many connections `now` has that `before` has not; last_sample: ms, monotonic, of the one
   before this. */
uint64_t hits_new(
	const struct hit_reading *before, const struct hit_reading *now, int64_t last_sample);
void hits_take(struct core *c, const struct enforce_hit *hits, size_t n);

/* pipeline.c: events -> store, one transaction a batch. */
int pipeline_load(struct core *c);
/* Opens a batch; events may come until pipeline_commit(). */
int pipeline_begin(struct core *c);
int pipeline_event(struct core *c, const struct event *event);
/* cursor_name, cursor: stored with what came of the events. 0 or -errno (then all
   is as before the batch, and the source must go back to its stored cursor). */
int pipeline_commit(struct core *c, const char *cursor_name, struct slice cursor);
/* Ends a batch that cannot be kept, as if its commit had failed; returns error. */
int pipeline_abandon(struct core *c, int error);
/* What happened before this (ms) no longer matters to any rule. */
int64_t pipeline_horizon(const struct core *c);

/* source.c: the configured inputs. */
int sources_start(struct core *c, struct err *err);
void sources_stop(struct core *c);
/* All go back to their stored cursors. */
void sources_rewind(struct core *c);
/* True while one of them could not store what it read. */
bool sources_wait(const struct core *c);
/* The time (ms) that every source has read up to; now when none is behind. */
int64_t sources_horizon(const struct core *c, int64_t now);
/* Says which have fallen silent, once. */
void sources_check(struct core *c);
void sources_each(
	const struct core *c, void (*fn)(void *ctx, const struct source_status *s), void *ctx);

/* exempt.c: who is never blocked. */
int exempt_new(struct core *c, struct exempt **ret);
struct exempt *exempt_free(struct exempt *g);
void exempt_refresh(struct exempt *g);
/* Somebody logged in. */
void exempt_login(struct exempt *g, const struct event *event);
/* An administrator's session from this very address that began before `first`. */
bool exempt_session(struct exempt *g, const struct addr *address, int64_t first);
/* An administrator's session from within this prefix, whenever it began. */
bool exempt_session_within(struct exempt *g, const struct prefix *target);
/* The allow-list changed: protect follows. */
int exempt_load_allow(struct core *c);
/* Everything an account allows, the configuration's entries first. *ret: the caller's to free.
   From any thread, with a store of its own. */
int exempt_allow_list(
	const struct core *c, struct store *s, int64_t account, struct prefix **ret, size_t *ret_n);
/* Logs a refused block once an address. */
void exempt_refused(
	struct core *c, const struct prefix *target, enum service service, enum protect_reason why);

/* clockstep.c: what ends by the clock is looked at again when somebody sets it. */
int clockstep_new(struct core *c, struct clockstep **ret);
struct clockstep *clockstep_free(struct clockstep *s);

/* Its agent's kernel has to do with it, not ours. */
static inline bool block_is_remote(const struct core *c, const struct block *b)
{
	return b->host != c->host.id;
}
/* The wishes for this server (0: for all) change with the open transaction. */
void blocks_wished(struct core *c, uint32_t host);

/* audit.c: one change by a person, in the open transaction. before, after: "" or text. */
struct change {
	const char *what, *object, *before, *after;
};
void audit_change(struct core *c, const struct core_caller *who, const struct change *change,
	const char *format, ...) _printf_(4, 5);

/* operations.c: ends an operation's durable transaction: result r of what was done in it,
   then of the commit; rolled back unless r is 0. */
int operation_end(struct core *c, int r);
/* The same without waiting for the disk: for what can be asked for again, and nobody was told. */
int operation_end_replayable(struct core *c, int r);
/* Lifts a record as blocks_lift() does, and says so in the audit. */
int operation_lift(struct core *c, const struct core_caller *who, struct block *b);
/* CORE_INVALID on an agent: its rules and its allow-list are not made there. */
int operation_not_agents(const struct core *c, struct err *err);

/* lift.c: lifts every record that holds any part of target (NULL: whatever is never blocked on
   this machine), on the given servers of the account (NULL: on all); custom blocks that hold
   nothing any more are disabled. *ret_n: how many records. In a transaction. */
int lift_overlapping(struct core *c, const struct core_caller *who, const struct prefix *target,
	const struct targets *on, unsigned *ret_n);

/* custom.c: a new server of the account: covers it by what is everywhere. In a transaction. */
int custom_cover_host(struct core *c, const struct host *host);
/* Lets a server go that is retired: no target any more. In a transaction. */
int custom_forget_host(struct core *c, const struct host *host);
/* Ends what is due; *ret_next as store_custom_due(). In a transaction. */
int custom_expire(struct core *c, int64_t now, int64_t *ret_next);

/* presence.c: which agents are online, in memory; brings changes into the store. */
int presence_new(struct core *c, struct presence **ret);
struct presence *presence_free(struct presence *p);
/* Looks who is there at this time (ms, monotonic) and stores what turned; so does its timer. */
void presence_look(struct core *c, int64_t mono);
/* Whether the agent's kernel takes orders: who only watches is not online. Any thread. */
void presence_enforces(struct core *c, uint32_t host, bool enforces);

/* Two machines are this host: said once an hour. */
void presence_cloned(struct core *c, const struct host *h);

/* server.c: where an agent's server was when it last answered; at core_new(), and for another
   server. */
int server_load(struct core *c);

/* --- versions.c --- */

int versions_load(struct core *c);
/* Of wishes that another database made. From any thread. */
bool versions_is_lost(const struct core *c, int64_t version);

/* fleet.c, agent.c: at core_new(), after the store is open; and at core_free(). */
int fleet_load(struct core *c);
void fleet_unload(struct core *c);
int agent_load(struct core *c);
void agent_unload(struct core *c);

/* rules.c */
#define RULES_MAX 1024 /* of all kinds together */
int rules_load(struct core *c);
/* One of those in force, or NULL. */
const struct rule *rules_find(const struct core *c, int64_t id);
/* A user's rule of the configuration file, of the first account. */
bool rules_is_configured(const struct core *c, int64_t account, const char *name);
/* The rules or the allow-list of the account change: its agents are told. In a transaction. */
void rules_touch(struct core *c, int64_t account);

/* lift.c: lifts what is blocked and, as the configuration or the machine is now, never
   would be. */
int operations_lift_protected(struct core *c);

/* upkeep.c: retention, sweeping, free pages. */
void upkeep_run(struct core *c);
