/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an attempt came from, for the daemons whose lines name it by themselves.
 *
 * Several lines of one attempt may come from several processes or through
 * several logs, so what ties them together is the address: an address has one
 * session a program, and within it lines of one kind of evidence add up while
 * those of different kinds say the same.
 */
#pragma once

#include "model/event.h"
#include "model/session.h"

#define SOURCE_ALWAYS INT64_MAX

struct source {
	bool literal; /* addr is valid; false: a name, or not to be believed */
	struct addr addr;
	uint16_t port; /* 0: not said */
};

/* The whole of text: an address, perhaps with %zone; anything else is no literal. */
struct source source_of(struct slice text);
/* "ADDR:PORT", also "[ADDR]:PORT". */
struct source source_with_port(struct slice text);
/*
 * The session of this source; NULL when it is no literal. together: ms after which an address that
 * was silent begins anew (SOURCE_ALWAYS: never, but for what the table forgets).
 */
struct session *source_session(struct session_table *t, enum service service, struct slice host,
	struct slice program, const struct source *source, int64_t time, int64_t together);
/* Fills in a failure; user.p NULL: not said. Always SAID_LOGIN. */
enum said source_failed(struct event *e, struct session *s, enum evidence evidence,
	const struct source *source, struct slice user);
/* The same of a login. */
enum said source_succeeded(struct event *e, const struct source *source, struct slice user);
