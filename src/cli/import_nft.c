/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft list set, table or ruleset:
 *   table inet filter {
 *   	set banned {
 *   		type ipv4_addr
 *   		flags interval,timeout
 *   		elements = { 192.0.2.1 timeout 1h expires 59m58s812ms comment "ssh",
 *   			     203.0.113.5-203.0.113.9 }
 *   	}
 *   }
 * Only what is in named sets counts: what a rule does with its own is not ours to guess.
 */
#include "cli/import_parts.h"

#include "base/clock.h"
#include "base/util.h"

struct nft {
	struct import *import;
	bool own; /* within Cordon's own table: its names are known */
};

/* A word, a text in quotes, or one of "{},;" and newline. Empty: the end. */
static struct slice next(struct import *m)
{
	struct slice *s = &m->text;
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\r'))
		*s = slice_skip(*s, 1);
	if (s->n > 0 && s->p[0] == '#') {
		const char *end = memchr(s->p, '\n', s->n);
		*s = end ? slice_skip(*s, (size_t)(end - s->p)) : (struct slice){s->p + s->n, 0};
	}
	if (s->n == 0)
		return SLICE_NULL;
	size_t n = 1;
	const char *quote = s->p[0] == '"' ? memchr(s->p + 1, '"', s->n - 1) : NULL;
	if (quote)
		n = (size_t)(quote - s->p) + 1;
	else if (!import_one_of(s->p[0], "{},;\n"))
		while (n < s->n && !import_one_of(s->p[n], " \t\r\n{},;"))
			n++;
	struct slice token = {s->p, n};
	m->line += token.p[0] == '\n';
	*s = slice_skip(*s, n);
	return token;
}

static bool is_mark(struct slice token, char c)
{
	return token.n == 1 && token.p[0] == c;
}

/* The rest of a statement, with every block that begins in it; not the brace that ends the block
   it is in. */
static void skip_statement(struct import *m)
{
	unsigned depth = 0;
	for (;;) {
		struct import before = *m;
		struct slice token = next(m);
		if (token.n == 0)
			return;
		if (is_mark(token, '}') && depth == 0) {
			m->text = before.text;
			m->line = before.line;
			return;
		}
		if (depth == 0 && (is_mark(token, '\n') || is_mark(token, ';')))
			return;
		depth += is_mark(token, '{');
		depth -= is_mark(token, '}');
	}
}

/* "type ipv4_addr . inet_service": what kind of thing its elements are. */
static void read_type(struct import *m, struct import_set *set)
{
	struct slice type = next(m), more = next(m);
	bool address = import_is(type, "ipv4_addr") || import_is(type, "ipv6_addr");
	if (!set->refused && (!address || (!is_mark(more, '\n') && !is_mark(more, ';'))))
		set->refused = "a set that holds other things than addresses";
	if (!is_mark(more, '\n') && !is_mark(more, ';'))
		skip_statement(m);
}

struct element {
	struct slice key;
	unsigned line;
	struct import_more more;
	bool expires; /* what is left was said, not only how long it was to be */
	bool compound;
};

static void read_attribute(struct import *m, struct slice word, struct element *e)
{
	int64_t ms;
	bool expires = import_is(word, "expires");
	if (expires || import_is(word, "timeout")) {
		if (import_duration(next(m), &ms) && (expires || !e->expires)) {
			e->more.expires = m->how->now + MAX_OF(ms, MS_SECOND);
			e->expires = expires;
		}
	} else if (import_is(word, "comment")) {
		e->more.why = import_unquote(next(m));
	} else if (import_is(word, ".") || import_is(word, ":")) {
		e->compound = true;
	}
}

static void take_element(const struct nft *n, const struct import_set *set, struct element *e)
{
	struct import *m = n->import;
	e->more.netmask = set->netmask;
	e->more.in = set->in;
	e->more.out = set->out;
	if (n->own) /* the numbers of its records */
		e->more.why = SLICE_NULL;
	if (e->compound)
		import_refuse(
			m, e->key, e->line, "an address with something else (a port, a verdict)");
	else
		import_take(m, e->key, e->line, &e->more);
}

/* "= { A timeout 1h, B }" */
static void read_elements(const struct nft *n, struct import_set *set)
{
	struct import *m = n->import;
	struct element e = {0};
	for (struct slice token; !m->error && (token = next(m)).n > 0;) {
		bool last = is_mark(token, '}');
		if (last || is_mark(token, ',')) {
			if (e.key.n > 0 && import_set_takes(m, set, e.line))
				take_element(n, set, &e);
			e = (struct element){0};
			if (last)
				return;
		} else if (is_mark(token, '{') || is_mark(token, '\n') || import_is(token, "=")) {
			continue;
		} else if (e.key.n == 0) {
			e.key = token;
			e.line = m->line;
		} else {
			read_attribute(m, token, &e);
		}
	}
	import_refuse(m, e.key.n > 0 ? e.key : set->name, m->line, "the list ends in the middle");
}

/* Cordon's own sets: only those that block, each its own way. */
static void judge_own(struct import_set *set)
{
	bool out = slice_starts(set->name, SLICE("out"));
	bool in = slice_starts(set->name, SLICE("block")) || slice_starts(set->name, SLICE("net"));
	set->refused = NULL;
	set->unasked = set->unasked || (!in && !out);
	set->in = in;
	set->out = out;
	set->netmask = slice_ends(set->name, SLICE("64")) ? 64 : 0;
}

static void read_set(const struct nft *n, bool map)
{
	struct import *m = n->import;
	struct import_set *set = import_set(m, next(m));
	if (!set) {
		skip_statement(m);
		return;
	}
	if (n->own)
		judge_own(set);
	else if (map)
		set->refused = "a map: what it does with its addresses is not known";
	(void)next(m); /* { */
	for (struct slice token; !m->error && (token = next(m)).n > 0;) {
		if (is_mark(token, '}'))
			return;
		if (import_is(token, "type"))
			read_type(m, set);
		else if (import_is(token, "elements"))
			read_elements(n, set);
		else if (!is_mark(token, '\n') && !is_mark(token, ';'))
			skip_statement(m);
	}
}

/* "table inet NAME {": what is in it follows. */
static void enter_table(struct nft *n)
{
	struct slice name = SLICE_NULL;
	for (struct slice token; (token = next(n->import)).n > 0 && !is_mark(token, '{');)
		name = token;
	n->own = import_is(name, "cordon");
}

void import_nft(struct import *m)
{
	struct nft n = {.import = m};
	unsigned depth = 0;
	m->line = 1;
	for (struct slice token; !m->error && (token = next(m)).n > 0;) {
		bool end = is_mark(token, '}');
		if (end && depth > 0) {
			depth--;
		} else if (import_is(token, "table")) {
			enter_table(&n);
			depth++;
		} else if (import_is(token, "set") || import_is(token, "map")) {
			read_set(&n, import_is(token, "map"));
		} else if (end ||
			   (depth == 0 && !is_mark(token, '\n') && !import_is(token, "flush"))) {
			import_refuse(m, token, m->line, "not what nft list prints");
			skip_statement(m);
		} else if (!is_mark(token, '\n') && !is_mark(token, ';')) {
			skip_statement(m);
		}
	}
}
