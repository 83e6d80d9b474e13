/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs behind the command line's socket. Adding one is a function and a
 * line in the table of verbs.c.
 */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "core/engine.h"

#include <jansson.h>

/* Answers later: control_answer() was or will be called by the verb. */
#define VERB_LATER 1000

struct verb_call {
	struct core *core;
	struct core_caller caller;
	const json_t *args; /* an object; borrowed */
	struct json *out;   /* the result goes here: exactly one value */
	struct err *err;
	/* For verbs that answer later: call finish(later, result) once. */
	void *later;
};

struct verb {
	const char *name;
	/* 0, a CORE_* condition with err, -errno, or VERB_LATER */
	int (*run)(struct verb_call *call);
};

const struct verb *verb_find(const char *name);

/* Arguments; the getters fill err and return CORE_INVALID when one is wrong. */
const char *verb_text(const struct verb_call *call, const char *name); /* NULL: not given */
int verb_number(const struct verb_call *call, const char *name, int64_t otherwise, int64_t *ret);
int verb_prefix(const struct verb_call *call, const char *name, struct prefix *ret);

extern const struct verb verbs_blocks[], verbs_rules[], verbs_keys[], verbs_status[];

/* control.c: ends a call that answered VERB_LATER. result: text of one JSON value, or NULL
   with an error's sentence. */
void control_answer(void *later, const struct buf *result, const char *error);
