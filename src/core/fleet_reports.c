/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Agents' reports into the store, each once. Who brings a batch puts it in a queue
 * and has the loop's thread drain it: all that wait share one transaction and
 * one fsync, and each is answered when that is done.
 *
 * The number of a host's latest batch is stored with what was in it. The next one is
 * taken, the latest one is acknowledged again without effect, any other is refused with the
 * number that would be next: then one of the two has an older database than the other
 * remembers, and the agent numbers anew. The latest number with another id is another batch:
 * two machines are one host, and what the second says must not be taken for said.
 *
 * The failures of all of them are sorted into the order of the store's table before they are
 * added: so each page of it is touched once a transaction, however many sources there are.
 *
 * An agent's word counts for its own records alone. Where the server wants something of a
 * record that its agent had not heard of when it reported it, only the attempts are taken:
 * what became of the wish comes with a later report.
 */
#include "base/clock.h"
#include "core/private.h"

#include <errno.h>

#define ROWS_AT_ONCE 8192 /* of one transaction: others wait for the loop, too */
#define COUNT_MAX    ((int64_t)1 << 48)

struct job {
	uint32_t host;
	const struct report *report;
	int64_t number_next;
	int result;
	bool again; /* it is the one applied last */
	bool done;
	struct job *next;
};

struct reports {
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct job *first, **last;
};

/* What a batch is applied with. */
struct applying {
	struct core *core;
	struct host host;
	int64_t seen, now;
	struct rule *rules; /* of the account; read when the first record is */
	unsigned rule_count;
};

/* Failures of all batches of a transaction. */
struct failures {
	int64_t minute;
	const struct report_attempt *told;
	uint32_t host;
};

struct gathered {
	struct failures *list;
	size_t n;
};

static int64_t at_most_a_day_ahead(const struct applying *a, int64_t time)
{
	return time < 0 ? 0 : time > a->now + MS_DAY ? a->now : time;
}

static int by_key(const void *a, const void *b)
{
	const struct failures *x = a, *y = b;
	if (x->minute != y->minute)
		return x->minute < y->minute ? -1 : 1;
	return memcmp(&x->told->source, &y->told->source, sizeof(x->told->source));
}

/* Remembers what add_all() will add. */
static int gather(const struct applying *a, const struct report *report, struct gathered *all)
{
	size_t n = all->n + report->attempt_count;
	struct failures *more = reallocarray(all->list, MAX_OF(n, (size_t)1), sizeof(*more));
	if (!more)
		return -ENOMEM;
	all->list = more;
	for (size_t i = 0; i < report->attempt_count; i++) {
		const struct report_attempt *told = &report->attempts[i];
		more[all->n++] = (struct failures){.minute = at_most_a_day_ahead(a, told->minute),
			.told = told,
			.host = a->host.id};
	}
	return 0;
}

static int add_all(struct core *c, struct gathered *all)
{
	int r = 0;
	if (all->n > 0)
		qsort(all->list, all->n, sizeof(*all->list), by_key);
	for (size_t i = 0; i < all->n && r == 0; i++) {
		const struct failures *f = &all->list[i];
		r = store_attempt_add(c->store, f->minute, f->host, (int)f->told->service,
			&f->told->source, f->told->n);
	}
	return r;
}

static int collect_rule(void *ctx, const struct rule *rule)
{
	struct applying *a = ctx;
	if (a->rule_count < RULES_MAX)
		a->rules[a->rule_count++] = *rule;
	return 0;
}

static int read_rules(struct applying *a)
{
	a->rules = calloc(RULES_MAX, sizeof(*a->rules));
	return a->rules ? store_rule_each(a->core->store, a->host.account, collect_rule, a)
			: -ENOMEM;
}

/* The account's rule of that name: its id is not the agent's. */
static int64_t rule_of(const struct applying *a, const struct block *b)
{
	for (unsigned i = 0; i < a->rule_count && b->service != SERVICE_NONE; i++)
		if (a->rules[i].source == b->source && strcmp(a->rules[i].name, b->rule_name) == 0)
			return a->rules[i].id;
	return 0;
}

