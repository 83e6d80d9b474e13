/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/rows.h"

void rows_block(struct query *q, struct block *ret)
{
	ret->id = sql_get_int(q);
	ret->account = sql_get_int(q);
	ret->host = (uint32_t)sql_get_uint(q, UINT32_MAX);
	sql_get_prefix(q, &ret->target);
	sql_get_addr(q, &ret->trigger);
	ret->direction = (enum block_direction)sql_get_uint(q, BLOCK_OUT);
	ret->service = (enum service)sql_get_uint(q, SERVICE_COUNT - 1);
	ret->port = (uint16_t)sql_get_uint(q, UINT16_MAX);
	ret->state = (enum block_state)sql_get_uint(q, BLOCK_STATES - 1);
	ret->applied_once = sql_get_bool(q);
	ret->rule = sql_get_int(q);
	ret->source = (enum rule_source)sql_get_uint(q, RULE_USER);
	sql_get_text(q, ret->rule_name, sizeof(ret->rule_name));
	sql_get_text(q, ret->error, sizeof(ret->error));
	ret->created = sql_get_int(q);
	ret->first_attempt = sql_get_int(q);
	ret->latest_attempt = sql_get_int(q);
	ret->attempts = sql_get_int(q);
	ret->expires = sql_get_int(q);
	ret->changed = sql_get_int(q);
	ret->lives = (uint32_t)sql_get_uint(q, UINT32_MAX);
	ret->wish = sql_get_int(q);
}

void rows_host(struct query *q, struct host *ret)
{
	ret->id = (uint32_t)sql_get_uint(q, UINT32_MAX);
	ret->account = sql_get_int(q);
	sql_get_text(q, ret->uuid, sizeof(ret->uuid));
	sql_get_text(q, ret->instance_id, sizeof(ret->instance_id));
	sql_get_text(q, ret->name, sizeof(ret->name));
	sql_get_text(q, ret->internet_ip, sizeof(ret->internet_ip));
	sql_get_text(q, ret->intranet_ip, sizeof(ret->intranet_ip));
	sql_get_text(q, ret->region, sizeof(ret->region));
	sql_get_text(q, ret->enterprise_project, sizeof(ret->enterprise_project));
	ret->agent_online = sql_get_bool(q);
	ret->remote = sql_get_bool(q);
	ret->retired = sql_get_bool(q);
	sql_get_text(q, ret->version, sizeof(ret->version));
	ret->last_seen = sql_get_int(q);
}

void rows_custom(struct query *q, struct custom_block *ret)
{
	ret->id = sql_get_int(q);
	ret->account = sql_get_int(q);
	sql_get_prefix(q, &ret->target);
	ret->direction = (enum block_direction)sql_get_uint(q, BLOCK_OUT);
	ret->status = (enum custom_status)sql_get_uint(q, CUSTOM_STATUSES - 1);
	ret->servers = (uint32_t)sql_get_uint(q, UINT32_MAX);
	ret->applied = (uint32_t)sql_get_uint(q, UINT32_MAX);
	ret->enabled = sql_get_bool(q);
	ret->everywhere = sql_get_bool(q);
	ret->expires = sql_get_int(q);
	ret->created = sql_get_int(q);
	ret->changed = sql_get_int(q);
	sql_get_text(q, ret->why, sizeof(ret->why));
}
