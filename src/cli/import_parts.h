/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the readers of import.c share. A reader takes a text and calls import_take() or
 * import_refuse() for what it finds; the first error of either sticks.
 */
#pragma once

#include "cli/import.h"

/* A named set of a firewall: whether its elements are addresses to block. */
struct import_set {
	struct slice name;
	const char *refused; /* why its elements are not taken; NULL: they are */
	bool said;           /* refused once already */
	bool unasked;        /* left out in silence: others were asked for */
	bool in, out;        /* of Cordon's own table: which way */
	unsigned netmask;    /* bits (of 128) each element stands for; 0: as it is written */
};

struct import {
	const struct import_how *how;
	struct import_list *list;
	struct slice text; /* what is left to read */
	unsigned line;     /* of the latest one taken off it */
	struct import_set *sets;
	unsigned set_count;
	int error;
};

/* What is known of an entry beside its address; zero values mean: nothing. */
struct import_more {
	int64_t expires;
	struct slice why;
	bool in, out;
	unsigned netmask;
};

/* text: an address, a prefix or a range (a-b). What it is not is refused. */
void import_take(
	struct import *m, struct slice text, unsigned line, const struct import_more *more);
void import_refuse(struct import *m, struct slice text, unsigned line, const char *why);

/* Takes the next line off the text; false: there is none. *ret has neither its end nor blanks
   around; m->line is its number then. */
bool import_line(struct import *m, struct slice *ret);
struct slice import_trim(struct slice s);
/* Takes the first word (up to a blank) off *rest; empty at the end. "…" is one word with
   its quotes. */
struct slice import_word(struct slice *rest);
/* "…" without its quotes. */
struct slice import_unquote(struct slice word);
bool import_is(struct slice word, const char *text);
/* Is it one of these? */
bool import_one_of(char c, const char *these);
/* "1d2h3m4s5ms" or plain seconds, as ms. */
bool import_duration(struct slice text, int64_t *ret_ms);

/* The set of that name, new ones judged by the name; NULL: too many. */
struct import_set *import_set(struct import *m, struct slice name);
/* False when its elements are not to be taken; that is said once. */
bool import_set_takes(struct import *m, struct import_set *set, unsigned line);

void import_plain(struct import *m);
void import_csv(struct import *m);
void import_ipset(struct import *m);
void import_nft(struct import *m);
void import_fail2ban(struct import *m);
/* Is this line a CSV's first? */
bool import_is_csv(struct slice line);
