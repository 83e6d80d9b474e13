/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Cordon can do, in its own words: the questions and operations that the
 * dialects and the command line share. No dialect touches the store.
 *
 * Two doors:
 *  - A `struct core_reader` answers questions on the calling thread, from its own
 *    read connection.
 *  - Operations (core_*) may be called from any thread but the loop's; they run on
 *    the loop's thread, in one durable transaction, and return when it is committed.
 *
 * Results: 0, a positive CORE_* condition, or -errno (a fault of ours; log it).
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "model/account.h"
#include "model/block.h"
#include "model/custom.h"
#include "model/host.h"
#include "model/rule.h"
#include "store/blocks.h"
#include "store/custom.h"

struct core;
struct settings;
struct core_reader;

enum core_condition {
	CORE_NOT_FOUND = 1,
	CORE_EXISTS,
	CORE_DENIED,    /* wrong secret, closed account, expired */
	CORE_PROTECTED, /* never blocked; err says why */
	CORE_INVALID,   /* err says what */
	CORE_CLOSED,    /* the account is, and may be opened again */
};

/* Who asks: written to the audit. */
struct core_caller {
	int64_t account;
	const char *who;  /* access key id, "cli" */
	const char *from; /* address of the caller, or a local user's name; NULL: not known */
};

int core_reader_open(struct core *c, struct core_reader **ret, struct err *err);
struct core_reader *core_reader_close(struct core_reader *r);

/*
 * Blocks, joined with their host. Samples refused connections first when the last
 * sample is older than the configured interval. fn gets the page in order.
 */
int core_blocks(struct core_reader *r, const struct block_query *q,
	int (*fn)(void *ctx, const struct block_row *row), void *ctx, int64_t *ret_total);
/* How many of the blocks a dialect lists there are, by enum rule_source, and rules in force. */
struct core_summary {
	int64_t records[RULE_SOURCES];
	int64_t effective[RULE_SOURCES]; /* of those: the kernel has them */
	int64_t rules;
};
/* Exact, and of one moment. */
int core_summary(struct core_reader *r, int64_t account, struct core_summary *ret);
int core_account(struct core_reader *r, int64_t id, struct account *ret);
int core_host_by_uuid(struct core_reader *r, int64_t account, const char *uuid, struct host *ret);

/* Authentication material. The secret in *ret must be wiped by the caller (sodium_memzero). */
int core_key(struct core_reader *r, const char *id, struct access_key *ret);
/* By id or, failing that, by name. */
int core_key_by_login(struct core_reader *r, const char *login, struct access_key *ret);
int core_token(struct core_reader *r, const char *token, struct token *ret);
/* Makes a token for the key; text of at least 64 hex digits, size bytes with the NUL. */
int core_token_issue(struct core *c, const struct access_key *key, char *ret, size_t size,
	struct token *ret_token);

/* One block a dialect names. */
struct core_block_name {
	const char *host_uuid;
	struct addr address;  /* any address inside the block's prefix */
	enum service service; /* SERVICE_NONE: whichever records there are */
	int64_t id;           /* 0: not said */
};

/*
 * Lifts blocks: all or nothing. CORE_NOT_FOUND when one of them does not exist; *ret_bad (NULL
 * allowed) is its index. Lifting a block that is not active is no error.
 */
int core_blocks_cancel(struct core *c, const struct core_caller *who,
	const struct core_block_name *names, unsigned n, unsigned *ret_bad, struct err *err);
/* Blocks again, for its rule's time from now. CORE_NOT_FOUND when there is no such record. */
int core_block_renew(struct core *c, const struct core_caller *who,
	const struct core_block_name *name, struct err *err);

/*
 * Custom blocks (custom.c). A question's hosts and records are of the caller's account; a host of
 * another is as one that does not exist.
 */
int core_customs(struct core_reader *r, const struct custom_query *q,
	int (*fn)(void *ctx, const struct custom_block *cb), void *ctx, int64_t *ret_total);
int core_custom_find(struct core_reader *r, int64_t account, const struct prefix *target,
	enum block_direction direction, struct custom_block *ret);
struct core_custom_instance {
	struct host host;
	enum block_state state;
	const char *error; /* "" or why not: also "AliNetNotOnline" */
};
/* Every server of one custom block, by host. The pointers live until fn returns. */
int core_custom_instances(struct core_reader *r, const struct custom_block *cb,
	int (*fn)(void *ctx, const struct core_custom_instance *i), void *ctx);

