/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the call that creates a custom block to the element in the kernel of every agent.
 *
 *   bench_fleet_kernels API_PORT KEY_ID SECRET UUIDS NETNS AGENTS [BLOCKS]
 *
 * Started in the network namespace of the server, whose API is on 127.0.0.1. The agents' namespaces
 * are called NETNS-0, NETNS-1 …, and each has one; UUIDS names them, separated by commas. Time is
 * taken when the kernel's own notification of each namespace is read. An agent that does not get a
 * block in time ends it.
 */
#include "fleet_call.h"
#include "fleet_times.h"
#include "tables.h"

#include "base/util.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define AGENTS_MAX 500
#define LOST_MS    10000
#define PAUSE_US   300000
#define FIRST      0xc6120001u /* 198.18.0.1, for benchmarks (RFC 2544) */

static struct {
	unsigned agents;
	int epoll, fds[AGENTS_MAX];
	bool has[AGENTS_MAX];
	int64_t when[AGENTS_MAX];
} bench;

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "bench_fleet_kernels: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
}

/* A socket stays in the namespace it was made in. */
static void listen_everywhere(const char *netns)
{
	char path[300];
	_cleanup_(closep) int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	bench.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (home < 0 || bench.epoll < 0)
		die("/proc/self/ns/net");
	for (unsigned i = 0; i < bench.agents; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
		(void)snprintf(path, sizeof(path), "/run/netns/%s-%u", netns, i);
		enter(path);
		bench.fds[i] = tables_listen();
		if (epoll_ctl(bench.epoll, EPOLL_CTL_ADD, bench.fds[i], &e) < 0)
			die("epoll");
	}
	if (setns(home, CLONE_NEWNET) < 0)
		die("setns");
}

/* How many kernels have got it by now. */
static unsigned look(uint32_t address, int ms)
{
	struct epoll_event events[AGENTS_MAX];
	unsigned came = 0;
	int n = epoll_wait(bench.epoll, events, (int)bench.agents, ms);
	for (int k = 0; k < n; k++) {
		unsigned i = events[k].data.u32;
		bool took = tables_took(bench.fds[i], address, false);
		if (!took || bench.has[i])
			continue;
		bench.when[i] = fleet_micros();
		bench.has[i] = true;
		came++;
	}
	return came;
}

/* us of each agent. */
static void one_block(struct fleet_call *call, uint32_t address, int64_t *ret)
{
	char text[16];
	unsigned have = 0;
	(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		address >> 8 & 255, address & 255);
	memset(bench.has, 0, sizeof(bench.has));
	fleet_call_begin(call, text);
	int64_t end = call->began + LOST_MS * 1000;
	while (have < bench.agents && fleet_micros() < end)
		have += look(address, 100);
	if (!fleet_call_end(call))
		exit(1);
	if (have < bench.agents) {
		(void)fprintf(stderr,
			"bench_fleet_kernels: %s: in the kernels of %u of %u agents\n", text, have,
			bench.agents);
		exit(1);
	}
	for (unsigned i = 0; i < bench.agents; i++)
		ret[i] = bench.when[i] - call->began;
}

int main(int argc, char **argv)
{
	bench.agents = argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 0;
	unsigned blocks = argc > 7 ? (unsigned)strtoul(argv[7], NULL, 10) : 20;
	if (bench.agents < 1 || bench.agents > AGENTS_MAX || blocks < 1 || sodium_init() < 0 ||
		curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)fprintf(stderr, "usage: bench_fleet_kernels API_PORT KEY_ID SECRET UUIDS "
				      "NETNS AGENTS [BLOCKS]\n");
		return 2;
	}
	struct fleet_call call = {.port = (unsigned)strtoul(argv[1], NULL, 10),
		.key_id = argv[2],
		.secret = argv[3],
		.uuids = argv[4]};
	size_t n = (size_t)blocks * bench.agents;
	int64_t *us = calloc(n, sizeof(*us)), *last = calloc(blocks, sizeof(*last));
	if (!us || !last)
		die("no memory");
	listen_everywhere(argv[5]);
	for (unsigned i = 0; i < blocks; i++) {
		int64_t *these = us + (size_t)i * bench.agents;
		one_block(&call, FIRST + i, these);
		for (unsigned k = 0; k < bench.agents; k++)
			last[i] = MAX_OF(last[i], these[k]);
		(void)usleep(PAUSE_US);
	}
	(void)printf("%u custom blocks on %u agents:\n", blocks, bench.agents);
	fleet_times_print("call to an agent's kernel", us, n);
	fleet_times_print("call to the last agent's kernel", last, blocks);
	free(us);
	free(last);
	return 0;
}
