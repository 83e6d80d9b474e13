/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages between engine and enforcer, checked field by field: whoever has
 * taken over one side can only ask the other for what the kinds offer.
 */
#include "enforce/wire.h"

#include "base/util.h"

#include <errno.h>
#include <string.h>

/* Linux error numbers end here (MAX_ERRNO in the kernel's err.h). */
#define ERRNO_MAX 4095

_Static_assert(sizeof(struct wire_header) == 8, "no padding on the wire");
_Static_assert(sizeof(struct wire_order) == 48, "no padding on the wire");
_Static_assert(sizeof(struct wire_state) == 336, "no padding on the wire");
_Static_assert(sizeof(struct wire_synced) == 20, "no padding on the wire");
_Static_assert(sizeof(struct wire_hit) == 40, "no padding on the wire");
_Static_assert(sizeof(struct wire_who) == 28, "no padding on the wire");

static bool host_bits_zero(const uint8_t addr[static 16], unsigned len)
{
	struct addr a;
	memcpy(a.b, addr, sizeof(a.b));
	struct addr masked = addr_mask(&a, len);
	return addr_eq(&a, &masked);
}

static bool error_valid(int32_t error)
{
	return error <= 0 && error >= -ERRNO_MAX;
}

static bool order_valid(const void *item)
{
	struct wire_order o;
	memcpy(&o, item, sizeof(o));
	return o.len <= 128 && o.list < ENFORCE_LISTS && o.remove <= 1 && o.zero == 0 &&
	       error_valid(o.error) && o.expires >= 0 && host_bits_zero(o.addr, o.len);
}

/* The enforcer decides about errors; the engine has none to send. */
static bool request_valid(const void *item)
{
	struct wire_order o;
	memcpy(&o, item, sizeof(o));
	return o.error == 0 && order_valid(item);
}

static bool state_valid(const void *item)
{
	struct wire_state s;
	memcpy(&s, item, sizeof(s));
	return s.ready <= 1 && s.owner <= 1 && s.zero[0] == 0 && s.zero[1] == 0 &&
	       error_valid(s.error) && memchr(s.kernel, '\0', sizeof(s.kernel)) &&
	       memchr(s.lacks, '\0', sizeof(s.lacks));
}

static bool synced_valid(const void *item)
{
	struct wire_synced s;
	memcpy(&s, item, sizeof(s));
	return error_valid(s.error);
}

static bool hit_valid(const void *item)
{
	static const uint8_t zero[5];
	struct wire_hit h;
	memcpy(&h, item, sizeof(h));
	return (h.len == 64 || h.len == 128) && h.latest >= 0 &&
	       memcmp(h.zero, zero, sizeof(zero)) == 0 && host_bits_zero(h.addr, h.len);
}

static bool answered_valid(const void *item)
{
	struct wire_who w;
	memcpy(&w, item, sizeof(w));
	return (w.len == 64 || w.len == 128) && w.service < ENFORCE_SERVED && w.zero[0] == 0 &&
	       w.zero[1] == 0 && error_valid(w.error) && host_bits_zero(w.addr, w.len);
}

static bool who_valid(const void *item)
{
	struct wire_who w;
	memcpy(&w, item, sizeof(w));
	return w.error == 0 && answered_valid(item);
}

static const struct wire_rule {
	enum wire_side side;
	uint16_t min, max; /* items */
	size_t size;       /* of one item */
	bool many;         /* may go over several messages: flags count */
	bool (*valid)(const void *item);
} rules[WIRE_KINDS] = {
	[WIRE_ORDERS] = {WIRE_TO_ENFORCER, 1, WIRE_ITEMS_MAX, sizeof(struct wire_order), false,
		request_valid},
	[WIRE_WANTED] = {WIRE_TO_ENFORCER, 0, WIRE_ITEMS_MAX, sizeof(struct wire_order), true,
		request_valid},
	[WIRE_SAMPLE] = {WIRE_TO_ENFORCER, 0, 0, 0, false, NULL},
	[WIRE_ASK] = {WIRE_TO_ENFORCER, 1, 1, sizeof(struct wire_order), false, request_valid},
	[WIRE_STATE] = {WIRE_TO_ENGINE, 1, 1, sizeof(struct wire_state), false, state_valid},
	[WIRE_ANSWERS] = {WIRE_TO_ENGINE, 1, WIRE_ITEMS_MAX, sizeof(struct wire_order), false,
		order_valid},
	[WIRE_SYNCED] = {WIRE_TO_ENGINE, 1, 1, sizeof(struct wire_synced), false, synced_valid},
	[WIRE_HITS] = {WIRE_TO_ENGINE, 0, WIRE_ITEMS_MAX, sizeof(struct wire_hit), true, hit_valid},
	[WIRE_FOUND] = {WIRE_TO_ENGINE, 1, 1, sizeof(struct wire_order), false, order_valid},
	[WIRE_DRIFT] = {WIRE_TO_ENGINE, 0, 0, 0, false, NULL},
	[WIRE_WHO] = {WIRE_TO_ENFORCER, 1, 1, sizeof(struct wire_who), false, who_valid},
	[WIRE_ANSWERED] = {WIRE_TO_ENGINE, 1, 1, sizeof(struct wire_who), false, answered_valid},
};

