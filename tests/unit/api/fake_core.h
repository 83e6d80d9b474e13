/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A double of core for the API's own tests: core.h over arrays in memory. Its
 * struct core is open, so that a test can put anything in it.
 */
#pragma once

#include "core/core.h"
#include "model/settings.h"

#include <pthread.h>

#define FAKE_KEYS   8
#define FAKE_HOSTS  4
#define FAKE_BLOCKS 64
#define FAKE_TOKENS 32
/* Asking for blocks of a host of this name fails; so does changing one of 192.0.2.200. */
#define FAKE_FAULT "fault"

struct fake_token {
	char text[72];
	struct token token;
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
	int64_t now;       /* 0: the clock's */
	int fail;          /* 0, or the -errno that every core_* call returns */
	int condition;     /* 0, or the positive condition that changes return */
	unsigned readers;  /* open ones */
	unsigned canceled; /* successful core_blocks_cancel() calls */
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
/* The hosts and blocks that serve_fake offers and the conformance table expects. */
void fake_core_seed(struct core *c);
