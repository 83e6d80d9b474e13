/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An agent's side of the conversation: who it is to its server, which batch of its
 * report is next, and what it does when it is not wanted any more.
 *
 * At most one batch is frozen at a time. That it is frozen is durable before anybody
 * hears of it: a number must never be given to other rows. That it was received need not be:
 * sent again, it is acknowledged again.
 */
#include "base/clock.h"
#include "base/json.h"
#include "core/following.h"
#include "core/host.h"
#include "core/private.h"

#include <errno.h>
#include <inttypes.h>

static int read_number(struct core *c, const char *name, int64_t *ret)
{
	char text[32];
	int r = store_meta_get(c->store, name, text, sizeof(text));
	if (r < 0)
		return r;
	*ret = r == 0 ? strtoll(text, NULL, 10) : 0;
	return 0;
}

int following_put(struct core *c, const char *name, int64_t value)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	return store_meta_put(c->store, name, text);
}

void following_reset(struct following *f)
{
	free(f->mentioned);
	f->mentioned = NULL;
	f->mentioned_count = f->mentioned_size = 0;
	f->in_snapshot = false;
}

/* In another role nothing is noted for the server: after it everything is said again. */
static int note_away(struct core *c, bool away)
{
	char text[40];
	bool was_away, enrolled;
	int r = store_meta_get(c->store, META_ENROLMENT, text, sizeof(text));
	if (r < 0)
		return r;
	enrolled = r == 0 && text[0] != '\0';
	r = store_meta_get(c->store, META_AWAY, text, sizeof(text));
	if (r < 0)
		return r;
	was_away = r == 0 && text[0] != '\0';
	if (!enrolled || away == was_away)
		return 0;
	r = store_begin(c->store);
	if (r == 0 && !away)
		r = store_report_all(c->store);
	if (r == 0)
		r = store_meta_put(c->store, META_AWAY, away ? "1" : "");
	return store_commit(c->store, STORE_DURABLE);
}

int agent_load(struct core *c)
{
	struct following *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	c->following = f;
	c->reports = c->settings->role == ROLE_AGENT;
	int r = read_number(c, META_VERSION, &f->version);
	if (r == 0)
		r = read_number(c, META_BATCH, &f->batch);
	if (r == 0)
		r = note_away(c, !c->reports);
	if (r == 0 && c->reports)
		store_report_on(c->store);
	return r;
}

void agent_unload(struct core *c)
{
	struct following *f = take(c->following);
	if (f)
		following_reset(f);
	free(f);
}

struct state {
	int64_t version, next;
};

static int do_state(struct core *c, void *arg)
{
	struct state *ret = arg;
	const struct following *f = c->following;
	ret->version = f->in_snapshot ? f->cursor : f->version;
	ret->next = f->batch + 1;
	return 0;
}

int core_agent_state(struct core *c, int64_t *ret_version, int64_t *ret_next)
{
	struct state state = {0};
	int r = core_call(c, do_state, &state);
	if (r == 0) {
		*ret_version = state.version;
		*ret_next = state.next;
	}
	return r;
}

/* From now on to another server, or to this one as another host: what it knows is nothing. */
static int store_enrolment(struct core *c, const char *enrolment, struct host *host)
{
	int r = store_report_forget(c->store);
	if (r == 0)
		r = store_report_all(c->store);
	if (r == 0)
		r = following_put(c, META_VERSION, 0);
	if (r == 0)
		r = following_put(c, META_BATCH, 0);
	if (r == 0)
		r = store_meta_put(c->store, META_ENROLMENT, enrolment);
	return r == 0 ? store_host_put(c->store, host) : r;
}

static int do_begin(struct core *c, void *arg)
{
	const char *enrolment = arg;
	struct host host = c->host;
	char known[sizeof(host.uuid)] = "";
	int r = store_meta_get(c->store, META_ENROLMENT, known, sizeof(known));
	if (r < 0 || (r == 0 && strcmp(known, enrolment) == 0))
		return r;
	(void)snprintf(host.uuid, sizeof(host.uuid), "%s", enrolment);
	host_describe(c, &host);
	r = store_begin(c->store);
	if (r == 0)
		r = store_enrolment(c, enrolment, &host);
	r = operation_end(c, r);
	if (r != 0)
		return r;
	c->host = host;
	following_reset(c->following);
	c->following->version = c->following->batch = 0;
	return 0;
}

int core_agent_begin(struct core *c, const char *enrolment)
{
	char uuid[sizeof(((struct host *)NULL)->uuid)];
	(void)snprintf(uuid, sizeof(uuid), "%s", enrolment);
	return core_call(c, do_begin, uuid);
}

