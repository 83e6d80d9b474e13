/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files as runs of whole lines: plain or gzip, or standard input ("-").
 */
#pragma once

#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

struct lines;

int lines_open(const char *path, struct lines **ret, struct err *err);
struct lines *lines_close(struct lines *l);
/*
 * The next run of lines, each ended by '\n' but perhaps the file's last; borrowed until
 * the next call. A line too long for the buffer (1 MiB) is one line, cut. 1: here they
 * are; 0: end of file; -errno (err says why).
 */
int lines_next(struct lines *l, struct slice *ret, struct err *err);
/* Bytes of the file so far (compressed ones for gzip), and its size; -1: a pipe. */
int64_t lines_done(const struct lines *l);
int64_t lines_size(const struct lines *l);
/* ms: when the file was last written; INT64_MAX for what is no regular file. */
int64_t lines_modified(const struct lines *l);
