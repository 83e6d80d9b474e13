/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server: who its agents are, what it takes from them, what it tells them. */
#include "fleet_world.h"

#include "base/util.h"
#include "core/private.h"

#include <errno.h>
#include <pthread.h>

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct report_attempt failures(const char *source, int64_t n)
{
	return (struct report_attempt){.minute = clock_now() / MS_MINUTE * MS_MINUTE,
		.source = world_prefix(source),
		.service = SERVICE_SSH,
		.n = n};
}

static struct block record(const char *target, enum block_state state)
{
	int64_t now = clock_now();
	struct block b = {.id = 77,
		.account = 88,
		.host = 99,
		.target = world_prefix(target),
		.service = SERVICE_SSH,
		.port = 22,
		.state = state,
		.applied_once = state == BLOCK_APPLIED,
		.rule = 66,
		.source = RULE_BLINK,
		.created = now - 1000,
		.first_attempt = now - 2000,
		.latest_attempt = now - 1000,
		.attempts = 10,
		.expires = now + MS_HOUR,
		.changed = now - 500,
		.lives = 1,
		.wish = 55};
	b.trigger = b.target.addr;
	(void)snprintf(b.rule_name, sizeof(b.rule_name), "blinkRule");
	return b;
}

static int apply(struct fleet *f, uint32_t host, int64_t number, int64_t seen,
	struct report_attempt *attempts, size_t attempt_count, struct block *blocks,
	size_t block_count, int64_t *ret_next)
{
	const struct report report = {.number = number,
		.seen = seen,
		.attempts = attempts,
		.attempt_count = attempt_count,
		.blocks = blocks,
		.block_count = block_count};
	int64_t next = -1;
	int r = core_report_apply(f->server->core, host, &report, &next);
	if (ret_next)
		*ret_next = next;
	return r;
}

static int64_t server_total(struct fleet *f)
{
	return store_attempt_total(core_store(f->server->core), 0);
}

static struct block block_of(struct fleet *f, uint32_t host, const char *target)
{
	f->host.id = host;
	return fleet_block(f, target, SERVICE_SSH);
}

static struct account other_account(struct fleet *f)
{
	struct account a;
	assert_int_equal(core_account_add(f->server->core, &f->server->who, "other", &a, NULL), 0);
	return a;
}

static int last_audit(void *ctx, const struct audit_entry *e)
{
	*(struct audit_entry *)ctx = *e;
	return 1;
}

static struct audit_entry latest_audit(struct fleet *f, const char *what)
{
	struct audit_entry e = {0};
	struct audit_query q = {.what = what, .limit = 1};
	(void)store_audit_query(core_store(f->server->core), &q, last_audit, &e);
	return e;
}

static void a_server_is_no_host(void **state)
{
	struct fleet *f = *state;
	struct host h;
	struct core_status status;
	core_get_status(f->server->core, &status);
	assert_int_equal(status.host.id, 0);
	assert_true(status.host.name[0] != '\0');
	assert_int_equal(store_host_local(core_store(f->server->core), &h), STORE_NOT_FOUND);
	fleet_server_stop(f);
	f->server->settings->role = ROLE_ALL;
	fleet_server_start(f);
	core_get_status(f->server->core, &status);
	assert_int_not_equal(status.host.id, 0);
	assert_string_equal(status.host.version, CORDON_VERSION);
	assert_false(status.host.remote);
	fleet_server_stop(f);
	f->server->settings->role = ROLE_SERVER;
	fleet_server_start(f);
	core_get_status(f->server->core, &status);
	assert_int_equal(status.host.id, 0);
	assert_int_equal(store_host_local(core_store(f->server->core), &h), 0);
	assert_false(h.agent_online);
	/* it may go, like any other; and come back */
	assert_int_equal(core_host_retire(f->server->core, &f->server->who, h.uuid, NULL), 0);
	fleet_server_stop(f);
	f->server->settings->role = ROLE_ALL;
	fleet_server_start(f);
	core_get_status(f->server->core, &status);
	assert_int_equal(status.host.id, h.id);
	assert_false(status.host.retired);
	assert_int_equal(
		core_host_retire(f->server->core, &f->server->who, h.uuid, NULL), CORE_INVALID);
	assert_int_equal(core_host_rename(f->server->core, &f->server->who, h.uuid, "x", NULL),
		CORE_INVALID);
}

static void an_invitation_works_once(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct err err = {""};
	char token[64];
	struct host host = {0}, other = {.id = 42};
	struct invite invite = {.name = "db-1",
		.enterprise_project = "p1",
		.account = 4711, /* is the caller's, whatever it says */
		.expires = clock_now() + MS_MINUTE};
	struct agent_info info = {.version = "9.9",
		.name = "localhost",
		.region = "here",
		.internet_ip = "203.0.113.7",
		.health = "[]"};
	assert_int_equal(core_host_invite(c, &f->server->who, &invite, token, 20, &err), -EINVAL);
	assert_int_equal(
		core_host_invite(c, &f->server->who, &invite, token, sizeof(token), &err), 0);
	assert_int_equal(strlen(token), 43);
	assert_int_equal(core_host_enrol(c, "nonsense", "192.0.2.1", KEY_A, &info, &other, &err),
		CORE_DENIED);
	assert_int_equal(core_host_enrol(c, token, "192.0.2.1", KEY_A, &info, &host, &err), 0);
	assert_int_equal(host.account, f->server->who.account);
	assert_string_equal(host.name, "db-1");
	assert_string_equal(host.enterprise_project, "p1");
	assert_string_equal(host.region, "here");
	assert_string_equal(host.internet_ip, "203.0.113.7");
	assert_int_equal(strlen(host.uuid), 36);
	assert_int_equal(strncmp(host.instance_id, "i-", 2), 0);
	assert_true(host.remote);
	assert_false(host.agent_online);
	struct audit_entry e = latest_audit(f, "host.enrol");
	assert_string_equal(e.from, "192.0.2.1");
	assert_string_equal(e.object, host.uuid);
	assert_int_equal(
		core_host_enrol(c, token, "192.0.2.1", KEY_B, &info, &other, &err), CORE_DENIED);
	assert_int_equal(other.id, 42);
	struct host found;
	assert_int_equal(core_agent_find(f->reader, KEY_A, &found), 0);
	assert_int_equal(found.id, host.id);
	assert_int_equal(core_agent_find(f->reader, KEY_B, &found), CORE_NOT_FOUND);
}

