/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's link to its server: one thread, libcurl, two conversations. One holds the
 * question for wishes open and follows what comes; the other says what this machine is and
 * sends reports while there are any. Without a server everything else goes on, and what was
 * not sent waits in the store.
 */
#pragma once

#include "base/err.h"
#include "core/fleet.h"
#include "fleet/enrolment.h"

struct fleet_agent;

/* Called on the agent's thread, when the server has dismissed this machine: the enrolment is of no
   use any more. What was wished has been lifted by then. */
struct fleet_agent_ops {
	void (*dismissed)(void *ctx);
	void *ctx;
};

/* After libcurl_load(). Starts the thread; enrolment and ops are copied. */
int fleet_agent_new(struct core *core, const struct enrolment *enrolment,
	const struct fleet_agent_ops *ops, struct fleet_agent **ret, struct err *err);
/* core_ops.reportable. Any thread, cheap. */
void fleet_agent_reportable(struct fleet_agent *a);
struct fleet_link_status {
	bool connected;
	bool dismissed;
	int64_t since;   /* ms UTC: of the latest change of connected */
	int64_t heard;   /* ms UTC: of the server's latest answer; 0: never */
	char error[160]; /* why not connected; "" */
};
void fleet_agent_status(struct fleet_agent *a, struct fleet_link_status *ret);
/* Says good-bye (at most 2 s), ends the thread. NULL allowed; returns NULL. */
struct fleet_agent *fleet_agent_free(struct fleet_agent *a);
