/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon blocks, block, unblock. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "core/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char blocks_help[] =
	"Usage: cordon blocks [OPTION...]\n"
	"Lists blocks, latest change first.\n"
	"\n"
	"  --state STATE    active (default), failed, expired, canceled, all\n"
	"  --address ADDR   only those that hold this address\n"
	"  --service NAME   ssh, mysql, rdp, vsftpd\n"
	"  --limit N        at most N (default 100)\n"
	"  --offset N       leave out the first N\n"
	"  --json           {\"blocks\":[...],\"total\":N}\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

static int set_number(json_t *args, const struct verbline *l, const char *name)
{
	const char *text = verbline_value(l, name);
	if (!text)
		return 0;
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (*end || end == text || errno || value < 0)
		return -EINVAL;
	(void)json_object_set_new(args, name, json_integer(value));
	return 0;
}

static void set_text(json_t *args, const struct verbline *l, const char *name)
{
	const char *text = verbline_value(l, name);
	if (text)
		(void)json_object_set_new(args, name, json_string(text));
}

static void show_blocks(const json_t *result, const char *what)
{
	(void)what;
	static const char *const heads[] = {
		"ADDRESS", "SERVICE", "STATE", ">ATTEMPTS", "RULE", "SINCE", "UNTIL"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *b;
	json_array_foreach (json_object_get(result, "blocks"), i, b) {
		char attempts[24], state[80];
		const char *error = client_text(b, "error"), *service = client_text(b, "service");
		(void)snprintf(attempts, sizeof(attempts), "%" PRId64, client_int(b, "attempts"));
		(void)snprintf(state, sizeof(state), "%s%s%s", client_text(b, "state"),
			error[0] ? ": " : "", error);
		const char *cells[] = {client_text(b, "target"), service[0] ? service : "all",
			state, attempts, client_text(b, "rule"), client_text(b, "created"),
			json_is_true(json_object_get(b, "permanent")) ? "permanent"
								      : client_text(b, "expires")};
		table_row(t, cells);
	}
	table_print(t);
	size_t shown = json_array_size(json_object_get(result, "blocks"));
	(void)printf("%zu of %" PRId64 "\n", shown, client_int(result, "total"));
}

int verb_blocks(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"state", true, false},
		{"address", true, false}, {"service", true, false}, {"limit", true, false},
		{"offset", true, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, blocks_help);
	if (code >= 0)
		return code;
	if (l.count > 0)
		return verbline_wrong("blocks", "what is '%s'?", l.rest[0]);
	json_t *args = json_object();
	set_text(args, &l, "state");
	set_text(args, &l, "address");
	set_text(args, &l, "service");
	if (set_number(args, &l, "limit") < 0 || set_number(args, &l, "offset") < 0) {
		json_decref(args);
		return verbline_wrong("blocks", "--limit and --offset take numbers");
	}
	return client_show(&l.common, "blocks", args, show_blocks, "");
}

static const char block_help[] =
	"Usage: cordon block ADDRESS|PREFIX [OPTION...]\n"
	"Blocks by hand, at once.\n"
	"\n"
	"  --for TIME       how long: 30s 10m 6h 7d permanent (default: 6h)\n"
	"  --out            connections from here to there instead of theirs to us\n"
	"  --why TEXT       shown with the block\n"
	"  --json           {\"expires\":TIME|null}\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

static void show_blocked(const json_t *result, const char *target)
{
	(void)printf("%s is blocked %s%s\n", target,
		client_text(result, "expires")[0] ? "until " : "for good",
		client_text(result, "expires"));
}

int verb_block(int argc, char **argv)
{
	static const struct verbline_option own[] = {
		{"for", true, false}, {"out", false, false}, {"why", true, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, block_help);
	if (code >= 0)
		return code;
	if (l.count != 1)
		return verbline_wrong("block", "one address or prefix, please");
	const char *time = verbline_value(&l, "for");
	int64_t ms;
	if (!settings_duration(slice_of(time ? time : "6h"), &ms))
		return verbline_wrong("block", "--for %s: not a time", time);
	json_t *args = json_pack("{s:s,s:I,s:s}", "target", l.rest[0], "duration", (json_int_t)ms,
		"direction", verbline_has(&l, "out") ? "out" : "in");
	set_text(args, &l, "why");
	return client_show(&l.common, "block", args, show_blocked, l.rest[0]);
}

static const char unblock_help[] =
	"Usage: cordon unblock ADDRESS|PREFIX [--json] [--state-dir DIR]\n"
	"Lifts every block that holds any part of it; failures so far are forgiven.\n";

static void show_lifted(const json_t *result, const char *target)
{
	(void)printf("%s: %" PRId64 " lifted\n", target, client_int(result, "lifted"));
}

int verb_unblock(int argc, char **argv)
{
	static const struct verbline_option own[] = {{0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, unblock_help);
	if (code >= 0)
		return code;
	if (l.count != 1)
		return verbline_wrong("unblock", "one address or prefix, please");
	json_t *args = json_pack("{s:s}", "target", l.rest[0]);
	return client_show(&l.common, "unblock", args, show_lifted, l.rest[0]);
}
