/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's end, with the test as the enforcer.
 */
#include "enforce/enforce.h"

#include "base/fdpass.h"
#include "base/util.h"
#include "enforce/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct world {
	struct enforce *e;
	int other; /* the enforcer's end */
	unsigned answers, drifts, syncs, samples, gone, found, missing;
	int error;
	uint64_t tag;
	size_t hits;
	struct enforce_sync_result result;
	bool again; /* submit from within an answer */
};

static struct enforce_order order(const char *text)
{
	struct enforce_order o = {.element = {.expires = ENFORCE_FOREVER, .record = 1}, .tag = 42};
	assert_true(prefix_parse(slice_of(text), &o.element.target));
	return o;
}

static void on_answer(void *ctx, const struct enforce_order *o, int error)
{
	struct world *w = ctx;
	w->answers++;
	w->error = error;
	w->tag = o->tag;
	if (w->again) {
		w->again = false;
		struct enforce_order next = order("192.0.2.9");
		assert_int_equal(enforce_submit(w->e, &next, 1), 0);
	}
}

static void on_drift(void *ctx)
{
	((struct world *)ctx)->drifts++;
}

static void on_synced(void *ctx, const struct enforce_sync_result *result)
{
	struct world *w = ctx;
	w->syncs++;
	w->result = *result;
}

static void on_hits(void *ctx, const struct enforce_hit *hits, size_t n)
{
	struct world *w = ctx;
	w->samples++;
	w->hits = n;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(hits[i].count, i);
}

static void on_gone(void *ctx)
{
	((struct world *)ctx)->gone++;
}

static void on_found(void *ctx, bool found, const struct enforce_element *e, int error)
{
	struct world *w = ctx;
	(void)e;
	w->found += found;
	w->missing += !found;
	w->error = error;
}

static void world_open(struct world *w, bool observe)
{
	int pair[2] = {-1, -1};
	*w = (struct world){.other = -1};
	if (!observe)
		assert_int_equal(fdpass_pair(pair), 0);
	w->other = pair[1];
	struct enforce_events events = {on_answer, on_drift, on_synced, on_hits, on_gone, w};
	assert_int_equal(enforce_new(pair[0], &events, &w->e), 0);
}

static void world_close(struct world *w)
{
	w->e = enforce_free(w->e);
	closep(&w->other);
}

/* What the client sent; fails when there is nothing. */
static struct wire_message next(struct world *w, char message[static WIRE_MESSAGE_MAX])
{
	int fd;
	struct wire_message m;
	ssize_t n = fdpass_recv(w->other, message, WIRE_MESSAGE_MAX, &fd);
	assert_true(n > 0);
	assert_int_equal(wire_decode(WIRE_TO_ENFORCER, message, (size_t)n, &m), 0);
	return m;
}

static void send_answer(
	struct world *w, enum wire_kind kind, const struct enforce_order *o, int error)
{
	char message[WIRE_MESSAGE_MAX];
	size_t n = wire_put_header(message, kind, 0, 1);
	n += wire_put_order(message + n, o, error);
	assert_int_equal(fdpass_send(w->other, message, n, -1), 0);
}

static void an_order_goes_out_and_its_answer_comes_in(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	assert_false(enforce_observes(w.e));
	struct enforce_order o = order("192.0.2.1");
	assert_int_equal(enforce_submit(w.e, &o, 1), 0);
	struct wire_message m = next(&w, message);
	assert_int_equal(m.kind, WIRE_ORDERS);
	struct enforce_order got = wire_get_order(&m, 0, NULL);
	assert_true(prefix_eq(&got.element.target, &o.element.target));
	assert_true(got.element.expires == ENFORCE_FOREVER);
	send_answer(&w, WIRE_ANSWERS, &got, -ENOSPC);
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(w.answers, 1);
	assert_int_equal(w.error, -ENOSPC);
	assert_int_equal(w.tag, 42);
	world_close(&w);
}

static void an_answer_may_order_again(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	w.again = true;
	struct enforce_order o = order("192.0.2.1");
	send_answer(&w, WIRE_ANSWERS, &o, 0);
	assert_int_equal(enforce_dispatch(w.e), 0);
	struct wire_message m = next(&w, message);
	assert_int_equal(m.kind, WIRE_ORDERS);
	world_close(&w);
}

