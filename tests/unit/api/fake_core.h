/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A double of core for the API's own tests: core.h over arrays in memory. Its
 * struct core is open, so that a test can put anything in it.
 */
#pragma once

#include "core/core.h"
#include "model/settings.h"

#include <pthread.h>

#define FAKE_KEYS    12
#define FAKE_HOSTS   8
#define FAKE_BLOCKS  64
#define FAKE_TOKENS  32
#define FAKE_CUSTOMS 64
#define FAKE_RULES   32
/* Asking for blocks of a host, or for rules, of this name fails; so does asking for or changing
   what is of 192.0.2.200, or of this id. */
#define FAKE_FAULT    "fault"
#define FAKE_FAULT_ID 500
/* The enterprise project of the third host. */
#define FAKE_PROJECT "ep-edge"

struct fake_token {
	char text[72];
	struct token token;
};

/* A custom block and what came of it on each host; by host id - 1. */
struct fake_custom {
	struct custom_block block; /* id 0: there is none */
	bool covers[FAKE_HOSTS];
	enum block_state states[FAKE_HOSTS];
	char errors[FAKE_HOSTS][BLOCK_ERROR_MAX];
};

struct core {
	struct settings settings;
	struct account account, other; /* other: a second tenant */
	struct access_key keys[FAKE_KEYS];
	unsigned key_count;
	struct host hosts[FAKE_HOSTS];
	unsigned host_count;
	struct block blocks[FAKE_BLOCKS];
	unsigned block_count;
	struct fake_token tokens[FAKE_TOKENS];
	unsigned token_count;
	struct fake_custom customs[FAKE_CUSTOMS];
	unsigned custom_count;
	struct rule rules[FAKE_RULES]; /* id 0: removed */
	unsigned rule_count;
	int64_t host_rules[FAKE_HOSTS]; /* by host id - 1; 0: none of its own */
	int64_t now;                    /* 0: the clock's */
	int fail;                       /* 0, or the -errno that every core_* call returns */
	int condition;                  /* 0, or the positive condition that changes return */
	unsigned readers;               /* open ones */
	unsigned canceled;              /* successful core_blocks_cancel() calls */
	/* Who made the latest change. */
	struct {
		int64_t account;
		char who[64], from[64];
	} caller;
	pthread_mutex_t lock;
};

/* One account, two keys (the second of the vectors' id), no hosts or blocks. */
void fake_core_init(struct core *c);
void fake_core_done(struct core *c);
struct access_key *fake_core_key(struct core *c, const char *id, const char *secret);
struct host *fake_core_host(struct core *c, const char *uuid, const char *name);
/* A block of that host in that state, one minute apart from the one before. */
struct block *fake_core_block(struct core *c, const struct host *h, const char *address,
	enum service service, enum block_state state);
/* A rule of the account: 5 failures in 5 minutes, an hour, ssh. */
struct rule *fake_core_rule(struct core *c, int64_t account, const char *name);
/* A custom block that is in force on that host. */
struct fake_custom *fake_core_custom(struct core *c, const struct host *h, const char *target);
bool fake_is_fault(const struct addr *a);
int64_t fake_now(const struct core *c);
/* Remembers who makes a change; 0, or what it must fail with. */
int fake_change(struct core *c, const struct core_caller *who, struct err *err);
/* The hosts, blocks, custom blocks and rules that serve_fake offers and the conformance table
 * expects. */
void fake_core_seed(struct core *c);
