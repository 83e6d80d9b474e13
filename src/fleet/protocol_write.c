/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "fleet/plain.h"
#include "fleet/protocol_private.h"

const char *const protocol_directions[] = {[BLOCK_IN] = "in", [BLOCK_OUT] = "out"};
const char *const protocol_sources[] = {[RULE_BLINK] = "system", [RULE_USER] = "user"};
const char *const protocol_entry[] = {"source", "problem", "note"};

_Static_assert(RULE_NAME_MAX <= HOST_TEXT_MAX, "the longest text is a host's");

static void put_text(struct json *j, const char *name, const char *text)
{
	char plain[HOST_TEXT_MAX];
	json_field(j, name, plain_copy(plain, sizeof(plain), text));
}

static void put_number(struct json *j, const char *name, int64_t n, int64_t least, int64_t most)
{
	json_field_int(j, name, MIN_OF(MAX_OF(n, least), most));
}

static void put_count(struct json *j, const char *name, int64_t n)
{
	put_number(j, name, n, 0, PROTOCOL_COUNT_MAX);
}

static void put_time(struct json *j, const char *name, int64_t ms)
{
	put_number(j, name, ms, 0, PROTOCOL_TIME_MAX);
}

static void put_expires(struct json *j, int64_t ms)
{
	if (ms == BLOCK_FOREVER)
		json_field_null(j, "expires");
	else
		put_time(j, "expires", ms);
}

/* What both a block and a wish begin with. */
static void put_identity(struct json *j, const struct prefix *target, const struct addr *trigger,
	enum block_direction direction, enum service service, uint16_t port)
{
	char prefix[PREFIX_TEXT_MAX], addr[ADDR_TEXT_MAX];
	json_field(j, "target", prefix_format(target, prefix));
	json_field(j, "trigger", addr_format(trigger, addr));
	json_field(j, "direction", protocol_directions[direction == BLOCK_OUT]);
	json_field(j, "service", service_name(service));
	json_field_int(j, "port", port);
}

static void put_rule_name(struct json *j, enum rule_source source, const char *name)
{
	json_field(j, "source", protocol_sources[source == RULE_USER]);
	put_text(j, "rule", name);
}

static void put_block(struct json *j, const struct block *b)
{
	json_begin_object(j);
	put_identity(j, &b->target, &b->trigger, b->direction, b->service, b->port);
	json_field(j, "state", block_state_name(b->state));
	json_field_bool(j, "applied_once", b->applied_once);
	put_rule_name(j, b->source, b->rule_name);
	put_text(j, "error", b->error);
	put_time(j, "created", b->created);
	put_time(j, "first_attempt", b->first_attempt);
	put_time(j, "latest_attempt", b->latest_attempt);
	put_count(j, "attempts", b->attempts);
	put_expires(j, b->expires);
	put_time(j, "changed", b->changed);
	json_field_int(j, "lives", b->lives);
	put_count(j, "wish", b->wish);
	json_end_object(j);
}

static void put_attempt(struct json *j, const struct report_attempt *a)
{
	char prefix[PREFIX_TEXT_MAX];
	int64_t ms = MIN_OF(MAX_OF(a->minute, 0), PROTOCOL_TIME_MAX);
	json_begin_array(j);
	json_int(j, ms / PROTOCOL_MINUTE);
	json_text(j, prefix_format(&a->source, prefix));
	json_text(j, service_name(a->service));
	json_int(j, MIN_OF(a->n, PROTOCOL_COUNT_MAX));
	json_end_array(j);
}

void protocol_put_report(struct buf *out, const struct report *report)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	put_number(&j, "number", report->number, 1, PROTOCOL_COUNT_MAX);
	put_count(&j, "seen", report->seen);
	json_key(&j, "attempts");
	json_begin_array(&j);
	for (size_t i = 0; i < report->attempt_count; i++)
		if (report->attempts[i].n > 0 && report->attempts[i].service != SERVICE_NONE)
			put_attempt(&j, &report->attempts[i]);
	json_end_array(&j);
	json_key(&j, "blocks");
	json_begin_array(&j);
	for (size_t i = 0; i < report->block_count; i++)
		put_block(&j, &report->blocks[i]);
	json_end_array(&j);
	json_end_object(&j);
}

static void put_wish(struct json *j, const struct wish *w)
{
	json_begin_object(j);
	put_identity(j, &w->target, &w->trigger, w->direction, w->service, w->port);
	json_field_bool(j, "lift", w->lift);
	put_expires(j, w->expires);
	put_count(j, "version", w->version);
	put_rule_name(j, w->source, w->rule_name);
	json_end_object(j);
}

