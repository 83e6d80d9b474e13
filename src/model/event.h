/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An event: what one line or record says happened at a login service.
 * Sensors make events, detectors read them; an event decides nothing.
 */
#pragma once

#include "base/addr.h"
#include "base/slice.h"
#include "model/service.h"

#include <stdint.h>

struct session;

/* A line without a stamp (or with an unreadable one). */
#define EVENT_NO_TIME INT64_MIN

/* What a message of a daemon that is read has to say. */
enum said {
	SAID_UNKNOWN, /* it is none that Cordon knows of that daemon */
	SAID_NOTHING, /* no login failed or succeeded by it */
	SAID_LOGIN,   /* one did: there is an event */
};

enum outcome { OUTCOME_NONE, OUTCOME_FAILURE, OUTCOME_SUCCESS };

/*
 * Daemons write several lines for one attempt. Each line of a session is one
 * kind of evidence; the session's number of attempts is the largest count any
 * one kind has reached, so that no attempt is counted twice.
 */
enum evidence {
	EVIDENCE_ANNOUNCED, /* "Invalid user x from …": before the password */
	EVIDENCE_PAM,       /* a PAM module's failure, beside the daemon's own line */
	EVIDENCE_VERDICT,   /* the daemon's own "Failed password …" */
	EVIDENCE_REFUSED,   /* "User x not allowed because …", "ROOT LOGIN REFUSED" */
	EVIDENCE_SUMMARY,   /* says once more what others said: "maximum authentication attempts" */
	EVIDENCE_COUNT
};

struct event {
	int64_t time; /* ms UTC, or EVENT_NO_TIME */
	struct addr src;
	bool has_src;      /* a literal address was given; without one nobody is ever blocked */
	uint16_t src_port; /* 0: not said */
	enum service service;
	enum outcome outcome;
	enum evidence evidence;
	uint16_t repeat; /* attempts this line stands for, at least 1 for a failure */
	bool has_user;
	/*
	 * The line may be a client's own words: its address counts only where the kernel
	 * says that it connected, and its time is no proof of anything.
	 */
	bool forgeable;
	struct slice user;       /* borrowed from the line or from session; empty: not said */
	const char *why;         /* a constant text: why it counts so, or not; NULL: as it says */
	struct session *session; /* what is remembered of its login session; NULL: none.
				    Borrowed, valid until the next line is read */
};

/* Always SAID_NOTHING; why may be NULL. */
static inline enum said event_nothing(struct event *e, const char *why)
{
	e->why = why;
	return SAID_NOTHING;
}
