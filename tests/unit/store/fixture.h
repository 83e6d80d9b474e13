/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store in a directory of its own that goes away with the test. */
#pragma once

#include "store/blocks.h"
#include "store/custom.h"
#include "store/store.h"
#include "store/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
	char dir[64];
	struct store *store;
	struct account account;
	uint32_t host; /* the first one */
	int64_t now;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* An empty directory and nothing in it. */
int fixture_setup_empty(void **state);

void fixture_reopen(struct fixture *f);
uint32_t fixture_host(struct fixture *f, const char *name, const char *internet_ip);
void fixture_begin(struct fixture *f);
void fixture_commit(struct fixture *f);
struct prefix fixture_prefix(const char *text);
/* Active since f->now, for an hour. */
struct block fixture_block(const struct fixture *f, const char *target);
/* In force for an hour, not stored. */
struct custom_block fixture_custom(const struct fixture *f, const char *target);
/* What store_check() finds wrong is printed, and fails the test. */
void fixture_assert_sound(const struct fixture *f);
/* cordon.db, secret.key … */
void fixture_path(const struct fixture *f, const char *name, char ret[static 128]);

/* A small deterministic generator (xorshift64*). */
uint64_t fixture_random(uint64_t *state);