static void a_key_has_one_host(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct err err = {""};
	char token[64];
	struct host host;
	struct agent_info info = {.name = "same"};
	struct invite invite = {.expires = clock_now() + MS_MINUTE};
	(void)fleet_enrol(f, f->server->who.account, KEY_A, "a");
	assert_int_equal(
		core_host_invite(c, &f->server->who, &invite, token, sizeof(token), &err), 0);
	assert_int_equal(core_host_enrol(c, token, NULL, KEY_A, &info, &host, &err), CORE_EXISTS);
	/* the invitation is still good for a key of its own */
	assert_int_equal(core_host_enrol(c, token, NULL, KEY_B, &info, &host, &err), 0);
	assert_string_equal(host.name, "same");
	assert_string_equal(host.enterprise_project, "0");
	assert_string_equal(host.region, "local");
}

static void a_token_is_never_an_option(void **state)
{
	struct fleet *f = *state;
	struct err err = {""};
	char token[64];
	struct invite invite = {.expires = clock_now() + MS_MINUTE};
	for (unsigned i = 0; i < 400; i++) { /* one of 64 would begin with it */
		assert_int_equal(core_host_invite(f->server->core, &f->server->who, &invite, token,
					 sizeof(token), &err),
			0);
		assert_int_not_equal(token[0], '-');
	}
}

static void what_is_over_invites_nobody(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct err err = {""};
	char token[64];
	struct host host;
	struct agent_info info = {.name = "x"};
	struct invite invite = {.expires = clock_now() - 1};
	assert_int_equal(core_host_invite(c, &f->server->who, &invite, token, sizeof(token), &err),
		CORE_INVALID);
	invite.expires = clock_now() + MS_MINUTE;
	(void)snprintf(invite.name, sizeof(invite.name), "a\nb");
	assert_int_equal(core_host_invite(c, &f->server->who, &invite, token, sizeof(token), &err),
		CORE_INVALID);
	invite.name[0] = '\0';

	struct account account = other_account(f);
	struct core_caller theirs = {.account = account.id, .who = "cli"};
	assert_int_equal(core_host_invite(c, &theirs, &invite, token, sizeof(token), &err), 0);
	assert_int_equal(core_account_set_closed(c, &f->server->who, "other", true, &err), 0);
	assert_int_equal(core_host_enrol(c, token, NULL, KEY_A, &info, &host, &err), CORE_DENIED);
	assert_int_equal(
		core_host_invite(c, &theirs, &invite, token, sizeof(token), &err), CORE_DENIED);
	/* opened again, it is as if nothing had been */
	assert_int_equal(core_account_set_closed(c, &f->server->who, "other", false, &err), 0);
	assert_int_equal(core_host_enrol(c, token, NULL, KEY_A, &info, &host, &err), 0);
	assert_int_equal(host.account, account.id);
	assert_int_equal(core_agent_find(f->reader, KEY_A, &host), 0);
	assert_int_equal(core_account_set_closed(c, &f->server->who, "other", true, &err), 0);
	assert_int_equal(core_agent_find(f->reader, KEY_A, &host), CORE_CLOSED);
	assert_int_equal(core_account_set_closed(c, &f->server->who, "other", false, &err), 0);
	assert_int_equal(core_agent_find(f->reader, KEY_A, &host), 0);
}

static void expect_metric(struct core *c, const char *line)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	assert_int_equal(core_metrics(c, &text), 0);
	if (!strstr(text.p, line))
		fail_msg("no \"%s\" in:\n%s", line, text.p);
}

static void another_batch_of_the_number_is_a_clones(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct report_attempt attempt = {.minute = 60000 * (clock_now() / 60000),
		.source = world_prefix("203.0.113.7"),
		.service = SERVICE_SSH,
		.n = 3};
	struct report first = {.number = 1, .id = 11, .attempts = &attempt, .attempt_count = 1};
	struct report second = {.number = 1, .id = 12, .attempts = &attempt, .attempt_count = 1};
	int64_t next = 0;
	assert_int_equal(core_report_apply(c, a.id, &first, &next), 0);
	assert_int_equal(core_report_apply(c, a.id, &second, &next), CORE_EXISTS);
	assert_int_equal(next, 2);
	assert_int_equal(core_report_apply(c, a.id, &first, &next), 0); /* its answer was lost */
	assert_int_equal(server_total(f), 3);
	second.number = 2; /* what the second said is not lost either */
	assert_int_equal(core_report_apply(c, a.id, &second, &next), 0);
	assert_int_equal(server_total(f), 6);
	second.number = 9;
	assert_int_equal(core_report_apply(c, a.id, &second, &next), CORE_INVALID);
	expect_metric(c, "\ncordon_fleet_reports_total{result=\"applied\"} 2\n");
	expect_metric(c, "\ncordon_fleet_reports_total{result=\"repeated\"} 1\n");
	expect_metric(c, "\ncordon_fleet_reports_total{result=\"clone\"} 1\n");
	expect_metric(c, "\ncordon_fleet_reports_total{result=\"refused\"} 1\n");
}

