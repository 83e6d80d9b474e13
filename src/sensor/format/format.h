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
#include "sensor/stamp.h"

/* How a line begins that is none of syslog's or whose program nobody owns. */
enum line_start {
	LINE_DIGIT = 1 << 0,   /* "2026-…", "261121 …" */
	LINE_BRACKET = 1 << 1, /* "[…" */
	LINE_WEEKDAY = 1 << 2, /* "Sat Nov …" */
	LINE_BRACE = 1 << 3,   /* "{…" */
	LINE_OTHER = 1 << 4,   /* none of these, and no header of syslog's */
};

/* Where a client's line break begins a line of the log, so that it can write whole lines. */
enum split {
	SPLIT_OWN = 1 << 0,    /* in the daemon's own log */
	SPLIT_SYSLOG = 1 << 1, /* through syslog and the journal */
};

struct format {
	const char *name; /* "sshd" */
	enum service service;
	char initials[3]; /* of the programs it owns */
	/* true when a message of this program (syslog tag, without its path) is the format's */
	bool (*owns)(struct slice program);
	/*
	 * Reads one message. SAID_LOGIN: *ret is filled (failure or success). Else the
	 * session table may have learnt something all the same, and ret->why may say why
	 * it is no event. What a daemon says besides is known by its first words, so that
	 * SAID_UNKNOWN is what nobody has read.
	 */
	enum said (*parse)(
		const struct record *record, struct session_table *sessions, struct event *ret);
	/*
	 * The daemon's own log, which is not syslog's: takes a line of it apart. NULL: it
	 * writes none. Asked only about lines that begin as `starts` says.
	 */
	bool (*line)(struct stamps *stamps, struct slice line, int64_t now, struct record *ret);
	unsigned starts; /* LINE_… */
	unsigned split;  /* SPLIT_… */
	/*
	 * With SPLIT_OWN: reads a line that may be the end of a message a client broke. What
	 * is in front of it is the client's, so only the end counts.
	 */
	bool (*rest)(
		const struct record *record, struct session_table *sessions, struct event *ret);
};

extern const struct format format_sshd, format_mysqld, format_vsftpd, format_xrdp, format_dropbear,
	format_windows;

/* The format that owns the program, NULL if none does. */
const struct format *format_find(struct slice program);
/*
 * The format of `services` (SERVICE_BIT()s) whose own log the line is from, and the line
 * taken apart; NULL: of none, and *ret is untouched. fits: it has a header of syslog's.
 */
const struct format *format_of_line(uint32_t services, struct stamps *stamps, struct slice line,
	bool fits, int64_t now, struct record *ret);
