/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A block: one source kept from one host because of one service.
 *
 * Life: WANTED -> APPLIED -> EXPIRED, or FAILED (error says why), or, lifted by
 * a person, CANCELLING -> CANCELED. There is one record a (host, prefix,
 * service, direction); a source blocked again gets its old record back.
 * One kernel element serves all records that want the same prefix.
 */
#pragma once

#include "base/addr.h"
#include "model/rule.h"
#include "model/service.h"

#include <stdint.h>

enum block_state {
	BLOCK_WANTED = 0,  /* stored, ordered, not acknowledged */
	BLOCK_APPLIED = 1, /* the kernel has it */
	BLOCK_FAILED = 2,  /* the kernel has it not; error says why */
	BLOCK_EXPIRED = 3,
	BLOCK_CANCELLING = 4, /* lifted, not yet acknowledged */
	BLOCK_CANCELED = 5,
	BLOCK_STATES
};

enum block_direction { BLOCK_IN, BLOCK_OUT };

#define BLOCK_ERROR_MAX 32
#define BLOCK_FOREVER   INT64_MAX /* expires of a permanent block */

struct block {
	int64_t id; /* 0: not stored yet */
	int64_t account;
	uint32_t host;
	struct prefix target;
	struct addr trigger; /* shown by the dialects */
	enum block_direction direction;
	enum service service;
	uint16_t port;
	enum block_state state;
	bool applied_once; /* was in the kernel at least once in this life */
	int64_t rule;      /* 0: by hand */
	enum rule_source source;
	char rule_name[RULE_NAME_MAX];
	char error[BLOCK_ERROR_MAX]; /* "": none; see docs/api.md */
	int64_t created;             /* ms: this life began */
	int64_t first_attempt;       /* ms */
	int64_t latest_attempt;      /* ms: latest failure or refused connection */
	int64_t attempts;            /* failed logins counted for it + connections refused */
	int64_t expires;             /* ms, or BLOCK_FOREVER */
	int64_t changed;             /* ms: latest change of state */
	uint32_t lives;              /* this is its n-th life in a row (core/repeat.h) */
	int64_t wish; /* version of what the server wants of it (model/wishes.h); 0: nothing */
};

/* True while the kernel should hold an element for it. */
static inline bool block_is_active(enum block_state s)
{
	return s == BLOCK_WANTED || s == BLOCK_APPLIED;
}

/* "wanted", "applied", "failed", "expired", "cancelling", "canceled" */
const char *block_state_name(enum block_state state);
