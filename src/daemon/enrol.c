/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enrol.h"

#include "core/settings.h"
#include "daemon/sandbox.h"
#include "daemon/statedir.h"
#include "fleet/enrolment.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int fail(const struct err *err)
{
	(void)fprintf(stderr, "cordond: %s\n", err->text);
	return 1;
}

/* The server's name for it is not known yet; its addresses follow with the first connection. */
static void describe(
	const struct enrol_options *o, const struct settings *s, struct agent_info *ret)
{
	*ret = (struct agent_info){.version = CORDON_VERSION, .health = "[]"};
	if (o->name)
		(void)snprintf(ret->name, sizeof(ret->name), "%s", o->name);
	else if (s->host.name[0])
		(void)snprintf(ret->name, sizeof(ret->name), "%s", s->host.name);
	else if (gethostname(ret->name, sizeof(ret->name) - 1) < 0)
		(void)snprintf(ret->name, sizeof(ret->name), "localhost");
	(void)snprintf(ret->instance_id, sizeof(ret->instance_id), "%s", s->host.instance_id);
	(void)snprintf(ret->internet_ip, sizeof(ret->internet_ip), "%s", s->host.internet_ip);
	(void)snprintf(ret->intranet_ip, sizeof(ret->intranet_ip), "%s", s->host.intranet_ip);
	(void)snprintf(ret->region, sizeof(ret->region), "%s", s->host.region);
}

static int refuse_second(const struct enrol_options *o, const struct settings *s, struct err *err)
{
	struct enrolment before = {0};
	if (o->force || enrolment_load(s->state_dir, &before, NULL) < 0)
		return 0;
	(void)err_set(err, -EEXIST,
		"this machine is %s of %s already; --force makes it another server's", before.name,
		before.url);
	enrolment_done(&before);
	return -EEXIST;
}

/* The configuration may say otherwise than what is about to be made. */
static int check_role(const struct settings *s, struct err *err)
{
	if (s->role == ROLE_AUTO || s->role == ROLE_AGENT)
		return 0;
	return err_set(err, -EINVAL,
		"the configuration says role: %s; an agent needs \"auto\" or \"agent\"",
		settings_role_name(s->role));
}

/* A server that starts, or has many enrolments to do, is ready in a moment. */
static int make(const struct enrol_options *o, const struct agent_info *info, struct enrolment *ret,
	struct err *err)
{
	static const unsigned waits[] = {1, 2, 4, 8}; /* s */
	int r = enrolment_make(".", o->url, o->token, info, ret, err);
	for (size_t i = 0; r == -EAGAIN && i < countof(waits); i++) {
		(void)fprintf(stderr, "cordond: %s; again in %u s\n", err->text, waits[i]);
		(void)sleep(waits[i]);
		r = enrolment_make(".", o->url, o->token, info, ret, err);
	}
	return r;
}

/* In the child. The parents of the state directory may be closed to the user it becomes. */
static int enrol_in_directory(const struct enrol_options *o, const struct settings *s,
	const struct identity *become, struct err *err)
{
	struct enrolment made = {0};
	struct agent_info info;
	describe(o, s, &info);
	if (chdir(s->state_dir) < 0)
		return err_set(err, -errno, "%s: %s", s->state_dir, strerror(errno));
	int r = become ? sandbox_become(become, err) : 0;
	if (r == 0)
		r = make(o, &info, &made, err);
	if (r == 0)
		(void)printf(
			"This machine is now %s (%s) of %s.\n", made.name, made.uuid, made.url);
	enrolment_done(&made);
	return r;
}

/* True when the child did it; it has said why if not. */
static bool run_child(
	const struct enrol_options *o, const struct settings *s, const struct identity *become)
{
	struct err err = {""};
	int status = -1;
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int r = enrol_in_directory(o, s, become, &err);
		int code = r < 0 ? fail(&err) : 0;
		(void)fflush(stdout);
		_exit(code);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || !WIFEXITED(status))
		(void)fprintf(stderr, "cordond: the enrolment was cut short\n");
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int prepare(const struct enrol_options *o, struct settings *s, const struct identity *become,
	struct err *err)
{
	int r = check_role(s, err);
	if (r == 0)
		r = refuse_second(o, s, err);
	return r == 0 ? statedir_make(s->state_dir, become, err) : r;
}

static void say_what_next(const struct settings *s, const struct enrol_options *o)
{
	pid_t pid = statedir_daemon(s->run_dir);
	if (pid > 0 && kill(pid, SIGHUP) == 0)
		(void)printf(
			"cordond (pid %d) takes it over now; `cordon status` shows the link.\n",
			(int)pid);
	else if (pid > 0)
		(void)printf("cordond (pid %d) has to be told: kill -HUP %d\n", (int)pid, (int)pid);
	else if (o->monitor.state_dir)
		(void)printf("Start it: cordond --state-dir %s\n", s->state_dir);
	else
		(void)printf("Start it: systemctl start cordon (or cordond)\n");
}

int enrol_main(const struct enrol_options *o)
{
	static struct settings settings;
	struct err err = {""};
	bool root = geteuid() == 0, known;
	if (sodium_init() < 0 || monitor_configuration(&o->monitor, &settings, &err) < 0)
		return fail(&err);
	struct identity user = identity_find(settings.user, 0, &known);
	const struct identity *become = root ? &user : NULL;
	if (prepare(o, &settings, become, &err) < 0)
		return fail(&err);
	if (!run_child(o, &settings, become))
		return 1;
	say_what_next(&settings, o);
	return 0;
}
