/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Custom blocks on this machine and on others, whose agents answer as they like. */
#include "base/util.h"
#include "core/custom.h"
#include "core/private.h"
#include "others.h"

#define TARGET "198.51.100.7"

struct fixture {
	struct world *w;
	struct core_reader *reader;
	struct host a, b, c; /* c is away */
};

static int setup(void **state)
{
	static struct fixture f;
	struct err err;
	void *world;
	if (world_setup(&world) < 0)
		return -1;
	f = (struct fixture){.w = world};
	f.a = others_add(f.w, f.w->who.account, "web-a", true);
	f.b = others_add(f.w, f.w->who.account, "web-b", true);
	f.c = others_add(f.w, f.w->who.account, "web-c", false);
	*state = &f;
	return core_reader_open(f.w->core, &f.reader, &err);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->reader = core_reader_close(f->reader);
	*state = f->w;
	return world_teardown(state);
}

static struct core_custom_wish wish_of(const char *target, const char *const *uuids, unsigned n)
{
	return (struct core_custom_wish){.target = world_prefix(target),
		.direction = BLOCK_IN,
		.expires = clock_now() + MS_HOUR,
		.why = "spam",
		.uuids = uuids,
		.n = n};
}

static int put(struct fixture *f, enum core_custom_mode mode, const char *const *uuids, unsigned n)
{
	struct core_custom_wish wish = wish_of(TARGET, uuids, n);
	return core_custom_put(f->w->core, &f->w->who, mode, &wish, NULL, NULL);
}

static struct block row(struct fixture *f, const struct host *h)
{
	return others_row(f->w, h, TARGET, SERVICE_NONE, BLOCK_IN);
}

static void answer(struct fixture *f, const struct host *h, enum block_state state)
{
	others_answer(
		f->w, h, TARGET, BLOCK_IN, state, state == BLOCK_FAILED ? "KernelRefused" : "");
}

static struct custom_block custom(struct fixture *f)
{
	return others_custom(f->w, f->w->who.account, TARGET, BLOCK_IN);
}

struct instances {
	unsigned n;
	char names[8][HOST_TEXT_MAX], errors[8][BLOCK_ERROR_MAX];
	enum block_state states[8];
};

static int add_instance(void *ctx, const struct core_custom_instance *i)
{
	struct instances *out = ctx;
	assert_true(out->n < countof(out->names));
	memcpy(out->names[out->n], i->host.name, sizeof(i->host.name));
	(void)snprintf(out->errors[out->n], BLOCK_ERROR_MAX, "%s", i->error);
	out->states[out->n++] = i->state;
	return 0;
}

static struct instances instances(struct fixture *f)
{
	struct instances out = {0};
	struct custom_block cb = custom(f);
	assert_int_equal(core_custom_instances(f->reader, &cb, add_instance, &out), 0);
	return out;
}

static void one_for_several_servers(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	int64_t version = others_version(w);
	const char *uuids[] = {f->c.uuid, w->uuid, f->a.uuid, f->a.uuid};
	unsigned told = w->wished;
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 4), 0);
	struct custom_block cb = custom(f);
	assert_int_equal(cb.servers, 3); /* one named twice is one */
	assert_false(cb.everywhere);
	assert_string_equal(cb.why, "spam");
	assert_int_equal(w->wished, told + 1);
	assert_false(w->wished_all);
	assert_int_equal(w->wished_n, 2);
	assert_int_equal(w->wished_hosts[0], f->a.id);
	assert_int_equal(w->wished_hosts[1], f->c.id);

	/* the wish is on record before anybody was asked, each with a version of its own */
	struct block a = row(f, &f->a), c = row(f, &f->c);
	assert_int_equal(a.state, BLOCK_WANTED);
	assert_true(a.wish > version && c.wish > version && a.wish != c.wish);
	assert_true(others_version(w) >= MAX_OF(a.wish, c.wish));
	assert_int_equal(a.expires, cb.expires);
	assert_string_equal(a.rule_name, "spam");
	assert_int_equal(row(f, &f->b).id, 0);
	assert_int_equal(world_block(w, TARGET, SERVICE_NONE).wish, 0); /* our own kernel's */

	world_until(w, world_state(w, TARGET) == BLOCK_APPLIED);
	assert_int_equal(w->kernel_n, 1); /* the others' is no business of this kernel */
	cb = custom(f);
	assert_int_equal(cb.status, CUSTOM_ENABLED);
	assert_int_equal(cb.applied, 1);

	struct instances i = instances(f);
	assert_int_equal(i.n, 3);
	assert_string_equal(i.names[1], "web-a");
	assert_string_equal(i.errors[1], "");
	assert_string_equal(i.names[2], "web-c");
	assert_int_equal(i.states[2], BLOCK_WANTED);
	assert_string_equal(i.errors[2], "AliNetNotOnline");

	answer(f, &f->a, BLOCK_APPLIED);
	answer(f, &f->c, BLOCK_APPLIED);
	assert_int_equal(custom(f).applied, 3);
	assert_string_equal(instances(f).errors[2], ""); /* it has it, whether it is here or not */
}

