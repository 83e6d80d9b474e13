/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An agent and its server: whatever is lost between them, and whoever is killed when,
 * in the end both know the same, each failure counted once.
 */
#include "fleet_world.h"

#include "base/util.h"
#include "core/private.h"

#include <errno.h>

#define ADDRESS "203.0.113.5"

static void attack(struct fleet *f, const char *address, unsigned n)
{
	int64_t before = world_attempts(f->agent);
	world_failures(f->agent, address, n, clock_now() - 1000);
	world_until(f->agent, world_attempts(f->agent) == before + n);
	world_settle(f->agent);
}

static int64_t server_total(struct fleet *f)
{
	return store_attempt_total(core_store(f->server->core), 0);
}

static struct custom_block custom(struct fleet *f, int64_t id)
{
	struct custom_block cb;
	assert_int_equal(store_custom_get(core_store(f->server->core), id, &cb), 0);
	return cb;
}

static void state_of(struct fleet *f, int64_t *version, int64_t *next)
{
	assert_int_equal(core_agent_state(f->agent->core, version, next), 0);
}

static void an_attack_is_seen_on_the_server(void **state)
{
	struct fleet *f = *state;
	struct core_status status;
	core_get_status(f->agent->core, &status);
	assert_string_equal(status.host.uuid, f->host.uuid);
	assert_int_equal(strncmp(status.host.instance_id + 2, f->host.uuid, 8), 0);
	attack(f, ADDRESS, 12);
	assert_int_equal(world_state(f->agent, ADDRESS), BLOCK_APPLIED); /* without the server */
	assert_true(f->agent->reportable > 0);
	fleet_settle(f);
	struct block b = fleet_block(f, ADDRESS, SERVICE_SSH);
	assert_int_equal(b.state, BLOCK_APPLIED);
	assert_int_equal(b.attempts, 12);
	assert_true(b.applied_once);
	assert_string_equal(b.rule_name, "blinkRule");
	assert_int_equal(b.host, f->host.id);
	assert_int_equal(server_total(f), 12);
	fleet_compare(f);
}

