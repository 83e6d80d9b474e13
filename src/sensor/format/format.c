/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/format/format.h"

#include "base/util.h"

static const struct format *const formats[] = {
	&format_sshd,
};

const struct format *format_find(struct slice program)
{
	for (size_t i = 0; i < countof(formats); i++)
		if (formats[i]->owns(program))
			return formats[i];
	return NULL;
}
