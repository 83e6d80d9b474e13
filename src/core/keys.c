/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Access keys and tokens. Identifiers and secrets are drawn here, so that no
 * caller can choose a weak one; only libsodium's generator is used.
 */
#include "base/clock.h"
#include "core/private.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>

#define KEY_ID_LENGTH     24
#define KEY_SECRET_LENGTH 40
#define TOKEN_BYTES       48

static void draw_text(char *ret, size_t length)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
	for (size_t i = 0; i < length; i++)
		ret[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	ret[length] = '\0';
}

/* "yundun-sas:DescribeBruteForceRecords", "hss:*", "*": one a line, '*' only at an end. */
static int check_patterns(const char *patterns, struct err *err)
{
	struct slice rest = slice_of(patterns);
	if (rest.n == 0)
		return err_set(err, CORE_INVALID, "a key that allows nothing is of no use");
	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);
		struct slice one = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
		const char *star = one.n ? memchr(one.p, '*', one.n) : NULL;
		if (one.n == 0 || (star && star != one.p + one.n - 1))
			return err_set(err, CORE_INVALID, "pattern \"%.*s\": '*' only at the end",
				SLICE_ARG(one));
		for (size_t i = 0; i < one.n; i++)
			if (!isalnum((unsigned char)one.p[i]) && !strchr(":-_.*", one.p[i]))
				return err_set(err, CORE_INVALID, "pattern \"%.*s\": bad character",
					SLICE_ARG(one));
		rest = slice_skip(rest, one.n + (end ? 1 : 0));
	}
	return 0;
}

/* Enterprise projects, one a line: a number or a uuid each. */
static int check_projects(struct slice rest, struct err *err)
{
	for (bool more = rest.n > 0; more;) {
		const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
		struct slice one = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
		if (one.n == 0)
			return err_set(err, CORE_INVALID, "an enterprise project without a name");
		for (size_t i = 0; i < one.n; i++)
			if (!isalnum((unsigned char)one.p[i]) && !strchr("-_.", one.p[i]))
				return err_set(err, CORE_INVALID,
					"enterprise project: letters, digits, \"-\", \"_\" and "
					"\".\"");
		more = end != NULL;
		rest = slice_skip(rest, one.n + (end ? 1 : 0));
	}
	return 0;
}

struct key_change {
	const struct core_caller *who;
	struct access_key *key;
	const char *id;
	bool active;
	struct err *err;
};

#define KEY_TEXT_MAX 256

/* Never with what proves it. */
static const char *describe(const struct access_key *k, char text[static KEY_TEXT_MAX])
{
	char until[CLOCK_TEXT_MAX];
	(void)snprintf(text, KEY_TEXT_MAX, "%s, %s%s%s%s, allows %.140s", k->name,
		k->active ? "active" : "disabled", k->expires == INT64_MAX ? "" : ", until ",
		k->expires == INT64_MAX ? "" : clock_format(k->expires, until),
		k->projects[0] ? ", some projects" : "", k->allow);
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return text;
}

static int check_key(struct core *c, const struct access_key *k, struct err *err)
{
	struct access_key old;
	int r = check_patterns(k->allow, err);
	if (r == 0)
		r = check_projects(slice_of(k->projects), err);
	if (r != 0)
		return r;
	if (!k->name[0])
		return err_set(err, CORE_INVALID, "a key needs a name");
	/* of whatever account: people log in by it */
	r = store_key_by_name(c->store, k->name, &old);
	if (r == 0)
		sodium_memzero(&old, sizeof(old));
	return r == 0 ? err_set(err, CORE_EXISTS, "there is a key named %s", k->name)
		      : MIN_OF(r, 0);
}

static int do_key_create(struct core *c, void *arg)
{
	struct key_change *a = arg;
	struct access_key *k = a->key;
	char after[KEY_TEXT_MAX];
	int r = check_key(c, k, a->err);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	draw_text(k->id, KEY_ID_LENGTH);
	draw_text(k->secret, KEY_SECRET_LENGTH);
	if (k->expires != INT64_MAX)
		draw_text(k->security_token, sizeof(k->security_token) - 1);
	k->account = a->who->account;
	k->created = clock_now();
	k->active = true;
	r = store_key_put(c->store, k);
	const struct change change = {
		.what = "key.create", .object = k->id, .after = describe(k, after)};
	audit_change(c, a->who, &change, "%s", "");
	return operation_end(c, r);
}

