/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A decision: a rule wants a source blocked. core turns it into a block.
 */
#pragma once

#include "base/addr.h"
#include "model/service.h"

#include <stdint.h>

struct decision {
	uint32_t host;        /* host row */
	struct prefix target; /* what to block: v4 /32, v6 /64 or narrower */
	struct addr trigger;  /* the address whose failure completed the count */
	enum service service;
	int64_t rule;           /* rule row */
	int64_t forbidden;      /* ms */
	uint32_t attempts;      /* failures within the span */
	int64_t first_attempt;  /* ms */
	int64_t latest_attempt; /* ms: the failure that reached the count */
};
