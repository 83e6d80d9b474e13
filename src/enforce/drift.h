/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notices when others change the table: nf_tables tells every change, and a
 * filter in the kernel keeps back our own.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

struct drift {
	struct mnl_socket *socket;
	bool listening;
	char table[65];
};

/*
 * portid: of the socket our own changes go through. Not listening yet. 0 or -errno.
 */
int drift_open(struct drift *d, const char *table, uint32_t portid);
/*
 * While somebody listens the kernel writes a message an element, which makes large
 * transactions take twice as long: listen only where others can change the table.
 */
int drift_listen(struct drift *d, bool on);
void drift_done(struct drift *d);
/* Reads what came. True when the table may have changed. */
bool drift_read(struct drift *d);
