/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/format/format.h"

#include "base/util.h"

static const struct format *const formats[] = {
	&format_sshd,
	&format_mysqld,
	&format_vsftpd,
	&format_xrdp,
	&format_dropbear,
	&format_windows,
};

const struct format *format_find(struct slice program)
{
	const char *slash = program.n > 4 ? memrchr(program.p, '/', program.n) : NULL;
	if (slash)
		program = slice_between(slash + 1, program.p + program.n);
	if (program.n == 0)
		return NULL;
	for (size_t i = 0; i < countof(formats); i++)
		if ((formats[i]->initials[0] == *program.p ||
			    formats[i]->initials[1] == *program.p) &&
			formats[i]->owns(program))
			return formats[i];
	return NULL;
}

/* A letter of the alphabet, big; cheap, as this is asked for every foreign line. */
static bool is_big(char c)
{
	return (unsigned)(c - 'A') <= 25;
}

static unsigned start_of(struct slice line, bool fits)
{
	if (line.n < 8)
		return 0;
	if ((unsigned)(*line.p - '0') <= 9)
		return LINE_DIGIT;
	if (*line.p == '[')
		return LINE_BRACKET;
	if (*line.p == '{')
		return LINE_BRACE;
	if (line.p[3] == ' ' && is_big(line.p[0]) && is_big(line.p[4]))
		return LINE_WEEKDAY;
	return fits ? 0 : LINE_OTHER;
}

const struct format *format_of_line(uint32_t services, struct stamps *stamps, struct slice line,
	bool fits, int64_t now, struct record *ret)
{
	unsigned start = start_of(line, fits);
	if (start == 0)
		return NULL;
	for (size_t i = 0; i < countof(formats); i++)
		if (formats[i]->starts & start && services & SERVICE_BIT(formats[i]->service) &&
			formats[i]->line(stamps, line, now, ret))
			return formats[i];
	return NULL;
}
