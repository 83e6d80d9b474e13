/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `cordon block` is made of. */
#pragma once

#include "cli/verbline.h"

/* Servers, directions, time and reason as the daemon takes them; NULL after saying what is wrong.
 */
json_t *block_terms(const struct verbline *l);
/* One that is refused: line 0: not of a file. Foreign text never reaches the terminal raw. */
void block_say_refusal(unsigned line, const char *text, const char *why);
/* --from: the exit code. */
int block_import(const struct verbline *l, const char *path);
