/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person may not have blocked: on any server of an account its allow-list and
 * what is nobody's address; on this machine whatever it protects itself, an administrator
 * at work included. (An agent protects itself.)
 */
#pragma once

#include "detect/protect.h"

#include <stdbool.h>

struct core;
struct err;

struct never {
	struct core *core;
	struct protect *account;
};

/* As the lists are now. */
int never_load(struct core *c, int64_t account, struct never *ret);
void never_done(struct never *n);
/* here: this machine is among those that shall block it. */
enum protect_reason never_why(const struct never *n, bool here, const struct prefix *target);
/* 0, or CORE_PROTECTED with err. */
int never_refuse(const struct never *n, bool here, const struct prefix *target, struct err *err);
