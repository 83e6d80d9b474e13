/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drives an enforcer from a script: starts enforcer_main() in a child, in the
 * network namespace it was started in, reads commands on standard input and prints
 * what the engine would be told.
 *
 *   enforce_driver [--no-own] [--user NAME] [--ports MYSQL,RDP] TABLE
 *   enforce_driver --remove TABLE
 *
 *   add|remove in|out|allow PREFIX MS RECORD   MS: from now; "forever"
 *   mix in|out|allow MS RECORD PREFIX…         several orders at once
 *   many in|out|allow PREFIX N MS RECORD       N orders, counting up from PREFIX
 *   manyoff in|out|allow PREFIX N              N to take out
 *   want in|out|allow PREFIX MS RECORD         remembered for sync
 *   wantmany in|out|allow PREFIX N MS RECORD
 *   sync                                       with all that is wanted; forgets it
 *   raw HEX                                    these bytes as one message
 *   sample | ask in|out|allow PREFIX | who mysql|rdp PREFIX | state | pid | quit
 *
 * Each command is done when its last line is printed; what comes unasked (drift,
 * gone) is printed when it comes. Times are microseconds.
 */
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/util.h"
#include "enforce/enforce.h"
#include "enforce/process.h"

#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct driver {
	struct enforce *enforce;
	size_t pending; /* answers to come */
	size_t failed;
	int last_error;
	bool quiet; /* count answers, do not print them */
	struct enforce_element *wanted;
	size_t wanted_n, wanted_size;
	bool gone;
	pid_t pid;
};

static int64_t micros(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static const char *const lists[ENFORCE_LISTS] = {"in", "out", "allow"};

static void on_answer(void *ctx, const struct enforce_order *order, int error)
{
	struct driver *d = ctx;
	char text[PREFIX_TEXT_MAX];
	if (d->pending > 0)
		d->pending--;
	d->failed += error != 0;
	if (error)
		d->last_error = error;
	if (d->quiet && !error)
		return;
	printf("answer %s %s %d\n", lists[order->element.list],
		prefix_format(&order->element.target, text), error);
}

static void on_drift(void *ctx)
{
	(void)ctx;
	printf("drift\n");
}

static void on_synced(void *ctx, const struct enforce_sync_result *r)
{
	struct driver *d = ctx;
	d->pending = 0;
	printf("synced error=%d added=%u removed=%u changed=%u kept=%u\n", r->error, r->added,
		r->removed, r->changed, r->kept);
}

static void on_hits(void *ctx, const struct enforce_hit *hits, size_t n)
{
	struct driver *d = ctx;
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < n; i++)
		printf("hit %s/%u %u %llu %lld\n", addr_format(&hits[i].source, text), hits[i].len,
			hits[i].port, (unsigned long long)hits[i].count,
			(long long)(clock_now() - hits[i].latest));
	printf("hits %zu\n", n);
	d->pending = 0;
}

static void on_gone(void *ctx)
{
	struct driver *d = ctx;
	d->gone = true;
	d->pending = 0;
	printf("gone error=%d\n", enforce_get_state(d->enforce)->error);
}

static void on_found(void *ctx, bool found, const struct enforce_element *e, int error)
{
	struct driver *d = ctx;
	d->pending = 0;
	if (error)
		printf("ask error %d\n", error);
	else if (!found)
		printf("ask none\n");
	else if (e->expires == ENFORCE_FOREVER)
		printf("ask forever %lld\n", (long long)e->record);
	else
		printf("ask %lld %lld\n", (long long)(e->expires - clock_now()),
			(long long)e->record);
}

static void wait_some(struct driver *d, bool input, bool *ret_input)
{
	struct pollfd fds[] = {
		{.fd = enforce_fd(d->enforce),
			.events =
				(short)(POLLIN | (enforce_wants_write(d->enforce) ? POLLOUT : 0))},
		{.fd = input ? STDIN_FILENO : -1, .events = POLLIN},
	};
	fflush(stdout);
	if (poll(fds, 2, -1) < 0)
		exit(2);
	if (fds[0].revents && !d->gone)
		(void)enforce_dispatch(d->enforce);
	*ret_input = fds[1].revents != 0;
}

static void finish(struct driver *d)
{
	bool input;
	while (d->pending > 0 && !d->gone)
		wait_some(d, false, &input);
}

