/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes an auth.log of a host under attack: gen_auth LINES [SEED [BEGIN]] > auth.log
 * The lines are of the day that begins at BEGIN, seconds UTC.
 *
 * Connections are played as sshd logs them, line after line under one pid and
 * many at a time, between the lines of a machine's ordinary day. Few attackers
 * come often and many seldom. Same arguments, same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define OPEN  48         /* connections at a time */
#define BEGIN 1795219200 /* 2026-11-21T00:00:00Z */

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

/* $u: the name, $a: the address, $p: the port. A play is a connection's lines. */
static const char *const known[] = {"pam_unix(sshd:auth): authentication failure; logname= uid=0 "
				    "euid=0 tty=ssh ruser= rhost=$a  "
				    "user=$u",
	"Failed password for $u from $a port $p ssh2",
	"Failed password for $u from $a port $p ssh2",
	"Connection closed by authenticating user $u $a port $p [preauth]",
	"PAM 1 more authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=$a  user=$u",
	NULL};
static const char *const unknown[] = {"Invalid user $u from $a port $p",
	"pam_unix(sshd:auth): check pass; user unknown",
	"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
	"rhost=$a ",
	"Failed password for invalid user $u from $a port $p ssh2",
	"Received disconnect from $a port $p:11: Bye Bye [preauth]",
	"Disconnected from invalid user $u $a port $p [preauth]", NULL};
static const char *const scanner[] = {"Connection closed by $a port $p [preauth]", NULL};
static const char *const welcome[] = {"Accepted publickey for $u from $a port $p ssh2: ED25519 "
				      "SHA256:v3dpapGleDaUKf4V1vKyR9ZyUgjaJAmoCTcb2PLljIA",
	"pam_unix(sshd:session): session opened for user $u(uid=1000) by (uid=0)",
	"pam_unix(sshd:session): session closed for user $u", NULL};

struct connection {
	const char *const *line;
	const char *user;
	char address[16];
	unsigned pid, port;
};

static void open_connection(struct connection *c)
{
	static const char *const targets[] = {"root", "admin", "test", "ubuntu", "oracle", "git"};
	static const char *const people[] = {"alice", "bob", "carol"};
	unsigned kind = draw(100);
	/* every doubling of the number is as likely: low ones come often */
	uint32_t who = 1u << draw(16);
	who += draw(who);
	uint32_t a = 0x0b000000u + who * 2654435761u % 0x70000000u;
	c->line = kind < 45 ? known : kind < 80 ? unknown : kind < 90 ? scanner : welcome;
	c->user = c->line == welcome ? people[draw(3)]
		  : c->line == known ? "root"
				     : targets[draw(6)];
	if (c->line == welcome)
		a = 0x0a000000u | draw(250);
	(void)snprintf(c->address, sizeof(c->address), "%u.%u.%u.%u", a >> 24, a >> 16 & 255,
		a >> 8 & 255, a & 255);
	c->pid = 1000 + draw(4000000);
	c->port = 1024 + draw(64000);
}

static void say(const char *stamp, const struct connection *c)
{
	(void)printf("%s web01 sshd[%u]: ", stamp, c->pid);
	for (const char *text = *c->line; *text; text++) {
		if (*text != '$')
			(void)putchar(*text);
		else if (*++text == 'u')
			(void)fputs(c->user, stdout);
		else if (*text == 'a')
			(void)fputs(c->address, stdout);
		else
			(void)printf("%u", c->port);
	}
	(void)putchar('\n');
}

/* The rest of a machine's day: four lines in ten. */
static void say_other(const char *stamp)
{
	static const char *const lines[] = {
		"CRON[%u]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
		"CRON[%u]: pam_unix(cron:session): session closed for user root",
		"systemd-logind[%u]: New session 4242 of user alice.",
		"sudo[%u]:    alice : TTY=pts/1 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/true",
	};
	(void)printf("%s web01 ", stamp);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)printf(lines[draw(4)], 1000 + draw(60000));
#pragma GCC diagnostic pop
	(void)putchar('\n');
}

int main(int argc, char **argv)
{
	static struct connection open[OPEN];
	long lines = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	time_t begin = argc > 3 ? (time_t)strtoll(argv[3], NULL, 10) : BEGIN;
	for (int i = 0; i < OPEN; i++)
		open_connection(&open[i]);
	for (long n = 0; n < lines; n++) {
		char stamp[32];
		time_t now = begin + (time_t)(n * 86400 / lines);
		struct tm tm;
		(void)strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", gmtime_r(&now, &tm));
		if (draw(10) < 4) {
			say_other(stamp);
			continue;
		}
		struct connection *c = &open[draw(OPEN)];
		say(stamp, c);
		if (!*++c->line)
			open_connection(c);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
