/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who changed what: one row a change, in the transaction that changes it. */
#include "base/clock.h"
#include "core/private.h"

#include <stdarg.h>

void audit_change(struct core *c, const struct core_caller *who, const struct change *change,
	const char *format, ...)
{
	struct audit_entry e = {.time = clock_now(), .account = who->account};
	(void)snprintf(e.who, sizeof(e.who), "%s", who->who);
	(void)snprintf(e.from, sizeof(e.from), "%s", who->from ? who->from : "");
	(void)snprintf(e.what, sizeof(e.what), "%s", change->what);
	(void)snprintf(e.object, sizeof(e.object), "%s", change->object);
	(void)snprintf(e.before, sizeof(e.before), "%s", change->before ? change->before : "");
	(void)snprintf(e.after, sizeof(e.after), "%s", change->after ? change->after : "");
	va_list args;
	va_start(args, format);
	(void)vsnprintf(e.detail, sizeof(e.detail), format, args);
	va_end(args);
	(void)store_audit_add(c->store, &e);
}
