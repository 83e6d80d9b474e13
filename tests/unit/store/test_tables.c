/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The smaller tables, each through a reopen. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

struct names {
	char text[16][64];
	unsigned n;
	unsigned stop_at;
};

static int stop(struct names *names)
{
	return names->n == names->stop_at ? 55 : 0;
}

static int add_host(void *ctx, const struct host *h)
{
	struct names *names = ctx;
	(void)snprintf(names->text[names->n++], 64, "%.60s", h->name);
	return stop(names);
}

static void assert_host_equal(const struct host *a, const struct host *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->account, b->account);
	assert_string_equal(a->uuid, b->uuid);
	assert_string_equal(a->instance_id, b->instance_id);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->internet_ip, b->internet_ip);
	assert_string_equal(a->intranet_ip, b->intranet_ip);
	assert_string_equal(a->region, b->region);
	assert_string_equal(a->enterprise_project, b->enterprise_project);
	assert_int_equal(a->agent_online, b->agent_online);
	assert_int_equal(a->remote, b->remote);
	assert_int_equal(a->retired, b->retired);
	assert_string_equal(a->version, b->version);
	assert_int_equal(a->last_seen, b->last_seen);
}

static void hosts(void **state)
{
	struct fixture *f = *state;
	struct host h = {.account = f->account.id,
		.uuid = "0b4e3b1c-0000-4000-8000-000000000001",
		.instance_id = "i-1",
		.name = "second",
		.internet_ip = "203.0.113.1",
		.intranet_ip = "10.0.0.1",
		.region = "local",
		.enterprise_project = "0"};
	fixture_begin(f);
	assert_int_equal(store_host_put(f->store, &h), 0);
	h.agent_online = h.remote = h.retired = true;
	h.last_seen = INT64_MAX;
	(void)snprintf(h.version, sizeof(h.version), "0.2.0");
	(void)snprintf(h.name, sizeof(h.name), "renamed");
	assert_int_equal(store_host_put(f->store, &h), 0);
	fixture_commit(f);
	fixture_reopen(f);
	struct host got;
	assert_int_equal(store_host_by_uuid(f->store, h.account, h.uuid, &got), 0);
	assert_host_equal(&got, &h);
	assert_int_equal(store_host_get(f->store, h.id, &got), 0);
	assert_string_equal(got.name, "renamed");
	assert_int_equal(store_host_get(f->store, 999, &got), STORE_NOT_FOUND);
	assert_int_equal(
		store_host_by_uuid(f->store, h.account + 1, h.uuid, &got), STORE_NOT_FOUND);
	struct names names = {0};
	assert_int_equal(store_host_each(f->store, h.account, add_host, &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.text[1], "renamed");
	names = (struct names){.stop_at = 1};
	assert_int_equal(store_host_each(f->store, 0, add_host, &names), 55);

	/* the one that is not remote, whoever's it is */
	assert_int_equal(store_host_local(f->store, &got), 0);
	assert_int_equal(got.id, f->host);
	assert_false(got.remote);
	got.remote = true;
	fixture_begin(f);
	assert_int_equal(store_host_put(f->store, &got), 0);
	assert_int_equal(store_host_local(f->store, &got), STORE_NOT_FOUND);
	store_rollback(f->store);

	struct host again = h;
	again.id = 0;
	fixture_begin(f);
	assert_int_equal(store_host_put(f->store, &again), -EEXIST);
	store_rollback(f->store);
	again.id = 999;
	fixture_begin(f);
	assert_int_equal(store_host_put(f->store, &again), -EINVAL);
	store_rollback(f->store);
}

static int add_rule(void *ctx, const struct rule *r)
{
	struct names *names = ctx;
	(void)snprintf(names->text[names->n++], 64, "%.60s", r->name);
	return stop(names);
}

static void assert_rule_equal(const struct rule *a, const struct rule *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->account, b->account);
	assert_int_equal(a->source, b->source);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->span, b->span);
	assert_int_equal(a->fail_count, b->fail_count);
	assert_int_equal(a->forbidden, b->forbidden);
	assert_int_equal(a->services, b->services);
	assert_int_equal(a->is_default, b->is_default);
	assert_int_equal(a->enabled, b->enabled);
	assert_int_equal(a->created, b->created);
}

static int add_own_rule(void *ctx, uint32_t host, int64_t rule)
{
	struct names *names = ctx;
	(void)snprintf(names->text[names->n++], 64, "%u %lld", host, (long long)rule);
	return stop(names);
}

static struct rule put_rule(struct fixture *f, const char *name)
{
	struct rule r = {.account = f->account.id, .source = RULE_USER, .fail_count = 1};
	(void)snprintf(r.name, sizeof(r.name), "%s", name);
	assert_int_equal(store_rule_put(f->store, &r), 0);
	return r;
}

