/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing list of records found, and the order of the lists. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct found {
	struct found_item {
		int64_t id, changed;
	} * items;
	size_t n, size;
};

int found_add(struct found *f, int64_t id, int64_t changed); /* 0 or -ENOMEM */
/* The rows (id, changed) of a query, which it ends: 0 or -errno. */
struct query;
int found_rows(struct found *f, struct query *q);
void found_sort(struct found *f); /* latest change first, then id */
void found_done(struct found *f);
