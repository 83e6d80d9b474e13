/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel answered, on its way into the store. Reading an answer takes next to nothing
 * and storing it ten microseconds or so: those of a long list wait in a queue and are stored a
 * slice a turn of the loop, so that lines are read and attackers are blocked meanwhile, and the
 * enforcer never waits. What an answer makes of a record is decided when its turn comes, as if it
 * had been under way until then.
 */
#include "base/log.h"
#include "core/private.h"

#include <errno.h>

#define AT_ONCE  1000
#define SIZE_MIN 64

static void on_turn(void *ctx)
{
	answers_store(ctx);
}

int answers_init(struct core *c)
{
	c->answers.timer = timer_new(c->loop, on_turn, c);
	return c->answers.timer ? 0 : -ENOMEM;
}

void answers_done(struct core *c)
{
	c->answers.timer = timer_free(c->answers.timer);
	free(c->answers.list);
	c->answers = (struct answers){0};
}

int answers_add(struct core *c, const struct answer *answer)
{
	struct answers *a = &c->answers;
	if (a->n == a->size) {
		size_t size = a->size ? a->size * 2 : SIZE_MIN;
		struct answer *more = reallocarray(a->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		a->list = more;
		a->size = size;
	}
	a->list[a->n++] = *answer;
	return 0;
}

bool answers_wait(const struct core *c)
{
	return c->answers.first < c->answers.n;
}

enum block_state answers_state(
	const struct core *c, const struct member *m, bool removed, int error)
{
	enum block_state state = m->state;
	if (state == BLOCK_CANCELLING)
		return removed && (error == 0 || error == -ENOENT || enforce_observes(c->enforce))
			       ? BLOCK_CANCELED
			       : state;
	/* -ETIME: it was over before the kernel heard of it, and expires here too */
	if (removed || m->withheld || error == -ETIME)
		return state;
	return error == 0 ? BLOCK_APPLIED : BLOCK_FAILED;
}

/* A member whose record becomes another one; NULL: none does any more. */
static struct member *next_member(
	const struct core *c, const struct answer *answer, struct element *el)
{
	struct member *m = el ? &el->first : NULL;
	while (m && (answers_state(c, m, answer->removed, answer->error) == m->state ||
			    (answer->compared && !m->in_sync)))
		m = m->next;
	return m;
}

static const char *error_of(struct core *c, const struct answer *answer, enum block_state state)
{
	char text[PREFIX_TEXT_MAX];
	if (state != BLOCK_FAILED)
		return "";
	if (enforce_observes(c->enforce))
		return "ObserveMode";
	c->counters.blocks_failed++;
	log_error("the kernel refused to block %s", prefix_format(&answer->target, text));
	return "KernelRefused";
}

static int cancel(struct core *c, int64_t id)
{
	struct block b;
	int r = store_block_get(c->store, id, &b);
	return r == 0 ? blocks_change(c, &b, BLOCK_CANCELED, "") : r;
}

static int store_one(struct core *c, const struct answer *answer)
{
	/* one changes each time, and each of them once; the element may go with the last */
	for (unsigned i = 0; i < SERVICE_COUNT; i++) {
		struct member *m = next_member(
			c, answer, elements_find(&c->elements, answer->list, &answer->target));
		if (!m)
			break;
		enum block_state after = answers_state(c, m, answer->removed, answer->error);
		int r = after == BLOCK_CANCELED
				? cancel(c, m->block)
				: blocks_acknowledge(c, m, after, error_of(c, answer, after));
		if (r != 0)
			return MIN_OF(r, 0);
	}
	return 0;
}

void answers_store(struct core *c)
{
	struct answers *a = &c->answers;
	size_t end = MIN_OF(a->n, a->first + AT_ONCE);
	if (a->first == end)
		return;
	int r = store_begin(c->store);
	for (; a->first < end; a->first++)
		if (r >= 0)
			r = store_one(c, &a->list[a->first]);
	if (answers_wait(c)) {
		timer_set(a->timer, 0);
	} else {
		free(a->list);
		a->list = NULL;
		a->first = a->n = a->size = 0;
	}
	blocks_commit(c, store_commit(c->store, STORE_REPLAYABLE));
}
