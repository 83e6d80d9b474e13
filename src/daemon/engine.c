/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/engine.h"

#include "api/api.h"
#include "api/native/control.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "base/loop.h"
#include "core/engine.h"
#include "daemon/fleet.h"
#include "daemon/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define PEM_MAX (256u << 10)

struct engine {
	const struct engine_config *config;
	struct settings *settings;
	struct loop *loop;
	struct core *core;
	struct api *api;
	struct control *control;
	struct daemon_fleet *fleet;
	char *certificates[SETTINGS_LISTENERS_MAX], *keys[SETTINGS_LISTENERS_MAX];
	int status; /* exit status */
};

static char *read_pem(const char *path, struct err *err)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	_cleanup_(freep) char *text = calloc(1, PEM_MAX);
	if (!f || !text || fread(text, 1, PEM_MAX - 1, f) == 0) {
		err_set(err, -errno, "%s: %s", path, strerror(errno ? errno : EIO));
		return NULL;
	}
	return take(text);
}

/* While root can still read them. */
static int read_certificates(struct engine *e, struct err *err)
{
	for (unsigned i = 0; i < e->settings->listener_count; i++) {
		const struct listener_settings *l = &e->settings->listen[i];
		if (!l->certificate[0])
			continue;
		e->certificates[i] = read_pem(l->certificate, err);
		e->keys[i] = e->certificates[i] ? read_pem(l->key, err) : NULL;
		if (!e->keys[i])
			return -EIO;
	}
	return 0;
}

static void forget_certificates(struct engine *e)
{
	for (unsigned i = 0; i < SETTINGS_LISTENERS_MAX; i++) {
		if (e->keys[i])
			sodium_memzero(e->keys[i], strlen(e->keys[i]));
		free(e->certificates[i]);
		free(e->keys[i]);
	}
}

static const char *journal_directory(const struct settings *s)
{
	for (unsigned i = 0; i < s->sensor_count; i++)
		if (s->sensors[i].kind == SENSOR_JOURNAL && s->sensors[i].path[0])
			return s->sensors[i].path;
	return NULL;
}

/* From here on all names are relative: parents of the state directory may be closed to us. */
static int enter(struct engine *e, struct err *err)
{
	struct settings *s = e->settings;
	if (chdir(s->state_dir) < 0)
		return err_set(err, -errno, "%s: %s", s->state_dir, strerror(errno));
	(void)snprintf(s->state_dir, sizeof(s->state_dir), ".");
	if (e->config->become) {
		int r = sandbox_become(e->config->become, err);
		if (r < 0)
			return r;
	} else {
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	int r = sandbox_files(journal_directory(s));
	if (r == -ENOSYS || r == -EOPNOTSUPP)
		log_warning("this kernel has no Landlock: files are guarded by permissions alone");
	else if (r < 0)
		return err_set(err, r, "Landlock: %s", strerror(-r));
#ifndef CORDON_SANITIZED
	r = sandbox_calls();
	if (r < 0)
		return err_set(err, r, "seccomp: %s", strerror(-r));
#endif
	return 0;
}

static int start_api(struct engine *e, struct err *err)
{
	struct api_listener listeners[SETTINGS_LISTENERS_MAX];
	unsigned n = e->settings->listener_count;
	for (unsigned i = 0; i < n; i++)
		listeners[i] = (struct api_listener){.fd = e->config->listeners[i],
			.certificate = e->certificates[i],
			.key = e->keys[i]};
	int r = api_new(e->core, &e->api, err);
	return r < 0 ? r : api_start(e->api, listeners, n, err);
}

static int report(const struct engine *e, enum engine_report what)
{
	uint32_t word = what;
	return fdpass_send(e->config->monitor, &word, sizeof(word), -1);
}

static void give_up(void *ctx, const char *why)
{
	struct engine *e = ctx;
	log_error("%s: ending, to be started again", why);
	e->status = 1;
	loop_stop(e->loop);
}

static void on_ready(void *ctx)
{
	struct engine *e = ctx;
	struct err err;
	if (start_api(e, &err) < 0 || daemon_fleet_start(e->fleet, &err) < 0) {
		give_up(e, err.text);
		return;
	}
	if (control_new(e->loop, e->core, e->config->control, &e->control) < 0) {
		give_up(e, "the command line's socket cannot be served");
		return;
	}
	control_set_link(e->control, daemon_fleet_link, e->fleet);
	(void)report(e, ENGINE_READY);
}

static void on_wished(void *ctx, const uint32_t *hosts, size_t n)
{
	struct engine *e = ctx;
	daemon_fleet_wished(e->fleet, hosts, n);
}

static void on_reportable(void *ctx)
{
	struct engine *e = ctx;
	daemon_fleet_reportable(e->fleet);
}

/* On the agent's thread. */
static void on_dismissed(void *ctx)
{
	struct engine *e = ctx;
	if (report(e, ENGINE_DISMISSED) < 0)
		log_error("the monitor cannot be told that the server dismissed this machine");
}

static void on_terminate(void *ctx, int signo)
{
	struct engine *e = ctx;
	(void)signo;
	loop_stop(e->loop);
}

static void ignore(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
}

static int make_loop(struct engine *e)
{
	e->loop = loop_new();
	if (!e->loop)
		return -ENOMEM;
	(void)signal(SIGPIPE, SIG_IGN);
	int r = loop_signal(e->loop, SIGTERM, on_terminate, e);
	if (r == 0)
		r = loop_signal(
			e->loop, SIGINT, ignore, e); /* the terminal's ^C is the monitor's */
	if (r == 0)
		r = loop_signal(e->loop, SIGHUP, ignore, e);
	return r;
}

static int make_fleet(struct engine *e, struct err *err)
{
	const struct daemon_fleet_options options = {.settings = e->settings,
		.loop = e->loop,
		.listener = e->config->fleet,
		.dismissed = on_dismissed,
		.ctx = e};
	return daemon_fleet_new(&options, &e->fleet, err);
}

static int run(struct engine *e, struct err *err)
{
	const struct core_ops ops = {.inputs = inputs_client_ops(e->config->inputs),
		.ready = on_ready,
		.wished = on_wished,
		.reportable = on_reportable,
		.failed = give_up,
		.ctx = e};
	err_set(err, 0, "no memory");
	int r = make_loop(e);
	if (r == 0)
		r = read_certificates(e, err);
	if (r == 0)
		r = make_fleet(e, err);
	if (r == 0)
		r = enter(e, err);
	if (r == 0)
		r = core_new(e->loop, e->settings, &ops, e->config->enforcer, &e->core, err);
	if (r == 0)
		daemon_fleet_begin(e->fleet, e->core);
	if (r == 0)
		r = core_start(e->core, err);
	if (r == 0)
		r = loop_run(e->loop);
	/* who waits for an operation is answered before the server is asked to end */
	if (e->core)
		core_close(e->core);
	e->control = control_free(e->control);
	e->api = api_free(e->api);
	e->fleet = daemon_fleet_free(e->fleet);
	e->core = core_free(e->core);
	e->loop = loop_free(e->loop);
	return r;
}

int engine_main(const struct engine_config *config)
{
	struct engine e = {.config = config, .settings = config->settings};
	struct err err = {""};
	log_init("cordond[engine]", (enum log_level)config->settings->log_level);
	/* lists of a burst are given back when it is over: glibc would learn to keep them */
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 10);
	if (sodium_init() < 0) {
		log_error("libsodium cannot start");
		return 1;
	}
	int r = run(&e, &err);
	if (r < 0)
		log_error("%s", err.text);
	forget_certificates(&e);
	return r < 0 ? 1 : e.status;
}
