/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A custom block: somebody wants an address kept from servers, or servers from an
 * address. It names the servers it covers (its targets). What came of it on each of them is
 * a record of its own, the block (model/block.h) of (host, target, SERVICE_NONE, direction).
 * One custom block a (account, target, direction).
 */
#pragma once

#include "model/block.h"

#define CUSTOM_WHY_MAX 128

enum custom_status {
	CUSTOM_OFF = 0,     /* disabled, or its time is over */
	CUSTOM_ENABLED = 1, /* at least one server has it in its kernel */
	CUSTOM_FAILED = 2,  /* should be in force and is nowhere */
	CUSTOM_STATUSES
};

struct custom_block {
	int64_t id; /* 0: not stored yet */
	int64_t account;
	struct prefix target;
	enum block_direction direction;
	bool enabled;
	bool everywhere; /* all servers of the account, later ones too */
	int64_t expires; /* ms, or BLOCK_FOREVER */
	int64_t created, changed;
	char why[CUSTOM_WHY_MAX];
	/* Kept by the store. */
	enum custom_status status;
	uint32_t servers; /* targets it has */
	uint32_t applied; /* of those: in the kernel, as acknowledged */
};

/* One server of a custom block, and what came of it there. */
struct custom_instance {
	uint32_t host;
	enum block_state state;
	char error[BLOCK_ERROR_MAX];
};
