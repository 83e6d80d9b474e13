/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_core.h"

#include "base/clock.h"

#include <errno.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>

struct core_reader {
	struct core *core;
};

int64_t fake_now(const struct core *c)
{
	return c->now ? c->now : clock_now();
}

static void fill_settings(struct settings *s)
{
	s->http_workers = 2;
	s->http_connections = 256;
	s->http_body_max = 65536;
	s->http_timeout = 5000;
	for (unsigned i = 0; i < SERVICE_COUNT; i++)
		s->ports[i] = service_default_port((enum service)i);
	s->clock_window = 15 * MS_MINUTE;
	s->nonces_per_key = 1024;
	s->lockout_failures = 5;
	s->lockout_time = 5 * MS_MINUTE;
	s->token_life = MS_DAY;
	(void)snprintf(s->host.region, sizeof(s->host.region), "cn-north-4");
}

void fake_core_init(struct core *c)
{
	memset(c, 0, sizeof(*c));
	(void)pthread_mutex_init(&c->lock, NULL);
	fill_settings(&c->settings);
	c->account = (struct account){.id = 1,
		.uid = "1234567890123456",
		.project_id = "0123456789abcdef0123456789abcdef",
		.name = "main"};
	c->other = (struct account){.id = 2,
		.uid = "6543210987654321",
		.project_id = "fedcba9876543210fedcba9876543210",
		.name = "other"};
	(void)fake_core_key(c, "testak", "testsecret0000000000000000000001");
	(void)fake_core_key(c, "TESTACCESSKEYID00001", "TestAccessKeySecret0000000000001");
}

void fake_core_done(struct core *c)
{
	(void)pthread_mutex_destroy(&c->lock);
}

struct access_key *fake_core_key(struct core *c, const char *id, const char *secret)
{
	struct access_key *k = &c->keys[c->key_count++];
	*k = (struct access_key){
		.account = 1, .allow = "*", .created = 1, .expires = INT64_MAX, .active = true};
	(void)snprintf(k->id, sizeof(k->id), "%s", id);
	(void)snprintf(k->secret, sizeof(k->secret), "%s", secret);
	(void)snprintf(k->name, sizeof(k->name), "name-of-%s", id);
	return k;
}

struct host *fake_core_host(struct core *c, const char *uuid, const char *name)
{
	struct host *h = &c->hosts[c->host_count++];
	*h = (struct host){.id = c->host_count,
		.account = 1,
		.internet_ip = "198.51.100.7",
		.intranet_ip = "10.0.0.8",
		.region = "cn-north-4",
		.enterprise_project = "0",
		.agent_online = true};
	(void)snprintf(h->uuid, sizeof(h->uuid), "%s", uuid);
	(void)snprintf(h->name, sizeof(h->name), "%s", name);
	(void)snprintf(
		h->instance_id, sizeof(h->instance_id), "i-%.8s%s", uuid, strrchr(uuid, '-') + 1);
	return h;
}

struct block *fake_core_block(struct core *c, const struct host *h, const char *address,
	enum service service, enum block_state state)
{
	struct block *b = &c->blocks[c->block_count++];
	int64_t at = fake_now(c) - MS_HOUR + c->block_count * MS_MINUTE;
	*b = (struct block){.id = 100 + (int64_t)c->block_count,
		.account = h->account,
		.host = h->id,
		.service = service,
		.port = service_default_port(service),
		.state = state,
		.applied_once = state != BLOCK_WANTED && state != BLOCK_FAILED,
		.rule = 1,
		.source = RULE_BLINK,
		.rule_name = "system",
		.created = at,
		.first_attempt = at - MS_MINUTE,
		.latest_attempt = at + 1000,
		.attempts = 10,
		.expires = at + 6 * MS_HOUR,
		.changed = at,
		.lives = 1};
	(void)addr_parse(slice_of(address), &b->trigger);
	b->target = prefix_of(&b->trigger, addr_is_v4(&b->trigger) ? 128 : 64);
	if (state == BLOCK_FAILED)
		(void)snprintf(b->error, sizeof(b->error), "ObserveMode");
	return b;
}

