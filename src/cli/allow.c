/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon allow list|add|remove. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"

#include <string.h>

static const char help[] = "Usage: cordon allow [list]\n"
			   "       cordon allow add ADDRESS|PREFIX [--why TEXT]\n"
			   "       cordon allow remove ADDRESS|PREFIX\n"
			   "Who is never blocked. Adding lifts what blocks any part of it.\n"
			   "\n"
			   "  --json           the list as an array, or {}\n"
			   "  --account A      of another account than the first\n"
			   "  --state-dir DIR  where cordond keeps its socket\n";

static void show_allowed(const json_t *list, const char *what)
{
	static const char *const heads[] = {"ADDRESS", "FROM", "SINCE", "WHY"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *e;
	(void)what;
	json_array_foreach ((json_t *)(uintptr_t)list, i, e) {
		const char *cells[] = {client_text(e, "prefix"), client_text(e, "from"),
			client_text(e, "created"), client_text(e, "why")};
		table_row(t, cells);
	}
	table_print(t);
}

static void show_added(const json_t *result, const char *prefix)
{
	(void)result;
	(void)printf("%s is never blocked\n", prefix);
}

static void show_removed(const json_t *result, const char *prefix)
{
	(void)result;
	(void)printf("%s may be blocked\n", prefix);
}

static int change(const struct verbline *l, const char *verb,
	void (*show)(const json_t *result, const char *prefix))
{
	json_t *args = json_pack("{s:s}", "prefix", l->rest[1]);
	if (verbline_has(l, "why"))
		(void)json_object_set_new(args, "why", json_string(verbline_value(l, "why")));
	return client_show(&l->common, verb, args, show, l->rest[1]);
}

int verb_allow(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"why", true, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *what = l.count > 0 ? l.rest[0] : "list";
	if (strcmp(what, "list") == 0 && l.count <= 1)
		return client_show(&l.common, "allow.list", NULL, show_allowed, "");
	if (l.count != 2)
		return verbline_wrong("allow", "list, or add, remove and one address or prefix");
	if (strcmp(what, "add") == 0)
		return change(&l, "allow.add", show_added);
	if (strcmp(what, "remove") == 0)
		return change(&l, "allow.remove", show_removed);
	return verbline_wrong("allow", "what is '%s'?", what);
}