static void the_fleet_is_measured(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	(void)fleet_enrol(f, f->server->who.account, KEY_B, "b");
	struct agent_info info = {.enforces = true, .health = "[]"};
	assert_int_equal(core_agent_info(c, a.id, &info), 0);
	expect_metric(c, "\ncordon_fleet_agents{state=\"online\"} 0\n");
	core_agent_heard(c, a.id);
	presence_look(c, clock_mono());
	expect_metric(c, "\ncordon_fleet_agents{state=\"online\"} 1\n");
	expect_metric(c, "\ncordon_fleet_agents{state=\"offline\"} 1\n");
	assert_int_equal(core_host_retire(c, &f->server->who, "b", NULL), 0);
	expect_metric(c, "\ncordon_fleet_agents{state=\"offline\"} 0\n");
	expect_metric(c, "\ncordon_fleet_wishes_total 0\n");
	struct wishes w = fleet_wishes(f, a.id, 0);
	wishes_done(&w);
	expect_metric(c, "\ncordon_fleet_wishes_total 1\n");
}

static void names_find_hosts_of_the_account(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct err err = {""};
	struct account account = other_account(f);
	struct core_caller theirs = {.account = account.id, .who = "cli"};
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "twin");
	struct host b = fleet_enrol(f, f->server->who.account, KEY_B, "twin");
	assert_int_equal(core_host_rename(c, &f->server->who, "twin", "one", &err), CORE_INVALID);
	assert_int_equal(core_host_rename(c, &theirs, "twin", "one", &err), CORE_NOT_FOUND);
	assert_int_equal(core_host_rename(c, &theirs, a.uuid, "one", &err), CORE_NOT_FOUND);
	assert_int_equal(core_host_retire(c, &theirs, a.uuid, &err), CORE_NOT_FOUND);
	assert_int_equal(core_host_rename(c, &f->server->who, a.uuid, "", &err), CORE_INVALID);
	assert_int_equal(
		core_host_rename(c, &f->server->who, a.uuid, "\x1b[31m", &err), CORE_INVALID);
	assert_int_equal(core_host_rename(c, &f->server->who, a.uuid, "one", &err), 0);
	assert_string_equal(fleet_host(f, a.id).name, "one");
	struct audit_entry e = latest_audit(f, "host.rename");
	assert_string_equal(e.before, "twin");
	assert_string_equal(e.after, "one");
	assert_int_equal(core_host_rename(c, &f->server->who, "twin", "two", &err), 0);
	assert_string_equal(fleet_host(f, b.id).name, "two");
	/* a host called like another's uuid does not stand in its way */
	assert_int_equal(core_host_rename(c, &f->server->who, a.uuid, b.uuid, &err), 0);
	assert_int_equal(core_host_rename(c, &f->server->who, b.uuid, "three", &err), 0);
	assert_string_equal(fleet_host(f, b.id).name, "three");
}

static void a_batch_is_applied_once(void **state)
{
	struct fleet *f = *state;
	int64_t next;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct host b = fleet_enrol(f, f->server->who.account, KEY_B, "b");
	struct report_attempt rows[] = {failures("203.0.113.1", 3), failures("203.0.113.2", 4)};
	struct block blocks[] = {record("203.0.113.1", BLOCK_WANTED)};
	assert_int_equal(apply(f, a.id, 2, 0, rows, 2, NULL, 0, &next), CORE_INVALID);
	assert_int_equal(next, 1);
	assert_int_equal(apply(f, a.id, 0, 0, rows, 2, NULL, 0, &next), CORE_INVALID);
	assert_int_equal(next, 1);
	assert_int_equal(server_total(f), 0);
	assert_int_equal(apply(f, a.id, 1, 0, rows, 2, blocks, 1, NULL), 0);
	assert_int_equal(server_total(f), 7);
	blocks[0].state = BLOCK_APPLIED;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(apply(f, a.id, 1, 0, rows, 2, blocks, 1, NULL), 0);
	assert_int_equal(server_total(f), 7);
	assert_int_equal(block_of(f, a.id, "203.0.113.1").state, BLOCK_WANTED);
	fleet_server_restart(f); /* nor after that */
	assert_int_equal(apply(f, a.id, 1, 0, rows, 2, blocks, 1, NULL), 0);
	assert_int_equal(server_total(f), 7);
	assert_int_equal(apply(f, a.id, 2, 0, rows, 2, blocks, 1, NULL), 0);
	assert_int_equal(server_total(f), 14);
	assert_int_equal(block_of(f, a.id, "203.0.113.1").state, BLOCK_APPLIED);
	/* of an agent that has forgotten what it sent */
	assert_int_equal(apply(f, a.id, 1, 0, rows, 2, blocks, 1, &next), CORE_INVALID);
	assert_int_equal(next, 3);
	assert_int_equal(apply(f, a.id, -1, 0, rows, 2, blocks, 1, &next), CORE_INVALID);
	assert_int_equal(apply(f, a.id, INT64_MAX, 0, rows, 2, blocks, 1, &next), CORE_INVALID);
	assert_int_equal(apply(f, b.id, 1, 0, rows, 1, NULL, 0, NULL), 0);
	assert_int_equal(apply(f, 4711, 1, 0, rows, 1, NULL, 0, NULL), CORE_DENIED);
	assert_int_equal(server_total(f), 17);
}

