/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What sshd's lines of one connection have to do with each other.
 *
 * Some lines are no failure yet: a PAM module's (the next one may say yes), a
 * refused key of a valid user (the next key may fit), "account is locked"
 * without an address. They are *pending* in the session: a verdict or a success
 * takes them back, the end of the connection makes them a failure.
 */
#pragma once

#include "model/event.h"
#include "model/session.h"
#include "sensor/format/sshd_peer.h"
#include "sensor/record.h"

/* The bits of session.flags (stored: their values are fixed). */
enum {
	SSHD_KIND = 0x03,     /* enum pending_kind */
	SSHD_PAM_SAID = 0x04, /* "error: PAM: …" was reported */
	SSHD_COUNTED = 0x08,  /* some failure was reported */
	SSHD_VERDICT = 0x10,  /* sshd itself judged an attempt */
	SSHD_SUMMED = 0x20,   /* "maximum authentication attempts" was reported */
	SSHD_LOGGED_IN = 0x40,
	SSHD_ENDED = 0x80,
};

/* What the pending failures are; one kind at a time. */
enum pending_kind { PENDING_KEY, PENDING_PAM, PENDING_REFUSED, PENDING_SUMMARY };

/* One message being read. */
struct message {
	const struct record *record;
	struct session_table *sessions;
	struct event *event;
	struct slice text; /* without "error: " and " [preauth]" */
	bool preauth;      /* it had " [preauth]" */
};

/* The session of the message (NULL: no pid), known to belong to this peer (NULL: not said). */
struct session *sshd_join(const struct message *m, const struct peer *peer);
/* The same, but only when there is one. */
struct session *sshd_joined(const struct message *m, const struct peer *peer, uint32_t pid);

/* Reports a failure; user.p NULL: not said. Always SAID_LOGIN. */
enum said sshd_fail(const struct message *m, struct session *s, enum evidence evidence,
	const struct peer *peer, struct slice user);
/* Keeps one failure pending. Always SAID_NOTHING. */
enum said sshd_pend(const struct message *m, const struct peer *peer, enum pending_kind kind,
	struct slice user);
/*
 * A PAM module's failure: pending, but when the pending one is another user's, that
 * one is reported (SAID_LOGIN). again: a second module's line is the same attempt.
 */
enum said sshd_pend_pam(
	const struct message *m, const struct peer *peer, struct slice user, bool again);
/*
 * The connection is ending: reports what is pending (SAID_LOGIN). over: nothing but
 * PAM's summary can follow. pid: whose connection.
 */
enum said sshd_end(const struct message *m, const struct peer *peer, uint32_t pid, bool over);
/* A login: takes back what is pending of this user. */
void sshd_succeed(const struct message *m, const struct peer *peer, struct slice user);
