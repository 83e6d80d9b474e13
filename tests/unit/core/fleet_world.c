/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet_world.h"

#include "base/util.h"
#include "store/custom.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define KEY "00000000000000000000000000000000000000000000000000000000000000aa"

void fleet_server_start(struct fleet *f)
{
	struct err err = {""};
	world_start(f->server);
	if (core_reader_open(f->server->core, &f->reader, &err) < 0)
		fail_msg("%s", err.text);
}

void fleet_server_stop(struct fleet *f)
{
	f->reader = f->reader ? core_reader_close(f->reader) : NULL;
	world_stop(f->server);
}

void fleet_server_restart(struct fleet *f)
{
	fleet_server_stop(f);
	fleet_server_start(f);
}

static void start_agent(struct fleet *f)
{
	world_start(f->agent);
	assert_int_equal(core_agent_begin(f->agent->core, f->host.uuid), 0);
}

void fleet_agent_restart(struct fleet *f)
{
	world_stop(f->agent);
	f->agent->mute = false; /* or it would not start */
	start_agent(f);
}

int fleet_setup(void **state)
{
	struct fleet *f = calloc(1, sizeof(*f));
	void *server, *agent;
	if (!f || world_prepare(&server, true) < 0 || world_prepare(&agent, false) < 0)
		return -1;
	*state = f;
	f->server = server;
	f->agent = agent;
	f->server->settings->role = ROLE_SERVER;
	f->server->settings->sensor_count = 0;
	(void)snprintf(f->server->settings->fleet_listen.host,
		sizeof(f->server->settings->fleet_listen.host), "127.0.0.1");
	f->agent->settings->role = ROLE_AGENT;
	fleet_server_start(f);
	return 0;
}

struct host fleet_enrol(struct fleet *f, int64_t account, const char *key, const char *name)
{
	struct err err = {""};
	char token[64];
	struct host host;
	struct core_caller who = {.account = account, .who = "cli", .from = "root"};
	struct invite invite = {.expires = clock_now() + MS_MINUTE};
	struct agent_info info = {.version = "1.2", .enforces = true};
	(void)snprintf(info.name, sizeof(info.name), "%s", name);
	(void)snprintf(f->fingerprint, sizeof(f->fingerprint), "%s", key);
	if (core_host_invite(f->server->core, &who, &invite, token, sizeof(token), &err) != 0 ||
		core_host_enrol(f->server->core, token, "192.0.2.1", key, &info, &host, &err) != 0)
		fail_msg("%s", err.text);
	return host;
}

int fleet_setup_enrolled(void **state)
{
	if (fleet_setup(state) < 0)
		return -1;
	struct fleet *f = *state;
	f->host = fleet_enrol(f, f->server->who.account, KEY, "web");
	start_agent(f);
	return 0;
}

int fleet_teardown(void **state)
{
	struct fleet *f = *state;
	void *server = f->server, *agent = f->agent;
	f->reader = f->reader ? core_reader_close(f->reader) : NULL;
	int r = world_teardown(&server);
	r = world_teardown(&agent) || r;
	free(f);
	return r;
}

int fleet_send(struct fleet *f)
{
	struct report report = {0};
	int64_t next = 0;
	int r = core_report_next(f->agent->core, &report);
	if (r == CORE_NOT_FOUND)
		return r;
	assert_int_equal(r, 0);
	r = core_report_apply(f->server->core, f->host.id, &report, &next);
	if (r == CORE_INVALID) {
		r = core_report_renumber(f->agent->core, report.number, next);
		assert_int_equal(r, 0);
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(core_report_sent(f->agent->core, report.number), 0);
	}
	report_done(&report);
	return 0;
}

struct wishes fleet_wishes(struct fleet *f, uint32_t host, int64_t after)
{
	struct wishes wishes = {0};
	assert_int_equal(core_wishes(f->reader, host, after, &wishes), 0);
	return wishes;
}

bool wishes_are_empty(const struct wishes *w)
{
	return !w->snapshot && !w->has_policy && w->block_count == 0;
}

bool fleet_follow(struct fleet *f)
{
	int64_t after = 0, next = 0;
	assert_int_equal(core_agent_state(f->agent->core, &after, &next), 0);
	struct wishes wishes = fleet_wishes(f, f->host.id, after);
	bool any = !wishes_are_empty(&wishes);
	if (any)
		assert_int_equal(core_wishes_follow(f->agent->core, &wishes), 0);
	wishes_done(&wishes);
	return any;
}

void fleet_settle(struct fleet *f)
{
	for (unsigned quiet = 0, turns = 0; quiet < 2; turns++) {
		bool any = fleet_follow(f);
		world_settle(f->agent);
		while (fleet_send(f) == 0)
			any = true;
		quiet = any ? 0 : quiet + 1;
		assert_true(turns < 100);
	}
}