static void an_agent_writes_its_own_rows_only(void **state)
{
	struct fleet *f = *state;
	struct account account = other_account(f);
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct host b = fleet_enrol(f, account.id, KEY_B, "b");
	struct rule rule = {.name = "mine",
		.span = MS_MINUTE,
		.fail_count = 3,
		.forbidden = MS_HOUR,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true};
	assert_int_equal(
		core_rule_put(f->server->core, &f->server->who, &rule, NULL, 0, NULL, NULL), 0);
	struct block blocks[] = {record("203.0.113.1", BLOCK_APPLIED)};
	assert_int_equal(apply(f, a.id, 1, 0, NULL, 0, blocks, 1, NULL), 0);
	struct block first = block_of(f, a.id, "203.0.113.1");
	/* whatever it says of whose it is, and which one */
	blocks[0].id = first.id;
	blocks[0].account = first.account;
	blocks[0].host = a.id;
	blocks[0].state = BLOCK_CANCELED;
	blocks[0].source = RULE_USER;
	(void)snprintf(blocks[0].rule_name, sizeof(blocks[0].rule_name), "mine");
	assert_int_equal(apply(f, b.id, 1, 0, NULL, 0, blocks, 1, NULL), 0);
	assert_int_equal(block_of(f, a.id, "203.0.113.1").state, BLOCK_APPLIED);
	struct block theirs = block_of(f, b.id, "203.0.113.1");
	assert_int_equal(theirs.state, BLOCK_CANCELED);
	assert_int_equal(theirs.account, account.id);
	assert_int_equal(theirs.wish, 0);
	assert_int_equal(theirs.rule, 0); /* the other account's is none of its own */
	assert_string_equal(theirs.rule_name, "mine");
	/* a rule goes by its name */
	assert_int_equal(apply(f, a.id, 2, 0, NULL, 0, blocks, 1, NULL), 0);
	assert_int_equal(block_of(f, a.id, "203.0.113.1").rule, rule.id);
}

static void what_is_not_sound_is_refused_whole(void **state)
{
	struct fleet *f = *state;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct report_attempt good = failures("203.0.113.1", 1);
	for (unsigned i = 0; i < 5; i++) {
		struct report_attempt rows[] = {good, good};
		rows[1].n = i == 0 ? 0 : i == 1 ? -5 : i == 2 ? INT64_MAX : 1;
		if (i == 3)
			rows[1].source.len = 100; /* host bits are set */
		if (i == 4)
			rows[1].service = SERVICE_NONE;
		assert_int_equal(apply(f, a.id, 1, 0, rows, 2, NULL, 0, NULL), -EBADMSG);
	}
	for (unsigned i = 0; i < 7; i++) {
		struct block b[] = {record("203.0.113.1", BLOCK_WANTED)};
		b[0].target.len = i == 0 ? 129 : i == 1 ? 64 : 128;
		b[0].state = i == 2 ? BLOCK_STATES : BLOCK_WANTED;
		b[0].service = i == 3 ? SERVICE_COUNT : SERVICE_SSH;
		b[0].attempts = i == 4 ? -1 : 1;
		b[0].source = i == 5 ? RULE_SOURCES : RULE_BLINK;
		b[0].expires = i == 6 ? -1 : clock_now() + MS_HOUR;
		assert_int_equal(apply(f, a.id, 1, 0, &good, 1, b, 1, NULL), -EBADMSG);
	}
	assert_int_equal(server_total(f), 0);
	assert_int_equal(apply(f, a.id, 1, 0, &good, 1, NULL, 0, NULL), 0);
	assert_int_equal(server_total(f), 1);
}

static void times_from_the_future_are_now(void **state)
{
	struct fleet *f = *state;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	int64_t now = clock_now();
	struct report_attempt far = failures("203.0.113.1", 1);
	struct block b[] = {record("203.0.113.1", BLOCK_APPLIED)};
	far.minute += 30 * MS_DAY;
	b[0].created = b[0].changed = b[0].latest_attempt = now + 30 * MS_DAY;
	b[0].first_attempt = -5;
	assert_int_equal(apply(f, a.id, 1, 0, &far, 1, b, 1, NULL), 0);
	assert_int_equal(store_attempt_total(core_store(f->server->core), now + 2 * MS_MINUTE), 0);
	assert_int_equal(server_total(f), 1);
	struct block stored = block_of(f, a.id, "203.0.113.1");
	assert_in_range(stored.created, now, clock_now());
	assert_in_range(stored.changed, now, clock_now());
	assert_in_range(stored.latest_attempt, now, clock_now());
	assert_int_equal(stored.first_attempt, 0);
}

static void a_wish_is_not_undone_by_who_has_not_heard_it(void **state)
{
	struct fleet *f = *state;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct prefix p = world_prefix("203.0.113.1");
	unsigned n = 0;
	struct block b[] = {record("203.0.113.1", BLOCK_APPLIED)};
	assert_int_equal(apply(f, a.id, 1, 0, NULL, 0, b, 1, NULL), 0);
	assert_int_equal(core_unblock(f->server->core, &f->server->who, &p, NULL, 0, &n, NULL), 0);
	struct block lifted = block_of(f, a.id, "203.0.113.1");
	assert_int_equal(lifted.state, BLOCK_CANCELLING);
	assert_true(lifted.wish > 0);
	b[0].attempts = 25;
	b[0].latest_attempt = clock_now();
	b[0].expires += MS_HOUR;
	assert_int_equal(apply(f, a.id, 2, lifted.wish - 1, NULL, 0, b, 1, NULL), 0);
	struct block after = block_of(f, a.id, "203.0.113.1");
	assert_int_equal(after.state, BLOCK_CANCELLING);
	assert_int_equal(after.attempts, 25);
	assert_int_equal(after.latest_attempt, b[0].latest_attempt);
	assert_int_equal(after.expires, lifted.expires);
	assert_int_equal(after.wish, lifted.wish);
	/* once it has, its word counts */
	b[0].state = BLOCK_CANCELED;
	assert_int_equal(apply(f, a.id, 3, lifted.wish, NULL, 0, b, 1, NULL), 0);
	after = block_of(f, a.id, "203.0.113.1");
	assert_int_equal(after.state, BLOCK_CANCELED);
	assert_int_equal(after.wish, lifted.wish);
}

static void remote_records_end_by_the_servers_clock(void **state)
{
	struct fleet *f = *state;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct block b[] = {record("203.0.113.1", BLOCK_APPLIED)};
	b[0].expires = clock_now() + 30;
	assert_int_equal(apply(f, a.id, 1, 0, NULL, 0, b, 1, NULL), 0);
	f->host = a;
	world_until(f->server, fleet_block(f, "203.0.113.1", SERVICE_SSH).state == BLOCK_EXPIRED);
	assert_int_equal(fleet_block(f, "203.0.113.1", SERVICE_SSH).wish, 0);
}