/* Makes what was noted a batch. CORE_NOT_FOUND: nothing was. */
static int freeze(struct core *c, int64_t number)
{
	size_t n = 0;
	int r = store_begin(c->store);
	if (r == 0)
		r = store_report_freeze(
			c->store, number, REPORT_ATTEMPTS_MAX, REPORT_BLOCKS_MAX, &n);
	if (r == 0 && n > 0)
		return store_commit(c->store, STORE_DURABLE);
	store_rollback(c->store);
	return r == 0 ? CORE_NOT_FOUND : r;
}

static int do_next(struct core *c, void *arg)
{
	struct report report = {.seen = c->following->version};
	/* what half a snapshot did to records is to be said as of the whole one */
	if (!c->reports || c->following->in_snapshot)
		return CORE_NOT_FOUND;
	int r = store_report_frozen(c->store, &report.number);
	if (r == STORE_NOT_FOUND) {
		report.number = c->following->batch + 1;
		r = freeze(c, report.number);
	}
	if (r == 0)
		r = store_report_read(c->store, report.number, &report);
	if (r == 0)
		*(struct report *)arg = report;
	return r;
}

int core_report_next(struct core *c, struct report *ret)
{
	return core_call(c, do_next, ret);
}

static int do_sent(struct core *c, void *arg)
{
	int64_t number = *(const int64_t *)arg;
	if (number != c->following->batch + 1)
		return 0; /* said twice */
	int r = store_begin(c->store);
	if (r == 0)
		r = store_report_remove(c->store, number);
	if (r == 0)
		r = following_put(c, META_BATCH, number);
	r = store_commit(c->store, STORE_REPLAYABLE);
	if (r == 0)
		c->following->batch = number;
	return r;
}

int core_report_sent(struct core *c, int64_t number)
{
	return core_call(c, do_sent, &number);
}

struct renumbering {
	int64_t number, as;
};

/*
 * One of the two has an older database than the other remembers. What is frozen was not applied
 * under the new number, records are said as they are, and wishes are asked for from the beginning.
 * Durable: under its old number the batch would be applied a second time.
 */
static int do_renumber(struct core *c, void *arg)
{
	const struct renumbering *a = arg;
	struct following *f = c->following;
	if (a->number != f->batch + 1)
		return 0;
	if (a->as < 1)
		return CORE_INVALID;
	int r = store_begin(c->store);
	if (r == 0)
		r = store_report_all(c->store);
	if (r == 0)
		r = store_report_renumber(c->store, a->number, a->as);
	if (r == 0)
		r = following_put(c, META_BATCH, a->as - 1);
	if (r == 0)
		r = following_put(c, META_VERSION, 0);
	r = operation_end(c, r);
	if (r == 0) {
		following_reset(f);
		f->batch = a->as - 1;
		f->version = 0;
	}
	return r;
}

int core_report_renumber(struct core *c, int64_t number, int64_t as)
{
	struct renumbering a = {.number = number, .as = as};
	return core_call(c, do_renumber, &a);
}

struct describing {
	struct buf list;
	size_t size; /* with the closing bracket and the NUL */
};

/* Whole sources only: what does not fit is left out. */
static void add_source(void *ctx, const struct source_status *s)
{
	struct describing *d = ctx;
	_cleanup_(buf_done) struct buf one = BUF_NULL;
	struct json j;
	json_start(&j, &one);
	json_begin_object(&j);
	json_field(&j, "source", s->name);
	const char *problem = s->error[0] ? s->error : s->problem;
	json_field(&j, "problem", problem[0] ? problem : NULL);
	json_field(&j, "note", s->note);
	json_end_object(&j);
	if (one.error || d->list.n + 1 + one.n + 2 > d->size)
		return;
	if (d->list.n > 1)
		buf_addc(&d->list, ',');
	buf_add(&d->list, one.p, one.n);
}

static int do_describe(struct core *c, void *arg)
{
	struct agent_info *ret = arg, info = {0};
	const struct host *h = &c->host;
	struct describing d = {.list = BUF_NULL, .size = sizeof(info.health)};
	buf_addc(&d.list, '[');
	core_each_source(c, add_source, &d);
	buf_addc(&d.list, ']');
	int r = d.list.error;
	if (r == 0)
		(void)snprintf(info.health, sizeof(info.health), "%s", d.list.p);
	buf_done(&d.list);
	(void)snprintf(info.version, sizeof(info.version), "%s", h->version);
	(void)snprintf(info.name, sizeof(info.name), "%s", h->name);
	(void)snprintf(info.instance_id, sizeof(info.instance_id), "%s", h->instance_id);
	(void)snprintf(info.internet_ip, sizeof(info.internet_ip), "%s", h->internet_ip);
	(void)snprintf(info.intranet_ip, sizeof(info.intranet_ip), "%s", h->intranet_ip);
	(void)snprintf(info.region, sizeof(info.region), "%s", h->region);
	info.enforces = !enforce_observes(c->enforce);
	if (r == 0)
		*ret = info;
	return r;
}

int core_agent_describe(struct core *c, struct agent_info *ret)
{
	return core_call(c, do_describe, ret);
}
