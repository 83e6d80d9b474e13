/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon config check|show, cordon flush. */
#include "base/util.h"
#include "cli/verb.h"
#include "cli/verbline.h"
#include "core/settings.h"
#include "enforce/process.h"

#include <string.h>

static const char help[] =
	"Usage: cordon config check [FILE]\n"
	"       cordon config show [FILE]\n"
	"check reads the configuration as cordond would and says what is wrong, with file, line\n"
	"and column. show prints what is in force with it, defaults included.\n";

int verb_config(int argc, char **argv)
{
	static const struct verbline_option own[] = {{0}};
	static struct settings settings;
	struct err err = {""};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	bool show = l.count > 0 && strcmp(l.rest[0], "show") == 0;
	if (l.count < 1 || l.count > 2 || (!show && strcmp(l.rest[0], "check") != 0))
		return verbline_wrong("config", "check or show, and perhaps a file");
	settings_default(&settings);
	int r = settings_load(&settings, l.count == 2 ? l.rest[1] : NULL, &err);
	if (r == 0)
		r = settings_resolve_sensors(&settings, "", &err);
	if (r < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return EXIT_INPUT;
	}
	_cleanup_(buf_done) struct buf out = BUF_NULL;
	if (show)
		settings_print(&settings, &out);
	(void)fputs(show ? out.p : "ok\n", stdout);
	return EXIT_OK;
}

static const char flush_help[] =
	"Usage: cordon flush [--table NAME]\n"
	"Takes Cordon's table out of the kernel, with every block in it. For removal: a\n"
	"running cordond puts everything back.\n";

int verb_flush(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"table", true, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, flush_help);
	if (code >= 0)
		return code;
	const char *table = verbline_value(&l, "table") ? verbline_value(&l, "table") : "cordon";
	int r = enforcer_remove_table(table);
	if (r < 0) {
		(void)fprintf(stderr, "cordon: table inet %s: %s\n", table, strerror(-r));
		return EXIT_INPUT;
	}
	(void)printf("table inet %s is out of the kernel\n", table);
	return EXIT_OK;
}
