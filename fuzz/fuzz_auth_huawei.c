/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole requests for the Huawei dialect, signed or not, well-formed or not. */
#include "api_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct core core;
	struct http_request rq = {0};
	struct slice text = {(const char *)data, size};
	fake_core_init(&core);
	core.now = INT64_C(1767323045000);
	fake_core_seed(&core);
	if (request_parse(text, &rq)) {
		if (!slice_starts(rq.path, SLICE("/v")))
			rq.path = SLICE("/v5/0123456789abcdef0123456789abcdef/event/blocked-ip");
		request_send(&core, text, &rq);
	}
	fake_core_done(&core);
	return 0;
}
