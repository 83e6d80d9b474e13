/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dropbear 2012 to 2025: through syslog, or as it writes itself (dropbear -E).
 *
 *   … dropbear[123]: Bad password attempt for 'bob' from 192.0.2.1:50000
 *   [123] Jan 01 12:00:00 Login attempt for nonexistent user from 192.0.2.1:50000
 *
 * Names are existing users' where dropbear says any, but its early versions said
 * others too, so what has its peer behind the name is read from the end. Some
 * builds leave the peer out: then the connection's first line has said it.
 */
#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/format/source.h"
#include "sensor/format/text.h"

struct words {
	const struct record *record;
	struct session_table *sessions;
	struct event *event;
	struct slice text; /* what follows the opening */
};

static struct session *find(const struct words *w)
{
	const struct record *r = w->record;
	if (r->pid == 0)
		return NULL;
	struct session *s =
		session_get(w->sessions, session_key(r->host, SLICE("dropbear"), r->pid), r->time);
	if (s->closed)
		session_renew(s);
	s->service = SERVICE_SSH;
	return s;
}

static void settle(struct session *s, const struct source *source)
{
	s->src = source->addr;
	s->src_port = source->port;
	s->has_src = true;
	s->service = SERVICE_SSH;
}

/* The connection's session (NULL: no pid), known to belong to this source where that is said. */
static struct session *join(const struct words *w, const struct source *source)
{
	struct session *s = find(w);
	if (!s || !source->literal)
		return s;
	if (s->has_src && !addr_eq(&s->src, &source->addr))
		session_renew(s);
	settle(s, source);
	return s;
}

static enum said fail(
	const struct words *w, enum evidence evidence, struct source source, struct slice user)
{
	struct session *s = join(w, &source);
	if (!source.literal && s && s->has_src)
		source = (struct source){.literal = true, .addr = s->src, .port = s->src_port};
	return source_failed(w->event, s, evidence, &source, user);
}

/* "'USER'" */
static struct slice unquote(struct slice user)
{
	return cut_start(&user, SLICE("'")) && cut_end(&user, SLICE("'")) ? user : SLICE_NULL;
}

/* "… from ADDR:PORT" up to the very end; *ret_before: the text in front of it. */
static bool cut_from(struct slice text, struct source *ret, struct slice *ret_before)
{
	static const struct slice from = {" from ", 6};
	const char *at = find_last(text, from);
	if (!at)
		return false;
	*ret = source_with_port(slice_between(at + from.n, text.p + text.n));
	*ret_before = slice_between(text.p, at);
	return true;
}

/* "Child connection from ADDR:PORT": a new connection, whatever this pid was before */
static enum said on_child(const struct words *w)
{
	struct source source = source_with_port(w->text);
	struct session *s = source.literal ? find(w) : NULL;
	if (s) {
		session_renew(s);
		settle(s, &source);
	}
	return event_nothing(w->event, "a connection begins: nobody has tried anything yet");
}

/* "Bad [PAM ]password attempt for 'USER' from ADDR:PORT" */
static enum said on_bad_password(const struct words *w)
{
	struct source source;
	struct slice before;
	if (!cut_from(w->text, &source, &before))
		return SAID_UNKNOWN;
	return fail(w, EVIDENCE_VERDICT, source, unquote(before));
}

/* "Login attempt for nonexistent user[ 'USER'][ from ADDR:PORT]": said once a connection */
static enum said on_nonexistent(const struct words *w)
{
	struct source source = {0};
	struct slice before = w->text;
	(void)cut_from(w->text, &source, &before);
	(void)cut_start(&before, SLICE(" "));
	return fail(w, EVIDENCE_ANNOUNCED, source, unquote(before));
}

/* "Login attempt with wrong user USER[ from ADDR:PORT]" */
static enum said on_wrong(const struct words *w)
{
	struct source source = {0};
	struct slice user = w->text;
	(void)cut_from(w->text, &source, &user);
	return fail(w, EVIDENCE_REFUSED, source, user);
}

