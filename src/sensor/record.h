/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record: one message with its header taken apart, whatever carried it
 * (a syslog line, an ISO-stamped line, a journal entry).
 */
#pragma once

#include "base/slice.h"

#include <stdint.h>

struct stamps;

/* A daemon's own log around one line, for messages that may have several lines. */
struct record_log {
	struct slice raw; /* the line and what was read behind it, as it is there */
	struct stamps *stamps;
	int64_t shift;  /* ms, already added to the record's time, not to other lines' */
	int64_t latest; /* ms UTC, the latest stamp in front of the line; EVENT_NO_TIME: none */
	int64_t now;    /* ms UTC: when raw was read, or before */
	/* Set by the format: lines that begin before this in raw are its own or nobody's. */
	const char *reach;
};

struct record {
	int64_t time;                        /* ms UTC, or EVENT_NO_TIME */
	struct slice host, program, message; /* borrowed from the line */
	uint32_t pid;                        /* 0: not said */
	struct record_log *log;              /* where it stands; NULL: not a daemon's own log */
};
