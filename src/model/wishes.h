/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server wants of one agent: blocks, rules, allow-list. Everything has a version,
 * taken from one counter that only grows; an agent says up to which it has followed
 * and gets what changed since, or a snapshot of everything.
 */
#pragma once

#include "base/addr.h"
#include "model/block.h"
#include "model/rule.h"

#include <stddef.h>

#define WISHES_BLOCKS_MAX 4096 /* an answer; `more` says that there are others */
#define WISHES_RULES_MAX  256
#define WISHES_ALLOW_MAX  4096

struct wish {
	struct prefix target;
	struct addr trigger;
	enum service service;
	enum block_direction direction;
	bool lift;       /* else: block */
	int64_t expires; /* ms, or BLOCK_FOREVER */
	int64_t version;
	uint16_t port;
	enum rule_source source;
	char rule_name[RULE_NAME_MAX]; /* of a custom block: why */
};

struct wishes {
	int64_t version; /* up to here, once applied */
	bool snapshot;   /* what is not in it is not wanted. A snapshot of several answers ends with
			    the first that has not `more` */
	bool more;       /* ask again at once */
	struct wish *blocks; /* by version */
	size_t block_count;
	bool has_policy; /* rules and allow-list are given, each whole */
	struct rule *rules;
	size_t rule_count;
	struct prefix *allow;
	size_t allow_count;
};

/* Frees what it holds. */
void wishes_done(struct wishes *w);