static void a_host_may_have_a_rule_of_its_own(void **state)
{
	struct fixture *f = *state;
	uint32_t second = fixture_host(f, "web-2", "");
	int64_t rule = 0;
	fixture_begin(f);
	struct rule one = put_rule(f, "one"), two = put_rule(f, "two");
	assert_int_equal(store_rule_host_get(f->store, second, &rule), STORE_NOT_FOUND);
	assert_int_equal(store_rule_host_put(f->store, second, one.id), 0);
	assert_int_equal(store_rule_host_put(f->store, second, two.id), 0);
	assert_int_equal(store_rule_host_put(f->store, f->host, one.id), 0);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(store_rule_host_get(f->store, second, &rule), 0);
	assert_int_equal(rule, two.id);
	struct names names = {0};
	assert_int_equal(store_rule_host_each(f->store, f->account.id, 0, add_own_rule, &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.text[0], "1 1");
	assert_string_equal(names.text[1], "2 2");
	names = (struct names){0};
	assert_int_equal(
		store_rule_host_each(f->store, f->account.id, two.id, add_own_rule, &names), 0);
	assert_int_equal(names.n, 1);
	names = (struct names){0};
	assert_int_equal(
		store_rule_host_each(f->store, f->account.id + 1, 0, add_own_rule, &names), 0);
	assert_int_equal(names.n, 0);
	fixture_begin(f);
	assert_int_equal(store_rule_host_put(f->store, f->host, 0), 0);
	assert_int_equal(store_rule_host_get(f->store, f->host, &rule), STORE_NOT_FOUND);
	/* with the rule goes who had it */
	assert_int_equal(store_rule_remove(f->store, two.id), 0);
	assert_int_equal(store_rule_host_get(f->store, second, &rule), STORE_NOT_FOUND);
	assert_int_equal(store_rule_host_put(f->store, second, two.id), -EINVAL);
	store_rollback(f->store);
}

static int add_account(void *ctx, const struct account *a)
{
	struct names *names = ctx;
	(void)snprintf(names->text[names->n++], 64, "%s", a->name);
	return stop(names);
}

static void accounts(void **state)
{
	struct fixture *f = *state;
	struct account a = {.name = "shop"}, got;
	fixture_begin(f);
	assert_int_equal(store_account_add(f->store, &a), 0);
	fixture_commit(f);
	assert_true(a.id > f->account.id);
	assert_int_equal(strlen(a.uid), 16);
	assert_int_equal(strlen(a.project_id), 32);
	assert_string_not_equal(a.uid, f->account.uid);
	fixture_reopen(f);
	const char *const ways[] = {"shop", a.uid, a.project_id};
	for (size_t i = 0; i < countof(ways); i++) {
		assert_int_equal(store_account_find(f->store, ways[i], &got), 0);
		assert_int_equal(got.id, a.id);
		assert_string_equal(got.project_id, a.project_id);
	}
	assert_int_equal(store_account_find(f->store, "Shop", &got), STORE_NOT_FOUND);
	assert_int_equal(store_account_find(f->store, "", &got), STORE_NOT_FOUND);
	a.closed = true;
	(void)snprintf(a.name, sizeof(a.name), "%s", f->account.uid);
	fixture_begin(f);
	assert_int_equal(store_account_put(f->store, &a), 0);
	fixture_commit(f);
	/* the name comes first, whatever it looks like */
	assert_int_equal(store_account_find(f->store, f->account.uid, &got), 0);
	assert_int_equal(got.id, a.id);
	assert_true(got.closed);
	struct names names = {0};
	assert_int_equal(store_account_each(f->store, add_account, &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.text[0], "default");
	struct account again = {.name = "default"};
	fixture_begin(f);
	assert_int_equal(store_account_add(f->store, &again), -EEXIST);
	store_rollback(f->store);
	(void)snprintf(a.name, sizeof(a.name), "default");
	fixture_begin(f);
	assert_int_equal(store_account_put(f->store, &a), -EEXIST);
	store_rollback(f->store);
	a.id = 99;
	fixture_begin(f);
	assert_int_equal(store_account_put(f->store, &a), -EINVAL);
	store_rollback(f->store);
}

static void rules(void **state)
{
	struct fixture *f = *state;
	struct rule r = {.account = f->account.id,
		.source = RULE_USER,
		.name = "strict",
		.span = 60000,
		.fail_count = 3,
		.forbidden = RULE_PERMANENT,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true,
		.created = 5};
	fixture_begin(f);
	assert_int_equal(store_rule_put(f->store, &r), 0);
	r.fail_count = 4;
	r.enabled = false;
	assert_int_equal(store_rule_put(f->store, &r), 0);
	fixture_commit(f);
	fixture_reopen(f);
	struct rule got;
	assert_int_equal(store_rule_get(f->store, r.id, &got), 0);
	assert_rule_equal(&got, &r);
	struct names names = {0};
	assert_int_equal(store_rule_each(f->store, r.account, add_rule, &names), 0);
	assert_int_equal(names.n, 1);
	fixture_begin(f);
	assert_int_equal(store_rule_remove(f->store, r.id), 0);
	assert_int_equal(store_rule_remove(f->store, r.id), STORE_NOT_FOUND);
	fixture_commit(f);
	assert_int_equal(store_rule_get(f->store, r.id, &got), STORE_NOT_FOUND);
	fixture_begin(f);
	assert_int_equal(store_rule_put(f->store, &r), -EINVAL);
	store_rollback(f->store);
}

static struct access_key a_key(const struct fixture *f)
{
	return (struct access_key){.account = f->account.id,
		.id = "LTAI0000000000000001",
		.secret = "correct-horse-battery-staple",
		.name = "siem",
		.allow = "hss:*\ncordon:status",
		.security_token = "temporary-token",
		.projects = "0\nshop",
		.created = 10,
		.expires = INT64_MAX,
		.active = true};
}

static int add_key(void *ctx, const struct access_key *k)
{
	struct names *names = ctx;
	assert_string_equal(k->secret, "");
	assert_string_equal(k->security_token, "");
	(void)snprintf(names->text[names->n++], 64, "%s", k->id);
	return stop(names);
}

static void assert_key_equal(const struct access_key *a, const struct access_key *b)
{
	assert_int_equal(a->account, b->account);
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->secret, b->secret);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->allow, b->allow);
	assert_string_equal(a->security_token, b->security_token);
	assert_string_equal(a->projects, b->projects);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->active, b->active);
}

