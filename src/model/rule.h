/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anti-brute-force rules: `fail_count` failures within `span` block the source
 * for `forbidden`. The failure that makes the count reach fail_count blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RULE_NAME_MAX 128
/* The vendors' word for permanent: 52560000 minutes. No kernel timeout then. */
#define RULE_PERMANENT ((int64_t)52560000 * 60000)

/* built-in system rule, user's rule */
enum rule_source { RULE_BLINK, RULE_USER, RULE_SOURCES };

struct rule {
	int64_t id;
	int64_t account;
	enum rule_source source;
	char name[RULE_NAME_MAX];
	int64_t span; /* ms */
	uint32_t fail_count;
	int64_t forbidden; /* ms; >= RULE_PERMANENT: for ever */
	uint32_t services; /* SERVICE_BIT()s */
	bool is_default;   /* applies to every host without a rule of its own */
	bool enabled;
	int64_t created; /* ms */
};