static void nowhere_in_force_is_failed(void **state)
{
	struct fixture *f = *state;
	const char *uuids[] = {f->a.uuid, f->b.uuid};
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 2), 0);
	assert_int_equal(custom(f).status, CUSTOM_FAILED); /* never from hope */
	answer(f, &f->a, BLOCK_FAILED);
	answer(f, &f->b, BLOCK_FAILED);
	assert_int_equal(custom(f).status, CUSTOM_FAILED);
	assert_string_equal(instances(f).errors[0], "KernelRefused");
	answer(f, &f->b, BLOCK_APPLIED);
	assert_int_equal(custom(f).status, CUSTOM_ENABLED);
}

static void what_cannot_be_put(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct err err = {""};
	const char *uuids[] = {f->a.uuid, "no such", f->b.uuid};
	struct core_custom_wish wish = wish_of(TARGET, uuids, 3);
	unsigned bad = 99, told = w->wished;
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_CREATE, &wish, &bad, &err),
		CORE_NOT_FOUND);
	assert_int_equal(bad, 1);
	assert_non_null(strstr(err.text, "no such"));
	f->b.retired = true;
	others_put(w, &f->b);
	uuids[1] = f->b.uuid;
	uuids[2] = f->a.uuid;
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_CREATE, &wish, &bad, &err),
		CORE_NOT_FOUND); /* it has no access any more */
	assert_int_equal(bad, 1);
	wish = wish_of(TARGET, uuids, 1);
	bad = 99;
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_MODIFY, &wish, &bad, &err),
		CORE_NOT_FOUND);
	assert_int_equal(bad, 99);
	wish.expires = clock_now();
	assert_int_equal(
		core_custom_put(w->core, &w->who, CUSTOM_CREATE, &wish, NULL, &err), CORE_INVALID);
	assert_int_equal(custom(f).id, 0);
	assert_int_equal(w->wished, told);

	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 1), 0);
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 1), CORE_EXISTS);
	assert_int_equal(put(f, CUSTOM_PUT, uuids, 1), 0);
	wish = wish_of(TARGET, uuids, 1);
	wish.direction = BLOCK_OUT; /* another one */
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_CREATE, &wish, NULL, &err), 0);
}

static void modified_to_other_servers(void **state)
{
	struct fixture *f = *state;
	const char *first[] = {f->w->uuid, f->a.uuid, f->b.uuid},
		   *second[] = {f->b.uuid, f->c.uuid};
	struct core_custom_wish wish = wish_of(TARGET, first, 3);
	assert_int_equal(
		core_custom_put(f->w->core, &f->w->who, CUSTOM_CREATE, &wish, NULL, NULL), 0);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_APPLIED);
	answer(f, &f->a, BLOCK_APPLIED);
	answer(f, &f->b, BLOCK_APPLIED);
	int64_t id = custom(f).id, wish_a = row(f, &f->a).wish, wish_b = row(f, &f->b).wish;

	wish.uuids = second;
	wish.n = 2;
	assert_int_equal(
		core_custom_put(f->w->core, &f->w->who, CUSTOM_MODIFY, &wish, NULL, NULL), 0);
	struct custom_block cb = custom(f);
	assert_int_equal(cb.id, id);
	assert_int_equal(cb.servers, 2);
	assert_int_equal(cb.applied, 1);
	assert_int_equal(row(f, &f->a).state, BLOCK_CANCELLING);
	assert_true(row(f, &f->a).wish > wish_a);
	assert_int_equal(row(f, &f->b).state, BLOCK_APPLIED); /* it is as wished: left alone */
	assert_int_equal(row(f, &f->b).wish, wish_b);
	assert_int_equal(row(f, &f->c).state, BLOCK_WANTED);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_CANCELED);
	assert_int_equal(f->w->kernel_n, 0);
	answer(f, &f->a, BLOCK_CANCELED);
	assert_int_equal(custom(f).applied, 1);
	assert_int_equal(instances(f).n, 2);

	/* another end: everybody has to be told */
	wish.expires += MS_HOUR;
	assert_int_equal(
		core_custom_put(f->w->core, &f->w->who, CUSTOM_MODIFY, &wish, NULL, NULL), 0);
	assert_int_equal(row(f, &f->b).state, BLOCK_WANTED);
	assert_int_equal(row(f, &f->b).expires, wish.expires);
	assert_int_equal(custom(f).expires, wish.expires);
}

