/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of a verb that asks the daemon: common options, the verb's
 * own, and what is left. Every such verb is a table of options and a help text.
 */
#pragma once

#include "cli/options.h"

#include <jansson.h>

#define VERBLINE_OWN_MAX 16

struct verbline_option {
	const char *name; /* "--limit" without the dashes; NULL ends the table */
	bool has_value;
	bool repeats; /* its values make a list */
};

struct verbline {
	struct options common;
	json_t *values; /* name -> string, true, or list of strings */
	char **rest;    /* arguments that are no options */
	int count;
};

/*
 * Reads argv. Negative: go on; else exit with that code (help was shown, or what
 * was wrong was said). verbline_done() in every case.
 */
int verbline_read(struct verbline *l, int argc, char **argv, const struct verbline_option *own,
	const char *help);
void verbline_done(struct verbline *l);
/* NULL: not given. */
const char *verbline_value(const struct verbline *l, const char *name);
bool verbline_has(const struct verbline *l, const char *name);
/* Of an option that repeats, and whose values may be lists themselves (a,b): a new array of all of
   them; NULL: not given. */
json_t *verbline_names(const struct verbline *l, const char *name);
/* Puts a value that was given into args under the option's name. */
void verbline_text(const struct verbline *l, const char *name, json_t *args);
/* The same for a number of 0 and more; false: it is none. */
bool verbline_number(const struct verbline *l, const char *name, json_t *args);
/* Says what is wrong and how to get help; returns EXIT_USAGE. */
int verbline_wrong(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
