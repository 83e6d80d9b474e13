/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sshd's lines: tests/cases/sshd/lines.txt, one line one meaning;
 * tests/cases/sshd/sessions.log, whole connections and how many logins failed in
 * them; and lines put together at random from what an attacker may choose.
 */
#include "base/util.h"
#include "case_files.h"
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- lines at random ---- */

static uint64_t random_state;

static unsigned draw(unsigned below)
{
	/* xorshift64*: the same lines in every run */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 2685821657736338717u) >> 33) % below;
}

static const char *const fragments[] = {"x", "root", " ", " from ", "6.6.6.6", "2600::6",
	" port 22", " ssh2", ":", ": ", " from 6.6.6.6 port 22 ssh2",
	" from 6.6.6.6 port 22 ssh2: ", " from 6.6.6.6", " from 6.6.6.6 via ", " 6.6.6.6 port 22",
	" [preauth]", "invalid user ", " not allowed because ", " (6.6.6.6)", " rhost=6.6.6.6",
	"  user=root", " ruser=", ")", ": Too many authentication failures",
	": Change of username or service not allowed",
	"Accepted password for root from 6.6.6.6 port 22 ssh2", " RSA SHA256:AAAABBBBCCCCDDDDEEEE",
	"from", "FROM 6.6.6.6", "\"", "3:", ": Auth fail", "]", "::", "%", "6.6.6.6:", "port",
	", client user \"", " ID ", " (serial 1) CA RSA SHA256:AAAABBBBCCCCDDDDEEEE"};

/* What an attacker may put into a name: cut to 100 bytes, as sshd does ("%.100s"). */
static const char *foreign(char text[static 101])
{
	size_t n = 0;
	for (unsigned parts = draw(7); parts > 0; parts--) {
		const char *f = fragments[draw(countof(fragments))];
		size_t length = MIN_OF(strlen(f), 100 - n);
		memcpy(text + n, f, length);
		n += length;
	}
	text[n] = '\0';
	return text;
}

/*
 * $1, $2: foreign text; $3: the peer. exact: the peer must be found, not only
 * nobody else.
 */
static const struct {
	const char *format;
	bool exact;
} templates[] = {
	{"Failed password for invalid user $1 from $3 port 50000 ssh2", true},
	{"Failed keyboard-interactive/pam for invalid user $1 from $3 port 50000 ssh2", true},
	{"Failed none for invalid user $1 from $3 port 50000 ssh2", true},
	{"Failed publickey for invalid user $1 from $3 port 50000 ssh2: RSA SHA256:v3dpapGleDaUKfV"
	 "1vKy",
		true},
	{"Failed publickey for invalid user $1 from $3 port 50000 ssh2: RSA-CERT SHA256:v3dpapGleDa"
	 "UKf ID $2 (serial 7) CA RSA SHA256:v3dpapGleDaUKfV1vKy",
		false},
	{"Failed hostbased for invalid user $1 from $3 port 50000 ssh2: RSA SHA256:v3dpapGleDaUKf, "
	 "client user \"$2\", client host \"$1\"",
		false},
	{"Failed hostbased for bob from $3 port 50000 ssh2: RSA SHA256:v3dpapGleDaUKf, client user "
	 "\"$2\", client host \"$1\"",
		false},
	{"Invalid user $1 from $3 port 50000", true},
	{"Invalid user $1 from $3", true},
	{"error: PAM: Authentication failure for illegal user $1 from $3", true},
	{"User $1 from $3 not allowed because not listed in AllowUsers", true},
	{"refused connect from $1 ($3)", true},
	{"error: maximum authentication attempts exceeded for invalid user $1 from $3 port 50000 "
	 "ssh2 [preauth]",
		true},
	{"Disconnecting invalid user $1 $3 port 50000: Too many authentication failures [preauth]",
		true},
	{"Disconnecting invalid user $1 $3 port 50000: Change of username or service not allowed: "
	 "($1,ssh-connection) -> ($2,x) [preauth]",
		false},
	{"error: Received disconnect from $3 port 50000:3: $1: Auth fail [preauth]", true},
	{"Received disconnect from $3 port 50000:11: $1 [preauth]", false},
	{"Connection closed by invalid user $1 $3 port 50000 [preauth]", false},
	{"Unable to negotiate with $3 port 50000: no matching cipher found. Their offer: $1",
		false},
	{"Bad protocol version identification '$1' from $3 port 50000", false},
	{"pam_sss(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
	 "rhost=$3 "
	 "user=$1",
		false},
	{"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser=$1 "
	 "rhost=$3  user=root",
		false},
	{"input_userauth_request: invalid user $1 [preauth]", false},
	{"User $1 not allowed because account is locked", false},
	{"ssh_dispatch_run_fatal: Connection from invalid user $1 $3 port 50000: $2", false},
	{"fatal: Timeout before authentication for $3 port 50000", false},
};

static const char *const peers[] = {
	"192.0.2.1", "198.51.100.77", "203.0.113.200", "2001:db8::a11:beef:7ac0"};

#define RANDOM_LINES 200000

/* A template with its $1, $2 and $3 filled in. */
static size_t expand(
	char *line, size_t size, const char *format, const char *const values[static 3])
{
	size_t n = 0;
	for (const char *f = format; *f && n < size; f++) {
		if (*f != '$') {
			line[n++] = *f;
			continue;
		}
		const char *value = values[*++f - '1'];
		size_t length = MIN_OF(strlen(value), size - n);
		memcpy(line + n, value, length);
		n += length;
	}
	return n;
}

/* Each peer has a pid of its own, so that lines also complete each other. */
static void foreign_text_names_nobody(void **state)
{
	(void)state;
	struct reader r;
	unsigned found = 0;
	random_state = 88172645463325252u;
	cases_reader(&r, CASES_NOW, "UTC");
	for (unsigned i = 0; i < RANDOM_LINES; i++) {
		char one[101], two[101], line[1024];
		unsigned who = draw(countof(peers)), what = draw(countof(templates));
		int n = snprintf(line, sizeof(line),
			"Nov 21 22:00:00 h sshd[%u]: ", 100 + (draw(3) ? who : 10 + i));
		n += (int)expand(line + n, sizeof(line) - 1 - (size_t)n, templates[what].format,
			(const char *const[]){foreign(one), foreign(two), peers[who]});
		line[n] = '\0';
		struct event e;
		struct addr peer;
		assert_true(addr_parse(slice_of(peers[who]), &peer));
		if (!reader_line(&r, (struct slice){line, (size_t)n}, &e)) {
			/* said before in this session, or pending */
			assert_true(!templates[what].exact || strstr(line, "Disconnecting"));
			continue;
		}
		if (e.has_src && !addr_eq(&e.src, &peer))
			fail_msg("another address: %s", line);
		if (templates[what].exact && !e.has_src)
			fail_msg("no address: %s", line);
		assert_int_equal(e.outcome, OUTCOME_FAILURE);
		found += e.has_src;
	}
	assert_true(found > RANDOM_LINES / 2);
	cases_done(&r);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {cmocka_unit_test(foreign_text_names_nobody)};
	int failed = case_files_lines("tests/cases/sshd/lines.txt", 90);
	failed += case_files_sessions("tests/cases/sshd/sessions.log", 25);
	return failed + cmocka_run_group_tests_name("random", tests, NULL, NULL) != 0;
}
