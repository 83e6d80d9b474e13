/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/format/source.h"

#include <endian.h>

struct source source_of(struct slice text)
{
	struct source s = {0};
	uint32_t v4;
	if (text.n == 0)
		return s;
	/* how a daemon that listens on IPv6 writes it: quicker than addr_parse() */
	size_t mapped = slice_starts(text, SLICE("::ffff:")) ? 7 : 0;
	struct slice quad = slice_skip(text, mapped);
	if (quad.n <= 15 && addr_parse_v4(quad.p, quad.n, &v4)) {
		s.addr = addr_from_v4(v4);
		s.literal = true;
		return s;
	}
	const char *zone = memchr(text.p, '%', text.n);
	if (zone && memchr(text.p, ':', text.n))
		text = slice_between(text.p, zone);
	s.literal = addr_parse(text, &s.addr);
	return s;
}

struct source source_with_port(struct slice text)
{
	size_t n = text.n;
	unsigned port = 0, weight = 1;
	while (n && text.n - n < 5 && (unsigned)(text.p[n - 1] - '0') <= 9) {
		port += weight * (unsigned)(text.p[--n] - '0');
		weight *= 10;
	}
	if (n == text.n || n == 0 || text.p[n - 1] != ':' || port > UINT16_MAX)
		return (struct source){0};
	text.n = n - 1;
	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = (struct slice){text.p + 1, text.n - 2};
	struct source s = source_of(text);
	s.port = (uint16_t)port;
	return s;
}

/*
 * Stands where a pid would: another number for each v4 address. Two v6 addresses of one only part
 * sooner (below).
 */
static uint32_t number_of(const struct addr *a)
{
	uint64_t words[2];
	memcpy(words, a->b, sizeof(words));
	uint64_t h = (words[0] * 0x9e3779b97f4a7c15u ^ le64toh(words[1])) * 0xd6e8feb86659fd93u;
	return (uint32_t)(h >> 32);
}

struct session *source_session(struct session_table *t, enum service service, struct slice host,
	struct slice program, const struct source *source, int64_t time, int64_t together)
{
	if (!source->literal)
		return NULL;
	uint64_t key = session_key(host, program, number_of(&source->addr));
	struct session *s = together == SOURCE_ALWAYS ? NULL : session_find(t, key);
	bool over = s && time != EVENT_NO_TIME && time - s->last > together;
	s = session_get(t, key, time);
	if (over || (s->has_src && !addr_eq(&s->src, &source->addr)))
		session_renew(s);
	s->src = source->addr;
	s->has_src = true;
	s->service = (uint8_t)service;
	return s;
}

static void fill(struct event *e, const struct source *source, struct slice user)
{
	e->user = user;
	e->has_user = user.p != NULL;
	e->has_src = source->literal;
	if (source->literal) {
		e->src = source->addr;
		e->src_port = source->port;
	}
}

enum said source_failed(struct event *e, struct session *s, enum evidence evidence,
	const struct source *source, struct slice user)
{
	e->outcome = OUTCOME_FAILURE;
	e->evidence = evidence;
	e->session = s;
	fill(e, source, user);
	return SAID_LOGIN;
}

enum said source_succeeded(struct event *e, const struct source *source, struct slice user)
{
	e->outcome = OUTCOME_SUCCESS;
	fill(e, source, user);
	return SAID_LOGIN;
}
