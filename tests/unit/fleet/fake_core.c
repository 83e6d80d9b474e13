/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_core.h"

#include <errno.h>

struct core_reader {
	struct core *core;
};

void fake_core_lock(struct core *c)
{
	(void)pthread_mutex_lock(&c->lock);
}

void fake_core_unlock(struct core *c)
{
	(void)pthread_cond_broadcast(&c->changed);
	(void)pthread_mutex_unlock(&c->lock);
}

void fake_core_init(struct core *c)
{
	memset(c, 0, sizeof(*c));
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->changed, NULL);
}

void fake_core_done(struct core *c)
{
	(void)pthread_cond_destroy(&c->changed);
	(void)pthread_mutex_destroy(&c->lock);
}

static uint32_t add(struct core *c, const char *fingerprint)
{
	struct fake_agent *a = &c->agents[c->n++];
	(void)snprintf(a->fingerprint, sizeof(a->fingerprint), "%s", fingerprint);
	return c->n;
}

uint32_t fake_core_add(struct core *c, const char *fingerprint)
{
	fake_core_lock(c);
	uint32_t host = add(c, fingerprint);
	fake_core_unlock(c);
	return host;
}

void fake_core_wish(struct core *c, uint32_t host)
{
	fake_core_lock(c);
	c->agents[host - 1].wished++;
	fake_core_unlock(c);
}

void fake_core_retire(struct core *c, uint32_t host)
{
	fake_core_lock(c);
	c->agents[host - 1].retired = true;
	fake_core_unlock(c);
}

unsigned fake_core_count(struct core *c, const unsigned *count)
{
	fake_core_lock(c);
	unsigned n = *count;
	fake_core_unlock(c);
	return n;
}

void fake_core_wait(struct core *c, const unsigned *count, unsigned n)
{
	(void)pthread_mutex_lock(&c->lock);
	while (*count < n)
		(void)pthread_cond_wait(&c->changed, &c->lock);
	(void)pthread_mutex_unlock(&c->lock);
}

int core_reader_open(struct core *c, struct core_reader **ret, struct err *err)
{
	(void)err;
	struct core_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->core = c;
	fake_core_lock(c);
	c->readers++;
	fake_core_unlock(c);
	*ret = r;
	return 0;
}

struct core_reader *core_reader_close(struct core_reader *r)
{
	fake_core_lock(r->core);
	r->core->readers--;
	fake_core_unlock(r->core);
	free(r);
	return NULL;
}

int core_agent_find(struct core_reader *r, const char *fingerprint, struct host *ret)
{
	struct core *c = r->core;
	int result = CORE_NOT_FOUND;
	fake_core_lock(c);
	for (unsigned i = 0; result == CORE_NOT_FOUND && i < c->n; i++)
		if (strcmp(c->agents[i].fingerprint, fingerprint) == 0) {
			*ret = (struct host){.id = i + 1, .remote = true};
			result = c->agents[i].retired ? CORE_DENIED : 0;
		}
	fake_core_unlock(c);
	return result;
}

void core_agent_heard(struct core *c, uint32_t host)
{
	(void)host;
	fake_core_lock(c);
	c->heard++;
	fake_core_unlock(c);
}

void core_agent_left(struct core *c, uint32_t host)
{
	(void)host;
	fake_core_lock(c);
	c->left++;
	fake_core_unlock(c);
}

int core_agent_info(struct core *c, uint32_t host, const struct agent_info *info)
{
	(void)host;
	fake_core_lock(c);
	int r = c->fails;
	c->info = *info;
	c->informed++;
	fake_core_unlock(c);
	return r;
}

int core_host_enrol(struct core *c, const char *token, const char *from, const char *fingerprint,
	const struct agent_info *info, struct host *ret, struct err *err)
{
	int r = strcmp(token, FAKE_TOKEN) == 0   ? 0
		: strcmp(token, FAKE_TAKEN) == 0 ? CORE_EXISTS
						 : CORE_DENIED;
	fake_core_lock(c);
	c->tried++;
	if (c->fails)
		r = c->fails;
	(void)snprintf(c->from, sizeof(c->from), "%s", from);
	if (r == 0) {
		c->info = *info;
		*ret = (struct host){
			.id = add(c, fingerprint), .uuid = "01234567-89ab-cdef-0123-456789abcdef"};
		(void)snprintf(ret->name, sizeof(ret->name), "%s", info->name);
	}
	fake_core_unlock(c);
	return r ? err_set(err, r, "no such invitation") : 0;
}

int core_report_apply(struct core *c, uint32_t host, const struct report *report, int64_t *ret_next)
{
	int r = 0;
	fake_core_lock(c);
	struct fake_agent *a = &c->agents[host - 1];
	c->inside++;
	(void)pthread_cond_broadcast(&c->changed);
	while (c->inside < c->gather)
		(void)pthread_cond_wait(&c->changed, &c->lock);
	*ret_next = a->batch + 1;
	if (a->retired || c->fails) {
		r = c->fails ? c->fails : CORE_DENIED;
	} else if (report->number == a->batch + 1) {
		a->batch++;
		c->attempts += report->attempt_count;
	} else if (report->number != a->batch) {
		r = CORE_INVALID;
	}
	fake_core_unlock(c);
	return r;
}

/* What is wished of one host: 198.51.100.N, with as many versions. */
static int fill(struct wishes *w, int64_t version, size_t n)
{
	w->version = version;
	w->blocks = calloc(n, sizeof(*w->blocks));
	if (!w->blocks)
		return -ENOMEM;
	for (; w->block_count < n; w->block_count++) {
		struct wish *wish = &w->blocks[w->block_count];
		struct addr a = addr_from_v4(0xc6336400U + (uint32_t)w->block_count);
		*wish = (struct wish){.target = prefix_of(&a, 128),
			.trigger = a,
			.expires = BLOCK_FOREVER,
			.version = version,
			.source = RULE_USER};
	}
	return 0;
}

int core_wishes(struct core_reader *r, uint32_t host, int64_t after, struct wishes *ret)
{
	struct core *c = r->core;
	struct wishes w = {0};
	int result = 0;
	fake_core_lock(c);
	const struct fake_agent *a = &c->agents[host - 1];
	c->asked++;
	if (a->retired || c->fails)
		result = c->fails ? c->fails : CORE_DENIED;
	else if (a->wished > after)
		result = fill(&w, a->wished, c->wishes ? c->wishes : 1);
	void (*looked)(struct core * c, uint32_t host) = c->looked;
	c->looked = NULL;
	fake_core_unlock(c);
	if (looked)
		looked(c, host);
	if (result == 0)
		*ret = w;
	return result;
}
