/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon blocks, unblock. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/customs.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"

#include <inttypes.h>
#include <string.h>

static const char blocks_help[] =
	"Usage: cordon blocks [OPTION...]\n"
	"       cordon blocks --custom [ADDRESS|PREFIX] [OPTION...]\n"
	"Lists blocks, latest change first.\n"
	"\n"
	"  --custom         those made by hand or by an API for many servers: on how many of\n"
	"                   them each is in force; of one address: what each server says\n"
	"  --state STATE    active (default), failed, expired, canceled, all\n"
	"  --address ADDR   only those that hold this address\n"
	"  --service NAME   ssh, mysql, rdp, vsftpd\n"
	"  --host HOST      only those of this server, by name or uuid\n"
	"  --limit N        at most N (default 100)\n"
	"  --offset N       leave out the first N\n"
	"  --json           {\"blocks\":[...],\"total\":N,\"hosts\":N}; see cordon(1)\n"
	"  --account A      of another account than the first\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

/* With the server's name where there are several. */
static void add_row(struct table *t, const json_t *b, bool several)
{
	char attempts[24], state[80], service[32];
	bool out = strcmp(client_text(b, "direction"), "out") == 0;
	const char *error = client_text(b, "error"), *only = client_text(b, "service");
	(void)snprintf(attempts, sizeof(attempts), "%" PRId64, client_int(b, "attempts"));
	(void)snprintf(state, sizeof(state), "%s%s%s", client_text(b, "state"),
		error[0] ? ": " : "", error);
	(void)snprintf(
		service, sizeof(service), "%s%s", only[0] ? only : "all", out ? ", out" : "");
	const char *cells[] = {client_text(b, "host"), client_text(b, "target"), service, state,
		attempts, client_text(b, "rule"), client_text(b, "created"),
		json_is_true(json_object_get(b, "permanent")) ? "permanent"
							      : client_text(b, "expires")};
	table_row(t, several ? cells : cells + 1);
}

static void show_blocks(const json_t *result, const char *what)
{
	static const char *const heads[] = {
		"HOST", "ADDRESS", "SERVICE", "STATE", ">ATTEMPTS", "RULE", "SINCE", "UNTIL"};
	bool several = client_int(result, "hosts") > 1;
	struct table *t = table_new(several ? heads : heads + 1, countof(heads) - !several);
	size_t i;
	json_t *b;
	(void)what;
	json_array_foreach (json_object_get(result, "blocks"), i, b)
		add_row(t, b, several);
	table_print(t);
	(void)printf("%zu of %" PRId64 "\n", i, client_int(result, "total"));
}

int verb_blocks(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"state", true, false},
		{"address", true, false}, {"service", true, false}, {"host", true, false},
		{"custom", false, false}, {"limit", true, false}, {"offset", true, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, blocks_help);
	if (code >= 0)
		return code;
	bool custom = verbline_has(&l, "custom");
	if (l.count > custom)
		return verbline_wrong("blocks", "what is '%s'?", l.rest[custom]);
	if (custom)
		return customs_show(&l, l.count ? l.rest[0] : NULL);
	json_t *args = json_object();
	verbline_text(&l, "state", args);
	verbline_text(&l, "address", args);
	verbline_text(&l, "service", args);
	verbline_text(&l, "host", args);
	if (!verbline_number(&l, "limit", args) || !verbline_number(&l, "offset", args)) {
		json_decref(args);
		return verbline_wrong("blocks", "--limit and --offset take numbers");
	}
	return client_show(&l.common, "blocks", args, show_blocks, "");
}

static const char unblock_help[] =
	"Usage: cordon unblock ADDRESS|PREFIX [--on HOST,...]\n"
	"Lifts every block that holds any part of it; failures so far are forgiven.\n"
	"\n"
	"  --on HOST,...    only on these servers, by name or uuid (default: on all)\n"
	"  --json           {\"lifted\":N}\n"
	"  --account A      of another account than the first\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

static void show_lifted(const json_t *result, const char *target)
{
	(void)printf("%s: %" PRId64 " lifted\n", target, client_int(result, "lifted"));
}

int verb_unblock(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"on", true, true}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, unblock_help);
	if (code >= 0)
		return code;
	if (l.count != 1)
		return verbline_wrong("unblock", "one address or prefix, please");
	json_t *args = json_pack("{s:s}", "target", l.rest[0]), *hosts = verbline_names(&l, "on");
	if (hosts)
		(void)json_object_set_new(args, "hosts", hosts);
	return client_show(&l.common, "unblock", args, show_lifted, l.rest[0]);
}
