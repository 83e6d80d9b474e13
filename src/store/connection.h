/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing one SQLite connection, as the store, its checks and its copies need it. */
#pragma once

#include "store/store.h"

enum connection_kind {
	CONNECTION_WRITER,
	CONNECTION_READER,
	CONNECTION_TOOL, /* reads, without the secret key */
};

/* The name of the SQLite file system that opens a name as it is given; see connection_prepare(). */
#define CONNECTION_VFS "as-given"
/* Makes it known to SQLite; before every sqlite3_open_v2(). */
void connection_prepare(void);

int connection_open(
	const char *dir, enum connection_kind kind, struct store **ret, struct err *err);
