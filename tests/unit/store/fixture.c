/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

#include <dirent.h>
#include <string.h>

int fixture_setup_empty(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(f->dir, sizeof(f->dir), "%.40s/cordon-store-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	f->now = 1700000000000;
	*state = f;
	return 0;
}

int fixture_setup(void **state)
{
	if (fixture_setup_empty(state) < 0)
		return -1;
	struct fixture *f = *state;
	struct err err = {0};
	if (store_open(f->dir, &f->store, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	if (store_account_first(f->store, &f->account) != 0)
		return -1;
	f->host = fixture_host(f, "web-1", "203.0.113.10");
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	f->store = store_close(f->store);
	DIR *dir = opendir(f->dir);
	if (dir) {
		for (struct dirent *e; (e = readdir(dir));) {
			if (e->d_name[0] != '.')
				(void)unlinkat(dirfd(dir), e->d_name, 0);
		}
		(void)closedir(dir);
	}
	int r = rmdir(f->dir);
	free(f);
	return r;
}

void fixture_reopen(struct fixture *f)
{
	f->store = store_close(f->store);
	struct err err = {0};
	if (store_open(f->dir, &f->store, &err) < 0)
		fail_msg("%s", err.text);
}

void fixture_begin(struct fixture *f)
{
	assert_int_equal(store_begin(f->store), 0);
}

void fixture_commit(struct fixture *f)
{
	int r = store_commit(f->store, STORE_REPLAYABLE);
	if (r != 0)
		fail_msg("%d: %s", r, store_error(f->store));
}

uint32_t fixture_host(struct fixture *f, const char *name, const char *internet_ip)
{
	struct host h = {.account = f->account.id, .enterprise_project = "0", .agent_online = true};
	(void)snprintf(h.uuid, sizeof(h.uuid), "uuid-of-%s", name);
	(void)snprintf(h.instance_id, sizeof(h.instance_id), "i-%s", name);
	(void)snprintf(h.name, sizeof(h.name), "%s", name);
	(void)snprintf(h.internet_ip, sizeof(h.internet_ip), "%s", internet_ip);
	fixture_begin(f);
	assert_int_equal(store_host_put(f->store, &h), 0);
	fixture_commit(f);
	assert_int_not_equal(h.id, 0);
	return h.id;
}

struct prefix fixture_prefix(const char *text)
{
	struct prefix p;
	if (!prefix_parse(slice_of(text), &p))
		fail_msg("%s is no prefix", text);
	return p;
}

struct block fixture_block(const struct fixture *f, const char *target)
{
	struct prefix p = fixture_prefix(target);
	return (struct block){
		.account = f->account.id,
		.host = f->host,
		.target = p,
		.trigger = p.addr,
		.service = SERVICE_SSH,
		.port = 22,
		.source = RULE_BLINK,
		.rule_name = "system",
		.created = f->now,
		.first_attempt = f->now - 5000,
		.latest_attempt = f->now,
		.attempts = 10,
		.expires = f->now + 3600000,
		.changed = f->now,
		.lives = 1,
	};
}

struct custom_block fixture_custom(const struct fixture *f, const char *target)
{
	return (struct custom_block){
		.account = f->account.id,
		.target = fixture_prefix(target),
		.enabled = true,
		.expires = f->now + 3600000,
		.created = f->now,
		.changed = f->now,
		.why = "because",
	};
}

static void problem(void *ctx, const char *text)
{
	++*(unsigned *)ctx;
	print_message("# %s\n", text);
}

void fixture_assert_sound(const struct fixture *f)
{
	unsigned n = 0;
	struct err err = {0};
	if (store_check(f->dir, problem, &n, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(n, 0);
}

void fixture_path(const struct fixture *f, const char *name, char ret[static 128])
{
	(void)snprintf(ret, 128, "%s/%s", f->dir, name);
}

uint64_t fixture_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}
