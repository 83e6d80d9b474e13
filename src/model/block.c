/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/block.h"

#include "base/util.h"

const char *block_state_name(enum block_state state)
{
	static const char *const names[BLOCK_STATES] = {
		"wanted", "applied", "failed", "expired", "cancelling", "canceled"};
	return state < countof(names) ? names[state] : "unknown";
}
