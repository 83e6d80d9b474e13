/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ipset save:
 *   create f2b-sshd hash:ip family inet hashsize 1024 maxelem 65536 timeout 600 comment
 *   add f2b-sshd 192.0.2.1 timeout 534 comment "brute force"
 */
#include "cli/import_parts.h"

#include "base/util.h"

#include <ctype.h>

/* Of what kind a set's elements are; every other kind is refused. */
static bool holds_addresses(struct slice type)
{
	static const char *const types[] = {
		"hash:ip", "hash:net", "bitmap:ip", "iphash", "nethash"};
	for (size_t i = 0; i < countof(types); i++)
		if (import_is(type, types[i]))
			return true;
	return false;
}

static unsigned read_netmask(struct slice text, bool v6)
{
	unsigned bits = 0;
	for (size_t i = 0; i < text.n && i < 3 && isdigit((unsigned char)text.p[i]); i++)
		bits = bits * 10 + (unsigned)(text.p[i] - '0');
	return v6 ? MIN_OF(bits, 128) : MIN_OF(bits + 96, 128);
}

static void read_create(struct import *m, struct slice rest)
{
	struct import_set *set = import_set(m, import_word(&rest));
	struct slice type = import_word(&rest);
	bool v6 = false;
	if (!set)
		return;
	if (!holds_addresses(type))
		set->refused = "a set that holds other things than addresses";
	for (struct slice word; (word = import_word(&rest)).n > 0;) {
		if (import_is(word, "family"))
			v6 = import_is(import_word(&rest), "inet6");
		else if (import_is(word, "netmask"))
			set->netmask = read_netmask(import_word(&rest), v6);
	}
}

static void read_add(struct import *m, struct slice rest)
{
	struct import_set *set = import_set(m, import_word(&rest));
	struct slice element = import_word(&rest);
	struct import_more more = {.netmask = set ? set->netmask : 0};
	int64_t ms;
	if (!import_set_takes(m, set, m->line))
		return;
	for (struct slice word; (word = import_word(&rest)).n > 0;) {
		if (import_is(word, "timeout") && import_duration(import_word(&rest), &ms)) {
			more.expires = ms > 0 ? m->how->now + ms : BLOCK_FOREVER;
		} else if (import_is(word, "comment")) {
			more.why = import_unquote(import_word(&rest));
		} else if (import_is(word, "nomatch")) {
			import_refuse(m, element, m->line, "an exception (nomatch)");
			return;
		}
	}
	import_take(m, element, m->line, &more);
}

void import_ipset(struct import *m)
{
	struct slice line;
	while (!m->error && import_line(m, &line)) {
		struct slice rest = line, word = import_word(&rest);
		if (word.n == 0 || word.p[0] == '#')
			continue;
		if (import_is(word, "create"))
			read_create(m, rest);
		else if (import_is(word, "add"))
			read_add(m, rest);
		else if (!import_is(word, "flush") && !import_is(word, "COMMIT"))
			import_refuse(m, line, m->line, "neither create nor add");
	}
}