static void keys(void **state)
{
	struct fixture *f = *state;
	struct access_key k = a_key(f), got;
	fixture_begin(f);
	assert_int_equal(store_key_put(f->store, &k), 0);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(store_key_get(f->store, k.id, &got), 0);
	assert_key_equal(&got, &k);
	assert_int_equal(store_key_by_name(f->store, "siem", &got), 0);
	assert_string_equal(got.secret, k.secret);
	assert_int_equal(store_key_by_name(f->store, "", &got), STORE_NOT_FOUND);
	assert_int_equal(store_key_get(f->store, "other", &got), STORE_NOT_FOUND);
	struct store *reader;
	assert_int_equal(store_open_reader(f->dir, &reader, NULL), 0);
	assert_int_equal(store_key_get(reader, k.id, &got), 0);
	assert_string_equal(got.secret, k.secret);
	reader = store_close(reader);

	/* of two with one name the newest that works */
	struct access_key newer = k;
	(void)snprintf(newer.id, sizeof(newer.id), "LTAI2");
	newer.created = 20;
	fixture_begin(f);
	assert_int_equal(store_key_put(f->store, &newer), 0);
	assert_int_equal(store_key_by_name(f->store, "siem", &got), 0);
	assert_string_equal(got.id, newer.id);
	newer.active = false;
	assert_int_equal(store_key_put(f->store, &newer), 0);
	assert_int_equal(store_key_by_name(f->store, "siem", &got), 0);
	assert_string_equal(got.id, k.id);
	fixture_commit(f);
	struct names names = {0};
	assert_int_equal(store_key_each(f->store, k.account, add_key, &names), 0);
	assert_int_equal(names.n, 2);
	fixture_begin(f);
	assert_int_equal(store_key_remove(f->store, k.id), 0);
	assert_int_equal(store_key_remove(f->store, k.id), STORE_NOT_FOUND);
	fixture_commit(f);
}

static bool file_holds(const struct fixture *f, const char *name, const char *text)
{
	char path[128];
	fixture_path(f, name, path);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	static char bytes[4 << 20];
	size_t n = fread(bytes, 1, sizeof(bytes), file);
	assert_true(n < sizeof(bytes));
	assert_int_equal(fclose(file), 0);
	return memmem(bytes, n, text, strlen(text)) != NULL;
}

static void secrets_and_tokens_are_not_in_the_files(void **state)
{
	struct fixture *f = *state;
	struct access_key k = a_key(f);
	struct token t = {.account = k.account, .issued = 1, .expires = 100};
	(void)snprintf(t.key_id, sizeof(t.key_id), "%s", k.id);
	fixture_begin(f);
	assert_int_equal(store_key_put(f->store, &k), 0);
	assert_int_equal(store_token_put(f->store, "bearer-0123456789", &t), 0);
	fixture_commit(f);
	/* after the close: reading the file while SQLite has it open would drop its locks */
	f->store = store_close(f->store);
	assert_true(file_holds(f, "cordon.db", k.id));
	assert_false(file_holds(f, "cordon.db", k.secret));
	assert_false(file_holds(f, "cordon.db", k.security_token));
	assert_false(file_holds(f, "cordon.db", "bearer-0123456789"));
}

static void tokens(void **state)
{
	struct fixture *f = *state;
	struct access_key k = a_key(f);
	struct token t = {.account = k.account, .issued = 1, .expires = 100}, got;
	(void)snprintf(t.key_id, sizeof(t.key_id), "%s", k.id);
	fixture_begin(f);
	assert_int_equal(store_token_put(f->store, "t", &t), -EINVAL); /* no such key */
	store_rollback(f->store);
	fixture_begin(f);
	assert_int_equal(store_key_put(f->store, &k), 0);
	assert_int_equal(store_token_put(f->store, "t1", &t), 0);
	t.expires = 200;
	assert_int_equal(store_token_put(f->store, "t2", &t), 0);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(store_token_get(f->store, "t2", &got), 0);
	assert_int_equal(got.account, t.account);
	assert_string_equal(got.key_id, t.key_id);
	assert_int_equal(got.issued, t.issued);
	assert_int_equal(got.expires, t.expires);
	assert_int_equal(store_token_get(f->store, "t3", &got), STORE_NOT_FOUND);
	fixture_begin(f);
	assert_int_equal(store_token_expire(f->store, 100), 0);
	assert_int_equal(store_token_get(f->store, "t1", &got), STORE_NOT_FOUND);
	assert_int_equal(store_token_get(f->store, "t2", &got), 0);
	/* a changed key keeps its tokens, a removed one does not */
	assert_int_equal(store_key_put(f->store, &k), 0);
	assert_int_equal(store_token_get(f->store, "t2", &got), 0);
	assert_int_equal(store_key_remove(f->store, k.id), 0);
	assert_int_equal(store_token_get(f->store, "t2", &got), STORE_NOT_FOUND);
	fixture_commit(f);
}

