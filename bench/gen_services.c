/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the log of another service under attack: gen_services NAME LINES > log
 *
 * Six lines in ten are failed logins, the others what the daemon says besides. Few
 * attackers come often and many seldom. Same arguments, same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BEGIN 1795219200 /* 2026-11-21T00:00:00Z */

static uint64_t state = 1;

static uint32_t draw(uint32_t below)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

/* $t: the stamp, $u: the name, $a: the address, $n: a number (pid, thread, port). */
static const struct log {
	const char *name, *stamp;
	const char *failed[2], *other[3];
} logs[] = {
	{"mysqld", "%Y-%m-%d %H:%M:%S",
		{"$t $n [Warning] Access denied for user '$u'@'$a' (using password: YES)",
			"$t $n [Warning] Access denied for user '$u'@'$a' (using password: NO)"},
		{"$t $n [Warning] Aborted connection $n to db: 'unconnected' user: "
		 "'unauthenticated' host: '$a' (This connection closed normally without "
		 "authentication)",
			"$t 0 [Note] InnoDB: page_cleaner: 1000ms intended loop took 4711ms.",
			"$t 0 [ERROR] mariadbd: Table './shop/orders' is marked as crashed"}},
	{"mysqld-8", "%Y-%m-%dT%H:%M:%S.123456Z",
		{"$t $n [Note] [MY-010926] [Server] Access denied for user '$u'@'$a' (using "
		 "password: YES)",
			"$t $n [Note] [MY-010926] [Server] Access denied for user '$u'@'$a' (using "
			"password: NO)"},
		{"$t $n [Note] [MY-010914] [Server] Aborted connection $n to db: 'unconnected' "
		 "user: "
		 "'unauthenticated' host: '$a' (Got an error reading communication packets).",
			"$t 0 [System] [MY-010931] [Server] ready for connections. Version: "
			"'8.0.43'",
			"$t 0 [Warning] [MY-010068] [Server] CA certificate ca.pem is self "
			"signed."}},
	{"mysqld-syslog", "%b %e %H:%M:%S",
		{"$t db01 mariadbd[812]: 2026-11-21 22:00:00 $n [Warning] Access denied for user "
		 "'$u'@'$a' (using password: YES)",
			"$t db01 mariadbd[812]: 2026-11-21 22:00:00 $n [Warning] Access denied for "
			"user '$u'@'$a' (using password: NO)"},
		{"$t db01 mariadbd[812]: 2026-11-21 22:00:00 $n [Warning] Aborted connection $n",
			"$t db01 systemd[1]: Started a timer.",
			"$t db01 CRON[$n]: pam_unix(cron:session): session closed for user root"}},
	{"xrdp", "%Y%m%d-%H:%M:%S",
		{"[$t] [INFO ] AUTHFAIL: user=$u ip=::ffff:$a time=1795263066",
			"[$t] [INFO ] AUTHFAIL: user=$u ip=$a time=1795263066"},
		{"[$t] [INFO ] Socket 12: AF_INET6 connection received from ::ffff:$a port $n",
			"[$t] [ERROR] pam_authenticate failed: Authentication failure",
			"[$t] [INFO ] Username or password error for user: $u"}},
	{"vsftpd", "%a %b %e %H:%M:%S %Y",
		{"$t [pid $n] [$u] FAIL LOGIN: Client \"::ffff:$a\"",
			"$t [pid $n] [$u] FAIL LOGIN: Client \"$a\", \"User is not in the allow "
			"user "
			"list.\""},
		{"$t [pid $n] CONNECT: Client \"::ffff:$a\"",
			"$t [pid $n] [$u] OK LOGIN: Client \"::ffff:$a\"",
			"$t [pid $n] [$u] OK DOWNLOAD: Client \"::ffff:$a\", \"/f\", 3 bytes, "
			"0.10Kbyte/sec"}},
	{"vsftpd-pam", "%b %e %H:%M:%S",
		{"$t ftp01 vsftpd[$n]: pam_unix(vsftpd:auth): authentication failure; logname= "
		 "uid=0 "
		 "euid=0 tty=ftp ruser=$u rhost=::ffff:$a  user=$u",
			"$t ftp01 vsftpd[$n]: pam_unix(vsftpd:auth): authentication failure; "
			"logname= "
			"uid=0 euid=0 tty=ftp ruser=$u rhost=$a "},
		{"$t ftp01 vsftpd[$n]: pam_unix(vsftpd:auth): check pass; user unknown",
			"$t ftp01 systemd[1]: Started a timer.",
			"$t ftp01 CRON[$n]: pam_unix(cron:session): session closed for user root"}},
	{"dropbear", "%b %e %H:%M:%S",
		{"$t ap01 dropbear[$n]: Bad password attempt for '$u' from $a:$n",
			"$t ap01 dropbear[$n]: Login attempt for nonexistent user from $a:$n"},
		{"$t ap01 dropbear[$n]: Child connection from $a:$n",
			"$t ap01 dropbear[$n]: Exit before auth from <$a:$n>: Exited normally",
			"$t ap01 dnsmasq-dhcp[$n]: DHCPACK(br-lan) 10.0.0.7 00:11:22:33:44:55 pc"}},
	{"windows-text", "%b %e %H:%M:%S",
		{"$t win01 Microsoft-Windows-Security-Auditing[644]: An account failed to log on. "
		 "Subject: Security ID: S-1-0-0 Account Name: - Account Domain: - Logon ID: 0x0 "
		 "Logon "
		 "Type: 3 Account For Which Logon Failed: Security ID: S-1-0-0 Account Name: $u "
		 "Account "
		 "Domain: CORP Failure Information: Failure Reason: Unknown user name or bad "
		 "password. "
		 "Status: 0xC000006D Sub Status: 0xC0000064 Process Information: Caller Process "
		 "ID: 0x0 "
		 "Caller Process Name: - Network Information: Workstation Name: PC Source Network "
		 "Address: $a Source Port: $n Detailed Authentication Information: Logon Process: "
		 "NtLmSsp Authentication Package: NTLM Key Length: 0",
			"$t win01 Microsoft-Windows-RemoteDesktopServices-RdpCoreTS[1200]: A "
			"connection "
			"from the client computer with an IP address of $a failed because the user "
			"name "
			"or password is not correct."},
		{"$t win01 Microsoft-Windows-Security-Auditing[644]: A new process has been "
		 "created. "
		 "Creator Subject: Security ID: S-1-5-18 Account Name: WIN01$ Process Name: "
		 "C:\\x.exe",
			"$t win01 Microsoft-Windows-RemoteDesktopServices-RdpCoreTS[1200]: The "
			"server "
			"accepted a new TCP connection from client $a:$n.",
			"$t win01 Service_Control_Manager[7]: The service entered the running "
			"state."}},
	{"windows-json", "%Y-%m-%dT%H:%M:%S.000Z",
		{"{\"@timestamp\":\"$t\",\"winlog\":{\"event_id\":\"4625\",\"provider_name\":"
		 "\"Microsoft-"
		 "Windows-Security-Auditing\",\"computer_name\":\"win01\",\"event_data\":{"
		 "\"TargetUserName\":\"$u\",\"LogonType\":\"3\",\"IpAddress\":\"$a\",\"IpPort\":\"$"
		 "n\","
		 "\"Status\":\"0xc000006d\",\"SubStatus\":\"0xc0000064\",\"WorkstationName\":"
		 "\"PC\"}},"
		 "\"message\":\"An account failed to log on.\"}",
			"{\"EventTime\":\"$t\",\"Hostname\":\"win01\",\"EventID\":4625,"
			"\"SourceName\":"
			"\"Microsoft-Windows-Security-Auditing\",\"TargetUserName\":\"$u\","
			"\"LogonType\":"
			"\"3\",\"IpAddress\":\"$a\",\"IpPort\":\"$n\"}"},
		{"{\"@timestamp\":\"$t\",\"winlog\":{\"event_id\":\"4688\",\"provider_name\":"
		 "\"Microsoft-"
		 "Windows-Security-Auditing\",\"event_data\":{\"NewProcessName\":\"C:\\\\x.exe\"}}"
		 "}",
			"{\"@timestamp\":\"$t\",\"winlog\":{\"event_id\":\"7036\",\"provider_"
			"name\":"
			"\"Service Control Manager\",\"event_data\":{\"param1\":\"x\"}}}",
			"{\"EventTime\":\"$t\",\"Hostname\":\"win01\",\"EventID\":5156,"
			"\"SourceName\":"
			"\"Microsoft-Windows-Security-Auditing\",\"SourceAddress\":\"$a\"}"}},
};

