/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Simulated agents, all on one thread. Each enrols as an agent does, says what it is, holds its
 * question for wishes open on one connection, and reports on another: what it was told to block,
 * as if its kernel had it, and failures. An agent that is refused, loses a connection or gets no
 * answer for a while ends the program, which says whose it was.
 */
#pragma once

#include "fleet_wire.h"
#include "model/report.h"

struct swarm {
	int epoll;
	struct sockaddr_in at;
	unsigned n;
	struct simulated *agents;
	char *uuids; /* comma-separated */

	/* what they do */
	int64_t attempts_a_second; /* all together, in a report each REPORT_EVERY */
	bool flood;                /* full reports without a pause */

	/* what came of it */
	unsigned begun, held; /* agents; held: those whose question was taken once */
	int64_t sent, stored; /* attempts */
	int64_t reports, heartbeats;
	int64_t *arrived; /* us: when each wish came since `arrivals` was 0 */
	unsigned arrivals, acknowledged;
};

#define SWARM_REPORT_EVERY 2000 /* ms */

/* dir/tokens: one invitation's token a line. */
void swarm_enrol(struct swarm *s, const char *dir, uint16_t port, unsigned n);
/* Until all are held. */
void swarm_connect(struct swarm *s);
/* For so long, or until so many acknowledgements (0: does not matter) are taken. */
void swarm_run(struct swarm *s, int64_t ms, unsigned acknowledged);
void swarm_free(struct swarm *s);
