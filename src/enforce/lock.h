/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One daemon a table. An abstract unix socket name (unix(7)) exists once in a
 * network namespace, as the table does, and goes with the process that has it.
 */
#pragma once

/* Somebody who could not run a daemon sits on the name: go on without the lock. */
#define LOCK_E_SQUATTED 1

/*
 * 0 and *ret_fd, which is the lock as long as it is open; LOCK_E_SQUATTED;
 * -EADDRINUSE when another daemon has it; or -errno.
 */
int lock_take(const char *table, int *ret_fd);
