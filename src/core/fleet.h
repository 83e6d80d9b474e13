/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Core's door for fleet/: what a server does for its agents (fleet.c), and what an
 * agent does for its server (agent.c). May be called from any thread but the loop's, like the
 * operations of core.h; questions take a reader.
 */
#pragma once

#include "core/core.h"
#include "model/report.h"
#include "model/wishes.h"
#include "store/fleet.h"

/* What an agent says of itself: at its enrolment, and whenever it changed. */
struct agent_info {
	char version[32];
	char name[HOST_TEXT_MAX], instance_id[64], internet_ip[48], intranet_ip[48], region[64];
	bool enforces;     /* its kernel takes orders */
	char health[4096]; /* JSON array: {"source", "problem" (null: none), "note"} each */
};

/* --- server --- */

/* expires: ms. ret_token: what proves it once; at least 44 bytes. */
int core_host_invite(struct core *c, const struct core_caller *who, const struct invite *invite,
	char *ret_token, size_t size, struct err *err);
/*
 * Spends the token and makes a host of the invitation's account, with a new uuid; custom blocks
 * that are everywhere cover it from now on. CORE_DENIED: no such token (any more).
 * CORE_EXISTS: the key has a host already.
 */
int core_host_enrol(struct core *c, const char *token, const char *from, const char *fingerprint,
	const struct agent_info *info, struct host *ret, struct err *err);
/* which: uuid or name (CORE_INVALID when several have it). */
int core_host_rename(struct core *c, const struct core_caller *who, const char *which,
	const char *name, struct err *err);
/* Ends its access at once; its records are canceled, custom blocks no longer count it. */
int core_host_retire(
	struct core *c, const struct core_caller *who, const char *which, struct err *err);

/* Whose key that is. CORE_NOT_FOUND; CORE_DENIED: retired, or its account is closed. */
int core_agent_find(struct core_reader *r, const char *fingerprint, struct host *ret);
/* It was heard now: it is online until it has been silent for AGENT_SILENT. Cheap, any thread. */
void core_agent_heard(struct core *c, uint32_t host);
#define AGENT_SILENT 10000 /* ms */
/* It said good-bye. */
void core_agent_left(struct core *c, uint32_t host);
int core_agent_info(struct core *c, uint32_t host, const struct agent_info *info);
/*
 * Applies a batch, once: 0 also when it was applied before. CORE_INVALID: not the next number;
 * *ret_next is. Batches that wait at the same time share a transaction.
 */
int core_report_apply(
	struct core *c, uint32_t host, const struct report *report, int64_t *ret_next);
/* What the host shall do that it does not know: after is the version it has followed up to (0:
   none). *ret: ended by the caller with wishes_done(); empty when there is nothing new. */
int core_wishes(struct core_reader *r, uint32_t host, int64_t after, struct wishes *ret);

/* --- agent --- */

/* The wishes followed so far; and what the next batch's number would be. */
int core_agent_state(struct core *c, int64_t *ret_version, int64_t *ret_next);
/* A new enrolment: batches begin at 1, wishes at 0, every record is reported. */
int core_agent_begin(struct core *c, const char *enrolment);
/* The batch to send now, the same one until core_report_sent(): 0, or CORE_NOT_FOUND. */
int core_report_next(struct core *c, struct report *ret);
int core_report_sent(struct core *c, int64_t number);
/* The server counts differently (its database is older): the batch takes this number, and every
   record is reported again. */
int core_report_renumber(struct core *c, int64_t number, int64_t as);
/* Follows: one durable transaction with the version. What a wish would block and is never
   blocked here fails ("AllowListed"), and is reported so. */
int core_wishes_follow(struct core *c, const struct wishes *wishes);
/* The server does not want this machine any more: what it wished is lifted. */
int core_agent_dismissed(struct core *c);
int core_agent_describe(struct core *c, struct agent_info *ret);
/* Where the server is from now on, instead of before: never blocked, not even by the kernel.
   The first SERVER_ADDRESSES_MAX of them. */
int core_server_set(struct core *c, const struct addr *list, unsigned n);
#define SERVER_ADDRESSES_MAX 16

/* Where agents find this server, for invitations; said once by who listens. */
struct fleet_address {
	char url[256]; /* "" while nobody listens for agents */
	char pin[64];
};
void core_fleet_address_set(struct core *c, const struct fleet_address *address);
void core_fleet_address(struct core *c, struct fleet_address *ret);