/* A third host whose agent is away, and what is another account's. */
static void seed_fleet(struct core *c)
{
	struct host *web = &c->hosts[0], *db = &c->hosts[1];
	struct host *edge = fake_core_host(c, "6d5b361f-958d-48a8-a9d2-d6e82c100003", "edge-03");
	struct host *theirs = fake_core_host(c, "6d5b361f-958d-48a8-a9d2-d6e82c100009", "theirs");
	(void)snprintf(edge->enterprise_project, sizeof(edge->enterprise_project), FAKE_PROJECT);
	(void)snprintf(edge->internet_ip, sizeof(edge->internet_ip), "198.51.100.9");
	(void)snprintf(edge->intranet_ip, sizeof(edge->intranet_ip), "10.0.0.9");
	edge->remote = true;
	edge->agent_online = false;
	theirs->account = c->other.id;
	(void)fake_core_block(c, edge, "203.0.113.83", SERVICE_SSH, BLOCK_APPLIED);
	(void)fake_core_block(c, theirs, "203.0.113.90", SERVICE_SSH, BLOCK_APPLIED);
	(void)fake_core_custom(c, web, "198.51.100.200");
	(void)fake_core_custom(c, theirs, "198.51.100.201");
	fake_core_rule(c, c->account.id, "all")->is_default = true;
	c->host_rules[db->id - 1] = fake_core_rule(c, c->account.id, "strict")->id;
	fake_core_rule(c, c->other.id, "their own")->is_default = true;
}

void fake_core_seed(struct core *c)
{
	struct host *web = fake_core_host(c, "6d5b361f-958d-48a8-a9d2-d6e82c100001", "web 01/ä+b");
	struct host *db = fake_core_host(c, "6d5b361f-958d-48a8-a9d2-d6e82c100002", "db-02");
	(void)fake_core_block(c, web, "203.0.113.77", SERVICE_SSH, BLOCK_APPLIED);
	(void)fake_core_block(c, web, "203.0.113.78", SERVICE_MYSQL, BLOCK_APPLIED);
	struct block *b = fake_core_block(c, db, "2001:db8:1:2::5", SERVICE_SSH, BLOCK_APPLIED);
	b->source = RULE_USER;
	b->expires = BLOCK_FOREVER;
	(void)fake_core_block(c, db, "203.0.113.79", SERVICE_RDP, BLOCK_FAILED);
	(void)fake_core_block(c, db, "203.0.113.80", SERVICE_VSFTPD, BLOCK_EXPIRED);
	(void)fake_core_block(c, web, "203.0.113.81", SERVICE_SSH, BLOCK_CANCELED);
	(void)fake_core_block(c, web, "203.0.113.82", SERVICE_SSH, BLOCK_WANTED);
	seed_fleet(c);
}

/* What is of this address fails, as a store that cannot write would. */
bool fake_is_fault(const struct addr *a)
{
	static const struct addr fault = {
		.b = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 200}};
	return addr_eq(a, &fault);
}

/* core.h */

const struct settings *core_settings(const struct core *c)
{
	return &c->settings;
}

int core_reader_open(struct core *c, struct core_reader **ret, struct err *err)
{
	if (c->fail)
		return err_set(err, c->fail, "told to fail");
	struct core_reader *r = malloc(sizeof(*r));
	if (!r)
		return err_set(err, -ENOMEM, "no memory");
	r->core = c;
	(void)pthread_mutex_lock(&c->lock);
	c->readers++;
	(void)pthread_mutex_unlock(&c->lock);
	*ret = r;
	return 0;
}

struct core_reader *core_reader_close(struct core_reader *r)
{
	if (!r)
		return NULL;
	(void)pthread_mutex_lock(&r->core->lock);
	r->core->readers--;
	(void)pthread_mutex_unlock(&r->core->lock);
	free(r);
	return NULL;
}

static const struct host *host_of(const struct core *c, uint32_t id)
{
	return id && id <= c->host_count ? &c->hosts[id - 1] : NULL;
}

static bool text_matches(const char *wanted, const char *text)
{
	return !wanted || strcmp(wanted, text) == 0;
}

static bool project_matches(const char *projects, const struct host *h)
{
	size_t n = strlen(h->enterprise_project);
	bool any = !projects || !projects[0];
	for (const char *p = projects; !any && p; p = strchr(p, '\n')) {
		p += *p == '\n';
		any = strcspn(p, "\n") == n && strncmp(p, h->enterprise_project, n) == 0;
	}
	return any;
}

static bool host_matches(const struct block_query *q, const struct host *h)
{
	bool like = !q->host_like || strstr(h->name, q->host_like) ||
		    strstr(h->internet_ip, q->host_like) || strstr(h->intranet_ip, q->host_like);
	return like && text_matches(q->host_name, h->name) &&
	       text_matches(q->instance_id, h->instance_id) &&
	       text_matches(q->enterprise_project, h->enterprise_project) &&
	       project_matches(q->enterprise_projects, h);
}

