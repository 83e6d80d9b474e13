/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OpenSSH 7 to 10: sshd, sshd-session, sshd-auth.
 *
 * A message is found by its first words, which are sshd's own. What one attempt
 * makes sshd 9 write (PAM on; three wrong passwords of bob):
 *
 *   pam_unix(sshd:auth): authentication failure; … rhost=192.0.2.1  user=bob
 *   Failed password for bob from 192.0.2.1 port 50000 ssh2           three times
 *   Connection closed by authenticating user bob 192.0.2.1 port 50000 [preauth]
 *   PAM 2 more authentication failures; … rhost=192.0.2.1  user=bob
 *
 * keyboard-interactive says "error: PAM: Authentication failure for bob from
 * 192.0.2.1" for each attempt and, from half of MaxAuthTries on, "Failed
 * keyboard-interactive/pam …" as well, while the module's own lines come from
 * another pid each; a user who does not exist (or is not allowed) is announced
 * first. Hence the kinds of evidence below: within one kind lines add up,
 * between kinds they say the same.
 */
#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/format/sshd_known.h"
#include "sensor/format/sshd_session.h"
#include "sensor/format/text.h"

#define NO_USER SLICE_NULL

/* "invalid user " in front of a name: sshd knows no such user (or refuses it). */
static bool cut_invalid(struct slice *text)
{
	return cut_start(text, SLICE("invalid user ")) || cut_start(text, SLICE("illegal user "));
}

/* The user's name: from the beginning of text to where the peer begins. */
static struct slice user_of(struct slice text, const struct peer *peer)
{
	if (peer->before.n < (size_t)(text.p - peer->before.p))
		return (struct slice){text.p, 0};
	return slice_between(text.p, peer->before.p + peer->before.n);
}

/* Clients try these by themselves, one after the other: no person's attempt. */
static bool is_automatic(struct slice method)
{
	return slice_eq(method, SLICE("publickey")) || slice_eq(method, SLICE("none")) ||
	       slice_starts(method, SLICE("gssapi"));
}

/* "Failed METHOD for [invalid user ]USER from ADDR port N ssh2[: …]" */
static enum said on_failed(const struct message *m)
{
	struct slice text = m->text;
	const char *blank = text.n ? memchr(text.p, ' ', text.n) : NULL;
	if (!blank)
		return SAID_UNKNOWN;
	struct slice method = slice_between(text.p, blank);
	text = slice_skip(text, method.n + 1);
	struct peer peer;
	if (!cut_start(&text, SLICE("for ")) || !peer_of_attempt(text, &peer))
		return SAID_UNKNOWN;
	bool invalid = cut_invalid(&text), automatic = is_automatic(method);
	struct slice user = user_of(text, &peer);
	if (slice_eq(user, SLICE("<invalid username>")))
		user = NO_USER;
	if (automatic && !invalid)
		return sshd_pend(m, &peer, PENDING_KEY, user);
	struct session *s = sshd_join(m, &peer);
	if (s && !automatic)
		s->flags |= SSHD_VERDICT;
	enum evidence evidence = automatic ? EVIDENCE_SUMMARY : EVIDENCE_VERDICT;
	if (s && s->flags & SSHD_PAM_SAID && slice_starts(method, SLICE("keyboard-interactive"))) {
		m->event->why = "\"PAM: Authentication failure\" said the same attempt before";
		evidence = EVIDENCE_PAM;
	}
	return sshd_fail(m, s, evidence, &peer, user);
}

/* "Accepted METHOD for USER from ADDR port N ssh2[: …]": USER has proved to be one. */
static enum said on_accepted(const struct message *m)
{
	struct slice text = m->text;
	const char *blank = text.n ? memchr(text.p, ' ', text.n) : NULL;
	if (!blank)
		return SAID_UNKNOWN;
	text = slice_skip(text, (size_t)(blank + 1 - text.p));
	if (!cut_start(&text, SLICE("for ")))
		return SAID_UNKNOWN;
	const char *from = memmem(text.p, text.n, " from ", 6);
	struct peer peer;
	if (!from || !peer_at_front(slice_between(from + 6, text.p + text.n), &peer))
		return SAID_UNKNOWN;
	sshd_succeed(m, &peer, slice_between(text.p, from));
	return SAID_LOGIN;
}

/* "Invalid user USER from ADDR[ port N]" */
static enum said on_invalid_user(const struct message *m)
{
	struct peer peer;
	if (!peer_at_end(m->text, &peer))
		return SAID_UNKNOWN;
	return sshd_fail(
		m, sshd_join(m, &peer), EVIDENCE_ANNOUNCED, &peer, user_of(m->text, &peer));
}

