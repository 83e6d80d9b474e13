/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows that several files read: the columns and their structs, in one order. */
#pragma once

#include "model/block.h"
#include "model/host.h"
#include "store/sql.h"

#define BLOCK_COLUMNS                                                                              \
	"b.id, b.account, b.host, b.target, b.len, b.trigger, b.direction, b.service, b.port,"     \
	" b.state, b.applied_once, b.rule, b.source, b.rule_name, b.error, b.created,"             \
	" b.first_attempt, b.latest_attempt, b.attempts, b.expires, b.changed, b.lives"

#define HOST_COLUMNS                                                                               \
	"h.id, h.account, h.uuid, h.instance_id, h.name, h.internet_ip, h.intranet_ip, h.region,"  \
	" h.enterprise_project, h.agent_online"

void rows_block(struct query *q, struct block *ret);
void rows_host(struct query *q, struct host *ret);
