/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smaller tables; one .c file each. */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "model/account.h"
#include "model/host.h"
#include "model/rule.h"
#include "model/session.h"
#include "store/store.h"

/* Wherever an account is asked for, 0 means any.
 *
 * accounts.c. The first one is made with the database. */
int store_account_first(struct store *s, struct account *ret);
int store_account_get(struct store *s, int64_t id, struct account *ret); /* or NOT_FOUND */
/* By name, uid or project id, whichever it is; or NOT_FOUND. */
int store_account_find(struct store *s, const char *text, struct account *ret);
/* Draws uid and project id; sets them and the id. -EEXIST: there is one of that name. */
int store_account_add(struct store *s, struct account *a);
/* name and closed may change. */
int store_account_put(struct store *s, const struct account *a);
int store_account_each(struct store *s, int (*fn)(void *ctx, const struct account *a), void *ctx);

/* keys.c. Secrets are sealed (libsodium secretbox) under dir/secret.key, made with the database. */
int store_key_put(struct store *s, const struct access_key *k); /* insert or replace by id */
int store_key_get(struct store *s, const char *id, struct access_key *ret);       /* or NOT_FOUND */
int store_key_by_name(struct store *s, const char *name, struct access_key *ret); /* or NOT_FOUND */
/* Its tokens go with it. */
int store_key_remove(struct store *s, const char *id); /* or NOT_FOUND */
int store_key_each(struct store *s, int64_t account,
	int (*fn)(void *ctx, const struct access_key *k), void *ctx); /* secrets left out */

/* tokens.c. Only a hash (BLAKE2b of libsodium) is stored; the key must exist. */
int store_token_put(struct store *s, const char *token, const struct token *t);
int store_token_get(struct store *s, const char *token, struct token *ret); /* or NOT_FOUND */
int store_token_expire(struct store *s, int64_t now);

/* hosts.c */
int store_host_put(struct store *s, struct host *h); /* id == 0: inserts, sets it */
int store_host_get(struct store *s, uint32_t id, struct host *ret);
int store_host_by_uuid(struct store *s, int64_t account, const char *uuid, struct host *ret);
int store_host_each(
	struct store *s, int64_t account, int (*fn)(void *ctx, const struct host *h), void *ctx);

/* The host of this machine, of whatever account: the one that is not remote. */
int store_host_local(struct store *s, struct host *ret); /* or NOT_FOUND */

/* rules.c. The first user's rule a host has of its own takes the place of the default ones. */
int store_rule_host_put(struct store *s, uint32_t host, int64_t rule);      /* 0: none any more */
int store_rule_host_get(struct store *s, uint32_t host, int64_t *ret_rule); /* or NOT_FOUND */
/* Hosts that have the rule of their own (rule 0: any of the account's), by host id. */
int store_rule_host_each(struct store *s, int64_t account, int64_t rule,
	int (*fn)(void *ctx, uint32_t host, int64_t rule), void *ctx);
int store_rule_put(struct store *s, struct rule *r); /* id == 0: inserts, sets it */
int store_rule_get(struct store *s, int64_t id, struct rule *ret);
int store_rule_remove(struct store *s, int64_t id); /* or NOT_FOUND */
int store_rule_each(
	struct store *s, int64_t account, int (*fn)(void *ctx, const struct rule *r), void *ctx);

/* cursors.c. name: "file:/var/log/auth.log", "journal:". */
int store_cursor_put(struct store *s, const char *name, struct slice cursor);
int store_cursor_get(struct store *s, const char *name, struct buf *ret); /* or NOT_FOUND */

/* windows.c: what the detectors know, see detect/window.h and model/session.h. */
int store_window_put(struct store *s, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n);
int store_window_remove(struct store *s, uint32_t row);
/* Removes all rows after this one. */
int store_window_cut(struct store *s, uint32_t row);
/* In order of their rows. */
int store_window_each(struct store *s,
	int (*fn)(void *ctx, uint32_t row, uint32_t host, int service, const struct prefix *source,
		const int64_t *times, unsigned n),
	void *ctx);
