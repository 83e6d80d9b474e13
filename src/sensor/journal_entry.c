/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which journal entries are to be believed.
 *
 * Anybody can write to /dev/log or journald's sockets and call himself "sshd":
 * SYSLOG_IDENTIFIER, SYSLOG_PID and MESSAGE are the sender's words. Fields that
 * begin with '_' are journald's own, from the socket's credentials and /proc
 * (systemd.journal-fields(7)). Were forged entries believed, `logger -t sshd`
 * would let any local user block any address. So an entry counts only if
 *
 *   - for sshd, Dropbear, xrdp, vsftpd: _UID is 0 and _COMM, where there is one, is
 *     the program. OpenSSH's unprivileged children log through their monitor, so
 *     all that is said before a login succeeded comes from root. _UID alone would
 *     not do: rsyslogd and dockerd pass on other people's text as root. _COMM may
 *     be missing (the process was gone before journald looked at /proc), but
 *     never that of a long-lived relay. _COMM alone would not do either: a user
 *     names his processes as he likes.
 *   - for MariaDB and MySQL, which run as their own user: _SYSTEMD_UNIT is the
 *     service, as the cgroup says and no user can choose.
 *
 * Audit and kernel records are never ours, and only what journald wrote itself
 * (_TRANSPORT=driver) says that messages were dropped.
 */
#include "sensor/journal_entry.h"

#include "base/util.h"
#include "model/service.h"

#include <errno.h>
#include <string.h>

#define NAMES_MAX 3

struct program {
	enum service service;
	bool root;
	const char *names[NAMES_MAX]; /* SYSLOG_IDENTIFIER and _COMM */
	const char *units[NAMES_MAX]; /* without ".service" */
};

static const struct program programs[] = {
	{SERVICE_SSH, true, {"sshd", "sshd-session", "sshd-auth"}, {"ssh", "sshd"}},
	{SERVICE_SSH, true, {"dropbear"}, {"dropbear"}},
	{SERVICE_MYSQL, false, {"mariadbd", "mysqld"}, {"mariadb", "mysql", "mysqld"}},
	{SERVICE_RDP, true, {"xrdp-sesman", "xrdp-sesexec"}, {"xrdp-sesman", "xrdp"}},
	{SERVICE_VSFTPD, true, {"vsftpd"}, {"vsftpd"}},
};

/* SD_MESSAGE_JOURNAL_DROPPED of <systemd/sd-messages.h> */
#define DROPPED_ID "a596d6fe7bfa4994828e72309e95d61e"

static const char *const field_names[ENTRY_FIELDS] = {
	[ENTRY_MESSAGE] = "MESSAGE",
	[ENTRY_IDENTIFIER] = "SYSLOG_IDENTIFIER",
	[ENTRY_COMM] = "_COMM",
	[ENTRY_UID] = "_UID",
	[ENTRY_UNIT] = "_SYSTEMD_UNIT",
	[ENTRY_PID] = "_PID",
	[ENTRY_SYSLOG_PID] = "SYSLOG_PID",
	[ENTRY_HOST] = "_HOSTNAME",
	[ENTRY_TIME] = "_SOURCE_REALTIME_TIMESTAMP",
	[ENTRY_TRANSPORT] = "_TRANSPORT",
	[ENTRY_MESSAGE_ID] = "MESSAGE_ID",
	[ENTRY_DROPPED] = "N_DROPPED",
};

static bool is_one_of(struct slice text, const char *const names[static NAMES_MAX])
{
	for (size_t i = 0; i < NAMES_MAX && names[i]; i++)
		if (slice_eq(text, slice_of(names[i])))
			return true;
	return false;
}

/* --- matches --- */

static int match(sd_journal *sd, const char *field, const char *value, const char *end)
{
	char text[128];
	(void)snprintf(text, sizeof(text), "%s=%s%s", field, value, end);
	return sd_journal_add_match(sd, text, 0);
}

static int match_any(sd_journal *sd, const char *field, const char *const values[static NAMES_MAX],
	const char *end)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < NAMES_MAX && values[i]; i++)
		r = match(sd, field, values[i], end);
	return r;
}

/* Matches of one field are alternatives, of several fields conditions. */
static int match_program(sd_journal *sd, const struct program *p)
{
	static const char *const by[] = {"SYSLOG_IDENTIFIER", "_COMM"};
	int r = 0;
	for (size_t i = 0; r >= 0 && i < countof(by); i++) {
		r = p->root ? match(sd, "_UID", "0", "")
			    : match_any(sd, "_SYSTEMD_UNIT", p->units, ".service");
		r = r < 0 ? r : match_any(sd, by[i], p->names, "");
		r = r < 0 ? r : sd_journal_add_disjunction(sd);
	}
	return r;
}

int entry_add_matches(sd_journal *sd, uint32_t services)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < countof(programs); i++)
		if (services & SERVICE_BIT(programs[i].service))
			r = match_program(sd, &programs[i]);
	r = r < 0 ? r : match(sd, "MESSAGE_ID", DROPPED_ID, "");
	r = r < 0 ? r : match(sd, "_TRANSPORT", "driver", "");
	return r < 0 ? r : 0;
}

/* --- loading --- */

static void put_field(struct entry *e, enum entry_field field, struct slice value)
{
	char *to = field == ENTRY_MESSAGE ? e->message : e->texts[field];
	size_t size = field == ENTRY_MESSAGE ? sizeof(e->message) : ENTRY_SHORT_MAX;
	if (e->fields[field].p)
		return; /* said twice: the first counts */
	if (value.n > size) {
		e->too_long = e->too_long || field == ENTRY_MESSAGE;
		return;
	}
	memcpy(to, value.p, value.n);
	e->fields[field] = (struct slice){to, value.n};
}