static int enable(struct fixture *f, const char *uuid, bool enabled)
{
	struct prefix p = world_prefix(TARGET);
	return core_custom_set_enabled(f->w->core, &f->w->who, &p, BLOCK_IN, uuid, enabled, NULL);
}

static void disabled_and_enabled(void **state)
{
	struct fixture *f = *state;
	const char *uuids[] = {f->w->uuid, f->a.uuid};
	assert_int_equal(enable(f, NULL, true), CORE_NOT_FOUND);
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 2), 0);
	answer(f, &f->a, BLOCK_APPLIED);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_APPLIED);
	assert_int_equal(enable(f, NULL, false), 0);
	assert_int_equal(custom(f).status, CUSTOM_OFF);
	assert_int_equal(row(f, &f->a).state, BLOCK_CANCELLING);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_CANCELED);
	assert_int_equal(enable(f, NULL, false), 0); /* once more is no error */

	/* changed while it is off it stays off, put it is on */
	assert_int_equal(put(f, CUSTOM_MODIFY, uuids, 2), 0);
	assert_int_equal(custom(f).status, CUSTOM_OFF);
	assert_int_equal(row(f, &f->a).state, BLOCK_CANCELLING);
	assert_int_equal(enable(f, NULL, true), 0);
	assert_int_equal(row(f, &f->a).state, BLOCK_WANTED);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_APPLIED);
	assert_int_equal(custom(f).status, CUSTOM_ENABLED);
	assert_int_equal(enable(f, NULL, false), 0);
	assert_int_equal(put(f, CUSTOM_PUT, uuids, 2), 0);
	assert_true(custom(f).enabled);
}

static void one_server_at_a_time(void **state)
{
	struct fixture *f = *state;
	const char *uuids[] = {f->a.uuid, f->b.uuid};
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 2), 0);
	answer(f, &f->a, BLOCK_APPLIED);
	answer(f, &f->b, BLOCK_FAILED);
	int64_t wish_a = row(f, &f->a).wish;
	assert_int_equal(enable(f, f->b.uuid, true), 0);
	assert_int_equal(row(f, &f->b).state, BLOCK_WANTED);
	assert_string_equal(row(f, &f->b).error, "");
	assert_int_equal(row(f, &f->a).wish, wish_a);
	assert_int_equal(enable(f, f->c.uuid, true), CORE_NOT_FOUND); /* not one of its servers */
	assert_int_equal(enable(f, "no such", true), CORE_NOT_FOUND);

	assert_int_equal(enable(f, f->a.uuid, false), 0);
	assert_true(custom(f).enabled);
	assert_int_equal(row(f, &f->a).state, BLOCK_CANCELLING);
	assert_int_equal(row(f, &f->b).state, BLOCK_WANTED);
	assert_int_equal(enable(f, f->b.uuid, false), 0);
	assert_false(custom(f).enabled); /* nothing is left of it */
	assert_int_equal(enable(f, f->b.uuid, true), 0);
	assert_true(custom(f).enabled);
	assert_int_equal(row(f, &f->a).state, BLOCK_CANCELLING);
	assert_int_equal(row(f, &f->b).state, BLOCK_WANTED);
}

static void removed(void **state)
{
	struct fixture *f = *state;
	const char *uuids[] = {f->w->uuid, f->a.uuid};
	struct err err = {""};
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 2), 0);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_APPLIED);
	int64_t id = custom(f).id;
	assert_int_equal(core_custom_remove(f->w->core, &f->w->who, id, &err), 0);
	assert_int_equal(custom(f).id, 0);
	assert_int_equal(row(f, &f->a).state, BLOCK_CANCELLING); /* its agent has yet to be told */
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_CANCELED);
	assert_int_equal(f->w->kernel_n, 0);
	assert_int_equal(core_custom_remove(f->w->core, &f->w->who, id, &err), CORE_NOT_FOUND);
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 2), 0); /* a new one, the old records */
	assert_int_not_equal(custom(f).id, id);
	assert_int_equal(row(f, &f->a).state, BLOCK_WANTED);
}

static unsigned unblock(struct fixture *f, const char *target, const char *uuid)
{
	struct prefix p = world_prefix(target);
	unsigned n = 0;
	int r = core_unblock(
		f->w->core, &f->w->who, &p, uuid ? &uuid : NULL, uuid ? 1 : 0, &n, NULL);
	assert_true(r == 0 || r == CORE_NOT_FOUND);
	return r == 0 ? n : 0;
}

