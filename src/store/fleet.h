/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server keeps of its agents (invitations, certificates, batches, wishes), and what
 * an agent keeps for its server (what has still to be reported).
 */
#pragma once

#include "model/block.h"
#include "model/host.h"
#include "model/report.h"
#include "store/store.h"

/* --- a server's: invites.c, agents.c, wishes.c --- */

struct invite {
	int64_t account;
	char name[HOST_TEXT_MAX]; /* the host's; "": as it calls itself */
	char enterprise_project[64];
	int64_t created, expires; /* ms */
};
/* Only a hash (BLAKE2b of libsodium) of the token is stored. */
int store_invite_put(struct store *s, const char *token, const struct invite *i);
/* Takes it out: it is of use once. NOT_FOUND when there is none, or its time is over at now. */
int store_invite_take(struct store *s, const char *token, int64_t now, struct invite *ret);
int store_invite_expire(struct store *s, int64_t now);

#define FINGERPRINT_MAX 65 /* hex SHA-256 of the key (SubjectPublicKeyInfo), and the NUL */

struct agent {
	uint32_t host;
	char fingerprint[FINGERPRINT_MAX];
	int64_t batch;     /* latest number applied */
	int64_t batch_id;  /* its id, see struct report */
	int64_t enrolled;  /* ms */
	char health[4096]; /* JSON of what its sensors say; "" */
};
/* Inserts or replaces, by host. -EEXIST: another host has that fingerprint. */
int store_agent_put(struct store *s, const struct agent *a);
int store_agent_get(struct store *s, uint32_t host, struct agent *ret); /* or NOT_FOUND */
int store_agent_by_fingerprint(
	struct store *s, const char *fingerprint, struct agent *ret); /* or NOT_FOUND */
int store_agent_remove(struct store *s, uint32_t host);               /* or NOT_FOUND */
/* A batch was applied; or NOT_FOUND. */
int store_agent_batch(struct store *s, uint32_t host, int64_t number, int64_t id);

/* A new version: larger than any before, of this database. In a transaction. */
int store_version_next(struct store *s, int64_t *ret);
/* The next version is larger than `last`. In a transaction. */
int store_version_skip(struct store *s, int64_t last);
/* The latest version this connection sees. */
int store_version_latest(struct store *s, int64_t *ret);
/* Records of the host that were wished after `after`, by version, at most `most`. */
int store_wish_each(struct store *s, uint32_t host, int64_t after, unsigned most,
	int (*fn)(void *ctx, const struct block *b), void *ctx);
/* Of an account's rules, allow-list and who has which rule: the version of the latest change. */
int store_policy_touch(struct store *s, int64_t account);
int store_policy_version(struct store *s, int64_t account, int64_t *ret);

/* --- an agent's: reports.c --- */

/* From now on records that change and failures that are added are noted, to be reported. */
void store_report_on(struct store *s);
void store_report_off(struct store *s);
/* Notes every record there is: at the beginning of an enrolment. */
int store_report_all(struct store *s);
/* Forgets everything noted and frozen, for a new enrolment. */
int store_report_forget(struct store *s);
/* Makes what was noted (at most so much) the batch `number`; *ret_n: rows in it. */
int store_report_freeze(struct store *s, int64_t number, unsigned most_attempts,
	unsigned most_blocks, size_t *ret_n);
/* The frozen batch, if there is one: its number, else NOT_FOUND. */
int store_report_frozen(struct store *s, int64_t *ret_number);
/* Its failures, and its records as they are now. ret: the caller ends it with report_done();
   number, id and seen are left alone. */
int store_report_read(struct store *s, int64_t number, struct report *ret);
/* The same batch under another number. */
int store_report_renumber(struct store *s, int64_t number, int64_t as);
/* The server has it. */
int store_report_remove(struct store *s, int64_t number);
/* Rows that wait, frozen ones too. */
int store_report_waiting(struct store *s, int64_t *ret);
