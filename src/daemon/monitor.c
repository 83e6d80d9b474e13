/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/monitor.h"

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "core/settings.h"
#include "daemon/engine.h"
#include "daemon/inputs.h"
#include "daemon/listen.h"
#include "daemon/statedir.h"
#include "enforce/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#define STOP_PATIENCE (10 * MS_SECOND)
#define BACKOFF_MAX   (30 * MS_SECOND)
#define LIVED_LONG    (30 * MS_SECOND)

struct monitor {
	const struct monitor_options *options;
	struct settings *settings;
	struct identity engine_user, enforcer_user;
	bool root;
	int signals; /* signalfd */
	int control;
	int listeners[SETTINGS_LISTENERS_MAX];
	int fleet; /* listens for agents, or -1 */

	pid_t engine, enforcer; /* 0: not running */
	int inputs, reports;    /* our ends */
	int64_t started, backoff;
	bool was_ready;
	bool ending, reloading; /* SIGTERM, SIGHUP came */
	int status;             /* exit status */
};

/* Why blocks cannot reach the kernel here, NULL when they can. */
static const char *observe_reason(const struct monitor *m)
{
	if (m->settings->observe)
		return "as configured";
	if (!m->root)
		return "not root";
	int r = enforcer_probe();
	return r < 0 ? strerror(-r) : NULL;
}

static void decide_observe(struct monitor *m)
{
	log_info("role: %s", settings_role_name(m->settings->role));
	if (m->settings->role == ROLE_SERVER)
		return; /* its agents do it */
	const char *why = observe_reason(m);
	m->settings->observe = why != NULL;
	if (why)
		log_warning("observe mode (%s): nothing will be blocked, and every record says so",
			why);
}

static void find_users(struct monitor *m)
{
	bool known;
	m->engine_user = identity_find(m->settings->user, 0, &known);
	if (!known && m->root)
		log_warning(
			"there is no user %s: using uid %u", m->settings->user, m->engine_user.uid);
	m->enforcer_user = identity_find(m->settings->enforcer_user, 1, &known);
}

static int open_listeners(struct monitor *m, struct err *err)
{
	for (unsigned i = 0; i < m->settings->listener_count; i++) {
		m->listeners[i] = listen_tcp(&m->settings->listen[i], err);
		if (m->listeners[i] < 0)
			return m->listeners[i];
	}
	if (!m->settings->fleet_listen.host[0])
		return 0;
	m->fleet = listen_fleet(&m->settings->fleet_listen, err);
	return MIN_OF(m->fleet, 0);
}

static void close_listeners(struct monitor *m)
{
	for (unsigned i = 0; i < SETTINGS_LISTENERS_MAX; i++) {
		closep(&m->listeners[i]);
		m->listeners[i] = -1;
	}
	closep(&m->fleet);
	m->fleet = -1;
}

static int open_sockets(struct monitor *m, struct err *err)
{
	char path[PATH_MAX + 16];
	const struct group *gr = getgrnam(m->settings->group);
	(void)snprintf(path, sizeof(path), "%s/cordon.sock", m->settings->run_dir);
	m->control = listen_control(path, gr ? gr->gr_gid : (gid_t)-1, err);
	return m->control < 0 ? m->control : open_listeners(m, err);
}

/* Root keeps what it needs to open files and ports and to make children; no more. */
static int reduce_capabilities(struct err *err)
{
	static const cap_value_t needed[] = {CAP_DAC_READ_SEARCH, CAP_NET_ADMIN,
		CAP_NET_BIND_SERVICE, CAP_SETUID, CAP_SETGID, CAP_KILL};
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bool keep = false;
		for (size_t i = 0; i < countof(needed); i++)
			keep = keep || needed[i] == cap;
		if (!keep)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	cap_t caps = cap_init();
	int n = (int)countof(needed);
	int r = 0;
	if (!caps || cap_set_flag(caps, CAP_PERMITTED, n, needed, CAP_SET) < 0 ||
		cap_set_flag(caps, CAP_EFFECTIVE, n, needed, CAP_SET) < 0 || cap_set_proc(caps) < 0)
		r = err_set(err, -errno, "reducing capabilities: %s", strerror(errno));
	if (caps)
		(void)cap_free(caps);
	return r;
}