static void a_custom_block_is_acknowledged_by_the_kernel(void **state)
{
	struct fleet *f = *state;
	int64_t expires = clock_now() + MS_HOUR;
	int64_t id = fleet_block_on(f, "198.51.100.0/24", expires, NULL);
	f->agent->mute = true;
	assert_true(fleet_follow(f));
	world_settle(f->agent);
	while (fleet_send(f) == 0)
		;
	assert_int_equal(custom(f, id).status, CUSTOM_FAILED); /* nobody has it yet */
	f->agent->mute = false;
	world_drift(f->agent);
	fleet_settle(f);
	assert_int_equal(
		world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.0/24")->expires, expires);
	assert_int_equal(custom(f, id).status, CUSTOM_ENABLED);
	assert_int_equal(custom(f, id).applied, 1);
	fleet_compare(f);

	assert_int_equal(core_custom_remove(f->server->core, &f->server->who, id, NULL), 0);
	fleet_settle(f);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.0/24"));
	assert_int_equal(fleet_block(f, "198.51.100.0/24", SERVICE_NONE).state, BLOCK_CANCELED);
	fleet_compare(f);
}

static void what_the_kernel_refuses_is_said(void **state)
{
	struct fleet *f = *state;
	f->agent->refuse = -EPERM;
	int64_t id = fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	struct block b = fleet_block(f, "198.51.100.1", SERVICE_NONE);
	assert_int_equal(b.state, BLOCK_FAILED);
	assert_string_equal(b.error, "KernelRefused");
	assert_int_equal(custom(f, id).status, CUSTOM_FAILED);
	f->agent->refuse = 0;
	struct prefix p = world_prefix("198.51.100.1");
	assert_int_equal(core_custom_set_enabled(f->server->core, &f->server->who, &p, BLOCK_IN,
				 f->host.uuid, true, NULL),
		0);
	fleet_settle(f);
	assert_int_equal(custom(f, id).status, CUSTOM_ENABLED);
	fleet_compare(f);
}

static void an_unblock_forgives_on_the_agent(void **state)
{
	struct fleet *f = *state;
	struct prefix p = world_prefix(ADDRESS);
	unsigned n = 0;
	attack(f, ADDRESS, 19);
	fleet_settle(f);
	assert_int_equal(core_unblock(f->server->core, &f->server->who, &p, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 1);
	fleet_settle(f);
	assert_int_equal(world_state(f->agent, ADDRESS), BLOCK_CANCELED);
	assert_int_equal(f->agent->kernel_n, 0);
	attack(f, ADDRESS, 9);
	assert_int_equal(world_state(f->agent, ADDRESS), BLOCK_CANCELED);
	attack(f, ADDRESS, 1);
	fleet_settle(f);
	assert_int_equal(fleet_block(f, ADDRESS, SERVICE_SSH).state, BLOCK_APPLIED);
	fleet_compare(f);
}

static void a_batch_stays_the_same_until_it_is_received(void **state)
{
	struct fleet *f = *state;
	struct report first, second;
	int64_t next;
	attack(f, ADDRESS, 3);
	assert_int_equal(core_report_next(f->agent->core, &first), 0);
	assert_int_equal(core_report_apply(f->server->core, f->host.id, &first, &next), 0);
	attack(f, ADDRESS, 4); /* the answer is lost, more happens, and then it is killed */
	fleet_agent_restart(f);
	assert_int_equal(core_report_next(f->agent->core, &second), 0);
	assert_int_equal(second.number, first.number);
	assert_int_equal(second.id, first.id);
	assert_int_equal(second.attempt_count, first.attempt_count);
	assert_int_equal(second.attempts[0].n, 3);
	assert_int_equal(core_report_apply(f->server->core, f->host.id, &second, &next), 0);
	assert_int_equal(server_total(f), 3);
	assert_int_equal(core_report_sent(f->agent->core, second.number), 0);
	struct report third; /* said twice: the next one is not gone with it */
	assert_int_equal(core_report_next(f->agent->core, &third), 0);
	assert_int_equal(third.number, second.number + 1);
	assert_int_equal(core_report_sent(f->agent->core, second.number), 0);
	report_done(&first);
	report_done(&second);
	report_done(&third);
	fleet_settle(f);
	assert_int_equal(server_total(f), 7);
	int64_t version, before, after; /* an answer that comes very late counts nothing back */
	state_of(f, &version, &before);
	assert_int_equal(core_report_sent(f->agent->core, 1), 0);
	assert_int_equal(core_report_renumber(f->agent->core, 1, 1), 0);
	state_of(f, &version, &after);
	assert_int_equal(after, before);
	assert_true(version > 0);
	fleet_compare(f);
}

static void a_machine_alone_keeps_what_it_could_not_send(void **state)
{
	struct fleet *f = *state;
	char address[ADDR_TEXT_MAX];
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(address, sizeof(address), "203.0.113.%u", i + 1);
		world_failures(f->agent, address, 11, clock_now() - 1000);
	}
	world_until(f->agent, world_attempts(f->agent) == 220);
	fleet_agent_restart(f);
	world_settle(f->agent);
	fleet_settle(f);
	assert_int_equal(server_total(f), 220);
	fleet_compare(f);
}

static void a_wish_that_came_and_went_is_answered(void **state)
{
	struct fleet *f = *state;
	fleet_settle(f);
	int64_t id = fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	assert_int_equal(core_custom_remove(f->server->core, &f->server->who, id, NULL), 0);
	assert_int_equal(fleet_block(f, "198.51.100.1", SERVICE_NONE).state, BLOCK_CANCELLING);
	fleet_settle(f);
	assert_int_equal(fleet_block(f, "198.51.100.1", SERVICE_NONE).state, BLOCK_CANCELED);
	assert_int_equal(f->agent->added, 0);
	fleet_compare(f);
}

static void what_is_over_leaves_nothing(void **state)
{
	struct fleet *f = *state;
	fleet_settle(f);
	(void)fleet_block_on(f, "198.51.100.1", clock_now() + 30, NULL);
	world_until(f->server, fleet_block(f, "198.51.100.1", SERVICE_NONE).state == BLOCK_EXPIRED);
	int64_t id = fleet_block_on(f, "198.51.100.2", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	assert_int_equal(world_block(f->agent, "198.51.100.1", SERVICE_NONE).id, 0);
	int64_t before = fleet_block(f, "198.51.100.2", SERVICE_NONE).wish;
	assert_int_equal(core_custom_remove(f->server->core, &f->server->who, id, NULL), 0);
	fleet_settle(f);
	assert_int_equal(fleet_block(f, "198.51.100.2", SERVICE_NONE).state, BLOCK_CANCELED);
	/* who asks again, from before, has nothing to answer for either */
	struct wishes w = fleet_wishes(f, f->host.id, before);
	assert_int_equal(w.block_count, 1);
	assert_true(w.blocks[0].lift && w.blocks[0].expires <= clock_now());
	wishes_done(&w);
}

static void what_is_never_blocked_here_fails(void **state)
{
	struct fleet *f = *state;
	world_stop(f->agent);
	f->agent->settings->allow[f->agent->settings->allow_count++] =
		world_prefix("198.51.100.0/24");
	fleet_agent_restart(f);
	int64_t id = fleet_block_on(f, "198.51.100.7", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	struct block b = fleet_block(f, "198.51.100.7", SERVICE_NONE);
	assert_int_equal(b.state, BLOCK_FAILED);
	assert_string_equal(b.error, "AllowListed");
	assert_int_equal(custom(f, id).status, CUSTOM_FAILED);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.7"));
	/* nor does a comparison or a restart bring it there */
	world_drift(f->agent);
	world_settle(f->agent);
	fleet_agent_restart(f);
	fleet_settle(f);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.7"));
	assert_string_equal(fleet_block(f, "198.51.100.7", SERVICE_NONE).error, "AllowListed");
	/* until it may be */
	world_stop(f->agent);
	f->agent->settings->allow_count = 0;
	fleet_agent_restart(f);
	struct prefix p = world_prefix("198.51.100.7");
	assert_int_equal(core_custom_set_enabled(f->server->core, &f->server->who, &p, BLOCK_IN,
				 f->host.uuid, true, NULL),
		0);
	fleet_settle(f);
	assert_int_equal(custom(f, id).status, CUSTOM_ENABLED);
}

static int one_rule(void *ctx, const struct rule *r)
{
	char *text = ctx;
	size_t n = strlen(text);
	if (r->source == RULE_USER)
		(void)snprintf(text + n, 256 - n, "%lld:%s ", (long long)r->id, r->name);
	return 0;
}

static const char *rules_of(struct fleet *f, char text[static 256])
{
	text[0] = '\0';
	assert_int_equal(store_rule_each(core_store(f->agent->core), 0, one_rule, text), 0);
	return text;
}

struct rule_named {
	const char *name;
	int64_t id;
};

static int match_rule(void *ctx, const struct rule *r)
{
	struct rule_named *n = ctx;
	if (strcmp(r->name, n->name) == 0)
		n->id = r->id;
	return 0;
}

static int64_t rule_named(struct world *w, const char *name)
{
	struct rule_named n = {.name = name};
	assert_int_equal(store_rule_each(core_store(w->core), w->who.account, match_rule, &n), 0);
	assert_int_not_equal(n.id, 0);
	return n.id;
}

static int64_t rule_id(struct fleet *f, const char *name)
{
	return rule_named(f->agent, name);
}

static int64_t rule_of_server(struct fleet *f, const char *name)
{
	return rule_named(f->server, name);
}

static int64_t add_rule(struct fleet *f, const char *name, uint32_t fail_count, int64_t id)
{
	struct rule rule = {.id = id,
		.span = MS_MINUTE,
		.fail_count = fail_count,
		.forbidden = MS_HOUR,
		.services = SERVICE_BIT(SERVICE_SSH),
		.is_default = true,
		.enabled = true};
	(void)snprintf(rule.name, sizeof(rule.name), "%s", name);
	assert_int_equal(
		core_rule_put(f->server->core, &f->server->who, &rule, NULL, 0, NULL, NULL), 0);
	return rule.id;
}

static void rules_come_from_the_server(void **state)
{
	struct fleet *f = *state;
	struct err err = {""};
	char text[256], again[256];
	int64_t strict = add_rule(f, "strict", 3, 0);
	(void)add_rule(f, "lax", 50, 0);
	fleet_settle(f);
	attack(f, ADDRESS, 3);
	assert_int_equal(world_state(f->agent, ADDRESS), BLOCK_APPLIED);
	fleet_settle(f);
	struct block b = fleet_block(f, ADDRESS, SERVICE_SSH);
	assert_string_equal(b.rule_name, "strict");
	assert_int_equal(b.rule, strict);
	assert_int_equal(b.source, RULE_USER);
	/* a change keeps the ids, by which records know their rules */
	(void)rules_of(f, text);
	(void)add_rule(f, "strict", 4, strict);
	fleet_settle(f);
	assert_string_equal(rules_of(f, again), text);
	attack(f, "203.0.113.6", 3);
	assert_int_equal(world_state(f->agent, "203.0.113.6"), BLOCK_STATES);
	/* made anew on the server it is the latest here, too */
	assert_int_equal(core_rules_remove(f->server->core, &f->server->who, &strict, 1, &err), 0);
	fleet_settle(f);
	assert_non_null(strstr(rules_of(f, text), "lax"));
	assert_null(strstr(text, "strict"));
	strict = add_rule(f, "strict", 2, 0);
	fleet_settle(f);
	int64_t lax = rule_id(f, "lax");
	assert_true(rule_id(f, "strict") > lax);
	/* and where the agent knows both, but in the other order */
	assert_int_equal(core_rules_remove(f->server->core, &f->server->who, &strict, 1, &err), 0);
	strict = add_rule(f, "strict", 2, 0);
	(void)add_rule(f, "third", 60, 0);
	fleet_agent_restart(f);
	fleet_settle(f);
	assert_int_equal(rule_id(f, "lax"), lax);
	assert_true(rule_id(f, "strict") > lax);
	assert_true(rule_id(f, "third") > rule_id(f, "strict"));
	lax = rule_of_server(f, "lax");
	assert_int_equal(core_rules_remove(f->server->core, &f->server->who, &lax, 1, &err), 0);
	(void)add_rule(f, "lax", 50, 0);
	fleet_settle(f);
	assert_true(rule_id(f, "lax") > rule_id(f, "third"));
	/* and there they are made */
	struct rule own = {.name = "own", .span = 1000, .fail_count = 1, .forbidden = 1000};
	assert_int_equal(core_rule_put(f->agent->core, &f->agent->who, &own, NULL, 0, NULL, &err),
		CORE_INVALID);
}

static void rules_of_the_file_stay(void **state)
{
	struct fleet *f = *state;
	char text[256];
	world_stop(f->agent);
	struct rule *r = &f->agent->settings->rules[f->agent->settings->rule_count++];
	*r = (struct rule){.name = "file",
		.source = RULE_USER,
		.span = MS_MINUTE,
		.fail_count = 5,
		.forbidden = MS_HOUR,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true};
	f->agent->settings->rules[f->agent->settings->rule_count++] = *r;
	(void)snprintf(r[1].name, sizeof(r[1].name), "here only");
	fleet_agent_restart(f);
	(void)add_rule(f, "file", 99, 0); /* of the same name: what stands here counts */
	(void)add_rule(f, "other", 40, 0);
	fleet_settle(f);
	assert_non_null(strstr(rules_of(f, text), ":file "));
	assert_non_null(strstr(text, ":other "));
	assert_non_null(strstr(text, ":here only "));
	attack(f, ADDRESS, 5);
	assert_int_equal(world_state(f->agent, ADDRESS), BLOCK_APPLIED);
}

static void the_allow_list_comes_from_the_server(void **state)
{
	struct fleet *f = *state;
	struct prefix net = world_prefix("203.0.113.0/24");
	attack(f, ADDRESS, 10);
	fleet_settle(f);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, ADDRESS));
	attack(f, "203.0.113.9", 10); /* the server has not heard of that one */
	assert_int_equal(core_allow_add(f->server->core, &f->server->who, &net, "ours", NULL), 0);
	fleet_settle(f);
	world_until(f->agent, world_in_kernel(f->agent, ENFORCE_ALLOW, "203.0.113.0/24") != NULL);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, ADDRESS));
	fleet_settle(f);
	assert_int_equal(fleet_block(f, ADDRESS, SERVICE_SSH).state, BLOCK_CANCELED);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "203.0.113.9"));
	assert_int_equal(fleet_block(f, "203.0.113.9", SERVICE_SSH).state, BLOCK_CANCELED);
	attack(f, "203.0.113.6", 10);
	assert_int_equal(world_state(f->agent, "203.0.113.6"), BLOCK_STATES);
	assert_int_equal(core_allow_remove(f->server->core, &f->server->who, &net, NULL), 0);
	fleet_settle(f);
	world_until(f->agent, world_in_kernel(f->agent, ENFORCE_ALLOW, "203.0.113.0/24") == NULL);
	attack(f, "203.0.113.7", 10);
	assert_int_equal(world_state(f->agent, "203.0.113.7"), BLOCK_APPLIED);
	assert_int_equal(
		core_allow_add(f->agent->core, &f->agent->who, &net, "", NULL), CORE_INVALID);
}