/* "PAM: what for [illegal user ]USER from HOST[ via HOST]" */
static enum said on_pam_error(const struct message *m)
{
	struct slice text = m->text;
	const char *name = memmem(text.p, text.n, " for ", 5);
	if (!name || slice_starts(text, SLICE("pam_")))
		return SAID_UNKNOWN;
	const char *last = memrchr(text.p, ' ', text.n);
	struct slice head = slice_between(text.p, last);
	if (cut_end(&head, SLICE(" via"))) /* macOS: by which of our addresses */
		text = head;
	struct peer peer;
	if (!peer_at_end(text, &peer))
		return SAID_UNKNOWN;
	struct slice user = slice_between(name + 5, text.p + text.n);
	(void)cut_invalid(&user);
	user = user_of(user, &peer);
	struct session *s = sshd_join(m, &peer);
	if (s)
		s->flags |= SSHD_VERDICT | SSHD_PAM_SAID;
	return sshd_fail(m, s, EVIDENCE_VERDICT, &peer, user);
}

/* "PAM 2 more authentication failures; …": counts only where sshd itself kept silent */
static enum said on_pam_more(const struct message *m)
{
	unsigned more = 0;
	struct slice text = m->text;
	while (text.n && (unsigned)(*text.p - '0') <= 9 && more < 1000) {
		more = more * 10 + (unsigned)(*text.p - '0');
		text = slice_skip(text, 1);
	}
	if (more == 0 || !slice_starts(text, SLICE(" more authentication failure")))
		return SAID_UNKNOWN;
	struct session *s = sshd_joined(m, NULL, m->record->pid);
	if (!s || s->flags & (SSHD_VERDICT | SSHD_LOGGED_IN) ||
		!(s->pending || s->flags & SSHD_COUNTED))
		return event_nothing(m->event,
			"PAM's sum: counts only where sshd itself judged no attempt of the "
			"connection");
	struct slice user = {s->user_len ? s->user : NULL, s->user_len};
	m->event->repeat = (uint16_t)(more + s->pending);
	return sshd_fail(m, s, EVIDENCE_PAM, NULL, user);
}

/*
 * "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=ADDR
 *  user=bob". A second rhost= was brought along by a name: then nobody is believed.
 */
static enum said on_pam_module(const struct message *m)
{
	static const struct slice rhost = {" rhost=", 7};
	struct slice text = m->text;
	bool is_unix = slice_starts(text, SLICE("unix("));
	const char *open = text.n ? memchr(text.p, '(', text.n) : NULL;
	if (!open)
		return SAID_UNKNOWN;
	text = slice_skip(text, (size_t)(open - text.p));
	if (!cut_start(&text, SLICE("(sshd:auth): authentication failure;")))
		return event_nothing(m->event, NULL);
	const char *at = memmem(text.p, text.n, rhost.p, rhost.n);
	struct peer peer;
	struct slice rest = at ? slice_between(at + rhost.n, text.p + text.n) : SLICE_NULL;
	if (!at || !peer_at_front(rest, &peer))
		return sshd_pend_pam(m, NULL, NO_USER, !is_unix);
	if (has(rest, rhost))
		peer.literal = false;
	struct slice user = peer.after;
	while (cut_start(&user, SLICE(" ")))
		;
	if (!cut_start(&user, SLICE("user="))) {
		const char *ruser = memmem(text.p, (size_t)(at - text.p), " ruser=", 7);
		user = ruser ? slice_between(ruser + 7, at) : NO_USER;
	}
	while (cut_end(&user, SLICE(" ")))
		;
	return sshd_pend_pam(m, &peer, user, !is_unix);
}

/* "User USER[ from HOST] not allowed because …" */
static enum said on_user(const struct message *m)
{
	static const struct slice mark = {" not allowed because ", 21};
	const char *found = NULL, *p = m->text.p, *end = p + m->text.n;
	while ((p = memmem(p, (size_t)(end - p), mark.p, mark.n))) {
		found = p;
		p += mark.n;
	}
	if (!found)
		return SAID_UNKNOWN;
	struct slice text = slice_between(m->text.p, found);
	struct slice why = slice_between(found + mark.n, m->text.p + m->text.n);
	/* these two reasons come without an address, so none in front of them is sshd's */
	bool bare =
		slice_starts(why, SLICE("account is locked")) || slice_starts(why, SLICE("shell "));
	struct peer peer;
	if (bare || !peer_at_end(text, &peer))
		return sshd_pend(m, NULL, PENDING_REFUSED, text);
	return sshd_fail(m, sshd_join(m, &peer), EVIDENCE_REFUSED, &peer, user_of(text, &peer));
}

/* "ROOT LOGIN REFUSED FROM ADDR[ port N]" */
static enum said on_root_refused(const struct message *m)
{
	struct peer peer;
	if (!peer_at_front(m->text, &peer))
		return SAID_UNKNOWN;
	return sshd_fail(m, sshd_join(m, &peer), EVIDENCE_REFUSED, &peer, SLICE("root"));
}

