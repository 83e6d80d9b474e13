/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A simulated fleet (fleet_swarm.h) against one real server.
 *
 *   bench_fleet DIR PORT API_PORT KEY_ID SECRET AGENTS SECONDS ATTEMPTS_A_SECOND BLOCKS
 *
 * DIR/tokens: one invitation's token a line. When all agents are held, SECONDS of the load of
 * attempts (each agent reports every 2 s); then, while it goes on, BLOCKS custom blocks for all
 * agents are created through the API, one after the other. Printed: how long from the call to the
 * wish at each agent, and to all acknowledgements stored; attempts a second that the server has
 * stored. BLOCKS 0 and ATTEMPTS 0: a flood of full reports from every agent, as fast as the server
 * takes them. The simulator's own use of the CPU is said, too: on a small machine it is the
 * server's loss.
 */
#include "fleet_call.h"
#include "fleet_swarm.h"
#include "fleet_times.h"

#include "fleet/libcurl.h"

#include <curl/curl.h>
#include <sodium.h>
#include <string.h>

#define AGENTS_MAX 2000
#define LOST_MS    30000
#define PAUSE_MS   200 /* between blocks */

static double cpu(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* us, of one block: each agent's wish, and the rest of it. */
struct times {
	int64_t *wish, *last_wish, *all, *answer;
};

/* Creates one and follows it until every agent's acknowledgement is taken. */
static bool one_block(struct swarm *s, struct fleet_call *call, unsigned i, struct times *ret)
{
	char address[48];
	(void)snprintf(address, sizeof(address), "198.18.%u.%u", i >> 8 & 255, i & 255);
	s->arrivals = s->acknowledged = 0;
	fleet_call_begin(call, address);
	swarm_run(s, LOST_MS, s->n);
	int64_t now = fleet_micros();
	if (!fleet_call_end(call))
		return false;
	if (s->acknowledged < s->n) {
		(void)fprintf(stderr, "bench_fleet: %u of %u agents acknowledged within %d s\n",
			s->acknowledged, s->n, LOST_MS / 1000);
		return false;
	}
	ret->all[i] = now - call->began;
	ret->answer[i] = call->answered - call->began;
	ret->last_wish[i] = s->arrived[s->n - 1] - call->began;
	for (unsigned k = 0; k < s->n; k++)
		ret->wish[(size_t)i * s->n + k] = s->arrived[k] - call->began;
	return true;
}

static bool many_blocks(struct swarm *s, struct fleet_call *call, unsigned blocks)
{
	struct times t = {calloc((size_t)blocks * s->n, sizeof(int64_t)),
		calloc(blocks, sizeof(int64_t)), calloc(blocks, sizeof(int64_t)),
		calloc(blocks, sizeof(int64_t))};
	bool good = t.wish && t.last_wish && t.all && t.answer;
	double before = cpu();
	int64_t began = fleet_micros(), reports = s->reports, heartbeats = s->heartbeats;
	for (unsigned i = 0; i < blocks && good; i++) {
		good = one_block(s, call, i, &t);
		swarm_run(s, PAUSE_MS, 0);
	}
	if (good) {
		double seconds = (double)(fleet_micros() - began) / 1e6;
		(void)printf("%u custom blocks on %u agents in %.1f s (%lld reports, %lld "
			     "heartbeats, %.1f s of CPU here):\n",
			blocks, s->n, seconds, (long long)(s->reports - reports),
			(long long)(s->heartbeats - heartbeats), cpu() - before);
		fleet_times_print("call to its answer", t.answer, blocks);
		fleet_times_print("call to the wish at an agent", t.wish, (size_t)blocks * s->n);
		fleet_times_print("call to the wish at the last agent", t.last_wish, blocks);
		fleet_times_print("call to the last acknowledgement stored", t.all, blocks);
	}
	free(t.wish);
	free(t.last_wish);
	free(t.all);
	free(t.answer);
	return good;
}

static void measure_attempts(struct swarm *s, int64_t seconds)
{
	double before = cpu();
	int64_t began = fleet_micros(), stored = s->stored, reports = s->reports;
	swarm_run(s, seconds * 1000, 0);
	double took = (double)(fleet_micros() - began) / 1e6;
	(void)printf("attempts stored: %lld in %.1f s, %.0f a second, %lld reports, %.1f s of CPU "
		     "here\n",
		(long long)(s->stored - stored), took, (double)(s->stored - stored) / took,
		(long long)(s->reports - reports), cpu() - before);
}

static void come(struct swarm *s, const char *dir, uint16_t port, unsigned agents)
{
	int64_t began = fleet_micros();
	swarm_enrol(s, dir, port, agents);
	int64_t enrolled = fleet_micros();
	double before = cpu();
	swarm_connect(s);
	int64_t held = fleet_micros();
	(void)printf(
		"%u agents: enrolled in %.1f s, all held after %.1f s more (%.1f s of CPU here "
		"for %u handshakes)\n",
		agents, (double)(enrolled - began) / 1e6, (double)(held - enrolled) / 1e6,
		cpu() - before, agents * 2);
	(void)fflush(stdout);
}

static bool run(struct swarm *s, struct fleet_call *call, int64_t seconds, int64_t attempts,
	unsigned blocks)
{
	s->flood = attempts == 0 && blocks == 0;
	s->attempts_a_second = attempts;
	if (!s->flood)
		swarm_run(s, SWARM_REPORT_EVERY, 0);
	measure_attempts(s, seconds);
	(void)fflush(stdout);
	bool good = blocks == 0 || many_blocks(s, call, blocks);
	s->flood = false;
	s->attempts_a_second = 0;
	for (int i = 0; i < LOST_MS / 100 && s->stored < s->sent; i++)
		swarm_run(s, 100, 0);
	(void)printf("attempts sent %lld, stored %lld\n", (long long)s->sent, (long long)s->stored);
	return good && s->sent == s->stored;
}

int main(int argc, char **argv)
{
	struct err err;
	struct swarm s;
	if (argc != 10 || sodium_init() < 0 || libcurl_load(&err) < 0 ||
		curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)fprintf(stderr,
			"usage: bench_fleet DIR PORT API_PORT KEY_ID SECRET AGENTS SECONDS "
			"ATTEMPTS_A_SECOND BLOCKS\n");
		return 2;
	}
	unsigned agents = (unsigned)strtoul(argv[6], NULL, 10);
	if (agents < 1 || agents > AGENTS_MAX)
		return 2;
	come(&s, argv[1], (uint16_t)strtoul(argv[2], NULL, 10), agents);
	struct fleet_call call = {.port = (unsigned)strtoul(argv[3], NULL, 10),
		.key_id = argv[4],
		.secret = argv[5],
		.uuids = s.uuids};
	bool good = run(&s, &call, strtoll(argv[7], NULL, 10), strtoll(argv[8], NULL, 10),
		(unsigned)strtoul(argv[9], NULL, 10));
	swarm_free(&s);
	return good ? 0 : 1;
}