/* The server's database is an hour old again, say; the agent remembers more than it does. */
static void an_older_server_is_caught_up(void **state)
{
	struct fleet *f = *state;
	attack(f, ADDRESS, 10);
	int64_t kept = fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	int64_t total = server_total(f);
	fleet_server_stop(f);
	world_save(f->server);
	fleet_server_start(f);
	for (unsigned i = 0; i < 3; i++) {
		attack(f, "203.0.113.6", 10);
		fleet_settle(f);
	}
	(void)fleet_block_on(f, "198.51.100.2", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	assert_int_equal(f->agent->kernel_n, 4);
	fleet_server_stop(f);
	world_restore(f->server);
	fleet_server_start(f);
	attack(f, "203.0.113.7", 10);
	fleet_settle(f);
	/* what it never heard of is lifted, what it lost of records is known again */
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.2"));
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.1"));
	assert_int_equal(custom(f, kept).status, CUSTOM_ENABLED);
	assert_int_equal(fleet_block(f, "203.0.113.6", SERVICE_SSH).attempts, 30);
	assert_int_equal(fleet_block(f, "203.0.113.7", SERVICE_SSH).state, BLOCK_APPLIED);
	assert_int_equal(server_total(f), total + 10); /* what was counted in between is lost */
}

/* The same, and more has been wished since than had been before: versions say nothing then. */
static void an_older_server_that_went_on_is_found_out(void **state)
{
	struct fleet *f = *state;
	char address[ADDR_TEXT_MAX];
	int64_t version, next;
	fleet_settle(f);
	fleet_server_stop(f);
	world_save(f->server);
	fleet_server_start(f);
	(void)fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	attack(f, ADDRESS, 10);
	fleet_settle(f);
	assert_int_equal(f->agent->kernel_n, 2);
	fleet_server_stop(f);
	world_restore(f->server);
	fleet_server_start(f);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(address, sizeof(address), "198.51.100.%u", i + 100);
		(void)fleet_block_on(f, address, BLOCK_FOREVER, NULL);
	}
	attack(f, "203.0.113.6", 10);
	assert_int_equal(fleet_send(f), 0); /* refused: counted anew */
	state_of(f, &version, &next);
	assert_int_equal(version, 0);
	fleet_agent_restart(f);
	state_of(f, &version, &next);
	assert_int_equal(version, 0);
	fleet_settle(f);
	assert_int_equal(f->agent->kernel_n, 22);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.1"));
	assert_int_equal(fleet_block(f, ADDRESS, SERVICE_SSH).state, BLOCK_APPLIED);
	assert_int_equal(fleet_block(f, "203.0.113.6", SERVICE_SSH).state, BLOCK_APPLIED);
}

