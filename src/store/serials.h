/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers that are never given twice, also after what had them is gone. Within a
 * transaction they are counted in memory and written once, before the commit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct store;

enum serial {
	SERIAL_VERSION, /* of a wish or a policy */
	SERIAL_CUSTOM,  /* id of a custom block */
	SERIALS
};

struct serial_state {
	int64_t last; /* 0: not looked up yet */
	bool moved;   /* within the open transaction */
};

int serial_next(struct store *s, enum serial serial, int64_t *ret);
/* The next n; *ret_first: the first of them. */
int serial_take(struct store *s, enum serial serial, int64_t n, int64_t *ret_first);
/* Those up to `last` are left out. */
int serial_skip(struct store *s, enum serial serial, int64_t last);
/* The latest one this connection sees. */
int serial_latest(struct store *s, enum serial serial, int64_t *ret);
int serials_flush(struct store *s);
void serials_forget(struct store *s);
