/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * File to events on one core: lines FILE [ROUNDS]. The file is in memory, sessions
 * are tracked as in the daemon; prints the best round, in CPU time.
 */
#include "base/clock.h"
#include "base/util.h"
#include "sensor/reader.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int count(void *ctx, const struct event *event)
{
	uint64_t *n = ctx;
	n[event->outcome]++;
	return 0;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	_cleanup_(closep) int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0) {
		(void)fputs("Usage: lines FILE [ROUNDS]\n", stderr);
		return 2;
	}
	size_t size = (size_t)status.st_size;
	char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		return 1;
	double best = 0;
	struct reader_stats stats = {0};
	uint64_t outcomes[3] = {0};
	for (int i = 0; i < rounds; i++) {
		struct session_table *sessions = session_table_new(65536, 10 * MS_MINUTE);
		struct reader reader;
		if (!sessions)
			return 1;
		reader_init(&reader, sessions, SERVICE_ALL, clock_now(), "UTC");
		memset(outcomes, 0, sizeof(outcomes));
		struct timespec begin, end;
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
		(void)reader_lines(&reader, (struct slice){bytes, size}, count, outcomes);
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		double seconds = (double)(end.tv_sec - begin.tv_sec) +
				 (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
		stats = reader.stats;
		best = MAX_OF(best, (double)stats.lines / seconds);
		(void)session_table_free(sessions);
	}
	(void)printf("%.2f Mlines/s (%" PRIu64 " lines, %" PRIu64 " failures, %" PRIu64
		     " successes)\n",
		best / 1e6, stats.lines, outcomes[OUTCOME_FAILURE], outcomes[OUTCOME_SUCCESS]);
	return munmap(bytes, size) == 0 ? 0 : 1;
}
