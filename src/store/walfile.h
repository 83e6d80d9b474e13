/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQLite's write-ahead log, written in few calls. SQLite writes each changed page as
 * a header of 24 bytes and the page; a transaction of ours has a dozen or hundreds. Here they
 * are gathered and written together.
 *
 * Invariant: what is gathered is never committed. The header of the last page of a commit says
 * so (sqlite.org/fileformat2.html#the_write_ahead_log, bytes 4 to 7), and with that page all is
 * written before the call returns: SQLite hears of an error while it can still roll back.
 */
#pragma once

#include <sqlite3.h>

/* Makes vfs open logs this way; all else is left to `system`, which it is a copy of. */
void walfile_use(sqlite3_vfs *vfs, sqlite3_vfs *system);

/*
 * Puts zeros behind the log (SQLITE_FCNTL_JOURNAL_POINTER's; one opened otherwise is left alone),
 * so that the next transaction is written over what is there: half the time that making a file
 * longer takes. SQLite finds no frame in them. For when nobody waits.
 */
void walfile_make_room(sqlite3_file *log);