static void cursors(void **state)
{
	struct fixture *f = *state;
	_cleanup_(buf_done) struct buf got = BUF_NULL;
	const char *name = "file:/var/log/auth.log";
	assert_int_equal(store_cursor_get(f->store, name, &got), STORE_NOT_FOUND);
	fixture_begin(f);
	assert_int_equal(store_cursor_put(f->store, name, SLICE_NULL), 0);
	assert_int_equal(store_cursor_get(f->store, name, &got), 0);
	assert_int_equal(got.n, 0);
	assert_int_equal(store_cursor_put(f->store, name, SLICE("a\0b")), 0);
	fixture_commit(f);
	fixture_reopen(f);
	buf_puts(&got, "old");
	assert_int_equal(store_cursor_get(f->store, name, &got), 0);
	assert_true(slice_eq(buf_as_slice(&got), SLICE("a\0b")));
}

struct windows {
	unsigned n, stop_at;
	uint32_t row, host;
	int service;
	struct prefix source;
	int64_t times[1000];
	unsigned count;
};

static int add_window(void *ctx, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n)
{
	struct windows *w = ctx;
	assert_true(row > w->row);
	w->n++;
	w->row = row;
	w->host = host;
	w->service = service;
	w->source = *source;
	memcpy(w->times, times, n * sizeof(*times));
	w->count = n;
	return w->n == w->stop_at ? 55 : 0;
}

static void windows(void **state)
{
	struct fixture *f = *state;
	struct prefix p = fixture_prefix("2001:db8::/64"), q = fixture_prefix("192.0.2.1");
	int64_t times[1001];
	for (int i = 0; i < 1001; i++)
		times[i] = -5 + i * INT64_C(100000000000);
	fixture_begin(f);
	assert_int_equal(store_window_put(f->store, 9, 1, SERVICE_SSH, &q, times, 3), 0);
	assert_int_equal(store_window_put(f->store, 5, 1, SERVICE_SSH, &q, times, 2), 0);
	/* another source has the row now */
	assert_int_equal(
		store_window_put(f->store, 5, 4000000000u, SERVICE_RDP, &p, times, 1000), 0);
	assert_int_equal(store_window_remove(f->store, 9), 0);
	assert_int_equal(store_window_remove(f->store, 9), 0);
	fixture_commit(f);
	fixture_reopen(f);
	struct windows w = {0};
	assert_int_equal(store_window_each(f->store, add_window, &w), 0);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.row, 5);
	assert_int_equal(w.host, 4000000000u);
	assert_int_equal(w.service, SERVICE_RDP);
	assert_true(prefix_eq(&w.source, &p));
	assert_int_equal(w.count, 1000);
	assert_memory_equal(w.times, times, 1000 * sizeof(times[0]));
	w = (struct windows){.stop_at = 1};
	assert_int_equal(store_window_each(f->store, add_window, &w), 55);
	fixture_begin(f);
	assert_int_equal(store_window_put(f->store, 1, 1, SERVICE_SSH, &q, times, 1001), -EINVAL);
	store_rollback(f->store);
	fixture_begin(f);
	assert_int_equal(store_window_put(f->store, 1, 1, SERVICE_SSH, &q, times, 0), -EINVAL);
	store_rollback(f->store);
	/* in order of the rows, whoever was first */
	fixture_begin(f);
	assert_int_equal(store_window_put(f->store, 3000000000u, 1, 1, &q, times, 1), 0);
	assert_int_equal(store_window_put(f->store, 2, 1, 1, &q, times, 1), 0);
	fixture_commit(f);
	w = (struct windows){0};
	assert_int_equal(store_window_each(f->store, add_window, &w), 0);
	assert_int_equal(w.n, 3);
	fixture_begin(f);
	assert_int_equal(store_window_cut(f->store, 5), 0);
	fixture_commit(f);
	w = (struct windows){0};
	assert_int_equal(store_window_each(f->store, add_window, &w), 0);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.row, 5);
}

static int add_session(void *ctx, const struct session *s)
{
	*(struct session *)ctx = *s;
	return 0;
}

static void assert_session_equal(const struct session *a, const struct session *b)
{
	assert_true(a->key == b->key);
	assert_int_equal(a->last, b->last);
	assert_true(addr_eq(&a->src, &b->src));
	assert_int_equal(a->src_port, b->src_port);
	assert_int_equal(a->service, b->service);
	assert_int_equal(a->has_src, b->has_src);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->pending, b->pending);
	assert_memory_equal(a->seen, b->seen, sizeof(a->seen));
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->user_len, b->user_len);
	assert_memory_equal(a->user, b->user, sizeof(a->user));
	assert_int_equal(a->user_hash, b->user_hash);
	assert_false(a->closed);
}

