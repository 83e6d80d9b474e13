/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The numbers of custom blocks (servers, applied, status), kept right while their targets and
 * records change. Those of one are held back at a time: what belongs together comes together.
 */
#pragma once

#include "model/custom.h"

#include <stdint.h>

struct store;

/* A record was put; old: what it was, NULL when it is new. Costs nothing unless it is a custom
   block's and enters or leaves APPLIED. */
int custom_follow(struct store *s, const struct block *old, const struct block *b);

/* The one to work on, s->custom.now, or NOT_FOUND. */
int custom_open(struct store *s, int64_t id);
/* The one whose target, on the record's host, the record is about. */
int custom_open_target(struct store *s, const struct block *b);
/* Whether the host is one of its targets: 0, or NOT_FOUND. */
int custom_target_has(struct store *s, int64_t custom, uint32_t host);
/* Whether the host's record of the one that is open is APPLIED: 1, 0, or -errno. */
int custom_target_applied(struct store *s, uint32_t host);
int custom_targets_remove(struct store *s, int64_t custom);
/* Changes its numbers. */
void custom_add(struct store *s, int servers, int applied);
/* What its status is, by its other members. */
enum custom_status custom_status(const struct custom_block *cb);
int custom_flush(struct store *s);
void custom_forget(struct store *s);