int core_key_create(
	struct core *c, const struct core_caller *who, struct access_key *key, struct err *err)
{
	struct key_change a = {.who = who, .key = key, .err = err};
	return core_call(c, do_key_create, &a);
}

/* The account's key of that id; its secret is in *ret. */
static int find_key(struct core *c, const struct key_change *a, struct access_key *ret)
{
	int r = store_key_get(c->store, a->id, ret);
	if (r == 0 && ret->account != a->who->account) {
		sodium_memzero(ret, sizeof(*ret));
		r = STORE_NOT_FOUND;
	}
	return r == STORE_NOT_FOUND ? err_set(a->err, CORE_NOT_FOUND, "no key %s", a->id) : r;
}

static int do_key_remove(struct core *c, void *arg)
{
	struct key_change *a = arg;
	struct access_key k;
	char before[KEY_TEXT_MAX];
	int r = find_key(c, a, &k);
	if (r != 0)
		return r;
	describe(&k, before);
	sodium_memzero(&k, sizeof(k));
	r = store_begin(c->store);
	if (r != 0)
		return r;
	r = store_key_remove(c->store, a->id);
	const struct change change = {.what = "key.remove", .object = a->id, .before = before};
	audit_change(c, a->who, &change, "%s", "");
	return operation_end(c, r);
}

int core_key_remove(struct core *c, const struct core_caller *who, const char *id, struct err *err)
{
	struct key_change a = {.who = who, .id = id, .err = err};
	return core_call(c, do_key_remove, &a);
}

static int do_key_set_active(struct core *c, void *arg)
{
	struct key_change *a = arg;
	struct access_key k;
	char before[KEY_TEXT_MAX], after[KEY_TEXT_MAX];
	int r = find_key(c, a, &k);
	if (r != 0)
		return r;
	describe(&k, before);
	k.active = a->active;
	r = store_begin(c->store);
	if (r == 0) {
		r = store_key_put(c->store, &k);
		const struct change change = {.what = a->active ? "key.enable" : "key.disable",
			.object = a->id,
			.before = before,
			.after = describe(&k, after)};
		audit_change(c, a->who, &change, "%s", "");
		r = operation_end(c, r);
	}
	sodium_memzero(&k, sizeof(k));
	return r;
}

int core_key_set_active(
	struct core *c, const struct core_caller *who, const char *id, bool active, struct err *err)
{
	struct key_change a = {.who = who, .id = id, .active = active, .err = err};
	return core_call(c, do_key_set_active, &a);
}

struct issue {
	const struct access_key *key;
	const char *text;
	struct token *token;
};

static int do_issue(struct core *c, void *arg)
{
	struct issue *a = arg;
	struct token *t = a->token;
	*t = (struct token){.account = a->key->account, .issued = clock_now()};
	t->expires = MIN_OF(t->issued + c->settings->token_life, a->key->expires);
	memcpy(t->key_id, a->key->id, sizeof(t->key_id));
	if (store_begin(c->store) == 0)
		(void)store_token_put(c->store, a->text, t);
	return store_commit(c->store, STORE_DURABLE);
}

int core_token_issue(struct core *c, const struct access_key *key, char *ret, size_t size,
	struct token *ret_token)
{
	uint8_t bytes[TOKEN_BYTES];
	char text[TOKEN_BYTES * 2 + 1];
	if (size < sizeof(text))
		return -ENOSPC;
	randombytes_buf(bytes, sizeof(bytes));
	(void)sodium_bin2hex(text, sizeof(text), bytes, sizeof(bytes));
	struct issue a = {.key = key, .text = text, .token = ret_token};
	int r = core_call(c, do_issue, &a);
	if (r == 0)
		memcpy(ret, text, sizeof(text));
	sodium_memzero(text, sizeof(text));
	return r;
}
