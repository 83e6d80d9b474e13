/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts: strictly apart. One exists from the start, and this machine belongs to it. */
#include "core/private.h"

#include <errno.h>

struct account_change {
	const struct core_caller *who;
	const char *name;
	bool closed;
	struct account account;
	struct err *err;
};

/* What is typed to name it must not be mistaken for an option, or for another's numbers. */
static int check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);
	if (n == 0 || n >= sizeof(((struct account *)NULL)->name))
		return err_set(err, CORE_INVALID, "an account's name has 1 to %zu bytes",
			sizeof(((struct account *)NULL)->name) - 1);
	if (name[0] == '-')
		return err_set(err, CORE_INVALID, "an account's name does not begin with '-'");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return err_set(
				err, CORE_INVALID, "an account's name is one printable word");
	return 0;
}

static int do_account_add(struct core *c, void *arg)
{
	struct account_change *a = arg;
	struct account other;
	int r = check_name(a->name, a->err);
	if (r == 0) {
		r = store_account_find(c->store, a->name, &other);
		r = r == 0 ? err_set(a->err, CORE_EXISTS, "there is an account %s", a->name)
			   : MIN_OF(r, 0);
	}
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	(void)snprintf(a->account.name, sizeof(a->account.name), "%s", a->name);
	r = store_account_add(c->store, &a->account);
	const struct change change = {
		.what = "account.add", .object = a->name, .after = a->account.uid};
	audit_change(c, a->who, &change, "project %s", a->account.project_id);
	return operation_end(c, r);
}

int core_account_add(struct core *c, const struct core_caller *who, const char *name,
	struct account *ret, struct err *err)
{
	struct account_change a = {.who = who, .name = name, .err = err};
	int r = core_call(c, do_account_add, &a);
	if (r == 0)
		*ret = a.account;
	return r;
}

static int do_set_closed(struct core *c, void *arg)
{
	struct account_change *a = arg;
	struct account *found = &a->account;
	int r = store_account_find(c->store, a->name, found);
	if (r == STORE_NOT_FOUND)
		return err_set(a->err, CORE_NOT_FOUND, "no account %s", a->name);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	const struct change change = {.what = a->closed ? "account.close" : "account.open",
		.object = found->name,
		.before = found->closed ? "closed" : "open",
		.after = a->closed ? "closed" : "open"};
	audit_change(c, a->who, &change, "%s", found->uid);
	found->closed = a->closed;
	r = store_account_put(c->store, found);
	blocks_wished(c, 0); /* its agents are told that they have no access */
	r = operation_end(c, r);
	if (r == 0 && found->id == c->account.id)
		c->account = *found;
	return r;
}

int core_account_set_closed(struct core *c, const struct core_caller *who, const char *which,
	bool closed, struct err *err)
{
	struct account_change a = {.who = who, .name = which, .closed = closed, .err = err};
	return core_call(c, do_set_closed, &a);
}
