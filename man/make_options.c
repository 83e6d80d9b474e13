/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies a man page and puts the table of options in place of its line "@OPTIONS@".
 */
#include "core/settings.h"

#include <errno.h>
#include <string.h>

static int copy(FILE *in, FILE *out)
{
	_cleanup_(buf_done) struct buf options = BUF_NULL;
	char line[1024];
	settings_manual(&options);
	if (options.error)
		return options.error;
	while (fgets(line, sizeof(line), in)) {
		const char *text = strcmp(line, "@OPTIONS@\n") == 0 ? options.p : line;
		if (fputs(text, out) < 0)
			return -EIO;
	}
	return ferror(in) ? -EIO : 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		(void)fputs("usage: make_options IN OUT\n", stderr);
		return 2;
	}
	FILE *in = fopen(argv[1], "re");
	FILE *out = fopen(argv[2], "we");
	int e = in && out ? copy(in, out) : -errno;
	if (in)
		(void)fclose(in);
	if (out && fclose(out) != 0 && e == 0)
		e = -EIO;
	if (e)
		(void)fprintf(stderr, "make_options: %s\n", strerror(-e));
	return e ? 1 : 0;
}
