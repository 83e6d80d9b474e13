/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Security Center 2018-12-03: addresses that somebody wants kept from servers, or servers from
 * them: made, changed, switched and deleted. Sources: the vendor's pages of these operations.
 */
#include "api/auth.h"
#include "api/vendor/aliyun/sas.h"

static void answer_unknown(struct call *c)
{
	aliyun_invalid(c, "BlockIp", "There is no custom block of this BlockIp and Bound.");
}

static void answer_change(struct call *c, int r, const char *doing, const struct err *err)
{
	if (r == 0)
		aliyun_done(c);
	else if (r < 0)
		aliyun_fault(c, doing, r);
	else if (r == CORE_EXISTS)
		aliyun_error(c, 400, "RuleRecordIsExists", "Rule record already exists.");
	else if (r == CORE_NOT_FOUND)
		answer_unknown(c);
	else
		aliyun_invalid(c, "BlockIp", err->text);
}

/* --- a key that is limited to enterprise projects has the blocks whose servers are all its own */

struct belonging {
	const struct access_key *key;
	bool foreign;
};

static int check_instance(void *ctx, const struct core_custom_instance *i)
{
	struct belonging *b = ctx;
	b->foreign = b->foreign || !auth_sees(b->key, i->host.enterprise_project);
	return 0;
}

/* False, answered, when the key may not change that block. */
static bool may_change(struct call *c, const struct sas_place *place)
{
	struct belonging b = {.key = &c->key};
	struct custom_block cb;
	struct err err = {0};
	if (c->key.projects[0] == '\0')
		return true; /* core looks it up anyway */
	int r = core_custom_find(c->reader, c->account.id, &place->target, place->direction, &cb);
	if (r == 0)
		r = MIN_OF(core_custom_instances(c->reader, &cb, check_instance, &b), 0);
	if (r == 0 && (b.foreign || cb.everywhere))
		r = CORE_NOT_FOUND;
	if (r != 0)
		answer_change(c, r, "looking up a custom block", &err);
	return r == 0;
}

/* What ends 52560000 minutes from now or later never ends: so the vendor writes for ever. */
static bool read_expiry(struct call *c, int64_t *ret)
{
	if (!aliyun_param_int(c, "ExpireTime", 0, INT64_MAX, ret))
		return false;
	if (*ret <= c->request->time) {
		aliyun_invalid(c, "ExpireTime",
			"Specified parameter ExpireTime is not valid: it is not in the future.");
		return false;
	}
	if (*ret >= c->request->time + RULE_PERMANENT)
		*ret = BLOCK_FOREVER;
	return true;
}

static bool read_wish(struct call *c, struct core_custom_wish *ret, struct sas_uuids *uuids)
{
	static const char *const needed[] = {"BlockIp", "Bound", "ExpireTime", "Uuids"};
	struct sas_place place = {0};
	int64_t expires = 0;
	if (!sas_has_params(c, needed, countof(needed)) || !sas_read_place(c, &place) ||
		!read_expiry(c, &expires) || !sas_read_uuids(c, "Uuids", uuids) ||
		!sas_check_uuids(c, "Uuids", uuids))
		return false;
	*ret = (struct core_custom_wish){.target = place.target,
		.direction = place.direction,
		.expires = expires,
		.uuids = uuids->list,
		.n = uuids->n};
	return true;
}

static void put(struct call *c, enum core_custom_mode mode)
{
	_cleanup_(sas_uuids_done) struct sas_uuids uuids = {0};
	struct core_custom_wish wish;
	struct err err = {0};
	if (!read_wish(c, &wish, &uuids))
		return;
	const struct sas_place place = {.target = wish.target, .direction = wish.direction};
	if (mode == CUSTOM_MODIFY && !may_change(c, &place))
		return;
	unsigned bad = wish.n;
	int r = core_custom_put(c->core, &c->who, mode, &wish, &bad, &err);
	if (r == CORE_NOT_FOUND && bad < wish.n)
		sas_unknown_uuid(c, "Uuids", wish.uuids[bad]);
	else
		answer_change(c, r, "storing a custom block", &err);
}

void sas_create_custom_block_record(struct call *c)
{
	put(c, CUSTOM_CREATE);
}

void sas_modify_custom_block_record(struct call *c)
{
	put(c, CUSTOM_MODIFY);
}

static void set_enabled(struct call *c, bool enabled)
{
	static const char *const needed[] = {"BlockIp", "Bound"};
	struct sas_place place = {0};
	struct err err = {0};
	if (!sas_has_params(c, needed, countof(needed)) || !sas_read_place(c, &place) ||
		!may_change(c, &place))
		return;
	int r = core_custom_set_enabled(
		c->core, &c->who, &place.target, place.direction, NULL, enabled, &err);
	answer_change(c, r, "changing a custom block", &err);
}

void sas_enable_custom_block_record(struct call *c)
{
	set_enabled(c, true);
}

void sas_disable_custom_block_record(struct call *c)
{
	set_enabled(c, false);
}

/* Without Bound: in both directions, as far as there are such blocks. */
void sas_enable_custom_instance_block_record(struct call *c)
{
	static const char *const needed[] = {"BlockIp", "Uuid"};
	const char *uuid = aliyun_param(c, "Uuid");
	struct sas_place place = {0};
	struct err err = {0};
	int result = CORE_NOT_FOUND;
	if (!sas_has_params(c, needed, countof(needed)) || !sas_read_place(c, &place) ||
		!sas_check_uuid(c, "Uuid", uuid))
		return;
	for (int d = BLOCK_IN; d <= BLOCK_OUT; d++) {
		if (place.has_direction && (int)place.direction != d)
			continue;
		int r = core_custom_set_enabled(
			c->core, &c->who, &place.target, (enum block_direction)d, uuid, true, &err);
		if (r != CORE_NOT_FOUND)
			result = r;
		if (result != 0 && result != CORE_NOT_FOUND)
			break;
	}
	answer_change(c, result, "enabling a custom block on a server", &err);
}

struct wanted {
	struct custom_block block; /* its id is the wanted one, then the rest is filled in */
	bool found;
};

static int find_by_id(void *ctx, const struct custom_block *cb)
{
	struct wanted *w = ctx;
	if (cb->id == w->block.id) {
		w->block = *cb;
		w->found = true;
	}
	return w->found;
}

/* 0, CORE_NOT_FOUND or -errno. */
static int check_own_id(struct call *c, int64_t id)
{
	struct custom_query q = {.account = c->account.id,
		.enterprise_projects = c->key.projects,
		.limit = INT64_MAX};
	struct wanted w = {.block.id = id};
	int64_t total;
	if (c->key.projects[0] == '\0')
		return 0;
	int r = core_customs(c->reader, &q, find_by_id, &w, &total);
	return w.found ? 0 : r < 0 ? r : CORE_NOT_FOUND;
}

void sas_delete_custom_block_record(struct call *c)
{
	static const char *const needed[] = {"Id"};
	struct err err = {0};
	int64_t id = 0;
	if (!sas_has_params(c, needed, countof(needed)) ||
		!aliyun_param_int(c, "Id", 1, INT64_MAX, &id))
		return;
	int r = check_own_id(c, id);
	if (r == 0)
		r = core_custom_remove(c->core, &c->who, id, &err);
	if (r == CORE_NOT_FOUND)
		aliyun_invalid(c, "Id", "There is no custom block of this Id.");
	else
		answer_change(c, r, "removing a custom block", &err);
}
