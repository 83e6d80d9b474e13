/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cordon db backup`: a copy of one instant, made while the daemon writes. The
 * open snapshot keeps what is read from changing, so the copy never has to
 * begin again. The sealing key is not part of it: whoever gets the copy alone
 * can read the records, but use no access key.
 */
#include "store/connection.h"
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>

#define PIECE 256 /* pages between two reports */

struct copy {
	sqlite3 *to;
	const char *path;
	void (*progress)(void *ctx, int percent);
	void *ctx;
	struct err *err;
};

static int copy_failed(const struct copy *copy, int result)
{
	int code = result == SQLITE_FULL ? -ENOSPC : result == SQLITE_NOMEM ? -ENOMEM : -EIO;
	return err_set(
		copy->err, code, "cannot copy to %s: %s", copy->path, sqlite3_errstr(result));
}

static int copy_pieces(const struct copy *copy, sqlite3_backup *backup)
{
	int r, last = -1;
	do {
		r = sqlite3_backup_step(backup, PIECE);
		int all = sqlite3_backup_pagecount(backup);
		int left = sqlite3_backup_remaining(backup);
		int percent = all > 0 ? (int)((int64_t)(all - left) * 100 / all) : 0;
		if ((r == SQLITE_OK || r == SQLITE_DONE) && percent != last && copy->progress)
			copy->progress(copy->ctx, percent);
		last = percent;
	} while (r == SQLITE_OK);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int copy_database(struct copy *copy, struct store *s)
{
	connection_prepare();
	int r = sqlite3_open_v2(copy->path, &copy->to,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXCLUSIVE,
		CONNECTION_VFS);
	if (r == SQLITE_OK)
		r = sqlite3_exec(copy->to, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	if (r == SQLITE_OK) {
		sqlite3_backup *backup = sqlite3_backup_init(copy->to, "main", s->db, "main");
		r = backup ? copy_pieces(copy, backup) : sqlite3_errcode(copy->to);
		(void)sqlite3_backup_finish(backup);
	}
	int closed = sqlite3_close(copy->to);
	copy->to = NULL;
	if (r == SQLITE_OK)
		r = closed;
	return r == SQLITE_OK ? 0 : copy_failed(copy, r);
}

/* The name in its directory must last as well as the bytes. */
static int sync_file(const char *path)
{
	char parent[PATH_MAX];
	(void)snprintf(parent, sizeof(parent), "%s", path);
	_cleanup_(closep) int file = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int dir = open(dirname(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return file < 0 || dir < 0 || fsync(file) < 0 || fsync(dir) < 0 ? -errno : 0;
}

static int make_copy(struct copy *copy, struct store *s)
{
	_cleanup_(closep) int fd =
		open(copy->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(
			copy->err, -errno, "cannot make %s: %s", copy->path, strerror(errno));
	int r = copy_database(copy, s);
	if (r == 0) {
		r = sync_file(copy->path);
		if (r < 0)
			(void)err_set(copy->err, r, "cannot bring %s to the disk: %s", copy->path,
				strerror(-r));
	}
	if (r < 0)
		(void)unlink(copy->path);
	return r;
}

int store_backup(const char *dir, const char *to, void (*progress)(void *ctx, int percent),
	void *ctx, struct err *err)
{
	struct store *s;
	int r = connection_open(dir, CONNECTION_TOOL, &s, err);
	if (r < 0)
		return r;
	struct copy copy = {.path = to, .progress = progress, .ctx = ctx, .err = err};
	r = store_snapshot(s);
	r = r < 0 ? err_set(err, r, "%s", store_error(s)) : make_copy(&copy, s);
	(void)store_close(s);
	return r;
}