/* "in PREFIX [N] MS RECORD" */
static bool parse_element(char *args, struct enforce_element *e, size_t *n)
{
	char list[8], prefix[64], ms[32] = "0";
	long long record = 0;
	unsigned long count = 1;
	if (n ? sscanf(args, "%7s %63s %lu %31s %lld", list, prefix, &count, ms, &record) < 3
	      : sscanf(args, "%7s %63s %31s %lld", list, prefix, ms, &record) < 2)
		return false;
	*e = (struct enforce_element){.record = record};
	for (int i = 0; i < ENFORCE_LISTS; i++)
		if (strcmp(list, lists[i]) == 0)
			e->list = (enum enforce_list)i;
	e->expires = strcmp(ms, "forever") == 0 ? ENFORCE_FOREVER : clock_now() + atoll(ms);
	if (n)
		*n = count;
	return prefix_parse(slice_of(prefix), &e->target);
}

/* Counts up in the last bit the prefix has. */
static void step(struct prefix *p)
{
	if (p->len == 0)
		return;
	unsigned bit = p->len - 1u, add = 1u << (7 - bit % 8);
	for (int i = (int)(bit / 8); i >= 0 && add; i--) {
		add += p->addr.b[i];
		p->addr.b[i] = (uint8_t)add;
		add >>= 8;
	}
}

static void submit(struct driver *d, char *args, bool remove, bool many)
{
	struct enforce_element e;
	size_t n = 1;
	if (!parse_element(args, &e, many ? &n : NULL)) {
		printf("bad arguments\n");
		return;
	}
	struct enforce_order *orders = calloc(n, sizeof(*orders));
	for (size_t i = 0; orders && i < n; i++) {
		orders[i] = (struct enforce_order){.element = e, .remove = remove, .tag = i + 1};
		step(&e.target);
	}
	d->pending = n;
	d->failed = 0;
	d->quiet = many;
	int64_t began = micros();
	int r = enforce_submit(d->enforce, orders, n);
	if (r < 0)
		d->pending = 0;
	finish(d);
	printf("done %d failed=%zu us=%lld\n", r, d->failed, (long long)(micros() - began));
	free(orders);
}

static void mix(struct driver *d, char *args)
{
	struct enforce_order orders[16] = {0};
	size_t n = 0;
	char *save, *list = strtok_r(args, " ", &save), *ms = strtok_r(NULL, " ", &save);
	char *record = strtok_r(NULL, " ", &save), *prefix;
	while (record && n < countof(orders) && (prefix = strtok_r(NULL, " ", &save))) {
		char text[160];
		(void)snprintf(text, sizeof(text), "%s %s %s %s", list, prefix, ms, record);
		if (!parse_element(text, &orders[n++].element, NULL)) {
			printf("bad arguments\n");
			return;
		}
	}
	d->pending = n;
	d->quiet = false;
	int r = enforce_submit(d->enforce, orders, n);
	finish(d);
	printf("done %d\n", r);
}

static void want(struct driver *d, char *args, bool many)
{
	struct enforce_element e;
	size_t n = 1;
	if (!parse_element(args, &e, many ? &n : NULL)) {
		printf("bad arguments\n");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (d->wanted_n == d->wanted_size) {
			d->wanted_size = d->wanted_size ? 2 * d->wanted_size : 64;
			d->wanted = reallocarray(d->wanted, d->wanted_size, sizeof(e));
			if (!d->wanted)
				exit(2);
		}
		d->wanted[d->wanted_n++] = e;
		step(&e.target);
	}
	printf("wanted %zu\n", d->wanted_n);
}

static void sync_all(struct driver *d)
{
	int64_t began = micros();
	d->pending = SIZE_MAX;
	d->quiet = false;
	int r = enforce_sync(d->enforce, d->wanted, d->wanted_n);
	if (r < 0)
		d->pending = 0;
	d->wanted_n = 0;
	finish(d);
	printf("done %d us=%lld\n", r, (long long)(micros() - began));
}

static void ask(struct driver *d, char *args)
{
	struct enforce_element e;
	if (!parse_element(args, &e, NULL)) {
		printf("bad arguments\n");
		return;
	}
	d->pending = 1;
	if (enforce_ask(d->enforce, e.list, &e.target, on_found, d) < 0)
		d->pending = 0;
	finish(d);
}

static void who(struct driver *d, char *args)
{
	char service[8], prefix[64];
	struct prefix p;
	if (sscanf(args, "%7s %63s", service, prefix) != 2 || !prefix_parse(slice_of(prefix), &p)) {
		printf("bad arguments\n");
		return;
	}
	enum enforce_served s = service[0] == 'm' ? ENFORCE_MYSQL : ENFORCE_RDP;
	int64_t began = micros();
	int r = enforce_answered(d->enforce, s, &p);
	printf("who %d us=%lld\n", r, (long long)(micros() - began));
	if (enforce_has_kept(d->enforce))
		(void)enforce_dispatch(d->enforce);
}

