/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fail2ban-client banned: [{'sshd': ['192.0.2.1', '198.51.100.7']}, {'nginx': []}]
 * The name of the jail is the reason.
 */
#include "cli/import_parts.h"

/* One quoted text; the caller has seen its first quote. */
static bool read_text(struct import *m, struct slice *ret)
{
	char quote = m->text.p[0];
	m->text = slice_skip(m->text, 1);
	const char *end = memchr(m->text.p, quote, m->text.n);
	if (!end)
		return false;
	*ret = slice_between(m->text.p, end);
	m->text = slice_skip(m->text, ret->n + 1);
	return true;
}

/* The next character that is no blank; -1: the end. */
static int peek(struct import *m)
{
	while (m->text.n > 0 && import_one_of(m->text.p[0], " \t\r\n")) {
		m->line += m->text.p[0] == '\n';
		m->text = slice_skip(m->text, 1);
	}
	return m->text.n > 0 ? (unsigned char)m->text.p[0] : -1;
}

static void refuse_rest(struct import *m)
{
	struct slice shown = {m->text.p, m->text.n < 40 ? m->text.n : 40};
	import_refuse(m, shown, m->line, "not what fail2ban-client banned prints");
	m->text.n = 0;
}

void import_fail2ban(struct import *m)
{
	struct import_more more = {0};
	struct slice text;
	m->line = 1;
	for (int c; !m->error && (c = peek(m)) >= 0;) {
		bool quoted = c == '\'' || c == '"';
		if (!quoted && import_one_of((char)c, "[]{}(),:"))
			m->text = slice_skip(m->text, 1);
		else if (!quoted || !read_text(m, &text))
			refuse_rest(m);
		else if (peek(m) == ':')
			more.why = text;
		else
			import_take(m, text, m->line, &more);
	}
}
