/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows that several files read: the columns and their structs, in one order. */
#pragma once

#include "model/block.h"
#include "model/custom.h"
#include "model/host.h"
#include "store/sql.h"

#define BLOCK_COLUMNS                                                                              \
	"b.id, b.account, b.host, b.target, b.len, b.trigger, b.direction, b.service, b.port,"     \
	" b.state, b.applied_once, b.rule, b.source, b.rule_name, b.error, b.created,"             \
	" b.first_attempt, b.latest_attempt, b.attempts, b.expires, b.changed, b.lives, b.wish"

#define HOST_COLUMNS                                                                               \
	"h.id, h.account, h.uuid, h.instance_id, h.name, h.internet_ip, h.intranet_ip, h.region,"  \
	" h.enterprise_project, h.agent_online, h.remote, h.retired, h.version, h.last_seen"

#define CUSTOM_COLUMNS                                                                             \
	"c.id, c.account, c.target, c.len, c.direction, c.status, c.servers, c.applied,"           \
	" c.enabled, c.everywhere, c.expires, c.created, c.changed, c.why"

void rows_block(struct query *q, struct block *ret);
void rows_host(struct query *q, struct host *ret);
void rows_custom(struct query *q, struct custom_block *ret);
