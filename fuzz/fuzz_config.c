/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon.yaml: any bytes are read or refused, and what was read can be printed and
 * reads back to the same print.
 */
#include "core/settings.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings s;

static void print(struct buf *out)
{
	settings_print(&s, out);
	if (out->error)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	settings_default(&s);
	if (settings_read(&s, (struct slice){(const char *)data, size}, "fuzz", &err))
		return 0;
	(void)settings_check(&s, &err);
	_cleanup_(buf_done) struct buf first = BUF_NULL, second = BUF_NULL;
	print(&first);
	settings_default(&s);
	if (settings_read(&s, buf_as_slice(&first), "printed", &err))
		abort();
	print(&second);
	if (!slice_eq(buf_as_slice(&first), buf_as_slice(&second)))
		abort();
	return 0;
}