int wire_decode(enum wire_side side, const void *data, size_t n, struct wire_message *ret_message)
{
	struct wire_header h;
	if (n < sizeof(h))
		return -EBADMSG;
	memcpy(&h, data, sizeof(h));
	if (h.kind == 0 || h.kind >= WIRE_KINDS || h.zero != 0)
		return -EBADMSG;
	const struct wire_rule *rule = &rules[h.kind];
	if (rule->side != side || h.count < rule->min || h.count > rule->max)
		return -EBADMSG;
	if (h.flags & ~(rule->many ? WIRE_FIRST | WIRE_LAST : 0u))
		return -EBADMSG;
	if (n != sizeof(h) + h.count * rule->size)
		return -EBADMSG;
	const char *items = (const char *)data + sizeof(h);
	for (size_t i = 0; i < h.count; i++)
		if (!rule->valid(items + i * rule->size))
			return -EBADMSG;
	*ret_message = (struct wire_message){
		.kind = (enum wire_kind)h.kind,
		.first = h.flags & WIRE_FIRST,
		.last = h.flags & WIRE_LAST,
		.count = h.count,
		.items = items,
	};
	return 0;
}

struct enforce_order wire_get_order(const struct wire_message *m, size_t i, int *ret_error)
{
	struct wire_order o;
	memcpy(&o, (const char *)m->items + i * sizeof(o), sizeof(o));
	struct enforce_order order = {
		.element = {.target.len = o.len,
			.list = (enum enforce_list)o.list,
			.expires = o.expires,
			.record = o.record},
		.remove = o.remove,
		.tag = o.tag,
	};
	memcpy(order.element.target.addr.b, o.addr, sizeof(o.addr));
	if (ret_error)
		*ret_error = o.error;
	return order;
}

struct enforce_state wire_get_state(const struct wire_message *m)
{
	struct wire_state s;
	memcpy(&s, m->items, sizeof(s));
	struct enforce_state state = {
		.ready = s.ready, .owner = s.owner, .error = s.error, .table = s.table};
	memcpy(state.kernel, s.kernel, sizeof(state.kernel));
	memcpy(state.lacks, s.lacks, sizeof(state.lacks));
	return state;
}

struct enforce_sync_result wire_get_synced(const struct wire_message *m)
{
	struct wire_synced s;
	memcpy(&s, m->items, sizeof(s));
	return (struct enforce_sync_result){.error = s.error,
		.added = s.added,
		.removed = s.removed,
		.changed = s.changed,
		.kept = s.kept};
}

struct enforce_hit wire_get_hit(const struct wire_message *m, size_t i)
{
	struct wire_hit h;
	memcpy(&h, (const char *)m->items + i * sizeof(h), sizeof(h));
	struct enforce_hit hit = {
		.len = h.len, .port = h.port, .count = h.count, .latest = h.latest};
	memcpy(hit.source.b, h.addr, sizeof(h.addr));
	return hit;
}

struct wire_who wire_get_who(const struct wire_message *m)
{
	struct wire_who w;
	memcpy(&w, m->items, sizeof(w));
	return w;
}

size_t wire_put_header(void *out, enum wire_kind kind, unsigned flags, size_t count)
{
	struct wire_header h = {
		.kind = (uint8_t)kind, .flags = (uint8_t)flags, .count = (uint16_t)count};
	memcpy(out, &h, sizeof(h));
	return sizeof(h);
}

size_t wire_put_order(void *out, const struct enforce_order *order, int error)
{
	const struct enforce_element *e = &order->element;
	struct wire_order o = {
		.len = e->target.len,
		.list = (uint8_t)e->list,
		.remove = order->remove,
		.error = error,
		.expires = e->expires,
		.record = e->record,
		.tag = order->tag,
	};
	memcpy(o.addr, e->target.addr.b, sizeof(o.addr));
	memcpy(out, &o, sizeof(o));
	return sizeof(o);
}

size_t wire_put_state(void *out, const struct enforce_state *state)
{
	struct wire_state s = {.ready = state->ready,
		.owner = state->owner,
		.error = state->error,
		.table = state->table};
	memcpy(s.kernel, state->kernel, sizeof(s.kernel));
	memcpy(s.lacks, state->lacks, sizeof(s.lacks));
	s.kernel[sizeof(s.kernel) - 1] = s.lacks[sizeof(s.lacks) - 1] = '\0';
	memcpy(out, &s, sizeof(s));
	return sizeof(s);
}

size_t wire_put_synced(void *out, const struct enforce_sync_result *result)
{
	struct wire_synced s = {.error = result->error,
		.added = result->added,
		.removed = result->removed,
		.changed = result->changed,
		.kept = result->kept};
	memcpy(out, &s, sizeof(s));
	return sizeof(s);
}

size_t wire_put_hit(void *out, const struct enforce_hit *hit)
{
	struct wire_hit h = {
		.len = hit->len, .port = hit->port, .count = hit->count, .latest = hit->latest};
	memcpy(h.addr, hit->source.b, sizeof(h.addr));
	memcpy(out, &h, sizeof(h));
	return sizeof(h);
}
