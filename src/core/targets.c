/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/targets.h"

#include "core/core.h"
#include "store/tables.h"

#include <errno.h>
#include <string.h>

void targets_done(struct targets *t)
{
	free(t->ids);
	*t = (struct targets){0};
}

/* Where it is, or belongs. */
static unsigned place(const struct targets *t, uint32_t host)
{
	unsigned low = 0, high = t->n;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (t->ids[middle] < host)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool targets_has(const struct targets *t, uint32_t host)
{
	unsigned at = place(t, host);
	return at < t->n && t->ids[at] == host;
}

int targets_add(struct targets *t, uint32_t host)
{
	unsigned at = place(t, host);
	if (at < t->n && t->ids[at] == host)
		return 0;
	if (t->n == t->size) {
		unsigned size = t->size ? t->size * 2 : 16;
		uint32_t *more = reallocarray(t->ids, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->ids = more;
		t->size = size;
	}
	memmove(t->ids + at + 1, t->ids + at, (t->n - at) * sizeof(*t->ids));
	t->ids[at] = host;
	t->n++;
	return 0;
}

int targets_find(struct store *s, int64_t account, const char *uuid, struct host *ret)
{
	struct host h;
	int r = store_host_by_uuid(s, account, uuid, &h);
	if (r == STORE_NOT_FOUND || (r == 0 && h.retired))
		return CORE_NOT_FOUND;
	if (r == 0)
		*ret = h;
	return r;
}

int targets_of(struct store *s, int64_t account, const char *const *uuids, unsigned n,
	struct targets *ret, unsigned *ret_bad, struct err *err)
{
	int r = 0;
	for (unsigned i = 0; i < n && r == 0; i++) {
		struct host h;
		r = targets_find(s, account, uuids[i], &h);
		if (r == CORE_NOT_FOUND) {
			if (ret_bad)
				*ret_bad = i;
			return err_set(err, r, "no server %s", uuids[i]);
		}
		if (r == 0)
			r = targets_add(ret, h.id);
	}
	return r;
}

static int add_host(void *ctx, const struct host *h)
{
	return h->retired ? 0 : targets_add(ctx, h->id);
}

int targets_all(struct store *s, int64_t account, struct targets *ret)
{
	return store_host_each(s, account, add_host, ret);
}