static void unblocked_on_some_servers_and_on_all(void **state)
{
	struct fixture *f = *state;
	const char *uuids[] = {f->w->uuid, f->a.uuid, f->b.uuid};
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 3), 0);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_APPLIED);
	answer(f, &f->a, BLOCK_APPLIED);
	answer(f, &f->b, BLOCK_FAILED);
	struct block login = others_block(f->w, &f->a, TARGET);
	struct block other = others_block(f->w, &f->a, "192.0.2.77");

	assert_int_equal(unblock(f, TARGET, f->a.uuid), 2);
	assert_int_equal(row(f, &f->a).state, BLOCK_CANCELLING);
	login = others_row(f->w, &f->a, TARGET, SERVICE_SSH, BLOCK_IN);
	assert_int_equal(login.state, BLOCK_CANCELLING);
	assert_true(login.wish > 0);
	assert_true(custom(f).enabled);
	assert_int_equal(world_state(f->w, TARGET), BLOCK_APPLIED);
	assert_int_equal(unblock(f, TARGET, f->a.uuid), 0);
	assert_int_equal(unblock(f, TARGET, f->c.uuid), 0);

	/* what an agent's kernel refused it would try again: it is told, too */
	assert_int_equal(unblock(f, TARGET, NULL), 2);
	assert_int_equal(row(f, &f->b).state, BLOCK_CANCELLING);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_CANCELED);
	assert_false(custom(f).enabled);
	other = others_row(f->w, &f->a, "192.0.2.77", SERVICE_SSH, BLOCK_IN);
	assert_int_equal(other.state, BLOCK_APPLIED);
	assert_int_equal(unblock(f, TARGET, NULL), 0);
}

static void unblocking_finds_what_is_wider_and_narrower(void **state)
{
	struct fixture *f = *state;
	const char *uuids[] = {f->a.uuid};
	static const char *const nets[] = {
		"198.51.100.0/24", "198.51.100.128/25", "198.51.101.0/24"};
	for (size_t i = 0; i < countof(nets); i++) {
		struct core_custom_wish wish = wish_of(nets[i], uuids, 1);
		assert_int_equal(
			core_custom_put(f->w->core, &f->w->who, CUSTOM_PUT, &wish, NULL, NULL), 0);
		others_answer(f->w, &f->a, nets[i], BLOCK_IN, BLOCK_FAILED, "KernelRefused");
	}
	assert_int_equal(unblock(f, TARGET, NULL), 1); /* it lies in the first alone */
	assert_false(others_custom(f->w, f->w->who.account, nets[0], BLOCK_IN).enabled);
	assert_true(others_custom(f->w, f->w->who.account, nets[1], BLOCK_IN).enabled);
	assert_int_equal(unblock(f, "198.51.0.0/16", NULL), 2);
	assert_false(others_custom(f->w, f->w->who.account, nets[1], BLOCK_IN).enabled);
	assert_false(others_custom(f->w, f->w->who.account, nets[2], BLOCK_IN).enabled);
}

static void everywhere_covers_who_comes_later(void **state)
{
	struct fixture *f = *state;
	struct store *store = core_store(f->w->core);
	assert_int_equal(put(f, CUSTOM_CREATE, NULL, 0), 0);
	struct custom_block cb = custom(f);
	assert_true(cb.everywhere);
	assert_int_equal(cb.servers, 4);

	struct host d = others_add(f->w, f->w->who.account, "web-d", false);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(custom_cover_host(f->w->core, &d), 0);
	assert_int_equal(operation_end(f->w->core, 0), 0);
	assert_int_equal(row(f, &d).state, BLOCK_WANTED);
	assert_true(row(f, &d).wish > 0);
	assert_int_equal(custom(f).servers, 5);
	assert_int_equal(f->w->wished_n, 1);
	assert_int_equal(f->w->wished_hosts[0], d.id);

	/* one that comes while it is off is covered when it is enabled */
	assert_int_equal(enable(f, NULL, false), 0);
	struct host e = others_add(f->w, f->w->who.account, "web-e", false);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(custom_cover_host(f->w->core, &e), 0);
	assert_int_equal(operation_end(f->w->core, 0), 0);
	assert_int_equal(row(f, &e).id, 0);
	assert_int_equal(enable(f, NULL, true), 0);
	assert_int_equal(row(f, &e).state, BLOCK_WANTED);
	assert_int_equal(custom(f).servers, 6);

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(custom_forget_host(f->w->core, &e), 0);
	assert_int_equal(operation_end(f->w->core, 0), 0);
	assert_int_equal(custom(f).servers, 5);
}