static void follow_only(struct fleet *f)
{
	while (fleet_follow(f))
		;
	world_settle(f->agent);
}

/* Nothing is reported that would give it away. */
static void who_only_asks_finds_an_older_server_out(void **state)
{
	struct fleet *f = *state;
	fleet_settle(f);
	fleet_server_stop(f);
	world_save(f->server);
	fleet_server_start(f);
	(void)fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	follow_only(f);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.1"));
	fleet_server_stop(f);
	world_restore(f->server);
	fleet_server_start(f);
	for (unsigned i = 0; i < 3; i++) { /* not only the first start knows */
		(void)fleet_block_on(f, "198.51.100.2", clock_now() + MS_HOUR + i, NULL);
		fleet_server_restart(f);
	}
	follow_only(f);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.1"));
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.2"));
}

/* What it followed is still known after a restart, until too many have been. */
static void a_restart_alone_is_no_reason_for_a_snapshot(void **state)
{
	struct fleet *f = *state;
	int64_t version, next;
	(void)fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	state_of(f, &version, &next);
	for (unsigned i = 0; i <= VERSION_GAPS_MAX; i++) {
		fleet_server_restart(f);
		struct wishes w = fleet_wishes(f, f->host.id, version);
		assert_int_equal(w.snapshot, i >= VERSION_GAPS_MAX - 1);
		wishes_done(&w);
	}
}

