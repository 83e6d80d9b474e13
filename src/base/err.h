/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors.
 *
 * Functions return 0 when done, a negative errno when this operation is lost
 * (pass it up unchanged), or a positive condition of that one function, which
 * its direct caller handles. Where a person must read the reason, the function
 * also takes a `struct err *` (NULL allowed) and fills in one sentence without
 * a full stop or newline. Whoever decides logs it; libraries never do.
 */
#pragma once

#include "base/util.h"

struct err {
	char text[512];
};

/* Fills err (if not NULL) and returns code, so: return err_set(err, -EINVAL, "…"); */
int err_set(struct err *err, int code, const char *format, ...) _printf_(3, 4);
/* Puts "prefix: " in front of what err says; returns code. */
int err_prefix(struct err *err, int code, const char *format, ...) _printf_(3, 4);
