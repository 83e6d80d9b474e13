/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include "base/fdpass.h"
#include "base/log.h"
#include "base/util.h"
#include "enforce/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>

static void on_ready(void *ctx)
{
	((struct world *)ctx)->ready = true;
}

static void on_failed(void *ctx, const char *why)
{
	(void)why;
	((struct world *)ctx)->failed = true;
}

static void on_wished(void *ctx, const uint32_t *hosts, size_t n)
{
	struct world *w = ctx;
	w->wished++;
	w->wished_all = hosts == NULL;
	w->wished_n = MIN_OF(n, countof(w->wished_hosts));
	for (size_t i = 0; i < w->wished_n; i++)
		w->wished_hosts[i] = hosts[i];
}

static void on_reportable(void *ctx)
{
	((struct world *)ctx)->reportable++;
}

static void say(struct world *w, const char *message, size_t n)
{
	assert_int_equal(fdpass_send(w->peer, message, n, -1), 0);
}

static void tell_state(struct world *w)
{
	char message[WIRE_MESSAGE_MAX];
	struct enforce_state state = {.ready = true, .table = 7, .kernel = "test"};
	size_t n = wire_put_header(message, WIRE_STATE, 0, 1);
	say(w, message, n + wire_put_state(message + n, &state));
}

static size_t find(const struct world *w, enum enforce_list list, const struct prefix *target)
{
	size_t i = 0;
	while (i < w->kernel_n &&
		!(w->kernel[i].list == list && prefix_eq(&w->kernel[i].target, target)))
		i++;
	return i;
}

static int apply(struct world *w, const struct enforce_order *o)
{
	size_t i = find(w, o->element.list, &o->element.target);
	if (o->remove) {
		w->removed++;
		if (w->refuse_remove)
			return w->refuse_remove;
		if (i < w->kernel_n)
			w->kernel[i] = w->kernel[--w->kernel_n];
		return 0;
	}
	w->added++;
	if (w->refuse)
		return w->refuse;
	if (o->element.expires <= clock_now())
		return -ETIME;
	assert_true(i < KERNEL_MOST);
	w->kernel[i] = o->element;
	w->kernel_n += i == w->kernel_n;
	return 0;
}

static void answer_orders(struct world *w, const struct wire_message *m)
{
	char message[WIRE_MESSAGE_MAX];
	size_t n = wire_put_header(message, WIRE_ANSWERS, 0, m->count);
	for (size_t i = 0; i < m->count; i++) {
		struct enforce_order o = wire_get_order(m, i, NULL);
		n += wire_put_order(message + n, &o, apply(w, &o));
	}
	if (!w->mute)
		say(w, message, n);
}

static void take_wanted(struct world *w, const struct wire_message *m)
{
	char message[WIRE_MESSAGE_MAX];
	if (m->first)
		w->wanted_n = 0;
	for (size_t i = 0; i < m->count; i++)
		w->wanted[w->wanted_n++] = wire_get_order(m, i, NULL).element;
	if (!m->last || w->mute)
		return;
	struct enforce_sync_result result = {.error = w->refuse};
	if (!w->refuse) {
		memcpy(w->kernel, w->wanted, sizeof(w->kernel));
		w->kernel_n = w->wanted_n;
	}
	w->syncs++;
	size_t n = wire_put_header(message, WIRE_SYNCED, 0, 1);
	say(w, message, n + wire_put_synced(message + n, &result));
}

static void tell_hits(struct world *w)
{
	char message[WIRE_MESSAGE_MAX];
	size_t n = wire_put_header(message, WIRE_HITS, WIRE_FIRST | WIRE_LAST, w->hit_n);
	for (size_t i = 0; i < w->hit_n; i++)
		n += wire_put_hit(message + n, &w->hits[i]);
	say(w, message, n);
}

static void tell_found(struct world *w, const struct wire_message *m)
{
	char message[WIRE_MESSAGE_MAX];
	struct enforce_order o = wire_get_order(m, 0, NULL);
	size_t i = find(w, o.element.list, &o.element.target);
	if (w->mute)
		return;
	if (i < w->kernel_n)
		o.element = w->kernel[i];
	size_t n = wire_put_header(message, WIRE_FOUND, 0, 1);
	say(w, message, n + wire_put_order(message + n, &o, i < w->kernel_n ? 0 : -ENOENT));
}