static void an_agent_that_lost_its_memory_is_told_again(void **state)
{
	struct fleet *f = *state;
	(void)add_rule(f, "strict", 3, 0);
	int64_t id = fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	attack(f, ADDRESS, 10);
	fleet_settle(f);
	attack(f, ADDRESS, 1);
	fleet_settle(f);
	int64_t total = server_total(f);
	world_stop(f->agent);
	world_wipe(f->agent);
	f->agent->kernel_n = 0;
	FILE *log = fopen(f->agent->log, "we"); /* else all of it would be read again */
	(void)fclose(log);
	fleet_agent_restart(f);
	attack(f, "203.0.113.6", 3);
	fleet_settle(f);
	assert_int_equal(custom(f, id).status, CUSTOM_ENABLED);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, "198.51.100.1"));
	assert_int_equal(server_total(f), total + 3);
	attack(f, "203.0.113.7", 3); /* by the server's rule */
	assert_int_equal(world_state(f->agent, "203.0.113.7"), BLOCK_APPLIED);
	fleet_settle(f);
	assert_int_equal(server_total(f), total + 6);
	assert_int_equal(fleet_block(f, "203.0.113.7", SERVICE_SSH).state, BLOCK_APPLIED);
}

static void import(struct fleet *f, uint32_t from, uint32_t n)
{
	struct err err = {""};
	size_t done = 0;
	_cleanup_(freep) struct prefix *targets = calloc(n, sizeof(*targets));
	for (uint32_t i = 0; i < n; i++) {
		struct addr address = addr_from_v4(from + i);
		targets[i] = prefix_of(&address, 128);
	}
	struct core_import all = {.targets = targets, .n = n, .common = {.expires = BLOCK_FOREVER}};
	assert_int_equal(
		core_custom_import(f->server->core, &f->server->who, &all, &done, &err), 0);
	assert_int_equal(done, n);
}

static void half_a_snapshot_is_none(void **state)
{
	struct fleet *f = *state;
	enum { N = WISHES_BLOCKS_MAX + 50 };
	int64_t version, next;
	/* one of an earlier server that this one does not want */
	int64_t old = fleet_block_on(f, "203.0.113.77", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, "203.0.113.77"));
	struct block b = fleet_block(f, "203.0.113.77", SERVICE_NONE);
	assert_int_equal(store_begin(core_store(f->server->core)), 0);
	assert_int_equal(store_custom_remove(core_store(f->server->core), old), 0);
	b.wish = 0;
	assert_int_equal(store_block_put(core_store(f->server->core), &b), 0);
	assert_int_equal(store_commit(core_store(f->server->core), STORE_DURABLE), 0);
	import(f, 0xc6336400, N);

	struct wishes first = fleet_wishes(f, f->host.id, 0);
	assert_true(first.snapshot && first.more);
	assert_int_equal(core_wishes_follow(f->agent->core, &first), 0);
	state_of(f, &version, &next);
	assert_int_equal(version, first.version); /* asks for what comes after it */
	world_settle(f->agent);
	struct report report;
	/* what it says now would be as of no version */
	assert_int_equal(core_report_next(f->agent->core, &report), CORE_NOT_FOUND);
	fleet_agent_restart(f);
	state_of(f, &version, &next);
	assert_int_equal(version, 0); /* begins again */
	/* the answer that was on its way when it was killed belongs to nothing */
	struct wishes second = fleet_wishes(f, f->host.id, first.version);
	assert_int_equal(core_wishes_follow(f->agent->core, &second), 0);
	state_of(f, &version, &next);
	assert_int_equal(version, 0);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, "203.0.113.77"));
	wishes_done(&second);
	wishes_done(&first);

	fleet_settle(f);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "203.0.113.77"));
	assert_int_equal(f->agent->kernel_n, N);
	int64_t counts[BLOCK_STATES];
	assert_int_equal(store_block_counts(core_store(f->server->core), 0, counts), 0);
	assert_int_equal(counts[BLOCK_APPLIED], N);
	fleet_compare(f);
}

static void expect_metric(struct core *c, const char *line)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	assert_int_equal(core_metrics(c, &text), 0);
	if (!strstr(text.p, line))
		fail_msg("no \"%s\" in:\n%s", line, text.p);
}

