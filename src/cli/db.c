/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon db check|backup|vacuum. The first two work beside a running daemon. */
#include "base/util.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "store/store.h"

#include <string.h>

static const char help[] =
	"Usage: cordon db check [--state-dir DIR]\n"
	"       cordon db backup FILE [--state-dir DIR]\n"
	"       cordon db vacuum [--state-dir DIR]\n"
	"check looks for damage; backup copies the database into a new file. The keys that\n"
	"open its secrets (secret.key beside it) are not in the copy: keep them apart.\n"
	"Both work while cordond runs. vacuum writes the database anew without holes, and\n"
	"needs it to be stopped.\n";

static void say_problem(void *ctx, const char *problem)
{
	unsigned *n = ctx;
	(*n)++;
	(void)printf("%s\n", problem);
}

static int check(const char *dir)
{
	struct err err = {""};
	unsigned problems = 0;
	int r = store_check(dir, say_problem, &problems, &err);
	if (r < 0)
		(void)fprintf(stderr, "cordon db: %s\n", err.text);
	else if (problems == 0)
		(void)puts("ok");
	return r < 0 || problems > 0 ? EXIT_INPUT : EXIT_OK;
}

static void show_progress(void *ctx, int percent)
{
	(void)ctx;
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%3d %%%s", percent, percent == 100 ? "\n" : "");
}

static int backup(const char *dir, const char *to)
{
	struct err err = {""};
	int r = store_backup(dir, to, show_progress, NULL, &err);
	if (r < 0)
		(void)fprintf(stderr, "cordon db: %s\n", err.text);
	return r < 0 ? EXIT_INPUT : EXIT_OK;
}

static int vacuum(const char *dir)
{
	struct err err = {""};
	uint64_t before = 0, after = 0;
	if (store_vacuum(dir, &before, &after, &err) < 0) {
		(void)fprintf(stderr, "cordon db: %s\n", err.text);
		return EXIT_INPUT;
	}
	(void)printf("%.1f MiB became %.1f MiB\n", (double)before / 1048576.0,
		(double)after / 1048576.0);
	return EXIT_OK;
}

int verb_db(int argc, char **argv)
{
	static const struct verbline_option own[] = {{0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *dir = l.common.state_dir ? l.common.state_dir : "/var/lib/cordon";
	if (l.count == 1 && strcmp(l.rest[0], "check") == 0)
		return check(dir);
	if (l.count == 2 && strcmp(l.rest[0], "backup") == 0)
		return backup(dir, l.rest[1]);
	if (l.count == 1 && strcmp(l.rest[0], "vacuum") == 0)
		return vacuum(dir);
	return verbline_wrong("db", "check, vacuum, or backup and a file");
}
