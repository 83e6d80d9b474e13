/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/never.h"

#include "core/private.h"

#include <errno.h>

int never_load(struct core *c, int64_t account, struct never *ret)
{
	struct prefix *allowed = NULL;
	size_t n = 0;
	int r = exempt_allow_list(c, c->store, account, &allowed, &n);
	_cleanup_(freep) struct prefix *list = allowed;
	if (r < 0)
		return r;
	struct never never = {.core = c, .account = protect_new()};
	r = never.account ? protect_set(never.account, PROTECT_ALLOWED, list, (unsigned)n)
			  : -ENOMEM;
	if (r < 0)
		never_done(&never);
	else
		*ret = never;
	return r;
}

void never_done(struct never *n)
{
	n->account = protect_free(n->account);
}

enum protect_reason never_why(const struct never *n, bool here, const struct prefix *target)
{
	enum protect_reason why = protect_prefix(n->account, target);
	if (why == PROTECT_NONE && here) {
		why = protect_prefix(n->core->protect, target);
		if (why == PROTECT_NONE && exempt_session_within(n->core->exempt, target))
			why = PROTECT_SESSION;
	}
	return why;
}

int never_refuse(const struct never *n, bool here, const struct prefix *target, struct err *err)
{
	char text[PREFIX_TEXT_MAX];
	enum protect_reason why = never_why(n, here, target);
	if (why == PROTECT_NONE)
		return 0;
	return err_set(err, CORE_PROTECTED, "%s is never blocked: %s", prefix_format(target, text),
		protect_reason_text(why));
}