static void the_link_is_measured(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->agent->core;
	fleet_settle(f);
	expect_metric(c, "\ncordon_fleet_link_up 0\n");
	expect_metric(c, "\ncordon_fleet_reports_waiting 0\n");
	attack(f, ADDRESS, 3);
	core_link_set(c, true);
	expect_metric(c, "\ncordon_fleet_link_up 1\n");
	expect_metric(c, "\ncordon_fleet_reports_waiting 1\n");
}

/* A copy of the machine says something else under the number of a batch that the first has sent. */
static void what_a_copy_says_is_not_taken_for_said(void **state)
{
	struct fleet *f = *state;
	struct report report = {0};
	int64_t version = 0, next = 0, sent;
	attack(f, "203.0.113.8", 2);
	fleet_settle(f);
	int64_t total = server_total(f);
	world_stop(f->agent);
	world_save(f->agent);
	fleet_agent_restart(f);
	attack(f, ADDRESS, 3);
	assert_int_equal(fleet_send(f), 0);
	assert_int_equal(fleet_send(f), CORE_NOT_FOUND);
	assert_int_equal(server_total(f), total + 3);
	state_of(f, &version, &sent);

	world_stop(f->agent);
	world_restore(f->agent);
	FILE *log = fopen(f->agent->log, "we"); /* another machine has another log */
	(void)fclose(log);
	fleet_agent_restart(f);
	attack(f, "203.0.113.6", 4);
	assert_int_equal(core_report_next(f->agent->core, &report), 0);
	assert_int_equal(report.number, sent - 1);
	assert_int_equal(
		core_report_apply(f->server->core, f->host.id, &report, &next), CORE_EXISTS);
	assert_int_equal(next, sent);
	assert_int_equal(core_report_renumber(f->agent->core, report.number, next), 0);
	report_done(&report);
	fleet_settle(f);
	assert_int_equal(server_total(f), total + 7);
}

static enum protect_reason why_never(struct fleet *f, const struct addr *a)
{
	return protect_address(f->agent->core->protect, a);
}

static void the_server_is_spared_after_a_restart(void **state)
{
	struct fleet *f = *state;
	struct addr first = addr_from_v4(0xc6336401), second = addr_from_v4(0xc6336402);
	assert_int_equal(core_server_set(f->agent->core, &first, 1), 0);
	fleet_agent_restart(f);
	assert_int_equal(why_never(f, &first), PROTECT_SERVER);
	assert_int_equal(core_server_set(f->agent->core, &second, 1), 0);
	assert_int_equal(why_never(f, &first), PROTECT_NONE);
	fleet_agent_restart(f);
	assert_int_equal(why_never(f, &first), PROTECT_NONE);
	assert_int_equal(why_never(f, &second), PROTECT_SERVER);
	assert_int_equal(core_agent_begin(f->agent->core, "another"), 0);
	assert_int_equal(why_never(f, &second), PROTECT_NONE);
}

/* Allowed by hand on the server or not: nobody takes it from the agent's kernel. */
static void the_server_stays_allowed_when_its_entry_goes(void **state)
{
	struct fleet *f = *state;
	struct addr server = addr_from_v4(0xc6336401);
	struct prefix entry = prefix_of(&server, 128), other = world_prefix("203.0.113.9");
	assert_int_equal(core_server_set(f->agent->core, &server, 1), 0);
	assert_int_equal(core_allow_add(f->server->core, &f->server->who, &entry, "", NULL), 0);
	assert_int_equal(core_allow_add(f->server->core, &f->server->who, &other, "", NULL), 0);
	fleet_settle(f);
	world_until(f->agent, world_in_kernel(f->agent, ENFORCE_ALLOW, "203.0.113.9") != NULL);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_ALLOW, "198.51.100.1"));
	assert_int_equal(
		core_allow_remove(f->agent->core, &f->agent->who, &entry, NULL), CORE_INVALID);
	assert_int_equal(core_allow_remove(f->server->core, &f->server->who, &entry, NULL), 0);
	assert_int_equal(core_allow_remove(f->server->core, &f->server->who, &other, NULL), 0);
	fleet_settle(f);
	world_until(f->agent, world_in_kernel(f->agent, ENFORCE_ALLOW, "203.0.113.9") == NULL);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_ALLOW, "198.51.100.1"));
	assert_int_equal(why_never(f, &server), PROTECT_SERVER);
}

static void own_blocks_survive_a_snapshot(void **state)
{
	struct fleet *f = *state;
	struct core_custom_wish wish = {
		.target = world_prefix("203.0.113.99"), .expires = BLOCK_FOREVER, .why = "mine"};
	assert_int_equal(
		core_custom_put(f->agent->core, &f->agent->who, CUSTOM_PUT, &wish, NULL, NULL), 0);
	attack(f, ADDRESS, 10);
	fleet_settle(f);
	assert_int_equal(f->agent->kernel_n, 2);
	assert_int_equal(fleet_block(f, "203.0.113.99", SERVICE_NONE).state, BLOCK_APPLIED);
	/* once the server had its hand in it, and then not any more */
	int64_t id = fleet_block_on(f, "203.0.113.99", BLOCK_FOREVER, NULL);
	fleet_settle(f);
	assert_int_equal(core_custom_remove(f->server->core, &f->server->who, id, NULL), 0);
	fleet_settle(f);
	assert_null(world_in_kernel(f->agent, ENFORCE_IN, "203.0.113.99"));
	assert_int_equal(
		core_custom_put(f->agent->core, &f->agent->who, CUSTOM_PUT, &wish, NULL, NULL), 0);
	world_settle(f->agent); /* of which the server has not heard yet */
	struct wishes all = fleet_wishes(f, f->host.id, 0);
	assert_int_equal(core_wishes_follow(f->agent->core, &all), 0);
	wishes_done(&all);
	fleet_settle(f);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, "203.0.113.99"));
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, ADDRESS));
	fleet_compare(f);
}

