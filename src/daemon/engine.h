/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine process: sensors' parsing, detection, store, HTTP, the fleet. No capability,
 * its own user, Landlock, seccomp; it opens nothing but its state directory.
 */
#pragma once

#include "daemon/sandbox.h"
#include "model/settings.h"

/* What the monitor hands over. All descriptors are the engine's from then on. */
struct engine_config {
	struct settings *settings;
	const struct identity *become;         /* NULL: stay who we are */
	int inputs;                            /* asks the monitor for files */
	int monitor;                           /* tells the monitor: one engine_report a message */
	int enforcer;                          /* -1: observe mode */
	int control;                           /* listening socket of the command line */
	int listeners[SETTINGS_LISTENERS_MAX]; /* one a settings->listen */
	int fleet;                             /* for agents; -1: nobody listens */
};

/* ENGINE_DISMISSED: an agent's enrolment is gone, the role may be another. */
enum engine_report { ENGINE_READY = 1, ENGINE_DISMISSED };

/* Runs until SIGTERM; the return value is the exit status. */
int engine_main(const struct engine_config *config);
