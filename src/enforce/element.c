/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/element.h"

#include <errno.h>
#include <string.h>

#define V4_BITS 96 /* what every v4-mapped address begins with */

const struct set_spec set_specs[SETS] = {
	[SET_BLOCK4] = {"block4", ENFORCE_IN, true, false, 128},
	[SET_BLOCK6] = {"block6", ENFORCE_IN, false, false, 128},
	[SET_BLOCK64] = {"block64", ENFORCE_IN, false, false, 64},
	[SET_NET4] = {"net4", ENFORCE_IN, true, true, 0},
	[SET_NET6] = {"net6", ENFORCE_IN, false, true, 0},
	[SET_OUT4] = {"out4", ENFORCE_OUT, true, false, 128},
	[SET_OUT6] = {"out6", ENFORCE_OUT, false, false, 128},
	[SET_OUT64] = {"out64", ENFORCE_OUT, false, false, 64},
	[SET_OUTNET4] = {"outnet4", ENFORCE_OUT, true, true, 0},
	[SET_OUTNET6] = {"outnet6", ENFORCE_OUT, false, true, 0},
	[SET_ALLOW4] = {"allow4", ENFORCE_ALLOW, true, true, 0},
	[SET_ALLOW6] = {"allow6", ENFORCE_ALLOW, false, true, 0},
	[SET_SEEN4] = {"seen4", ENFORCE_LISTS, true, false, 128},
	[SET_SEEN6] = {"seen6", ENFORCE_LISTS, false, false, 128},
	[SET_HITS4] = {"hits4", ENFORCE_LISTS, true, false, 128},
	[SET_HITS6] = {"hits6", ENFORCE_LISTS, false, false, 128},
	[SET_MYSQL4] = {"mysql4", ENFORCE_LISTS, true, false, 128},
	[SET_MYSQL6] = {"mysql6", ENFORCE_LISTS, false, false, 128},
	[SET_MYSQL64] = {"mysql64", ENFORCE_LISTS, false, false, 64},
	[SET_RDP4] = {"rdp4", ENFORCE_LISTS, true, false, 128},
	[SET_RDP6] = {"rdp6", ENFORCE_LISTS, false, false, 128},
	[SET_RDP64] = {"rdp64", ENFORCE_LISTS, false, false, 64},
};

int element_set(const struct enforce_element *element, enum set_id *ret_set)
{
	const struct prefix *p = &element->target;
	bool v4 = p->len >= V4_BITS && addr_is_v4(&p->addr);
	bool all = p->len == 0 || (v4 && p->len == V4_BITS);

	if (all && element->list != ENFORCE_ALLOW)
		return -EINVAL;
	enum set_id odd = SETS;
	for (enum set_id set = 0; set < SET_ORDERED; set++) {
		const struct set_spec *spec = &set_specs[set];
		if (spec->list != element->list || spec->v4 != v4)
			continue;
		if (!spec->interval && spec->len == p->len) {
			*ret_set = set;
			return 0;
		}
		if (spec->interval)
			odd = set;
	}
	if (odd == SETS)
		return -EINVAL;
	*ret_set = odd;
	return 0;
}

enum set_id element_answered(enum enforce_served service, const struct prefix *who)
{
	unsigned first = SET_ANSWERED + service * ANSWERED_SETS;
	if (who->len == 64)
		return (enum set_id)(first + 2);
	return (enum set_id)(first + !addr_is_v4(&who->addr));
}

struct addr element_last(const struct prefix *p)
{
	struct addr last = p->addr;
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = p->len > i * 8 ? (p->len - i * 8 < 8 ? p->len - i * 8 : 8u) : 0;
		last.b[i] = (uint8_t)(last.b[i] | (0xffu >> bits));
	}
	return last;
}

struct entry element_entry(const struct enforce_element *element, enum set_id set)
{
	return (struct entry){
		.first = element->target.addr,
		.last = set_specs[set].interval ? element_last(&element->target)
						: element->target.addr,
		.expires = element->expires,
		.record = element->record,
		.set = (uint8_t)set,
	};
}

int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	int r = memcmp(&x->first, &y->first, sizeof(x->first));
	return r ? r : memcmp(&x->last, &y->last, sizeof(x->last));
}
