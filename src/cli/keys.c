/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon keys list|create|remove|disable|enable|token. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "core/settings.h"

#include <string.h>

static const char help[] =
	"Usage: cordon keys [list]\n"
	"       cordon keys create --name NAME [--allow PATTERN...] [--expires TIME]\n"
	"                          [--enterprise-project EP...]\n"
	"       cordon keys remove|disable|enable ACCESS_KEY_ID\n"
	"       cordon keys token [--name NAME]\n"
	"Access keys for the APIs. A secret is shown once, when it is made.\n"
	"\n"
	"  --name NAME      what you call it\n"
	"  --allow PATTERN  actions it may call; '*' only at the end; repeat for several\n"
	"                   (yundun-sas:DescribeBruteForceRecords, hss:blockedIp:list, hss:*;\n"
	"                   default: *)\n"
	"  --expires TIME   a temporary key with a security token: 1h, 7d\n"
	"  --enterprise-project EP\n"
	"                   it sees only servers of this one; repeat for several (default: all)\n"
	"  --json           see cordon(1)\n"
	"  --account A      of another account than the first\n"
	"  --state-dir DIR  where cordond keeps its socket\n"
	"A disabled key is refused until it is enabled again; a removed one is gone.\n"
	"token prints a token for X-Auth-Token; without --name for a key that may all.\n";

static void show_keys(const json_t *keys, const char *what)
{
	static const char *const heads[] = {
		"NAME", "ACCESS KEY", "STATE", "MAY", "PROJECTS", "SINCE", "UNTIL"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *k;
	(void)what;
	json_array_foreach ((json_t *)(uintptr_t)keys, i, k) {
		char may[1024], projects[320];
		client_texts(k, "allow", may, sizeof(may));
		client_texts(k, "enterprise_projects", projects, sizeof(projects));
		const char *cells[] = {client_text(k, "name"), client_text(k, "access_key_id"),
			json_is_true(json_object_get(k, "active")) ? "on" : "off", may,
			projects[0] ? projects : "all", client_text(k, "created"),
			client_text(k, "expires")[0] ? client_text(k, "expires") : "for good"};
		table_row(t, cells);
	}
	table_print(t);
}

static void show_new(const json_t *k, const char *what)
{
	(void)what;
	static const char *const names[] = {"access_key_id", "secret_access_key", "security_token",
		"account_id", "project_id", "expires"};
	for (size_t i = 0; i < countof(names); i++)
		if (client_text(k, names[i])[0])
			(void)printf("%-18s %s\n", names[i], client_text(k, names[i]));
	(void)puts("The secret is not shown again.");
}

static int create_key(const struct verbline *l)
{
	const char *name = verbline_value(l, "name"), *expires = verbline_value(l, "expires");
	int64_t life = 0;
	if (!name)
		return verbline_wrong("keys", "create needs --name");
	if (expires && (!settings_duration(slice_of(expires), &life) || life <= 0))
		return verbline_wrong("keys", "--expires %s: not a time", expires);
	json_t *args = json_pack("{s:s,s:I}", "name", name, "life_ms", (json_int_t)life);
	json_t *projects = verbline_names(l, "enterprise-project");
	if (projects)
		(void)json_object_set_new(args, "enterprise_projects", projects);
	json_t *allow = json_object_get(l->values, "allow");
	if (allow) {
		for (int i = 1; i < l->count; i++) /* --allow A B C */
			(void)json_array_append_new(allow, json_string(l->rest[i]));
		(void)json_object_set(args, "allow", allow);
	} else if (l->count > 1) {
		json_decref(args);
		return verbline_wrong("keys", "what is '%s'?", l->rest[1]);
	}
	return client_show(&l->common, "keys.create", args, show_new, "");
}

static void show_gone(const json_t *done, const char *id)
{
	(void)done;
	(void)printf("key %s is gone\n", id);
}

static void show_disabled(const json_t *done, const char *id)
{
	(void)done;
	(void)printf("key %s is disabled\n", id);
}

static void show_enabled(const json_t *done, const char *id)
{
	(void)done;
	(void)printf("key %s is enabled\n", id);
}

static int change_key(const struct verbline *l, const char *verb,
	void (*show)(const json_t *done, const char *id))
{
	if (l->count != 2)
		return verbline_wrong("keys", "%s needs an access key id", l->rest[0]);
	json_t *args = json_pack("{s:s}", "id", l->rest[1]);
	return client_show(&l->common, verb, args, show, l->rest[1]);
}

static void show_token(const json_t *token, const char *what)
{
	(void)what;
	(void)puts(client_text(token, "token"));
}

static int make_token(const struct verbline *l)
{
	json_t *args = json_object();
	verbline_text(l, "name", args);
	return client_show(&l->common, "keys.token", args, show_token, "");
}

int verb_keys(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"name", true, false}, {"allow", true, true},
		{"expires", true, false}, {"enterprise-project", true, true}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *what = l.count > 0 ? l.rest[0] : "list";
	if (strcmp(what, "list") == 0)
		return client_show(&l.common, "keys.list", NULL, show_keys, "");
	if (strcmp(what, "create") == 0)
		return create_key(&l);
	if (strcmp(what, "remove") == 0)
		return change_key(&l, "keys.remove", show_gone);
	if (strcmp(what, "disable") == 0)
		return change_key(&l, "keys.disable", show_disabled);
	if (strcmp(what, "enable") == 0)
		return change_key(&l, "keys.enable", show_enabled);
	if (strcmp(what, "token") == 0)
		return make_token(&l);
	return verbline_wrong("keys", "what is '%s'?", what);
}
