/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listening sockets, opened while we may. */
#pragma once

#include "base/err.h"
#include "model/settings.h"

#include <sys/types.h>

/* A bound, listening TCP socket or -errno. The address need not be this machine's yet. */
int listen_tcp(const struct listener_settings *l, struct err *err);
/* The same for agents; "::" takes IPv4 too, and is 0.0.0.0 on a machine without IPv6. */
int listen_fleet(const struct listener_settings *l, struct err *err);
/* The command line's socket, 0660, group gid ((gid_t)-1: ours). A stale one is replaced, a
   live one refused (-EADDRINUSE). */
int listen_control(const char *path, gid_t group, struct err *err);
