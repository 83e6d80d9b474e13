/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a failure costs as the attack is spread over more and more sources: the same number of
 * failures from 200 to 1,000,000 addresses, each address as often as any other, in random order.
 *
 *   read     lines into events
 *   detect   and these through the detectors, in batches, as the pipeline has them
 *   store    the whole: a core that observes, from the log to all committed
 *
 *   bench_sources [FAILURES [hour] [SOURCES…]]
 *
 * Nobody is blocked, as no address fails more than four times in the rule's five minutes: the log
 * of few sources is of days, that of a million of a minute. With "hour" every log is of the
 * last hour, and few sources are blocked again and again. Needs room for 220 bytes a failure
 * and a scratch state directory in $TMPDIR or /tmp. Times are of the processor; those of the
 * wall, in brackets, are the disk's and the neighbours' too.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "core/engine.h"
#include "core/settings.h"
#include "core/tally.h"
#include "detect/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define BATCH  ((size_t)1 << 20) /* bytes, as core/source.c has it */
#define A_SPAN 4                 /* failures of one source in five minutes */

struct bench {
	uint32_t failures, sources;
	bool hour;
	char dir[64], log[80];
	struct slice text; /* the log, mapped */
	struct settings settings;
	bool ready;
	uint64_t lines_read;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_sources: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the log ---- */

static uint32_t draw(uint32_t below)
{
	static uint64_t state = 88172645463325252u;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) * below >> 32);
}

static void shuffle(uint32_t *list, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = draw(i), kept = list[j];
		list[j] = list[i - 1];
		list[i - 1] = kept;
	}
}

/* A connection that failed once. */
static void write_failure(FILE *f, int64_t time, uint32_t n, uint32_t source)
{
	uint32_t a = 0x0b000000u + source * 2654435761u % 0x70000000u;
	char stamp[32], from[64];
	time_t seconds = (time_t)(time / MS_SECOND);
	struct tm tm;
	(void)strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", gmtime_r(&seconds, &tm));
	(void)snprintf(from, sizeof(from), "%u.%u.%u.%u port %u", a >> 24, a >> 16 & 255,
		a >> 8 & 255, a & 255, 1024 + n % 60000);
	(void)fprintf(f,
		"%s web01 sshd[%u]: Failed password for root from %s ssh2\n"
		"%s web01 sshd[%u]: Connection closed by authenticating user root %s [preauth]\n",
		stamp, 1000 + n % 4000000, from, stamp, 1000 + n % 4000000, from);
}

static void write_log(struct bench *b)
{
	uint32_t *order = calloc(b->sources, sizeof(*order));
	FILE *f = fopen(b->log, "we");
	if (!order || !f)
		die(b->log);
	int64_t span =
		b->hour ? MS_HOUR : (int64_t)b->failures * 5 * MS_MINUTE / b->sources / A_SPAN;
	int64_t begin = clock_now() - MS_MINUTE - span;
	for (uint32_t i = 0; i < b->sources; i++)
		order[i] = i;
	for (uint32_t i = 0; i < b->failures; i++) {
		if (i % b->sources == 0)
			shuffle(order, b->sources);
		write_failure(f, begin + span * i / b->failures, i, order[i % b->sources]);
	}
	free(order);
	if (fclose(f) != 0)
		die(b->log);
}

static void map_log(struct bench *b)
{
	int fd = open(b->log, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	void *p = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0)
			   : MAP_FAILED;
	if (p == MAP_FAILED)
		die(b->log);
	(void)close(fd);
	b->text = (struct slice){p, (size_t)size};
}

/* ---- measuring ---- */

struct watch_time {
	double processor, wall; /* s */
};

static struct watch_time times_now(void)
{
	struct timespec p, w;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &p);
	(void)clock_gettime(CLOCK_MONOTONIC, &w);
	return (struct watch_time){(double)p.tv_sec + (double)p.tv_nsec / 1e9,
		(double)w.tv_sec + (double)w.tv_nsec / 1e9};
}

static void show(const struct bench *b, const char *stage, struct watch_time begin)
{
	struct watch_time end = times_now();
	double each = 1e9 / b->failures;
	printf("  %s %5.0f (%5.0f)", stage, (end.processor - begin.processor) * each,
		(end.wall - begin.wall) * each);
	(void)fflush(stdout);
}

/* The log in slices of whole lines, as a tail delivers it. */
static struct slice next_lines(struct slice *left)
{
	size_t n = MIN_OF(left->n, BATCH);
	while (n < left->n && left->p[n - 1] != '\n')
		n--;
	struct slice lines = {left->p, n};
	*left = slice_skip(*left, n);
	return lines;
}

/* ---- in memory ---- */

struct memory {
	struct session_table *sessions;
	struct window_table *windows;
	struct protect *protect;
	struct detector *detector;
	struct ahead *ahead;
	struct tally tally;
	struct reader reader;
	bool detects;
	uint64_t seen, decided;
	int64_t latest;
};

static int on_event(void *ctx, const struct event *event)
{
	struct memory *m = ctx;
	m->seen++;
	m->latest = MAX_OF(m->latest, event->time);
	return m->detects ? ahead_event(m->ahead, 1, event, m->reader.now) : 0;
}

static int judged(void *ctx, const struct failure *f, const struct decision *decision)
{
	struct memory *m = ctx;
	m->decided += decision != NULL;
	return tally_add(&m->tally, f->past, f->key.service, &f->key.source, f->attempts);
}

static int no_tally(void *ctx, const struct tally_entry *e)
{
	(void)ctx, (void)e;
	return 0;
}

static int no_window(
	void *ctx, uint32_t row, const struct window_key *key, const int64_t *times, unsigned n)
{
	(void)ctx, (void)row, (void)key, (void)times, (void)n;
	return 0;
}