static void it_ends_by_the_clock_on_all_servers(void **state)
{
	struct fixture *f = *state;
	const char *uuids[] = {f->w->uuid, f->a.uuid, f->b.uuid};
	struct core_custom_wish wish = wish_of(TARGET, uuids, 3);
	wish.expires = clock_now() + 400;
	assert_int_equal(
		core_custom_put(f->w->core, &f->w->who, CUSTOM_CREATE, &wish, NULL, NULL), 0);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_APPLIED);
	answer(f, &f->a, BLOCK_APPLIED);
	int64_t version = others_version(f->w);
	assert_int_equal(unblock(f, TARGET, f->b.uuid), 1); /* and it never answers */
	assert_true(others_version(f->w) > version);
	version = others_version(f->w);
	world_until(f->w, world_state(f->w, TARGET) == BLOCK_EXPIRED);
	world_until(f->w, row(f, &f->a).state == BLOCK_EXPIRED);
	world_until(f->w, row(f, &f->b).state == BLOCK_CANCELED);
	assert_true(clock_now() >= wish.expires);
	assert_int_equal(others_version(f->w), version); /* everybody knows the end: no wish */
	assert_int_equal(custom(f).status, CUSTOM_OFF);
	assert_int_equal(enable(f, NULL, true), CORE_INVALID);
	assert_int_equal(put(f, CUSTOM_MODIFY, uuids, 3), 0); /* with an end to come: again */
	assert_int_equal(row(f, &f->a).state, BLOCK_WANTED);
}

static void what_is_never_blocked(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct err err = {""};
	const char *here[] = {w->uuid, f->a.uuid}, *there[] = {f->a.uuid};
	struct prefix gateway = world_prefix("192.0.2.254"), net = world_prefix("203.0.113.0/24");
	assert_int_equal(protect_set(w->core->protect, PROTECT_GATEWAY, &gateway, 1), 0);
	struct core_custom_wish wish = wish_of("192.0.2.254", here, 2);
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, &err),
		CORE_PROTECTED); /* this machine's gateway */
	assert_non_null(strstr(err.text, "gateway"));
	wish = wish_of("192.0.2.254", there, 1); /* is not theirs */
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, &err), 0);
	wish = wish_of("192.0.2.254", NULL, 0);
	assert_int_equal(
		core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, &err), CORE_PROTECTED);

	wish = wish_of("203.0.113.5", there, 1);
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, &err), 0);
	struct block login = others_block(w, &f->b, "203.0.113.6");
	assert_int_equal(core_allow_add(w->core, &w->who, &net, "ours", &err), 0);
	struct block by_hand = others_row(w, &f->a, "203.0.113.5", SERVICE_NONE, BLOCK_IN);
	assert_int_equal(by_hand.state, BLOCK_CANCELLING); /* lifted everywhere */
	login = others_row(w, &f->b, "203.0.113.6", SERVICE_SSH, BLOCK_IN);
	assert_int_equal(login.state, BLOCK_CANCELLING);
	assert_true(w->wished_all); /* agents hear of the list */
	assert_int_equal(
		core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, &err), CORE_PROTECTED);
	assert_int_equal(
		core_custom_set_enabled(w->core, &w->who, &wish.target, BLOCK_IN, NULL, true, &err),
		CORE_PROTECTED);
	const struct core_block_name name = {.host_uuid = f->b.uuid,
		.address = world_prefix("203.0.113.6").addr,
		.service = SERVICE_SSH};
	assert_int_equal(core_block_renew(w->core, &w->who, &name, &err), CORE_PROTECTED);
	wish = wish_of("0.0.0.0/0", there, 1);
	assert_int_equal(
		core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, &err), CORE_PROTECTED);
}

static void agents_login_blocks_are_lifted_and_renewed(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct block b = others_block(w, &f->a, TARGET);
	struct core_block_name names[] = {
		{.host_uuid = f->a.uuid, .address = b.target.addr, .service = SERVICE_SSH},
		{.host_uuid = f->b.uuid, .address = b.target.addr, .service = SERVICE_SSH}};
	unsigned bad = 99, told = w->wished;
	assert_int_equal(
		core_blocks_cancel(w->core, &w->who, names, 2, &bad, NULL), CORE_NOT_FOUND);
	assert_int_equal(bad, 1);
	b = others_row(w, &f->a, TARGET, SERVICE_SSH, BLOCK_IN);
	assert_int_equal(b.state, BLOCK_APPLIED); /* all or nothing */
	assert_int_equal(b.wish, 0);
	assert_int_equal(w->wished, told);
	assert_int_equal(core_blocks_cancel(w->core, &w->who, names, 1, &bad, NULL), 0);
	b = others_row(w, &f->a, TARGET, SERVICE_SSH, BLOCK_IN);
	assert_int_equal(b.state, BLOCK_CANCELLING);
	int64_t wish = b.wish;
	assert_true(wish > 0);
	assert_int_equal(w->wished, told + 1);
	assert_int_equal(core_block_renew(w->core, &w->who, &names[0], NULL), 0);
	b = others_row(w, &f->a, TARGET, SERVICE_SSH, BLOCK_IN);
	assert_int_equal(b.state, BLOCK_WANTED);
	assert_true(b.wish > wish);
	assert_int_equal(w->kernel_n, 0);
	f->a.retired = true;
	others_put(w, &f->a);
	assert_int_equal(core_block_renew(w->core, &w->who, &names[0], NULL), CORE_NOT_FOUND);
}

