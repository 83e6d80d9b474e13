/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of this folder share: whole files in memory, one TAP line a case.
 */
#pragma once

#include "base/clock.h"
#include "base/slice.h"
#include "sensor/reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#define CASES_MAX 2048

/* 2026-11-21T23:30:00Z: "now" of the cases */
#define CASES_NOW ((int64_t)1795303800000)

/* The file of that name under the source root (or an absolute one); "" when it is not there. */
struct slice cases_read(const char *path);
/* The next line of *text, without its newline; false at the end. */
bool cases_line(struct slice *text, struct slice *ret);

/* Runs fn once for each of n states, under these names. */
int cases_run(const char *group, const char *const *names, void *const *states, size_t n,
	void (*fn)(void **state));
/* A reader of its own over a table of its own; cases_done() frees the table. */
void cases_reader(struct reader *r, int64_t now, const char *zone);
void cases_done(struct reader *r);