static void a_long_sync_goes_in_parts(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	static struct enforce_element wanted[WIRE_ITEMS_MAX * 2 + 1];
	for (size_t i = 0; i < countof(wanted); i++)
		wanted[i].target = (struct prefix){addr_from_v4((uint32_t)i), 128};
	assert_int_equal(enforce_sync(w.e, wanted, countof(wanted)), 0);
	for (size_t part = 0; part < 3; part++) {
		struct wire_message m = next(&w, message);
		assert_int_equal(m.kind, WIRE_WANTED);
		assert_int_equal(m.first, part == 0);
		assert_int_equal(m.last, part == 2);
		assert_int_equal(m.count, part == 2 ? 1 : WIRE_ITEMS_MAX);
	}
	/* an empty list is one message too: it takes everything out */
	assert_int_equal(enforce_sync(w.e, NULL, 0), 0);
	struct wire_message m = next(&w, message);
	assert_true(m.first && m.last && m.count == 0);

	struct enforce_sync_result r = {.added = 3};
	size_t n = wire_put_header(message, WIRE_SYNCED, 0, 1);
	n += wire_put_synced(message + n, &r);
	assert_int_equal(fdpass_send(w.other, message, n, -1), 0);
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(w.syncs, 1);
	assert_int_equal(w.result.added, 3);
	world_close(&w);
}

static void a_sync_leaves_while_it_is_made(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	struct enforce_element e = order("192.0.2.1").element;
	for (unsigned round = 0; round < 2; round++) { /* the first one is given up */
		enforce_sync_begin(w.e);
		for (size_t i = 0; i <= WIRE_ITEMS_MAX; i++)
			enforce_sync_add(w.e, &e);
		struct wire_message m = next(&w, message);
		assert_true(m.first && !m.last && m.count == WIRE_ITEMS_MAX);
	}
	assert_int_equal(enforce_sync_end(w.e), 0);
	struct wire_message m = next(&w, message);
	assert_true(!m.first && m.last && m.count == 1);
	struct enforce_order got = wire_get_order(&m, 0, NULL);
	assert_true(prefix_eq(&got.element.target, &e.target));
	assert_true(got.element.expires == e.expires);
	world_close(&w);
}

static void a_sample_in_parts_is_told_once(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	assert_int_equal(enforce_sample(w.e), 0);
	assert_int_equal(next(&w, message).kind, WIRE_SAMPLE);
	for (unsigned part = 0; part < 2; part++) {
		size_t n = wire_put_header(
			message, WIRE_HITS, part == 0 ? WIRE_FIRST : WIRE_LAST, WIRE_ITEMS_MAX);
		for (unsigned i = 0; i < WIRE_ITEMS_MAX; i++) {
			struct enforce_hit hit = {.len = 128, .count = part * WIRE_ITEMS_MAX + i};
			n += wire_put_hit(message + n, &hit);
		}
		assert_int_equal(fdpass_send(w.other, message, n, -1), 0);
		assert_int_equal(enforce_dispatch(w.e), 0);
		assert_int_equal(w.samples, part);
	}
	assert_int_equal(w.hits, 2 * WIRE_ITEMS_MAX);
	world_close(&w);
}

static void questions_are_answered_in_order(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	struct enforce_order o = order("192.0.2.1");
	for (int i = 0; i < 3; i++)
		assert_int_equal(enforce_ask(w.e, ENFORCE_IN, &o.element.target, on_found, &w), 0);
	assert_int_equal(next(&w, message).kind, WIRE_ASK);
	send_answer(&w, WIRE_FOUND, &o, 0);
	send_answer(&w, WIRE_FOUND, &o, -ENOENT);
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(w.found, 1);
	assert_int_equal(w.missing, 1);
	assert_int_equal(w.error, 0);
	/* the third is answered by the end */
	closep(&w.other);
	w.other = -1;
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(w.missing, 2);
	assert_int_equal(w.error, -EPIPE);
	world_close(&w);
}

