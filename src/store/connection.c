/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/connection.h"

#include "store/migrations.h"
#include "store/sql.h"
#include "store/walfile.h"
#include "store/wanted.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define DATABASE      "cordon.db"
#define LOCK_TRIES    50
#define LOCK_PAUSE_US 20000
/* Pages; far beyond what store_maintain() lets the log grow to. */
#define LOG_PAGES_SAFE 16384

/*
 * auto_vacuum counts only before the first table. Sorting must not need a temporary file: the
 * engine may write nowhere else.
 */
static const char writer_pragmas[] = "PRAGMA auto_vacuum = INCREMENTAL;"
				     "PRAGMA journal_mode = WAL;"
				     "PRAGMA synchronous = NORMAL;"
				     "PRAGMA foreign_keys = ON;"
				     "PRAGMA journal_size_limit = 67108864;"
				     "PRAGMA cache_size = -8192;"
				     "PRAGMA temp_store = MEMORY;"
				     "PRAGMA cell_size_check = ON;"
				     "PRAGMA trusted_schema = OFF;";
/* A check sorts more than memory should hold, and no sandbox is around it. */
static const char tool_pragmas[] = "PRAGMA query_only = ON;"
				   "PRAGMA cache_size = -65536;"
				   "PRAGMA cell_size_check = ON;"
				   "PRAGMA trusted_schema = OFF;";
static const char reader_pragmas[] = "PRAGMA query_only = ON;"
				     "PRAGMA cache_size = -8192;"
				     "PRAGMA temp_store = MEMORY;"
				     "PRAGMA cell_size_check = ON;"
				     "PRAGMA trusted_schema = OFF;";

/* Two daemons must not write one state: the lock lives as long as the descriptor. */
static int take_lock(struct store *s, const char *dir, struct err *err)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/lock", dir) >= sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	/* a predecessor that was killed needs a moment to go */
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		(void)usleep(LOCK_PAUSE_US);
	}
	if (errno == EWOULDBLOCK)
		return err_set(err, -EBUSY, "another cordond uses %s", dir);
	return err_set(err, -errno, "cannot lock %s: %s", path, strerror(errno));
}

/* SQLite gives its log and index the mode of the database. */
static int make_file(struct store *s, const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make %s: %s", dir, strerror(errno));
	int r = take_lock(s, dir, err);
	if (r < 0)
		return r;
	_cleanup_(closep) int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %s", s->path, strerror(errno));
	return 0;
}

/*
 * The checkpoint belongs to store_maintain(), outside of anybody's commit; here is only the
 * safety net.
 */
static int committed(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct store *s = ctx;
	s->log_pages = pages;
	if (pages >= LOG_PAGES_SAFE)
		(void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

static int failed(struct store *s, int result, struct err *err)
{
	int code = sql_failed(s, result);
	return err_set(err, code, "%s", s->why.text);
}

/* Where there is no shared memory for the log's index SQLite keeps its old journal, silently. */
static int pragma_row(void *ctx, int n, char **values, char **names)
{
	(void)ctx, (void)n;
	return strcmp(names[0], "journal_mode") == 0 && strcmp(values[0], "wal") != 0;
}

static int configure(struct store *s, enum connection_kind kind, struct err *err)
{
	static const char *const pragmas[] = {
		[CONNECTION_WRITER] = writer_pragmas,
		[CONNECTION_READER] = reader_pragmas,
		[CONNECTION_TOOL] = tool_pragmas,
	};
	int r = sqlite3_exec(s->db, pragmas[kind], pragma_row, NULL, NULL);
	if (r == SQLITE_OK)
		r = wanted_register(s);
	if (kind == CONNECTION_WRITER)
		(void)sqlite3_wal_hook(s->db, committed, s);
	return r == SQLITE_OK ? 0 : failed(s, r, err);
}

/* SQLite asks us for the name it will open; ours is good as it is. */
static int keep_name(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
	(void)vfs;
	int n = snprintf(ret, (size_t)size, "%s", name);
	return n >= 0 && n < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/*
 * SQLite makes every name absolute. The engine has gone into its directory as root; the
 * way there may be closed to the user it has become since, "./cordon.db" is not. The
 * log is written in walfile.c's way. All the rest is the system's own, which keeps its state per
 * file and not in the copied struct.
 */
static void make_vfs(void)
{
	static sqlite3_vfs vfs;
	/* nobody asks SQLite how much memory it has; keeping count takes a lock at every malloc()
	 */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_vfs *system = sqlite3_vfs_find(NULL);
	if (!system)
		return;
	vfs = *system;
	vfs.zName = CONNECTION_VFS;
	vfs.pNext = NULL;
	vfs.xFullPathname = keep_name;
	walfile_use(&vfs, system);
	(void)sqlite3_vfs_register(&vfs, 0);
}

void connection_prepare(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, make_vfs);
}

/* Only reads: what the file is must be known before anything is written to it. */
static int open_database(
	struct store *s, enum connection_kind kind, int64_t *ret_taken, struct err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX |
		    (kind == CONNECTION_WRITER ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	connection_prepare();
	int r = sqlite3_open_v2(s->path, &s->db, flags, CONNECTION_VFS);
	if (r != SQLITE_OK)
		return failed(s, r, err);
	(void)sqlite3_extended_result_codes(s->db, 1);
	(void)sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* a tool beside the daemon must not write, also not at its end */
	if (kind != CONNECTION_WRITER)
		(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return migrations_taken(s, ret_taken, err);
}

/* A key of another database would fail later, one secret at a time. */
static int prove_key(struct store *s, struct err *err)
{
	int r = seal_prove(s);
	if (r == 0)
		return 0;
	if (r < 0)
		return err_set(err, r, "%s", s->why.text);
	return err_set(
		err, -EINVAL, "secret.key beside %s is not the one it was made with", s->path);
}

static int open_all(struct store *s, const char *dir, enum connection_kind kind, struct err *err)
{
	int64_t taken = 0;
	int r = kind == CONNECTION_WRITER ? make_file(s, dir, err) : 0;
	if (r == 0)
		r = open_database(s, kind, &taken, err);
	if (r == 0)
		r = configure(s, kind, err);
	if (r == 0 && kind != CONNECTION_TOOL)
		r = seal_load(&s->seal, dir, kind == CONNECTION_WRITER && taken == 0, err);
	if (r == 0)
		r = kind == CONNECTION_WRITER ? migrations_run(s, err) : migrations_verify(s, err);
	if (r == 0 && kind != CONNECTION_TOOL)
		r = prove_key(s, err);
	return r;
}

int connection_open(const char *dir, enum connection_kind kind, struct store **ret, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->writer = kind == CONNECTION_WRITER;
	s->unsynced = s->writer; /* what an earlier life committed may be only in its cache */
	s->lock = -1;
	int r = 0;
	if ((size_t)snprintf(s->path, sizeof(s->path), "%s/" DATABASE, dir) >= sizeof(s->path))
		r = err_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
	if (r == 0)
		r = open_all(s, dir, kind, err);
	if (r < 0) {
		(void)store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}
