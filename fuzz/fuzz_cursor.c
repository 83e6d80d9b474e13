/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tail's stored cursor: any bytes are refused or come back to the last byte, and reading
 * goes on from there whatever the files are now.
 */
#include "sensor/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int open_text(const char *text)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		abort();
	return fd;
}

static int open_current(void *ctx, unsigned input)
{
	return *(bool *)ctx ? open_text("a line\nanother\nhalf a li") : -ENOENT * (int)(input + 1);
}

static int open_sibling(void *ctx, unsigned input, unsigned n)
{
	(void)input;
	return *(bool *)ctx && n < 2 ? open_text(n ? "" : "older\n") : -ENOENT;
}

static int open_watch(void *ctx, unsigned input)
{
	(void)ctx;
	(void)input;
	return -ENOENT;
}

static int take_lines(void *ctx, struct slice lines)
{
	*(size_t *)ctx += lines.n;
	return lines.n > 0 && lines.p[lines.n - 1] == '\n' ? 0 : -EBADMSG;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool there = false;
	size_t bytes = 0;
	const struct input_ops ops = {open_current, open_sibling, open_watch, &there};
	struct buf out = BUF_NULL;
	struct tail *t;
	if (tail_new(&ops, 0, true, &t) < 0)
		return 0;
	if (tail_restore(t, (struct slice){(const char *)data, size}) == 0) {
		tail_cursor(t, &out);
		if (out.n != size || memcmp(out.p, data, size) != 0)
			abort();
		for (int64_t mono = 0; mono < 8000; mono += 2000) {
			if (tail_read(t, mono, 4096, take_lines, &bytes) < 0)
				abort();
			there = mono > 0;
		}
	}
	buf_done(&out);
	(void)tail_free(t);
	return 0;
}