static void send_answered(struct world *w, uint32_t tag, int error)
{
	char message[WIRE_MESSAGE_MAX];
	struct wire_who who = {.len = 64, .error = error, .tag = tag};
	size_t n = wire_put_header(message, WIRE_ANSWERED, 0, 1);
	memcpy(message + n, &who, sizeof(who));
	assert_int_equal(fdpass_send(w->other, message, n + sizeof(who), -1), 0);
}

/* What comes before its answer is kept, in order, and lost by no one. */
static void a_question_waits_for_its_answer(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	struct enforce_order o = order("2001:db8::/64");
	send_answer(&w, WIRE_ANSWERS, &o, -ENOSPC);
	size_t n = wire_put_header(message, WIRE_DRIFT, 0, 0);
	assert_int_equal(fdpass_send(w.other, message, n, -1), 0);
	send_answered(&w, 1, 0);
	assert_int_equal(enforce_answered(w.e, ENFORCE_RDP, &o.element.target), 1);
	struct wire_message m = next(&w, message);
	assert_int_equal(m.kind, WIRE_WHO);
	struct wire_who who = wire_get_who(&m);
	assert_int_equal(who.service, ENFORCE_RDP);
	assert_int_equal(who.len, 64);
	assert_memory_equal(who.addr, o.element.target.addr.b, sizeof(who.addr));
	assert_int_equal(w.answers + w.drifts, 0);
	assert_true(enforce_has_kept(w.e));

	send_answer(&w, WIRE_ANSWERS, &o, 0); /* later than what was kept */
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_false(enforce_has_kept(w.e));
	assert_int_equal(w.answers, 2);
	assert_int_equal(w.drifts, 1);
	assert_int_equal(w.error, 0);
	world_close(&w);
}

static void each_question_has_its_own_answer(void **state)
{
	(void)state;
	struct world w;
	world_open(&w, false);
	struct prefix who = order("192.0.2.1").element.target;
	send_answered(&w, 1, -ENOENT);
	assert_int_equal(enforce_answered(w.e, ENFORCE_MYSQL, &who), 0);
	send_answered(&w, 1, 0); /* nobody waits for it */
	send_answered(&w, 2, -EPERM);
	assert_int_equal(enforce_answered(w.e, ENFORCE_MYSQL, &who), -EPERM);
	assert_int_equal(enforce_dispatch(w.e), 0);
	send_answered(&w, 2, 0);
	assert_int_equal(enforce_dispatch(w.e), 0);
	/* nobody answers */
	assert_int_equal(enforce_answered(w.e, ENFORCE_MYSQL, &who), -ETIMEDOUT);
	send_answered(&w, 3, 0);
	send_answered(&w, 4, -ENOENT);
	assert_int_equal(enforce_answered(w.e, ENFORCE_MYSQL, &who), 0);
	closep(&w.other);
	w.other = -1;
	assert_int_equal(enforce_answered(w.e, ENFORCE_MYSQL, &who), -EPIPE);
	assert_int_equal(w.gone, 0); /* is for the dispatch to tell */
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(w.gone, 1);
	assert_int_equal(enforce_answered(w.e, ENFORCE_MYSQL, &who), -EPIPE);
	world_close(&w);
}

static void nonsense_is_no_answer(void **state)
{
	(void)state;
	struct world w;
	world_open(&w, false);
	struct prefix who = order("192.0.2.1").element.target;
	assert_int_equal(fdpass_send(w.other, "nonsense", 8, -1), 0);
	assert_int_equal(enforce_answered(w.e, ENFORCE_MYSQL, &who), -EBADMSG);
	world_close(&w);
}

static void drift_and_state_are_told(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	assert_false(enforce_get_state(w.e)->ready);
	struct enforce_state s = {.ready = true, .table = 7};
	size_t n = wire_put_header(message, WIRE_STATE, 0, 1);
	n += wire_put_state(message + n, &s);
	assert_int_equal(fdpass_send(w.other, message, n, -1), 0);
	n = wire_put_header(message, WIRE_DRIFT, 0, 0);
	assert_int_equal(fdpass_send(w.other, message, n, -1), 0);
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_true(enforce_get_state(w.e)->ready);
	assert_int_equal(enforce_get_state(w.e)->table, 7);
	assert_int_equal(w.drifts, 1);
	world_close(&w);
}

