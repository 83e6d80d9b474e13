/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record: one message with its header taken apart, whatever carried it
 * (a syslog line, an ISO-stamped line, a journal entry).
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct record {
	int64_t time;                        /* ms UTC, or EVENT_NO_TIME */
	struct slice host, program, message; /* borrowed from the line */
	uint32_t pid;                        /* 0: not said */
	bool own;                            /* a line of the daemon's own log, not syslog's */
};