static bool block_matches(const struct block_query *q, const struct block *b)
{
	return b->account == q->account && (!q->host || q->host == b->host) &&
	       (!q->states || (q->states & 1u << b->state)) &&
	       (!q->applied_once || b->applied_once) &&
	       (!q->has_address || prefix_has(&b->target, &q->address)) &&
	       (!q->service || q->service == b->service) &&
	       (!q->has_direction || q->has_direction == (int)b->direction + 1) &&
	       (!q->since || b->latest_attempt >= q->since) &&
	       (!q->until || b->latest_attempt <= q->until);
}

static bool text_is(const char *text, const char *wanted)
{
	return text && strcmp(text, wanted) == 0;
}

static int latest_first(const void *a, const void *b)
{
	const struct block *x = *(const struct block *const *)a;
	const struct block *y = *(const struct block *const *)b;
	if (x->changed != y->changed)
		return x->changed < y->changed ? 1 : -1;
	return x->id < y->id ? 1 : -1;
}

static int list_blocks(struct core *c, const struct block_query *q,
	int (*fn)(void *ctx, const struct block_row *row), void *ctx, int64_t *ret_total)
{
	const struct block *found[FAKE_BLOCKS];
	unsigned n = 0;
	for (unsigned i = 0; i < c->block_count; i++)
		if (block_matches(q, &c->blocks[i]) &&
			host_matches(q, host_of(c, c->blocks[i].host)))
			found[n++] = &c->blocks[i];
	qsort(found, n, sizeof(found[0]), latest_first);
	*ret_total = n;
	for (int64_t i = q->offset; i < n && i < q->offset + q->limit; i++) {
		struct block_row row = {*found[i], *host_of(c, found[i]->host)};
		int r = fn(ctx, &row);
		if (r)
			return r;
	}
	return 0;
}

int core_blocks(struct core_reader *r, const struct block_query *q,
	int (*fn)(void *ctx, const struct block_row *row), void *ctx, int64_t *ret_total)
{
	struct core *c = r->core;
	if (c->fail || text_is(q->host_like, FAKE_FAULT) || text_is(q->host_name, FAKE_FAULT))
		return c->fail ? c->fail : -EIO;
	(void)pthread_mutex_lock(&c->lock);
	int result = list_blocks(c, q, fn, ctx, ret_total);
	(void)pthread_mutex_unlock(&c->lock);
	return result;
}

int core_summary(struct core_reader *r, int64_t account, struct core_summary *ret)
{
	struct core *c = r->core;
	if (c->fail)
		return c->fail;
	struct core_summary s = {.rules = 1};
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->block_count; i++) {
		const struct block *b = &c->blocks[i];
		if (b->account != account || b->direction != BLOCK_IN || !b->service)
			continue;
		s.records[b->source]++;
		s.effective[b->source] += b->state == BLOCK_APPLIED;
	}
	(void)pthread_mutex_unlock(&c->lock);
	*ret = s;
	return 0;
}

int core_account(struct core_reader *r, int64_t id, struct account *ret)
{
	const struct core *c = r->core;
	if (c->fail)
		return c->fail;
	if (id != c->account.id && id != c->other.id)
		return CORE_NOT_FOUND;
	*ret = id == c->account.id ? c->account : c->other;
	return 0;
}

int core_host_by_uuid(struct core_reader *r, int64_t account, const char *uuid, struct host *ret)
{
	const struct core *c = r->core;
	if (strcmp(uuid, FAKE_FAULT) == 0)
		return -EIO;
	for (unsigned i = 0; i < c->host_count; i++) {
		if (c->hosts[i].account == account && strcmp(c->hosts[i].uuid, uuid) == 0) {
			*ret = c->hosts[i];
			return 0;
		}
	}
	return CORE_NOT_FOUND;
}

int core_key(struct core_reader *r, const char *id, struct access_key *ret)
{
	const struct core *c = r->core;
	if (c->fail)
		return c->fail;
	for (unsigned i = 0; i < c->key_count; i++) {
		if (strcmp(c->keys[i].id, id) == 0) {
			*ret = c->keys[i];
			return 0;
		}
	}
	return CORE_NOT_FOUND;
}

int core_key_by_login(struct core_reader *r, const char *login, struct access_key *ret)
{
	const struct core *c = r->core;
	for (unsigned i = 0; i < c->key_count; i++) {
		if (strcmp(c->keys[i].name, login) == 0) {
			*ret = c->keys[i];
			return 0;
		}
	}
	return core_key(r, login, ret);
}

