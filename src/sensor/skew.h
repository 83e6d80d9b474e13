/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do the stamps of a log agree with the clock? A line that is read as it is
 * written should bear the present time. Where it is off by hours (a zone that is
 * taken for another) the stamps are not believed: what is missing is added to
 * them. Any other difference may be a delay, and is only shown. Pure: time is an
 * argument.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct skew {
	int64_t shift;     /* ms to add to what is written */
	int64_t latest;    /* ms: how far the latest line's stamp, shifted, is behind the clock */
	int64_t candidate; /* what the latest lines would have it be */
	unsigned seen;     /* how many of them, in a row */
	int64_t counted;   /* ms: when the latest of them arrived */
};

/*
 * A line that was written just now (`arrived`, ms) bears the stamp `stamped` (ms, as written,
 * not shifted). True: from the next line on another shift holds.
 */
bool skew_note(struct skew *s, int64_t stamped, int64_t arrived);
