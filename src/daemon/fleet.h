/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's share in a fleet: a server's ear for its agents, an agent's link to its
 * server, or neither, as the role says.
 */
#pragma once

#include "api/native/control.h"
#include "base/err.h"
#include "model/settings.h"

struct core;
struct daemon_fleet;
struct loop;

struct daemon_fleet_options {
	const struct settings *settings; /* borrowed */
	struct loop *loop;               /* borrowed */
	int listener;                    /* for agents, -1: none; taken over */
	/* The server dismissed this machine, and its enrolment was removed. On another thread. */
	void (*dismissed)(void *ctx);
	void *ctx;
};

/* Before the sandbox and before there are threads: loads what an agent needs. */
int daemon_fleet_new(
	const struct daemon_fleet_options *options, struct daemon_fleet **ret, struct err *err);
/* Between core_new() and core_start(). What goes wrong is logged: a machine goes on alone. */
void daemon_fleet_begin(struct daemon_fleet *f, struct core *core);
/* Once core is ready. */
int daemon_fleet_start(struct daemon_fleet *f, struct err *err);
/* core_ops.wished and .reportable; at any time. */
void daemon_fleet_wished(struct daemon_fleet *f, const uint32_t *hosts, size_t n);
void daemon_fleet_reportable(struct daemon_fleet *f);
/* For control_set_link(). */
bool daemon_fleet_link(void *fleet, struct control_link *ret);
/* After core_close(). NULL allowed; returns NULL. */
struct daemon_fleet *daemon_fleet_free(struct daemon_fleet *f);
