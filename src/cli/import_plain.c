/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One address, prefix or range a line. '#' or ';' begins a comment.
 */
#include "cli/import_parts.h"

static struct slice without_comment(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' || line.p[i] == ';')
			return import_trim((struct slice){line.p, i});
	return line;
}

void import_plain(struct import *m)
{
	static const struct import_more nothing = {0};
	struct slice line;
	while (!m->error && import_line(m, &line)) {
		struct slice text = without_comment(line);
		if (text.n > 0 && memchr(text.p, ',', text.n))
			import_refuse(m, text, m->line,
				"several columns, and no first line that names them");
		else if (text.n > 0)
			import_take(m, text, m->line, &nothing);
	}
}
