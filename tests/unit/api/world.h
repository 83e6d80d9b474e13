/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The API over the seeded double of core, and its latest answer: a test's state. */
#pragma once

#include "ask.h"

/* Servers of fake_core_seed(). */
#define WEB    "6d5b361f-958d-48a8-a9d2-d6e82c100001"
#define DB     "6d5b361f-958d-48a8-a9d2-d6e82c100002"
#define EDGE   "6d5b361f-958d-48a8-a9d2-d6e82c100003" /* offline, of FAKE_PROJECT */
#define THEIRS "6d5b361f-958d-48a8-a9d2-d6e82c100009" /* another account's */

struct world {
	struct core core;
	struct api *api;
	struct ask ask;
};

int world_set_up(void **state);
int world_tear_down(void **state);

/* Asks (V1), and expects that status and Code (NULL: a success, which must have none). */
void world_expect(
	struct world *w, const char *action, const char *params, unsigned status, const char *code);
/* A change that succeeds says nothing but its RequestId. */
void world_change(struct world *w, const char *action, const char *params);
/* How many rows the parameters select, by total and by list. */
void world_expect_rows(
	struct world *w, const char *action, const char *list, const char *params, int64_t rows);
/* Each is refused to a key that may call others only, and not to one that may call it. */
void world_expect_permissions(struct world *w, const char *const *actions, size_t n);