/* "root login rejected" */
static enum said on_root(const struct words *w)
{
	return fail(w, EVIDENCE_REFUSED, (struct source){0}, SLICE("root"));
}

/* "User 'USER' has invalid shell, rejected" */
static enum said on_user(const struct words *w)
{
	struct slice user = w->text;
	if (!cut_end(&user, SLICE(" has invalid shell, rejected")) &&
		!cut_end(&user, SLICE(" has blank password, rejected")))
		return SAID_UNKNOWN;
	return fail(w, EVIDENCE_REFUSED, (struct source){0}, unquote(user));
}

/* "(user 'USER', N fails): why" */
static uint32_t read_fails(struct slice text, struct slice *ret_user)
{
	static const struct slice mark = {"', ", 3};
	uint32_t fails = 0;
	if (!cut_start(&text, SLICE("(user '")))
		return 0;
	const char *p = text.n ? memmem(text.p, text.n, mark.p, mark.n) : NULL;
	if (!p)
		return 0;
	struct slice rest = slice_between(p + mark.n, text.p + text.n);
	if (!cut_number(&rest, &fails) || !slice_starts(rest, SLICE(" fails)")))
		return 0;
	*ret_user = slice_between(text.p, p);
	return fails;
}

/* "Exit before auth[ from <ADDR:PORT>][: ][ (user 'USER', N fails)]: why": the end of a connection
 */
static enum said on_exit_before(const struct words *w)
{
	static const struct slice tries = {"Max auth tries reached - user '", 31};
	struct source source = {0};
	struct slice text = w->text, user = SLICE_NULL, before;
	if (cut_start(&text, SLICE(" from <"))) {
		const char *close = text.n ? memchr(text.p, '>', text.n) : NULL;
		if (!close)
			return SAID_UNKNOWN;
		source = source_with_port(slice_between(text.p, close));
		text = slice_between(close + 1, text.p + text.n);
	}
	(void)cut_start(&text, SLICE(":"));
	text = skip_blanks(text);
	bool failed = read_fails(text, &user) > 0;
	if (has(text, tries)) {
		failed = true;
		if (!source.literal)
			(void)cut_from(text, &source, &before);
	}
	if (!failed || (!source.literal && w->record->pid == 0)) {
		struct session *s = join(w, &source);
		if (s)
			session_close(w->sessions, s);
		return event_nothing(w->event, "the end of a connection without a failed attempt");
	}
	/* each refused password has been said before: this counts where nothing has */
	(void)fail(w, EVIDENCE_SUMMARY, source, user);
	if (w->event->session)
		session_close(w->sessions, w->event->session);
	return SAID_LOGIN;
}

/* "Password auth succeeded for 'USER' from ADDR:PORT", "Pubkey … for 'USER' with … from …" */
static enum said on_succeeded(const struct words *w)
{
	static const struct slice with = {"' with ", 7};
	struct source source;
	struct slice user;
	if (slice_ends(w->text, SLICE(", extra auth required")))
		return event_nothing(
			w->event, "half a login: another key or password is asked for");
	if (!cut_from(w->text, &source, &user))
		return SAID_UNKNOWN;
	if (!source.literal)
		return event_nothing(w->event, "a login from no literal address spares nobody");
	const char *key = user.n ? memmem(user.p, user.n, with.p, with.n) : NULL;
	if (key)
		user = slice_between(user.p, key + 1);
	return source_succeeded(w->event, &source, unquote(user));
}

