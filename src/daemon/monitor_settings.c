/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in force: the files, the options over them, and what the state directory says
 * about the role.
 */
#include "base/log.h"
#include "core/settings.h"
#include "daemon/monitor.h"
#include "fleet/enrolment.h"

#include <errno.h>

static void apply_options(const struct monitor_options *o, struct settings *s)
{
	if (o->state_dir) {
		(void)snprintf(s->state_dir, sizeof(s->state_dir), "%s", o->state_dir);
		(void)snprintf(s->run_dir, sizeof(s->run_dir), "%s", o->state_dir);
	}
	if (o->nft_table)
		(void)snprintf(s->nft_table, sizeof(s->nft_table), "%s", o->nft_table);
	if (o->observe)
		s->observe = true;
	if (o->verbose)
		s->log_level = LOG_LEVEL_DEBUG;
}

static int apply_endpoint(
	const char *option, const char *text, struct listener_settings *ret, struct err *err)
{
	*ret = (struct listener_settings){0};
	if (!settings_endpoint(slice_of(text), ret))
		return err_set(
			err, -EINVAL, "%s %s: not HOST:PORT with a literal address", option, text);
	return 0;
}

int monitor_configuration(
	const struct monitor_options *options, struct settings *ret, struct err *err)
{
	settings_default(ret);
	int r = settings_load(ret, options->config, err);
	if (r < 0)
		return r;
	apply_options(options, ret);
	if (options->listen) {
		ret->listener_count = 1;
		r = apply_endpoint("--listen", options->listen, &ret->listen[0], err);
	}
	if (r == 0 && options->fleet_listen)
		r = apply_endpoint(
			"--fleet-listen", options->fleet_listen, &ret->fleet_listen, err);
	return r < 0 ? r : settings_check(ret, err);
}

/* Whoever may not look into the state directory (--check) takes the word of the file. */
static bool is_enrolled(const struct settings *s)
{
	char path[PATH_MAX + sizeof(ENROLMENT_FILE)];
	(void)snprintf(path, sizeof(path), "%s/" ENROLMENT_FILE, s->state_dir);
	return access(path, F_OK) == 0 || (errno == EACCES && s->role == ROLE_AGENT);
}

int monitor_settings(const struct monitor_options *options, struct settings *ret, struct err *err)
{
	int r = monitor_configuration(options, ret, err);
	if (r == 0)
		r = settings_resolve_role(ret, is_enrolled(ret), err);
	return r < 0 ? r : settings_resolve_sensors(ret, "", err);
}
