/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server and one agent in one process, each a core of its own, that talk by
 * function calls: so a test can lose any word between them.
 */
#pragma once

#include "core/fleet.h"
#include "world.h"

struct fleet {
	struct world *server, *agent;
	struct core_reader *reader; /* of the server's store */
	char fingerprint[FINGERPRINT_MAX];
	struct host host; /* the agent's, as the server made it */
};

/* The server is started; the agent is a prepared machine of role agent. */
int fleet_setup(void **state);
/* With the agent enrolled and started. */
int fleet_setup_enrolled(void **state);
int fleet_teardown(void **state);

void fleet_server_start(struct fleet *f);
void fleet_server_stop(struct fleet *f);
void fleet_server_restart(struct fleet *f);
void fleet_agent_restart(struct fleet *f);

/* Invites and enrols a machine with that key. */
struct host fleet_enrol(struct fleet *f, int64_t account, const char *key, const char *name);

/* One batch from the agent, acknowledged; CORE_NOT_FOUND: there was none. */
int fleet_send(struct fleet *f);
/* What the server wants, to the agent; false when there was nothing new. */
bool fleet_follow(struct fleet *f);
struct wishes fleet_wishes(struct fleet *f, uint32_t host, int64_t after);
bool wishes_are_empty(const struct wishes *w);
/* Until neither has anything to say and the agent's kernel has answered. */
void fleet_settle(struct fleet *f);
/* The agent's records and failures are the server's, its kernel is as its records say. */
void fleet_compare(struct fleet *f);

/* The server's record of the agent's (id 0: none). */
struct block fleet_block(struct fleet *f, const char *target, enum service service);
struct host fleet_host(struct fleet *f, uint32_t id);
int64_t fleet_block_on(struct fleet *f, const char *target, int64_t expires, const char *uuid);

/* The state directory of a world that is stopped, as it is now; and back again. */
void world_save(struct world *w);
void world_restore(struct world *w);
/* Everything it knew is gone. */
void world_wipe(struct world *w);
