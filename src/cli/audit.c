/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon audit: who changed what, and when. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "core/settings.h"

#include <string.h>

static const char help[] =
	"Usage: cordon audit [OPTION...]\n"
	"Every change that somebody made, by an API or by this command: latest first. What is\n"
	"written down is never changed.\n"
	"\n"
	"  --since TIME     from then on: 1d, or 2026-11-21T08:00\n"
	"  --who WHO        an access key id; cli\n"
	"  --what WHAT      block, rule.add ...; what ends in a dot: all that begin so (rule.)\n"
	"  --object OBJECT  an address, the name of a rule, a key id ...\n"
	"  --all            also what blocks by rules were before their source came back (life)\n"
	"  --limit N        at most N (default 100)\n"
	"  --json           the entries as an array\n"
	"  --account A      of another account than the first\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

/* "a -> b", and what else there is to say. */
static void write_change(const json_t *e, char *ret, size_t size)
{
	const char *before = client_text(e, "before"), *after = client_text(e, "after");
	const char *detail = client_text(e, "detail");
	bool change = before[0] || after[0];
	(void)snprintf(ret, size, "%s%s%s%s%s%s", before, change ? (before[0] ? " → " : "→ ") : "",
		after, change && detail[0] ? " (" : "", detail, change && detail[0] ? ")" : "");
}

static void show_entries(const json_t *entries, const char *what)
{
	static const char *const heads[] = {"TIME", "WHO", "FROM", "WHAT", "OBJECT", "CHANGE"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *e;
	(void)what;
	json_array_foreach ((json_t *)(uintptr_t)entries, i, e) {
		char change[1024];
		write_change(e, change, sizeof(change));
		const char *cells[] = {client_text(e, "time"), client_text(e, "who"),
			client_text(e, "from"), client_text(e, "what"), client_text(e, "object"),
			change};
		table_row(t, cells);
	}
	table_print(t);
}

static bool set_since(const struct verbline *l, json_t *args)
{
	const char *text = verbline_value(l, "since");
	int64_t ms;
	if (!text)
		return true;
	if (settings_duration(slice_of(text), &ms))
		ms = MAX_OF(l->common.now - ms, 1);
	else if (!options_time(text, l->common.timezone, &ms))
		return false;
	(void)json_object_set_new(args, "since", json_integer(ms));
	return true;
}

int verb_audit(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"since", true, false}, {"who", true, false},
		{"what", true, false}, {"object", true, false}, {"all", false, false},
		{"limit", true, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	if (l.count > 0)
		return verbline_wrong("audit", "what is '%s'?", l.rest[0]);
	json_t *args = json_pack("{s:b}", "all", verbline_has(&l, "all"));
	verbline_text(&l, "who", args);
	verbline_text(&l, "what", args);
	verbline_text(&l, "object", args);
	if (!set_since(&l, args) || !verbline_number(&l, "limit", args)) {
		json_decref(args);
		return verbline_wrong("audit", "--since takes a time, --limit a number");
	}
	return client_show(&l.common, "audit", args, show_entries, "");
}