int store_session_put(struct store *s, const struct session *session); /* closed: removes */
int store_session_each(
	struct store *s, int (*fn)(void *ctx, const struct session *session), void *ctx);

/* attempts.c: failures a (minute, host, service, source). time: ms, kept by the minute. */
int store_attempt_add(struct store *s, int64_t time, uint32_t host, int service,
	const struct prefix *source, int64_t n);
struct attempt_sum {
	int64_t failures;
	int64_t first, latest; /* ms, minute precision */
};
/* On all servers of the account. */
int store_attempt_sum(
	struct store *s, int64_t account, const struct prefix *source, struct attempt_sum *ret);
struct attempt_source {
	struct prefix source;
	int service;
	int64_t failures;
	int64_t latest; /* ms, minute precision */
};
/* The sources with most failures on the account's servers since (ms), at most `most`; exact unless
   there were very many. */
int store_attempt_top(struct store *s, int64_t account, int64_t since, unsigned most,
	int (*fn)(void *ctx, const struct attempt_source *source), void *ctx);
/* since: ms, from the beginning of its minute; the total or -errno. */
int64_t store_attempt_total(struct store *s, int64_t since);
/* Removes at most `most` rows of minutes before; how many, or -errno. */
int store_attempt_expunge(struct store *s, int64_t before, unsigned most);

/* allow.c: the allow-list made with `cordon allow`. */
struct allow_entry {
	int64_t account;
	struct prefix prefix;
	char why[128];
	int64_t created;
};
int store_allow_put(struct store *s, const struct allow_entry *e);
int store_allow_remove(struct store *s, int64_t account, const struct prefix *p); /* or NOT_FOUND */
/* account 0: of all. */
int store_allow_each(struct store *s, int64_t account,
	int (*fn)(void *ctx, const struct allow_entry *e), void *ctx);

/* hits.c: the last reading of each refused-connection counter. */
struct hit_reading {
	uint64_t count;
	int64_t latest; /* ms, monotonic in its boot: of the latest connection; -1: not known */
};
/* All 0 when there is none of this boot and table. */
int store_hit_get(struct store *s, const struct prefix *source, uint16_t port, const char *boot_id,
	uint64_t table, struct hit_reading *ret);
int store_hit_put(struct store *s, const struct prefix *source, uint16_t port, const char *boot_id,
	uint64_t table, const struct hit_reading *reading, int64_t now);
/* Removes at most `most` readings put before: keep them longer than the kernel keeps a counter.
   How many, or -errno. */
int store_hit_expunge(struct store *s, int64_t before, unsigned most);

/*
 * audit.c: earlier lives of blocks and every change by a person. Rows are only ever added; the
 * database itself refuses to change one, or to remove one that retention does not (triggers).
 */
struct audit_entry {
	int64_t id;
	int64_t time;
	int64_t account;
	char who[64];     /* key id, "cli", "rule" */
	char from[48];    /* address of the caller; a user's name for the command line; "" */
	char what[32];    /* "block", "unblock", "rule.add" … */
	char object[160]; /* address, rule name … */
	char detail[256];
	char before[256],
		after[256]; /* what was changed, as text; "" when it was or is not there */
};
int store_audit_add(struct store *s, const struct audit_entry *e);
struct audit_query {
	int64_t account;                 /* 0: any */
	int64_t since, until;            /* ms, 0: open */
	const char *who, *what, *object; /* exact, or NULL; what "block." means all that begin so */
	bool changes_only; /* without the lives of blocks that rules began and ended */
	unsigned limit;
	int64_t before_id; /* older than this row; 0: from the newest */
};
/* Newest first. */
int store_audit_query(struct store *s, const struct audit_query *q,
	int (*fn)(void *ctx, const struct audit_entry *e), void *ctx);
/* How many it removed, or -errno. */
int store_audit_expunge(struct store *s, int64_t before, unsigned most);
