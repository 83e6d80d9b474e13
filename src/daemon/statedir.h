/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state and run-time directories. */
#pragma once

#include "base/err.h"
#include "daemon/sandbox.h"

/*
 * Makes the directory (and its parents) where missing, 0700 and the engine's.
 * A directory that root owns is handed over with the regular files in it; one
 * that is somebody else's is refused. owner NULL: it must be ours.
 */
int statedir_make(const char *path, const struct identity *owner, struct err *err);
/* The run-time directory, 0755 when made here. */
int statedir_make_run(const char *path, struct err *err);
int statedir_write_pid(const char *run_dir, struct err *err);
/* The daemon whose run-time directory it is, while it lives; else 0. */
pid_t statedir_daemon(const char *run_dir);
/* Takes socket and pid file away. */
void statedir_remove_run(const char *run_dir);
