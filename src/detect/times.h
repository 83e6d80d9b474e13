/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The failures of one entry (private to the windows). */
#pragma once

#include "detect/cells.h"

/* Adds one; of more than `keep` the oldest goes. */
void times_add(struct window_table *t, struct cell *e, int64_t time, unsigned keep);
/* The oldest failure but for the latest one; NULL if there is no other. */
uint32_t *times_oldest(const struct window_table *t, struct cell *e);
/* Takes one failure out; the last one fills its place. Never the latest. */
void times_drop(struct window_table *t, struct cell *e, uint32_t *at);
/* All of them, oldest first; returns how many. */
unsigned times_list(const struct window_table *t, struct cell *e, int64_t ret[static WINDOW_MOST]);
