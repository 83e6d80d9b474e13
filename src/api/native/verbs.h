/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs behind the command line's socket. Adding one is a function and a
 * line in a table; verbs.c lists the tables.
 */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "core/engine.h"

#include <jansson.h>

/* Answers later: control_answer() was or will be called by the verb. */
#define VERB_LATER 1000

struct control;
struct stage;

/* What a connection remembers from one request to the next. */
struct verb_session {
	struct stage *stage; /* an import that has begun; see stage.h */
};

struct verb_call {
	struct core *core;
	struct control *control;
	struct core_caller caller; /* of the account that the request named, else of the first */
	struct account account;
	const json_t *args; /* an object; borrowed */
	struct json *out;   /* the result goes here: exactly one value */
	struct err *err;
	struct verb_session *session;
	/* For verbs that answer later: call control_answer(later, …) once. */
	void *later;
};

struct verb {
	const char *name;
	/* 0, a CORE_* condition with err, -errno, or VERB_LATER */
	int (*run)(struct verb_call *call);
};

const struct verb *verbs_find(const char *name);

/* Arguments; the getters fill err and return CORE_INVALID when one is wrong. */
const char *verb_text(const struct verb_call *call, const char *name); /* NULL: not given */
bool verb_flag(const struct verb_call *call, const char *name);        /* false: not given */
int verb_number(const struct verb_call *call, const char *name, int64_t otherwise, int64_t *ret);
int verb_prefix(const struct verb_call *call, const char *name, struct prefix *ret);

/* Answers. */
void verb_done(struct verb_call *call); /* {} */
/* RFC 3339; null for BLOCK_FOREVER, 0 and less. */
void verb_put_time(struct json *j, const char *name, int64_t ms);

extern const struct verb verbs_accounts[], verbs_allow[], verbs_audit[], verbs_block[],
	verbs_blocks[], verbs_customs[], verbs_hosts[], verbs_keys[], verbs_rules[], verbs_status[];

/* control.c: ends a call that answered VERB_LATER. result: text of one JSON value, or NULL
   with an error's sentence. */
void control_answer(void *later, const struct buf *result, const char *error);
