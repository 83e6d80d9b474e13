/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the files are, in which order they are read, and what has to fit together.
 */
#include "core/settings.h"

#include "core/settings_options.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONFIG_DIR       "/etc/cordon"
#define CONFIG_PARTS_MAX 256 /* files in conf.d */

void settings_default(struct settings *ret)
{
	memset(ret, 0, sizeof(*ret));
	config_default(settings_options, ret);
	ret->sensors_auto = true;
	ret->listener_count = 1;
	(void)settings_endpoint(SLICE("127.0.0.1:8731"), &ret->listen[0]);
	(void)snprintf(ret->system_rule.name, sizeof(ret->system_rule.name), "blinkRule");
	ret->system_rule.source = RULE_BLINK;
	ret->system_rule.services = SERVICE_ALL;
	ret->system_rule.is_default = true;
}

void settings_print(const struct settings *s, struct buf *out)
{
	config_write(settings_options, s, out);
}

void settings_manual(struct buf *out)
{
	config_manual(settings_options, out);
}

/* --- reading ---------------------------------------------------------------------- */

/* Readers change a copy, so that a bad file leaves what was there before. */
static struct settings *copy(const struct settings *s, struct err *err)
{
	struct settings *new = malloc(sizeof(*new));
	if (new)
		*new = *s;
	else
		(void)err_set(err, -ENOMEM, "out of memory");
	return new;
}

int settings_read(struct settings *s, struct slice text, const char *name, struct err *err)
{
	_cleanup_(freep) struct settings *new = copy(s, err);
	if (!new)
		return -ENOMEM;
	int e = config_read(settings_options, text, name, new, err);
	if (e == 0)
		*s = *new;
	return e;
}

int settings_read_file(struct settings *s, const char *path, struct err *err)
{
	_cleanup_(freep) struct settings *new = copy(s, err);
	if (!new)
		return -ENOMEM;
	int e = config_read_file(settings_options, path, new, err);
	if (e == 0)
		*s = *new;
	return e;
}

