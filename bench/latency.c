/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the last failed line in a log to the element in the kernel's set.
 *
 * bench_latency LOG FAILURES [TRIALS [PAUSE_MS [SERVICE]]]: for each trial all but the last failure
 * of a fresh address are appended and read; then the last one is written, and the time to
 * the kernel's notification that a set of an nf_tables table got that address is taken.
 * Writer and listener are one thread, so no wake-up but the daemon's own is measured besides
 * one of ours. Where lines alone prove nothing, a packet as the service sends to who
 * connects is sent to the address first. Works beside any program that blocks IPv4 addresses in
 * nf_tables, in the network namespace it is started in.
 */
#include "tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TRIALS_MAX 10000
#define LOST_MS    5000
#define LOST_MAX   5
#define FIRST      0xc6120000u /* 198.18.0.0/15, for benchmarks (RFC 2544) */

static double micros(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* $p: a process, $a: the address; the stamp comes first, as strftime() is told. */
static const struct service {
	const char *name, *stamp, *line;
	uint16_t port;      /* of answers; 0: none are needed */
	const char *answer; /* of 8 bytes */
} services[] = {
	{"ssh", "%b %e %H:%M:%S",
		" web01 sshd[$p]: Failed password for root from $a port 50000 ssh2\n"},
	{"mysql", "%Y-%m-%d %H:%M:%S",
		" $p [Warning] Access denied for user 'root'@'$a' (using password: YES)\n", 3306,
		"\x4a\0\0\0\x0a"
		"11."},
	{"rdp", "[%Y%m%d-%H:%M:%S]", " [INFO ] AUTHFAIL: user=root ip=::ffff:$a time=$p\n", 3389,
		"\3\0\0\x13\x0e\xd0\0\0"},
	{"vsftpd", "%a %b %e %H:%M:%S %Y", " [pid $p] [root] FAIL LOGIN: Client \"::ffff:$a\"\n"},
};

static const struct service *service = services;

static const struct service *service_named(const char *name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
		if (strcmp(services[i].name, name) == 0)
			return &services[i];
	(void)fprintf(stderr, "%s: no such service\n", name);
	exit(2);
}

static size_t format_stamp(char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return strftime(text, size, service->stamp, localtime_r(&now, &tm));
#pragma GCC diagnostic pop
}

static void fail_once(int log, uint32_t address, unsigned number)
{
	char text[256];
	struct in_addr in = {htonl(address)};
	size_t n = format_stamp(text, sizeof(text));
	for (const char *p = service->line; *p && n < sizeof(text) - 1; p++) {
		size_t left = sizeof(text) - n;
		int more = 1;
		if (*p != '$')
			text[n] = *p;
		else if (*++p == 'a')
			more = snprintf(text + n, left, "%s", inet_ntoa(in));
		else
			more = snprintf(
				text + n, left, "%u", 1000 + (address & 0xffff) * 16 + number);
		n += (size_t)more;
	}
	if (write(log, text, n) != (ssize_t)n)
		die("write");
}

/* One segment with data from the service; nobody looks at its checksum. */
static void answer(int raw, uint32_t address)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
		char data[8];
	} p = {.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .saddr = htonl(INADDR_LOOPBACK + 1),
		       .daddr = htonl(address)},
		.tcp = {.source = htons(service->port),
			.dest = htons(50000),
			.doff = 5,
			.psh = 1,
			.ack = 1}};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
	memcpy(p.data, service->answer, sizeof(p.data));
	if (sendto(raw, &p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("the answer of the service");
}

/* us, or negative when the address never came. */
static double trial(
	int log, int netlink, int raw, uint32_t address, unsigned failures, unsigned pause)
{
	if (raw >= 0)
		answer(raw, address);
	for (unsigned i = 1; i < failures; i++)
		fail_once(log, address, i);
	/* the lines are read, what they caused is over; not in step with anybody's clock */
	(void)usleep(pause * 1000 + (useconds_t)(rand() % (int)(pause * 1000 + 1)));
	while (tables_took(netlink, address, false))
		;
	double began = micros();
	fail_once(log, address, failures);
	for (;;) {
		struct pollfd fd = {.fd = netlink, .events = POLLIN};
		if (micros() - began > LOST_MS * 1e3 || poll(&fd, 1, LOST_MS) <= 0)
			return -1;
		if (tables_took(netlink, address, true))
			return micros() - began;
	}
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double took[TRIALS_MAX];
	if (argc < 3) {
		(void)fprintf(stderr,
			"usage: bench_latency LOG FAILURES [TRIALS [PAUSE_MS [SERVICE]]]\n");
		return 2;
	}
	unsigned failures = (unsigned)strtoul(argv[2], NULL, 10);
	unsigned trials = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 400;
	unsigned pause = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 20;
	if (argc > 5)
		service = service_named(argv[5]);
	int log = open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC), netlink = tables_listen();
	if (log < 0)
		die(argv[1]);
	int raw = service->port ? socket(AF_INET, SOCK_RAW, IPPROTO_RAW) : -1;
	if (service->port && raw < 0)
		die("raw socket");
	unsigned n = 0, lost = 0;
	trials = trials < TRIALS_MAX ? trials : TRIALS_MAX;
	/* no run meets the addresses another has had blocked */
	uint32_t first = FIRST + ((uint32_t)getpid() * 512 & 0x1ffff);
	for (unsigned i = 0; i < trials && lost < LOST_MAX; i++) {
		double us = trial(log, netlink, raw, first + i, failures, pause);
		if (us >= 0)
			took[n++] = us / 1e3;
		else
			lost++;
	}
	if (n == 0) {
		(void)fprintf(stderr, "no address came\n");
		return 1;
	}
	qsort(took, n, sizeof(*took), compare);
	(void)printf("{\"trials\": %u, \"lost\": %u, \"median_ms\": %.3f, \"p90_ms\": %.3f, "
		     "\"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
		trials, lost, took[n / 2], took[n * 9 / 10], took[n * 99 / 100], took[n - 1]);
	return lost > 0;
}
