/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a file sensor gets its descriptors. The engine may open nothing itself:
 * it asks the monitor by the input's number in the configuration, never by a
 * name. Tests and `cordon scan` open directly.
 */
#pragma once

#include <stddef.h>

#define INPUT_SIBLINGS_MAX 64 /* rotated copies looked at; older ones are not offered */

struct input_ops {
	/* The file at the configured path now (symlinks followed), read-only: fd or -errno
	   (-ENOENT: not there yet; -EINVAL: not a regular file). */
	int (*open_current)(void *ctx, unsigned input);
	/*
	 * The n-th of the files beside it whose names begin with the file's name and '.' or
	 * '-' (rotated copies, newest first, compressed ones left out): fd or -errno,
	 * -ENOENT past the last, -EAGAIN when they change too fast. Newest first is by number where
	 * all names end in a small number (log.1, log.2), by date where all end in one
	 * (log-20260102), else by the time of the last change. Of a symlink both the link's and its
	 * target's are listed.
	 */
	int (*open_sibling)(void *ctx, unsigned input, unsigned n);
	/*
	 * An inotify descriptor that watches the file's directory (and that of a symlink's
	 * target): create, move, delete, modify, close after write. fd or -errno. A call
	 * again gives a new one: the directory may have been replaced.
	 */
	int (*open_watch)(void *ctx, unsigned input);
	void *ctx;
};

/* Opens by path in this process. paths[input] must stay valid. */
struct input_ops input_direct(const char *const *paths);
