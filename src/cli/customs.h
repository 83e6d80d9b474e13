/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon blocks --custom. */
#pragma once

#include "cli/verbline.h"

/* target NULL: the list of them; else that one with its servers. The exit code. */
int customs_show(const struct verbline *l, const char *target);
