/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/import_parts.h"

#include "base/util.h"

#include <ctype.h>
#include <errno.h>

/* --- words and lines --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct slice import_trim(struct slice s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = slice_skip(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool import_line(struct import *m, struct slice *ret)
{
	if (m->text.n == 0)
		return false;
	const char *end = memchr(m->text.p, '\n', m->text.n);
	struct slice line = end ? slice_between(m->text.p, end) : m->text;
	m->text = slice_skip(m->text, line.n + (end != NULL));
	m->line++;
	*ret = import_trim(line);
	return true;
}

struct slice import_word(struct slice *rest)
{
	struct slice s = import_trim(*rest);
	size_t n = 0;
	bool quoted = s.n > 0 && s.p[0] == '"';
	for (n = quoted; n < s.n && (quoted || !is_blank(s.p[n])); n++)
		if (quoted && s.p[n] == '"') {
			n++;
			break;
		}
	*rest = slice_skip(s, n);
	return (struct slice){s.p, n};
}

struct slice import_unquote(struct slice word)
{
	bool quoted = word.n >= 2 && word.p[0] == '"' && word.p[word.n - 1] == '"';
	return quoted ? (struct slice){word.p + 1, word.n - 2} : word;
}

bool import_is(struct slice word, const char *text)
{
	return slice_eq(word, slice_of(text));
}

bool import_one_of(char c, const char *these)
{
	return c != '\0' && strchr(these, c);
}

static bool read_unit(struct slice *text, int64_t *ret)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
		{"w", 604800000}};
	for (size_t i = 0; i < countof(units); i++)
		if (slice_starts(*text, slice_of(units[i].name))) {
			*text = slice_skip(*text, strlen(units[i].name));
			*ret = units[i].ms;
			return true;
		}
	return false;
}

bool import_duration(struct slice text, int64_t *ret_ms)
{
	int64_t sum = 0, unit = 0;
	if (text.n == 0)
		return false;
	while (text.n > 0) {
		int64_t number = 0;
		size_t digits = 0;
		for (; text.n > 0 && isdigit((unsigned char)text.p[0]) && digits < 10; digits++) {
			number = number * 10 + (text.p[0] - '0');
			text = slice_skip(text, 1);
		}
		if (digits == 0)
			return false;
		if (text.n == 0 && unit == 0) /* a number alone */
			unit = 1000;
		else if (!read_unit(&text, &unit))
			return false;
		sum += number * unit; /* < 10^10 weeks each: text would have to be megabytes */
		if (sum > INT64_MAX / 4)
			return false;
	}
	*ret_ms = sum;
	return true;
}

/* --- what was found --- */

static bool grow(void **array, size_t n, size_t *size, size_t item, size_t most, int *error)
{
	if (n < *size)
		return true;
	size_t wanted = *size ? *size * 2 : 256;
	void *p = n < most ? reallocarray(*array, wanted, item) : NULL;
	if (!p) {
		*error = n < most ? -ENOMEM : -E2BIG;
		return false;
	}
	*array = p;
	*size = wanted;
	return true;
}

void import_refuse(struct import *m, struct slice text, unsigned line, const char *why)
{
	struct import_list *l = m->list;
	if (m->error || !grow((void **)&l->refusals, l->refusal_count, &l->refusal_size,
				sizeof(*l->refusals), IMPORT_REFUSALS_MAX, &m->error))
		return;
	l->refusals[l->refusal_count++] =
		(struct import_refusal){.text = text, .why = why, .line = line};
}

static void add(struct import *m, const struct prefix *target, struct slice text, unsigned line,
	const struct import_more *more)
{
	struct import_list *l = m->list;
	if (m->error || !grow((void **)&l->entries, l->n, &l->size, sizeof(*l->entries),
				IMPORT_ENTRIES_MAX, &m->error))
		return;
	l->entries[l->n++] = (struct import_entry){.target = *target,
		.in = more->in,
		.out = more->out,
		.expires = more->expires,
		.text = text,
		.why = more->why,
		.line = line};
}