static void put_rule(struct json *j, const struct rule *r)
{
	json_begin_object(j);
	put_text(j, "name", r->name);
	json_field(j, "source", protocol_sources[r->source == RULE_USER]);
	put_number(j, "span", r->span, PROTOCOL_SPAN_MIN, PROTOCOL_SPAN_MAX);
	put_number(j, "fail_count", r->fail_count, 1, PROTOCOL_FAILS_MAX);
	put_number(j, "forbidden", r->forbidden, MS_SECOND, PROTOCOL_TIME_MAX);
	json_key(j, "services");
	json_begin_array(j);
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++)
		if (r->services & SERVICE_BIT(s))
			json_text(j, service_name(s));
	json_end_array(j);
	json_field_bool(j, "default", r->is_default);
	json_field_bool(j, "enabled", r->enabled);
	put_time(j, "created", r->created);
	json_end_object(j);
}

static void put_policy(struct json *j, const struct wishes *w)
{
	char prefix[PREFIX_TEXT_MAX];
	json_key(j, "rules");
	json_begin_array(j);
	for (size_t i = 0; i < w->rule_count; i++)
		put_rule(j, &w->rules[i]);
	json_end_array(j);
	json_key(j, "allow");
	json_begin_array(j);
	for (size_t i = 0; i < w->allow_count; i++)
		json_text(j, prefix_format(&w->allow[i], prefix));
	json_end_array(j);
}

void protocol_put_wishes(struct buf *out, const struct wishes *wishes)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	put_count(&j, "version", wishes->version);
	json_field_bool(&j, "snapshot", wishes->snapshot);
	json_field_bool(&j, "more", wishes->more);
	json_key(&j, "blocks");
	json_begin_array(&j);
	for (size_t i = 0; i < wishes->block_count; i++)
		put_wish(&j, &wishes->blocks[i]);
	json_end_array(&j);
	if (wishes->has_policy)
		put_policy(&j, wishes);
	json_end_object(&j);
}

void protocol_put_entry(struct json *j, const json_t *entry)
{
	char plain[PROTOCOL_HEALTH];
	json_begin_object(j);
	for (size_t i = 0; i < countof(protocol_entry); i++) {
		const char *text = json_string_value(json_object_get(entry, protocol_entry[i]));
		json_field(
			j, protocol_entry[i], text ? plain_copy(plain, sizeof(plain), text) : NULL);
	}
	json_end_object(j);
}

static void put_health(struct json *j, const char *text)
{
	json_t *list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_key(j, "health");
	json_begin_array(j);
	for (size_t i = 0; i < json_array_size(list); i++)
		protocol_put_entry(j, json_array_get(list, i));
	json_end_array(j);
	json_decref(list);
}

/* An address, or "" for what is none. */
static void put_address(struct json *j, const char *name, const char *text)
{
	char canonical[ADDR_TEXT_MAX];
	struct addr a;
	bool is = addr_parse(slice_of(text), &a);
	json_field(j, name, is ? addr_format(&a, canonical) : "");
}

static void put_info(struct json *j, const struct agent_info *info)
{
	json_begin_object(j);
	put_text(j, "version", info->version);
	put_text(j, "name", info->name);
	put_text(j, "instance_id", info->instance_id);
	put_address(j, "internet_ip", info->internet_ip);
	put_address(j, "intranet_ip", info->intranet_ip);
	put_text(j, "region", info->region);
	json_field_bool(j, "enforces", info->enforces);
	put_health(j, info->health);
	json_end_object(j);
}

void protocol_put_info(struct buf *out, const struct agent_info *info)
{
	struct json j;
	json_start(&j, out);
	put_info(&j, info);
}

void protocol_put_enrol_request(struct buf *out, const struct enrol_request *q)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	json_field(&j, "token", q->token);
	json_field(&j, "request", q->request);
	json_key(&j, "info");
	put_info(&j, &q->info);
	json_end_object(&j);
}

void protocol_put_enrol_answer(struct buf *out, const struct enrol_answer *a)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	json_field(&j, "certificate", a->certificate);
	json_field(&j, "uuid", a->uuid);
	put_text(&j, "name", a->name);
	json_end_object(&j);
}

void protocol_put_number(struct buf *out, const char *name, int64_t n)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	put_count(&j, name, n);
	json_end_object(&j);
}

void protocol_put_error(struct buf *out, const char *why)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	json_field(&j, "error", why);
	json_end_object(&j);
}