static void the_end_is_told_once(void **state)
{
	(void)state;
	struct world w;
	world_open(&w, false);
	closep(&w.other);
	w.other = -1;
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(w.gone, 1);
	assert_int_equal(enforce_fd(w.e), -1);
	struct enforce_order o = order("192.0.2.1");
	assert_int_equal(enforce_submit(w.e, &o, 1), -EPIPE);
	assert_int_equal(enforce_sync(w.e, NULL, 0), -EPIPE);
	assert_int_equal(enforce_sample(w.e), -EPIPE);
	world_close(&w);
}

static void nonsense_ends_the_talk(void **state)
{
	(void)state;
	struct world w;
	world_open(&w, false);
	assert_int_equal(fdpass_send(w.other, "nonsense", 8, -1), 0);
	assert_int_equal(enforce_dispatch(w.e), -EBADMSG);
	assert_int_equal(w.gone, 1);
	world_close(&w);
}

static void without_room_orders_wait(void **state)
{
	(void)state;
	struct world w;
	char message[WIRE_MESSAGE_MAX];
	world_open(&w, false);
	static struct enforce_order many[400000];
	for (size_t i = 0; i < countof(many); i++)
		many[i].element.target = (struct prefix){addr_from_v4((uint32_t)i), 128};
	assert_int_equal(enforce_submit(w.e, many, countof(many)), 0);
	assert_true(enforce_wants_write(w.e));
	for (size_t got = 0; got < countof(many);) {
		struct wire_message m = next(&w, message);
		for (size_t i = 0; i < m.count; i++, got++) {
			struct enforce_order o = wire_get_order(&m, i, NULL);
			struct addr expected = addr_from_v4((uint32_t)got);
			assert_true(addr_eq(&o.element.target.addr, &expected));
		}
		assert_int_equal(enforce_dispatch(w.e), 0);
	}
	assert_false(enforce_wants_write(w.e));
	world_close(&w);
}

static void observe_mode_pretends_nothing(void **state)
{
	(void)state;
	struct world w;
	world_open(&w, true);
	assert_true(enforce_observes(w.e));
	assert_int_equal(enforce_fd(w.e), -1);
	assert_false(enforce_wants_write(w.e));
	assert_false(enforce_get_state(w.e)->ready);
	const struct enforce_order orders[] = {order("192.0.2.1"), order("192.0.2.2")};
	assert_int_equal(enforce_submit(w.e, orders, 2), 0);
	assert_int_equal(w.answers, 2);
	assert_int_equal(w.error, -ENOTSUP);
	assert_int_equal(enforce_sync(w.e, &orders[0].element, 1), 0);
	assert_int_equal(w.answers, 3);
	assert_int_equal(w.tag, 0);
	assert_int_equal(w.syncs, 1);
	assert_int_equal(w.result.error, -ENOTSUP);
	assert_int_equal(enforce_sample(w.e), 0);
	assert_int_equal(w.samples, 1);
	assert_int_equal(enforce_ask(w.e, ENFORCE_IN, &orders[0].element.target, on_found, &w), 0);
	assert_int_equal(w.missing, 1);
	assert_int_equal(w.error, -ENOTSUP);
	assert_int_equal(enforce_answered(w.e, ENFORCE_RDP, &orders[0].element.target), -ENOTSUP);
	assert_int_equal(enforce_dispatch(w.e), 0);
	assert_int_equal(w.gone, 0);
	world_close(&w);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_goes_out_and_its_answer_comes_in),
		cmocka_unit_test(an_answer_may_order_again),
		cmocka_unit_test(a_long_sync_goes_in_parts),
		cmocka_unit_test(a_sync_leaves_while_it_is_made),
		cmocka_unit_test(a_sample_in_parts_is_told_once),
		cmocka_unit_test(questions_are_answered_in_order),
		cmocka_unit_test(a_question_waits_for_its_answer),
		cmocka_unit_test(each_question_has_its_own_answer),
		cmocka_unit_test(nonsense_is_no_answer),
		cmocka_unit_test(drift_and_state_are_told),
		cmocka_unit_test(the_end_is_told_once),
		cmocka_unit_test(nonsense_ends_the_talk),
		cmocka_unit_test(without_room_orders_wait),
		cmocka_unit_test(observe_mode_pretends_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
