/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/request.h"

#include <assert.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trim(struct slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = slice_skip(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice http_header_slice(const struct http_request *r, struct slice name)
{
	for (unsigned i = 0; i < r->header_count; i++) {
		const struct http_header *h = &r->headers[i];
		if (h->name.n == name.n && strncasecmp(h->name.p, name.p, name.n) == 0)
			return trim(h->value);
	}
	return SLICE_NULL;
}

struct slice http_header(const struct http_request *r, const char *name)
{
	return http_header_slice(r, slice_of(name));
}

bool http_is_local(const struct http_request *r)
{
	static const struct addr v6 = {.b = {[15] = 1}};
	return addr_eq(&r->peer, &v6) || (addr_is_v4(&r->peer) && r->peer.b[12] == 127);
}

bool http_has_type(const struct http_request *r, struct slice type)
{
	struct slice s = http_header(r, "content-type");
	return s.p && s.n >= type.n && strncasecmp(s.p, type.p, type.n) == 0 &&
	       (s.n == type.n || s.p[type.n] == ';' || is_blank(s.p[type.n]));
}

void http_add(struct http_response *r, const char *name, const char *value)
{
	unsigned i = 0;
	while (i < r->extra_count && strcmp(r->extra[i].name, name) != 0)
		i++;
	assert(i < HTTP_EXTRA_MAX);
	assert(strlen(value) < sizeof(r->extra[i].value));
	r->extra_count = MAX_OF(r->extra_count, i + 1);
	r->extra[i].name = name;
	(void)snprintf(r->extra[i].value, sizeof(r->extra[i].value), "%s", value);
}
