/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A protected server.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HOST_TEXT_MAX 128

struct host {
	uint32_t id; /* row */
	int64_t account;
	char uuid[40];        /* 8-4-4-4-12 */
	char instance_id[64]; /* "i-" + 20 hex digits unless configured */
	char name[HOST_TEXT_MAX];
	char internet_ip[48]; /* "" when it has none */
	char intranet_ip[48];
	char region[64];
	char enterprise_project[64]; /* "0": the default one */
	bool agent_online;           /* something on it enforces and answers */
	bool remote;                 /* an agent's; else the machine of this store */
	bool retired;                /* has no access any more; its records stay */
	char version[32];            /* of the Cordon on it */
	int64_t last_seen;           /* ms; 0: never. Stored now and then, not at every beat */
};
