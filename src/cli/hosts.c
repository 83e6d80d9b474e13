/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon hosts list|show|invite|rename|retire. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "core/settings.h"

#include <string.h>

static const char help[] =
	"Usage: cordon hosts [list]\n"
	"       cordon hosts show NAME|UUID\n"
	"       cordon hosts invite [--name NAME] [--account A] [--enterprise-project EP]\n"
	"                           [--for TIME]\n"
	"       cordon hosts rename NAME|UUID NEW\n"
	"       cordon hosts retire NAME|UUID [--yes]\n"
	"The protected servers. invite prints the command that makes a new machine one of them,\n"
	"once, within the hour. A retired server has no access any more, and its blocks are\n"
	"taken off; its records stay.\n"
	"\n"
	"STATE says of a server:\n"
	"  online           it is connected, and its kernel takes blocks\n"
	"  observing        it is there, but blocks nobody (cordon status there says why)\n"
	"  offline          not heard for 10 seconds; what it shall block waits for it\n"
	"  retired          it has no access any more\n"
	"\n"
	"  --name NAME      what the new server is called (default: as it calls itself)\n"
	"  --enterprise-project EP\n"
	"                   a label within the account, by which APIs and keys tell servers apart\n"
	"                   (default: 0); list shows it\n"
	"  --for TIME       how long the invitation holds: 10m 1h 7d (default: 1h)\n"
	"  --yes            do not ask\n"
	"  --json           see cordon(1)\n"
	"  --account A      of another account than the first: its name, account id or project id\n"
	"  --project P      the same as --account P\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

static const char *address_of(const json_t *h)
{
	const char *public = client_text(h, "internet_ip");
	return public[0] ? public : client_text(h, "intranet_ip");
}

static const char *last_seen(const json_t *h)
{
	const char *seen = client_text(h, "last_seen");
	const char *state = client_text(h, "state");
	if (strcmp(state, "online") == 0 || strcmp(state, "observing") == 0)
		return "now";
	return seen[0] ? seen : "never";
}

static void show_hosts(const json_t *hosts, const char *what)
{
	static const char *const heads[] = {
		"NAME", "UUID", "STATE", "ADDRESS", "VERSION", "LAST SEEN", "ENTERPRISE PROJECT"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *h;
	(void)what;
	json_array_foreach ((json_t *)(uintptr_t)hosts, i, h) {
		const char *cells[] = {client_text(h, "name"), client_text(h, "uuid"),
			client_text(h, "state"), address_of(h), client_text(h, "version"),
			last_seen(h), client_text(h, "enterprise_project_id")};
		table_row(t, cells);
	}
	table_print(t);
}

static void show_sensors(const json_t *sensors)
{
	static const char *const heads[] = {"SENSOR", "STATE"};
	struct table *t;
	size_t i;
	json_t *s;
	if (json_array_size(sensors) == 0)
		return;
	t = table_new(heads, countof(heads));
	json_array_foreach ((json_t *)(uintptr_t)sensors, i, s) {
		const char *problem = client_text(s, "problem"), *note = client_text(s, "note");
		const char *cells[] = {client_text(s, "source"), problem[0] ? problem
								 : note[0]  ? note
									    : "ok"};
		table_row(t, cells);
	}
	(void)putchar('\n');
	table_print(t);
}

static void show_host(const json_t *h, const char *what)
{
	static const char *const names[] = {"name", "uuid", "instance_id", "state", "internet_ip",
		"intranet_ip", "region", "enterprise_project_id", "version", "enrolled"};
	(void)what;
	for (size_t i = 0; i < countof(names); i++)
		if (client_text(h, names[i])[0])
			(void)printf("%-22s %s\n", names[i], client_text(h, names[i]));
	(void)printf("%-22s %s\n", "last_seen", last_seen(h));
	(void)printf("%-22s %s\n", "role",
		json_is_true(json_object_get(h, "agent")) ? "agent" : "this machine");
	show_sensors(json_object_get(h, "sensors"));
}

static int show(const struct verbline *l)
{
	if (l->count != 2)
		return verbline_wrong("hosts", "show needs a name or uuid");
	json_t *args = json_pack("{s:s}", "host", l->rest[1]);
	return client_show(&l->common, "hosts.show", args, show_host, "");
}

static void show_invitation(const json_t *invitation, const char *what)
{
	(void)what;
	(void)printf("cordond enrol %s %s\n", client_text(invitation, "url"),
		client_text(invitation, "token"));
	(void)fprintf(stderr, "Good once, until %s.\n", client_text(invitation, "expires"));
}

static int invite(struct verbline *l)
{
	const char *life = verbline_value(l, "for"), *project = verbline_value(l, "project");
	int64_t ms;
	if (l->count != 1)
		return verbline_wrong("hosts", "what is '%s'?", l->rest[1]);
	if (project && l->common.account)
		return verbline_wrong("hosts", "--account or --project");
	if (life && !settings_duration(slice_of(life), &ms))
		return verbline_wrong("hosts", "--for %s: not a time", life);
	if (project) /* it says which account, too */
		l->common.account = project;
	json_t *args = json_object(), *ep = json_object_get(l->values, "enterprise-project");
	verbline_text(l, "name", args);
	if (life)
		(void)json_object_set_new(args, "duration", json_integer(ms));
	if (ep)
		(void)json_object_set(args, "enterprise_project", ep);
	return client_show(&l->common, "hosts.invite", args, show_invitation, "");
}

static void show_renamed(const json_t *done, const char *name)
{
	(void)done;
	(void)printf("it is called %s now\n", name);
}

static int rename_host(const struct verbline *l)
{
	if (l->count != 3)
		return verbline_wrong("hosts", "rename needs a name or uuid, and the new name");
	json_t *args = json_pack("{s:s,s:s}", "host", l->rest[1], "name", l->rest[2]);
	return client_show(&l->common, "hosts.rename", args, show_renamed, l->rest[2]);
}

static bool ask(const char *name)
{
	char answer[16] = "";
	(void)fprintf(stderr,
		"Retire %s? It loses its access for good, and its blocks are taken off. [y/N] ",
		name);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void show_retired(const json_t *done, const char *name)
{
	(void)done;
	(void)printf("%s is retired\n", name);
}

static int retire(const struct verbline *l)
{
	if (l->count != 2)
		return verbline_wrong("hosts", "retire needs a name or uuid");
	if (!verbline_has(l, "yes") && !isatty(STDIN_FILENO))
		return verbline_wrong("hosts", "off a terminal, retire needs --yes");
	if (!verbline_has(l, "yes") && !ask(l->rest[1])) {
		(void)fputs("cordon: nothing was done\n", stderr);
		return EXIT_INPUT;
	}
	json_t *args = json_pack("{s:s}", "host", l->rest[1]);
	return client_show(&l->common, "hosts.retire", args, show_retired, l->rest[1]);
}

int verb_hosts(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"name", true, false},
		{"project", true, false}, {"enterprise-project", true, false}, {"for", true, false},
		{"yes", false, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *what = l.count > 0 ? l.rest[0] : "list";
	if (strcmp(what, "list") == 0 && l.count <= 1)
		return client_show(&l.common, "hosts", NULL, show_hosts, "");
	if (strcmp(what, "show") == 0)
		return show(&l);
	if (strcmp(what, "invite") == 0)
		return invite(&l);
	if (strcmp(what, "rename") == 0)
		return rename_host(&l);
	if (strcmp(what, "retire") == 0)
		return retire(&l);
	return verbline_wrong("hosts", "list, show, invite, rename or retire");
}
