/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon status: is it working, what does it see, what does it hold. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static const char help[] = "Usage: cordon status [--json] [--account A] [--state-dir DIR]\n"
			   "Says whether cordond works, what it reads, and what the kernel holds.\n"
			   "Exit code: 0 all is well, 1 something is not, 2 wrong usage.\n";

static void line(const char *name, const char *format, ...) _printf_(2, 3);

static void line(const char *name, const char *format, ...)
{
	va_list args;
	(void)printf("%-11s ", name);
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)putchar('\n');
}

static void show_kernel(const json_t *k)
{
	bool observe = strcmp(client_text(k, "mode"), "observe") == 0;
	if (observe) {
		line("kernel", "OBSERVE MODE: nothing is blocked");
	} else {
		line("kernel", "table inet %s, %" PRId64 " addresses, %s%s",
			client_text(k, "table"), client_int(k, "elements"),
			json_is_true(json_object_get(k, "in_line")) ? "as wanted" : "NOT IN LINE",
			json_is_true(json_object_get(k, "owner")) ? ", owned" : "");
		if (client_int(k, "drifts") > 0)
			line("", "changed by others %" PRId64 " times, repaired",
				client_int(k, "drifts"));
	}
	if (client_text(k, "lacks")[0])
		line("", "this kernel (%s) lacks: %s", client_text(k, "release"),
			client_text(k, "lacks"));
}

static void show_sensors(const json_t *sensors)
{
	static const char *const heads[] = {"SENSOR", ">LINES", ">FAILURES", ">UNPARSED",
		">UNKNOWN", ">GAPS", ">BEHIND", "LATEST EVENT", "STATE"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *s;
	json_array_foreach ((json_t *)(uintptr_t)sensors, i, s) {
		static const char *const numbers[] = {
			"lines", "failures", "unparsed", "unknown", "gaps", "behind_bytes"};
		char text[countof(numbers)][24];
		for (size_t n = 0; n < countof(numbers); n++)
			(void)snprintf(
				text[n], sizeof(text[n]), "%" PRId64, client_int(s, numbers[n]));
		const char *problem = client_text(s, "problem"), *note = client_text(s, "note");
		const char *latest = client_text(s, "last_event");
		const char *state = problem[0] ? problem : note[0] ? note : "ok";
		const char *cells[] = {client_text(s, "name"), text[0], text[1], text[2], text[3],
			text[4], text[5], latest[0] ? latest : "none yet", state};
		table_row(t, cells);
	}
	(void)putchar('\n');
	table_print(t);
}

/* What it is to others: the server of agents, or a server's agent. */
static void show_fleet(const json_t *s)
{
	const json_t *fleet = json_object_get(s, "fleet"), *link = json_object_get(s, "link");
	const char *error = client_text(link, "error");
	bool connected = json_is_true(json_object_get(link, "connected"));
	if (json_is_object(fleet))
		line("agents", "%" PRId64 " online of %" PRId64, client_int(fleet, "online"),
			client_int(fleet, "agents"));
	if (!json_is_object(link))
		return;
	const char *name = client_text(link, "name");
	bool other = name[0] && strcmp(name, client_text(s, "host")) != 0;
	line("server", "%s%s%s, %s since %s", client_text(link, "server"),
		other ? ", enrolled there as " : "", other ? name : "",
		connected ? "connected" : "NOT CONNECTED", client_text(link, "since"));
	if (error[0])
		line("", "%s", error);
	if (client_int(link, "waiting") > 0)
		line("", "%" PRId64 " records wait to be reported", client_int(link, "waiting"));
}

static bool all_well(const json_t *status)
{
	size_t i;
	json_t *s;
	const json_t *kernel = json_object_get(status, "kernel");
	const json_t *link = json_object_get(status, "link");
	json_array_foreach (json_object_get(status, "sensors"), i, s)
		if (client_text(s, "problem")[0])
			return false;
	if (json_is_true(json_object_get(json_object_get(status, "blocks"), "at_ceiling")))
		return false;
	if (json_is_object(link) && (!json_is_true(json_object_get(link, "connected")) ||
					    client_text(link, "error")[0]))
		return false;
	return strcmp(client_text(kernel, "mode"), "observe") == 0 ||
	       json_is_true(json_object_get(kernel, "in_line"));
}

static void show(const json_t *s)
{
	const json_t *b = json_object_get(s, "blocks"), *d = json_object_get(s, "detection");
	bool server = strcmp(client_text(s, "role"), "server") == 0;
	line("cordond", "%s on %s, %s, since %s", client_text(s, "version"), client_text(s, "host"),
		client_text(s, "role"), client_text(s, "started"));
	if (!server)
		show_kernel(json_object_get(s, "kernel"));
	show_fleet(s);
	line("blocks", "%" PRId64 " in force, %" PRId64 " failed, %" PRId64 " over",
		client_int(b, "applied") + client_int(b, "wanted"), client_int(b, "failed"),
		client_int(b, "expired") + client_int(b, "canceled"));
	line("failures", "%" PRId64 " in the last day; %" PRId64 " sources watched",
		client_int(d, "failures_last_day"), client_int(d, "sources_tracked"));
	if (client_int(d, "unconfirmed") > 0)
		line("", "%" PRId64 " unconfirmed: %s", client_int(d, "unconfirmed"),
			strcmp(client_text(json_object_get(s, "kernel"), "mode"), "observe") == 0
				? "a client can write such lines, and observe mode asks no kernel"
				: "the kernel saw no connection from whom the lines name");
	if (client_int(b, "refused") > 0)
		line("", "%" PRId64 " from sources that are never blocked",
			client_int(b, "refused"));
	if (client_int(b, "over_ceiling") > 0)
		line("", "%" PRId64 " blocks not made: ceiling (limits.blocks_per_minute)",
			client_int(b, "over_ceiling"));
	if (json_is_true(json_object_get(b, "at_ceiling")))
		line("", "AT THE CEILING: no more blocks are made this minute");
	line("database", "%.1f MiB", (double)client_int(s, "database_bytes") / 1048576.0);
	if (!server)
		show_sensors(json_object_get(s, "sensors"));
}

int verb_status(int argc, char **argv)
{
	static const struct verbline_option own[] = {{0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	if (l.count > 0)
		return verbline_wrong("status", "what is '%s'?", l.rest[0]);
	json_t *status = client_call(&l.common, "status", NULL);
	if (!status)
		return EXIT_INPUT;
	if (l.common.json)
		(void)client_print(status);
	else
		show(status);
	code = all_well(status) ? EXIT_OK : EXIT_INPUT;
	json_decref(status);
	return code;
}
