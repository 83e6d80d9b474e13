/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The enforcer process: CAP_NET_ADMIN, a strict seccomp allow-list, and no
 * descriptors but netlink and its end of the socketpair. It believes nothing
 * it is sent: every message is checked for length, kind, count and range.
 */
#pragma once

#include "enforce/enforce.h"

#include <stdbool.h>
#include <sys/types.h>

struct enforcer_config {
	const char *table; /* nft table name, inet family */
	bool own;          /* own the table where the kernel can */
	uid_t uid;         /* to become; 0: stay */
	gid_t gid;
	struct enforce_ports ports; /* of the services whose answers are remembered */
};

/*
 * Runs until the engine's end of the socket closes or SIGTERM comes; the return
 * value is the process's exit status. Blocks stay in the kernel; at SIGTERM, or at
 * the end after SIGUSR1, in a table without an owner, which nft(8) can list and
 * load again: both say that nobody will start again at once. socket: the
 * enforcer's end. Called in the child, before any thread, with every other
 * descriptor closed.
 */
int enforcer_main(int socket, const struct enforcer_config *config);

/* Takes the whole table out of the kernel (cordon flush). 0 or -errno. */
int enforcer_remove_table(const char *table);
/* 0 when this process could run nf_tables here, or -errno (-EPERM, -EOPNOTSUPP …). */
int enforcer_probe(void);