static int same_record(void *ctx, const struct block *b)
{
	struct fleet *f = ctx;
	struct block there = {0};
	char text[PREFIX_TEXT_MAX];
	prefix_format(&b->target, text);
	int r = store_block_find(core_store(f->server->core), f->host.id, &b->target, b->service,
		b->direction, &there);
	if (r != 0 || there.state != b->state || there.attempts != b->attempts ||
		there.expires != b->expires || there.lives != b->lives ||
		there.created != b->created || strcmp(there.error, b->error) != 0 ||
		strcmp(there.rule_name, b->rule_name) != 0)
		fail_msg("%s for %s: %s, %lld, '%s' here, %s, %lld, '%s' there", text,
			service_name(b->service), block_state_name(b->state),
			(long long)b->attempts, b->error, block_state_name(there.state),
			(long long)there.attempts, there.error);
	bool held = world_in_kernel(f->agent, b->direction == BLOCK_OUT ? ENFORCE_OUT : ENFORCE_IN,
			    text) != NULL;
	if (b->state == BLOCK_APPLIED)
		assert_true(held);
	return 0;
}

static int count_record(void *ctx, const struct block *b)
{
	(void)b;
	++*(unsigned *)ctx;
	return 0;
}

static int count_applied(void *ctx, const struct block *b)
{
	*(unsigned *)ctx += b->state == BLOCK_APPLIED;
	return 0;
}

void fleet_compare(struct fleet *f)
{
	struct store *here = core_store(f->agent->core), *there = core_store(f->server->core);
	unsigned mine = 0, theirs = 0, applied = 0, in_kernel = 0;
	assert_int_equal(store_block_each(here, 0, ~0u, same_record, f), 0);
	assert_int_equal(store_block_each(here, 0, ~0u, count_record, &mine), 0);
	assert_int_equal(store_block_each(there, f->host.id, ~0u, count_record, &theirs), 0);
	assert_int_equal(mine, theirs);
	assert_int_equal(store_attempt_total(there, 0), world_attempts(f->agent));
	assert_int_equal(store_block_each(here, 0, ~0u, count_applied, &applied), 0);
	for (size_t i = 0; i < f->agent->kernel_n; i++)
		in_kernel += f->agent->kernel[i].list != ENFORCE_ALLOW;
	assert_true(in_kernel <= applied); /* two services may share an element */
	assert_true(applied == 0 || in_kernel > 0);
}

struct block fleet_block(struct fleet *f, const char *target, enum service service)
{
	struct prefix p = world_prefix(target);
	struct block b = {0};
	assert_true(store_block_find(core_store(f->server->core), f->host.id, &p, service, BLOCK_IN,
			    &b) >= 0);
	return b;
}

struct host fleet_host(struct fleet *f, uint32_t id)
{
	struct host h;
	assert_int_equal(store_host_get(core_store(f->server->core), id, &h), 0);
	return h;
}

int64_t fleet_block_on(struct fleet *f, const char *target, int64_t expires, const char *uuid)
{
	struct err err = {""};
	struct core_custom_wish wish = {
		.target = world_prefix(target), .expires = expires, .why = "test"};
	struct custom_block cb;
	wish.uuids = &uuid;
	wish.n = uuid ? 1 : 0;
	if (core_custom_put(f->server->core, &f->server->who, CUSTOM_PUT, &wish, NULL, &err) != 0)
		fail_msg("%s: %s", target, err.text);
	assert_int_equal(store_custom_find(core_store(f->server->core), f->server->who.account,
				 &wish.target, BLOCK_IN, &cb),
		0);
	return cb.id;
}

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	_cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(in >= 0 && out >= 0);
	for (ssize_t n; (n = read(in, bytes, sizeof(bytes))) > 0;)
		assert_int_equal(write(out, bytes, (size_t)n), n);
}

static void remove_all(const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		(void)closedir(dir);
}

static void copy_all(const char *from, const char *to)
{
	char a[512], b[512];
	DIR *dir = opendir(from);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(a, sizeof(a), "%.128s/%.255s", from, e->d_name);
		(void)snprintf(b, sizeof(b), "%.128s/%.255s", to, e->d_name);
		copy_file(a, b);
	}
	(void)closedir(dir);
}

static const char *copy_of(const struct world *w, char path[static 128])
{
	(void)snprintf(path, 128, "%s.saved", w->dir);
	return path;
}

void world_save(struct world *w)
{
	char path[128];
	assert_null(w->core);
	assert_int_equal(mkdir(copy_of(w, path), 0700), 0);
	copy_all(w->dir, path);
}

void world_restore(struct world *w)
{
	char path[128];
	assert_null(w->core);
	remove_all(w->dir);
	copy_all(copy_of(w, path), w->dir);
	remove_all(path);
	assert_int_equal(rmdir(path), 0);
}

void world_wipe(struct world *w)
{
	assert_null(w->core);
	remove_all(w->dir);
}
