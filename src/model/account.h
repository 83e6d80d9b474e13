/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accounts and what proves that a caller belongs to one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KEY_ID_MAX       40
#define KEY_SECRET_MAX   64
#define KEY_PATTERNS_MAX 1024

struct account {
	int64_t id;
	char uid[20];        /* 16 digits */
	char project_id[40]; /* 32 hex digits */
	char name[64];
	bool closed;
};

struct access_key {
	int64_t account;
	char id[KEY_ID_MAX];         /* access key id */
	char secret[KEY_SECRET_MAX]; /* opened; keep it no longer than needed */
	char name[64];
	char allow[KEY_PATTERNS_MAX]; /* action patterns, one a line; '*' only at an end */
	char security_token[64];      /* "" unless temporary */
	char projects[256];           /* enterprise projects it may see, one a line; "": all */
	int64_t created;
	int64_t expires; /* ms; INT64_MAX: never */
	bool active;
};

struct token {
	int64_t account;
	char key_id[KEY_ID_MAX]; /* the access key it stands for */
	int64_t issued, expires; /* ms */
};
