/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Importing addresses: a core with a real enforcer in a network namespace of its
 * own, N addresses as custom blocks of this machine in one call. How long until it is stored
 * (the call returns), until the kernel has answered for all of them, and until the records say so;
 * and for how long at most no line would have been read meanwhile.
 *
 *   bench_import [N [OTHER-SERVERS]]      as root; a scratch state directory in $TMPDIR or /tmp
 */
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/loop.h"
#include "core/core.h"
#include "core/engine.h"
#include "core/settings.h"
#include "enforce/process.h"
#include "store/tables.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define OTHERS_MAX 1000

struct bench {
	struct loop *loop;
	struct core *core;
	struct core_ops ops;
	struct settings settings;
	char dir[64];
	pid_t enforcer;
	bool ready;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_import: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_ready(void *ctx)
{
	((struct bench *)ctx)->ready = true;
}

static void on_failed(void *ctx, const char *why)
{
	(void)ctx;
	(void)fprintf(stderr, "bench_import: %s\n", why);
	exit(1);
}

/* What this process has used of a processor, the enforcer left out. */
static double processor(void)
{
	struct rusage used;
	(void)getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double seconds_since(int64_t begin)
{
	return (double)(clock_mono() - begin) / 1000;
}

static int start_enforcer(struct bench *b)
{
	int pair[2];
	if (unshare(CLONE_NEWNET) < 0)
		die("a network namespace");
	if (fdpass_pair(pair) < 0)
		die("socketpair");
	b->enforcer = fork();
	if (b->enforcer < 0)
		die("fork");
	if (b->enforcer == 0) {
		const struct enforcer_config config = {.table = "cordon_import", .own = false};
		(void)close(pair[0]);
		_exit(enforcer_main(pair[1], &config));
	}
	(void)close(pair[1]);
	return pair[0];
}

static void start(struct bench *b)
{
	struct err err = {""};
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(b->dir, sizeof(b->dir), "%.40s/cordon-import-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(b->dir))
		die(b->dir);
	settings_default(&b->settings);
	(void)snprintf(b->settings.state_dir, sizeof(b->settings.state_dir), "%s", b->dir);
	b->ops = (struct core_ops){.ready = on_ready, .failed = on_failed, .ctx = b};
	int socket = start_enforcer(b);
	b->loop = loop_new();
	if (core_new(b->loop, &b->settings, &b->ops, socket, &b->core, &err) < 0 ||
		core_start(b->core, &err) < 0)
		on_failed(b, err.text);
	while (!b->ready)
		(void)loop_once(b->loop, true);
}

static void end(struct bench *b)
{
	core_close(b->core);
	b->core = core_free(b->core);
	b->loop = loop_free(b->loop);
	(void)kill(b->enforcer, SIGTERM);
	(void)waitpid(b->enforcer, NULL, 0);
	for (unsigned i = 0; i < 5; i++) {
		static const char *const names[] = {
			"cordon.db", "cordon.db-wal", "cordon.db-shm", "secret.key", "lock"};
		char path[96];
		(void)snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(b->dir);
}

static void add_others(struct bench *b, int64_t account, unsigned n)
{
	struct store *store = core_store(b->core);
	(void)store_begin(store);
	for (unsigned i = 0; i < n; i++) {
		struct host h = {.account = account, .remote = true, .enterprise_project = "0"};
		(void)snprintf(h.name, sizeof(h.name), "server-%u", i);
		(void)snprintf(h.uuid, sizeof(h.uuid), "%08u-0000-4000-8000-000000000000", i);
		(void)store_host_put(store, &h);
	}
	if (store_commit(store, STORE_DURABLE) < 0)
		die("the store");
}

static int64_t answered(struct bench *b)
{
	static const char name[] = "\ncordon_order_answers_total ";
	_cleanup_(buf_done) struct buf text = {0};
	int r = core_metrics(b->core, &text);
	buf_addc(&text, '\0');
	if (r < 0 || text.error)
		die("the metrics");
	const char *at = strstr(text.p, name);
	return at ? strtoll(at + sizeof(name) - 1, NULL, 10) : 0;
}

struct waited {
	double kernel;  /* s after begin */
	double longest; /* s, of a turn of the loop */
};

static struct waited wait_for(struct bench *b, int64_t account, int64_t n, int64_t begin)
{
	struct waited w = {0};
	for (int64_t total = 0; total < n;) {
		const struct custom_query q = {
			.account = account, .has_status = CUSTOM_ENABLED + 1};
		int64_t turn = clock_mono();
		if (loop_once(b->loop, true) < 0)
			die("the loop");
		w.longest = MAX_OF(w.longest, seconds_since(turn));
		if (w.kernel == 0 && answered(b) >= n)
			w.kernel = seconds_since(begin);
		if (store_custom_query(core_store(b->core), &q, NULL, NULL, &total) < 0)
			die("the store");
	}
	return w;
}

static struct prefix *make_targets(size_t n)
{
	struct prefix *list = calloc(n, sizeof(*list));
	if (!list)
		die("memory");
	for (size_t i = 0; i < n; i++) { /* scattered over 11.0.0.0/8 and on, none twice */
		struct addr a = addr_from_v4((uint32_t)(0x0b000000u + i * 1021u));
		list[i] = prefix_of(&a, 128);
	}
	return list;
}

int main(int argc, char **argv)
{
	static struct bench b;
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, done = 0;
	unsigned long others = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	struct err err = {""};
	struct core_status status;
	if (n == 0 || n > 1000000 || others > OTHERS_MAX)
		return 2;
	log_init("bench", LOG_LEVEL_ERROR);
	start(&b);
	core_get_status(b.core, &status);
	add_others(&b, status.account.id, (unsigned)others);

	const struct core_caller who = {.account = status.account.id, .who = "bench"};
	_cleanup_(freep) struct prefix *targets = make_targets(n);
	const struct core_import import = {.targets = targets,
		.n = n,
		.common = {.direction = BLOCK_IN,
			.expires = clock_now() + MS_DAY,
			.why = "import"}}; /* on every server */
	int64_t begin = clock_mono();
	double used = processor();
	if (core_custom_import(b.core, &who, &import, &done, &err) != 0)
		on_failed(&b, err.text);
	double stored = seconds_since(begin), stored_used = processor() - used;
	struct waited waited = wait_for(&b, status.account.id, (int64_t)n, begin);
	printf("%zu addresses on this machine and %lu others: stored after %.2f s (%.2f s of "
	       "processor), in the kernel after %.2f s, acknowledged after %.2f s (%.2f s); "
	       "longest turn after the import's %.3f s\n",
		done, others, stored, stored_used, waited.kernel, seconds_since(begin),
		processor() - used, waited.longest);
	end(&b);
	return 0;
}
