/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What sshd says besides: its messages that tell of no login.
 */
#pragma once

#include "base/slice.h"

/* message: without "error: " and " [preauth]". */
bool sshd_says(struct slice message);