/* data: "FIELD=value" */
static void take_data(struct entry *e, struct slice data)
{
	for (enum entry_field f = 0; f < ENTRY_FIELDS; f++) {
		struct slice name = slice_of(field_names[f]);
		if (data.n > name.n && data.p[name.n] == '=' && slice_starts(data, name)) {
			put_field(e, f, slice_skip(data, name.n + 1));
			return;
		}
	}
}

static bool number(struct slice s, uint64_t *ret)
{
	uint64_t value = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return false;
	if (s.n > 0)
		*ret = value;
	return s.n > 0;
}

int entry_load(struct entry *e, sd_journal *sd)
{
	uint64_t us = 0, source;
	int r = sd_journal_get_realtime_usec(sd, &us);
	if (r < 0)
		return r;
	memset(e->fields, 0, sizeof(e->fields));
	e->too_long = false;
	const void *data;
	size_t n;
	sd_journal_restart_data(sd);
	while ((r = sd_journal_enumerate_available_data(sd, &data, &n)) > 0)
		take_data(e, (struct slice){data, n});
	/* when the sender spoke, rather than when journald wrote it down */
	if (number(e->fields[ENTRY_TIME], &source) && source > 0)
		us = source;
	e->time = (int64_t)MIN_OF(us / 1000, (uint64_t)INT64_MAX);
	return r;
}

/* --- judging --- */

static bool is_wanted(const struct program *p, uint32_t services)
{
	return services & SERVICE_BIT(p->service);
}

static bool is_from(const struct program *p, const struct entry *e)
{
	struct slice comm = e->fields[ENTRY_COMM];
	struct slice unit = e->fields[ENTRY_UNIT], transport = e->fields[ENTRY_TRANSPORT];
	if (slice_eq(transport, SLICE("audit")) || slice_eq(transport, SLICE("kernel")))
		return false;
	if (p->root)
		return slice_eq(e->fields[ENTRY_UID], SLICE("0")) &&
		       (!comm.p || is_one_of(comm, p->names));
	if (!slice_ends(unit, SLICE(".service")))
		return false;
	unit.n -= strlen(".service");
	return is_one_of(unit, p->units);
}

static uint32_t pid_of(const struct entry *e)
{
	uint64_t pid;
	if (!number(e->fields[ENTRY_PID], &pid) && !number(e->fields[ENTRY_SYSLOG_PID], &pid))
		return 0;
	return pid <= UINT32_MAX ? (uint32_t)pid : 0;
}

/* "… from /system.slice/ssh.service", "… from ssh@3-192.0.2.1.service": one of our units? */
static bool is_about_us(struct slice message, uint32_t services)
{
	const char *space = memrchr(message.p, ' ', message.n);
	if (!space)
		return false;
	struct slice unit = slice_between(space + 1, message.p + message.n);
	const char *slash = unit.n > 0 ? memrchr(unit.p, '/', unit.n) : NULL;
	if (slash)
		unit = slice_between(slash + 1, unit.p + unit.n);
	if (!slice_ends(unit, SLICE(".service")))
		return false;
	const char *at = memchr(unit.p, '@', unit.n);
	unit.n = at ? (size_t)(at - unit.p) : unit.n - strlen(".service");
	for (size_t i = 0; i < countof(programs); i++)
		if (is_wanted(&programs[i], services) && is_one_of(unit, programs[i].units))
			return true;
	return false;
}

static bool is_suppressed(const struct entry *e, uint32_t services)
{
	return slice_eq(e->fields[ENTRY_TRANSPORT], SLICE("driver")) &&
	       slice_eq(e->fields[ENTRY_MESSAGE_ID], SLICE(DROPPED_ID)) &&
	       e->fields[ENTRY_MESSAGE].p && is_about_us(e->fields[ENTRY_MESSAGE], services);
}

/* The program it says it is from, and under which name. */
static const struct program *find_program(
	const struct entry *e, uint32_t services, struct slice *ret_name)
{
	static const enum entry_field by[] = {ENTRY_IDENTIFIER, ENTRY_COMM};
	for (size_t i = 0; i < countof(by); i++)
		for (size_t k = 0; k < countof(programs); k++)
			if (is_wanted(&programs[k], services) &&
				is_one_of(e->fields[by[i]], programs[k].names)) {
				*ret_name = e->fields[by[i]];
				return &programs[k];
			}
	return NULL;
}

enum entry_kind entry_read(
	const struct entry *e, uint32_t services, struct record *ret, uint64_t *ret_count)
{
	struct slice name;
	if (is_suppressed(e, services)) {
		if (!number(e->fields[ENTRY_DROPPED], ret_count))
			*ret_count = 1; /* at least */
		return ENTRY_SUPPRESSED;
	}
	const struct program *p = find_program(e, services, &name);
	if (!p)
		return ENTRY_OTHER;
	if (!is_from(p, e))
		return ENTRY_UNTRUSTED;
	*ret = (struct record){.time = e->time,
		.host = e->fields[ENTRY_HOST],
		.program = name,
		.message = e->fields[ENTRY_MESSAGE].p ? e->fields[ENTRY_MESSAGE] : SLICE(""),
		.pid = pid_of(e)};
	return ENTRY_RECORD;
}