static void what_was_not_stored_is_not_told(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct store *store = core_store(w->core);
	struct access_key key = {.name = "one", .allow = "*", .expires = INT64_MAX};
	unsigned told = w->wished;
	assert_int_equal(store_begin(store), 0);
	blocks_wished(w->core, f->a.id);
	blocks_wished(w->core, 0);
	assert_int_equal(operation_end(w->core, CORE_INVALID), CORE_INVALID);
	assert_int_equal(core_key_create(w->core, &w->who, &key, NULL), 0);
	assert_int_equal(w->wished, told);
	/* in the order of their numbers, each once, however they were named */
	assert_int_equal(store_begin(store), 0);
	blocks_wished(w->core, f->c.id);
	blocks_wished(w->core, f->a.id);
	blocks_wished(w->core, f->c.id);
	assert_int_equal(operation_end(w->core, 0), 0);
	assert_int_equal(w->wished, told + 1);
	assert_int_equal(w->wished_n, 2);
	assert_int_equal(w->wished_hosts[0], f->a.id);
	assert_int_equal(w->wished_hosts[1], f->c.id);
	assert_false(w->wished_all);
}

static void a_restart_orders_only_its_own(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	const char *uuids[] = {w->uuid, f->a.uuid};
	struct err err;
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 2), 0);
	struct core_custom_wish wish = wish_of("198.51.100.8", uuids + 1, 1);
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_CREATE, &wish, NULL, NULL), 0);
	world_until(w, world_state(w, TARGET) == BLOCK_APPLIED);
	f->reader = core_reader_close(f->reader);
	world_stop(w);
	w->kernel_n = 0;
	world_start(w);
	assert_int_equal(core_reader_open(w->core, &f->reader, &err), 0);
	world_settle(w);
	assert_int_equal(w->kernel_n, 1);
	assert_non_null(world_in_kernel(w, ENFORCE_IN, TARGET));
	assert_int_equal(row(f, &f->a).state, BLOCK_WANTED);
	assert_int_equal(custom(f).applied, 1);
}

enum { MANY = 3000 };

static struct prefix number(uint32_t i)
{
	struct addr a = addr_from_v4(0xc6120000u + i); /* 198.18.0.0/15 */
	return prefix_of(&a, 128);
}

struct refusals {
	size_t n, first;
	char why[64];
};

static void refused(void *ctx, size_t index, const char *why)
{
	struct refusals *r = ctx;
	if (r->n++ == 0)
		r->first = index;
	(void)snprintf(r->why, sizeof(r->why), "%s", why);
}

static int64_t count_customs(struct fixture *f, int status)
{
	const struct custom_query q = {.account = f->w->who.account, .has_status = status};
	int64_t total = -1;
	assert_int_equal(core_customs(f->reader, &q, NULL, NULL, &total), 0);
	return total;
}

static int count_entry(void *ctx, const struct audit_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned count_audit(struct world *w, const char *what)
{
	const struct audit_query q = {.what = what, .limit = MANY};
	unsigned n = 0;
	assert_int_equal(store_audit_query(core_store(w->core), &q, count_entry, &n), 0);
	return n;
}

static void many_at_once(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	static struct prefix list[MANY + 2];
	const char *uuids[] = {w->uuid, f->a.uuid};
	struct refusals no = {0};
	size_t done = 0;
	for (uint32_t i = 0; i < MANY; i++)
		list[i] = number(MANY - i); /* in no order of ours */
	list[MANY] = list[7];               /* said twice */
	list[MANY + 1] = world_prefix("127.0.0.1");
	struct core_import import = {.targets = list,
		.n = MANY + 2,
		.common = wish_of(TARGET, uuids, 2),
		.refused = refused,
		.ctx = &no};
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), CORE_INVALID);
	assert_int_equal(no.n, 1);
	assert_int_equal(no.first, MANY + 1);
	assert_string_equal(no.why, "loopback");
	assert_int_equal(count_customs(f, 0), 0); /* all, or none */

	import.skip_refused = true;
	unsigned told = w->wished;
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), 0);
	assert_int_equal(done, MANY);
	assert_int_equal(no.n, 2);
	assert_int_equal(w->wished, told + 1);
	assert_int_equal(w->wished_n, 1);
	assert_int_equal(count_customs(f, 0), MANY);
	struct audit_entry e = others_audit(w);
	assert_string_equal(e.what, "block.import");
	assert_string_equal(e.object, "3000 addresses");
	assert_int_equal(strncmp(e.after, "in on 2 servers until 20", 24), 0);
	assert_string_equal(e.detail, "3002 given, 1 refused");
	world_until(w, count_customs(f, CUSTOM_ENABLED + 1) == MANY);
	assert_int_equal(w->kernel_n, MANY);

	/* what is there already is put anew: on this machine alone now */
	import.common.n = 1;
	import.n = 10;
	assert_int_equal(count_audit(w, "block"), 0);
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), 0);
	assert_int_equal(done, 10);
	assert_int_equal(count_customs(f, 0), MANY);
	assert_int_equal(count_audit(w, "block"), 10); /* what they were before is kept */
	char text[PREFIX_TEXT_MAX];
	struct block b =
		others_row(w, &f->a, prefix_format(&list[0], text), SERVICE_NONE, BLOCK_IN);
	assert_int_equal(b.state, BLOCK_CANCELLING);
	b = others_row(w, &f->a, prefix_format(&list[20], text), SERVICE_NONE, BLOCK_IN);
	assert_int_equal(b.state, BLOCK_WANTED);
}