/* The record as its agent has it; `known` (id 0: nothing) is how we have it. */
static struct block as_told(
	const struct applying *a, const struct block *told, const struct block *known)
{
	struct block b = *told;
	b.id = known->id;
	b.wish = known->wish;
	b.account = a->host.account;
	b.host = a->host.id;
	b.rule = rule_of(a, told);
	b.created = at_most_a_day_ahead(a, told->created);
	b.first_attempt = at_most_a_day_ahead(a, told->first_attempt);
	b.latest_attempt = at_most_a_day_ahead(a, told->latest_attempt);
	b.changed = at_most_a_day_ahead(a, told->changed);
	return b;
}

static bool is_over(enum block_state state)
{
	return state == BLOCK_EXPIRED || state == BLOCK_CANCELED;
}

static int apply_block(struct applying *a, const struct block *told)
{
	struct core *c = a->core;
	struct block known = {0};
	int r = store_block_find(
		c->store, a->host.id, &told->target, told->service, told->direction, &known);
	if (r < 0)
		return r;
	if (known.wish > a->seen) {
		known.attempts = told->attempts;
		known.latest_attempt =
			MAX_OF(known.latest_attempt, at_most_a_day_ahead(a, told->latest_attempt));
		return store_block_put(c->store, &known);
	}
	struct block b = as_told(a, told, &known);
	if (is_over(known.state) && known.id != 0 && b.created > known.created)
		blocks_audit_life(c, &known);
	r = store_block_put(c->store, &b);
	if (r == 0 && !is_over(b.state))
		blocks_arm_expiry(c, b.expires);
	return r;
}

static int apply_blocks(struct applying *a, const struct report *report)
{
	int r = report->block_count > 0 ? read_rules(a) : 0;
	for (size_t i = 0; i < report->block_count && r == 0; i++)
		r = apply_block(a, &report->blocks[i]);
	return r;
}

static bool is_masked(const struct prefix *p)
{
	struct prefix masked;
	if (p->len > 128)
		return false;
	masked = prefix_of(&p->addr, p->len);
	return prefix_eq(&masked, p);
}

static bool is_count(int64_t n, int64_t least)
{
	return n >= least && n <= COUNT_MAX;
}

static bool is_sound_attempt(const struct report_attempt *t)
{
	return is_masked(&t->source) && t->service > SERVICE_NONE && t->service < SERVICE_COUNT &&
	       is_count(t->n, 1);
}

static bool is_sound_block(const struct block *b)
{
	return is_masked(&b->target) && b->service < SERVICE_COUNT && b->direction <= BLOCK_OUT &&
	       b->state < BLOCK_STATES && b->source < RULE_SOURCES && is_count(b->attempts, 0) &&
	       b->expires >= 0;
}

/* Looked at as a whole before any of it is written: others share the transaction. */
static bool is_sound(const struct report *report)
{
	bool sound = true;
	for (size_t i = 0; i < report->attempt_count && sound; i++)
		sound = is_sound_attempt(&report->attempts[i]);
	for (size_t i = 0; i < report->block_count && sound; i++)
		sound = is_sound_block(&report->blocks[i]);
	return sound;
}

/* Whether it is taken; nothing is written yet. job->again: the answer to it was lost. */
static int check(struct core *c, struct job *job, struct host *ret_host)
{
	struct agent agent;
	int r = store_agent_get(c->store, job->host, &agent);
	if (r == 0)
		r = store_host_get(c->store, job->host, ret_host);
	if (r == STORE_NOT_FOUND || (r == 0 && ret_host->retired))
		return CORE_DENIED;
	if (r < 0)
		return r;
	job->number_next = agent.batch + 1;
	if (job->report->number == agent.batch && agent.batch > 0) {
		job->again = job->report->id == agent.batch_id;
		return job->again ? 0 : CORE_EXISTS;
	}
	if (job->report->number != job->number_next)
		return CORE_INVALID;
	return is_sound(job->report) ? 0 : -EBADMSG;
}

