/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Security Center 2018-12-03: who was blocked for guessing passwords.
 * Source: the page of DescribeBruteForceRecords (Nov 25, 2024).
 *
 * Status 0 is a block that does not hold (not yet, or no longer), 1 one the
 * kernel has, 2 one it does not have although it should.
 */
#include "api/vendor/aliyun/sas.h"
#include "model/settings.h"

#include <errno.h>
#include <inttypes.h>

#define PORT_TEXT_MAX 16

static const uint8_t status_of[BLOCK_STATES] = {
	[BLOCK_WANTED] = 0,
	[BLOCK_APPLIED] = 1,
	[BLOCK_FAILED] = 2,
	[BLOCK_EXPIRED] = 0,
	[BLOCK_CANCELLING] = 0,
	[BLOCK_CANCELED] = 0,
};

static uint32_t states_of(int64_t status)
{
	uint32_t mask = 0;
	for (unsigned s = 0; s < BLOCK_STATES; s++)
		if (status_of[s] == status)
			mask |= 1u << s;
	return mask;
}

/* "22/22"; two stars for a block by hand, which no service caused. */
static void format_port(uint16_t port, char text[static PORT_TEXT_MAX])
{
	if (port)
		(void)snprintf(text, PORT_TEXT_MAX, "%u/%u", port, port);
	else
		(void)snprintf(text, PORT_TEXT_MAX, "*/*");
}

/* Why a block is not in force. The server need not have said so: it may not have been there. */
static const char *error_code(const struct block *b, const struct host *h)
{
	bool waits = b->state == BLOCK_WANTED && b->error[0] == '\0';
	return waits && !h->agent_online ? "AliNetNotOnline" : b->error;
}

struct list {
	struct json *json;
	struct sas_page page;
};

static int write_row(void *ctx, const struct block_row *row)
{
	struct list *list = ctx;
	struct json *j = list->json;
	const struct block *b = &row->block;
	char text[ADDR_TEXT_MAX], port[PORT_TEXT_MAX];

	format_port(b->port, port);
	json_begin_object(j);
	json_field_int(j, "Id", b->id);
	json_field_int(j, "Status", status_of[b->state]);
	json_field(j, "BlockIp", addr_format(&b->trigger, text));
	json_field(j, "Port", port);
	json_field_int(j, "BlockExpireDate", sas_expire_date(b->expires, b->created));
	json_field(j, "RuleName", b->rule_name);
	json_field(j, "Source", b->source == RULE_USER ? "userRule" : "blinkRule");
	json_field(j, "ErrorCode", error_code(b, &row->host));
	json_field(j, "Uuid", row->host.uuid);
	json_field(j, "InstanceName", row->host.name);
	json_field(j, "InternetIp", row->host.internet_ip);
	json_field(j, "IntranetIp", row->host.intranet_ip);
	json_field(j, "BlockType", "alinet");
	json_field_bool(j, "AliNetOnline", row->host.agent_online);
	json_end_object(j);
	list->page.count++;
	return j->out->error;
}

/* Reads the address parameter `BlockIp`; false when answered. */
static bool read_address(struct call *c, const char *text, struct addr *ret)
{
	if (addr_parse(slice_of(text), ret))
		return true;
	aliyun_invalid(
		c, "BlockIp", "Specified parameter BlockIp is not valid: no literal address.");
	return false;
}

static bool read_query(struct call *c, struct block_query *q, struct sas_page *ret_page)
{
	int64_t status = -1;
	const char *address = aliyun_param(c, "BlockIp");

	*q = (struct block_query){
		.account = c->account.id,
		.has_direction = BLOCK_IN + 1,
		.logins = true,
		.instance_id = aliyun_param(c, "InstanceId"),
		.host_like = aliyun_param(c, "Remark"),
		.enterprise_projects = c->key.projects,
		.has_address = address != NULL,
	};
	if (!sas_read_page(c, SAS_PAGE_DEFAULT, SAS_PAGE_MOST, ret_page) ||
		!aliyun_param_int(c, "Status", 0, 2, &status) ||
		(address && !read_address(c, address, &q->address)))
		return false;
	if (status >= 0)
		q->states = states_of(status);
	q->offset = sas_page_offset(ret_page);
	q->limit = ret_page->size;
	return true;
}

void sas_describe_brute_force_records(struct call *c)
{
	struct json j;
	struct list list = {.json = &j};
	struct block_query q;
	int64_t total = 0;
	if (!read_query(c, &q, &list.page))
		return;
	/* The list first: its total is known when it is written. */
	aliyun_success(c, &j);
	json_key(&j, "MachineList");
	json_begin_array(&j);
	int r = core_blocks(c->reader, &q, write_row, &list, &total);
	if (r < 0) {
		aliyun_fault(c, "listing blocks", r);
		return;
	}
	json_end_array(&j);
	sas_write_page(&j, &list.page, total);
	json_end_object(&j);
}