static void sessions(void **state)
{
	struct fixture *f = *state;
	struct session c = {
		.key = UINT64_MAX - 3,
		.last = f->now,
		.src = fixture_prefix("2001:db8::9").addr,
		.src_port = 65000,
		.service = SERVICE_MYSQL,
		.has_src = true,
		.flags = 0xa5,
		.pending = 7,
		.seen = {1, 2, 3, 4, 255},
		.attempts = 200,
		.user_len = 4,
		.user = "root",
		.user_hash = 0xdeadbeef,
	};
	struct session gone = c, got = {0};
	gone.key = 5;
	fixture_begin(f);
	assert_int_equal(store_session_put(f->store, &gone), 0);
	assert_int_equal(store_session_put(f->store, &c), 0);
	c.attempts = 201;
	assert_int_equal(store_session_put(f->store, &c), 0);
	gone.closed = true;
	assert_int_equal(store_session_put(f->store, &gone), 0);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(store_session_each(f->store, add_session, &got), 0);
	assert_session_equal(&got, &c);
}

static void assert_sum(struct fixture *f, int64_t account, const struct prefix *source,
	int64_t failures, int64_t first, int64_t latest)
{
	struct attempt_sum sum = {.failures = -1};
	assert_int_equal(store_attempt_sum(f->store, account, source, &sum), 0);
	assert_int_equal(sum.failures, failures);
	assert_int_equal(sum.first, first);
	assert_int_equal(sum.latest, latest);
}

static struct host add_others(struct fixture *f)
{
	struct account other = {.name = "other"};
	assert_int_equal(store_account_add(f->store, &other), 0);
	struct host theirs = {.account = other.id, .uuid = "u", .enterprise_project = "0"};
	assert_int_equal(store_host_put(f->store, &theirs), 0);
	return theirs;
}

static void attempts(void **state)
{
	struct fixture *f = *state;
	struct prefix p = fixture_prefix("192.0.2.1"), q = fixture_prefix("192.0.2.2");
	const int64_t t = 1700000040000; /* a whole minute */
	uint32_t host = f->host;
	fixture_begin(f);
	struct host theirs = add_others(f);
	assert_int_equal(store_attempt_add(f->store, t + 5, host, SERVICE_SSH, &p, 2), 0);
	assert_int_equal(store_attempt_add(f->store, t + 59999, host, SERVICE_SSH, &p, 3), 0);
	assert_int_equal(store_attempt_add(f->store, t + 60000, host, SERVICE_SSH, &p, 4), 0);
	assert_int_equal(store_attempt_add(f->store, t + 120000, host, SERVICE_RDP, &p, 5), 0);
	assert_int_equal(store_attempt_add(f->store, t - 1, host, SERVICE_SSH, &q, 6), 0);
	assert_int_equal(store_attempt_add(f->store, t, theirs.id, SERVICE_SSH, &p, 7), 0);
	assert_int_equal(store_attempt_total(f->store, t), 21);
	fixture_commit(f);
	fixture_begin(f);
	assert_int_equal(store_attempt_add(f->store, t, theirs.id, SERVICE_SSH, &p, 1000), 0);
	store_rollback(f->store);
	fixture_reopen(f);
	assert_sum(f, f->account.id, &p, 14, t, t + 120000);
	assert_sum(f, f->account.id, &q, 6, t - 60000, t - 60000);
	assert_sum(f, theirs.account, &p, 7, t, t);
	assert_sum(f, theirs.account, &q, 0, 0, 0);
	assert_int_equal(store_attempt_total(f->store, INT64_MIN / 2), 27);
	assert_int_equal(store_attempt_total(f->store, t + 30000), 21);
	assert_int_equal(store_attempt_total(f->store, t + 60000), 9);
	fixture_begin(f);
	assert_int_equal(store_attempt_expunge(f->store, t + 60000, 2), 2);
	assert_int_equal(store_attempt_expunge(f->store, t + 60000, 2), 1);
	assert_int_equal(store_attempt_expunge(f->store, t + 60000, 2), 0);
	assert_int_equal(store_attempt_total(f->store, 0), 9);
	fixture_commit(f);
}

/* Of a flood, each source is found again, however many rows came between two of its failures. */
static void attempts_of_a_flood(void **state)
{
	struct fixture *f = *state;
	const int64_t t = 1700000040000, n = 40000;
	for (int round = 0; round < 3; round++) {
		fixture_begin(f);
		for (int64_t i = 0; i < n; i++) {
			struct addr a = addr_from_v4((uint32_t)i * 2654435761u);
			struct prefix p = prefix_of(&a, 128);
			assert_int_equal(store_attempt_add(f->store, t + round * 60000, f->host,
						 SERVICE_SSH, &p, 1 + i % 3),
				0);
		}
		fixture_commit(f);
		fixture_reopen(f);
	}
	for (int64_t i = 0; i < n; i += 997) {
		struct addr a = addr_from_v4((uint32_t)i * 2654435761u);
		struct prefix p = prefix_of(&a, 128);
		assert_sum(f, f->account.id, &p, 3 * (1 + i % 3), t, t + 120000);
	}
	/* also when a part in between is gone, and all of them */
	fixture_begin(f);
	while (store_attempt_expunge(f->store, t + 120000, 50000) > 0)
		;
	fixture_commit(f);
	struct addr first = addr_from_v4(0);
	struct prefix p = prefix_of(&first, 128);
	assert_sum(f, f->account.id, &p, 1, t + 120000, t + 120000);
	fixture_begin(f);
	while (store_attempt_expunge(f->store, t + 240000, 50000) > 0)
		;
	fixture_commit(f);
	assert_sum(f, f->account.id, &p, 0, 0, 0);
}

