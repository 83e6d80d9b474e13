/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/format/sshd_session.h"

#include "base/util.h"

static uint64_t key_of(const struct message *m, uint32_t pid)
{
	return session_key(m->record->host, SLICE("sshd"), pid);
}

/* Makes sure that s is about this peer: pids come back. */
static void settle(struct session *s, const struct peer *peer)
{
	if (!peer || !peer->literal)
		return;
	if (s->has_src && (!addr_eq(&s->src, &peer->addr) ||
				  (s->src_port && peer->port && s->src_port != peer->port)))
		session_renew(s);
	s->src = peer->addr;
	s->has_src = true;
	if (peer->port)
		s->src_port = peer->port;
}

struct session *sshd_join(const struct message *m, const struct peer *peer)
{
	if (m->record->pid == 0)
		return NULL;
	struct session *s = session_get(m->sessions, key_of(m, m->record->pid), m->record->time);
	if (s->flags & (SSHD_LOGGED_IN | SSHD_ENDED))
		session_renew(s);
	settle(s, peer);
	s->service = SERVICE_SSH;
	return s;
}

struct session *sshd_joined(const struct message *m, const struct peer *peer, uint32_t pid)
{
	if (pid == 0 || !session_find(m->sessions, key_of(m, pid)))
		return NULL;
	/* it may have been silent for too long to be the same */
	struct session *s = session_get(m->sessions, key_of(m, pid), m->record->time);
	settle(s, peer);
	s->service = SERVICE_SSH;
	return s;
}

/* FNV-1a. Only tells two names of one connection apart; nobody gains by a collision. */
static uint32_t hash_name(struct slice name)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return h;
}

static void remember_user(struct session *s, struct slice user)
{
	if (user.n == 0)
		return;
	s->user_len = (uint8_t)MIN_OF(user.n, (size_t)SESSION_USER_MAX);
	memcpy(s->user, user.p, s->user_len);
	s->user_hash = hash_name(user);
}

static bool same_user(const struct session *s, struct slice user)
{
	return s->user_len == MIN_OF(user.n, (size_t)SESSION_USER_MAX) &&
	       memcmp(s->user, user.p, s->user_len) == 0 && s->user_hash == hash_name(user);
}

static enum pending_kind pending_kind(const struct session *s)
{
	return (enum pending_kind)(s->flags & SSHD_KIND);
}

static void set_pending(struct session *s, enum pending_kind kind, unsigned count)
{
	s->flags = (uint8_t)((s->flags & ~(unsigned)SSHD_KIND) | kind);
	s->pending = (uint8_t)MIN_OF(count, 255u);
}

static void fill(const struct message *m, struct session *s, const struct peer *peer)
{
	struct event *e = m->event;
	e->session = s;
	if (peer && peer->literal) {
		e->src = peer->addr;
		e->src_port = peer->port;
		e->has_src = true;
	} else if (s && s->has_src) {
		e->src = s->src;
		e->src_port = s->src_port;
		e->has_src = true;
	}
}

enum said sshd_fail(const struct message *m, struct session *s, enum evidence evidence,
	const struct peer *peer, struct slice user)
{
	m->event->outcome = OUTCOME_FAILURE;
	m->event->evidence = evidence;
	m->event->user = user;
	m->event->has_user = user.p != NULL;
	fill(m, s, peer);
	if (s) {
		s->flags |= SSHD_COUNTED;
		/* what was pending of this attempt is said by this line */
		if (evidence != EVIDENCE_ANNOUNCED)
			s->pending = 0;
	}
	return SAID_LOGIN;
}

/* Reports what is pending, as said by an earlier line. */
static enum said fail_pending(const struct message *m, struct session *s, const struct peer *peer)
{
	static const enum evidence evidence[] = {
		[PENDING_KEY] = EVIDENCE_SUMMARY,
		[PENDING_PAM] = EVIDENCE_PAM,
		[PENDING_REFUSED] = EVIDENCE_REFUSED,
		[PENDING_SUMMARY] = EVIDENCE_SUMMARY,
	};
	struct slice user = {s->user_len ? s->user : NULL, s->user_len};
	m->event->repeat = s->pending;
	m->event->why = "what earlier lines of this connection left open, now that none of them "
			"was followed by a login";
	return sshd_fail(m, s, evidence[pending_kind(s) % countof(evidence)], peer, user);
}

/* Why a pending failure is none yet. */
static enum said wait(const struct message *m, const struct session *s, enum pending_kind kind)
{
	static const char *const why[] = {
		[PENDING_KEY] = "clients try their keys by themselves: it counts if the connection "
				"ends without a login or a judged attempt",
		[PENDING_PAM] = "PAM's module said no, sshd has not judged yet: it counts once "
				"together with what follows in this connection",
		[PENDING_REFUSED] =
			"it names no address of its own: it counts with the line of this "
			"connection that does",
		[PENDING_SUMMARY] = "it names no address, nor did its connection before: it counts "
				    "with the line that does",
	};
	return event_nothing(
		m->event, s ? why[kind]
			    : "it would count with other lines of its connection, but has no pid");
}

enum said sshd_pend(
	const struct message *m, const struct peer *peer, enum pending_kind kind, struct slice user)
{
	struct session *s = sshd_join(m, peer);
	if (s && !s->pending) {
		set_pending(s, kind, 1);
		remember_user(s, user);
	}
	return wait(m, s, kind);
}

enum said sshd_pend_pam(
	const struct message *m, const struct peer *peer, struct slice user, bool again)
{
	struct session *s = sshd_join(m, peer);
	if (!s)
		return wait(m, NULL, PENDING_PAM);
	if (!s->pending || pending_kind(s) != PENDING_PAM) {
		set_pending(s, PENDING_PAM, 1);
		remember_user(s, user);
		return wait(m, s, PENDING_PAM);
	}
	bool other = s->user_len && user.n && !same_user(s, user);
	if (other)
		(void)fail_pending(m, s, peer);
	set_pending(s, PENDING_PAM, other ? 1 : s->pending + !again);
	remember_user(s, user);
	if (!other)
		return wait(m, s, PENDING_PAM);
	m->event->user = user; /* session->user is the new one already */
	return SAID_LOGIN;
}

enum said sshd_end(const struct message *m, const struct peer *peer, uint32_t pid, bool over)
{
	struct session *s = sshd_joined(m, peer, pid);
	if (!s)
		return event_nothing(
			m->event, "the end of a connection of which no attempt was read");
	/* what another user's success left pending counts only where nobody is logged in */
	bool open = !(s->flags & SSHD_ENDED) && (m->preauth || !(s->flags & SSHD_LOGGED_IN));
	bool failed = s->pending && s->has_src && open;
	if (failed)
		(void)fail_pending(m, s, peer);
	if (over) {
		s->flags |= SSHD_ENDED;
		session_close(m->sessions, s);
	}
	return failed ? SAID_LOGIN
		      : event_nothing(m->event,
				s->flags & SSHD_COUNTED
					? "the end of a connection whose attempts were counted "
					  "before"
					: "the end of a connection without a failed attempt");
}

void sshd_succeed(const struct message *m, const struct peer *peer, struct slice user)
{
	struct session *s = sshd_joined(m, peer, m->record->pid);
	m->event->outcome = OUTCOME_SUCCESS;
	m->event->user = user;
	m->event->has_user = true;
	fill(m, s, peer);
	if (!s)
		return;
	if (!s->user_len || same_user(s, user))
		s->pending = 0;
	s->flags |= SSHD_LOGGED_IN;
}
