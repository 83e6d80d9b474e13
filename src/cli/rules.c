/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon rules list|add|change|remove. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "core/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: cordon rules [list]\n"
	"       cordon rules add NAME --failures N --span TIME --block TIME [--service NAME...]\n"
	"       cordon rules change NAME [--failures N] [--span TIME] [--block TIME]\n"
	"                                [--service NAME...] [--enable|--disable]\n"
	"       cordon rules remove NAME\n"
	"N failures within the span block the source. The first rule that is reached decides:\n"
	"the newest first, the built-in system rule last.\n"
	"\n"
	"  --failures N     1 to 1000\n"
	"  --span TIME      10s 5m 6h\n"
	"  --block TIME     10s 5m 6h 7d permanent\n"
	"  --service NAME   ssh, mysql, rdp, vsftpd; repeat for several (default: all)\n"
	"  --json           the rules as an array, or the rule\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

static void show_rules(const json_t *rules, const char *what)
{
	(void)what;
	static const char *const heads[] = {
		"NAME", "KIND", ">FAILURES", "WITHIN", "BLOCKS FOR", "SERVICES", "STATE"};
	struct table *t = table_new(heads, countof(heads));
	size_t i, k;
	json_t *r, *s;
	json_array_foreach ((json_t *)(uintptr_t)rules, i, r) {
		char failures[24], services[64] = "", span[32], block[32];
		int64_t forbidden = client_int(r, "forbidden_ms");
		(void)snprintf(failures, sizeof(failures), "%" PRId64, client_int(r, "fail_count"));
		json_array_foreach (json_object_get(r, "services"), k, s) {
			size_t n = strlen(services);
			(void)snprintf(services + n, sizeof(services) - n, "%s%s", n ? " " : "",
				json_string_value(s));
		}
		const char *cells[] = {client_text(r, "name"), client_text(r, "source"), failures,
			settings_duration_text(client_int(r, "span_ms"), span),
			forbidden < 0 ? "permanent" : settings_duration_text(forbidden, block),
			services, json_is_true(json_object_get(r, "enabled")) ? "on" : "off"};
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

int verb_rules(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"failures", true, false},
		{"span", true, false}, {"block", true, false}, {"service", true, true},
		{"enable", false, false}, {"disable", false, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *what = l.count > 0 ? l.rest[0] : "list";
	if (strcmp(what, "list") == 0 && l.count <= 1)
		return client_show(&l.common, "rules.list", NULL, show_rules, "");
	if (l.count != 2)
		return verbline_wrong("rules", "list, or add, change, remove and a name");
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
