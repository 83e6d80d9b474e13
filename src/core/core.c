/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Core put together: opened from the store, started by the first comparison
 * with the kernel, ended with everything where a restart finds it.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/host.h"
#include "core/private.h"

#include <errno.h>

static void on_expiry(void *ctx)
{
	blocks_expire(ctx);
}

static void on_hits_due(void *ctx)
{
	hits_sample(ctx);
	kernel_catch_up(ctx);
}

static void on_upkeep(void *ctx)
{
	upkeep_run(ctx);
}

/* The kernel is in line: now lines may be read, and the world told. */
static void on_synced_once(void *ctx)
{
	struct core *c = ctx;
	struct err err;
	if (sources_start(c, &err) < 0) {
		log_error("%s", err.text);
		c->ops->failed(c->ops->ctx, err.text);
		return;
	}
	timer_set(c->hits_timer, c->settings->hits_interval);
	timer_set(c->upkeep_timer, 10 * MS_SECOND);
	if (c->ops->ready)
		c->ops->ready(c->ops->ctx);
}

static int make_timers(struct core *c)
{
	c->ready_timer = timer_new(c->loop, on_synced_once, c);
	c->expiry_timer = timer_new(c->loop, on_expiry, c);
	c->hits_timer = timer_new(c->loop, on_hits_due, c);
	c->upkeep_timer = timer_new(c->loop, on_upkeep, c);
	return c->ready_timer && c->expiry_timer && c->hits_timer && c->upkeep_timer ? 0 : -ENOMEM;
}

static void read_boot_id(struct core *c)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!f || fscanf(f, "%39s", c->boot_id) != 1)
		(void)snprintf(c->boot_id, sizeof(c->boot_id), "unknown");
}

static int load(struct core *c, struct err *err)
{
	int r = store_account_first(c->store, &c->account);
	if (r == 0)
		r = host_load(c);
	if (r == 0)
		r = agent_load(c);
	if (r == 0)
		r = versions_load(c);
	if (r == 0)
		r = exempt_new(c, &c->exempt);
	if (r == 0)
		r = exempt_load_allow(c);
	if (r == 0)
		r = pipeline_load(c);
	if (r == 0)
		r = blocks_load(c);
	if (r == 0)
		r = presence_new(c, &c->presence);
	if (r == 0)
		r = fleet_load(c);
	if (r != 0)
		return err_set(
			err, r < 0 ? r : -EIO, "loading the state: %s", store_error(c->store));
	return 0;
}

int core_new(struct loop *loop, const struct settings *settings, const struct core_ops *ops,
	int enforcer, struct core **ret, struct err *err)
{
	struct core *c = calloc(1, sizeof(*c));
	if (!c) {
		closep(&enforcer);
		return err_set(err, -ENOMEM, "no memory");
	}
	c->loop = loop;
	c->settings = settings;
	c->ops = ops;
	c->started = clock_now();
	c->calls.wake_fd = -1;
	read_boot_id(c);
	err_set(err, 0, "no memory");
	int r = kernel_start(c, enforcer);
	if (r == 0)
		r = make_timers(c);
	if (r == 0)
		r = answers_init(c);
	if (r == 0)
		r = elements_init(&c->elements);
	if (r == 0)
		r = tally_init(&c->tally);
	if (r == 0)
		r = call_queue_init(c, loop);
	if (r == 0)
		r = (c->protect = protect_new()) ? 0 : -ENOMEM;
	if (r == 0)
		r = (c->confirm = confirm_new()) ? 0 : -ENOMEM;
	if (r == 0)
		r = store_open(settings->state_dir, &c->store, err);
	if (r == 0)
		r = clockstep_new(c, &c->clockstep);
	if (r == 0)
		r = load(c, err);
	if (r < 0) {
		core_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int core_start(struct core *c, struct err *err)
{
	(void)err;
	blocks_expire(c);
	/* the configuration, or this machine's addresses, may have changed since */
	if (operations_lift_protected(c) < 0)
		log_error("blocks of what is never blocked stay on record: %s",
			store_error(c->store)); /* the kernel's allow-list comes first */
	kernel_sync_soon(c, 0);
	return 0;
}

void core_close(struct core *c)
{
	call_queue_close(c);
}

struct core *core_free(struct core *c)
{
	if (!c)
		return NULL;
	c->stopping = true;
	call_queue_done(c);
	sources_stop(c);
	fleet_unload(c);
	agent_unload(c);
	c->presence = presence_free(c->presence);
	c->exempt = exempt_free(c->exempt);
	c->clockstep = clockstep_free(c->clockstep);
	kernel_stop(c);
	c->ready_timer = timer_free(c->ready_timer);
	c->expiry_timer = timer_free(c->expiry_timer);
	c->hits_timer = timer_free(c->hits_timer);
	c->upkeep_timer = timer_free(c->upkeep_timer);
	c->ahead = ahead_free(c->ahead);
	c->detector = detector_free(c->detector);
	c->windows = window_table_free(c->windows);
	c->sessions = session_table_free(c->sessions);
	c->protect = protect_free(c->protect);
	c->confirm = confirm_free(c->confirm);
	c->store = store_close(c->store);
	elements_done(&c->elements);
	tally_done(&c->tally);
	free(c->rules);
	free(c->counted);
	free(c->orders);
	targets_done(&c->wished);
	answers_done(c);
	backlog_done(c);
	free(c->begun);
	free(c);
	return NULL;
}

struct store *core_store(struct core *c)
{
	return c->store;
}
