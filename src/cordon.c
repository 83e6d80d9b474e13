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
	for (size_t i = 0; i < countof(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (*name)
		(void)fprintf(stderr, "cordon: no verb '%s'\n", name);
	usage(stderr);
	return EXIT_USAGE;
}
