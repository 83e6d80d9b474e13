/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages between engine and enforcer: any bytes are decoded or refused, what
 * was decoded encodes to the same bytes, and every order that is let through finds
 * its set or is refused, and makes ranges that do not overlap.
 */
#include "enforce/nets.h"
#include "enforce/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_ranges(const struct nets *nets, enum set_id set)
{
	struct entries ranges = {0};
	check(nets_flatten(nets, set, &ranges) == 0);
	for (size_t i = 0; i < ranges.n; i++) {
		const struct entry *e = &ranges.list[i];
		check(memcmp(&e->first, &e->last, sizeof(e->first)) <= 0);
		check(i == 0 || memcmp(&ranges.list[i - 1].last, &e->first, sizeof(e->first)) < 0);
	}
	entries_done(&ranges);
}

static void use_orders(const struct wire_message *m)
{
	struct nets nets[SET_ORDERED] = {0};
	for (size_t i = 0; i < m->count; i++) {
		int error;
		struct enforce_order o = wire_get_order(m, i, &error);
		struct wire_order again;
		(void)wire_put_order(&again, &o, error);
		check(memcmp(&again, (const char *)m->items + i * sizeof(again), sizeof(again)) ==
			0);
		enum set_id set;
		if (element_set(&o.element, &set) < 0 || !set_specs[set].interval)
			continue;
		struct net net = {o.element.target, o.element.expires, o.element.record, 0};
		if (o.remove)
			(void)nets_drop(&nets[set], &net.prefix);
		else
			check(nets_put(&nets[set], &net) == 0);
	}
	for (enum set_id set = 0; set < SET_ORDERED; set++) {
		check_ranges(&nets[set], set);
		nets_done(&nets[set]);
	}
}

/* Whatever is let through stands in a set of its family and width. */
static void use_question(const struct wire_message *m)
{
	struct wire_who who = wire_get_who(m);
	struct prefix p = {.len = who.len};
	memcpy(p.addr.b, who.addr, sizeof(who.addr));
	enum set_id set = element_answered((enum enforce_served)who.service, &p);
	check(set >= SET_ANSWERED && set < SETS && element_served(set) == who.service);
	check(set_specs[set].len == who.len);
	check(who.len == 64 || set_specs[set].v4 == addr_is_v4(&p.addr));
}

static void use_answer(const struct wire_message *m)
{
	for (size_t i = 0; m->kind == WIRE_HITS && i < m->count; i++) {
		struct enforce_hit hit = wire_get_hit(m, i);
		check(hit.len == 64 || hit.len == 128);
	}
	if (m->kind == WIRE_STATE) {
		struct enforce_state s = wire_get_state(m);
		check(strlen(s.kernel) < sizeof(s.kernel) && strlen(s.lacks) < sizeof(s.lacks));
	}
	if (m->kind == WIRE_SYNCED)
		check(wire_get_synced(m).error <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m;
	if (wire_decode(WIRE_TO_ENFORCER, data, size, &m) == 0) {
		struct wire_message other;
		check(wire_decode(WIRE_TO_ENGINE, data, size, &other) < 0);
		if (m.kind == WIRE_WHO)
			use_question(&m);
		else
			use_orders(&m);
	} else if (wire_decode(WIRE_TO_ENGINE, data, size, &m) == 0) {
		if (m.kind == WIRE_ANSWERS || m.kind == WIRE_FOUND)
			use_orders(&m);
		else if (m.kind == WIRE_ANSWERED)
			use_question(&m);
		else
			use_answer(&m);
	}
	return 0;
}
