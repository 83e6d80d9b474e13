/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whoever attacks chooses names, passwords and more that daemons write down. Lines of
 * all formats are put together at random from a daemon's own words ($3 is the true
 * peer) and foreign text ($1, $2), which is made of pieces of those same words, of
 * addresses, and of any bytes. No address but the peer's may ever come out.
 *
 * A line break is not among the bytes: a daemon that writes one writes two lines. Logs of
 * daemons that do so are read with them: there nothing may be believed alone.
 *
 * PROPERTY_LINES: how many lines (100000). PROPERTY_SEED: another series.
 */
#include "base/util.h"
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state;

static unsigned draw(unsigned below)
{
	/* xorshift64*: the same lines in every run */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 2685821657736338717u) >> 33) % below;
}

/* exact: the peer must be found, not only nobody else. */
struct template
{
	const char *text;
	bool exact;
};

struct grammar {
	const char *name;
	const char *prefixes[4]; /* $p: a pid, mostly the peer's own; $h: its number */
	const struct template *templates;
	size_t template_count;
	const char *const *pieces;
	size_t piece_count;
	size_t longest; /* of foreign text, as the daemon cuts it */
	bool json;      /* foreign text is escaped */
};

/* In the names of every service. */
static const char *const common[] = {"x", "root", " ", "6.6.6.6", "2600::6", ":", ": ", "'", "\"",
	"]", "[", "(", ")", ",", "=", "%", "\\", "\t", "user", "6.6.6.6:22", "::ffff:6.6.6.6",
	"Nov 21 22:00:00 h sshd[1]: Failed password for root from 6.6.6.6 port 22 ssh2"};

/* --- sshd --- */

static const char *const sshd_pieces[] = {"x", "root", " ", " from ", "6.6.6.6", "2600::6",
	" port 22", " ssh2", ":", ": ", " from 6.6.6.6 port 22 ssh2",
	" from 6.6.6.6 port 22 ssh2: ", " from 6.6.6.6", " from 6.6.6.6 via ", " 6.6.6.6 port 22",
	" [preauth]", "invalid user ", " not allowed because ", " (6.6.6.6)", " rhost=6.6.6.6",
	"  user=root", " ruser=", ")", ": Too many authentication failures",
	": Change of username or service not allowed",
	"Accepted password for root from 6.6.6.6 port 22 ssh2", " RSA SHA256:AAAABBBBCCCCDDDDEEEE",
	"from", "FROM 6.6.6.6", "\"", "3:", ": Auth fail", "]", "::", "%", "6.6.6.6:", "port",
	", client user \"", " ID ", " (serial 1) CA RSA SHA256:AAAABBBBCCCCDDDDEEEE"};

