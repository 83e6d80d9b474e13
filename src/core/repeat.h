/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who comes back is blocked longer. A record's lives are counted in a row: one
 * that begins soon enough after the one before had ended is the next, any other
 * is the first again; so is one after a block that was lifted. Pure: time is an
 * argument.
 */
#pragma once

#include "model/block.h"
#include "model/settings.h"

/* The number (from 1) of a life of `b` that begins at `begin` (ms); b as its last life left it. */
uint32_t repeat_life(const struct repeat_settings *set, const struct block *b, int64_t begin);
/* How long (ms) that life lasts by a rule that says `forbidden`; never less than the rule says. */
int64_t repeat_forbidden(const struct repeat_settings *set, int64_t forbidden, uint32_t life);
