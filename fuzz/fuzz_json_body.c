/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies (and queries) of callers who have proved themselves: HSS's list and PUT, IAM's login. */
#include "api_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKEN "00000000000000000000000000000000000000000000000000000000000000ff"

static void add_token(struct core *c)
{
	struct fake_token *t = &c->tokens[c->token_count++];
	(void)snprintf(t->text, sizeof(t->text), "%s", TOKEN);
	t->token = (struct token){.account = 1, .expires = INT64_MAX};
	(void)snprintf(t->token.key_id, sizeof(t->token.key_id), "%s", c->keys[0].id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct core core;
	struct http_request rq = {0};
	struct slice text = {(const char *)data, size};
	fake_core_init(&core);
	core.now = INT64_C(1767323045000);
	fake_core_seed(&core);
	add_token(&core);
	if (request_parse(text, &rq)) {
		rq.headers[0] = (struct http_header){SLICE("X-Auth-Token"), SLICE(TOKEN)};
		rq.header_count = MAX_OF(rq.header_count, 1U);
		if (slice_starts(rq.path, SLICE("/v3/")))
			rq.path = SLICE("/v3/auth/tokens");
		else
			rq.path = SLICE("/v5/0123456789abcdef0123456789abcdef/event/blocked-ip");
		request_send(&core, text, &rq);
	}
	fake_core_done(&core);
	return 0;
}
