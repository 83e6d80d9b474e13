/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A question may name hosts by a part of their name; those it means are found
 * first, and a sorted array answers for each row. (A list in the SQL text would
 * be another statement for each question.)
 */
#include "store/wanted.h"

#include "store/sql.h"

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void wanted_host(sqlite3_context *context, int n, sqlite3_value **values)
{
	(void)n;
	const struct store *s = sqlite3_user_data(context);
	uint32_t host = (uint32_t)sqlite3_value_int64(values[0]);
	bool found = s->wanted_host_count > 0 &&
		     bsearch(&host, s->wanted_hosts, s->wanted_host_count, sizeof(host), compare);
	sqlite3_result_int(context, found);
}

int wanted_register(struct store *s)
{
	return sqlite3_create_function_v2(s->db, "wanted_host", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
		s, wanted_host, NULL, NULL, NULL);
}
