/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reader and writer of the protocol agree on. */
#pragma once

#include "base/json.h"
#include "fleet/protocol.h"

#include <jansson.h>

#define PROTOCOL_TIME_MAX  INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define PROTOCOL_COUNT_MAX (INT64_C(1) << 48)
#define PROTOCOL_MINUTE    60000
#define PROTOCOL_HEALTH    sizeof(((struct agent_info *)0)->health)

/* As rules can be made, see core_rule_put(). */
#define PROTOCOL_FAILS_MAX 1000
#define PROTOCOL_SPAN_MIN  1000
#define PROTOCOL_SPAN_MAX  86400000

extern const char *const protocol_directions[2]; /* by enum block_direction */
extern const char *const protocol_sources[2];    /* by enum rule_source */
extern const char *const protocol_entry[3];      /* members of one part's health */

/* One part's health: texts made plain, what is no text null. */
void protocol_put_entry(struct json *j, const json_t *entry);