static int add_allow(void *ctx, const struct allow_entry *e)
{
	struct names *names = ctx;
	char text[PREFIX_TEXT_MAX];
	(void)snprintf(
		names->text[names->n++], 64, "%s %.8s", prefix_format(&e->prefix, text), e->why);
	return stop(names);
}

static void allow_list(void **state)
{
	struct fixture *f = *state;
	struct allow_entry e = {.account = f->account.id,
		.prefix = fixture_prefix("10.0.0.0/8"),
		.why = "office",
		.created = 1};
	struct allow_entry g = {.account = f->account.id,
		.prefix = fixture_prefix("10.0.0.0/16"),
		.why = "",
		.created = 2};
	fixture_begin(f);
	assert_int_equal(store_allow_put(f->store, &e), 0);
	assert_int_equal(store_allow_put(f->store, &g), 0);
	(void)snprintf(e.why, sizeof(e.why), "home");
	assert_int_equal(store_allow_put(f->store, &e), 0);
	fixture_commit(f);
	fixture_reopen(f);
	struct names names = {0};
	assert_int_equal(store_allow_each(f->store, f->account.id, add_allow, &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.text[0], "10.0.0.0/8 home");

	/* each account has its own */
	struct account other = {.name = "other"};
	fixture_begin(f);
	assert_int_equal(store_account_add(f->store, &other), 0);
	struct allow_entry theirs = e;
	theirs.account = other.id;
	(void)snprintf(theirs.why, sizeof(theirs.why), "theirs");
	assert_int_equal(store_allow_put(f->store, &theirs), 0);
	assert_int_equal(store_allow_remove(f->store, other.id, &g.prefix), STORE_NOT_FOUND);
	fixture_commit(f);
	names = (struct names){0};
	assert_int_equal(store_allow_each(f->store, other.id, add_allow, &names), 0);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.text[0], "10.0.0.0/8 theirs");
	names = (struct names){0};
	assert_int_equal(store_allow_each(f->store, 0, add_allow, &names), 0);
	assert_int_equal(names.n, 3);
	names = (struct names){0};
	assert_int_equal(store_allow_each(f->store, f->account.id, add_allow, &names), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.text[0], "10.0.0.0/8 home");
	fixture_begin(f);
	assert_int_equal(store_allow_remove(f->store, f->account.id, &e.prefix), 0);
	assert_int_equal(store_allow_remove(f->store, f->account.id, &e.prefix), STORE_NOT_FOUND);
	fixture_commit(f);
}

static uint64_t hit(struct fixture *f, const struct prefix *p, const char *boot, uint64_t table)
{
	struct hit_reading reading = {.count = 99, .latest = 99};
	assert_int_equal(store_hit_get(f->store, p, 22, boot, table, &reading), 0);
	assert_int_equal(reading.latest, reading.count * 10);
	return reading.count;
}

static int put_hit(struct fixture *f, const struct prefix *p, const char *boot, uint64_t table,
	uint64_t count, int64_t now)
{
	struct hit_reading reading = {count, (int64_t)count * 10};
	return store_hit_put(f->store, p, 22, boot, table, &reading, now);
}

static void hits(void **state)
{
	struct fixture *f = *state;
	struct prefix p = fixture_prefix("192.0.2.1"), q = fixture_prefix("192.0.2.2");
	fixture_begin(f);
	assert_int_equal(put_hit(f, &p, "boot-1", UINT64_MAX, 5, 50), 0);
	assert_int_equal(put_hit(f, &p, "boot-1", UINT64_MAX, 8, 100), 0);
	assert_int_equal(put_hit(f, &q, "boot-0", 1, 3, 99), 0);
	fixture_commit(f);
	fixture_reopen(f);
	assert_int_equal(hit(f, &p, "boot-1", UINT64_MAX), 8);
	assert_int_equal(hit(f, &p, "boot-2", UINT64_MAX), 0);
	assert_int_equal(hit(f, &p, "boot-1", 7), 0);
	assert_int_equal(hit(f, &q, "boot-0", 1), 3);
	fixture_begin(f);
	assert_int_equal(store_hit_expunge(f->store, 100, 0), 0);
	assert_int_equal(store_hit_expunge(f->store, 100, 5), 1);
	assert_int_equal(store_hit_expunge(f->store, 100, 5), 0);
	fixture_commit(f);
	assert_int_equal(hit(f, &p, "boot-1", UINT64_MAX), 8);
	assert_int_equal(hit(f, &q, "boot-0", 1), 0);
}

static int add_audit(void *ctx, const struct audit_entry *e)
{
	struct names *names = ctx;
	(void)snprintf(names->text[names->n++], 64, "%d %.20s %.20s %.10s", (int)e->time, e->what,
		e->object, e->detail);
	return stop(names);
}