static int count_life(void *ctx, const struct audit_entry *e)
{
	*(unsigned *)ctx += strcmp(e->what, "life") == 0;
	return 0;
}

static void earlier_lives_go_to_the_audit(void **state)
{
	struct fleet *f = *state;
	unsigned lives = 0;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct block b[] = {record("203.0.113.1", BLOCK_EXPIRED)};
	b[0].created -= MS_HOUR;
	assert_int_equal(apply(f, a.id, 1, 0, NULL, 0, b, 1, NULL), 0);
	b[0] = record("203.0.113.1", BLOCK_WANTED);
	b[0].lives = 2;
	assert_int_equal(apply(f, a.id, 2, 0, NULL, 0, b, 1, NULL), 0);
	b[0].state = BLOCK_APPLIED;
	assert_int_equal(apply(f, a.id, 3, 0, NULL, 0, b, 1, NULL), 0);
	const struct audit_query asked = {.object = "203.0.113.1", .limit = 100};
	struct store *store = core_store(f->server->core);
	assert_int_equal(store_audit_query(store, &asked, count_life, &lives), 0);
	assert_int_equal(lives, 1);
}

struct sender {
	struct fleet *f;
	uint32_t host;
	int64_t number;
	struct report_attempt rows[2];
	int result;
	pthread_t thread;
	_Atomic bool ended;
};

static void *send_one(void *arg)
{
	struct sender *s = arg;
	s->result = apply(s->f, s->host, s->number, 0, s->rows, 2, NULL, 0, NULL);
	s->ended = true;
	return NULL;
}

static bool all_ended(const struct sender *s, unsigned n)
{
	while (n > 0 && s[n - 1].ended)
		n--;
	return n == 0;
}

