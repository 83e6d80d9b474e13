/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet/place.h"

#include "core/settings.h"
#include "fleet/protocol.h"

#include <errno.h>
#include <netdb.h>
#include <resolv.h>

#define SCHEME "https://"

/* A port that is written, or ours. */
static bool has_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *bracket = strrchr(text, ']');
	return bracket ? colon && colon > bracket : colon && strchr(text, ':') == colon;
}

int place_parse(const char *text, struct place *ret, struct err *err)
{
	char where[256];
	struct place p = {0};
	struct slice host, rest = slice_of(text);
	if (slice_starts(rest, SLICE(SCHEME)))
		rest = slice_skip(rest, strlen(SCHEME));
	if (slice_ends(rest, SLICE("/")))
		rest.n--;
	int n = snprintf(where, sizeof(where), "%.*s", SLICE_ARG(rest));
	if (n > 0 && (size_t)n < sizeof(where) && !has_port(where))
		n += snprintf(where + n, sizeof(where) - (size_t)n, ":%d", FLEET_PORT);
	if (n <= 0 || (size_t)n >= sizeof(where) - strlen(SCHEME) ||
		!settings_place(slice_of(where), &host, &p.port) || host.n >= sizeof(p.host))
		return err_set(err, -EINVAL, "%s: not https://HOST:PORT", text);
	(void)snprintf(
		p.url, sizeof(p.url), SCHEME "%.*s", (int)(sizeof(p.url) - sizeof(SCHEME)), where);
	(void)snprintf(p.host, sizeof(p.host), "%.*s", SLICE_ARG(host));
	p.literal = addr_parse(host, &p.list[0]);
	p.n = p.literal;
	*ret = p;
	return 0;
}

/* A resolver that is cut off must not hold the thread for half a minute. */
static void be_impatient(void)
{
	static _Thread_local bool done;
	if (done || res_init() != 0)
		return;
	_res.retrans = 2;
	_res.retry = 1;
	done = true;
}

int place_resolve(struct place *p, struct err *err)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found = NULL;
	struct addr a;
	if (p->literal)
		return 0;
	be_impatient();
	int r = getaddrinfo(p->host, NULL, &hints, &found);
	if (r != 0)
		return err_set(err, -EHOSTUNREACH, "%s: %s", p->host, gai_strerror(r));
	unsigned n = 0;
	for (const struct addrinfo *i = found; i && n < countof(p->list); i = i->ai_next)
		if (addr_from_sockaddr(i->ai_addr, &a, NULL))
			p->list[n++] = a;
	freeaddrinfo(found);
	if (n == 0)
		return err_set(err, -EHOSTUNREACH, "%s has no address", p->host);
	p->n = n;
	return 0;
}