static void each_of_many_as_it_says(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	int64_t account = w->who.account, hour = clock_now() + MS_HOUR;
	const char *uuids[] = {w->uuid}, *whys[] = {NULL, "scanner", NULL, "late"};
	struct prefix list[] = {number(1), number(1), number(2), number(2)};
	enum block_direction directions[] = {BLOCK_IN, BLOCK_OUT, BLOCK_IN, BLOCK_IN};
	int64_t ends[] = {BLOCK_FOREVER, hour, hour, hour + 1};
	struct refusals no = {0};
	size_t done = 0;
	struct core_import import = {.targets = list,
		.n = 4,
		.common = wish_of(TARGET, uuids, 1),
		.directions = directions,
		.expires = ends,
		.whys = whys,
		.refused = refused,
		.ctx = &no};
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), 0);
	assert_int_equal(done, 3); /* the later of two that are the same counts */
	char text[PREFIX_TEXT_MAX];
	prefix_format(&list[0], text);
	assert_true(others_custom(w, account, text, BLOCK_IN).expires == BLOCK_FOREVER);
	assert_string_equal(others_custom(w, account, text, BLOCK_IN).why, "spam");
	assert_int_equal(others_custom(w, account, text, BLOCK_OUT).expires, hour);
	assert_string_equal(others_custom(w, account, text, BLOCK_OUT).why, "scanner");
	prefix_format(&list[2], text);
	assert_int_equal(others_custom(w, account, text, BLOCK_IN).expires, hour + 1);
	assert_string_equal(others_custom(w, account, text, BLOCK_IN).why, "late");
	assert_int_equal(count_audit(w, "block"), 3); /* few are told one by one */
	assert_int_equal(count_audit(w, "block.import"), 0);
	ends[2] = 1;
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), CORE_INVALID);
	assert_int_equal(no.first, 2);
	assert_string_equal(no.why, "the end lies in the past");
}

static struct block instance(struct world *w, const struct host *h, const struct prefix *target)
{
	char text[PREFIX_TEXT_MAX];
	return others_row(w, h, prefix_format(target, text), SERVICE_NONE, BLOCK_IN);
}

static void many_meet_what_was_there(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	const char *uuids[] = {w->uuid, f->a.uuid};
	struct prefix list[] = {number(1), number(2), number(3), number(4)};
	struct host here;
	struct core_import import = {.targets = list, .n = 2, .common = wish_of(TARGET, uuids, 2)};
	struct core_status status;
	size_t done = 0;
	assert_int_equal(
		store_host_by_uuid(core_store(w->core), w->who.account, w->uuid, &here), 0);
	/* one has a record that ended, the other one in force */
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), 0);
	world_until(w, w->kernel_n == 2);
	world_settle(w);
	int64_t ended = instance(w, &here, &list[0]).id, held = instance(w, &here, &list[1]).id;
	char text[PREFIX_TEXT_MAX];
	int64_t first =
		others_custom(w, w->who.account, prefix_format(&list[0], text), BLOCK_IN).id;
	assert_int_equal(core_custom_remove(w->core, &w->who, first, NULL), 0);
	world_until(w, w->kernel_n == 1);
	world_settle(w);
	assert_int_equal(instance(w, &here, &list[0]).state, BLOCK_CANCELED);

	import.n = 4;
	unsigned added = w->added;
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), 0);
	assert_int_equal(done, 4);
	world_until(w, w->kernel_n == 4);
	world_settle(w);
	assert_int_equal(w->added, added + 3);
	assert_int_equal(instance(w, &here, &list[0]).id, ended);
	assert_int_equal(instance(w, &here, &list[1]).id, held);
	for (unsigned i = 0; i < 4; i++) {
		struct block mine = instance(w, &here, &list[i]),
			     its = instance(w, &f->a, &list[i]);
		assert_int_equal(mine.state, BLOCK_APPLIED);
		assert_int_equal(mine.expires, import.common.expires);
		assert_string_equal(mine.rule_name, "spam");
		assert_int_equal(its.state, BLOCK_WANTED);
		assert_true(its.wish > 0);
	}
	assert_int_equal(count_customs(f, CUSTOM_ENABLED + 1), 4);
	core_get_status(w->core, &status);
	assert_int_equal(status.blocks[BLOCK_APPLIED], 4);
	assert_int_equal(status.blocks[BLOCK_WANTED], 4);
}

