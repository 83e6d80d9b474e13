/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/table.h"

#include "base/util.h"

#include <string.h>

struct table {
	unsigned columns;
	bool right[TABLE_COLUMNS_MAX];
	size_t width[TABLE_COLUMNS_MAX];
	char **cells; /* row after row, the heads first */
	size_t count, size;
};

bool table_colour(void)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

/* Columns on a screen: every byte that does not continue a UTF-8 sequence. */
static size_t text_width(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static char *clean_copy(const char *text)
{
	char *copy = strdup(text ? text : "");
	for (char *p = copy; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

struct table *table_new(const char *const *heads, unsigned columns)
{
	struct table *t = calloc(1, sizeof(*t));
	const char *row[TABLE_COLUMNS_MAX];
	if (!t || columns > TABLE_COLUMNS_MAX)
		abort();
	t->columns = columns;
	for (unsigned i = 0; i < columns; i++) {
		t->right[i] = heads[i][0] == '>';
		row[i] = heads[i] + (t->right[i] ? 1 : 0);
	}
	table_row(t, row);
	return t;
}

void table_row(struct table *t, const char *const *cells)
{
	if (t->count + t->columns > t->size) {
		t->size = t->size ? t->size * 2 : 64;
		t->cells = reallocarray(t->cells, t->size, sizeof(*t->cells));
		if (!t->cells)
			abort();
	}
	for (unsigned i = 0; i < t->columns; i++) {
		char *copy = clean_copy(cells[i]);
		if (!copy)
			abort();
		t->cells[t->count++] = copy;
		t->width[i] = MAX_OF(t->width[i], text_width(copy));
	}
}

static void print_row(const struct table *t, char **cells)
{
	for (unsigned i = 0; i < t->columns; i++) {
		int pad = (int)(t->width[i] - text_width(cells[i]));
		bool last = i + 1 == t->columns;
		(void)printf("%*s%s%*s%s", t->right[i] ? pad : 0, "", cells[i],
			t->right[i] || last ? 0 : pad, "", last ? "\n" : "  ");
	}
}

void table_print(struct table *t)
{
	bool colour = table_colour();
	for (size_t i = 0; i < t->count; i += t->columns) {
		(void)fputs(i == 0 && colour ? "\033[1m" : "", stdout);
		print_row(t, t->cells + i);
		(void)fputs(i == 0 && colour ? "\033[0m" : "", stdout);
	}
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}
