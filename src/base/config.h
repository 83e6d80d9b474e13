/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * YAML files read through a table of options.
 *
 * The table says each option's name, kind, range, default and help; the reader,
 * the defaults, the writer and the manual are made from it. A file is a mapping
 * of options to scalars, mappings, or lists of either; the table's nesting bounds
 * the file's. What the table does not know is refused: unknown and repeated names,
 * anchors, aliases, tags, a second document. Messages begin "file:line:column: ".
 *
 * Offsets are relative to the innermost struct: the one handed to config_read(),
 * or a list's item. A plain mapping only groups names; it is no struct of its own.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_FILE_MAX    (1u << 20) /* bytes of one file */
#define CONFIG_OPTIONS_MAX 48         /* names in one mapping */

struct config_option;

/* How a scalar looks in the file and in memory. */
struct config_kind {
	const char *word; /* "a number": what a value has to be */
	/* False when text is not one, or out of range; *ret_field is then unchanged. */
	bool (*read)(const struct config_option *o, struct slice text, void *ret_field);
	void (*write)(const struct config_option *o, const void *field, struct buf *out);
	/* Writes a limit of the range; NULL: this kind has none. */
	void (*limit)(uint64_t value, struct buf *out);
};

/*
 * What happens to the items of a list. `parent` is the struct the list is in. An item
 * is read into zeroed memory with its fields' defaults, then handed to add().
 */
struct config_list {
	size_t item_size;
	void (*clear)(void *parent);
	/* 0, or -EINVAL with the reason in err. */
	int (*add)(void *parent, const void *item, struct err *err);
	/*
	 * The i-th item as add() would take it, into zeroed or used memory (NULL: it is only
	 * asked whether there is one); false past the last.
	 */
	bool (*get)(const void *parent, unsigned i, void *ret_item);
};

struct config_option {
	const char *name; /* NULL ends a table */
	const char *help; /* sentences; the manual's text */
	/* A scalar has a kind, a mapping has fields; with a list, each item has. */
	const struct config_kind *kind;
	const struct config_option *fields;
	const struct config_list *list;
	size_t offset, size; /* of a scalar's memory; size: of each item of a list of scalars */
	uint64_t min, max;   /* for kinds with a range; max 0: as much as the memory holds */
	const char *initial; /* a scalar's default as text, "": zeroed; NULL: must be given */
};

/* For tables: the memory of one member. */
#define CONFIG_AT(type, member)                                                                    \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

extern const struct config_kind config_boolean; /* bool; true, false */
extern const struct config_kind config_number;  /* uint16_t, uint32_t or uint64_t */
extern const struct config_kind config_bytes;   /* uint64_t or uint32_t; 512, 64KiB, 1MiB, 2GiB */
extern const struct config_kind config_text;    /* char[]: no control characters, fits with NUL */
extern const struct config_kind config_path;    /* char[]: absolute */

/* Unsigned decimal, the whole of text, without sign; false otherwise or beyond 64 bits. */
bool config_parse_number(struct slice text, uint64_t *ret);
/* For kinds over an integer: stores value when it is in the option's range and fits. */
bool config_store(const struct config_option *o, uint64_t value, void *ret_field);
uint64_t config_load(const struct config_option *o, const void *field);
/* For kinds over char[]: copies text with a NUL when it fits. */
bool config_store_text(const struct config_option *o, struct slice text, void *ret_field);

/* Every option's default. Lists are cleared. */
void config_default(const struct config_option *options, void *into);
/*
 * Reads text over what is in *into (a list that is named replaces the old one; a name
 * with nothing after it changes nothing). name is for messages. -EINVAL or -ENOMEM;
 * *into is then half changed.
 */
int config_read(const struct config_option *options, struct slice text, const char *name,
	void *into, struct err *err);
/* The same from a file; -ENOENT: it is not there; -EFBIG, -EIO …: err says why. */
int config_read_file(
	const struct config_option *options, const char *path, void *into, struct err *err);
/* Everything as YAML that reads back the same. In list items, defaults are left out. */
void config_write(const struct config_option *options, const void *from, struct buf *out);
/* The table as an mdoc(7) list. */
void config_manual(const struct config_option *options, struct buf *out);
/* "number from 1 to 64": what a value of this option has to be. */
void config_describe(const struct config_option *o, struct buf *out);