static void audit(void **state)
{
	struct fixture *f = *state;
	struct audit_entry e = {
		.account = f->account.id, .who = "cli", .what = "block", .detail = "why"};
	const struct audit_query latest = {.limit = 4}, of_one = {.object = "o1", .limit = 10};
	fixture_begin(f);
	for (int i = 0; i < 6; i++) {
		e.time = i == 3 ? 0 : i;
		(void)snprintf(e.object, sizeof(e.object), "o%d", i % 2);
		assert_int_equal(store_audit_add(f->store, &e), 0);
	}
	fixture_commit(f);
	fixture_reopen(f);
	struct names names = {0};
	assert_int_equal(store_audit_query(f->store, &latest, add_audit, &names), 0);
	assert_int_equal(names.n, 4);
	assert_string_equal(names.text[0], "5 block o1 why");
	assert_string_equal(names.text[3], "1 block o1 why");
	names = (struct names){0};
	assert_int_equal(store_audit_query(f->store, &of_one, add_audit, &names), 0);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.text[2], "0 block o1 why");
	fixture_begin(f);
	assert_int_equal(store_audit_expunge(f->store, 2, 2), 2);
	assert_int_equal(store_audit_expunge(f->store, 2, 2), 1);
	assert_int_equal(store_audit_expunge(f->store, 2, 2), 0);
	fixture_commit(f);
}

struct audits {
	struct audit_entry list[32];
	unsigned n, stop_at;
};

static int keep_audit(void *ctx, const struct audit_entry *e)
{
	struct audits *audits = ctx;
	assert_true(audits->n < countof(audits->list));
	audits->list[audits->n++] = *e;
	return audits->n == audits->stop_at ? 55 : 0;
}

/* Six changes and six lives, two a millisecond; ids 1 to 12. */
static void add_audits(struct fixture *f)
{
	static const char *const whats[] = {"rule.add", "rule.remove", "rule"};
	fixture_begin(f);
	for (int i = 0; i < 12; i++) {
		struct audit_entry e = {.time = 100 + i / 2,
			.account = f->account.id + (i == 10),
			.from = "192.0.2.9",
			.before = "fail_count: 3",
			.after = "fail_count: 4",
			.detail = "why"};
		(void)snprintf(e.who, sizeof(e.who), "%s",
			i % 2   ? "rule"
			: i % 4 ? "cli"
				: "LTAI1");
		(void)snprintf(e.what, sizeof(e.what), "%s", i % 2 ? "life" : whats[i / 2 % 3]);
		memset(e.object, 'o', sizeof(e.object) - 2);
		e.object[sizeof(e.object) - 2] = (char)('0' + i % 3);
		assert_int_equal(store_audit_add(f->store, &e), 0);
	}
	fixture_commit(f);
}

static void assert_audits(struct fixture *f, struct audit_query q, const char *ids)
{
	struct audits audits = {0};
	char text[128] = "";
	if (q.limit == 0)
		q.limit = 32;
	assert_int_equal(store_audit_query(f->store, &q, keep_audit, &audits), 0);
	for (unsigned i = 0; i < audits.n; i++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at, "%s%lld", i ? " " : "",
			(long long)audits.list[i].id);
	}
	assert_string_equal(text, ids);
}

static void the_audit_is_asked(void **state)
{
	struct fixture *f = *state;
	add_audits(f);
	fixture_reopen(f);
	char object[sizeof(((struct audit_entry *)NULL)->object)] = {0};
	memset(object, 'o', sizeof(object) - 2);
	object[sizeof(object) - 2] = '1';
	assert_audits(f, (struct audit_query){0}, "12 11 10 9 8 7 6 5 4 3 2 1");
	assert_audits(f, (struct audit_query){.limit = 3}, "12 11 10");
	assert_audits(f, (struct audit_query){.limit = 3, .before_id = 10}, "9 8 7");
	assert_audits(f, (struct audit_query){.before_id = 3}, "2 1");
	assert_audits(f, (struct audit_query){.before_id = 99, .limit = 1}, "12");
	assert_audits(f, (struct audit_query){.changes_only = true}, "11 9 7 5 3 1");
	assert_audits(
		f, (struct audit_query){.changes_only = true, .before_id = 7, .limit = 2}, "5 3");
	assert_audits(f, (struct audit_query){.changes_only = true, .account = f->account.id},
		"9 7 5 3 1");
	assert_audits(f, (struct audit_query){.account = f->account.id + 1}, "11");
	assert_audits(f, (struct audit_query){.who = "cli"}, "11 7 3");
	assert_audits(f, (struct audit_query){.who = "rule", .limit = 2}, "12 10");
	assert_audits(f, (struct audit_query){.what = "rule"}, "11 5");
	assert_audits(f, (struct audit_query){.what = "rule."}, "9 7 3 1");
	assert_audits(f, (struct audit_query){.what = "rule.add"}, "7 1");
	assert_audits(f, (struct audit_query){.since = 102, .until = 103}, "8 7 6 5");
	assert_audits(f, (struct audit_query){.since = 102, .until = 103, .before_id = 7}, "6 5");
	assert_audits(f, (struct audit_query){.object = object}, "11 8 5 2");
	assert_audits(f, (struct audit_query){.object = object, .changes_only = true}, "11 5");
	assert_audits(f, (struct audit_query){.object = object, .before_id = 8}, "5 2");
	assert_audits(f, (struct audit_query){.object = "ooo"}, "");

	struct audits audits = {.stop_at = 1};
	const struct audit_query all = {.limit = 5};
	assert_int_equal(store_audit_query(f->store, &all, keep_audit, &audits), 55);
	const struct audit_entry *e = &audits.list[0];
	assert_int_equal(e->time, 105);
	assert_string_equal(e->from, "192.0.2.9");
	assert_string_equal(e->before, "fail_count: 3");
	assert_string_equal(e->after, "fail_count: 4");
	assert_string_equal(e->what, "life");
	assert_int_equal(strlen(e->object), 159);
}