static int no_session(void *ctx, const struct session *session)
{
	(void)ctx, (void)session;
	return 0;
}

static void end_batch(struct memory *m)
{
	int64_t before = m->latest - detector_span(m->detector);
	(void)ahead_flush(m->ahead);
	session_table_sweep(m->sessions, m->latest);
	(void)tally_drain(&m->tally, no_tally, NULL);
	(void)window_dirty(m->windows, before, no_window, NULL);
	(void)session_table_dirty(m->sessions, no_session, NULL);
	window_sweep(m->windows, before);
}

static void run_memory(struct bench *b, const char *stage, bool detects)
{
	const struct settings *s = &b->settings;
	struct memory m = {.detects = detects};
	m.sessions = session_table_new(s->tracked_sessions, s->session_idle);
	m.windows = window_table_new(s->tracked_sources, s->tracked_bytes);
	m.protect = protect_new();
	m.detector = m.windows && m.protect ? detector_new(m.windows, m.protect) : NULL;
	m.ahead = m.detector ? ahead_new(m.detector, AHEAD_MOST, judged, &m) : NULL;
	if (!m.sessions || !m.ahead || tally_init(&m.tally) < 0 ||
		detector_set_rules(m.detector, &s->system_rule, 1) < 0)
		die("memory");
	reader_init(&m.reader, m.sessions, SERVICE_BIT(SERVICE_SSH), clock_now(), "UTC");
	struct watch_time begin = times_now();
	for (struct slice left = b->text; left.n;) {
		(void)reader_lines(&m.reader, next_lines(&left), on_event, &m);
		end_batch(&m);
	}
	show(b, stage, begin);
	if (m.seen != b->failures)
		die("not all lines were failures");
	m.ahead = ahead_free(m.ahead);
	m.detector = detector_free(m.detector);
	m.protect = protect_free(m.protect);
	m.windows = window_table_free(m.windows);
	m.sessions = session_table_free(m.sessions);
	tally_done(&m.tally);
}

/* ---- the whole ---- */

static void on_ready(void *ctx)
{
	((struct bench *)ctx)->ready = true;
}

static void on_failed(void *ctx, const char *why)
{
	(void)ctx;
	(void)fprintf(stderr, "bench_sources: %s\n", why);
	exit(1);
}

static void on_source(void *ctx, const struct source_status *s)
{
	((struct bench *)ctx)->lines_read = s->reader->lines;
}

static void remove_state(const struct bench *b)
{
	static const char *const names[] = {
		"cordon.db", "cordon.db-wal", "cordon.db-shm", "secret.key", "lock"};
	for (size_t i = 0; i < countof(names); i++) {
		char path[96];
		(void)snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		(void)unlink(path);
	}
}

static void run_core(struct bench *b)
{
	const char *paths[] = {b->log};
	struct core_ops ops = {
		.inputs = input_direct(paths), .ready = on_ready, .failed = on_failed, .ctx = b};
	struct err err = {""};
	struct core *core;
	struct loop *loop = loop_new();
	struct watch_time begin = times_now();
	b->lines_read = 0;
	if (core_new(loop, &b->settings, &ops, -1, &core, &err) < 0 || core_start(core, &err) < 0)
		on_failed(b, err.text);
	while (b->lines_read < 2 * (uint64_t)b->failures) {
		(void)loop_once(loop, true);
		core_each_source(core, on_source, b);
	}
	show(b, "store", begin);
	struct core_status status;
	core_get_status(core, &status);
	printf("  %llu tracked, %llu blocks, %.0f MiB of store\n",
		(unsigned long long)status.windows.tracked, (unsigned long long)status.blocks_new,
		(double)status.store_bytes / (1 << 20));
	core_close(core);
	core = core_free(core);
	loop = loop_free(loop);
	remove_state(b);
}

static void prepare(struct bench *b)
{
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(b->dir, sizeof(b->dir), "%.40s/cordon-sources-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(b->dir))
		die(b->dir);
	(void)snprintf(b->log, sizeof(b->log), "%s/auth.log", b->dir);
	settings_default(&b->settings);
	struct settings *s = &b->settings;
	(void)snprintf(s->state_dir, sizeof(s->state_dir), "%s", b->dir);
	s->observe = true;
	s->sensor_count = 1;
	s->sensors[0] = (struct sensor_settings){.kind = SENSOR_FILE,
		.services = SERVICE_BIT(SERVICE_SSH),
		.timezone = "UTC",
		.from_start = true};
	(void)snprintf(s->sensors[0].path, sizeof(s->sensors[0].path), "%s", b->log);
}

static void measure(struct bench *b, uint32_t sources)
{
	b->sources = sources;
	write_log(b);
	map_log(b);
	printf("%7u sources:", sources);
	run_memory(b, "read", false);
	run_memory(b, "detect", true);
	(void)munmap((void *)(uintptr_t)b->text.p, b->text.n);
	run_core(b);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {200, 10000, 100000, 1000000};
	static struct bench b;
	int given = 2;
	b.failures = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	if (argc > 2 && strcmp(argv[2], "hour") == 0) {
		b.hour = true;
		given++;
	}
	if (b.failures == 0 || b.failures > 10000000)
		return 2;
	log_init("bench", LOG_LEVEL_ERROR);
	prepare(&b);
	printf("ns of processor (of the wall) a failure, %u failures\n", b.failures);
	for (size_t i = 0; i < countof(sizes) && given >= argc; i++)
		measure(&b, sizes[i]);
	for (int i = given; i < argc; i++)
		measure(&b, MAX_OF((uint32_t)strtoul(argv[i], NULL, 10), 1u));
	(void)unlink(b.log);
	(void)rmdir(b.dir);
	return 0;
}
