/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two kinds of case files of a log format.
 *
 * lines.txt: a line, and behind "= " what it means: outcome, address, user; behind "@ " in
 * between, where it is there, the time read. A line may be preceded by others ("+").
 *
 * sessions.log: "# N …" begins lines in which N logins failed.
 *
 * Both return 0 when all is well and there were at least `least` of them.
 */
#pragma once

#include <stddef.h>

int case_files_lines(const char *path, size_t least);
int case_files_sessions(const char *path, size_t least);