/* More answers than are stored in one go. */
static void what_is_lifted_before_its_answer_is_stored_stays_lifted(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	static struct prefix list[6000];
	const char *uuids[] = {w->uuid};
	struct core_import import = {
		.targets = list, .n = countof(list), .common = wish_of(TARGET, uuids, 1)};
	char text[PREFIX_TEXT_MAX];
	size_t done = 0;
	unsigned n = 0;
	for (unsigned i = 0; i < countof(list); i++)
		list[i] = number(i);
	const struct prefix *last = &list[countof(list) - 1];
	prefix_format(last, text);
	assert_int_equal(core_custom_import(w->core, &w->who, &import, &done, NULL), 0);
	world_until(w, w->kernel_n == countof(list));
	/* its answer is behind those of all others */
	assert_int_equal(world_state(w, text), BLOCK_WANTED);
	assert_int_equal(core_unblock(w->core, &w->who, last, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 1);
	world_until(w, world_state(w, text) == BLOCK_CANCELED);
	assert_int_equal(w->kernel_n, countof(list) - 1);
	struct core_status status;
	core_get_status(w->core, &status);
	assert_int_equal(status.blocks[BLOCK_APPLIED], countof(list) - 1);
	assert_int_equal(status.blocks[BLOCK_CANCELED], 1);
}

static void every_change_is_in_the_audit(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	const char *uuids[] = {f->a.uuid, f->b.uuid};
	w->who.from = "192.0.2.9";
	assert_int_equal(put(f, CUSTOM_CREATE, uuids, 2), 0);
	struct audit_entry e = others_audit(w);
	assert_string_equal(e.who, "cli");
	assert_string_equal(e.from, "192.0.2.9");
	assert_string_equal(e.what, "block");
	assert_string_equal(e.object, TARGET);
	assert_string_equal(e.before, "");
	assert_int_equal(strncmp(e.after, "in on 2 servers until 20", 24), 0);
	assert_non_null(strstr(e.after, ": spam"));
	assert_int_equal(put(f, CUSTOM_PUT, uuids, 1), 0);
	e = others_audit(w);
	assert_int_equal(strncmp(e.before, "in on 2 servers", 15), 0);
	assert_int_equal(strncmp(e.after, "in on 1 server ", 15), 0);
	assert_int_equal(enable(f, NULL, false), 0);
	e = others_audit(w);
	assert_string_equal(e.what, "block.disable");
	assert_int_equal(strncmp(e.after, "off, in on 1 server", 19), 0);
	assert_int_equal(enable(f, f->a.uuid, true), 0);
	e = others_audit(w);
	assert_string_equal(e.what, "block.enable");
	assert_non_null(strstr(e.detail, f->a.uuid));
	assert_int_equal(core_custom_remove(w->core, &w->who, custom(f).id, NULL), 0);
	e = others_audit(w);
	assert_string_equal(e.what, "block.remove");
	assert_string_equal(e.after, "");
	(void)others_block(w, &f->a, TARGET);
	assert_int_equal(unblock(f, TARGET, NULL), 1);
	e = others_audit(w);
	assert_string_equal(e.what, "unblock");
	assert_string_equal(e.before, "applied on web-a");
	assert_string_equal(e.after, "cancelling");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(one_for_several_servers),
		CASE(nowhere_in_force_is_failed),
		CASE(what_cannot_be_put),
		CASE(modified_to_other_servers),
		CASE(disabled_and_enabled),
		CASE(one_server_at_a_time),
		CASE(removed),
		CASE(unblocked_on_some_servers_and_on_all),
		CASE(unblocking_finds_what_is_wider_and_narrower),
		CASE(everywhere_covers_who_comes_later),
		CASE(it_ends_by_the_clock_on_all_servers),
		CASE(what_is_never_blocked),
		CASE(agents_login_blocks_are_lifted_and_renewed),
		CASE(what_was_not_stored_is_not_told),
		CASE(a_restart_orders_only_its_own),
		CASE(many_at_once),
		CASE(each_of_many_as_it_says),
		CASE(many_meet_what_was_there),
		CASE(what_is_lifted_before_its_answer_is_stored_stays_lifted),
		CASE(every_change_is_in_the_audit),
	};
	return cmocka_run_group_tests_name("custom", tests, NULL, NULL);
}