struct core_custom_wish {
	struct prefix target;
	enum block_direction direction;
	int64_t expires;          /* ms, or BLOCK_FOREVER */
	const char *why;          /* NULL: "" */
	const char *const *uuids; /* the servers; n == 0: every one of the account */
	unsigned n;
};
enum core_custom_mode { CUSTOM_CREATE, CUSTOM_MODIFY, CUSTOM_PUT /* whichever it takes */ };
/*
 * One: CORE_EXISTS (create), CORE_NOT_FOUND (modify; or a uuid the account has not: *ret_bad is its
 * index), CORE_PROTECTED, CORE_INVALID. Modified to other servers, those that left let go.
 */
int core_custom_put(struct core *c, const struct core_caller *who, enum core_custom_mode mode,
	const struct core_custom_wish *wish, unsigned *ret_bad, struct err *err);
int core_custom_remove(struct core *c, const struct core_caller *who, int64_t id, struct err *err);
/* Enabling one whose time is over is CORE_INVALID. uuid: on one server only; NULL: all. */
int core_custom_set_enabled(struct core *c, const struct core_caller *who,
	const struct prefix *target, enum block_direction direction, const char *uuid, bool enabled,
	struct err *err);
/*
 * Many at once (PUT), in one transaction: all of them, or none. Targets that are refused are told
 * to `refused` (index, why) and then nothing is done: CORE_INVALID; with skip_refused
 * the others are done all the same. *ret_done: how many. The wishes share their servers.
 * One target may be given once inbound and once outbound.
 */
struct core_import {
	const struct prefix *targets;
	size_t n;
	struct core_custom_wish common; /* its target is not looked at */
	/* What differs from one target to the next; NULL: as in common. */
	const enum block_direction *directions;
	const int64_t *expires;  /* ms, or BLOCK_FOREVER */
	const char *const *whys; /* one that is NULL: common's */
	bool skip_refused;
	void (*refused)(void *ctx, size_t index, const char *why);
	void *ctx;
};
int core_custom_import(struct core *c, const struct core_caller *who,
	const struct core_import *import, size_t *ret_done, struct err *err);

/* Rules across servers (rules.c, rule_hosts.c). */
struct core_rule_query {
	int64_t account;
	int64_t id;       /* 0: any */
	const char *name; /* part of it; NULL: any */
	bool users_only;  /* without the system rule */
	int64_t offset, limit;
};
struct core_rule_row {
	struct rule rule;
	unsigned machines; /* servers it applies to: by name, or as the default */
};
/* Latest first; *ret_total exact. */
int core_rules(struct core_reader *r, const struct core_rule_query *q,
	int (*fn)(void *ctx, const struct core_rule_row *row), void *ctx, int64_t *ret_total);
/* The servers a rule was given by name. */
int core_rule_hosts(struct core_reader *r, int64_t account, int64_t rule,
	int (*fn)(void *ctx, const struct host *host), void *ctx);
/* Which user's rule holds on each of these servers (n == 0: of all), its own or the default one;
   servers without any are left out. By host. */
int core_host_rules(struct core_reader *r, int64_t account, const char *const *uuids, unsigned n,
	int (*fn)(void *ctx, const struct host *host, const struct rule *rule), void *ctx);
/*
 * rule->id 0: a new one (set), else that one is changed. uuids: the servers that have it of their
 * own from now on (NULL: left as they are). CORE_EXISTS: the name is taken. CORE_NOT_FOUND: no such
 * rule of the account, or server: *ret_bad (NULL allowed) is its index.
 */
int core_rule_put(struct core *c, const struct core_caller *who, struct rule *rule,
	const char *const *uuids, unsigned n, unsigned *ret_bad, struct err *err);
/* All or none. Servers that had one go back to the default. */
int core_rules_remove(struct core *c, const struct core_caller *who, const int64_t *ids, unsigned n,
	struct err *err);
/* rule 0: back to the default. */
int core_host_rule_set(struct core *c, const struct core_caller *who, const char *uuid,
	int64_t rule, struct err *err);

/* A Prometheus page (text format 0.0.4) into out; no address is ever a label. */
int core_metrics(struct core *c, struct buf *out);
/* 0 while the daemon works: sensors read, store writes, enforcer answers; err says what does not.
 */
int core_health(struct core *c, struct err *err);
/* What settings the dialects need; constant while running. */
const struct settings *core_settings(const struct core *c);