static const struct template sshd_templates[] = {
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

/* --- MySQL, MariaDB --- */

static const char *const mysqld_pieces[] = {"'@'", "'@'6.6.6.6'", "' (using password: YES)",
	"' (using password: NO)", "'@'6.6.6.6' (using password: NO)", "' to database '",
	"'. Account is locked.", "Access denied for user '", " [Warning] ", "[Note] ",
	"2026-11-21 22:00:00 5 [Warning] Access denied for user 'x'@'6.6.6.6'", "@", "''"};

static const struct template mysqld_templates[] = {
	{"Access denied for user '$1'@'$3' (using password: YES)", true},
	{"Access denied for user '$1'@'$3' (using password: NO)", true},
	{"Access denied for user '$1'@'$3'", false},
	{"Access denied for user '$1'@'$3'. Account is locked.", false},
	{"Access denied for user '$1'@'$3' to database '$2'", false},
	{"Access denied for user '$1'@'db.example' (using password: YES)", false},
	{"Aborted connection 5 to db: '$1' user: '$2' host: '$3' (Got an error)", false},
};

/* --- xrdp --- */

static const char *const xrdp_pieces[] = {" ip=", " ip=6.6.6.6", " ip=6.6.6.6 time=1",
	" time=", " time=1", "AUTHFAIL: user=", "[INFO ] ",
	" - socket: ", " ip=6.6.6.6:1 - socket: 12", ", ip ", ", ip 6.6.6.6", "username ",
	"[20261121-12:11:06] [INFO ] AUTHFAIL: user=", "++ created session: username ",
	" rhost=6.6.6.6", "  user=root"};

static const struct template xrdp_templates[] = {
	{"[INFO ] AUTHFAIL: user=$1 ip=$3 time=1795263066", true},
	{"[INFO ] [pid:7 tid:9] AUTHFAIL: user=$1 ip=$3 time=1795263066", true},
	{"[INFO ] AUTHFAIL: user=$1 ip=unknown time=1795263066", false},
	{"[INFO ] ++ created session: username $1, ip $3", false},
	{"[INFO ] login failed for user $1", false},
	{"pam_unix(xrdp-sesman:auth): authentication failure; logname= uid=0 euid=0 "
	 "tty=xrdp-sesman ruser=$1 rhost=$3  user=$2",
		false},
};

/* --- vsftpd --- */

static const char *const vsftpd_pieces[] = {"] FAIL LOGIN: Client \"", ": Client \"", "FAIL LOGIN",
	"] FAIL LOGIN: Client \"6.6.6.6\"", "] FAIL LOGIN: Client \"6.6.6.6", "\", \"",
	"] FAIL LOGIN: Client \"6.6.6.6\", \"y", "] OK LOGIN: Client \"6.6.6.6\"",
	", anon password \"", "ftp] FAIL LOGIN: Client \"6.6.6.6\", anon password \"",
	" FTP command: Client \"6.6.6.6\"", "ftp", "anonymous", "[pid 3] ", "[x] ",
	" rhost=6.6.6.6", "  user=root"};

static const struct template vsftpd_templates[] = {
	{"[$1] FAIL LOGIN: Client \"$3\"", false},
	{"[$1] FAIL LOGIN: Client \"$3\", \"User is not in the allow user list.\"", false},
	{"[ftp] FAIL LOGIN: Client \"$3\", anon password \"$1\"", false},
	{"[ftp] OK LOGIN: Client \"$3\", anon password \"$1\"", false},
	{"FTP command: Client \"$3\", \"USER $1\"", false},
	{"[$1] FTP command: Client \"$3\", \"PASS <password>\"", false},
	{"[$1] FTP command: Client \"$3\", \"SITE $2\"", false},
	{"[$1] FTP response: Client \"$3\", \"530 Login incorrect.\"", false},
	{"[bob] OK DOWNLOAD: Client \"$3\", \"/$1\", 3 bytes, 0.10Kbyte/sec", false},
	{"[bob] FAIL MKDIR: Client \"$3\", \"/$1\"", false},
	{"pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=$1 "
	 "rhost=$3 ",
		false},
	{"pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=$1 "
	 "rhost=$3  user=$1",
		false},
};

/* --- Dropbear --- */

static const char *const dropbear_pieces[] = {" from ", "' from 6.6.6.6:22", " from 6.6.6.6:22",
	" from <6.6.6.6:22>", "', 3 fails)", "Max auth tries reached - user '", "(user '",
	">: ", "Bad password attempt for '", "' with ", "[1] Nov 21 22:00:00 "};

static const struct template dropbear_templates[] = {
	{"Bad password attempt for '$1' from $3:50000", true},
	{"Bad PAM password attempt for '$1' from $3:50000", true},
	{"Login attempt for nonexistent user from $3:50000", true},
	{"Login attempt for nonexistent user '$1' from $3:50000", true},
	{"Exit before auth from <$3:50000>: (user '$1', 3 fails): Exited normally", false},
	{"Exit before auth from <$3:50000>: Max auth tries reached - user '$1'", false},
	{"Exit before auth from <$3:50000>: $1", false},
	{"Exit before auth (user '$1', 3 fails): Max auth tries reached - user '$1' from "
	 "$3:50000",
		false},
	{"Pubkey auth succeeded for '$1' with ssh-rsa key SHA256:x from $3:50000", true},
	{"Child connection from $3:50000", false},
};

/* --- Windows --- */

static const char *const windows_pieces[] = {"\",\"IpAddress\":\"6.6.6.6",
	"\"IpAddress\":\"6.6.6.6\"", "\"TargetUserName\":\"", "{\"", "\"}",
	"Source Network Address: 6.6.6.6", " Source Network Address: 6.6.6.6 Source Port: 1 ",
	"Source Port: 1", "Logon Type: 2 ",
	"Account Name: ", "Account Domain: ", "\tSource Network Address:\t6.6.6.6\t",
	"An account failed to log on. ", "\tAn account failed to log on. Logon Type: 3 ",
	" from client 6.6.6.6:50000.", "\"@timestamp\":\"2020-01-01T00:00:00Z\"", "4625",
	"RdpCoreTS", "MSWinEventLog\t1\tSecurity\t1\tx\t4625\t"};

static const struct template json_templates[] = {
	{"{\"@timestamp\":\"2026-11-21T22:00:00.000Z\",\"winlog\":{\"event_id\":\"4625\","
	 "\"provider_name\":\"Microsoft-Windows-Security-Auditing\",\"computer_name\":\"w$h\","
	 "\"event_data\":{\"TargetUserName\":\"$1\",\"LogonType\":\"3\",\"WorkstationName\":\"$2\","
	 "\"IpAddress\":\"$3\",\"IpPort\":\"0\"}},\"message\":\"$1 $2\"}",
		true},
	{"{\"message\":\"$2\",\"@timestamp\":\"2026-11-21T22:00:00.000Z\",\"winlog\":{\"event_"
	 "data\":{"
	 "\"IpAddress\":\"$3\",\"TargetUserName\":\"$1\",\"LogonType\":\"3\"},\"event_id\":4625,"
	 "\"provider_name\":\"Microsoft-Windows-Security-Auditing\",\"computer_name\":\"w$h\"}}",
		true},
	{"{\"EventTime\":\"2026-11-21 "
	 "22:00:00\",\"Hostname\":\"w$h\",\"EventID\":4625,\"SourceName\":"
	 "\"Microsoft-Windows-Security-Auditing\",\"Message\":\"$1\",\"TargetUserName\":\"$2\","
	 "\"LogonType\":\"10\",\"IpAddress\":\"$3\"}",
		true},
	{"{\"EventTime\":\"2026-11-21 "
	 "22:00:00\",\"Hostname\":\"w$h\",\"EventID\":4625,\"SourceName\":"
	 "\"Microsoft-Windows-Security-Auditing\",\"Message\":\"$1\",\"TargetUserName\":\"$2\","
	 "\"LogonType\":\"3\",\"IpAddress\":\"-\"}",
		false},
	{"{\"EventTime\":\"2026-11-21 "
	 "22:00:00\",\"Hostname\":\"w$h\",\"EventID\":131,\"SourceName\":"
	 "\"Microsoft-Windows-RemoteDesktopServices-RdpCoreTS\",\"ClientIP\":\"[$3]:50000\"}",
		false},
	{"{\"EventTime\":\"2026-11-21 "
	 "22:00:00\",\"Hostname\":\"w$h\",\"EventID\":140,\"SourceName\":"
	 "\"Microsoft-Windows-RemoteDesktopServices-RdpCoreTS\",\"IPString\":\"$3\"}",
		true},
	{"{\"EventTime\":\"2026-11-21 "
	 "22:00:00\",\"Hostname\":\"w$h\",\"EventID\":4688,\"SourceName\":"
	 "\"Microsoft-Windows-Security-Auditing\",\"CommandLine\":\"$1\",\"TargetUserName\":\"$"
	 "2\"}",
		false},
};

#define LOGON_TEXT                                                                                 \
	"An account failed to log on. Subject: Security ID: S-1-0-0 Account Name: - Account "      \
	"Domain: - Logon ID: 0x0 Logon Type: 3 Account For Which Logon Failed: Security ID: "      \
	"S-1-0-0 Account Name: $1 Account Domain: $2 Failure Information: Status: 0xC000006D "     \
	"Network Information: Workstation Name: $2 Source Network Address: $3 Source Port: 50000 " \
	"Detailed Authentication Information: Logon Process: NtLmSsp Key Length: 0"

static const struct template text_templates[] = {
	{"Nov 21 22:00:00 w$h Microsoft-Windows-Security-Auditing[644]: " LOGON_TEXT, true},
	{"Nov 21 22:00:00 w$h Security-Auditing: 4625: AUDIT_FAILURE " LOGON_TEXT, true},
	{"Nov 21 22:00:00 w$h MSWinEventLog\t1\tSecurity\t7\tSat Nov 21 22:00:00 2026\t4625\t"
	 "Microsoft-Windows-Security-Auditing\tCORP\\$1\tN/A\tFailure "
	 "Audit\tw$h\tLogon\t\t" LOGON_TEXT,
		false},
	{"Nov 21 22:00:00 w$h MSWinEventLog\t1\tSecurity\t7\tSat Nov 21 22:00:00 2026\t4688\t"
	 "Microsoft-Windows-Security-Auditing\tCORP\\$1\tN/A\tSuccess Audit\tw$h\tProcess\t\tA new "
	 "process has been created. Process Command Line: $2",
		false},
};

#define SYSLOG(program) "Nov 21 22:00:00 h " program "[$p]: "
#define GRAMMAR(name_, words)                                                                      \
	.name = (name_), .templates = words##_templates,                                           \
	.template_count = countof(words##_templates)
#define PIECES(words) .pieces = words##_pieces, .piece_count = countof(words##_pieces)

static const struct grammar grammars[] = {
	{GRAMMAR("sshd", sshd), PIECES(sshd), .longest = 100, .prefixes = {SYSLOG("sshd")}},
	{GRAMMAR("mysqld", mysqld), PIECES(mysqld), .longest = 128,
		.prefixes = {"2026-11-21 22:00:00 5 [Warning] ",
			"2026-11-21T22:00:00.123456Z 6 [Note] [MY-010926] [Server] ",
			"261121  2:00:00 [Warning] ",
			SYSLOG("mariadbd") "2026-11-21 22:00:00 5 [Warning] "}},
	{GRAMMAR("xrdp", xrdp), PIECES(xrdp), .longest = 256,
		.prefixes = {"[20261121-22:00:00] ", "[2026-11-21T22:00:00.065+0100] ",
			SYSLOG("xrdp-sesman")}},
	{GRAMMAR("vsftpd", vsftpd), PIECES(vsftpd), .longest = 128,
		.prefixes = {"Sat Nov 21 22:00:00 2026 [pid $p] ", SYSLOG("vsftpd")}},
	{GRAMMAR("dropbear", dropbear), PIECES(dropbear), .longest = 100,
		.prefixes = {SYSLOG("dropbear"), "[$p] Nov 21 22:00:00 "}},
	{GRAMMAR("windows, JSON", json), PIECES(windows), .longest = 200, .json = true,
		.prefixes = {"", "Nov 21 22:00:00 h Microsoft-Windows-Security-Auditing[644]: "}},
	{GRAMMAR("windows, text", text), PIECES(windows), .longest = 200, .prefixes = {""}},
};

static const char *const peers[] = {
	"192.0.2.1", "198.51.100.77", "203.0.113.200", "2001:db8::a11:beef:7ac0"};

struct text {
	char bytes[4096];
	size_t n;
};

static void put(struct text *t, const char *bytes, size_t n)
{
	n = MIN_OF(n, sizeof(t->bytes) - t->n);
	memcpy(t->bytes + t->n, bytes, n);
	t->n += n;
}

static void put_random(struct text *t, const struct grammar *g)
{
	for (unsigned n = 1 + draw(6); n > 0; n--) {
		char c = (char)draw(g->json ? 127 : 255);
		if (c != '\n')
			put(t, &c, 1);
	}
}

static void foreign(const struct grammar *g, struct text *t)
{
	t->n = 0;
	for (unsigned parts = draw(7); parts > 0; parts--) {
		unsigned kind = draw(10);
		if (kind == 0) {
			put_random(t, g);
			continue;
		}
		const char *piece = kind < 4 ? common[draw(countof(common))]
					     : g->pieces[draw((unsigned)g->piece_count)];
		put(t, piece, strlen(piece));
	}
	t->n = MIN_OF(t->n, g->longest);
}

/* As a writer of JSON does it. */
static void put_escaped(struct text *t, const struct text *value)
{
	for (size_t i = 0; i < value->n; i++) {
		char c = value->bytes[i], code[8];
		if (c == '"' || c == '\\')
			put(t, "\\", 1);
		if ((unsigned char)c >= 0x20) {
			put(t, &c, 1);
			continue;
		}
		(void)snprintf(code, sizeof(code), "\\u%04x", (unsigned char)c);
		put(t, code, strlen(code));
	}
}

struct values {
	struct text foreign[2];
	const char *peer;
	char pid[16], host[16];
};

static void expand(
	struct text *line, const struct grammar *g, const char *format, const struct values *values)
{
	for (const char *f = format; *f; f++) {
		if (*f != '$') {
			put(line, f, 1);
			continue;
		}
		const struct text *text = &values->foreign[*++f == '2'];
		if (*f == '3')
			put(line, values->peer, strlen(values->peer));
		else if (*f == 'p')
			put(line, values->pid, strlen(values->pid));
		else if (*f == 'h')
			put(line, values->host, strlen(values->host));
		else if (g->json)
			put_escaped(line, text);
		else
			put(line, text->bytes, text->n);
	}
}

static const char *draw_prefix(const struct grammar *g)
{
	unsigned n = 0;
	while (n < countof(g->prefixes) && g->prefixes[n])
		n++;
	return g->prefixes[draw(n)];
}

/* What sshd said before in this session, or what is pending, says nothing by itself. */
static bool may_be_silent(const struct template *t)
{
	return !t->exact || strstr(t->text, "Disconnecting");
}

/* True: it was an event with an address. */
static bool read_one(struct reader *r, const struct text *line, const struct template *t,
	const struct addr *peer)
{
	struct event e;
	if (!reader_line(r, (struct slice){line->bytes, line->n}, &e)) {
		if (!may_be_silent(t))
			fail_msg("nothing: %.*s", (int)line->n, line->bytes);
		return false;
	}
	/* what ends like a message may be the end of one */
	bool rest = e.forgeable && !t->exact && e.user.p == NULL;
	if (e.has_src && !addr_eq(&e.src, peer) && !rest)
		fail_msg("another address: %.*s", (int)line->n, line->bytes);
	if (t->exact && !e.has_src)
		fail_msg("no address: %.*s", (int)line->n, line->bytes);
	return e.has_src;
}

/* Each peer has a pid and a host of its own, so that lines also complete each other. */
static unsigned read_lines(const struct grammar *g, unsigned lines)
{
	static struct values values;
	static struct text line;
	struct reader r;
	unsigned found = 0;
	cases_reader(&r, CASES_NOW, "UTC");
	struct reader syslog = r; /* another file than the daemon's own */
	for (unsigned i = 0; i < lines; i++) {
		const struct template *t = &g->templates[draw((unsigned)g->template_count)];
		unsigned who = draw(countof(peers));
		struct addr peer;
		assert_true(addr_parse(slice_of(peers[who]), &peer));
		values.peer = peers[who];
		(void)snprintf(
			values.pid, sizeof(values.pid), "%u", 100 + (draw(3) ? who : 10 + i));
		(void)snprintf(values.host, sizeof(values.host), "%u", who);
		foreign(g, &values.foreign[0]);
		foreign(g, &values.foreign[1]);
		line.n = 0;
		expand(&line, g, draw_prefix(g), &values);
		expand(&line, g, t->text, &values);
		found += read_one(
			(unsigned)(*line.bytes - 'A') <= 25 ? &syslog : &r, &line, t, &peer);
	}
	cases_done(&r);
	return found;
}

static unsigned number_of(const char *name, unsigned otherwise)
{
	const char *value = getenv(name);
	unsigned long n = value ? strtoul(value, NULL, 10) : 0;
	return n > 0 && n <= UINT32_MAX ? (unsigned)n : otherwise;
}

/* --- logs in which a client's line breaks stand as they came --- */

#define STAMP (CASES_NOW - 90 * MS_MINUTE) /* 22:00:00 */

static const char *const broken_pieces[] = {"\n", "\n", "\n", "\r\n", "'@'6.6.6.6'",
	"'@'6.6.6.6' (using password: NO)", "' (using password: YES)", "' to database '",
	"Access denied for user '", "2026-11-21 22:00:00 6 [Warning] Access denied for user '",
	"2026-11-21 22:00:09 7 [Warning] Access denied for user '",
	"2026-11-21 21:00:00 7 [Warning] Access denied for user '", "2020-01-01 00:00:00 [Note] ",
	"261121 22:00:00 [Note] Access denied for user '", "261121 22:00:00 [Note] ",
	"2026-11-21T22:00:00Z 5 [Note] Access denied for user '", "[20200101-00:00:00] [INFO ] ",
	"[20261121-22:00:00] [INFO ",
	"[20261121-22:00:00] [INFO ] AUTHFAIL: user=", "++ created session: username x, ip 6.6.6.6",
	" ip=", "ip=6.6.6.6 time=1",
	"Nov 21 22:00:00 h mysqld: Access denied for user 'x'@'6.6.6.6'\n",
	"[20261121-22:00:00] [INFO ] AUTHFAIL: user=x ip=6.6.6.6 time=1\n",
	"Nov 21 22:00:00 h sshd[1]: Invalid user a from 6.6.6.6\n",
	"Nov 21 22:00:00 h xrdp-sesman[1]: [INFO ] AUTHFAIL: user=x ",
	"Nov 21 22:00:00 h sshd[1]: Invalid user a from 6.6.6.6", "message repeated 9 times: [ "};

struct broken {
	struct grammar names;
	const char *heads[4], *before, *endings[2]; /* address between before and ending */
	enum service service;
};

static const struct broken broken[] = {
	{{.name = "mysqld, line breaks", PIECES(broken), .longest = 128},
		{"2026-11-21 22:00:00 5 [Warning] Access denied for user '",
			"2026-11-21 22:00:00 139845235329792 [Warning] Access denied for user '",
			"261121 22:00:00 [Warning] Access denied for user '",
			"2026-11-21T22:00:00.000000Z 6 [Note] Access denied for user '"},
		"'@'", {"' (using password: YES)\n", "' (using password: NO)\n"}, SERVICE_MYSQL},
	{{.name = "xrdp, line breaks", PIECES(broken), .longest = 256},
		{"[20261121-22:00:00] [INFO ] AUTHFAIL: user=",
			"[20261121-22:00:00] [INFO ] [pid:7 tid:9] AUTHFAIL: user=",
			"[2026-11-21T22:00:00.065+0000] [INFO ] AUTHFAIL: user=",
			"[20261121-22:00:00] [INFO ] AUTHFAIL: user="},
		" ip=", {" time=1795298400\n", " time=1 \n"}, SERVICE_RDP},
};

struct told {
	const struct text *text;
	const struct broken *by;
	struct addr last;
	bool has_last;
	unsigned events;
};

static int judge(void *ctx, const struct event *e)
{
	struct told *s = ctx;
	s->events++;
	if (!e->forgeable)
		fail_msg("believed: %.*s", (int)s->text->n, s->text->bytes);
	s->has_last = e->has_src && e->outcome == OUTCOME_FAILURE && e->service == s->by->service &&
		      e->time >= STAMP && e->repeat == 1;
	s->last = e->src;
	return 0;
}

/* Nothing of it is believed alone, and each message counts for its peer: no name hides him. */
static void line_breaks_hide_nobody(void **state)
{
	const struct broken *by = *state;
	static struct text text, name;
	unsigned messages = number_of("PROPERTY_LINES", 100000) / 8 + 1, more = 0;
	struct reader r;
	random_state = 88172645463325252u + number_of("PROPERTY_SEED", 0) * 0x9e3779b97f4a7c15u;
	cases_reader(&r, STAMP + MS_SECOND, "UTC");
	for (unsigned i = 0; i < messages; i++) {
		const char *peer = peers[draw(countof(peers))], *head = by->heads[draw(4)];
		const char *ending = by->endings[draw(2)];
		struct told said = {.text = &text, .by = by};
		struct addr address;
		assert_true(addr_parse(slice_of(peer), &address));
		text.n = 0;
		foreign(&by->names, &name);
		put(&text, head, strlen(head));
		put(&text, name.bytes, name.n);
		put(&text, by->before, strlen(by->before));
		put(&text, peer, strlen(peer));
		put(&text, ending, strlen(ending));
		struct slice lines = {text.bytes, text.n};
		assert_int_equal(reader_lines(&r, lines, judge, &said), 0);
		if (!said.has_last || !addr_eq(&said.last, &address))
			fail_msg("hidden: %.*s", (int)text.n, text.bytes);
		more += said.events > 1;
	}
	assert_true(more > messages / 50); /* forged ones were among them */
	cases_done(&r);
}

static void foreign_text_names_nobody(void **state)
{
	const struct grammar *g = *state;
	unsigned lines = number_of("PROPERTY_LINES", 100000) / countof(grammars) + 1;
	random_state = 88172645463325252u + number_of("PROPERTY_SEED", 0) * 0x9e3779b97f4a7c15u;
	assert_true(read_lines(g, lines) > lines / 5);
}

int main(void)
{
	static const char *names[countof(grammars)];
	static void *states[countof(grammars)];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	for (size_t i = 0; i < countof(grammars); i++) {
		names[i] = grammars[i].name;
		states[i] = (void *)(uintptr_t)&grammars[i];
	}
	int failed =
		cases_run("injection", names, states, countof(grammars), foreign_text_names_nobody);
	for (size_t i = 0; i < countof(broken); i++) {
		names[i] = broken[i].names.name;
		states[i] = (void *)(uintptr_t)&broken[i];
	}
	failed += cases_run("line breaks", names, states, countof(broken), line_breaks_hide_nobody);
	return failed != 0;
}