/* "refused connect from NAME (ADDR)": TCP wrappers; NAME may be anything */
static enum said on_refused(const struct message *m)
{
	struct slice text = m->text;
	const char *open = text.n ? memrchr(text.p, '(', text.n) : NULL;
	struct peer peer = {0};
	if (open && text.p[text.n - 1] == ')') {
		struct slice inner = slice_between(open + 1, text.p + text.n - 1);
		if (!peer_last(inner, &peer))
			return SAID_UNKNOWN;
	}
	return sshd_fail(m, sshd_join(m, &peer), EVIDENCE_REFUSED, &peer, NO_USER);
}

/* "maximum authentication attempts exceeded for [invalid user ]USER from ADDR port N ssh2" */
static enum said on_maximum(const struct message *m)
{
	struct slice text = m->text;
	struct peer peer;
	(void)cut_invalid(&text);
	if (!peer_at_end(text, &peer))
		return SAID_UNKNOWN;
	struct session *s = sshd_join(m, &peer);
	if (s)
		s->flags |= SSHD_SUMMED | SSHD_VERDICT;
	return sshd_fail(m, s, EVIDENCE_SUMMARY, &peer, user_of(text, &peer));
}

/* The summary of a connection that sshd itself ends: said once, and with an address. */
static enum said summarize(const struct message *m, const struct peer *peer, uint8_t said)
{
	struct session *s = sshd_join(m, peer);
	if (s && s->flags & said) {
		s->pending = 0;
		return event_nothing(
			m->event, "the end of a connection whose attempts were counted before");
	}
	if (!peer->literal && !(s && s->has_src))
		return sshd_pend(m, NULL, PENDING_SUMMARY, NO_USER);
	if (s)
		s->flags |= SSHD_SUMMED;
	return sshd_fail(m, s, EVIDENCE_SUMMARY, peer, NO_USER);
}

/* "Disconnecting[ invalid user USER ADDR port N]: why" */
static enum said on_disconnecting(const struct message *m)
{
	static const struct slice many = {": Too many authentication failures", 34};
	static const struct slice change = {": Change of username or service not allowed", 43};
	struct slice text = m->text;
	struct peer peer = {0};
	/* without a peer in front the reason begins at once; it may name a user behind "for" */
	bool bare = slice_starts(text, SLICE(":"));
	if (bare ? slice_starts(text, many) : cut_end(&text, many)) {
		if (!bare)
			(void)peer_last(text, &peer);
		return summarize(m, &peer, SSHD_SUMMED);
	}
	if (has(text, change)) {
		if (!bare)
			(void)peer_before(text, change, &peer);
		return summarize(m, &peer, SSHD_COUNTED);
	}
	return sshd_end(m, NULL, m->record->pid, false);
}

/* "Connection closed by [authenticating user USER ]ADDR port N" and its like */
static enum said on_end(const struct message *m)
{
	struct peer peer;
	if (!peer_last(m->text, &peer))
		return SAID_UNKNOWN;
	return sshd_end(m, &peer, m->record->pid, true);
}

/* The connection is gone; what the message says of the peer may be foreign text. */
static enum said on_abort(const struct message *m)
{
	return sshd_end(m, NULL, m->record->pid, true);
}

/* "Received disconnect from ADDR port N:CODE: text of the client" */
static enum said on_received(const struct message *m)
{
	struct peer peer;
	if (!peer_at_front(m->text, &peer))
		return SAID_UNKNOWN;
	struct slice why = peer.after;
	if (cut_start(&why, SLICE(":")) &&
		(cut_start(&why, SLICE("3:")) || cut_start(&why, SLICE(" 3:"))) &&
		slice_ends(why, SLICE(": Auth fail"))) /* JSch: its user's login failed */
		return sshd_fail(m, sshd_join(m, &peer), EVIDENCE_SUMMARY, &peer, NO_USER);
	return sshd_end(m, &peer, m->record->pid, false);
}

/* "Connection from ADDR port N on …": a new connection, whatever this pid was before */
static enum said on_connection(const struct message *m)
{
	struct peer peer;
	if (!peer_at_front(m->text, &peer))
		return SAID_UNKNOWN;
	struct session *s = peer.literal ? sshd_join(m, &peer) : NULL;
	if (s) {
		session_renew(s);
		(void)sshd_join(m, &peer);
	}
	return event_nothing(m->event, "a connection begins: nobody has tried anything yet");
}