static int open_signals(struct monitor *m, struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return err_set(err, -errno, "sigprocmask: %s", strerror(errno));
	m->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return m->signals < 0 ? err_set(err, -errno, "signalfd: %s", strerror(errno)) : 0;
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* A child starts with the standard three and these, sorted here, and nothing else. */
static void keep_only(int *fds, unsigned n)
{
	unsigned next = 3;
	qsort(fds, n, sizeof(*fds), compare_ints);
	for (unsigned i = 0; i < n; i++) {
		if (fds[i] < 3)
			continue;
		if ((unsigned)fds[i] > next)
			(void)close_range(next, (unsigned)fds[i] - 1, 0);
		next = (unsigned)fds[i] + 1;
	}
	(void)close_range(next, ~0u, 0);
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_enforcer(struct monitor *m, int socket)
{
	const struct enforcer_config config = {.table = m->settings->nft_table,
		.own = m->settings->nft_owner,
		.uid = m->enforcer_user.uid,
		.gid = m->enforcer_user.gid,
		.ports = settings_ports(m->settings)};
	keep_only(&socket, 1);
	(void)prctl(PR_SET_NAME, "cordon-enforcer");
	log_init("cordond[enforcer]", (enum log_level)m->settings->log_level);
	_exit(enforcer_main(socket, &config));
}

static void run_engine(struct monitor *m, int inputs, int reports, int enforcer)
{
	struct engine_config config = {.settings = m->settings,
		.become = m->root ? &m->engine_user : NULL,
		.inputs = inputs,
		.monitor = reports,
		.enforcer = enforcer,
		.control = m->control,
		.fleet = m->fleet};
	int keep[5 + SETTINGS_LISTENERS_MAX] = {inputs, reports, enforcer, m->control, m->fleet};
	unsigned n = 5;
	for (unsigned i = 0; i < m->settings->listener_count; i++)
		keep[n++] = config.listeners[i] = m->listeners[i];
	keep_only(keep, n);
	(void)prctl(PR_SET_NAME, "cordon-engine");
	_exit(engine_main(&config));
}

static int fork_enforcer(struct monitor *m, int *ret_engine_end)
{
	int ends[2];
	int r = fdpass_pair(ends);
	if (r < 0)
		return r;
	m->enforcer = fork();
	if (m->enforcer == 0)
		run_enforcer(m, ends[0]);
	int error = errno;
	(void)close(ends[0]);
	if (m->enforcer < 0) {
		m->enforcer = 0;
		(void)close(ends[1]);
		return -error;
	}
	*ret_engine_end = ends[1];
	return 0;
}

static int start_children(struct monitor *m)
{
	int inputs[2] = {-1, -1}, reports[2] = {-1, -1}, enforcer = -1;
	int r = fdpass_pair(inputs);
	if (r == 0)
		r = fdpass_pair(reports);
	if (r == 0 && !m->settings->observe)
		r = fork_enforcer(m, &enforcer);
	if (r == 0) {
		m->engine = fork();
		if (m->engine == 0)
			run_engine(m, inputs[1], reports[1], enforcer);
		if (m->engine < 0) {
			r = -errno;
			m->engine = 0;
		}
	}
	closep(&enforcer);
	closep(&inputs[1]);
	closep(&reports[1]);
	m->inputs = inputs[0];
	m->reports = reports[0];
	m->started = clock_mono();
	if (r < 0)
		log_error("the processes cannot be started: %s", strerror(-r));
	return r;
}

static void forget_child(struct monitor *m, pid_t pid, int status)
{
	const char *name = pid == m->engine ? "engine" : "enforcer";
	if (pid != m->engine && pid != m->enforcer)
		return;
	if (pid == m->engine)
		m->engine = 0;
	else
		m->enforcer = 0;
	if (WIFSIGNALED(status))
		log_error("the %s was ended by signal %d (%s)", name, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		log_error("the %s ended with status %d", name, WEXITSTATUS(status));
}

static void reap(struct monitor *m)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		forget_child(m, pid, status);
}

/* Children are reaped at once, the rest is remembered for watch(). */
static void take_signals(struct monitor *m)
{
	struct signalfd_siginfo info;
	while (read(m->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			m->reloading = true;
		else if (info.ssi_signo != SIGCHLD)
			m->ending = true;
	}
	reap(m);
}

/* Politely, the engine first: the enforcer ends when its socket closes. */
static void stop_children(struct monitor *m, bool for_good)
{
	int64_t deadline = clock_mono() + STOP_PATIENCE;
	if (for_good && m->enforcer > 0)
		(void)kill(m->enforcer, SIGUSR1);
	if (m->engine > 0)
		(void)kill(m->engine, SIGTERM);
	while ((m->engine > 0 || m->enforcer > 0) && clock_mono() < deadline) {
		/* an engine that has hung up would wake us for nothing, again and again */
		struct pollfd wait[2] = {{.fd = m->signals, .events = POLLIN},
			{.fd = m->engine > 0 ? m->inputs : -1, .events = POLLIN}};
		(void)poll(wait, 2, 100);
		if (wait[1].revents & POLLIN)
			(void)inputs_serve(m->inputs, m->settings);
		take_signals(m);
	}
	for (int i = 0; i < 2; i++) {
		pid_t pid = i ? m->enforcer : m->engine;
		if (pid > 0) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
		}
	}
	m->engine = m->enforcer = 0;
	closep(&m->inputs);
	closep(&m->reports);
	m->inputs = m->reports = -1;
}

/* Unless the end comes first. */
static void pause_for(struct monitor *m, int64_t ms)
{
	int64_t until = clock_mono() + ms;
	for (int64_t left = ms; left > 0 && !m->ending; left = until - clock_mono()) {
		struct pollfd wait = {.fd = m->signals, .events = POLLIN};
		(void)poll(&wait, 1, (int)left);
		take_signals(m);
	}
}

/* One of them died: all of them start again. False: give up. */
static bool recover(struct monitor *m)
{
	stop_children(m, false);
	if (!m->was_ready) {
		log_error("could not start");
		return false;
	}
	if (clock_mono() - m->started > LIVED_LONG)
		m->backoff = 0;
	if (m->backoff > 0) {
		log_warning("starting again in %lld s", (long long)(m->backoff / MS_SECOND));
		pause_for(m, m->backoff);
	}
	if (m->ending)
		return true;
	m->backoff = MIN_OF(MAX_OF(m->backoff * 2, MS_SECOND), BACKOFF_MAX);
	return start_children(m) == 0;
}

/* The listeners of m->settings are closed, those of fresh opened; else the former again. */
static bool change_listeners(struct monitor *m, struct settings *fresh)
{
	struct settings *old = m->settings;
	struct err err;
	close_listeners(m);
	m->settings = fresh;
	int r = open_listeners(m, &err);
	m->settings = old;
	if (r == 0)
		return true;
	log_error("reload: %s; going on as before", err.text);
	close_listeners(m);
	if (open_listeners(m, &err) < 0)
		log_error("reload: %s", err.text);
	return false;
}

/* Where the state lies and who the processes are: a reload keeps these, and says so. */
static void keep_fixed(const struct settings *now, struct settings *fresh)
{
	static const struct {
		const char *name;
		size_t offset, size;
	} fixed[] = {
#define FIXED(member)                                                                              \
	{#member, offsetof(struct settings, member), sizeof(((struct settings *)NULL)->member)}
		FIXED(state_dir),
		FIXED(run_dir),
		FIXED(nft_table),
		FIXED(user),
		FIXED(enforcer_user),
		FIXED(group),
#undef FIXED
	};
	for (size_t i = 0; i < countof(fixed); i++) {
		const char *old = (const char *)now + fixed[i].offset;
		char *new = (char *)fresh + fixed[i].offset;
		if (strcmp(old, new) == 0)
			continue;
		log_error("reload: %s stays %s; to make it %s, restart cordond", fixed[i].name, old,
			new);
		memcpy(new, old, fixed[i].size);
	}
}

static bool same_listeners(const struct settings *a, const struct settings *b)
{
	return a->listener_count == b->listener_count &&
	       memcmp(a->listen, b->listen, sizeof(a->listen)) == 0 &&
	       memcmp(&a->fleet_listen, &b->fleet_listen, sizeof(a->fleet_listen)) == 0;
}

/* False: nothing runs any more. */
static bool reload(struct monitor *m)
{
	_cleanup_(freep) struct settings *fresh = calloc(1, sizeof(*fresh));
	struct err err;
	m->reloading = false;
	(void)sd_notify(0, "RELOADING=1");
	if (!fresh || monitor_settings(m->options, fresh, &err) < 0) {
		log_error("reload: %s; going on as before", fresh ? err.text : "no memory");
		(void)sd_notify(0, "READY=1");
		return true;
	}
	keep_fixed(m->settings, fresh);
	bool listen_same = same_listeners(fresh, m->settings);
	log_info("reload: starting again with the new configuration; blocks stay");
	stop_children(m, false);
	if (listen_same || change_listeners(m, fresh)) {
		free(m->settings);
		m->settings = take(fresh);
		log_init("cordond", (enum log_level)m->settings->log_level);
		decide_observe(m);
	}
	return m->ending || start_children(m) == 0;
}

static void on_report(struct monitor *m)
{
	uint32_t report = 0;
	int fd = -1;
	ssize_t n = fdpass_recv(m->reports, &report, sizeof(report), &fd);
	closep(&fd);
	if (n != (ssize_t)sizeof(report))
		return;
	if (report == ENGINE_DISMISSED)
		m->reloading = true;
	if (report != ENGINE_READY)
		return;
	m->was_ready = true;
	log_info("ready");
	(void)sd_notify(0, "READY=1");
}

static void watch(struct monitor *m)
{
	for (;;) {
		struct pollfd fds[3] = {{.fd = m->signals, .events = POLLIN},
			{.fd = m->inputs, .events = POLLIN}, {.fd = m->reports, .events = POLLIN}};
		/* what came while children were stopped waits for nothing */
		int patience = m->ending || m->reloading ? 0 : -1;
		if (poll(fds, 3, patience) < 0 && errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			break;
		}
		if (fds[0].revents)
			take_signals(m);
		if (m->ending) {
			log_info("ending; blocks stay in the kernel (cordon flush takes them out)");
			return;
		}
		if (m->reloading) {
			if (!reload(m))
				break;
			continue;
		}
		bool down = m->engine == 0 || (!m->settings->observe && m->enforcer == 0);
		if (down) {
			if (!recover(m))
				break;
			continue;
		}
		if (fds[2].revents & POLLIN)
			on_report(m);
		int served = fds[1].revents ? inputs_serve(m->inputs, m->settings) : 0;
		if (served == -EPROTO) {
			log_error("the engine asked for what no engine asks for: ending it");
			(void)kill(m->engine, SIGKILL);
		}
		if (served < 0 || fds[2].revents & POLLHUP) {
			/* it is gone or going: its SIGCHLD is on the way */
			struct pollfd wait = {.fd = m->signals, .events = POLLIN};
			(void)poll(&wait, 1, 1000);
		}
	}
	m->status = 1;
}

static int prepare(struct monitor *m, struct err *err)
{
	int r = monitor_settings(m->options, m->settings, err);
	if (r < 0)
		return r;
	log_init("cordond", (enum log_level)m->settings->log_level);
	find_users(m);
	decide_observe(m);
	r = statedir_make(m->settings->state_dir, m->root ? &m->engine_user : NULL, err);
	if (r == 0)
		r = statedir_make_run(m->settings->run_dir, err);
	if (r == 0)
		r = open_sockets(m, err);
	if (r == 0)
		r = statedir_write_pid(m->settings->run_dir, err);
	if (r == 0 && m->root)
		r = reduce_capabilities(err);
	return r == 0 ? open_signals(m, err) : r;
}

int monitor_main(const struct monitor_options *options)
{
	struct monitor m = {.options = options,
		.settings = calloc(1, sizeof(struct settings)),
		.root = geteuid() == 0,
		.signals = -1,
		.control = -1,
		.fleet = -1,
		.inputs = -1,
		.reports = -1};
	struct err err = {"no memory"};
	memset(m.listeners, -1, sizeof(m.listeners));
	log_init("cordond", options->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (!m.settings || prepare(&m, &err) < 0) {
		log_error("%s", err.text);
		return 1;
	}
	if (start_children(&m) == 0)
		watch(&m);
	else
		m.status = 1;
	(void)sd_notify(0, "STOPPING=1");
	stop_children(&m, true);
	statedir_remove_run(m.settings->run_dir);
	close_listeners(&m);
	closep(&m.control);
	closep(&m.signals);
	free(m.settings);
	return m.status;
}