static void field_digits(struct json *j, const char *name, int64_t value)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	json_field(j, name, text);
}

/*
 * Two of the seven are integers, five are strings: so the vendor's schema and its clients. They
 * are the account's: a key that is limited to a part of its servers is not told them.
 */
void sas_describe_brute_force_summary(struct call *c)
{
	struct core_summary s;
	struct json j;
	if (c->key.projects[0]) {
		sas_no_permission(c);
		return;
	}
	int r = core_summary(c->reader, c->account.id, &s);
	if (r < 0) {
		aliyun_fault(c, "counting blocks", r);
		return;
	}
	aliyun_success(c, &j);
	json_key(&j, "BruteForceSummary");
	json_begin_object(&j);
	json_field_int(&j, "AllStrategyCount", s.records[RULE_USER] + s.records[RULE_BLINK]);
	json_field_int(&j, "EffectiveCount", s.effective[RULE_USER] + s.effective[RULE_BLINK]);
	field_digits(&j, "AntiBruteForceRuleCount", s.rules);
	field_digits(&j, "CustomRecordCount", s.records[RULE_USER]);
	field_digits(&j, "SystemRecordCount", s.records[RULE_BLINK]);
	field_digits(&j, "CustomEffectiveCount", s.effective[RULE_USER]);
	field_digits(&j, "SystemEffectiveCount", s.effective[RULE_BLINK]);
	json_end_object(&j);
	json_end_object(&j);
}

/* Two equal ports, or two stars for any service; false when it is neither. */
static bool read_port(const char *text, bool *ret_any, uint16_t *ret_port)
{
	const char *slash = strchr(text, '/');
	int64_t from, to;
	*ret_any = strcmp(text, "*/*") == 0;
	if (*ret_any)
		return true;
	if (!slash || !call_int(slice_between(text, slash), &from) ||
		!call_int(slice_of(slash + 1), &to) || from != to || from < 1 || from > 65535)
		return false;
	*ret_port = (uint16_t)from;
	return true;
}

static enum service service_at(const struct call *c, uint16_t port)
{
	for (unsigned s = SERVICE_NONE + 1; s < SERVICE_COUNT; s++)
		if (c->settings->ports[s] == port)
			return (enum service)s;
	return SERVICE_NONE;
}

static void answer_unknown(struct call *c)
{
	aliyun_invalid(c, "BlockIp", "There is no record of this BlockIp on the server Uuid.");
}

/* Bound and Port narrow the record down; false when answered. */
static bool read_place(struct call *c, struct core_block_name *name)
{
	const char *port_text = aliyun_param(c, "Port");
	enum block_direction direction;
	uint16_t port = 0;
	bool any = true, given;
	if (!sas_read_bound(c, &given, &direction))
		return false;
	if (port_text && !read_port(port_text, &any, &port)) {
		aliyun_invalid(c, "Port", "Specified parameter Port is not valid.");
		return false;
	}
	if (!any)
		name->service = service_at(c, port);
	if ((!any && name->service == SERVICE_NONE) || direction == BLOCK_OUT) {
		answer_unknown(c); /* password guessing is blocked inbound, at known ports */
		return false;
	}
	return true;
}

/* A server that the key may not see has no records for it; false when answered. */
static bool check_server(struct call *c, const char *uuid)
{
	bool has = true;
	if (c->key.projects[0] && !sas_has_server(c, uuid, &has))
		return false;
	if (!has)
		answer_unknown(c);
	return has;
}

static bool read_name(struct call *c, struct core_block_name *name)
{
	static const char *const needed[] = {"BlockIp", "Uuid"};
	if (!sas_has_params(c, needed, countof(needed)))
		return false;
	*name = (struct core_block_name){.host_uuid = aliyun_param(c, "Uuid")};
	return read_address(c, aliyun_param(c, "BlockIp"), &name->address) &&
	       aliyun_param_int(c, "Id", 0, INT64_MAX, &name->id) && read_place(c, name) &&
	       check_server(c, name->host_uuid);
}

static void answer_change(struct call *c, int r, const char *doing, const struct err *err)
{
	if (r == 0)
		aliyun_done(c);
	else if (r < 0)
		aliyun_fault(c, doing, r);
	else if (r == CORE_NOT_FOUND)
		answer_unknown(c);
	else
		aliyun_invalid(c, "BlockIp", err->text);
}

void sas_enable_brute_force_record(struct call *c)
{
	struct core_block_name name;
	struct err err = {0};
	if (read_name(c, &name))
		answer_change(c, core_block_renew(c->core, &c->who, &name, &err),
			"renewing a block", &err);
}

void sas_disable_brute_force_record(struct call *c)
{
	struct core_block_name name;
	struct err err = {0};
	if (read_name(c, &name))
		answer_change(c, core_blocks_cancel(c->core, &c->who, &name, 1, NULL, &err),
			"lifting a block", &err);
}