/* "Timeout before authentication for ADDR port N", "… for connection from ADDR to …, pid = N" */
static enum said on_timeout(const struct message *m)
{
	static const struct slice mark = {", pid = ", 8};
	struct slice text = m->text;
	uint32_t pid = m->record->pid;
	struct peer peer;
	if (cut_start(&text, SLICE("connection from "))) {
		const char *p = memmem(text.p, text.n, mark.p, mark.n);
		pid = 0;
		for (p = p ? p + mark.n : NULL; p && p < text.p + text.n; p++)
			pid = (unsigned)(*p - '0') <= 9 && pid < 100000000
				      ? pid * 10 + (uint32_t)(*p - '0')
				      : 0;
	}
	return peer_at_front(text, &peer) ? sshd_end(m, &peer, pid, true) : SAID_UNKNOWN;
}

struct opening {
	struct slice text;
	enum said (*read)(const struct message *m); /* m->text: what follows */
};

#define OPENING(words, fn)                                                                         \
	{                                                                                          \
		{words, sizeof(words) - 1}, fn                                                     \
	}

static const struct opening on_A[] = {
	OPENING("Accepted ", on_accepted),
	OPENING("Access denied for user ", on_abort),
	{{0}},
};
static const struct opening on_C[] = {
	OPENING("Connection closed by ", on_end),
	OPENING("Connection reset by ", on_end),
	OPENING("Connection from ", on_connection),
	{{0}},
};
static const struct opening on_D[] = {
	OPENING("Disconnected from ", on_end),
	OPENING("Disconnecting", on_disconnecting),
	{{0}},
};
static const struct opening on_F[] = {
	OPENING("Failed ", on_failed),
	{{0}},
};
static const struct opening on_I[] = {
	OPENING("Invalid user ", on_invalid_user),
	OPENING("Illegal user ", on_invalid_user),
	{{0}},
};
static const struct opening on_P[] = {
	OPENING("PAM: ", on_pam_error),
	OPENING("PAM ", on_pam_more),
	{{0}},
};
static const struct opening on_R[] = {
	OPENING("Received disconnect from ", on_received),
	OPENING("ROOT LOGIN REFUSED FROM ", on_root_refused),
	OPENING("Read from socket failed: ", on_abort),
	{{0}},
};
static const struct opening on_T[] = {
	OPENING("Timeout before authentication for ", on_timeout),
	{{0}},
};
static const struct opening on_U[] = {
	OPENING("User ", on_user),
	{{0}},
};
static const struct opening on_m[] = {
	OPENING("maximum authentication attempts exceeded for ", on_maximum),
	{{0}},
};
static const struct opening on_p[] = {
	OPENING("pam_", on_pam_module),
	{{0}},
};
static const struct opening on_r[] = {
	OPENING("refused connect from ", on_refused),
	{{0}},
};
static const struct opening on_s[] = {
	OPENING("ssh_dispatch_run_fatal: ", on_abort),
	{{0}},
};

/* by a message's first character */
static const struct opening *const openings[128] = {
	['A'] = on_A,
	['C'] = on_C,
	['D'] = on_D,
	['F'] = on_F,
	['I'] = on_I,
	['P'] = on_P,
	['R'] = on_R,
	['T'] = on_T,
	['U'] = on_U,
	['m'] = on_m,
	['p'] = on_p,
	['r'] = on_r,
	['s'] = on_s,
};

/* By its first words, which are sshd's own. */
static enum said read_message(struct message *m)
{
	if (m->text.n == 0 || (unsigned char)m->text.p[0] > 127)
		return SAID_UNKNOWN;
	const struct opening *o = openings[(unsigned char)m->text.p[0]];
	for (; o && o->read; o++)
		if (cut_start(&m->text, o->text))
			return o->read(m);
	return SAID_UNKNOWN;
}

static enum said sshd_parse(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct message m = {
		.record = record, .sessions = sessions, .event = ret, .text = record->message};
	while (m.text.n && m.text.p[m.text.n - 1] == ' ')
		m.text.n--;
	m.preauth = cut_end(&m.text, SLICE(" [preauth]"));
	if (!cut_start(&m.text, SLICE("error: ")))
		(void)cut_start(&m.text, SLICE("fatal: "));
	struct slice text = m.text;
	enum said said = read_message(&m);
	return said == SAID_UNKNOWN && sshd_says(text) ? SAID_NOTHING : said;
}

static bool sshd_owns(struct slice program)
{
	if (program.n < 4 || memcmp(program.p, "sshd", 4) != 0)
		return SAID_UNKNOWN;
	return program.n == 4 || slice_eq(program, SLICE("sshd-session")) ||
	       slice_eq(program, SLICE("sshd-auth"));
}

const struct format format_sshd = {
	.name = "sshd",
	.service = SERVICE_SSH,
	.initials = "s",
	.owns = sshd_owns,
	.parse = sshd_parse,
};
