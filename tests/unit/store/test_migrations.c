/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A database of an older Cordon, with something in every table, is the same one afterwards. */
#include "store/custom.h"
#include "store/fleet.h"

#include "fixture.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

static void write_key(const struct fixture *f)
{
	char path[128];
	fixture_path(f, "secret.key", path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("0123456789abcdef0123456789abcdef", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void write_database(const struct fixture *f, const char *sql)
{
	char path[128];
	static char text[1 << 16];
	FILE *file = fopen(sql, "r");
	assert_non_null(file);
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	assert_true(n > 0 && n < sizeof(text) - 1);
	text[n] = '\0';
	assert_int_equal(fclose(file), 0);
	fixture_path(f, "cordon.db", path);
	sqlite3 *db;
	char *error = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s", error);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int setup(void **state)
{
	if (fixture_setup_empty(state) < 0)
		return -1;
	struct fixture *f = *state;
	write_key(f);
	write_database(f, CASES "/version-3.sql");
	struct err err = {0};
	if (store_open(f->dir, &f->store, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	f->host = 1;
	return store_account_first(f->store, &f->account);
}

static void problem(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("%s", text);
}

static void it_is_sound(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	assert_int_equal(store_check(f->dir, problem, NULL, &err), 0);
	fixture_reopen(f);
	assert_int_equal(store_check(f->dir, problem, NULL, &err), 0);
	int64_t counts[BLOCK_STATES];
	assert_int_equal(store_block_counts(f->store, f->account.id, counts), 0);
	const int64_t wanted[BLOCK_STATES] = {1, 2, 1, 1, 0, 1};
	assert_memory_equal(counts, wanted, sizeof(counts));
}

static void hosts_keys_and_tokens_are_there(void **state)
{
	struct fixture *f = *state;
	struct host h;
	assert_int_equal(store_host_local(f->store, &h), 0);
	assert_string_equal(h.uuid, "0b4e3b1c-0000-4000-8000-000000000001");
	assert_string_equal(h.name, "web-1");
	assert_true(h.agent_online);
	assert_false(h.retired);
	assert_string_equal(h.version, "");
	assert_int_equal(h.last_seen, 0);
	struct access_key k;
	assert_int_equal(store_key_get(f->store, "LTAI0000000000000001", &k), 0);
	assert_string_equal(k.secret, "correct-horse");
	assert_string_equal(k.projects, "");
	struct token t;
	assert_int_equal(store_token_get(f->store, "t1", &t), 0);
	int64_t version = -1;
	assert_int_equal(store_policy_version(f->store, f->account.id, &version), 0);
	assert_int_equal(version, 0);
}

static void user_rules_are_everybodys(void **state)
{
	struct fixture *f = *state;
	struct rule r;
	assert_int_equal(store_rule_get(f->store, 2, &r), 0);
	assert_string_equal(r.name, "strict");
	assert_int_equal(r.source, RULE_USER);
	assert_true(r.is_default);
	assert_int_equal(r.forbidden, RULE_PERMANENT);
}

struct kept {
	struct allow_entry allow[4];
	struct audit_entry audit[4];
	struct custom_block custom[8];
	unsigned n;
};

static int keep_allow(void *ctx, const struct allow_entry *e)
{
	struct kept *kept = ctx;
	kept->allow[kept->n++] = *e;
	return 0;
}

static int keep_audit(void *ctx, const struct audit_entry *e)
{
	struct kept *kept = ctx;
	kept->audit[kept->n++] = *e;
	return 0;
}

static int keep_custom(void *ctx, const struct custom_block *cb)
{
	struct kept *kept = ctx;
	kept->custom[kept->n++] = *cb;
	return 0;
}

static void the_allow_list_is_the_first_accounts(void **state)
{
	struct fixture *f = *state;
	struct kept kept = {0};
	assert_int_equal(store_allow_each(f->store, f->account.id, keep_allow, &kept), 0);
	assert_int_equal(kept.n, 2);
	struct prefix office = fixture_prefix("10.0.0.0/8");
	assert_true(prefix_eq(&kept.allow[0].prefix, &office));
	assert_string_equal(kept.allow[0].why, "office");
	assert_int_equal(kept.allow[0].created, 3);
	assert_int_equal(kept.allow[0].account, f->account.id);
}

static int sole_window(void *ctx, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n)
{
	struct prefix address = fixture_prefix("198.51.100.1");
	++*(unsigned *)ctx;
	assert_int_equal(row, 1);
	assert_int_equal(host, 1);
	assert_int_equal(service, SERVICE_SSH);
	assert_true(prefix_eq(source, &address));
	assert_int_equal(n, 2);
	assert_int_equal(times[1], 2);
	return 0;
}

static void windows_have_numbers(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;
	assert_int_equal(store_window_each(f->store, sole_window, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_damaged(f->store), 0);
}

static void the_audit_is_whole(void **state)
{
	struct fixture *f = *state;
	struct kept kept = {0};
	const struct audit_query all = {.limit = 4}, changes = {.limit = 4, .changes_only = true};
	assert_int_equal(store_audit_query(f->store, &all, keep_audit, &kept), 0);
	assert_int_equal(kept.n, 2);
	assert_string_equal(kept.audit[1].object, "192.0.2.0/24");
	assert_string_equal(kept.audit[1].before, "");
	assert_string_equal(kept.audit[1].from, "");
	kept.n = 0;
	assert_int_equal(store_audit_query(f->store, &changes, keep_audit, &kept), 0);
	assert_int_equal(kept.n, 1);
}

static void assert_custom(struct fixture *f, const char *target, enum block_direction direction,
	enum custom_status status, unsigned applied, int64_t expires)
{
	struct custom_block cb;
	struct prefix p = fixture_prefix(target);
	assert_int_equal(store_custom_find(f->store, f->account.id, &p, direction, &cb), 0);
	assert_int_equal(cb.status, status);
	assert_int_equal(cb.servers, 1);
	assert_int_equal(cb.applied, applied);
	assert_int_equal(cb.expires, expires);
	assert_true(cb.enabled);
	assert_false(cb.everywhere);
	assert_int_equal(cb.created, 1700000000000);
	assert_int_equal(cb.changed, 1700000002000);
}

static void what_was_blocked_by_hand_is_a_custom_block(void **state)
{
	struct fixture *f = *state;
	struct kept kept = {0};
	int64_t total = 0, next = 0;
	struct custom_query q = {.account = f->account.id, .limit = 8};
	assert_int_equal(store_custom_query(f->store, &q, keep_custom, &kept, &total), 0);
	assert_int_equal(total, 3);
	assert_int_equal(kept.n, 3);
	assert_string_equal(kept.custom[2].why, "by hand");
	assert_custom(f, "198.51.100.1", BLOCK_IN, CUSTOM_ENABLED, 1, BLOCK_FOREVER);
	assert_custom(f, "2001:db8::/32", BLOCK_OUT, CUSTOM_FAILED, 0, 1700007200000);
	assert_custom(f, "192.0.2.0/24", BLOCK_IN, CUSTOM_OFF, 0, 1700000001500);
	kept.n = 0;
	fixture_begin(f);
	assert_int_equal(
		store_custom_due(f->store, INT64_MAX - 1, 8, keep_custom, &kept, &next), 0);
	assert_int_equal(kept.n, 1);
	/* a new one gets a new number, and they can change */
	struct custom_block cb = {.account = f->account.id,
		.target = fixture_prefix("192.0.2.99"),
		.enabled = true,
		.expires = BLOCK_FOREVER};
	assert_int_equal(store_custom_put(f->store, &cb), 0);
	assert_true(cb.id > 3);
	assert_int_equal(store_custom_forget_host(f->store, f->host), 0);
	fixture_commit(f);
	struct err err = {0};
	assert_int_equal(store_check(f->dir, problem, NULL, &err), 0);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_is_sound),
		TEST(hosts_keys_and_tokens_are_there),
		TEST(user_rules_are_everybodys),
		TEST(the_allow_list_is_the_first_accounts),
		TEST(windows_have_numbers),
		TEST(the_audit_is_whole),
		TEST(what_was_blocked_by_hand_is_a_custom_block),
	};
	return cmocka_run_group_tests_name("store/migrations", tests, NULL, NULL);
}
