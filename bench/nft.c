/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What enforcement costs: an order and its answer, one at a time; many at once; a
 * sync that finds everything in place. Run it in a network namespace of its own
 * (ip netns exec NAME bench_nft [N]); it needs CAP_NET_ADMIN and leaves no table.
 * One JSON object on standard output.
 */
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/util.h"
#include "enforce/enforce.h"
#include "enforce/process.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#define TABLE  "cordon-bench"
#define ROUNDS 2000

struct bench {
	struct enforce *enforce;
	size_t pending;
	bool failed;
};

static double micros(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void on_answer(void *ctx, const struct enforce_order *order, int error)
{
	struct bench *b = ctx;
	(void)order;
	b->failed |= error != 0;
	b->pending -= b->pending > 0;
}

static void on_synced(void *ctx, const struct enforce_sync_result *result)
{
	struct bench *b = ctx;
	b->failed |= result->error != 0;
	b->pending = 0;
}

static void on_gone(void *ctx)
{
	struct bench *b = ctx;
	b->failed = true;
	b->pending = 0;
}

static void wait_for(struct bench *b)
{
	while (b->pending > 0 && !b->failed) {
		struct pollfd fd = {.fd = enforce_fd(b->enforce),
			.events =
				(short)(POLLIN | (enforce_wants_write(b->enforce) ? POLLOUT : 0))};
		if (poll(&fd, 1, -1) > 0)
			(void)enforce_dispatch(b->enforce);
	}
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Orders one address at a time; prints the median and the 99th percentile. */
static void single(struct bench *b, const char *name, uint32_t base, bool remove)
{
	static double took[ROUNDS];
	for (uint32_t i = 0; i < ROUNDS && !b->failed; i++) {
		struct enforce_order o = {.remove = remove,
			.element = {.target = {addr_from_v4(base + i), 128},
				.expires = clock_now() + MS_HOUR,
				.record = i}};
		double began = micros();
		b->pending = 1;
		(void)enforce_submit(b->enforce, &o, 1);
		wait_for(b);
		took[i] = micros() - began;
	}
	qsort(took, ROUNDS, sizeof(*took), compare);
	printf("\"%s_us\": {\"p50\": %.1f, \"p99\": %.1f}, ", name, took[ROUNDS / 2],
		took[ROUNDS * 99 / 100]);
}

static double sync_all(struct bench *b, const struct enforce_element *wanted, size_t n)
{
	double began = micros();
	b->pending = 1;
	(void)enforce_sync(b->enforce, wanted, n);
	wait_for(b);
	return (micros() - began) / 1e3;
}

static void many(struct bench *b, size_t n)
{
	struct enforce_element *wanted = calloc(n, sizeof(*wanted));
	if (!wanted)
		exit(1);
	for (size_t i = 0; i < n; i++)
		wanted[i] = (struct enforce_element){
			.target = {addr_from_v4(0x64400000u + (uint32_t)i), 128},
			.expires = clock_now() + MS_HOUR,
			.record = (int64_t)i};
	double load = sync_all(b, wanted, n), same = sync_all(b, wanted, n);
	double clear = sync_all(b, NULL, 0);
	printf("\"elements\": %zu, \"load_ms\": %.1f, \"in_place_ms\": %.1f, \"clear_ms\": %.1f", n,
		load, same, clear);
	free(wanted);
}

static void start(struct bench *b)
{
	int pair[2];
	struct enforcer_config config = {.table = TABLE, .own = true};
	struct enforce_events events = {
		.answer = on_answer, .synced = on_synced, .gone = on_gone, .ctx = b};
	if (fdpass_pair(pair) < 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		log_init("bench", LOG_LEVEL_WARNING);
		_exit(enforcer_main(pair[1], &config));
	}
	(void)close(pair[1]);
	if (pid < 0 || enforce_new(pair[0], &events, &b->enforce) < 0)
		exit(1);
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	start(&b);
	(void)sync_all(&b, NULL, 0);
	printf("{");
	single(&b, "add", 0x0a000000, false);
	single(&b, "change", 0x0a000000, false);
	single(&b, "remove", 0x0a000000, true);
	many(&b, n);
	printf("}\n");
	b.enforce = enforce_free(b.enforce);
	(void)wait(NULL);
	(void)enforcer_remove_table(TABLE);
	if (b.failed)
		(void)fprintf(stderr, "bench_nft: the enforcer failed; the figures mean nothing\n");
	return b.failed;
}