static void say(const char *format, const char *stamp)
{
	static const char *const targets[] = {"root", "admin", "test", "ubuntu", "oracle", "git"};
	/* every doubling of the number is as likely: low ones come often */
	uint32_t who = 1u << draw(16);
	who += draw(who);
	uint32_t a = 0x0b000000u + who * 2654435761u % 0x70000000u;
	for (const char *f = format; *f; f++) {
		if (*f != '$')
			(void)putchar(*f);
		else if (f[1] == 't')
			(void)fputs(stamp, stdout);
		else if (f[1] == 'u')
			(void)fputs(targets[draw(6)], stdout);
		else if (f[1] == 'a')
			(void)printf("%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
		else if (f[1] == 'n')
			(void)printf("%u", 1000 + draw(64000));
		else
			continue;
		f += *f == '$';
	}
	(void)putchar('\n');
}

int main(int argc, char **argv)
{
	const struct log *log = NULL;
	for (size_t i = 0; argc > 1 && i < sizeof(logs) / sizeof(logs[0]); i++)
		if (strcmp(logs[i].name, argv[1]) == 0)
			log = &logs[i];
	if (!log) {
		for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
			(void)puts(logs[i].name);
		return argc > 1;
	}
	long lines = argc > 2 ? strtol(argv[2], NULL, 10) : 1000000;
	for (long n = 0; n < lines; n++) {
		char stamp[48];
		time_t now = BEGIN + (time_t)(n * 86400 / lines);
		struct tm tm;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)strftime(stamp, sizeof(stamp), log->stamp, gmtime_r(&now, &tm));
#pragma GCC diagnostic pop
		say(draw(10) < 6 ? log->failed[draw(2)] : log->other[draw(3)], stamp);
	}
	return 0;
}
