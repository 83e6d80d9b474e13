/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A format reads the messages of one daemon. Pure: no I/O, no clock. Adding a
 * service is one file with a const struct format and one line in the table of
 * format.c.
 *
 * Only the end of a message that the daemon itself wrote is believed; what the
 * other side sent (user names, banners, reasons) is data and is never searched
 * for an address.
 */
#pragma once

#include "model/event.h"
#include "model/session.h"
#include "sensor/record.h"

struct format {
	const char *name; /* "sshd" */
	enum service service;
	/* true when a message of this program (syslog tag) is the format's */
	bool (*owns)(struct slice program);
	/*
	 * Reads one message; fills *ret and returns true when it says anything about a
	 * login (failure or success). Otherwise returns false; the session table may
	 * have learnt something all the same.
	 */
	bool (*parse)(
		const struct record *record, struct session_table *sessions, struct event *ret);
};

extern const struct format format_sshd;

/* The format that owns the program, NULL if none does. */
const struct format *format_find(struct slice program);
