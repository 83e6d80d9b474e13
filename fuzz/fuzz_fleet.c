/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What agent and server send each other: the first byte says as what the rest is read. What is
 * taken is written, read and written again: both texts are the same, so nothing that was
 * understood is lost, and whatever one side writes the other takes.
 */
#include "fleet/plain.h"
#include "fleet/protocol.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads; appends what was understood to out. */
static int again_report(struct slice text, struct buf *out)
{
	struct report report;
	struct err err;
	int r = protocol_get_report(text, &report, &err);
	if (r == 0) {
		protocol_put_report(out, &report);
		report_done(&report);
	}
	return r;
}

static int again_wishes(struct slice text, struct buf *out)
{
	struct wishes wishes;
	struct err err;
	int r = protocol_get_wishes(text, &wishes, &err);
	if (r == 0) {
		protocol_put_wishes(out, &wishes);
		wishes_done(&wishes);
	}
	return r;
}

static int again_info(struct slice text, struct buf *out)
{
	struct agent_info info;
	struct err err;
	int r = protocol_get_info(text, &info, &err);
	if (r == 0)
		protocol_put_info(out, &info);
	return r;
}

static int again_enrol_request(struct slice text, struct buf *out)
{
	static struct enrol_request q;
	struct err err;
	int r = protocol_get_enrol_request(text, &q, &err);
	if (r == 0)
		protocol_put_enrol_request(out, &q);
	return r;
}

static int again_enrol_answer(struct slice text, struct buf *out)
{
	static struct enrol_answer a;
	struct err err;
	int r = protocol_get_enrol_answer(text, &a, &err);
	if (r == 0)
		protocol_put_enrol_answer(out, &a);
	return r;
}

static int again_number(struct slice text, struct buf *out)
{
	int64_t n;
	int r = protocol_get_number(text, "next", &n, NULL);
	if (r == 0)
		protocol_put_number(out, "next", n);
	return r;
}

static int again_error(struct slice text, struct buf *out)
{
	char why[160];
	protocol_get_error(text, why, sizeof(why));
	if (!plain_is(why, strlen(why)))
		abort();
	protocol_put_error(out, why);
	return 0;
}

static int (*const again[])(struct slice text, struct buf *out) = {
	again_report,
	again_wishes,
	again_info,
	again_enrol_request,
	again_enrol_answer,
	again_number,
	again_error,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_done) struct buf once = BUF_NULL, twice = BUF_NULL;
	if (size == 0)
		return 0;
	int (*fn)(struct slice text, struct buf * out) = again[data[0] % countof(again)];
	if (fn((struct slice){(const char *)data + 1, size - 1}, &once) != 0) {
		if (once.n > 0)
			abort();
		return 0;
	}
	if (fn(buf_as_slice(&once), &twice) != 0 ||
		!slice_eq(buf_as_slice(&once), buf_as_slice(&twice)))
		abort();
	return 0;
}
