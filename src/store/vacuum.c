/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database written anew, without holes. Running, the daemon gives free pages
 * back in small pieces (maintain.c); this is for after a large part of the records
 * was dropped, and keeps everybody else out.
 */
#include "store/sql.h"

#include <errno.h>

/* Through a rollback journal: all of it in the log would need its size a second time. */
static const char vacuum_sql[] = "PRAGMA temp_store = FILE;"
				 "PRAGMA journal_mode = DELETE;"
				 "VACUUM;"
				 "PRAGMA journal_mode = WAL;";

int store_vacuum(const char *dir, uint64_t *ret_before, uint64_t *ret_after, struct err *err)
{
	char path[PATH_MAX];
	struct store *s = NULL;
	(void)snprintf(path, sizeof(path), "%s/cordon.db", dir);
	if (access(path, F_OK) < 0) /* opening it would make one */
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	int r = store_open(dir, &s, err);
	if (r < 0)
		return r;
	uint64_t before = store_size(s);
	int code = sqlite3_exec(s->db, vacuum_sql, NULL, NULL, NULL);
	if (code == SQLITE_OK) {
		*ret_before = before;
		*ret_after = store_size(s);
	} else {
		r = err_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(s->db));
	}
	(void)store_close(s);
	return r;
}
