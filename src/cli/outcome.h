/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernels made of blocks by hand: asked until each of them has answered or is
 * known not to, a second at most.
 */
#pragma once

#include "cli/options.h"

#include <jansson.h>

#define OUTCOME_TARGETS_MAX 100 /* more are not waited for */

struct outcome {
	size_t servers; /* whose kernels they are for */
	size_t applied; /* servers whose kernels have all of it */
	bool any;       /* some kernel has some of it */
	json_t *errors; /* what is not in force: "target", "direction", "host", "state", "error" */
};

/* targets: an array of addresses and prefixes. False: cordond did not answer, and that was said.
   outcome_done() in every case. */
bool outcome_wait(
	const struct options *o, const json_t *targets, bool in, bool out, struct outcome *ret);
void outcome_done(struct outcome *o);
/* "2 of 3 kernels; web-3: AliNetNotOnline", to standard output; targets are named when there are
   several. */
void outcome_print(const struct outcome *o, bool several);
