/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/lengths.h"

#include "store/sql.h"

static const struct sql next_sql = {
	SQL_BLOCK_NEXT_LEN, "SELECT len FROM block WHERE len > ?1 ORDER BY len LIMIT 1"};

int lengths_present(struct store *s, struct lengths *ret)
{
	struct lengths found = {0};
	int last = -1;
	while (found.n < countof(found.len)) {
		struct query q;
		sql_read(&q, s, &next_sql);
		sql_put_int(&q, last);
		int row = sql_row(&q);
		if (row > 0)
			last = (int)sql_get_uint(&q, 128);
		int r = sql_end(&q, 0);
		if (r < 0)
			return r;
		if (row == 0)
			break;
		found.len[found.n++] = (uint8_t)last;
	}
	*ret = found;
	return 0;
}
