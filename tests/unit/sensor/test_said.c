/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of daemons that are read: which tell of a login, which are known to say nothing of
 * one, which nobody knows; and why one counts as it does.
 */
#include "base/util.h"
#include "cases.h"

#include <stdio.h>

#define SSHD     "Nov 21 22:00:00 h sshd[7]: "
#define DROPBEAR "Nov 21 22:00:00 h dropbear[7]: "
#define MARIADB  "2026-11-21 22:00:00 5 [Warning] "
#define XRDP     "[20261121-22:00:00] [INFO ] "
#define VSFTPD   "Sat Nov 21 22:00:00 2026 [pid 3] "
#define WINDOWS  "Nov 21 22:00:00 w Microsoft-Windows-Security-Auditing[644]: "
#define FAILED   "Failed password for bob from 192.0.2.1 port 5 ssh2"

/* why: a part of it; NULL: none is given. */
static const struct message_case {
	const char *before, *line;
	enum said said;
	const char *why;
} messages[] = {
	{NULL, SSHD FAILED, SAID_LOGIN, NULL},
	{NULL, SSHD "Failed password for bob", SAID_UNKNOWN, NULL},
	{NULL, SSHD "Failed to allocate internet-domain X11 display socket.", SAID_NOTHING, NULL},
	{NULL, SSHD "Server listening on 0.0.0.0 port 22.", SAID_NOTHING, NULL},
	{NULL, SSHD "error: kex_exchange_identification: read: Connection reset", SAID_NOTHING,
		NULL},
	{NULL, SSHD "fatal: Unable to negotiate with 192.0.2.1 port 5: no matching [preauth]",
		SAID_NOTHING, NULL},
	{NULL, SSHD "open \"/a\" flags READ mode 0666 [postauth]", SAID_NOTHING, NULL},
	{NULL, SSHD "Accepted key ED25519 SHA256:x found at /k:1", SAID_NOTHING, NULL},
	{NULL, SSHD "pam_unix(sshd:session): session opened for user bob", SAID_NOTHING, NULL},
	{NULL, SSHD "User bob is in a good mood", SAID_UNKNOWN, NULL},
	{NULL, SSHD "Login of bob from 192.0.2.1 refused", SAID_UNKNOWN, NULL},
	{NULL, SSHD "\xc3\xa9", SAID_UNKNOWN, NULL},
	{NULL, SSHD "Failed publickey for bob from 192.0.2.1 port 5 ssh2", SAID_NOTHING,
		"keys by themselves"},
	{NULL, SSHD "User bob not allowed because account is locked", SAID_NOTHING,
		"no address of its own"},
	{NULL,
		SSHD "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh "
		     "ruser= rhost=192.0.2.1  user=bob",
		SAID_NOTHING, "sshd has not judged yet"},
	{NULL, "Nov 21 22:00:00 h sshd: Failed publickey for bob from 192.0.2.1 port 5 ssh2",
		SAID_NOTHING, "has no pid"},
	{NULL, SSHD "Connection closed by 192.0.2.1 port 5 [preauth]", SAID_NOTHING,
		"no attempt was read"},
	{SSHD FAILED,
		SSHD "Connection closed by authenticating user bob 192.0.2.1 port 5 [preauth]",
		SAID_NOTHING, "counted before"},
	{SSHD "Failed publickey for bob from 192.0.2.1 port 5 ssh2",
		SSHD "Connection closed by authenticating user bob 192.0.2.1 port 5 [preauth]",
		SAID_LOGIN, "earlier lines of this connection left open"},
	{SSHD FAILED, SSHD "PAM 1 more authentication failure; rhost=192.0.2.1  user=bob",
		SAID_NOTHING, "PAM's sum"},
	{SSHD "error: PAM: Authentication failure for bob from 192.0.2.1",
		SSHD "Failed keyboard-interactive/pam for bob from 192.0.2.1 port 5 ssh2",
		SAID_LOGIN, "said the same attempt before"},
	{NULL, SSHD "Connection from 192.0.2.1 port 5 on 192.0.2.9 port 22", SAID_NOTHING,
		"a connection begins"},
	{NULL, SSHD "message repeated 3 times: [ " FAILED "]", SAID_LOGIN, "once for all"},

	{NULL, DROPBEAR "Bad password attempt for 'bob' from 192.0.2.1:5", SAID_LOGIN, NULL},
	{NULL, DROPBEAR "Bad password attempt by bob", SAID_UNKNOWN, NULL},
	{NULL, DROPBEAR "Child connection from 192.0.2.1:5", SAID_NOTHING, "a connection begins"},
	{NULL, DROPBEAR "Exit before auth from <192.0.2.1:5>: Exited normally", SAID_NOTHING,
		"without a failed attempt"},
	{NULL, DROPBEAR "Exit (bob) from <192.0.2.1:5>: Disconnect received", SAID_NOTHING, NULL},
	{NULL,
		DROPBEAR
		"Pubkey auth succeeded for 'bob' with ssh-rsa key x from 192.0.2.1:5, extra "
		"auth required",
		SAID_NOTHING, "half a login"},
	{NULL, DROPBEAR "Login of bob refused", SAID_UNKNOWN, NULL},

	{NULL, MARIADB "Access denied for user 'bob'@'192.0.2.1' (using password: YES)", SAID_LOGIN,
		NULL},
	{NULL, MARIADB "Access denied for user 'bob'@'192.0.2.1' (using passkey: YES)",
		SAID_UNKNOWN, NULL},
	{NULL, MARIADB "Access denied: bob", SAID_UNKNOWN, NULL},
	{NULL, MARIADB "Access denied for user 'bob'@'192.0.2.1' to database 'x'", SAID_NOTHING,
		"the password was right"},
	{NULL, MARIADB "Aborted connection 5 to db: 'x' user: 'b' host: 'h' (Got an error)",
		SAID_NOTHING, "a connection was lost"},
	{NULL, MARIADB "InnoDB: whatever there is to say", SAID_NOTHING, NULL},

	{NULL, XRDP "AUTHFAIL: user=bob ip=192.0.2.1 time=1", SAID_LOGIN, NULL},
	{NULL, XRDP "AUTHFAIL: bob", SAID_UNKNOWN, NULL},
	{NULL, XRDP "Username or password error for user: bob", SAID_NOTHING, NULL},
	{NULL, XRDP "Nobody knows this", SAID_UNKNOWN, NULL},
	{NULL, XRDP "++ created session: username bob, ip 192.0.2.1", SAID_LOGIN, NULL},
	{NULL,
		"Nov 21 22:00:00 h xrdp-sesman[7]: pam_unix(xrdp-sesman:auth): authentication "
		"failure; logname= uid=0 euid=0 tty=xrdp-sesman ruser= rhost=  user=bob",
		SAID_NOTHING, "AUTHFAIL follows"},

	{NULL, VSFTPD "[bob] FAIL LOGIN: Client \"192.0.2.1\"", SAID_LOGIN, NULL},
	{NULL, VSFTPD "[bob] FAIL LOGIN: Client \"192.0.2.1", SAID_UNKNOWN, NULL},
	{NULL, VSFTPD "[bob] FAIL LOGIN: Client \"192.0.2.1\", \"x\" y\"", SAID_NOTHING,
		"not believed"},
	{NULL, VSFTPD "CONNECT: Client \"192.0.2.1\"", SAID_NOTHING, NULL},
	{NULL, VSFTPD "bob could not log in", SAID_UNKNOWN, NULL},
	{NULL, "Nov 21 22:00:00 h vsftpd[7]: pam_unix(vsftpd:auth): check pass; user unknown",
		SAID_NOTHING, NULL},

	{NULL,
		WINDOWS
		"A connection from the client computer with an IP address of 192.0.2.1 failed "
		"because the user name or password is not correct.",
		SAID_LOGIN, NULL},
	{NULL, WINDOWS "An account failed to log on. Logon Type: 2 Account For Which Logon Failed:",
		SAID_NOTHING, "another type"},
	{NULL, WINDOWS "An account failed to log on. Why?", SAID_UNKNOWN, NULL},
	{NULL, WINDOWS "A new process has been created.", SAID_NOTHING, "another event"},
	{NULL, WINDOWS "Fehler beim Anmelden eines Kontos.", SAID_UNKNOWN, NULL},
	{NULL, WINDOWS "4688: AUDIT_SUCCESS Ein neuer Prozess wurde erstellt.", SAID_NOTHING,
		"another event"},
	{NULL, WINDOWS "4625: AUDIT_FAILURE Fehler beim Anmelden eines Kontos.", SAID_UNKNOWN,
		NULL},
	{NULL, "{\"EventTime\":\"2026-11-21 22:00:00\",\"EventID\":4688,\"SourceName\":\"x\"}",
		SAID_NOTHING, "another event"},
	{NULL, "{\"EventTime\":\"2026-11-21 22:00:00\",\"EventID\":4625,\"SourceName\"}",
		SAID_UNKNOWN, NULL},
};