static void dismissed_it_goes_on_alone(void **state)
{
	struct fleet *f = *state;
	struct err err = {""};
	char text[256];
	struct prefix net = world_prefix("192.0.2.0/24");
	(void)add_rule(f, "strict", 3, 0);
	assert_int_equal(core_allow_add(f->server->core, &f->server->who, &net, "", NULL), 0);
	(void)fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	attack(f, ADDRESS, 10);
	fleet_settle(f);
	struct prefix attacker = world_prefix(ADDRESS); /* the server has a hand in that one, too */
	unsigned n = 0;
	assert_int_equal(
		core_unblock(f->server->core, &f->server->who, &attacker, NULL, 0, &n, NULL), 0);
	fleet_settle(f);
	attack(f, ADDRESS, 10);
	fleet_settle(f);
	assert_true(world_block(f->agent, ADDRESS, SERVICE_SSH).wish > 0);
	assert_int_equal(f->agent->kernel_n, 3);
	assert_int_equal(core_host_retire(f->server->core, &f->server->who, "web", &err), 0);
	struct host found;
	assert_int_equal(core_agent_find(f->reader, f->fingerprint, &found), CORE_DENIED);
	assert_int_equal(core_agent_dismissed(f->agent->core), 0);
	assert_int_equal(core_agent_dismissed(f->agent->core), 0); /* once more is nothing */
	world_until(f->agent, f->agent->kernel_n == 1);
	assert_non_null(world_in_kernel(f->agent, ENFORCE_IN, ADDRESS));
	assert_string_equal(rules_of(f, text), "");
	attack(f, "203.0.113.6", 9);
	assert_int_equal(world_state(f->agent, "203.0.113.6"), BLOCK_STATES);
	struct report report;
	assert_int_equal(core_report_next(f->agent->core, &report), CORE_NOT_FOUND);
	int64_t waiting = -1;
	assert_int_equal(store_report_waiting(core_store(f->agent->core), &waiting), 0);
	assert_int_equal(waiting, 0);
	/* its rules are its own again */
	struct rule own = {.name = "own",
		.span = MS_MINUTE,
		.fail_count = 1,
		.forbidden = MS_HOUR,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true};
	assert_int_equal(
		core_rule_put(f->agent->core, &f->agent->who, &own, NULL, 0, NULL, &err), 0);

	/* and it may come back, as another */
	f->host = fleet_enrol(f, f->server->who.account,
		"00000000000000000000000000000000000000000000000000000000000000bb", "web");
	int64_t id = fleet_block_on(f, "198.51.100.2", BLOCK_FOREVER, NULL);
	world_stop(f->agent);
	fleet_agent_restart(f);
	fleet_settle(f);
	assert_int_equal(custom(f, id).status, CUSTOM_ENABLED);
	assert_non_null(strstr(rules_of(f, text), ":strict "));
	assert_null(strstr(text, ":own "));
	assert_int_equal(fleet_block(f, ADDRESS, SERVICE_SSH).state, BLOCK_APPLIED);
}

static void who_was_away_says_everything_again(void **state)
{
	struct fleet *f = *state;
	attack(f, ADDRESS, 10);
	fleet_settle(f);
	world_stop(f->agent);
	f->agent->settings->role = ROLE_ALL;
	world_start(f->agent);
	attack(f, "203.0.113.6", 10);
	int64_t waiting = -1;
	assert_int_equal(store_report_waiting(core_store(f->agent->core), &waiting), 0);
	assert_int_equal(waiting, 0);
	world_stop(f->agent);
	f->agent->settings->role = ROLE_AGENT;
	fleet_agent_restart(f);
	fleet_settle(f);
	assert_int_equal(fleet_block(f, "203.0.113.6", SERVICE_SSH).state, BLOCK_APPLIED);
}

static void it_describes_itself(void **state)
{
	struct fleet *f = *state;
	struct agent_info info = {0};
	assert_int_equal(core_agent_describe(f->agent->core, &info), 0);
	assert_true(info.enforces);
	assert_string_equal(info.version, CORDON_VERSION);
	assert_true(info.name[0] != '\0');
	char source[128];
	(void)snprintf(
		source, sizeof(source), "[{\"source\":\"file:%s\",\"problem\":", f->agent->log);
	assert_int_equal(strncmp(info.health, source, strlen(source)), 0);
	assert_int_equal(info.health[strlen(info.health) - 1], ']');
	assert_int_equal(core_agent_info(f->server->core, f->host.id, &info), 0);
	assert_string_equal(fleet_host(f, f->host.id).version, CORDON_VERSION);
}

