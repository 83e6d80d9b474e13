/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/customs.h"

#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"

#include <inttypes.h>

static const char *until(const json_t *c)
{
	return json_is_true(json_object_get(c, "permanent")) ? "permanent"
							     : client_text(c, "expires");
}

static void show_list(const json_t *result, const char *what)
{
	static const char *const heads[] = {
		"TARGET", "DIRECTION", ">SERVERS", "STATUS", "UNTIL", "WHY"};
	struct table *t = table_new(heads, countof(heads));
	const json_t *customs = json_object_get(result, "customs");
	size_t i;
	json_t *c;
	(void)what;
	json_array_foreach ((json_t *)(uintptr_t)customs, i, c) {
		char servers[48];
		(void)snprintf(servers, sizeof(servers), "%" PRId64 "/%" PRId64,
			client_int(c, "applied"), client_int(c, "servers"));
		const char *cells[] = {client_text(c, "target"), client_text(c, "direction"),
			servers, client_text(c, "status"), until(c), client_text(c, "why")};
		table_row(t, cells);
	}
	table_print(t);
	(void)printf("%zu of %" PRId64 "\n", json_array_size(customs), client_int(result, "total"));
}

static void show_one(const json_t *c)
{
	static const char *const heads[] = {"SERVER", "STATE", "ERROR"};
	struct table *t = table_new(heads, countof(heads));
	const char *why = client_text(c, "why");
	size_t i;
	json_t *one;
	(void)printf("%s %s: %s, in force on %" PRId64 " of %" PRId64 "%s, until %s%s%s\n",
		client_text(c, "target"), client_text(c, "direction"), client_text(c, "status"),
		client_int(c, "applied"), client_int(c, "servers"),
		json_is_true(json_object_get(c, "everywhere")) ? " (every server)" : "", until(c),
		why[0] ? ": " : "", why);
	json_array_foreach (json_object_get(c, "instances"), i, one) {
		const char *cells[] = {client_text(one, "host"), client_text(one, "state"),
			client_text(one, "error")};
		table_row(t, cells);
	}
	table_print(t);
}

static void show_each(const json_t *list, const char *what)
{
	size_t i;
	json_t *c;
	(void)what;
	json_array_foreach ((json_t *)(uintptr_t)list, i, c)
		show_one(c);
}

int customs_show(const struct verbline *l, const char *target)
{
	json_t *args = target ? json_pack("{s:s}", "target", target) : json_object();
	if (target)
		return client_show(&l->common, "customs.show", args, show_each, "");
	if (!verbline_number(l, "limit", args) || !verbline_number(l, "offset", args)) {
		json_decref(args);
		return verbline_wrong("blocks", "--limit and --offset take numbers");
	}
	return client_show(&l->common, "customs", args, show_list, "");
}
