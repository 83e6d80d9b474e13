/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/wire.h"

#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct enforce_order order(void)
{
	struct enforce_order o = {
		.element = {.list = ENFORCE_OUT, .expires = 1700000000000, .record = -5},
		.remove = true,
		.tag = UINT64_MAX,
	};
	assert_true(prefix_parse(slice_of("2001:db8::/33"), &o.element.target));
	return o;
}

/* A good WIRE_ORDERS message of n items; returns its size. */
static size_t good(char *message, size_t n)
{
	struct enforce_order o = order();
	size_t size = wire_put_header(message, WIRE_ORDERS, 0, n);
	for (size_t i = 0; i < n; i++)
		size += wire_put_order(message + size, &o, 0);
	return size;
}

static void orders_come_back_as_they_went(void **state)
{
	(void)state;
	char message[WIRE_MESSAGE_MAX];
	size_t n = good(message, WIRE_ITEMS_MAX);
	struct wire_message m;
	assert_int_equal(n, WIRE_MESSAGE_MAX);
	assert_int_equal(wire_decode(WIRE_TO_ENFORCER, message, n, &m), 0);
	assert_int_equal(m.kind, WIRE_ORDERS);
	assert_int_equal(m.count, WIRE_ITEMS_MAX);
	struct enforce_order sent = order(), o = wire_get_order(&m, WIRE_ITEMS_MAX - 1, NULL);
	assert_true(prefix_eq(&o.element.target, &sent.element.target));
	assert_int_equal(o.element.list, ENFORCE_OUT);
	assert_true(o.element.expires == sent.element.expires);
	assert_true(o.element.record == -5);
	assert_true(o.remove);
	assert_true(o.tag == UINT64_MAX);
}

static void answers_carry_the_error(void **state)
{
	(void)state;
	char message[WIRE_MESSAGE_MAX];
	struct enforce_order o = order();
	size_t n = wire_put_header(message, WIRE_ANSWERS, 0, 1);
	n += wire_put_order(message + n, &o, -ENOSPC);
	struct wire_message m;
	int error;
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n, &m), 0);
	(void)wire_get_order(&m, 0, &error);
	assert_int_equal(error, -ENOSPC);
}

static void the_rest_comes_back_as_it_went(void **state)
{
	(void)state;
	char message[WIRE_MESSAGE_MAX];
	struct wire_message m;
	struct enforce_state s = {.ready = true,
		.owner = true,
		.error = -EPERM,
		.table = 1ULL << 40,
		.kernel = "6.1.0",
		.lacks = "much"};
	size_t n = wire_put_header(message, WIRE_STATE, 0, 1);
	n += wire_put_state(message + n, &s);
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n, &m), 0);
	struct enforce_state t = wire_get_state(&m);
	assert_true(t.ready && t.owner && t.error == -EPERM && t.table == 1ULL << 40);
	assert_string_equal(t.kernel, "6.1.0");
	assert_string_equal(t.lacks, "much");

	struct enforce_sync_result r = {-EIO, 1, 2, 3, 4};
	n = wire_put_header(message, WIRE_SYNCED, 0, 1);
	n += wire_put_synced(message + n, &r);
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n, &m), 0);
	struct enforce_sync_result q = wire_get_synced(&m);
	assert_memory_equal(&q, &r, sizeof(r));

	struct enforce_hit h = {
		.source = addr_from_v4(1), .len = 128, .port = 22, .count = 9, .latest = 77};
	n = wire_put_header(message, WIRE_HITS, WIRE_FIRST | WIRE_LAST, 1);
	n += wire_put_hit(message + n, &h);
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n, &m), 0);
	assert_true(m.first && m.last);
	struct enforce_hit g = wire_get_hit(&m, 0);
	assert_true(addr_eq(&g.source, &h.source));
	assert_true(g.len == 128 && g.port == 22 && g.count == 9 && g.latest == 77);
}

/* A good question; the enforcer's answer is the same with an error. */
static size_t question(char *message, enum wire_kind kind, int error)
{
	struct wire_who who = {.addr = {0x20, 1},
		.len = 64,
		.service = ENFORCE_RDP,
		.error = error,
		.tag = UINT32_MAX};
	size_t n = wire_put_header(message, kind, 0, 1);
	memcpy(message + n, &who, sizeof(who));
	return n + sizeof(who);
}

