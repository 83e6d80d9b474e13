/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other machines of a world: rows in its store, whose agents say what the test says. */
#pragma once

#include "store/tables.h"
#include "world.h"

/* A server of the account; its uuid is made of the name's last letter. */
struct host others_add(struct world *w, int64_t account, const char *name, bool online);
/* Stores h as it is. */
void others_put(struct world *w, struct host *h);
/* Its record of the target (id 0: none). */
struct block others_row(struct world *w, const struct host *h, const char *target,
	enum service service, enum block_direction direction);
/* The agent's kernel did what was wished of its custom block, or says why not. */
void others_answer(struct world *w, const struct host *h, const char *target,
	enum block_direction direction, enum block_state state, const char *error);
/* A login block that the agent made by itself and reported. */
struct block others_block(struct world *w, const struct host *h, const char *target);
/* The custom block of the target (id 0: none). */
struct custom_block others_custom(
	struct world *w, int64_t account, const char *target, enum block_direction direction);
int64_t others_version(struct world *w);
/* The latest row of the audit. */
struct audit_entry others_audit(struct world *w);
