/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor: root reduced to a handful of capabilities. It parses no outside
 * byte but its configuration, starts the other processes before it has any
 * thread, opens what they may not (log files, listeners), and starts all of
 * them again when one dies: recovery is the start-up path.
 */
#pragma once

#include "base/err.h"
#include "model/settings.h"

struct monitor_options {
	const char *config;       /* --config, NULL: the default files */
	const char *state_dir;    /* --state-dir */
	const char *listen;       /* --listen HOST:PORT */
	const char *fleet_listen; /* --fleet-listen HOST:PORT */
	const char *nft_table;    /* --table */
	bool observe;             /* --observe */
	bool verbose;
};

/* The configuration with the options over it, as it stands there, checked. */
int monitor_configuration(
	const struct monitor_options *options, struct settings *ret, struct err *err);
/* The same, with the role and the sensors resolved. */
int monitor_settings(const struct monitor_options *options, struct settings *ret, struct err *err);
/* Runs until SIGTERM or SIGINT; the return value is the exit status. */
int monitor_main(const struct monitor_options *options);