int core_token(struct core_reader *r, const char *text, struct token *ret)
{
	struct core *c = r->core;
	int result = CORE_NOT_FOUND;
	(void)pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->token_count; i++) {
		if (strcmp(c->tokens[i].text, text) == 0) {
			*ret = c->tokens[i].token;
			result = 0;
		}
	}
	(void)pthread_mutex_unlock(&c->lock);
	return result;
}

int core_token_issue(struct core *c, const struct access_key *key, char *ret, size_t size,
	struct token *ret_token)
{
	unsigned char bytes[32];
	(void)pthread_mutex_lock(&c->lock);
	struct fake_token *t = &c->tokens[c->token_count++ % FAKE_TOKENS];
	c->token_count = MIN_OF(c->token_count, FAKE_TOKENS);
	randombytes_buf(bytes, sizeof(bytes));
	(void)sodium_bin2hex(t->text, sizeof(t->text), bytes, sizeof(bytes));
	t->token = (struct token){.account = key->account, .issued = fake_now(c)};
	t->token.expires = t->token.issued + c->settings.token_life;
	(void)snprintf(t->token.key_id, sizeof(t->token.key_id), "%s", key->id);
	(void)snprintf(ret, size, "%s", t->text);
	*ret_token = t->token;
	(void)pthread_mutex_unlock(&c->lock);
	return 0;
}

static struct block *find_named(
	struct core *c, const struct core_caller *who, const struct core_block_name *name)
{
	for (unsigned i = 0; i < c->block_count; i++) {
		struct block *b = &c->blocks[i];
		if (b->account == who->account &&
			strcmp(host_of(c, b->host)->uuid, name->host_uuid) == 0 &&
			prefix_has(&b->target, &name->address) &&
			(!name->service || name->service == b->service) &&
			(!name->id || name->id == b->id))
			return b;
	}
	return NULL;
}

int fake_change(struct core *c, const struct core_caller *who, struct err *err)
{
	(void)pthread_mutex_lock(&c->lock);
	c->caller.account = who->account;
	(void)snprintf(c->caller.who, sizeof(c->caller.who), "%s", who->who);
	(void)snprintf(c->caller.from, sizeof(c->caller.from), "%s", who->from ? who->from : "");
	(void)pthread_mutex_unlock(&c->lock);
	if (c->fail)
		return c->fail;
	return c->condition ? err_set(err, c->condition, "told to refuse") : 0;
}

static int cancel(struct core *c, const struct core_caller *who,
	const struct core_block_name *names, unsigned n, unsigned *ret_bad)
{
	for (unsigned i = 0; i < n; i++) {
		if (!find_named(c, who, &names[i])) {
			if (ret_bad)
				*ret_bad = i;
			return CORE_NOT_FOUND;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		struct block *b = find_named(c, who, &names[i]);
		if (block_is_active(b->state)) {
			b->state = BLOCK_CANCELLING;
			b->changed = fake_now(c);
		}
	}
	c->canceled++;
	return 0;
}

int core_blocks_cancel(struct core *c, const struct core_caller *who,
	const struct core_block_name *names, unsigned n, unsigned *ret_bad, struct err *err)
{
	int r = fake_change(c, who, err);
	if (r == 0 && fake_is_fault(&names[0].address))
		r = -EIO;
	if (r != 0)
		return r;
	(void)pthread_mutex_lock(&c->lock);
	r = cancel(c, who, names, n, ret_bad);
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

int core_block_renew(struct core *c, const struct core_caller *who,
	const struct core_block_name *name, struct err *err)
{
	int r = fake_change(c, who, err);
	if (r == 0 && fake_is_fault(&name->address))
		r = -EIO;
	if (r != 0)
		return r;
	(void)pthread_mutex_lock(&c->lock);
	struct block *b = find_named(c, who, name);
	if (b) {
		b->state = BLOCK_APPLIED;
		b->applied_once = true;
		b->changed = fake_now(c);
		b->expires = b->changed + 6 * MS_HOUR;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return b ? 0 : CORE_NOT_FOUND;
}

int core_metrics(struct core *c, struct buf *out)
{
	if (c->fail)
		return c->fail;
	buf_puts(out, "# TYPE cordon_blocks gauge\n");
	buf_printf(out, "cordon_blocks %u\n", c->block_count);
	return 0;
}

int core_health(struct core *c, struct err *err)
{
	return c->fail ? err_set(err, c->fail, "told to fail") : 0;
}
