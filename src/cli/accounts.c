/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon accounts list|add|close|open. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"

#include <string.h>

static const char help[] =
	"Usage: cordon accounts [list]\n"
	"       cordon accounts add NAME\n"
	"       cordon accounts close|open NAME\n"
	"Accounts share nothing: servers, keys, blocks, rules and allow-list are each one's own.\n"
	"The keys and the agents of a closed one are refused until it is opened again. Every\n"
	"other verb takes --account: a name, an account id or a project id.\n"
	"\n"
	"  --json           the accounts as an array, or the new one\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

static void show_accounts(const json_t *accounts, const char *what)
{
	static const char *const heads[] = {"NAME", "ACCOUNT", "PROJECT", "STATE"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *a;
	(void)what;
	json_array_foreach ((json_t *)(uintptr_t)accounts, i, a) {
		const char *cells[] = {client_text(a, "name"), client_text(a, "account_id"),
			client_text(a, "project_id"),
			json_is_true(json_object_get(a, "closed")) ? "closed" : "open"};
		table_row(t, cells);
	}
	table_print(t);
}

static void show_added(const json_t *a, const char *name)
{
	(void)printf("%s: account %s, project %s\n", name, client_text(a, "account_id"),
		client_text(a, "project_id"));
}

static void show_closed(const json_t *done, const char *name)
{
	(void)done;
	(void)printf("account %s is closed\n", name);
}

static void show_opened(const json_t *done, const char *name)
{
	(void)done;
	(void)printf("account %s is open\n", name);
}

int verb_accounts(int argc, char **argv)
{
	static const struct verbline_option own[] = {{0}};
	static const struct {
		const char *name, *verb;
		void (*show)(const json_t *result, const char *name);
	} changes[] = {{"add", "accounts.add", show_added},
		{"close", "accounts.close", show_closed}, {"open", "accounts.open", show_opened}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *what = l.count > 0 ? l.rest[0] : "list";
	if (strcmp(what, "list") == 0 && l.count <= 1)
		return client_show(&l.common, "accounts.list", NULL, show_accounts, "");
	for (size_t i = 0; i < countof(changes) && l.count == 2; i++)
		if (strcmp(changes[i].name, what) == 0)
			return client_show(&l.common, changes[i].verb,
				json_pack("{s:s}", "name", l.rest[1]), changes[i].show, l.rest[1]);
	return verbline_wrong("accounts", "list, or add, close, open and a name");
}