/* xorshift: the same every time, another each seed. */
static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

/* A batch on its way: any word of it may be lost. */
static void send_badly(struct fleet *f, uint32_t *seed)
{
	struct report report;
	int64_t next = 0;
	if (core_report_next(f->agent->core, &report) != 0)
		return;
	bool kill_agent = draw(seed, 4) == 0, kill_server = draw(seed, 4) == 0;
	if (draw(seed, 3) > 0) {
		assert_int_equal(core_report_apply(f->server->core, f->host.id, &report, &next), 0);
		if (kill_server)
			fleet_server_restart(f);
		if (draw(seed, 3) == 0) /* arrives twice */
			assert_int_equal(
				core_report_apply(f->server->core, f->host.id, &report, &next), 0);
		if (draw(seed, 3) > 0)
			assert_int_equal(core_report_sent(f->agent->core, report.number), 0);
	}
	if (kill_agent)
		fleet_agent_restart(f);
	report_done(&report);
}

static void follow_badly(struct fleet *f, uint32_t *seed)
{
	int64_t version, next;
	state_of(f, &version, &next);
	struct wishes w = fleet_wishes(f, f->host.id, version);
	if (!wishes_are_empty(&w) && draw(seed, 3) > 0)
		assert_int_equal(core_wishes_follow(f->agent->core, &w), 0);
	if (draw(seed, 5) == 0)
		fleet_agent_restart(f);
	if (draw(seed, 4) == 0) /* the same answer twice */
		assert_int_equal(core_wishes_follow(f->agent->core, &w), 0);
	wishes_done(&w);
}

/* People at the server; the address space is small, so that all of it overlaps. */
static void wish_something(struct fleet *f, uint32_t *seed)
{
	char address[ADDR_TEXT_MAX];
	unsigned n = 0;
	(void)snprintf(address, sizeof(address), "203.0.113.%u", 1 + draw(seed, 6));
	struct prefix p = world_prefix(address);
	switch (draw(seed, 3)) {
	case 0:
		(void)fleet_block_on(
			f, address, draw(seed, 2) ? BLOCK_FOREVER : clock_now() + MS_HOUR, NULL);
		break;
	case 1:
		(void)core_unblock(f->server->core, &f->server->who, &p, NULL, 0, &n, NULL);
		break;
	default:
		(void)core_custom_set_enabled(
			f->server->core, &f->server->who, &p, BLOCK_IN, NULL, draw(seed, 2), NULL);
	}
}

static void one_step(struct fleet *f, uint32_t *seed)
{
	char address[ADDR_TEXT_MAX];
	switch (draw(seed, 6)) {
	case 0:
		(void)snprintf(address, sizeof(address), "203.0.113.%u", 1 + draw(seed, 6));
		attack(f, address, 1 + draw(seed, 12));
		break;
	case 1:
		wish_something(f, seed);
		break;
	case 2:
		follow_badly(f, seed);
		break;
	case 3:
		f->agent->mute = draw(seed, 2);
		if (!f->agent->mute)
			world_drift(f->agent);
		break;
	case 4:
		world_turn(f->agent);
		break;
	default:
		send_badly(f, seed);
	}
}

static void killed_between_any_two_steps(void **state)
{
	struct fleet *f = *state;
	const char *given = getenv("CORDON_SEED");
	for (uint32_t run = 1; run <= 4; run++) {
		uint32_t seed = run * 2654435761u ^ (given ? (uint32_t)atoi(given) : 0);
		for (unsigned i = 0; i < 60; i++)
			one_step(f, &seed);
		f->agent->mute = false;
		fleet_agent_restart(f);
		fleet_settle(f);
		fleet_compare(f);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fleet_setup_enrolled, fleet_teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		TEST(an_attack_is_seen_on_the_server),
		TEST(a_custom_block_is_acknowledged_by_the_kernel),
		TEST(what_the_kernel_refuses_is_said),
		TEST(an_unblock_forgives_on_the_agent),
		TEST(a_batch_stays_the_same_until_it_is_received),
		TEST(a_machine_alone_keeps_what_it_could_not_send),
		TEST(a_wish_that_came_and_went_is_answered),
		TEST(what_is_over_leaves_nothing),
		TEST(what_is_never_blocked_here_fails),
		TEST(rules_come_from_the_server),
		TEST(rules_of_the_file_stay),
		TEST(the_allow_list_comes_from_the_server),
		TEST(an_older_server_is_caught_up),
		TEST(an_older_server_that_went_on_is_found_out),
		TEST(who_only_asks_finds_an_older_server_out),
		TEST(a_restart_alone_is_no_reason_for_a_snapshot),
		TEST(an_agent_that_lost_its_memory_is_told_again),
		TEST(half_a_snapshot_is_none),
		TEST(the_link_is_measured),
		TEST(what_a_copy_says_is_not_taken_for_said),
		TEST(the_server_is_spared_after_a_restart),
		TEST(the_server_stays_allowed_when_its_entry_goes),
		TEST(own_blocks_survive_a_snapshot),
		TEST(dismissed_it_goes_on_alone),
		TEST(who_was_away_says_everything_again),
		TEST(it_describes_itself),
		TEST(killed_between_any_two_steps),
	};
	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