static struct addr last_of(const struct prefix *p)
{
	struct addr a = p->addr;
	for (unsigned bit = p->len; bit < 128; bit++)
		a.b[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	return a;
}

static void step(struct addr *a)
{
	for (int i = 15; i >= 0 && ++a->b[i] == 0; i--)
		;
}

static int order(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

/* The fewest prefixes that are exactly first to last. */
static void add_range(struct import *m, struct addr first, const struct addr *last,
	struct slice text, unsigned line, const struct import_more *more)
{
	unsigned shortest = addr_is_v4(&first) ? 96 : 0;
	for (;;) {
		struct prefix p = prefix_of(&first, 128);
		while (p.len > shortest) {
			struct prefix wider = prefix_of(&first, p.len - 1u);
			struct addr end = last_of(&wider);
			if (!addr_eq(&wider.addr, &first) || order(&end, last) > 0)
				break;
			p = wider;
		}
		add(m, &p, text, line, more);
		first = last_of(&p);
		if (m->error || order(&first, last) >= 0)
			return;
		step(&first);
	}
}

/* "a-b"; 1: it is none. */
static int take_range(
	struct import *m, struct slice text, unsigned line, const struct import_more *more)
{
	const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
	struct addr first, last;
	if (!dash || !addr_parse(import_trim(slice_between(text.p, dash)), &first) ||
		!addr_parse(import_trim(slice_between(dash + 1, text.p + text.n)), &last))
		return 1;
	if (addr_is_v4(&first) != addr_is_v4(&last) || order(&first, &last) > 0)
		import_refuse(m, text, line, "a range has to go from the lower address up");
	else
		add_range(m, first, &last, text, line, more);
	return 0;
}

void import_take(struct import *m, struct slice text, unsigned line, const struct import_more *more)
{
	struct prefix p;
	if (prefix_parse(text, &p)) {
		if (more->netmask && more->netmask < p.len)
			p = prefix_of(&p.addr, more->netmask);
		add(m, &p, text, line, more);
	} else if (take_range(m, text, line, more) != 0) {
		import_refuse(m, text, line, "not an address, prefix or range");
	}
}

/* --- named sets --- */

/* What one does not want to block goes by such names. */
static bool sounds_allowed(struct slice name)
{
	static const char *const words[] = {
		"allow", "white", "trust", "accept", "permit", "ignore", "exempt", "bypass"};
	char low[128];
	size_t n = MIN_OF(name.n, sizeof(low) - 1);
	for (size_t i = 0; i < n; i++)
		low[i] = (char)tolower((unsigned char)name.p[i]);
	low[n] = '\0';
	for (size_t i = 0; i < countof(words); i++)
		if (strstr(low, words[i]))
			return true;
	return false;
}

static bool is_asked(const struct import_how *how, struct slice name)
{
	for (unsigned i = 0; i < how->set_count; i++)
		if (import_is(name, how->sets[i]))
			return true;
	return false;
}

struct import_set *import_set(struct import *m, struct slice name)
{
	for (unsigned i = 0; i < m->set_count; i++)
		if (slice_eq(m->sets[i].name, name))
			return &m->sets[i];
	if (m->set_count == IMPORT_SETS_MAX) {
		m->error = m->error ? m->error : -E2BIG;
		return NULL;
	}
	struct import_set *s = &m->sets[m->set_count++];
	bool asked = is_asked(m->how, name);
	*s = (struct import_set){.name = name, .unasked = m->how->set_count > 0 && !asked};
	if (!asked && sounds_allowed(name))
		s->refused = "a set of this name may hold what is not to be blocked "
			     "(--set takes it all the same)";
	return s;
}

bool import_set_takes(struct import *m, struct import_set *set, unsigned line)
{
	if (!set || set->unasked)
		return false;
	if (!set->refused)
		return true;
	if (!set->said)
		import_refuse(m, set->name, line, set->refused);
	set->said = true;
	return false;
}

/* A set that was asked for and is not there is a mistake. */
static void refuse_missing_sets(struct import *m)
{
	for (unsigned i = 0; i < m->how->set_count; i++) {
		bool found = false;
		for (unsigned k = 0; k < m->set_count; k++)
			found = found || import_is(m->sets[k].name, m->how->sets[i]);
		if (!found)
			import_refuse(m, slice_of(m->how->sets[i]), m->line, "no such set");
	}
}

/* --- which of them it is --- */

typedef void import_reader(struct import *m);

static import_reader *tell_by_line(struct slice line)
{
	static const struct {
		const char *first, *second; /* words; NULL: any */
		import_reader *read;
	} beginnings[] = {{"table", NULL, import_nft}, {"set", NULL, import_nft},
		{"map", NULL, import_nft}, {"flush", "ruleset", import_nft},
		{"create", NULL, import_ipset}, {"add", NULL, import_ipset}};
	struct slice rest = line, first = import_word(&rest), second = import_word(&rest);
	if (line.p[0] == '[' || line.p[0] == '{')
		return import_fail2ban;
	for (size_t i = 0; i < countof(beginnings); i++)
		if (import_is(first, beginnings[i].first) && second.n > 0 &&
			(!beginnings[i].second || import_is(second, beginnings[i].second)))
			return beginnings[i].read;
	return import_is_csv(line) ? import_csv : import_plain;
}

/* The first line that is neither empty nor a comment decides. */
static import_reader *tell(const struct import *m)
{
	struct import look = {.text = m->text};
	struct slice line;
	while (import_line(&look, &line))
		if (line.n > 0 && line.p[0] != '#' && line.p[0] != ';')
			return tell_by_line(line);
	return import_plain;
}

int import_read(struct slice text, const struct import_how *how, struct import_list *ret)
{
	static const struct slice mark = {"\xef\xbb\xbf", 3};
	_cleanup_(freep) struct import_set *sets = calloc(IMPORT_SETS_MAX, sizeof(*sets));
	struct import m = {.how = how, .list = ret, .text = text, .sets = sets};
	*ret = (struct import_list){0};
	if (!sets)
		return -ENOMEM;
	if (slice_starts(m.text, mark))
		m.text = slice_skip(m.text, mark.n);
	tell (&m)(&m);
	refuse_missing_sets(&m);
	return m.error;
}

void import_done(struct import_list *list)
{
	free(list->entries);
	free(list->refusals);
	*list = (struct import_list){0};
}

/* Length of the UTF-8 sequence that s begins with (RFC 3629); 0: none. */
static size_t sequence(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned char c = p[0], low = 0x80, high = 0xbf;
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	if (n == 0 || n > s.n)
		return 0;
	if (c == 0xe0 || c == 0xf0) /* longer than it need be */
		low = c == 0xe0 ? 0xa0 : 0x90;
	if (c == 0xed || c == 0xf4) /* surrogates, beyond U+10FFFF */
		high = c == 0xed ? 0x9f : 0x8f;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return n;
}

const char *import_why(struct slice raw, char ret[static CUSTOM_WHY_MAX])
{
	size_t n = 0;
	raw = import_trim(raw);
	while (raw.n > 0) {
		size_t length = sequence(raw), skip = MAX_OF(length, 1);
		bool plain = length == 1 && (unsigned char)raw.p[0] >= 0x20 && raw.p[0] != 0x7f;
		if (n + skip >= CUSTOM_WHY_MAX)
			break;
		if (length > 1 || plain)
			memcpy(ret + n, raw.p, length);
		else
			ret[n] = length == 1 ? ' ' : '?';
		n += skip;
		if (slice_starts(raw, SLICE("\"\""))) /* CSV's way to write one */
			skip = 2;
		raw = slice_skip(raw, skip);
	}
	ret[n] = '\0';
	return ret;
}