static const struct opening {
	char initial; /* small; early versions write it so */
	struct slice text;
	enum said (*read)(const struct words *w);
} openings[] = {
	{'c', {"hild connection from ", 21}, on_child},
	{'b', {"ad password attempt for ", 24}, on_bad_password},
	{'b', {"ad PAM password attempt for ", 28}, on_bad_password},
	{'t', {"oo-long password attempt for ", 29}, on_bad_password},
	{'l', {"ogin attempt for nonexistent user", 33}, on_nonexistent},
	{'l', {"ogin attempt with wrong user ", 29}, on_wrong},
	{'r', {"oot login rejected", 18}, on_root},
	{'u', {"ser ", 4}, on_user},
	{'e', {"xit before auth", 15}, on_exit_before},
	{'p', {"assword auth succeeded for ", 27}, on_succeeded},
	{'p', {"AM password auth succeeded for ", 31}, on_succeeded},
	{'p', {"ubkey auth succeeded for ", 25}, on_succeeded},
	{'a', {"uth succeeded with blank password for ", 38}, on_succeeded},
};

/* What else it says, to its log from "normal" on; early versions begin some in small letters. */
static const char *const known[128] = {
	['A'] = "Aiee\0Attempted username with a null byte\0Auth\0",
	['B'] = "Bad address \0Bad buf_\0Bad packet size\0Bad public key options \0",
	['C'] = "Can't \0Client trying multiple usernames\0Couldn't \0",
	['E'] = "Early exit\0Error \0Exit (\0Exited\0",
	['F'] = "Failed \0Failure reading random device\0Forwarding \0",
	['G'] = "Generated hostkey \0",
	['L'] = "Logins are restricted to \0",
	['N'] = "No \0Not backgrounding\0",
	['O'] = "Oversized packet\0",
	['P'] = "Port forwarding \0Premature \0Pubkey auth bad signature for \0",
	['R'] = "Running in background\0",
	['T'] = ("TCP forward failed\0Terminated by signal\0Timeout before auth\0Too many groups "
		 "for user \0"),
	['U'] = "User account \0",
	['c'] = "chdir\0chown\0",
	['i'] = "ioctl(\0",
	['l'] = "lastlog_\0login_init_entry\0",
	['o'] = "open /dev/tty failed\0",
	['p'] = "pam_\0premature exit\0pty_\0",
	['s'] = "setsid\0syslogin_\0",
	['u'] = "utmp_\0",
	['w'] = "wtmp_\0",
};

static enum said dropbear_parse(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct words w = {.record = record, .sessions = sessions, .event = ret};
	struct slice text = record->message;
	while (text.n && text.p[text.n - 1] == ' ')
		text.n--;
	if (text.n < 4)
		return SAID_UNKNOWN;
	char initial = (char)(*text.p | 0x20);
	for (size_t i = 0; i < countof(openings); i++) {
		w.text = slice_skip(text, 1);
		if (openings[i].initial == initial && cut_start(&w.text, openings[i].text))
			return openings[i].read(&w);
	}
	return starts_like_any(text, known) ? SAID_NOTHING : SAID_UNKNOWN;
}

/* "[123] Jan 01 12:00:00 text" */
static bool dropbear_line(struct stamps *stamps, struct slice line, int64_t now, struct record *ret)
{
	int64_t time;
	uint32_t pid;
	if (!cut_start(&line, SLICE("[")) || !cut_number(&line, &pid) ||
		!cut_start(&line, SLICE("] ")))
		return false;
	size_t n = stamp_read(stamps, line, now, &time);
	if (n == 0 || n == line.n || line.p[n] != ' ')
		return false;
	*ret = (struct record){.time = time,
		.program = SLICE("dropbear"),
		.pid = pid,
		.message = slice_skip(line, n + 1)};
	return true;
}

static bool dropbear_owns(struct slice program)
{
	return slice_eq(program, SLICE("dropbear"));
}

const struct format format_dropbear = {
	.name = "dropbear",
	.service = SERVICE_SSH,
	.initials = "d",
	.owns = dropbear_owns,
	.parse = dropbear_parse,
	.line = dropbear_line,
	.starts = LINE_BRACKET,
};