static void those_that_wait_share_a_transaction(void **state)
{
	struct fleet *f = *state;
	enum { N = 8 };
	struct sender s[N] = {0};
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct host b = fleet_enrol(f, f->server->who.account, KEY_B, "b");
	for (unsigned i = 0; i < N; i++) {
		s[i] = (struct sender){.f = f, .host = i % 2 ? b.id : a.id, .number = 1};
		s[i].rows[0] = failures("203.0.113.1", 1);
		s[i].rows[1] = failures("203.0.113.2", 1);
	}
	s[4].rows[1].n = -1; /* not sound: refused, unless it comes after the one that is */
	s[5].host = 4711;    /* nobody */
	s[6].number = 5;     /* not the next */
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(pthread_create(&s[i].thread, NULL, send_one, &s[i]), 0);
	world_until(f->server, all_ended(s, N));
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(pthread_join(s[i].thread, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(s[i].result, 0);
	assert_true(s[4].result == -EBADMSG || s[4].result == 0);
	assert_int_equal(s[5].result, CORE_DENIED);
	assert_int_equal(s[6].result, CORE_INVALID);
	assert_int_equal(s[7].result, 0);
	assert_int_equal(server_total(f), 4); /* each number of each once */
}

static void who_comes_too_late_is_told(void **state)
{
	struct fleet *f = *state;
	enum { N = 4 };
	struct sender s[N] = {0};
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	for (unsigned i = 0; i < N; i++) {
		s[i] = (struct sender){.f = f, .host = a.id, .number = 1};
		s[i].rows[0] = s[i].rows[1] = failures("203.0.113.1", 1);
	}
	assert_int_equal(pthread_create(&s[0].thread, NULL, send_one, &s[0]), 0);
	core_close(f->server->core);
	for (unsigned i = 1; i < N; i++)
		assert_int_equal(pthread_create(&s[i].thread, NULL, send_one, &s[i]), 0);
	world_until(f->server, all_ended(s, N));
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(pthread_join(s[i].thread, NULL), 0);
	assert_true(s[0].result == 0 || s[0].result == -ESHUTDOWN);
	for (unsigned i = 1; i < N; i++)
		assert_int_equal(s[i].result, -ESHUTDOWN);
	assert_int_equal(server_total(f), s[0].result == 0 ? 2 : 0);
}

static void retiring_ends_everything(void **state)
{
	struct fleet *f = *state;
	struct err err = {""};
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a"), found;
	struct host b = fleet_enrol(f, f->server->who.account, KEY_B, "b");
	struct report_attempt row = failures("203.0.113.1", 3);
	struct block blocks[] = {record("203.0.113.1", BLOCK_APPLIED),
		record("203.0.113.2", BLOCK_FAILED), record("203.0.113.3", BLOCK_EXPIRED)};
	struct custom_block cb;
	assert_int_equal(apply(f, a.id, 1, 0, &row, 1, blocks, 3, NULL), 0);
	assert_int_equal(apply(f, b.id, 1, 0, &row, 1, blocks, 3, NULL), 0);
	f->host = a;
	int64_t custom = fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	assert_int_equal(core_host_retire(f->server->core, &f->server->who, "a", &err), 0);
	assert_false(f->server->wished_all);
	assert_int_equal(f->server->wished_n, 1);
	assert_int_equal(f->server->wished_hosts[0], a.id);

	assert_int_equal(core_agent_find(f->reader, KEY_A, &found), CORE_DENIED);
	assert_int_equal(apply(f, a.id, 2, 0, &row, 1, NULL, 0, NULL), CORE_DENIED);
	struct wishes wishes;
	assert_int_equal(core_wishes(f->reader, a.id, 0, &wishes), CORE_DENIED);
	struct agent_info info = {.version = "3"};
	assert_int_equal(core_agent_info(f->server->core, a.id, &info), CORE_DENIED);
	assert_int_equal(block_of(f, a.id, "203.0.113.1").state, BLOCK_CANCELED);
	assert_int_equal(block_of(f, a.id, "203.0.113.2").state, BLOCK_CANCELED);
	assert_int_equal(block_of(f, a.id, "203.0.113.3").state, BLOCK_EXPIRED);
	assert_int_equal(block_of(f, b.id, "203.0.113.1").state, BLOCK_APPLIED);
	assert_int_equal(fleet_block(f, "198.51.100.1", SERVICE_NONE).state, BLOCK_WANTED);
	f->host = a;
	assert_int_equal(fleet_block(f, "198.51.100.1", SERVICE_NONE).state, BLOCK_CANCELED);
	assert_int_equal(store_custom_get(core_store(f->server->core), custom, &cb), 0);
	assert_int_equal(cb.servers, 1);
	assert_int_equal(
		core_host_retire(f->server->core, &f->server->who, "a", &err), CORE_NOT_FOUND);
	assert_int_equal(core_host_rename(f->server->core, &f->server->who, a.uuid, "x", &err),
		CORE_NOT_FOUND);
	/* late last words do not bring it back */
	core_agent_heard(f->server->core, a.id);
	presence_look(f->server->core, clock_mono());
	assert_false(fleet_host(f, a.id).agent_online);
	/* the name is free */
	struct host again = fleet_enrol(f, f->server->who.account,
		"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", "a");
	assert_int_not_equal(again.id, a.id);
	assert_int_equal(core_host_rename(f->server->core, &f->server->who, "a", "z", &err), 0);
}

static void silence_is_offline(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct host b = fleet_enrol(f, f->server->who.account, KEY_B, "b");
	int64_t before = clock_now();
	core_agent_heard(c, a.id);
	presence_look(c, clock_mono());
	assert_true(fleet_host(f, a.id).agent_online);
	assert_in_range(fleet_host(f, a.id).last_seen, before - 5, clock_now());
	assert_false(fleet_host(f, b.id).agent_online);
	int64_t heard = fleet_host(f, a.id).last_seen;
	presence_look(c, clock_mono() + AGENT_SILENT - 1000);
	assert_true(fleet_host(f, a.id).agent_online);
	presence_look(c, clock_mono() + AGENT_SILENT);
	assert_false(fleet_host(f, a.id).agent_online);
	core_agent_heard(c, a.id);
	presence_look(c, clock_mono());
	assert_true(fleet_host(f, a.id).agent_online);
	core_agent_left(c, a.id);
	presence_look(c, clock_mono());
	assert_false(fleet_host(f, a.id).agent_online);
	assert_true(fleet_host(f, a.id).last_seen >= heard);
	core_agent_heard(c, a.id);
	core_agent_heard(c, UINT32_MAX);                          /* no such host, no such place */
	world_until(f->server, fleet_host(f, a.id).agent_online); /* by the timer, too */
	fleet_server_restart(f);
	assert_false(fleet_host(f, a.id).agent_online);
}

static void who_only_watches_is_not_online(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct agent_info info = {.version = "2.0",
		.name = "called otherwise",
		.internet_ip = "203.0.113.9",
		.health = "[{}]"};
	struct agent agent;
	core_agent_heard(c, a.id);
	presence_look(c, clock_mono());
	assert_true(fleet_host(f, a.id).agent_online);
	assert_int_equal(core_agent_info(c, a.id, &info), 0);
	presence_look(c, clock_mono());
	struct host h = fleet_host(f, a.id);
	assert_false(h.agent_online);
	assert_string_equal(h.version, "2.0");
	assert_string_equal(h.internet_ip, "203.0.113.9");
	assert_string_equal(h.name, "a");
	assert_string_equal(h.instance_id, a.instance_id); /* it said none */
	assert_int_equal(store_agent_get(core_store(c), a.id, &agent), 0);
	assert_string_equal(agent.health, "[{}]");
	assert_string_equal(agent.fingerprint, KEY_A);
	info.enforces = true;
	assert_int_equal(core_agent_info(c, a.id, &info), 0);
	presence_look(c, clock_mono());
	assert_true(fleet_host(f, a.id).agent_online);
	assert_int_equal(core_agent_info(c, 4711, &info), CORE_DENIED);
}

static void wishes_are_what_changed_since(void **state)
{
	struct fleet *f = *state;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct host b = fleet_enrol(f, f->server->who.account, KEY_B, "b");
	struct wishes w = fleet_wishes(f, a.id, 0);
	assert_true(w.snapshot && w.has_policy && !w.more);
	assert_int_equal(w.block_count, 0);
	assert_true(w.version > 0); /* else it would be asked for again and again */
	int64_t v0 = w.version;
	wishes_done(&w);
	w = fleet_wishes(f, a.id, v0);
	assert_true(wishes_are_empty(&w));
	wishes_done(&w);

	int64_t expires = clock_now() + MS_HOUR;
	(void)fleet_block_on(f, "198.51.100.0/24", expires, a.uuid);
	(void)fleet_block_on(f, "198.51.100.9", expires, b.uuid);
	w = fleet_wishes(f, a.id, v0);
	assert_false(w.snapshot || w.has_policy || w.more);
	assert_int_equal(w.block_count, 1);
	struct prefix net = world_prefix("198.51.100.0/24");
	assert_true(prefix_eq(&w.blocks[0].target, &net));
	assert_false(w.blocks[0].lift);
	assert_int_equal(w.blocks[0].expires, expires);
	assert_string_equal(w.blocks[0].rule_name, "test");
	assert_true(w.blocks[0].version > v0 && w.version >= w.blocks[0].version);
	int64_t v1 = w.version;
	wishes_done(&w);
	w = fleet_wishes(f, a.id, v1);
	assert_true(wishes_are_empty(&w));
	wishes_done(&w);
	/* a version nobody of us gave: this database is older than the agent remembers */
	w = fleet_wishes(f, a.id, v1 + 1000);
	assert_true(w.snapshot && w.has_policy);
	assert_int_equal(w.block_count, 1);
	wishes_done(&w);
	assert_int_equal(core_wishes(f->reader, 4711, 0, &w), CORE_DENIED);
}

static void what_has_ended_is_told_as_over(void **state)
{
	struct fleet *f = *state;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	f->host = a;
	struct wishes w = fleet_wishes(f, a.id, 0);
	int64_t v0 = w.version;
	wishes_done(&w);
	(void)fleet_block_on(f, "198.51.100.1", clock_now() + 30, a.uuid);
	int64_t custom = fleet_block_on(f, "198.51.100.2", BLOCK_FOREVER, a.uuid);
	assert_int_equal(core_custom_remove(f->server->core, &f->server->who, custom, NULL), 0);
	world_until(f->server, fleet_block(f, "198.51.100.1", SERVICE_NONE).state == BLOCK_EXPIRED);
	w = fleet_wishes(f, a.id, v0);
	assert_int_equal(w.block_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct prefix expired = world_prefix("198.51.100.1");
		bool over = prefix_eq(&w.blocks[i].target, &expired);
		assert_true(w.blocks[i].lift);
		/* what is being lifted waits for an answer */
		assert_int_equal(w.blocks[i].expires <= clock_now(), over);
	}
	wishes_done(&w);
	w = fleet_wishes(f, a.id, 0);
	assert_int_equal(w.block_count, 1);
	wishes_done(&w);
}

static void many_wishes_come_in_pages(void **state)
{
	struct fleet *f = *state;
	enum { N = WISHES_BLOCKS_MAX + 100 };
	struct err err = {""};
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	const char *uuid = a.uuid;
	size_t done = 0;
	_cleanup_(freep) struct prefix *targets = calloc(N, sizeof(*targets));
	for (uint32_t i = 0; i < N; i++) {
		struct addr address = addr_from_v4(0xc6336400 + i);
		targets[i] = prefix_of(&address, 128);
	}
	struct core_import import = {.targets = targets,
		.n = N,
		.common = {.expires = BLOCK_FOREVER, .uuids = &uuid, .n = 1}};
	assert_int_equal(
		core_custom_import(f->server->core, &f->server->who, &import, &done, &err), 0);
	struct wishes first = fleet_wishes(f, a.id, 0);
	assert_true(first.snapshot && first.more && first.has_policy);
	assert_int_equal(first.block_count, WISHES_BLOCKS_MAX);
	assert_int_equal(first.version, first.blocks[WISHES_BLOCKS_MAX - 1].version);
	struct wishes second = fleet_wishes(f, a.id, first.version);
	assert_false(second.snapshot || second.more);
	assert_int_equal(second.block_count, 100);
	assert_int_equal(second.blocks[0].version, first.version + 1);
	wishes_done(&first);
	first = fleet_wishes(f, a.id, second.version);
	assert_true(wishes_are_empty(&first));
	wishes_done(&first);
	wishes_done(&second);
}

static struct rule add_rule(struct fleet *f, const char *name, bool is_default, bool enabled)
{
	struct rule rule = {.span = MS_MINUTE,
		.fail_count = 7,
		.forbidden = MS_HOUR,
		.services = SERVICE_BIT(SERVICE_SSH),
		.is_default = is_default,
		.enabled = enabled};
	(void)snprintf(rule.name, sizeof(rule.name), "%s", name);
	assert_int_equal(
		core_rule_put(f->server->core, &f->server->who, &rule, NULL, 0, NULL, NULL), 0);
	return rule;
}

static void a_host_gets_its_own_rule_or_the_defaults(void **state)
{
	struct fleet *f = *state;
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct account account = other_account(f);
	struct host theirs = fleet_enrol(f, account.id, KEY_B, "b");
	struct wishes w = fleet_wishes(f, a.id, 0);
	assert_int_equal(w.rule_count, 0);
	int64_t before = w.version;
	wishes_done(&w);
	(void)add_rule(f, "first", true, true);
	struct rule own = add_rule(f, "own", false, true);
	(void)add_rule(f, "second", true, true);
	(void)add_rule(f, "off", true, false);
	assert_true(f->server->wished_all);
	w = fleet_wishes(f, a.id, before);
	assert_true(w.has_policy);
	assert_int_equal(w.rule_count, 2);
	assert_string_equal(w.rules[0].name, "second"); /* as they decide */
	assert_string_equal(w.rules[1].name, "first");
	assert_int_equal(w.rules[0].fail_count, 7);
	before = w.version;
	wishes_done(&w);
	w = fleet_wishes(f, a.id, before);
	assert_true(wishes_are_empty(&w));
	wishes_done(&w);

	assert_int_equal(
		core_host_rule_set(f->server->core, &f->server->who, a.uuid, own.id, NULL), 0);
	w = fleet_wishes(f, a.id, before);
	assert_int_equal(w.rule_count, 1);
	assert_string_equal(w.rules[0].name, "own");
	wishes_done(&w);
	w = fleet_wishes(f, theirs.id, 0);
	assert_int_equal(w.rule_count, 0);
	wishes_done(&w);
}

static bool is_allowed(const struct wishes *w, const char *text)
{
	struct prefix p = world_prefix(text);
	for (size_t i = 0; i < w->allow_count; i++)
		if (prefix_eq(&w->allow[i], &p))
			return true;
	return false;
}

static void the_allow_list_is_the_accounts(void **state)
{
	struct fleet *f = *state;
	fleet_server_stop(f);
	f->server->settings->allow[f->server->settings->allow_count++] =
		world_prefix("192.0.2.0/24");
	fleet_server_start(f);
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct account account = other_account(f);
	struct host b = fleet_enrol(f, account.id, KEY_B, "b");
	struct core_caller theirs = {.account = account.id, .who = "cli"};
	struct prefix ours = world_prefix("203.0.113.0/24"),
		      others = world_prefix("198.51.100.0/24");
	assert_int_equal(core_allow_add(f->server->core, &f->server->who, &ours, "", NULL), 0);
	assert_int_equal(core_allow_add(f->server->core, &theirs, &others, "", NULL), 0);
	struct wishes w = fleet_wishes(f, a.id, 0);
	assert_int_equal(w.allow_count, 2);
	assert_true(is_allowed(&w, "192.0.2.0/24") && is_allowed(&w, "203.0.113.0/24"));
	int64_t before = w.version;
	wishes_done(&w);
	w = fleet_wishes(f, b.id, 0);
	assert_int_equal(w.allow_count, 1);
	assert_true(is_allowed(&w, "198.51.100.0/24"));
	wishes_done(&w);
	assert_int_equal(core_allow_remove(f->server->core, &f->server->who, &ours, NULL), 0);
	w = fleet_wishes(f, a.id, before);
	assert_true(w.has_policy);
	assert_int_equal(w.allow_count, 1);
	wishes_done(&w);
}

/* Else it would hold here and be missing there. */
static void what_no_agent_could_be_told_is_refused(void **state)
{
	struct fleet *f = *state;
	struct core *c = f->server->core;
	const struct core_caller *who = &f->server->who;
	enum {
		ALLOW = WISHES_ALLOW_MAX - SETTINGS_ALLOW_MAX,
		RULES = WISHES_RULES_MAX - SETTINGS_RULES_MAX
	};
	struct host a = fleet_enrol(f, who->account, KEY_A, "a");
	struct err err = {""};
	char name[RULE_NAME_MAX];
	assert_int_equal(store_begin(core_store(c)), 0);
	for (uint32_t i = 1; i < ALLOW; i++) {
		struct addr address = addr_from_v4(0xc6120000 + i);
		struct allow_entry e = {
			.account = who->account, .prefix = prefix_of(&address, 128)};
		assert_int_equal(store_allow_put(core_store(c), &e), 0);
	}
	assert_int_equal(store_commit(core_store(c), STORE_REPLAYABLE), 0);
	struct prefix last = world_prefix("203.0.113.1"), more = world_prefix("203.0.113.2");
	assert_int_equal(core_allow_add(c, who, &last, "", &err), 0);
	assert_int_equal(core_allow_add(c, who, &more, "", &err), CORE_INVALID);
	assert_string_equal(err.text, "the allow-list has 3072 entries: no more, please");
	assert_int_equal(core_allow_add(c, who, &last, "another reason", &err), 0);

	for (unsigned i = 0; i < RULES; i++) {
		(void)snprintf(name, sizeof(name), "r%u", i);
		(void)add_rule(f, name, true, true);
	}
	struct rule off = add_rule(f, "off", true, false),
		    named = add_rule(f, "named", false, true);
	struct rule *const beyond[] = {&off, &named};
	for (size_t i = 0; i < countof(beyond); i++) {
		struct rule wanted = *beyond[i];
		wanted.enabled = wanted.is_default = true;
		assert_int_equal(core_rule_put(c, who, &wanted, NULL, 0, NULL, &err), CORE_INVALID);
		assert_non_null(strstr(err.text, "192 rules"));
		beyond[i]->fail_count++;
		assert_int_equal(core_rule_put(c, who, beyond[i], NULL, 0, NULL, &err), 0);
	}
	struct wishes w = fleet_wishes(f, a.id, 0);
	assert_int_equal(w.allow_count, ALLOW);
	assert_int_equal(w.rule_count, RULES);
	wishes_done(&w);
}

static void a_new_host_is_covered_by_what_is_everywhere(void **state)
{
	struct fleet *f = *state;
	(void)fleet_block_on(f, "198.51.100.1", BLOCK_FOREVER, NULL);
	struct host a = fleet_enrol(f, f->server->who.account, KEY_A, "a");
	struct wishes w = fleet_wishes(f, a.id, 0);
	assert_int_equal(w.block_count, 1);
	assert_false(w.blocks[0].lift);
	wishes_done(&w);
}

static void the_address_is_said_once_and_asked_often(void **state)
{
	struct fleet *f = *state;
	struct fleet_address address = {.url = "https://s:1", .pin = "p"}, got;
	core_fleet_address(f->server->core, &got);
	assert_string_equal(got.url, "");
	core_fleet_address_set(f->server->core, &address);
	core_fleet_address(f->server->core, &got);
	assert_string_equal(got.url, "https://s:1");
	assert_string_equal(got.pin, "p");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fleet_setup, fleet_teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		TEST(a_server_is_no_host),
		TEST(an_invitation_works_once),
		TEST(a_key_has_one_host),
		TEST(a_token_is_never_an_option),
		TEST(what_is_over_invites_nobody),
		TEST(another_batch_of_the_number_is_a_clones),
		TEST(the_fleet_is_measured),
		TEST(names_find_hosts_of_the_account),
		TEST(a_batch_is_applied_once),
		TEST(an_agent_writes_its_own_rows_only),
		TEST(what_is_not_sound_is_refused_whole),
		TEST(times_from_the_future_are_now),
		TEST(a_wish_is_not_undone_by_who_has_not_heard_it),
		TEST(remote_records_end_by_the_servers_clock),
		TEST(earlier_lives_go_to_the_audit),
		TEST(those_that_wait_share_a_transaction),
		TEST(who_comes_too_late_is_told),
		TEST(retiring_ends_everything),
		TEST(silence_is_offline),
		TEST(who_only_watches_is_not_online),
		TEST(wishes_are_what_changed_since),
		TEST(what_has_ended_is_told_as_over),
		TEST(many_wishes_come_in_pages),
		TEST(a_host_gets_its_own_rule_or_the_defaults),
		TEST(the_allow_list_is_the_accounts),
		TEST(what_no_agent_could_be_told_is_refused),
		TEST(a_new_host_is_covered_by_what_is_everywhere),
		TEST(the_address_is_said_once_and_asked_often),
	};
	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
