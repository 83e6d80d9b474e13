/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/fleet.h for a server of agents, over an array and without a store. */
#pragma once

#include "core/fleet.h"

#include <pthread.h>

#define FAKE_AGENTS 2048
#define FAKE_TOKEN  "a-token-that-is-good"
#define FAKE_TAKEN  "a-token-for-a-key-that-is-known"

struct fake_agent {
	char fingerprint[FINGERPRINT_MAX];
	bool retired;
	int64_t wished; /* version of the latest wish; 0: none */
	int64_t batch;  /* latest number applied */
};

struct core {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fake_agent agents[FAKE_AGENTS]; /* host n is agents[n - 1] */
	unsigned n;

	unsigned asked, heard, left, tried, informed, inside, readers; /* how often; how many now */
	unsigned gather; /* so many reports wait for each other */
	size_t attempts; /* applied */
	size_t wishes;   /* blocks of an answer; 0: one */
	int fails;       /* what everything gives that changes something, and wishes; 0: it works */
	char from[64];
	struct agent_info info;
	/* Called once by core_wishes(), after it has looked and before it returns. */
	void (*looked)(struct core *c, uint32_t host);
};

void fake_core_init(struct core *c);
void fake_core_done(struct core *c);
uint32_t fake_core_add(struct core *c, const char *fingerprint);
/* Something new is wished of the host. */
void fake_core_wish(struct core *c, uint32_t host);
void fake_core_retire(struct core *c, uint32_t host);
/* What tests look at or set while a server runs, they do under the lock. */
void fake_core_lock(struct core *c);
void fake_core_unlock(struct core *c);
/* One of the numbers above, now. */
unsigned fake_core_count(struct core *c, const unsigned *count);
/* Waits until *count, one of the numbers above, is at least n. */
void fake_core_wait(struct core *c, const unsigned *count, unsigned n);
