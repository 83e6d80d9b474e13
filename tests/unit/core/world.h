/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A real core on a state directory of its own, with one log file in front of it
 * and, behind it, a kernel that is a list: the other end of the enforcer's
 * socket, which answers orders as it is told to.
 */
#pragma once

#include "base/clock.h"
#include "base/loop.h"
#include "core/engine.h"
#include "core/settings.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KERNEL_MOST 8192

struct world {
	char dir[64]; /* the state directory */
	char log[80]; /* read from its start */
	bool tmpfs;   /* dir is a file system of its own */
	struct loop *loop;
	struct settings *settings;
	const char *path; /* of the log, for input_direct() */
	struct core_ops ops;
	struct core *core;
	bool ready, failed;
	/* core_ops.wished: how often, and of whom the last time; core_ops.reportable: how often */
	unsigned wished, reportable;
	bool wished_all;
	uint32_t wished_hosts[64];
	size_t wished_n;

	int peer; /* the enforcer's end; -1: observe mode */
	struct enforce_element kernel[KERNEL_MOST];
	size_t kernel_n;
	struct enforce_element wanted[KERNEL_MOST]; /* of the sync being received */
	size_t wanted_n;
	int refuse;        /* -errno: the answer to whatever adds */
	int refuse_remove; /* -errno: the answer to whatever removes */
	bool mute;         /* answers nothing */
	unsigned added, removed, syncs;
	struct enforce_hit hits[8]; /* told with each sample */
	size_t hit_n;

	/* Of world_start_answering(): another thread serves. */
	pthread_t thread;
	pthread_mutex_t lock;
	bool threaded;
	_Atomic bool ending, deaf;  /* deaf: does not answer who connected */
	_Atomic unsigned asked;     /* how often it was */
	struct prefix connected[8]; /* of whom the answer is yes */
	_Atomic size_t connected_n;

	int pid; /* of the next line */
	struct core_caller who;
	char uuid[40]; /* of this machine */
};

/* A world that is not started yet: its settings may be changed. */
int world_prepare(void **state, bool observe);
int world_setup(void **state);
int world_setup_observe(void **state);
int world_teardown(void **state);

/* Starts a core (again), and waits until it is ready. */
void world_start(struct world *w);
void world_stop(struct world *w);
/*
 * The same with an enforcer in a thread of its own, as questions wait for their answer. Only
 * world_in_kernel() and what is atomic may be looked at then.
 */
void world_start_answering(struct world *w);
/* This address or /64 has connected to whatever service. */
void world_connected(struct world *w, const char *who);
/* One turn of the loop and of the enforcer. */
void world_turn(struct world *w);
/* Turns until the condition holds; fails the test when it does not within seconds. */
#define world_until(w, condition)                                                                  \
	do {                                                                                       \
		int64_t end_ = clock_mono() + 20000;                                               \
		while (!(condition)) {                                                             \
			if (clock_mono() > end_)                                                   \
				fail_msg("never: %s", #condition);                                 \
			world_turn(w);                                                             \
		}                                                                                  \
	} while (0)
/* Turns until nothing happens any more. */
void world_settle(struct world *w);

/* Writes n failed log-ins from the address at `time` (ms). */
void world_failures(struct world *w, const char *address, unsigned n, int64_t time);

struct prefix world_prefix(const char *text);
/* A custom block on this machine. Any thread. */
int world_by_hand(struct world *w, const struct prefix *target, enum block_direction direction,
	int64_t expires, const char *why, struct err *err);
/* What the kernel holds for it, NULL: nothing. */
const struct enforce_element *world_in_kernel(
	const struct world *w, enum enforce_list list, const char *target);
/* Its record (id 0: none). */
struct block world_block(struct world *w, const char *target, enum service service);
enum block_state world_state(struct world *w, const char *target);
int64_t world_attempts(struct world *w); /* of all */
/* Somebody else changed the table. */
void world_drift(struct world *w);
