/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `auto: true`: which inputs this machine has.
 *
 * With rsyslog the journal and the log files carry the same lines, so for each service
 * exactly one is taken: the journal where there is one, else the file. A database that has
 * an error log of its own writes no failure elsewhere, so there the file comes first. A
 * machine that has neither yet gets the first of the service's files all the same when the service
 * always writes one (ssh through syslog): sensors wait for files to appear.
 */
#include "core/settings.h"

#include "core/settings_options.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define FILES_MAX 2

static const struct {
	const char *files[FILES_MAX]; /* Debian's, then other systems' */
	bool journal;                 /* writes to syslog, hence to the journal */
	bool instead; /* its file, where there is one, gets what the journal lacks */
	bool always;  /* takes the first file even where it is not there */
} places[SERVICE_COUNT] = {
	[SERVICE_SSH] = {{"/var/log/auth.log", "/var/log/secure"}, .journal = true, .always = true},
	[SERVICE_MYSQL] = {{"/var/log/mysql/error.log"}, .journal = true, .instead = true},
	[SERVICE_RDP] = {{"/var/log/xrdp-sesman.log"}, .journal = true},
	[SERVICE_VSFTPD] = {{"/var/log/vsftpd.log"}},
};

static const char *const journals[] = {"/var/log/journal", "/run/log/journal"};

/* A directory below `dir` (named by a machine's id) with at least one *.journal file. */
static bool has_journal_files(const char *dir)
{
	DIR *d = opendir(dir);
	if (!d)
		return false;
	bool found = false;
	for (struct dirent *e; !found && (e = readdir(d));)
		found = slice_ends(slice_of(e->d_name), SLICE(".journal"));
	(void)closedir(d);
	return found;
}

static bool is_journal(const char *dir)
{
	DIR *d = opendir(dir);
	if (!d)
		return false;
	bool found = false;
	for (struct dirent *e; !found && (e = readdir(d));) {
		char machine[PATH_MAX];
		int n = snprintf(machine, sizeof(machine), "%s/%s", dir, e->d_name);
		found = e->d_name[0] != '.' && (size_t)n < sizeof(machine) &&
			has_journal_files(machine);
	}
	(void)closedir(d);
	return found;
}

/* Where the journal is ("" below the real root: the library knows); false: there is none. */
static bool find_journal(const char *root, char ret_path[static PATH_MAX])
{
	for (size_t i = 0; i < countof(journals); i++) {
		char path[PATH_MAX];
		int n = snprintf(path, sizeof(path), "%s%s", root, journals[i]);
		if ((size_t)n >= sizeof(path) || !is_journal(path))
			continue;
		(void)snprintf(ret_path, PATH_MAX, "%s", *root ? path : "");
		return true;
	}
	return false;
}

static bool find_file(const char *root, enum service service, char ret_path[static PATH_MAX])
{
	for (size_t i = 0; i < FILES_MAX && places[service].files[i]; i++) {
		struct stat st;
		(void)snprintf(ret_path, PATH_MAX, "%s%s", root, places[service].files[i]);
		if (stat(ret_path, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	(void)snprintf(ret_path, PATH_MAX, "%s%s", root, places[service].files[0]);
	return places[service].always;
}

/* Gives the service to the sensor of this input, which is made when there is none. */
static int add(struct settings *s, enum sensor_kind kind, const char *path, enum service service,
	struct err *err)
{
	unsigned i = 0;
	while (i < s->sensor_count &&
		(s->sensors[i].kind != kind || strcmp(s->sensors[i].path, path) != 0))
		i++;
	if (i == SETTINGS_SENSORS_MAX)
		return err_set(err, -EINVAL, "sensors: more than %u", SETTINGS_SENSORS_MAX);
	struct sensor_settings *to = &s->sensors[i];
	if (i == s->sensor_count) {
		*to = (struct sensor_settings){.kind = kind};
		(void)snprintf(to->path, sizeof(to->path), "%s", path);
		s->sensor_count++;
	}
	to->services |= SERVICE_BIT(service);
	return 0;
}

int settings_resolve_sensors(struct settings *s, const char *root, struct err *err)
{
	if (!s->sensors_auto)
		return 0;
	if (strlen(root) > PATH_MAX / 2)
		return err_set(err, -ENAMETOOLONG, "%s: too long", root);
	uint32_t named = 0;
	for (unsigned i = 0; i < s->sensor_count; i++)
		named |= s->sensors[i].services;
	char journal[PATH_MAX], file[PATH_MAX];
	bool has_journal = find_journal(root, journal);
	for (enum service service = SERVICE_SSH; service < SERVICE_COUNT; service++) {
		int e = 0;
		bool taken = named & SERVICE_BIT(service) && !s->sensors_merge;
		if (taken)
			continue;
		bool instead = places[service].instead && find_file(root, service, file);
		if (has_journal && places[service].journal && !instead)
			e = add(s, SENSOR_JOURNAL, journal, service, err);
		else if (find_file(root, service, file))
			e = add(s, SENSOR_FILE, file, service, err);
		if (e)
			return e;
	}
	return 0;
}

static void put_ports(
	uint16_t ret[static ENFORCE_PORTS], const struct settings *s, enum service service)
{
	uint16_t usual = service_default_port(service);
	ret[0] = s->ports[service];
	ret[1] = ret[0] == usual ? 0 : usual;
}

struct enforce_ports settings_ports(const struct settings *s)
{
	struct enforce_ports ports = {0};
	uint32_t all = 0, files = 0;
	for (unsigned i = 0; i < s->sensor_count; i++) {
		all |= s->sensors[i].services;
		files |= s->sensors[i].kind == SENSOR_FILE ? s->sensors[i].services : 0;
	}
	if (all & SERVICE_BIT(SERVICE_MYSQL))
		put_ports(ports.of[ENFORCE_MYSQL], s, SERVICE_MYSQL);
	/* through the journal its messages are whole */
	if (files & SERVICE_BIT(SERVICE_RDP))
		put_ports(ports.of[ENFORCE_RDP], s, SERVICE_RDP);
	return ports;
}