/* Sets the job's result; what is returned ends the transaction for all that share it. */
static int apply(struct core *c, struct job *job, struct gathered *all)
{
	const struct report *report = job->report;
	struct applying a = {.core = c, .seen = report->seen, .now = clock_now()};
	job->result = check(c, job, &a.host);
	if (job->result == CORE_EXISTS)
		presence_cloned(c, &a.host);
	if (job->result != 0 || job->again)
		return 0;
	int r = gather(&a, report, all);
	if (r == 0)
		r = apply_blocks(&a, report);
	if (r == 0)
		r = store_agent_batch(c->store, job->host, report->number, report->id);
	free(a.rules);
	return r;
}

/* The oldest that wait, as many as go into one transaction. */
static struct job *take_waiting(struct reports *q)
{
	size_t rows = 0;
	pthread_mutex_lock(&q->lock);
	struct job *first = q->first, **end = &q->first;
	while (*end && rows < ROWS_AT_ONCE) {
		rows += (*end)->report->attempt_count + (*end)->report->block_count;
		end = &(*end)->next;
	}
	q->first = *end;
	if (!q->first)
		q->last = &q->first;
	*end = NULL;
	pthread_mutex_unlock(&q->lock);
	return first;
}

static void count(struct core_counters *n, const struct job *job)
{
	if (job->result == CORE_EXISTS)
		n->reports_cloned++;
	else if (job->result != 0)
		n->reports_refused++;
	else if (job->again)
		n->reports_repeated++;
	else
		n->reports_applied++;
}

static void tell_done(struct reports *q, struct job *list)
{
	pthread_mutex_lock(&q->lock);
	for (struct job *job = list, *next; job; job = next) {
		next = job->next; /* its owner may go on at once */
		job->done = true;
	}
	pthread_cond_broadcast(&q->done);
	pthread_mutex_unlock(&q->lock);
}

static bool is_done(struct reports *q, const struct job *job)
{
	pthread_mutex_lock(&q->lock);
	bool done = job->done;
	pthread_mutex_unlock(&q->lock);
	return done;
}

/* For one whose batch went with another's, nothing is begun: those that were answered before it
   are only just coming back, and would have a transaction each. */
static int do_drain(struct core *c, void *arg)
{
	struct job *list = is_done(c->incoming, arg) ? NULL : take_waiting(c->incoming);
	if (!list)
		return 0;
	struct gathered all = {0};
	int r = store_begin(c->store);
	for (struct job *job = list; job && r == 0; job = job->next)
		r = apply(c, job, &all);
	if (r == 0)
		r = add_all(c, &all);
	r = operation_end(c, r);
	free(all.list);
	for (struct job *job = list; job; job = job->next) {
		if (r != 0)
			job->result = r;
		count(&c->counters, job);
	}
	tell_done(c->incoming, list);
	return 0;
}

/* The loop takes nothing any more: what it has not begun is taken back. */
static int take_back(struct reports *q, struct job *job)
{
	pthread_mutex_lock(&q->lock);
	struct job **at = &q->first;
	while (*at && *at != job)
		at = &(*at)->next;
	if (*at) {
		*at = job->next;
		if (!*at)
			q->last = at;
		job->result = -ESHUTDOWN;
		job->done = true;
	}
	while (!job->done)
		pthread_cond_wait(&q->done, &q->lock);
	pthread_mutex_unlock(&q->lock);
	return job->result;
}

int core_report_apply(struct core *c, uint32_t host, const struct report *report, int64_t *ret_next)
{
	struct reports *q = c->incoming;
	struct job job = {.host = host, .report = report};
	pthread_mutex_lock(&q->lock);
	*q->last = &job;
	q->last = &job.next;
	pthread_mutex_unlock(&q->lock);

	int r = 0;
	while (r == 0 && !is_done(q, &job))
		r = core_call(c, do_drain, &job);
	if (r == -ESHUTDOWN)
		r = take_back(q, &job);
	else
		r = job.result;
	if (r == CORE_INVALID || r == CORE_EXISTS)
		*ret_next = job.number_next;
	return r;
}

int fleet_load(struct core *c)
{
	struct reports *q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->done, NULL);
	q->last = &q->first;
	c->incoming = q;
	return 0;
}

void fleet_unload(struct core *c)
{
	struct reports *q = take(c->incoming);
	if (!q)
		return;
	pthread_cond_destroy(&q->done);
	pthread_mutex_destroy(&q->lock);
	free(q);
}
