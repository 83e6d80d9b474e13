/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The counting rule: fail_count failures within span.
 */
#pragma once

#include "detect/window.h"
#include "model/rule.h"

#include <stdbool.h>

/* What reached the count. Times in ms. */
struct bruteforce_match {
	unsigned attempts; /* failures within the span, at least fail_count */
	int64_t first, latest;
};

/*
 * Does the failure at `time`, just added to the window, make any stretch of
 * `span` hold fail_count failures? Of several the one that ends first counts.
 */
bool bruteforce_judge(const struct rule *rule, const struct window_table *windows, uint32_t handle,
	int64_t time, struct bruteforce_match *ret);
