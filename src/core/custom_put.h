/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What putting one custom block, and a list of them, have in common. */
#pragma once

#include "core/never.h"
#include "core/private.h"

struct custom_put {
	struct core *core;
	const struct core_caller *who;
	enum core_custom_mode mode;
	const struct core_custom_wish *wish; /* of one, or what all share */
	unsigned *ret_bad;
	struct err *err;

	struct targets servers;
	bool here; /* this machine is one of them */
	struct never never;
	int64_t now;
};

/* Whom it is for, and what may be blocked there. */
int custom_put_prepare(struct custom_put *p);
void custom_put_done(struct custom_put *p);
/* In a transaction: what p->wish says of the target, which may be there already. */
int custom_put_one(const struct custom_put *p, const struct prefix *target);
/* old: all zero when there was none. */
struct custom_block custom_put_changed(
	const struct custom_put *p, const struct prefix *target, const struct custom_block *old);
void custom_put_audit(
	const struct custom_put *p, const struct custom_block *old, const struct custom_block *cb);
