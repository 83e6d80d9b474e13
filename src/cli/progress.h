/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far something has come, as a bar on the terminal behind standard error; nothing
 * where that is none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct progress {
	const char *what;
	size_t total;
	bool shown; /* there is a terminal */
	int latest; /* per mille drawn; -1: nothing */
};

void progress_init(struct progress *p, const char *what, size_t total);
void progress_set(struct progress *p, size_t done);
/* A word beside the full bar: what is being waited for. */
void progress_wait(struct progress *p, const char *what);
/* Takes it off the screen. */
void progress_done(struct progress *p);
