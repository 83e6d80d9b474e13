/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the agent's link. All of it but what the lock and the atomics guard is
 * its thread's.
 */
#pragma once

#include "fleet/agent.h"
#include "fleet/link.h"

#include <pthread.h>
#include <stdatomic.h>

/* ms */
#define PAUSE_MIN     250 /* between attempts; it doubles */
#define PAUSE_MAX     15000
#define AGAIN_AFTER   1000 /* what the store or the memory could not do */
#define GOODBYE_MOST  2000L
#define DESCRIBE_TIME 30000 /* to look whether this machine changed */

enum question { Q_NONE, Q_INFO, Q_WISHES, Q_REPORT, Q_GOODBYE };

/*
 * `burst` at once, and then one each `every` ms: a flood of failures becomes few reports, while
 * what the kernel said to a wish goes out at once. `next` is when the latest would have
 * been due had they come evenly.
 */
struct pace {
	int64_t burst, every; /* ms */
	int64_t next;
};

struct talk {
	struct link *link;
	struct buf body;
	enum question question; /* under way */
	int64_t due;            /* ms, monotonic: nothing is asked before */
	int64_t pause;          /* ms: grows while the server refuses */
	struct pace pace;
};

struct fleet_agent {
	struct core *core;
	struct fleet_agent_ops ops;
	struct enrolment enrolment;
	struct place place;
	CURLM *multi;
	struct talk wishes, reports;
	pthread_t thread;
	bool started;
	atomic_bool ending, reportable;

	bool connected, dismissed;
	int64_t retry_at, pause; /* ms: of the next attempt to connect */
	int64_t describe_at;     /* ms: when to look whether this machine changed */
	struct buf said;         /* the info that the server has */
	int64_t version;         /* of the wishes followed */
	int64_t number;          /* of the report under way */

	pthread_mutex_t lock;
	struct fleet_link_status status; /* under lock */
};

static inline int64_t pace_due(const struct pace *p)
{
	return p->next - (p->burst - 1) * p->every;
}

static inline void pace_take(struct pace *p, int64_t now)
{
	p->next = MAX_OF(p->next, now) + p->every;
}

/* agent.c: whatever broke, it starts over, after a while that grows. */
void agent_lost(struct fleet_agent *a, const char *why);
void agent_connected(struct fleet_agent *a);
void agent_heard(struct fleet_agent *a);
/* For good: the thread ends. */
void agent_dismissed(struct fleet_agent *a);
/* Ends what is under way without an answer. */
void agent_drop(struct fleet_agent *a, struct talk *t);
/* The store could not do it, or the machine is going down: later. */
void agent_core_failed(struct talk *t, int r, const char *what);
/* Between half of it and all of it (ms): a fleet does not come back in step. */
int64_t agent_jitter(int64_t ms);

/* agent_ask.c: asks whatever is due. */
void agent_ask_due(struct fleet_agent *a);
/* ms until something will be. */
int agent_sleep_time(const struct fleet_agent *a);
void agent_ask_goodbye(struct fleet_agent *a);

/* agent_answer.c: what came of the question of this handle. */
void agent_answered(struct fleet_agent *a, CURL *curl, CURLcode result);
