/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table for people: columns as wide as their widest cell, bold heads on a
 * terminal. Cells are copied; control characters in them are shown as '?'.
 */
#pragma once

#include <stdbool.h>

#define TABLE_COLUMNS_MAX 10

struct table;

/* heads: columns of them; a head that begins with '>' is aligned to the right. */
struct table *table_new(const char *const *heads, unsigned columns);
void table_row(struct table *t, const char *const *cells);
/* Prints to standard output and frees. */
void table_print(struct table *t);
/* Standard output is a terminal and NO_COLOR is not set. */
bool table_colour(void);