static void raw(struct driver *d, const char *hex)
{
	unsigned char bytes[128];
	size_t n = 0;
	unsigned byte;
	for (; n < sizeof(bytes) && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		bytes[n++] = (unsigned char)byte;
	printf("sent %d\n", fdpass_send(enforce_fd(d->enforce), bytes, n, -1));
}

static void show_state(struct driver *d)
{
	const struct enforce_state *s = enforce_get_state(d->enforce);
	printf("state ready=%d owner=%d error=%d table=%llu kernel=%s lacks=%s\n", s->ready,
		s->owner, s->error, (unsigned long long)s->table, s->kernel, s->lacks);
}

static bool command(struct driver *d, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	char *args = line + strcspn(line, " ");
	if (*args)
		*args++ = '\0';
	if (strcmp(line, "quit") == 0)
		return false;
	if (strcmp(line, "add") == 0 || strcmp(line, "remove") == 0)
		submit(d, args, line[0] == 'r', false);
	else if (strcmp(line, "many") == 0 || strcmp(line, "manyoff") == 0)
		submit(d, args, line[4] != '\0', true);
	else if (strcmp(line, "mix") == 0)
		mix(d, args);
	else if (strcmp(line, "want") == 0 || strcmp(line, "wantmany") == 0)
		want(d, args, line[4] == 'm');
	else if (strcmp(line, "sync") == 0)
		sync_all(d);
	else if (strcmp(line, "raw") == 0)
		raw(d, args);
	else if (strcmp(line, "ask") == 0)
		ask(d, args);
	else if (strcmp(line, "who") == 0)
		who(d, args);
	else if (strcmp(line, "state") == 0)
		show_state(d);
	else if (strcmp(line, "pid") == 0)
		printf("pid %d\n", (int)d->pid);
	else if (strcmp(line, "sample") == 0 && enforce_sample(d->enforce) == 0) {
		d->pending = 1;
		finish(d);
	} else
		printf("bad command\n");
	printf("ok\n");
	return true;
}

/* Waits until the table stands, or never will. */
static void wait_ready(struct driver *d)
{
	bool input;
	while (!d->gone && !enforce_get_state(d->enforce)->ready)
		wait_some(d, false, &input);
	printf("%s\n", d->gone ? "failed" : "ready");
}

static void become(struct enforcer_config *config, const char *user)
{
	const struct passwd *pw = getpwnam(user);
	if (!pw)
		exit(2);
	config->uid = pw->pw_uid;
	config->gid = pw->pw_gid;
}

int main(int argc, char **argv)
{
	struct enforcer_config config = {.own = true};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--no-own") == 0)
			config.own = false;
		else if (strcmp(argv[i], "--remove") == 0 && i + 1 < argc)
			return enforcer_remove_table(argv[i + 1]) < 0;
		else if (strcmp(argv[i], "--user") == 0 && i + 1 < argc)
			become(&config, argv[++i]);
		else if (strcmp(argv[i], "--ports") == 0 && i + 1 < argc)
			(void)sscanf(argv[++i], "%hu,%hu", &config.ports.of[ENFORCE_MYSQL][0],
				&config.ports.of[ENFORCE_RDP][0]);
		else
			config.table = argv[i];
	}
	int pair[2];
	if (!config.table || fdpass_pair(pair) < 0)
		return 2;
	struct driver d = {.pid = fork()};
	if (d.pid < 0)
		return 2;
	if (d.pid == 0) {
		log_init("enforcer", LOG_LEVEL_DEBUG);
		return enforcer_main(pair[1], &config);
	}
	(void)close(pair[1]);
	struct enforce_events events = {
		.answer = on_answer,
		.drift = on_drift,
		.synced = on_synced,
		.hits = on_hits,
		.gone = on_gone,
		.ctx = &d,
	};
	if (enforce_new(pair[0], &events, &d.enforce) < 0)
		return 2;
	wait_ready(&d);
	char line[512];
	setvbuf(stdin, NULL, _IONBF, 0); /* poll must see what is unread */
	for (bool more = true, input; more;) {
		wait_some(&d, true, &input);
		if (input)
			more = fgets(line, sizeof(line), stdin) && command(&d, line);
	}
	d.enforce = enforce_free(d.enforce);
	free(d.wanted);
	int status = 0;
	(void)waitpid(d.pid, &status, 0);
	printf("ended %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 0;
}