/* Also for who writes the file without us. */
static void the_audit_is_only_added_to(void **state)
{
	static const struct {
		const char *sql;
		bool refused;
	} tries[] = {
		{"UPDATE audit SET who = 'nobody' WHERE id = 2", true},
		{"DELETE FROM audit WHERE id = 12", true}, {"DELETE FROM audit", true},
		{"DELETE FROM audit WHERE time = 102", true},
		{"DELETE FROM audit WHERE time = 101",
			false}, /* retention had its way with those */
	};
	struct fixture *f = *state;
	add_audits(f);
	fixture_begin(f);
	assert_int_equal(store_audit_expunge(f->store, 50, 10), 0);
	assert_int_equal(store_audit_expunge(f->store, 102, 1), 1);
	fixture_commit(f);
	assert_audits(f, (struct audit_query){.until = 102}, "6 5 4 3 2");
	f->store = store_close(f->store);
	char path[128];
	fixture_path(f, "cordon.db", path);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < countof(tries); i++) {
		int r = sqlite3_exec(db, tries[i].sql, NULL, NULL, NULL);
		assert_int_equal(r, tries[i].refused ? SQLITE_CONSTRAINT : SQLITE_OK);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	fixture_reopen(f);
	assert_audits(f, (struct audit_query){.until = 102}, "6 5 2");
	fixture_begin(f);
	assert_int_equal(store_audit_expunge(f->store, 102, 10), 1);
	assert_int_equal(store_audit_expunge(f->store, 102, 10), 0);
	fixture_commit(f);
}

static int take_source(void *ctx, const struct attempt_source *source)
{
	struct attempt_source **next = ctx;
	*(*next)++ = *source;
	return 0;
}

static void the_worst_sources_come_first(void **state)
{
	struct fixture *f = *state;
	int64_t t = 29000000 * INT64_C(60000);
	struct prefix a = fixture_prefix("203.0.113.1"), b = fixture_prefix("2001:db8:1:2::/64");
	fixture_begin(f);
	struct host theirs = add_others(f);
	assert_int_equal(
		store_attempt_add(f->store, t + 60000, theirs.id, SERVICE_SSH, &a, 1000), 0);
	assert_int_equal(store_attempt_add(f->store, t - 60000, f->host, SERVICE_SSH, &a, 100), 0);
	assert_int_equal(store_attempt_add(f->store, t, f->host, SERVICE_SSH, &a, 2), 0);
	assert_int_equal(store_attempt_add(f->store, t + 60000, f->host, SERVICE_SSH, &a, 3), 0);
	assert_int_equal(store_attempt_add(f->store, t, f->host, SERVICE_RDP, &a, 1), 0);
	assert_int_equal(store_attempt_add(f->store, t, f->host, SERVICE_SSH, &b, 7), 0);
	struct attempt_source got[8] = {0}, *next = got;
	assert_int_equal(
		store_attempt_top(f->store, f->account.id, t + 30000, 2, take_source, &next), 0);
	assert_int_equal(next - got, 2); /* within the transaction, too */
	fixture_commit(f);
	next = got;
	assert_int_equal(
		store_attempt_top(f->store, f->account.id, t + 30000, 8, take_source, &next), 0);
	assert_int_equal(next - got, 3);
	assert_true(prefix_eq(&got[0].source, &b));
	assert_int_equal(got[0].failures, 7);
	assert_true(prefix_eq(&got[1].source, &a));
	assert_int_equal(got[1].service, SERVICE_SSH);
	assert_int_equal(got[1].failures, 5);
	assert_int_equal(got[1].latest, t + 60000);
	assert_int_equal(got[2].service, SERVICE_RDP);
	assert_int_equal(got[2].failures, 1);
	next = got; /* and each account has its own */
	assert_int_equal(store_attempt_top(f->store, theirs.account, t, 8, take_source, &next), 0);
	assert_int_equal(next - got, 1);
	assert_int_equal(got[0].failures, 1000);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(hosts),
		TEST(accounts),
		TEST(rules),
		TEST(a_host_may_have_a_rule_of_its_own),
		TEST(keys),
		TEST(secrets_and_tokens_are_not_in_the_files),
		TEST(tokens),
		TEST(cursors),
		TEST(windows),
		TEST(sessions),
		TEST(attempts),
		TEST(attempts_of_a_flood),
		TEST(the_worst_sources_come_first),
		TEST(allow_list),
		TEST(hits),
		TEST(audit),
		TEST(the_audit_is_asked),
		TEST(the_audit_is_only_added_to),
	};
	return cmocka_run_group_tests_name("store/tables", tests, NULL, NULL);
}
