/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Orders: all that wait share one transaction. In hash sets each stands alone. An
 * order on an interval set may change the ranges around it: a run of those is done as
 * a whole, or halved until the bad one is alone.
 */
#include "enforce/server.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>

/*
 * From so many on a run is taken for a list: most of it is new, or most of it there, and can
 * share messages. What is otherwise costs a second transaction, too much for a few.
 */
#define RUN_IS_LIST 256

/* -ETIME, -EINVAL, or 0 and where it goes. */
static int place(const struct enforce_order *order, int64_t now, enum set_id *ret_set)
{
	int r = element_set(&order->element, ret_set);
	if (r < 0)
		return r;
	return !order->remove && order->element.expires <= now ? -ETIME : 0;
}

/* The table went away under us: make one, then what was meant for it. */
static int restore(struct server *s, struct change *changes, size_t n)
{
	bool lost = false;
	for (size_t i = 0; i < n; i++)
		lost |= changes[i].error == -ENOENT;
	if (!lost)
		return 0;
	int r = table_look(&s->table);
	if (r < 0 || s->table.there)
		return r;
	for (size_t i = 0; i < n; i++)
		if (changes[i].error == -ENOENT)
			changes[i].error = 0;
	r = server_rebuild(s, changes, n);
	s->drifted = true; /* the rest is missing too */
	return r < 0 ? r : server_tell_state(s);
}

static int apply(struct server *s, struct change *changes, size_t n)
{
	s->fresh = false;
	(void)nft_apply(&s->nft, changes, n, NULL);
	return restore(s, changes, n);
}

static int answer(struct server *s, const struct enforce_order *order, int error)
{
	if (error == 0 && !order->remove && order->element.list != ENFORCE_ALLOW)
		conn_queue(&s->conn, &order->element);
	return server_answer(s, order, error);
}

/* One run of orders on interval sets. */
struct run {
	const struct enforce_order *orders;
	size_t n;
	struct step {
		int error; /* known before the kernel is asked */
		enum set_id set;
		bool had, done; /* what it did to the mirror, to be undone */
		struct net before;
	} * steps;
	bool touched[SET_ORDERED];
	struct changes changes;
};

static void run_done(struct run *run)
{
	free(run->steps);
	changes_done(&run->changes);
}

static int flatten(struct server *s, const struct run *run, struct entries *ranges)
{
	for (enum set_id set = 0; set < SET_ORDERED; set++) {
		int r = run->touched[set] ? nets_flatten(&s->nets[set], set, ranges) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int mirror_one(struct server *s, struct run *run, size_t i)
{
	const struct enforce_order *order = &run->orders[i];
	struct step *step = &run->steps[i];
	struct nets *nets = &s->nets[step->set];
	const struct net *before = nets_find(nets, &order->element.target);

	step->had = before != NULL;
	if (before)
		step->before = *before;
	step->done = true;
	if (!order->remove) {
		struct net net = {.prefix = order->element.target,
			.expires = order->element.expires,
			.record = order->element.record};
		return nets_put(nets, &net);
	}
	if (nets_drop(nets, &order->element.target))
		return 0;
	/* unknown here: ask the kernel for just this range */
	struct change c = {.entry = element_entry(&order->element, step->set), .del = true};
	return changes_add(&run->changes, &c);
}

static int mirror(struct server *s, struct run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		int r = run->steps[i].error ? 0 : mirror_one(s, run, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static void undo(struct server *s, struct run *run)
{
	for (size_t i = run->n; i-- > 0;) {
		struct step *step = &run->steps[i];
		if (!step->done)
			continue;
		(void)nets_drop(&s->nets[step->set], &run->orders[i].element.target);
		if (step->had)
			(void)nets_put(&s->nets[step->set], &step->before);
	}
}

/* What the run makes of the sets, as one group of changes. 0 or -errno. */
static int plan(struct server *s, struct run *run)
{
	_cleanup_(entries_done) struct entries before = {0}, after = {0};
	struct enforce_sync_result counts = {0};
	int64_t now = clock_now();

	for (size_t i = 0; i < run->n; i++) {
		struct step *step = &run->steps[i];
		step->error = place(&run->orders[i], now, &step->set);
		nets_expire(&s->nets[step->set], now);
		run->touched[step->set] = true;
	}
	int r = flatten(s, run, &before);
	if (r == 0)
		r = mirror(s, run);
	if (r == 0)
		r = flatten(s, run, &after);
	if (r == 0)
		r = diff(after.list, after.n, before.list, before.n, 0, &run->changes, &counts);
	for (size_t i = 0; i < run->changes.n; i++)
		run->changes.list[i].group = 0;
	return r;
}

/* 0 done, 1 refused and nothing done (*ret_error), or -errno. */
static int run_try(struct server *s, struct run *run, int *ret_error)
{
	int error = plan(s, run);
	if (error == 0) {
		int r = apply(s, run->changes.list, run->changes.n);
		if (r < 0)
			return r;
		for (size_t i = 0; i < run->changes.n && error == 0; i++)
			error = run->changes.list[i].error;
	}
	if (error == 0)
		return 0;
	undo(s, run);
	*ret_error = error;
	return 1;
}

static int nets_run(struct server *s, const struct enforce_order *orders, size_t n)
{
	_cleanup_(run_done) struct run run = {
		.orders = orders, .n = n, .steps = calloc(n, sizeof(*run.steps))};
	int error = 0;
	if (!run.steps)
		return -ENOMEM;
	int r = run_try(s, &run, &error);
	if (r == 1 && n > 1) {
		r = nets_run(s, orders, n / 2);
		return r < 0 ? r : nets_run(s, orders + n / 2, n - n / 2);
	}
	for (size_t i = 0; i < n && r >= 0; i++)
		r = answer(s, &orders[i], run.steps[i].error ? run.steps[i].error : error);
	return r;
}

static int hash_run(struct server *s, const struct enforce_order *orders, size_t n)
{
	_cleanup_(freep) struct change *changes = calloc(n, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	int64_t now = clock_now();
	for (size_t i = 0; i < n; i++) {
		enum set_id set = SET_BLOCK4;
		changes[i].error = place(&orders[i], now, &set);
		changes[i].entry = element_entry(&orders[i].element, set);
		changes[i].unsure = n < RUN_IS_LIST;
		changes[i].del = changes[i].unsure || orders[i].remove;
		changes[i].add = !orders[i].remove;
		changes[i].group = (uint32_t)i;
	}
	int r = apply(s, changes, n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = answer(s, &orders[i], changes[i].error);
	return r;
}

static bool is_net(const struct enforce_order *order)
{
	enum set_id set;
	return element_set(&order->element, &set) == 0 && set_specs[set].interval;
}

int server_orders(struct server *s)
{
	size_t done = 0;
	int r = 0;
	while (done < s->orders_n && r == 0) {
		bool nets = is_net(&s->orders[done]);
		size_t end = done + 1;
		while (end < s->orders_n && is_net(&s->orders[end]) == nets)
			end++;
		r = nets ? nets_run(s, s->orders + done, end - done)
			 : hash_run(s, s->orders + done, end - done);
		done = end;
	}
	s->orders_n = 0;
	return r;
}
