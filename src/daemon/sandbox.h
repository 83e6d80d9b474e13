/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the engine gives up before it reads the first foreign byte.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Of processes whose users do not exist on this machine; nothing else has these ids. */
#define UNNAMED_UID 61730

/* uid and gid a process becomes. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t journal; /* systemd-journal, or (gid_t)-1 */
};

/*
 * The user's ids. A user that does not exist gets a fixed pair of numbers that nothing else
 * uses (61730 + offset), so a daemon without installed users still drops root.
 */
struct identity identity_find(const char *user, unsigned offset, bool *ret_known);

/* Becomes the user for good: groups, gid, uid; no capability and no new privilege. */
int sandbox_become(const struct identity *who, struct err *err);
/* Landlock: writes only below the current directory, reads only what is listed here and
   journal_dir (NULL: the system's). -ENOSYS where the kernel has none. */
int sandbox_files(const char *journal_dir);
/* seccomp: no exec, ptrace, mount, bpf, io_uring, keyrings, new namespaces … */
int sandbox_calls(void);
