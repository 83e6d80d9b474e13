/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon rules list|add|change|remove|use. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "core/settings.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: cordon rules [list]\n"
	"       cordon rules add NAME --failures N --span TIME --block TIME [--service NAME...]\n"
	"                             [--on HOST,...]\n"
	"       cordon rules change NAME [--failures N] [--span TIME] [--block TIME]\n"
	"                                [--service NAME...] [--enable|--disable]\n"
	"                                [--on HOST,...|--all]\n"
	"       cordon rules remove NAME\n"
	"       cordon rules use HOST NAME|default\n"
	"N failures within the span block the source. The first rule that is reached decides:\n"
	"the newest first, the built-in system rule last. A server that was given a rule of its\n"
	"own (--on, use) has that one instead of those that hold everywhere.\n"
	"\n"
	"  --failures N     1 to 1000\n"
	"  --span TIME      10s 5m 6h\n"
	"  --block TIME     10s 5m 6h 7d permanent\n"
	"  --service NAME   ssh, mysql, rdp, vsftpd; repeat for several (default: all)\n"
	"  --on HOST,...    the rule is these servers' own, by name or uuid\n"
	"  --all            the rule holds wherever a server has none of its own (default)\n"
	"  --json           the rules as an array, or the rule\n"
	"  --account A      of another account than the first\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

/* "all", or the names, and how many they are now. */
static void write_servers(const json_t *r, char *ret, size_t size)
{
	char names[160];
	client_texts(r, "hosts", names, sizeof(names));
	if (strcmp(client_text(r, "source"), "system") == 0)
		(void)snprintf(ret, size, "all");
	else
		(void)snprintf(ret, size, "%" PRId64 "%s%s%s", client_int(r, "servers"),
			json_is_true(json_object_get(r, "default")) ? ", default" : "",
			names[0] ? ": " : "", names);
}

static void show_rules(const json_t *rules, const char *what)
{
	(void)what;
	static const char *const heads[] = {"NAME", "KIND", ">FAILURES", "WITHIN", "BLOCKS FOR",
		"SERVICES", "STATE", "SERVERS"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *r;
	json_array_foreach ((json_t *)(uintptr_t)rules, i, r) {
		char failures[24], services[64], span[32], block[32], servers[200];
		int64_t forbidden = client_int(r, "forbidden_ms");
		(void)snprintf(failures, sizeof(failures), "%" PRId64, client_int(r, "fail_count"));
		client_texts(r, "services", services, sizeof(services));
		write_servers(r, servers, sizeof(servers));
		const char *cells[] = {client_text(r, "name"), client_text(r, "source"), failures,
			settings_duration_text(client_int(r, "span_ms"), span),
			forbidden < 0 ? "permanent" : settings_duration_text(forbidden, block),
			services, json_is_true(json_object_get(r, "enabled")) ? "on" : "off",
			servers};
		table_row(t, cells);
	}
	table_print(t);
}

static void show_in_force(const json_t *rule, const char *name)
{
	(void)rule;
	(void)printf("rule %s is in force\n", name);
}

static void show_gone(const json_t *done, const char *name)
{
	(void)done;
	(void)printf("rule %s is gone\n", name);
}

static bool set_duration(
	json_t *args, const struct verbline *l, const char *option, const char *name)
{
	const char *text = verbline_value(l, option);
	int64_t ms;
	if (!text)
		return true;
	if (!settings_duration(slice_of(text), &ms)) {
		(void)fprintf(stderr, "cordon rules: --%s %s: not a time\n", option, text);
		return false;
	}
	(void)json_object_set_new(args, name, json_integer(ms));
	return true;
}

static bool set_failures(json_t *args, const struct verbline *l)
{
	const char *text = verbline_value(l, "failures");
	char *end;
	if (!text)
		return true;
	long n = strtol(text, &end, 10);
	if (*end || end == text || n < 1 || n > 1000) {
		(void)fprintf(stderr, "cordon rules: --failures %s: 1 to 1000\n", text);
		return false;
	}
	(void)json_object_set_new(args, "fail_count", json_integer(n));
	return true;
}

static int put_rule(const struct verbline *l, const char *verb)
{
	json_t *args = json_pack("{s:s}", "name", l->rest[1]);
	json_t *services = json_object_get(l->values, "service");
	if (services)
		(void)json_object_set(args, "services", services);
	if (verbline_has(l, "enable") || verbline_has(l, "disable"))
		(void)json_object_set_new(args, "enabled", json_integer(verbline_has(l, "enable")));
	json_t *hosts = verbline_names(l, "on");
	if (hosts)
		(void)json_object_set_new(args, "hosts", hosts);
	(void)json_object_set_new(args, "all", json_boolean(verbline_has(l, "all")));
	if (!set_failures(args, l) || !set_duration(args, l, "span", "span_ms") ||
		!set_duration(args, l, "block", "forbidden_ms")) {
		json_decref(args);
		return EXIT_USAGE;
	}
	return client_show(&l->common, verb, args, show_in_force, l->rest[1]);
}

static int remove_rule(const struct verbline *l)
{
	json_t *args = json_pack("{s:s}", "name", l->rest[1]);
	return client_show(&l->common, "rules.remove", args, show_gone, l->rest[1]);
}

static void show_used(const json_t *done, const char *host)
{
	(void)done;
	(void)printf("%s has it from now on\n", host);
}

static int use_rule(const struct verbline *l)
{
	json_t *args = json_pack("{s:s}", "host", l->rest[1]);
	if (strcmp(l->rest[2], "default") != 0)
		(void)json_object_set_new(args, "rule", json_string(l->rest[2]));
	return client_show(&l->common, "rules.use", args, show_used, l->rest[1]);
}

int verb_rules(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"failures", true, false},
		{"span", true, false}, {"block", true, false}, {"service", true, true},
		{"enable", false, false}, {"disable", false, false}, {"on", true, true},
		{"all", false, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *what = l.count > 0 ? l.rest[0] : "list";
	if (strcmp(what, "list") == 0 && l.count <= 1)
		return client_show(&l.common, "rules.list", NULL, show_rules, "");
	if (strcmp(what, "use") == 0)
		return l.count == 3 ? use_rule(&l)
				    : verbline_wrong("rules", "use needs a server and a rule");
	if (l.count != 2)
		return verbline_wrong("rules", "list, or add, change, remove and a name");
	if (verbline_has(&l, "on") && verbline_has(&l, "all"))
		return verbline_wrong("rules", "--on or --all");
	if (strcmp(what, "add") == 0) {
		if (!verbline_has(&l, "failures") || !verbline_has(&l, "span") ||
			!verbline_has(&l, "block"))
			return verbline_wrong("rules", "add needs --failures, --span and --block");
		return put_rule(&l, "rules.add");
	}
	if (strcmp(what, "change") == 0)
		return put_rule(&l, "rules.change");
	if (strcmp(what, "remove") == 0)
		return remove_rule(&l);
	return verbline_wrong("rules", "what is '%s'?", what);
}