static void tell_answered(struct world *w, const struct wire_message *m)
{
	char message[WIRE_MESSAGE_MAX];
	struct wire_who who = wire_get_who(m);
	w->asked++;
	if (w->deaf)
		return;
	who.error = -ENOENT;
	for (size_t i = 0; i < w->connected_n; i++)
		if (w->connected[i].len == who.len &&
			memcmp(w->connected[i].addr.b, who.addr, sizeof(who.addr)) == 0)
			who.error = 0;
	size_t n = wire_put_header(message, WIRE_ANSWERED, 0, 1);
	memcpy(message + n, &who, sizeof(who));
	say(w, message, n + sizeof(who));
}

/* True when there was something to do. */
static bool serve(struct world *w)
{
	char message[WIRE_MESSAGE_MAX];
	struct wire_message m;
	int fd;
	ssize_t n = w->peer >= 0 ? fdpass_recv(w->peer, message, sizeof(message), &fd) : 0;
	if (n <= 0)
		return false;
	assert_int_equal(wire_decode(WIRE_TO_ENFORCER, message, (size_t)n, &m), 0);
	switch (m.kind) {
	case WIRE_ORDERS:
		answer_orders(w, &m);
		break;
	case WIRE_WANTED:
		take_wanted(w, &m);
		break;
	case WIRE_SAMPLE:
		tell_hits(w);
		break;
	case WIRE_WHO:
		tell_answered(w, &m);
		break;
	default:
		tell_found(w, &m);
	}
	return true;
}