static void message_says(void **state)
{
	const struct message_case *c = *state;
	struct reader r;
	struct event e;
	cases_reader(&r, CASES_NOW, "UTC");
	if (c->before)
		(void)reader_line(&r, slice_of(c->before), &e);
	struct reader_stats before = r.stats;
	bool event = reader_line(&r, slice_of(c->line), &e);
	const char *why = r.latest.why;
	assert_true(r.latest.service != SERVICE_NONE);
	assert_int_equal(r.latest.said, c->said);
	assert_int_equal(event, c->said == SAID_LOGIN);
	assert_int_equal(r.stats.messages - before.messages, 1);
	assert_int_equal(r.stats.unknown - before.unknown, c->said == SAID_UNKNOWN);
	if (!c->why)
		assert_null(why);
	else if (!why || !strstr(why, c->why))
		fail_msg("%s", why ? why : "no reason");
	cases_done(&r);
}

/* What nobody reads, or not here, is no message. */
static void others_are_not_counted(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"Nov 21 22:00:00 h CRON[7]: whatever", "no header", DROPBEAR "whatever"};
	struct reader r;
	struct event e;
	cases_reader(&r, CASES_NOW, "UTC");
	r.services = SERVICE_BIT(SERVICE_MYSQL);
	for (size_t i = 0; i < countof(lines); i++) {
		assert_false(reader_line(&r, slice_of(lines[i]), &e));
		assert_int_equal(r.latest.service, SERVICE_NONE);
	}
	assert_int_equal(r.stats.messages, 0);
	assert_int_equal(r.stats.unknown, 0);
	cases_done(&r);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	static char names[countof(messages)][16];
	const char *name[countof(messages)];
	void *states[countof(messages)];
	for (size_t i = 0; i < countof(messages); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "message %zu", i + 1);
		name[i] = names[i];
		states[i] = (void *)(uintptr_t)&messages[i];
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(others_are_not_counted)};
	int failed = cases_run("messages", name, states, countof(messages), message_says);
	return failed + cmocka_run_group_tests_name("others", tests, NULL, NULL) != 0;
}
