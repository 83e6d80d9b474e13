/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One event of Windows' log, whichever way it came: what the readers of JSON and of
 * text make, and windows.c gives a meaning.
 */
#pragma once

#include "sensor/format/source.h"

/* The events read: two of the channel Security, two of RdpCoreTS/Operational. */
enum windows_id {
	WINDOWS_CONNECTED = 131,  /* "The server accepted a new TCP connection from client …" */
	WINDOWS_REFUSED = 140,    /* "A connection from the client computer … failed because the
				     user name or password is not correct" */
	WINDOWS_LOGGED_ON = 4624, /* "An account was successfully logged on." */
	WINDOWS_FAILED = 4625,    /* "An account failed to log on." */
};

struct windows_event {
	enum windows_id id;
	uint32_t logon_type; /* 0: not said */
	struct source source;
	struct slice user, host; /* borrowed from the line */
};

/* Both: SAID_LOGIN when it is one of these events; SAID_NOTHING: another event. */
enum said windows_read_json(struct slice line, struct windows_event *ret);
enum said windows_read_text(struct slice text, struct windows_event *ret);
