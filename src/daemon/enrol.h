/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cordond enrol URL TOKEN`: makes this machine an agent of a server. What comes from the server
 * is read by a child without privilege, in the state directory, as the engine would be.
 */
#pragma once

#include "daemon/monitor.h"

struct enrol_options {
	struct monitor_options monitor; /* config and state_dir count */
	const char *url, *token;
	const char *name; /* of the host, or NULL: as the invitation or the machine says */
	bool force;       /* also when it is enrolled already */
};

/* The return value is the exit status. */
int enrol_main(const struct enrol_options *options);
