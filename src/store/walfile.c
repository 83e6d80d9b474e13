/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/walfile.h"

#include "base/util.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE 24
/* SQLite's unix files take less than 128 KiB at a time. */
#define GATHER_MAX ((size_t)120 << 10)
#define ROOM       (64 << 10) /* more than a block and all that came of its lines take */

struct walfile {
	sqlite3_file base;
	char *gathered;
	size_t n;
	sqlite3_int64 at;   /* where what is gathered belongs */
	sqlite3_int64 next; /* where the latest write ended; -1: none since the log was cut */
	sqlite3_int64 size; /* of the file, with what is gathered */
	bool after_header;  /* the page of a header is to come */
	bool commits;       /* that header ends a transaction */
};

static sqlite3_vfs *beneath;

/* The system's own file lies behind ours. */
static sqlite3_file *real(sqlite3_file *f)
{
	return (sqlite3_file *)(void *)((struct walfile *)(void *)f + 1);
}

static int flush(struct walfile *w)
{
	size_t n = w->n;
	w->n = 0;
	sqlite3_file *f = real(&w->base);
	return n ? f->pMethods->xWrite(f, w->gathered, (int)n, w->at) : SQLITE_OK;
}

static bool gather(struct walfile *w, const void *p, size_t n, sqlite3_int64 at)
{
	if (!w->gathered)
		w->gathered = malloc(GATHER_MAX);
	if (!w->gathered || n > GATHER_MAX - w->n)
		return false;
	if (w->n == 0)
		w->at = at;
	memcpy(w->gathered + w->n, p, n);
	w->n += n;
	return true;
}

static int write_through(struct walfile *w, const void *p, int n, sqlite3_int64 at)
{
	sqlite3_file *f = real(&w->base);
	int r = flush(w);
	return r == SQLITE_OK ? f->pMethods->xWrite(f, p, n, at) : r;
}

static int wal_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct walfile *w = (struct walfile *)(void *)f;
	/* a header rewritten where it was follows nothing */
	bool follows = at == w->next;
	bool header = follows && n == HEADER_SIZE, page = follows && w->after_header;
	bool ends = page && w->commits;
	static const char zero[4];
	w->next = at + n;
	w->size = MAX_OF(w->size, w->next);
	w->after_header = header;
	w->commits = header && memcmp((const char *)p + 4, zero, sizeof(zero)) != 0;

	if (!header && !page)
		return write_through(w, p, n, at);
	int r = (size_t)n > GATHER_MAX - w->n ? flush(w) : SQLITE_OK;
	if (r != SQLITE_OK)
		return r;
	if (!gather(w, p, (size_t)n, at))
		return write_through(w, p, n, at);
	return ends ? flush(w) : SQLITE_OK;
}

static int wal_close(sqlite3_file *f)
{
	struct walfile *w = (struct walfile *)(void *)f;
	free(w->gathered);
	return real(f)->pMethods->xClose(real(f));
}

static int wal_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	int r = flush((struct walfile *)(void *)f);
	return r == SQLITE_OK ? real(f)->pMethods->xRead(real(f), p, n, at) : r;
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct walfile *w = (struct walfile *)(void *)f;
	int r = flush(w);
	if (r == SQLITE_OK)
		r = real(f)->pMethods->xTruncate(real(f), size);
	if (r == SQLITE_OK) {
		w->next = -1;
		w->size = size;
	}
	return r;
}

static int wal_sync(sqlite3_file *f, int flags)
{
	int r = flush((struct walfile *)(void *)f);
	return r == SQLITE_OK ? real(f)->pMethods->xSync(real(f), flags) : r;
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *ret_size)
{
	int r = flush((struct walfile *)(void *)f);
	return r == SQLITE_OK ? real(f)->pMethods->xFileSize(real(f), ret_size) : r;
}

static int wal_lock(sqlite3_file *f, int kind)
{
	return real(f)->pMethods->xLock(real(f), kind);
}

static int wal_unlock(sqlite3_file *f, int kind)
{
	return real(f)->pMethods->xUnlock(real(f), kind);
}

static int wal_check_lock(sqlite3_file *f, int *ret_held)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), ret_held);
}

static int wal_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int wal_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int wal_device(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = wal_close,
	.xRead = wal_read,
	.xWrite = wal_write,
	.xTruncate = wal_truncate,
	.xSync = wal_sync,
	.xFileSize = wal_size,
	.xLock = wal_lock,
	.xUnlock = wal_unlock,
	.xCheckReservedLock = wal_check_lock,
	.xFileControl = wal_control,
	.xSectorSize = wal_sector,
	.xDeviceCharacteristics = wal_device,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	(void)vfs;
	if (!(flags & SQLITE_OPEN_WAL))
		return beneath->xOpen(beneath, name, f, flags, ret_flags);
	struct walfile *w = (struct walfile *)(void *)f;
	*w = (struct walfile){.next = -1};
	real(f)->pMethods = NULL;
	int r = beneath->xOpen(beneath, name, real(f), flags, ret_flags);
	/* where the system opened nothing there is nothing to close */
	if (!real(f)->pMethods)
		return r;
	f->pMethods = &methods;
	return r == SQLITE_OK ? real(f)->pMethods->xFileSize(real(f), &w->size) : r;
}

void walfile_make_room(sqlite3_file *log)
{
	static const char zeros[ROOM];
	struct walfile *w = (struct walfile *)(void *)log;
	if (log->pMethods != &methods || w->next < 0 || w->n > 0 || w->size - w->next >= ROOM)
		return;
	if (real(log)->pMethods->xWrite(real(log), zeros, ROOM, w->size) == SQLITE_OK)
		w->size += ROOM;
}

void walfile_use(sqlite3_vfs *vfs, sqlite3_vfs *system)
{
	beneath = system;
	vfs->szOsFile = system->szOsFile + (int)sizeof(struct walfile);
	vfs->xOpen = open_file;
}
