/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/outbox.h"

#include "base/fdpass.h"
#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 60000

static void what_finds_no_room_waits_in_order(void **state)
{
	(void)state;
	int pair[2], fd;
	assert_int_equal(fdpass_pair(pair), 0);
	struct outbox o = {0};
	const unsigned sent = 400; /* 24 MB: more than any socket takes */
	for (unsigned i = 0; i < sent; i++) {
		char *p = outbox_put(&o, SIZE);
		assert_non_null(p);
		memset(p, (int)(i % 251), SIZE);
	}
	assert_int_equal(outbox_flush(&o, pair[0]), 0);
	assert_false(outbox_empty(&o));
	unsigned got = 0;
	char message[SIZE + 1];
	while (got < sent) {
		ssize_t n = fdpass_recv(pair[1], message, sizeof(message), &fd);
		if (n == -EAGAIN) {
			assert_int_equal(outbox_flush(&o, pair[0]), 0);
			continue;
		}
		assert_int_equal(n, SIZE);
		assert_int_equal((unsigned char)message[0], got % 251);
		assert_int_equal((unsigned char)message[SIZE - 1], got % 251);
		got++;
	}
	assert_true(outbox_empty(&o));
	outbox_done(&o);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void a_failed_put_is_taken_back_whole(void **state)
{
	(void)state;
	struct outbox o = {.waiting.limit = 100};
	assert_non_null(outbox_put(&o, 40));
	size_t mark = o.waiting.n;
	assert_non_null(outbox_put(&o, 20));
	assert_null(outbox_put(&o, 40));
	assert_int_equal(outbox_settle(&o, mark), -EMSGSIZE);
	assert_int_equal(o.waiting.n, mark);
	assert_non_null(outbox_put(&o, 20));
	assert_int_equal(outbox_settle(&o, mark), 0);
	outbox_done(&o);
}

static void what_waits_can_be_read_in_order(void **state)
{
	(void)state;
	struct outbox o = {0};
	struct slice message;
	assert_false(outbox_take(&o, &message));
	for (char c = 'a'; c < 'd'; c++)
		memset(outbox_put(&o, (size_t)(c - 'a' + 1)), c, (size_t)(c - 'a' + 1));
	assert_true(outbox_take(&o, &message) && slice_eq(message, SLICE("a")));
	assert_true(outbox_take(&o, &message) && slice_eq(message, SLICE("bb")));
	assert_true(outbox_take(&o, &message) && slice_eq(message, SLICE("ccc")));
	assert_true(outbox_empty(&o) && !outbox_take(&o, &message));
	outbox_done(&o);
}

static void a_closed_peer_is_an_error(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(fdpass_pair(pair), 0);
	(void)close(pair[1]);
	struct outbox o = {0};
	memset(outbox_put(&o, 4), 0, 4);
	assert_int_equal(outbox_flush(&o, pair[0]), -EPIPE);
	outbox_done(&o);
	(void)close(pair[0]);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_finds_no_room_waits_in_order),
		cmocka_unit_test(a_failed_put_is_taken_back_whole),
		cmocka_unit_test(what_waits_can_be_read_in_order),
		cmocka_unit_test(a_closed_peer_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