static void questions_are_checked_on_both_sides(void **state)
{
	(void)state;
	enum { ITEM = sizeof(struct wire_header) };
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{2, 0},
		{2, 2},
		{1, WIRE_LAST},
		{ITEM + offsetof(struct wire_who, len), 0},
		{ITEM + offsetof(struct wire_who, len), 96},
		{ITEM + offsetof(struct wire_who, addr) + 8, 1}, /* host bits */
		{ITEM + offsetof(struct wire_who, service), ENFORCE_SERVED},
		{ITEM + offsetof(struct wire_who, zero), 1},
		{ITEM + offsetof(struct wire_who, zero) + 1, 1},
		{ITEM + offsetof(struct wire_who, error), 1},
	};
	static const struct {
		enum wire_kind kind;
		enum wire_side side, other;
	} ways[] = {{WIRE_WHO, WIRE_TO_ENFORCER, WIRE_TO_ENGINE},
		{WIRE_ANSWERED, WIRE_TO_ENGINE, WIRE_TO_ENFORCER}};
	char message[WIRE_MESSAGE_MAX];
	struct wire_message m;
	for (size_t k = 0; k < countof(ways); k++) {
		size_t n = question(message, ways[k].kind, 0);
		assert_int_equal(wire_decode(ways[k].side, message, n, &m), 0);
		struct wire_who who = wire_get_who(&m);
		assert_true(who.len == 64 && who.service == ENFORCE_RDP && who.tag == UINT32_MAX);
		assert_int_equal(wire_decode(ways[k].other, message, n, &m), -EBADMSG);
		assert_int_equal(wire_decode(ways[k].side, message, n - 1, &m), -EBADMSG);
		for (size_t i = 0; i < countof(wrong); i++) {
			n = question(message, ways[k].kind, 0);
			message[wrong[i].at] = (char)wrong[i].value;
			assert_int_equal(wire_decode(ways[k].side, message, n, &m), -EBADMSG);
		}
		/* only the enforcer has errors to tell */
		n = question(message, ways[k].kind, -ENOENT);
		assert_int_equal(wire_decode(ways[k].side, message, n, &m),
			ways[k].kind == WIRE_WHO ? -EBADMSG : 0);
	}
}

/* Each changes one byte of a good message of one order. */
static void one_wrong_byte_is_refused(void **state)
{
	(void)state;
	enum { ITEM = sizeof(struct wire_header) };
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{0, 0},           /* kind */
		{0, WIRE_KINDS},  /* kind */
		{0, WIRE_STATE},  /* the other side's kind */
		{0, WIRE_SAMPLE}, /* has no items */
		{1, WIRE_FIRST},  /* orders are never in parts */
		{1, 0x80},        /* no such flag */
		{2, 0},           /* count */
		{2, 2},           /* count */
		{3, 2},           /* count: 513 */
		{4, 1},           /* zero */
		{ITEM + offsetof(struct wire_order, len), 129},
		{ITEM + offsetof(struct wire_order, len), 2}, /* host bits */
		{ITEM + offsetof(struct wire_order, addr) + 15, 1},
		{ITEM + offsetof(struct wire_order, list), ENFORCE_LISTS},
		{ITEM + offsetof(struct wire_order, remove), 2},
		{ITEM + offsetof(struct wire_order, zero), 1},
		{ITEM + offsetof(struct wire_order, error), 1},
		{ITEM + offsetof(struct wire_order, expires) + 7, 0x80}, /* negative */
	};
	for (size_t i = 0; i < countof(wrong); i++) {
		char message[WIRE_MESSAGE_MAX];
		struct wire_message m;
		size_t n = good(message, 1);
		message[wrong[i].at] = (char)wrong[i].value;
		assert_int_equal(wire_decode(WIRE_TO_ENFORCER, message, n, &m), -EBADMSG);
	}
}

static void every_other_length_is_refused(void **state)
{
	(void)state;
	char message[WIRE_MESSAGE_MAX + 1] = {0};
	struct wire_message m;
	size_t n = good(message, 3);
	for (size_t k = 0; k <= WIRE_MESSAGE_MAX; k++) {
		int expected = k == n ? 0 : -EBADMSG;
		/* exactly k bytes, so that a sanitizer sees a read beyond them */
		char *copy = malloc(k + (k == 0));
		assert_non_null(copy);
		memcpy(copy, message, k);
		assert_int_equal(wire_decode(WIRE_TO_ENFORCER, copy, k, &m), expected);
		free(copy);
	}
}

static void the_engine_checks_too(void **state)
{
	(void)state;
	char message[WIRE_MESSAGE_MAX];
	struct wire_message m;
	size_t n = good(message, 1);
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n, &m), -EBADMSG);

	struct wire_state s = {.ready = 1};
	memset(s.kernel, 'x', sizeof(s.kernel));
	n = wire_put_header(message, WIRE_STATE, 0, 1);
	memcpy(message + n, &s, sizeof(s));
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n + sizeof(s), &m), -EBADMSG);

	struct wire_synced synced = {.error = 1};
	n = wire_put_header(message, WIRE_SYNCED, 0, 1);
	memcpy(message + n, &synced, sizeof(synced));
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n + sizeof(synced), &m), -EBADMSG);

	struct wire_hit hit = {.len = 32};
	n = wire_put_header(message, WIRE_HITS, 0, 1);
	memcpy(message + n, &hit, sizeof(hit));
	assert_int_equal(wire_decode(WIRE_TO_ENGINE, message, n + sizeof(hit), &m), -EBADMSG);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_come_back_as_they_went),
		cmocka_unit_test(answers_carry_the_error),
		cmocka_unit_test(the_rest_comes_back_as_it_went),
		cmocka_unit_test(questions_are_checked_on_both_sides),
		cmocka_unit_test(one_wrong_byte_is_refused),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(the_engine_checks_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
