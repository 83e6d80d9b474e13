/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/diff.h"

#include "base/util.h"

#include <errno.h>

void changes_done(struct changes *changes)
{
	free(changes->list);
	*changes = (struct changes){0};
}

int changes_add(struct changes *changes, const struct change *change)
{
	if (changes->n == changes->size) {
		size_t size = changes->size ? 2 * changes->size : 64;
		struct change *p = reallocarray(changes->list, size, sizeof(*p));
		if (!p)
			return -ENOMEM;
		changes->list = p;
		changes->size = size;
	}
	changes->list[changes->n++] = *change;
	return 0;
}

static bool same(const struct entry *wanted, const struct entry *actual, int64_t tolerance)
{
	if (wanted->record != actual->record)
		return false;
	if (wanted->expires == ENFORCE_FOREVER || actual->expires == ENFORCE_FOREVER)
		return wanted->expires == actual->expires;
	int64_t by = wanted->expires - actual->expires;
	return by <= tolerance && by >= -tolerance;
}

static int add(struct changes *changes, const struct entry *entry, bool del, bool put)
{
	struct change c = {.entry = *entry,
		.del = del,
		.add = put,
		.there = del,
		.group = (uint32_t)changes->n};
	return changes_add(changes, &c);
}

/* What is there and not wanted. */
static int removals(const struct entry *wanted, size_t wanted_n, const struct entry *actual,
	size_t actual_n, struct changes *changes, struct enforce_sync_result *counts)
{
	size_t w = 0;
	for (size_t a = 0; a < actual_n; a++) {
		while (w < wanted_n && entry_compare(&wanted[w], &actual[a]) < 0)
			w++;
		if (w < wanted_n && entry_compare(&wanted[w], &actual[a]) == 0)
			continue;
		int r = add(changes, &actual[a], true, false);
		if (r < 0)
			return r;
		counts->removed++;
	}
	return 0;
}

int diff(const struct entry *wanted, size_t wanted_n, const struct entry *actual, size_t actual_n,
	int64_t tolerance, struct changes *changes, struct enforce_sync_result *counts)
{
	int r = removals(wanted, wanted_n, actual, actual_n, changes, counts);
	size_t a = 0;
	for (size_t w = 0; w < wanted_n && r == 0; w++) {
		while (a < actual_n && entry_compare(&actual[a], &wanted[w]) < 0)
			a++;
		bool there = a < actual_n && entry_compare(&actual[a], &wanted[w]) == 0;
		if (there && same(&wanted[w], &actual[a], tolerance)) {
			counts->kept++;
			continue;
		}
		r = add(changes, &wanted[w], there, true);
		counts->added += !there;
		counts->changed += there;
	}
	return r;
}
