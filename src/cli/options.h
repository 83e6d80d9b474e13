/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options that mean the same to every verb of `cordon`.
 *
 * A verb puts OPTIONS_COMMON into its table for getopt_long() and hands what it does
 * not know itself to options_take().
 */
#pragma once

#include "base/slice.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

struct stamps;

/* Exit codes of every verb. */
enum { EXIT_OK = 0, EXIT_INPUT = 1, EXIT_USAGE = 2 };

struct options {
	bool json;
	const char *state_dir; /* NULL: not given */
	const char *account;   /* name, account id or project id; NULL: the first one */
	const char *timezone;  /* NULL: the machine's */
	int64_t now;           /* ms */
	bool has_now;          /* --now was given */
};

/* Values of getopt_long() beyond characters; a verb's own begin at OPTION_OWN. */
enum { OPTION_JSON = 256, OPTION_STATE_DIR, OPTION_ACCOUNT, OPTION_TZ, OPTION_NOW, OPTION_OWN };

#define OPTIONS_COMMON                                                                             \
	{"json", no_argument, NULL, OPTION_JSON},                                                  \
		{"state-dir", required_argument, NULL, OPTION_STATE_DIR},                          \
		{"account", required_argument, NULL, OPTION_ACCOUNT},                              \
		{"tz", required_argument, NULL, OPTION_TZ},                                        \
	{                                                                                          \
		"now", required_argument, NULL, OPTION_NOW                                         \
	}

void options_init(struct options *o);
/* True when the option was a common one and good; else it has said on stderr what is wrong. */
bool options_take(struct options *o, const char *verb, int option, const char *argument);
/* RFC 3339 (without seconds, or a date alone, too), or seconds since 1970. */
bool options_time(const char *text, const char *zone, int64_t *ret_ms);
/* Only the dates of these, with a reader that serves for many. */
bool options_date(struct stamps *stamps, struct slice text, int64_t now, int64_t *ret_ms);
