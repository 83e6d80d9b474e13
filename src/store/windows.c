/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the detectors know of a source: a version byte, then the times of its
 * last failures, oldest first, 8 bytes each. What does not read so is skipped. The key is the
 * detectors' own number and not the source: a flood of scattered sources fills page after
 * page, where its addresses would change a page each.
 */
#include "model/service.h"
#include "store/pack.h"
#include "store/sql.h"
#include "store/tables.h"

#include <errno.h>

#define VERSION   1
#define TIMES_MAX 1000 /* detect/window.h remembers no more */

/* Where the key is the only index, OR REPLACE writes without looking first. */
static const struct sql put_sql = {SQL_WINDOW_PUT,
	"INSERT OR REPLACE INTO window(row, source, len, host, service, times) "
	"VALUES(?1, ?2, ?3, ?4, ?5, ?6)"};
static const struct sql remove_sql = {SQL_WINDOW_REMOVE, "DELETE FROM window WHERE row = ?1"};
static const struct sql cut_sql = {SQL_WINDOW_CUT, "DELETE FROM window WHERE row > ?1"};
static const struct sql each_sql = {
	SQL_WINDOW_EACH, "SELECT row, source, len, host, service, times FROM window ORDER BY row"};

int store_window_put(struct store *s, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n)
{
	uint8_t blob[1 + 8 * TIMES_MAX], *end = blob;
	if (n == 0 || n > TIMES_MAX)
		return sql_error(s, -EINVAL, "a window of %u failures", n);
	*end++ = VERSION;
	for (unsigned i = 0; i < n; i++)
		end = pack(end, (uint64_t)times[i], 8);
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_int(&q, row);
	sql_put_prefix(&q, source);
	sql_put_int(&q, host);
	sql_put_int(&q, service);
	sql_put_blob(&q, blob, (size_t)(end - blob));
	return sql_run(&q);
}

static int remove_rows(struct store *s, const struct sql *sql, uint32_t row)
{
	struct query q;
	sql_write(&q, s, sql);
	sql_put_int(&q, row);
	return sql_run(&q);
}

int store_window_remove(struct store *s, uint32_t row)
{
	return remove_rows(s, &remove_sql, row);
}

int store_window_cut(struct store *s, uint32_t row)
{
	return remove_rows(s, &cut_sql, row);
}

/* How many times there are; 0 when the blob is not one of ours. */
static unsigned read_times(struct slice blob, int64_t *times)
{
	size_t n = blob.n / 8;
	if (blob.n % 8 != 1 || n == 0 || n > TIMES_MAX || blob.p[0] != VERSION)
		return 0;
	struct unpack u = {.left = slice_skip(blob, 1)};
	for (size_t i = 0; i < n; i++) {
		times[i] = (int64_t)unpack(&u, 8);
		if (i > 0 && times[i] < times[i - 1])
			return 0;
	}
	return (unsigned)n;
}

int store_window_each(struct store *s,
	int (*fn)(void *ctx, uint32_t row, uint32_t host, int service, const struct prefix *source,
		const int64_t *times, unsigned n),
	void *ctx)
{
	int64_t times[TIMES_MAX];
	struct query q;
	sql_read(&q, s, &each_sql);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct prefix source;
		uint32_t row = (uint32_t)sql_get_uint(&q, UINT32_MAX - 1);
		sql_get_prefix(&q, &source);
		uint32_t host = (uint32_t)sql_get_uint(&q, UINT32_MAX);
		int service = (int)sql_get_uint(&q, SERVICE_COUNT - 1);
		unsigned n = read_times(sql_get_blob(&q), times);
		q.damaged = q.damaged || n == 0 || row == 0;
		if (sql_sound(&q))
			r = fn(ctx, row, host, service, &source, times, n);
	}
	return sql_end(&q, r);
}
