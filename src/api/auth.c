/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A secret is in memory from core_key() to the end of the proof, and wiped on
 * every way out. Lock-out is not for this machine's own callers: locking a key
 * from loopback would let any local user lock the administrator out.
 */
#include "api/auth.h"

#include "api/guard.h"

#include <sodium/utils.h>

static void wipe_key(struct access_key *k)
{
	sodium_memzero(k, sizeof(*k));
}

static bool counts_failures(const struct call *c)
{
	return !http_is_local(c->request);
}

static enum auth failed(struct call *c, struct slice key_id, enum auth verdict)
{
	if (counts_failures(c))
		guard_failed(c->guard, &c->request->peer, key_id, c->request->time);
	return verdict;
}

static bool is_locked(struct call *c, struct slice key_id)
{
	return counts_failures(c) &&
	       guard_locked(c->guard, &c->request->peer, key_id, c->request->time);
}

/* A core_* result of looking somebody up. */
static enum auth lookup_verdict(const struct call *c, int r)
{
	if (r < 0) {
		call_fault(c, "looking up a key", r);
		return AUTH_FAULT;
	}
	return r == 0 ? AUTH_OK : r == CORE_DENIED ? AUTH_INACTIVE : AUTH_UNKNOWN;
}

static enum auth check_life(const struct call *c, const struct access_key *k)
{
	if (!k->active)
		return AUTH_INACTIVE;
	return k->expires <= c->request->time ? AUTH_EXPIRED : AUTH_OK;
}

static enum auth check_account(struct call *c, int64_t id)
{
	enum auth v = lookup_verdict(c, core_account(c->reader, id, &c->account));
	return v == AUTH_OK && c->account.closed ? AUTH_INACTIVE : v;
}

/* A key's proof was right: from here on the call is its owner's. */
static enum auth accept_key(struct call *c, const struct access_key *k)
{
	enum auth v = check_account(c, k->account);
	if (v != AUTH_OK)
		return v;
	if (!guard_rate(c->guard, k->id, c->request->time))
		return AUTH_LIMITED;
	c->key = *k;
	sodium_memzero(c->key.secret, sizeof(c->key.secret));
	sodium_memzero(c->key.security_token, sizeof(c->key.security_token));
	c->who = (struct core_caller){.account = k->account,
		.who = c->key.id,
		.from = addr_format(&c->request->peer, c->from)};
	return AUTH_OK;
}

static enum auth check_security_token(const struct access_key *k, struct slice given)
{
	if (k->security_token[0] == '\0')
		return given.n ? AUTH_TOKEN_WRONG : AUTH_OK;
	if (given.n == 0)
		return AUTH_TOKEN_MISSING;
	return sign_equal(given, slice_of(k->security_token)) ? AUTH_OK : AUTH_TOKEN_WRONG;
}

/* The id as text; false when no key can have such an id. */
static bool id_text(struct slice s, char *ret, size_t size)
{
	if (s.n == 0 || s.n >= size || memchr(s.p, '\0', s.n))
		return false;
	memcpy(ret, s.p, s.n);
	ret[s.n] = '\0';
	return true;
}

enum auth auth_claim(struct call *c, const struct auth_claim *claim)
{
	_cleanup_(wipe_key) struct access_key k = {0};
	char id[KEY_ID_MAX];
	if (is_locked(c, claim->key_id))
		return AUTH_LOCKED;
	if (!c->reader)
		return AUTH_FAULT;
	if (!id_text(claim->key_id, id, sizeof(id)))
		return failed(c, claim->key_id, AUTH_UNKNOWN);
	enum auth v = lookup_verdict(c, core_key(c->reader, id, &k));
	if (v != AUTH_OK)
		return v == AUTH_UNKNOWN ? failed(c, claim->key_id, v) : v;
	if (!claim->prove(claim->proof, k.secret))
		return failed(c, claim->key_id, AUTH_MISMATCH);
	v = check_life(c, &k);
	if (v != AUTH_OK)
		return v;
	v = check_security_token(&k, claim->security_token);
	if (v != AUTH_OK)
		return failed(c, claim->key_id, v);
	guard_proved(c->guard, &c->request->peer, claim->key_id);
	return accept_key(c, &k);
}

enum auth auth_password(struct call *c, struct slice login, struct slice password)
{
	_cleanup_(wipe_key) struct access_key k = {0};
	char name[sizeof(k.name)];
	if (is_locked(c, login))
		return AUTH_LOCKED;
	if (!c->reader)
		return AUTH_FAULT;
	if (!id_text(login, name, sizeof(name)))
		return failed(c, login, AUTH_UNKNOWN);
	enum auth v = lookup_verdict(c, core_key_by_login(c->reader, name, &k));
	if (v != AUTH_OK)
		return v == AUTH_UNKNOWN ? failed(c, login, v) : v;
	if (!sign_equal(password, slice_of(k.secret)))
		return failed(c, login, AUTH_MISMATCH);
	v = check_life(c, &k);
	/* A password request has no place for a temporary key's token. */
	if (v == AUTH_OK && k.security_token[0])
		v = AUTH_TOKEN_MISSING;
	if (v != AUTH_OK)
		return v;
	guard_proved(c->guard, &c->request->peer, login);
	return accept_key(c, &k);
}

enum auth auth_token(struct call *c, struct slice text)
{
	const struct slice nobody = SLICE("X-Auth-Token");
	_cleanup_(wipe_key) struct access_key k = {0};
	struct token t;
	char copy[256];
	if (is_locked(c, nobody))
		return AUTH_LOCKED;
	if (!c->reader)
		return AUTH_FAULT;
	if (!id_text(text, copy, sizeof(copy)))
		return failed(c, nobody, AUTH_UNKNOWN);
	int r = core_token(c->reader, copy, &t);
	sodium_memzero(copy, sizeof(copy));
	enum auth v = lookup_verdict(c, r);
	if (v != AUTH_OK)
		return v == AUTH_UNKNOWN ? failed(c, nobody, v) : v;
	if (t.expires <= c->request->time)
		return AUTH_EXPIRED;
	/* The key may have lost rights, or its life, since the token was issued. */
	v = lookup_verdict(c, core_key(c->reader, t.key_id, &k));
	if (v == AUTH_OK)
		v = check_life(c, &k);
	if (v != AUTH_OK)
		return v;
	guard_proved(c->guard, &c->request->peer, nobody);
	return accept_key(c, &k);
}

static bool pattern_has(struct slice pattern, struct slice action)
{
	if (pattern.n && pattern.p[pattern.n - 1] == '*')
		return slice_starts(action, (struct slice){pattern.p, pattern.n - 1});
	return slice_eq(pattern, action);
}

/* True when `has` holds of one of the lines. */
static bool some_line(
	const char *lines, bool (*has)(struct slice line, struct slice wanted), const char *wanted)
{
	for (const char *p = lines; *p;) {
		size_t n = strcspn(p, "\n");
		if (has((struct slice){p, n}, slice_of(wanted)))
			return true;
		p += n + (p[n] == '\n');
	}
	return false;
}

bool auth_allows(const struct access_key *key, const char *action)
{
	return some_line(key->allow, pattern_has, action);
}

bool auth_sees(const struct access_key *key, const char *project)
{
	return key->projects[0] == '\0' || some_line(key->projects, slice_eq, project);
}
