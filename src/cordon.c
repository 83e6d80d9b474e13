/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon: the command line. One verb, one file in cli/, one line in this table.
 */
#include "base/util.h"
#include "cli/options.h"
#include "cli/verb.h"

#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{"status", verb_status, "is it working, what does it see, what does it hold"},
	{"top", verb_top, "who attacks now, drawn anew each second"},
	{"blocks", verb_blocks, "list blocks"},
	{"block", verb_block, "block addresses by hand, here or on many servers"},
	{"unblock", verb_unblock, "lift a block"},
	{"verify", verb_verify, "explain one address: blocked or not, and why"},
	{"rules", verb_rules, "list, add, change and remove rules"},
	{"allow", verb_allow, "who is never blocked"},
	{"hosts", verb_hosts, "the protected servers: list, show, invite, rename, retire"},
	{"keys", verb_keys, "access keys and tokens for the APIs"},
	{"accounts", verb_accounts, "accounts, strictly apart from each other"},
	{"audit", verb_audit, "who changed what, and when"},
	{"db", verb_db, "check, back up or compact the database"},
	{"config", verb_config, "check or show the configuration"},
	{"flush", verb_flush, "take Cordon's table out of the kernel"},
	{"scan", verb_scan, "say who attacked, from log files"},
	{"explain", verb_explain, "say what each line of a log means to Cordon"},
};

static void usage(FILE *out)
{
	(void)fputs("Usage: cordon VERB [OPTION…]\n\nVerbs:\n", out);
	for (size_t i = 0; i < countof(verbs); i++)
		(void)fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].help);
	(void)fputs(
		"\n'cordon VERB --help' says more; 'cordon --version' says which this is.\n", out);
}

/* "cordon --state-dir DIR status" is "cordon status --state-dir DIR": the verb goes first. */
static int rotate(int argc, char **argv)
{
	int verb = 1;
	while (verb < argc && strncmp(argv[verb], "--", 2) == 0)
		verb += strcmp(argv[verb], "--json") == 0 || strchr(argv[verb], '=') ? 1 : 2;
	if (verb >= argc)
		return -1;
	char *name = argv[verb];
	memmove(argv + 2, argv + 1, (size_t)(verb - 1) * sizeof(*argv));
	argv[1] = name;
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--version") == 0) {
		(void)puts("cordon " CORDON_VERSION);
		return EXIT_OK;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return EXIT_OK;
	}
	if (strncmp(name, "--", 2) == 0 && rotate(argc, argv) == 0)
		name = argv[1];
	for (size_t i = 0; i < countof(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (*name)
		(void)fprintf(stderr, "cordon: no verb '%s'\n", name);
	usage(stderr);
	return EXIT_USAGE;
}
