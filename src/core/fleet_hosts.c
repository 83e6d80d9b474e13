/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a machine comes into the fleet and leaves it: an invitation with a token
 * that works once, the enrolment that spends it, a new name, and the retirement that
 * ends its access and takes its blocks off the books.
 */
#include "base/clock.h"
#include "core/host.h"
#include "core/private.h"

#include <errno.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>

#define TOKEN_BYTES 32
#define STATES_HELD                                                                                \
	(1u << BLOCK_WANTED | 1u << BLOCK_APPLIED | 1u << BLOCK_FAILED | 1u << BLOCK_CANCELLING)

/* What is printed in tables and logs must not move the cursor. */
static bool is_printable(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

struct invitation {
	const struct core_caller *who;
	struct invite invite;
	char token[sodium_base64_ENCODED_LEN(
		TOKEN_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	struct err *err;
};

/* It is typed behind a command's name: a first letter of '-' would make it an option. */
static void draw_token(struct invitation *a)
{
	uint8_t secret[TOKEN_BYTES];
	do {
		randombytes_buf(secret, sizeof(secret));
		(void)sodium_bin2base64(a->token, sizeof(a->token), secret, sizeof(secret),
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	} while (a->token[0] == '-');
	sodium_memzero(secret, sizeof(secret));
}

static int do_invite(struct core *c, void *arg)
{
	struct invitation *a = arg;
	struct account account;
	char until[CLOCK_TEXT_MAX];
	int64_t now = clock_now();
	if (a->invite.expires <= now)
		return err_set(a->err, CORE_INVALID, "the end lies in the past");
	if (!is_printable(a->invite.name) || !is_printable(a->invite.enterprise_project))
		return err_set(a->err, CORE_INVALID, "a name has no control characters");
	int r = store_account_get(c->store, a->who->account, &account);
	if (r == STORE_NOT_FOUND || (r == 0 && account.closed))
		return err_set(a->err, CORE_DENIED, "the account is closed");
	if (r == 0)
		r = store_begin(c->store);
	if (r < 0)
		return r;
	a->invite.account = a->who->account;
	a->invite.created = now;
	(void)store_invite_expire(c->store, now);
	r = store_invite_put(c->store, a->token, &a->invite);
	audit_change(c, a->who,
		&(struct change){
			.what = "host.invite", .object = a->invite.name, .before = "", .after = ""},
		"until %s", clock_format(a->invite.expires, until));
	return operation_end(c, r);
}

int core_host_invite(struct core *c, const struct core_caller *who, const struct invite *invite,
	char *ret_token, size_t size, struct err *err)
{
	struct invitation a = {.who = who, .invite = *invite, .err = err};
	if (size < sizeof(a.token))
		return -EINVAL;
	draw_token(&a);
	int r = core_call(c, do_invite, &a);
	if (r == 0)
		memcpy(ret_token, a.token, sizeof(a.token));
	sodium_memzero(a.token, sizeof(a.token));
	return r;
}

struct enrolment_of {
	const char *token, *from, *fingerprint;
	const struct agent_info *info;
	struct host host;
	struct err *err;
};

/* Who it is: what the invitation says, then what the machine says of itself. */
static void describe(const struct enrolment_of *a, const struct invite *invite, struct host *ret)
{
	const struct agent_info *info = a->info;
	struct host h = {.account = invite->account, .remote = true, .last_seen = clock_now()};
	host_draw_uuid(h.uuid);
	const char *name = invite->name[0] ? invite->name : info->name;
	(void)snprintf(h.name, sizeof(h.name), "%s", name[0] ? name : h.uuid);
	if (info->instance_id[0])
		(void)snprintf(h.instance_id, sizeof(h.instance_id), "%s", info->instance_id);
	else
		host_derive_instance_id(&h);
	const char *project = invite->enterprise_project;
	(void)snprintf(h.enterprise_project, sizeof(h.enterprise_project), "%s",
		project[0] ? project : "0");
	(void)snprintf(h.region, sizeof(h.region), "%s", info->region[0] ? info->region : "local");
	(void)snprintf(h.internet_ip, sizeof(h.internet_ip), "%s", info->internet_ip);
	(void)snprintf(h.intranet_ip, sizeof(h.intranet_ip), "%s", info->intranet_ip);
	(void)snprintf(h.version, sizeof(h.version), "%s", info->version);
	*ret = h;
}

/* The invitation's account must still be open, the key be nobody's. */
static int check_enrolment(struct core *c, const struct enrolment_of *a, struct invite *ret)
{
	struct agent other;
	struct account account = {0};
	int r = store_invite_take(c->store, a->token, clock_now(), ret);
	if (r == 0)
		r = store_account_get(c->store, ret->account, &account);
	if (r == STORE_NOT_FOUND || (r == 0 && account.closed))
		return err_set(a->err, CORE_DENIED,
			"there is no such invitation: it was used, or its time is over");
	if (r == 0)
		r = store_agent_by_fingerprint(c->store, a->fingerprint, &other);
	if (r == 0)
		return err_set(a->err, CORE_EXISTS, "this key belongs to a machine already");
	return r == STORE_NOT_FOUND ? 0 : r;
}

static int add_agent(struct core *c, struct enrolment_of *a)
{
	struct agent agent = {.enrolled = clock_now()};
	int64_t version;
	int r = store_host_put(c->store, &a->host);
	agent.host = a->host.id;
	(void)snprintf(agent.fingerprint, sizeof(agent.fingerprint), "%s", a->fingerprint);
	(void)snprintf(agent.health, sizeof(agent.health), "%s", a->info->health);
	if (r == 0)
		r = store_agent_put(c->store, &agent);
	/* what an agent has followed is never 0 again, even when nothing was ever wished */
	if (r == 0)
		r = store_version_next(c->store, &version);
	return r == 0 ? custom_cover_host(c, &a->host) : r;
}

static int do_enrol(struct core *c, void *arg)
{
	struct enrolment_of *a = arg;
	struct invite invite;
	int r = store_begin(c->store);
	if (r == 0)
		r = check_enrolment(c, a, &invite);
	if (r == 0) {
		const struct core_caller who = {
			.account = invite.account, .who = "invitation", .from = a->from};
		describe(a, &invite, &a->host);
		r = add_agent(c, a);
		audit_change(c, &who,
			&(struct change){.what = "host.enrol",
				.object = a->host.uuid,
				.before = "",
				.after = a->host.name},
			"Cordon %s", a->host.version);
	}
	return operation_end(c, r);
}

int core_host_enrol(struct core *c, const char *token, const char *from, const char *fingerprint,
	const struct agent_info *info, struct host *ret, struct err *err)
{
	struct enrolment_of a = {
		.token = token, .from = from, .fingerprint = fingerprint, .info = info, .err = err};
	int r = core_call(c, do_enrol, &a);
	if (r == 0) {
		presence_enforces(c, a.host.id, info->enforces);
		*ret = a.host;
	}
	return r;
}

/* One host a person names. */
struct named {
	const struct core_caller *who;
	const char *which, *name;
	struct err *err;
	/* found */
	struct host host;
	unsigned found;
};

static int match(void *ctx, const struct host *h)
{
	struct named *a = ctx;
	if (h->retired)
		return 0;
	bool same = strcmp(h->uuid, a->which) == 0;
	if (!same && strcmp(h->name, a->which) != 0)
		return 0;
	a->host = *h;
	a->found++;
	return same; /* no other has its uuid, whatever they are called */
}

static int find_named(struct core *c, struct named *a)
{
	int r = store_host_each(c->store, a->who->account, match, a);
	if (r < 0)
		return r;
	if (a->found == 0)
		return err_set(a->err, CORE_NOT_FOUND, "no server %s", a->which);
	if (r == 0 && a->found > 1)
		return err_set(a->err, CORE_INVALID,
			"%u servers are called %s: name one by its uuid", a->found, a->which);
	return 0;
}

static int do_rename(struct core *c, void *arg)
{
	struct named *a = arg;
	struct host before;
	int r = find_named(c, a);
	if (r != 0)
		return r;
	if (!a->host.remote)
		return err_set(a->err, CORE_INVALID,
			"the name of this machine is in its configuration file (host.name)");
	if (a->name[0] == '\0' || strlen(a->name) >= sizeof(a->host.name) || !is_printable(a->name))
		return err_set(a->err, CORE_INVALID,
			"a name has 1 to %zu bytes and no control characters",
			sizeof(a->host.name) - 1);
	before = a->host;
	(void)snprintf(a->host.name, sizeof(a->host.name), "%s", a->name);
	r = store_begin(c->store);
	if (r == 0)
		r = store_host_put(c->store, &a->host);
	audit_change(c, a->who,
		&(struct change){.what = "host.rename",
			.object = a->host.uuid,
			.before = before.name,
			.after = a->host.name},
		"%s", "");
	return operation_end(c, r);
}

int core_host_rename(struct core *c, const struct core_caller *who, const char *which,
	const char *name, struct err *err)
{
	struct named a = {.who = who, .which = which, .name = name, .err = err};
	return core_call(c, do_rename, &a);
}

struct held {
	struct block *list;
	size_t n, size;
};

static int collect_held(void *ctx, const struct block *b)
{
	struct held *h = ctx;
	if (h->n == h->size) {
		size_t size = h->size ? h->size * 2 : 64;
		struct block *more = reallocarray(h->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		h->list = more;
		h->size = size;
	}
	h->list[h->n++] = *b;
	return 0;
}

/* They are no longer ours to count; its agent lifts what was wished when it hears of it. */
static int cancel_all(struct core *c, const struct host *host)
{
	struct held held = {0};
	int r = store_block_each(c->store, host->id, STATES_HELD, collect_held, &held);
	_cleanup_(freep) struct block *list = held.list;
	for (size_t i = 0; i < held.n && r == 0; i++)
		r = blocks_change(c, &list[i], BLOCK_CANCELED, "");
	return r;
}

/*
 * The agent's row stays, and with it what its key was: who comes with it is told that it
 * was dismissed, instead of being a stranger.
 */
static int retire(struct core *c, struct host *h)
{
	h->retired = true;
	h->agent_online = false;
	int r = store_host_put(c->store, h);
	if (r == 0)
		r = custom_forget_host(c, h);
	if (r == 0)
		r = store_rule_host_put(c->store, h->id, 0);
	if (r == 0)
		r = cancel_all(c, h);
	blocks_wished(c, h->id);
	return r;
}

static int do_retire(struct core *c, void *arg)
{
	struct named *a = arg;
	int r = find_named(c, a);
	if (r != 0)
		return r;
	if (a->host.id == c->host.id)
		return err_set(a->err, CORE_INVALID, "this very machine cannot be retired");
	r = store_begin(c->store);
	if (r == 0)
		r = retire(c, &a->host);
	audit_change(c, a->who,
		&(struct change){.what = "host.retire",
			.object = a->host.uuid,
			.before = a->host.name,
			.after = ""},
		"%s", "");
	return operation_end(c, r);
}

int core_host_retire(
	struct core *c, const struct core_caller *who, const char *which, struct err *err)
{
	struct named a = {.who = who, .which = which, .err = err};
	return core_call(c, do_retire, &a);
}
