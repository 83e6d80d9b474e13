/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AUTOINCREMENT would do the same, and write one page more a transaction. */
#include "store/block_ids.h"

#include "store/sql.h"

#define LAST_ID "block.last_id"

static const struct sql last_sql = {SQL_BLOCK_LAST,
	"SELECT max(coalesce((SELECT max(id) FROM block), 0), coalesce("
	"(SELECT CAST(value AS INTEGER) FROM meta WHERE name = '" LAST_ID "'), 0))"};

int block_ids_take(struct store *s, int64_t n, int64_t *ret_first)
{
	if (s->block_last == 0) {
		struct query q;
		sql_read(&q, s, &last_sql);
		int64_t last = sql_row(&q) > 0 ? sql_get_int(&q) : 0;
		int r = sql_end(&q, 0);
		if (r < 0)
			return r;
		s->block_last = last;
	}
	*ret_first = s->block_last + 1;
	s->block_last += n;
	return 0;
}

int block_ids_keep(struct store *s)
{
	int64_t id = 0;
	int r = block_ids_take(s, 1, &id);
	char text[24];
	(void)snprintf(text, sizeof(text), "%lld", (long long)id);
	return r < 0 ? r : store_meta_put(s, LAST_ID, text);
}