static int is_part(const struct dirent *entry)
{
	struct slice name = slice_of(entry->d_name);
	return name.p[0] != '.' && slice_ends(name, SLICE(".yaml"));
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_part(struct settings *s, const char *dir, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: too long", dir);
	return settings_read_file(s, path, err);
}

static int read_parts(struct settings *s, const char *dir, struct err *err)
{
	struct dirent **parts = NULL;
	int n = scandir(dir, &parts, is_part, by_bytes);
	if (n < 0)
		return errno == ENOENT ? 0 : err_set(err, -errno, "%s: %s", dir, strerror(errno));
	int e = 0;
	if (n > CONFIG_PARTS_MAX)
		e = err_set(err, -E2BIG, "%s: more than %d files", dir, CONFIG_PARTS_MAX);
	for (int i = 0; i < n; i++) {
		if (e == 0)
			e = read_part(s, dir, parts[i]->d_name, err);
		free(parts[i]);
	}
	free(parts);
	return e;
}

static int read_directory(struct settings *s, const char *dir, struct err *err)
{
	int e = read_part(s, dir, "cordon.yaml", err);
	if (e && e != -ENOENT)
		return e;
	char parts[PATH_MAX];
	(void)snprintf(parts, sizeof(parts), "%s/conf.d", dir);
	return read_parts(s, parts, err);
}

int settings_load(struct settings *s, const char *path, struct err *err)
{
	struct stat st;
	bool is_directory = !path || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	settings_default(s);
	int e = is_directory ? read_directory(s, path ? path : CONFIG_DIR, err)
			     : settings_read_file(s, path, err);
	return e ? e : settings_check(s, err);
}

/* --- the role ---------------------------------------------------------------------- */

int settings_resolve_role(struct settings *s, bool enrolled, struct err *err)
{
	if (s->role == ROLE_AUTO)
		s->role = enrolled ? ROLE_AGENT : ROLE_ALL;
	if (s->role == ROLE_AGENT) {
		s->fleet_listen = (struct listener_settings){0};
		return enrolled ? 0
				: err_set(err, -EINVAL,
					  "role: agent, but this machine is not enrolled: `cordond "
					  "enrol URL TOKEN` does it, with what `cordon hosts "
					  "invite` prints on the server");
	}
	if (s->role == ROLE_SERVER) {
		s->sensor_count = 0;
		s->sensors_auto = s->sensors_merge = false;
		s->observe = true;
		if (!s->fleet_listen.host[0])
			(void)settings_endpoint(SLICE("[::]:8732"), &s->fleet_listen);
	}
	return 0;
}

/* --- what has to fit together ------------------------------------------------------- */

static const char *sensor_name(const struct sensor_settings *s)
{
	return s->path[0] ? s->path : "the journal";
}

static const char *first_service(uint32_t bits)
{
	enum service s = SERVICE_SSH;
	while (s < SERVICE_COUNT - 1 && !(bits & SERVICE_BIT(s)))
		s++;
	return service_name(s);
}

static int check_pair(const struct settings *s, const struct sensor_settings *a,
	const struct sensor_settings *b, struct err *err)
{
	if (a->kind == b->kind && strcmp(a->path, b->path) == 0)
		return err_set(err, -EINVAL, "sensors: %s is named twice", sensor_name(a));
	uint32_t both = a->services & b->services;
	if (!both || s->sensors_merge)
		return 0;
	if (a->services == SERVICE_ALL || b->services == SERVICE_ALL)
		return err_set(err, -EINVAL,
			"sensors: %s and %s may both carry every service: say which with "
			"\"services\", "
			"or, if no log-in stands in both, add \"merge: true\" to one",
			sensor_name(a), sensor_name(b));
	return err_set(err, -EINVAL,
		"sensors: %s and %s both carry %s, so each failure would count twice: take it from "
		"one, or, if no log-in stands in both, add \"merge: true\" to one",
		sensor_name(a), sensor_name(b), first_service(both));
}

static int check_sensors(const struct settings *s, struct err *err)
{
	for (unsigned i = 0; i < s->sensor_count; i++) {
		const struct sensor_settings *a = &s->sensors[i];
		if (s->sensors_auto && a->services == SERVICE_ALL && !s->sensors_merge)
			return err_set(err, -EINVAL,
				"sensors: %s carries every service and leaves none to \"auto\": "
				"say "
				"which with \"services\", or add \"merge: true\"",
				sensor_name(a));
		for (unsigned k = i + 1; k < s->sensor_count; k++) {
			int e = check_pair(s, a, &s->sensors[k], err);
			if (e)
				return e;
		}
	}
	return 0;
}

static bool is_loopback(const char *host)
{
	struct addr addr;
	struct prefix v4, v6;
	if (!addr_parse(slice_of(host), &addr) || !prefix_parse(SLICE("127.0.0.0/8"), &v4) ||
		!prefix_parse(SLICE("::1"), &v6))
		return false;
	return prefix_has(&v4, &addr) || prefix_has(&v6, &addr);
}

static int check_listeners(const struct settings *s, struct err *err)
{
	for (unsigned i = 0; i < s->listener_count; i++) {
		const struct listener_settings *a = &s->listen[i];
		if (!a->certificate[0] && !is_loopback(a->host))
			return err_set(err, -EINVAL,
				"listen: %s is not loopback: \"certificate\" and \"key\" are "
				"needed there",
				a->host);
		for (unsigned k = i + 1; k < s->listener_count; k++) {
			const struct listener_settings *b = &s->listen[k];
			if (a->port && a->port == b->port && strcmp(a->host, b->host) == 0)
				return err_set(err, -EINVAL, "listen: %s port %u is named twice",
					a->host, a->port);
		}
	}
	return 0;
}

static int check_processes(const struct settings *s, struct err *err)
{
	/* One could send signals to, and look into, the other. */
	if (strcmp(s->user, s->enforcer_user) == 0)
		return err_set(err, -EINVAL, "user and enforcer_user must not be the same");
	/* unix(7): the socket's name has 107 bytes */
	size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof("/cordon.sock");
	if (strlen(s->run_dir) > most)
		return err_set(err, -EINVAL,
			"%s: too long for the directory of a socket (%zu bytes at most)",
			s->run_dir, most);
	return 0;
}

int settings_check(const struct settings *s, struct err *err)
{
	int e = check_sensors(s, err);
	if (e == 0)
		e = check_listeners(s, err);
	return e ? e : check_processes(s, err);
}