static void *serve_alone(void *arg)
{
	struct world *w = arg;
	while (!w->ending) {
		struct pollfd wait = {.fd = w->peer, .events = POLLIN};
		(void)poll(&wait, 1, 20);
		(void)pthread_mutex_lock(&w->lock);
		(void)serve(w);
		(void)pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

void world_connected(struct world *w, const char *who)
{
	w->connected[w->connected_n] = world_prefix(who);
	w->connected_n++;
}

void world_turn(struct world *w)
{
	assert_int_equal(loop_once(w->loop, false), 0);
	if (w->threaded || !serve(w))
		(void)usleep(200);
}

void world_settle(struct world *w)
{
	for (int idle = 0, all = 0; idle < 100 && all < 1000; idle++, all++) {
		assert_int_equal(loop_once(w->loop, false), 0);
		while (!w->threaded && serve(w))
			idle = 0;
		(void)usleep(200);
	}
}

static void start(struct world *w, bool answering)
{
	struct err err = {""};
	int pair[2] = {-1, -1};
	w->ready = w->failed = false;
	if (!w->settings->observe) {
		assert_int_equal(fdpass_pair(pair), 0);
		w->peer = pair[1];
		tell_state(w);
	}
	w->threaded = answering;
	w->ending = false;
	if (answering)
		assert_int_equal(pthread_create(&w->thread, NULL, serve_alone, w), 0);
	w->loop = loop_new();
	w->ops = (struct core_ops){.inputs = input_direct(&w->path),
		.ready = on_ready,
		.wished = on_wished,
		.reportable = on_reportable,
		.failed = on_failed,
		.ctx = w};
	if (core_new(w->loop, w->settings, &w->ops, pair[0], &w->core, &err) < 0 ||
		core_start(w->core, &err) < 0)
		fail_msg("%s", err.text);
	world_until(w, w->ready);
	struct core_status status;
	core_get_status(w->core, &status);
	w->who = (struct core_caller){.account = status.account.id, .who = "cli"};
	memcpy(w->uuid, status.host.uuid, sizeof(w->uuid));
}

void world_start(struct world *w)
{
	start(w, false);
}

void world_start_answering(struct world *w)
{
	start(w, true);
}

void world_stop(struct world *w)
{
	w->ending = true;
	if (w->threaded)
		(void)pthread_join(w->thread, NULL);
	w->threaded = false;
	if (w->core)
		core_close(w->core);
	w->core = core_free(w->core);
	w->loop = loop_free(w->loop);
	closep(&w->peer);
	w->peer = -1;
}

int world_prepare(void **state, bool observe)
{
	struct world *w = calloc(1, sizeof(*w));
	log_init("test", LOG_LEVEL_ERROR);
	if (!w)
		return -1;
	*state = w;
	w->peer = -1;
	w->pid = 1000;
	(void)pthread_mutex_init(&w->lock, NULL);

	const char *tmp = getenv("TMPDIR");
	(void)snprintf(w->dir, sizeof(w->dir), "%.40s/cordon-core-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w->dir))
		return -1;
	(void)snprintf(w->log, sizeof(w->log), "%s.log", w->dir);
	w->path = w->log;
	int fd = open(w->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	closep(&fd);
	w->settings = calloc(1, sizeof(*w->settings));
	settings_default(w->settings);
	struct settings *s = w->settings;
	(void)snprintf(s->state_dir, sizeof(s->state_dir), "%s", w->dir);
	s->observe = observe;
	s->sensor_count = 1;
	s->sensors[0] = (struct sensor_settings){
		.kind = SENSOR_FILE, .services = SERVICE_BIT(SERVICE_SSH), .from_start = true};
	(void)snprintf(s->sensors[0].path, sizeof(s->sensors[0].path), "%s", w->log);
	s->tracked_sources = 10000;
	s->tracked_bytes = 4 << 20;
	s->tracked_sessions = 4096;
	return 0;
}

int world_setup(void **state)
{
	if (world_prepare(state, false) < 0)
		return -1;
	world_start(*state);
	return 0;
}

int world_setup_observe(void **state)
{
	if (world_prepare(state, true) < 0)
		return -1;
	world_start(*state);
	return 0;
}

static void remove_files(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		(void)closedir(dir);
}

int world_teardown(void **state)
{
	struct world *w = *state;
	world_stop(w);
	remove_files(w->dir);
	if (w->tmpfs && umount2(w->dir, MNT_DETACH) == 0)
		remove_files(w->dir); /* what lay below */
	(void)unlink(w->log);
	int r = rmdir(w->dir);
	free(w->settings);
	free(w);
	return r;
}

void world_failures(struct world *w, const char *address, unsigned n, int64_t time)
{
	char stamp[CLOCK_TEXT_MAX];
	FILE *f = fopen(w->log, "ae");
	assert_non_null(f);
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(f, "%s web sshd[%d]: Failed password for root from %s port %u ssh2\n",
			clock_format(time, stamp), w->pid++, address, 1024 + i);
	(void)fclose(f);
}

struct prefix world_prefix(const char *text)
{
	struct prefix p;
	if (!prefix_parse(slice_of(text), &p))
		fail_msg("%s is no prefix", text);
	return p;
}

int world_by_hand(struct world *w, const struct prefix *target, enum block_direction direction,
	int64_t expires, const char *why, struct err *err)
{
	const char *uuid = w->uuid;
	const struct core_custom_wish wish = {.target = *target,
		.direction = direction,
		.expires = expires,
		.why = why,
		.uuids = &uuid,
		.n = 1};
	return core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, err);
}

const struct enforce_element *world_in_kernel(
	const struct world *w, enum enforce_list list, const char *target)
{
	struct prefix p = world_prefix(target);
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&w->lock;
	(void)pthread_mutex_lock(lock);
	size_t i = find(w, list, &p);
	bool found = i < w->kernel_n;
	(void)pthread_mutex_unlock(lock);
	return found ? &w->kernel[i] : NULL;
}

struct block world_block(struct world *w, const char *target, enum service service)
{
	struct core_status status;
	struct prefix p = world_prefix(target);
	struct block b = {0};
	core_get_status(w->core, &status);
	assert_true(store_block_find(
			    core_store(w->core), status.host.id, &p, service, BLOCK_IN, &b) >= 0);
	return b;
}

enum block_state world_state(struct world *w, const char *target)
{
	struct block b = world_block(w, target, SERVICE_SSH);
	if (b.id == 0)
		b = world_block(w, target, SERVICE_NONE);
	return b.id ? b.state : BLOCK_STATES;
}

int64_t world_attempts(struct world *w)
{
	return store_attempt_total(core_store(w->core), 0);
}

void world_drift(struct world *w)
{
	char message[WIRE_MESSAGE_MAX];
	say(w, message, wire_put_header(message, WIRE_DRIFT, 0, 0));
}
