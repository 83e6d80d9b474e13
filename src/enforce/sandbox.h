/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the enforcer keeps of its rights: CAP_NET_ADMIN and a handful of system
 * calls, none of which opens, starts or maps anything executable.
 */
#pragma once

#include <sys/types.h>

/* Becomes uid (0: stays) with CAP_NET_ADMIN as the only capability. 0 or -errno. */
int sandbox_drop(uid_t uid, gid_t gid);
/* After this any other system call kills the process. 0 or -errno. */
int sandbox_filter(void);
