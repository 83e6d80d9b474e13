/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Security Center 2018-12-03: custom blocks, and what came of them on their servers.
 * Source: the page of DescribeCustomBlockRecords (Feb 20, 2024); its sibling's.
 *
 * Status 1 is a block that at least one server has in its kernel, 2 one that should be in force
 * and is nowhere, 0 one that is disabled or over. EnableCount and TargetList are the servers that
 * have acknowledged it, ServerCount those that should.
 */
#include "api/auth.h"
#include "api/vendor/aliyun/sas.h"

#include <errno.h>

static const char *const bounds[] = {[BLOCK_IN] = "in", [BLOCK_OUT] = "out"};

struct records {
	struct custom_block *list;
	size_t n, size;
};

static void records_done(struct records *r)
{
	free(r->list);
}

static int records_add(void *ctx, const struct custom_block *cb)
{
	struct records *r = ctx;
	if (r->n == r->size) {
		size_t size = r->size ? r->size * 2 : SAS_PAGE_DEFAULT;
		struct custom_block *more = reallocarray(r->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->list = more;
		r->size = size;
	}
	r->list[r->n++] = *cb;
	return 0;
}

struct targets {
	struct json *json;
	int64_t n;
};

static int write_target(void *ctx, const struct core_custom_instance *i)
{
	struct targets *t = ctx;
	if (i->state != BLOCK_APPLIED)
		return 0;
	json_begin_object(t->json);
	json_field(t->json, "Target", i->host.uuid);
	json_field(t->json, "TargetType", "uuid");
	json_end_object(t->json);
	t->n++;
	return t->json->out->error;
}

static int write_record(struct call *c, struct json *j, const struct custom_block *cb)
{
	struct targets t = {.json = j};
	char text[PREFIX_TEXT_MAX];
	int r = 0;

	json_begin_object(j);
	json_field_int(j, "Id", cb->id);
	json_field_int(j, "Status", cb->status);
	json_field_int(j, "BlockExpireDate", sas_expire_date(cb->expires, cb->created));
	json_field(j, "BlockIp", prefix_format(&cb->target, text));
	json_field(j, "Bound", bounds[cb->direction]);
	json_field(j, "Source", "UserRule");
	json_field_int(j, "ServerCount", cb->servers);
	json_key(j, "TargetList");
	json_begin_array(j);
	if (cb->applied > 0)
		r = core_custom_instances(c->reader, cb, write_target, &t);
	json_end_array(j);
	json_field_int(j, "EnableCount", t.n);
	json_end_object(j);
	return r;
}

static bool read_filters(struct call *c, struct custom_query *q)
{
	struct sas_place place = {0};
	if (!sas_read_place(c, &place))
		return false;
	*q = (struct custom_query){
		.account = c->account.id,
		.enterprise_projects = c->key.projects,
		.has_target = aliyun_param(c, "BlockIp") != NULL,
		.target = place.target,
		.has_direction = place.has_direction ? (int)place.direction + 1 : 0,
	};
	return true;
}

static void write_records(
	struct call *c, const struct records *records, struct sas_page *page, int64_t total)
{
	struct json j;
	int r = 0;
	aliyun_success(c, &j);
	json_key(&j, "RecordList");
	json_begin_array(&j);
	for (size_t i = 0; r >= 0 && i < records->n; i++, page->count++)
		r = write_record(c, &j, &records->list[i]);
	if (r < 0) {
		aliyun_fault(c, "listing the servers of a custom block", r);
		return;
	}
	json_end_array(&j);
	sas_write_page(&j, page, total);
	json_end_object(&j);
}

void sas_describe_custom_block_records(struct call *c)
{
	_cleanup_(records_done) struct records records = {0};
	struct sas_page page;
	struct custom_query q;
	int64_t status = -1, total = 0;
	if (!read_filters(c, &q) || !sas_read_page(c, SAS_PAGE_DEFAULT, SAS_PAGE_MOST, &page) ||
		!aliyun_param_int(c, "Status", 0, 2, &status))
		return;
	q.has_status = (int)status + 1;
	q.offset = sas_page_offset(&page);
	q.limit = page.size;
	int r = core_customs(c->reader, &q, records_add, &records, &total);
	if (r < 0)
		aliyun_fault(c, "listing custom blocks", r);
	else
		write_records(c, &records, &page, total);
}

/* --- the servers of custom blocks --- */

/*
 * The page is [first, first + size) of all servers of all blocks, or of those that match. Without
 * a filter the blocks say themselves how many servers they have, so only those of the page need a
 * look at their servers.
 */
struct instances {
	struct json json;
	const struct access_key *key;
	struct sas_page page;
	int64_t status;                   /* -1: any */
	struct records blocks;            /* that need a look */
	const struct custom_block *block; /* whose servers come */
	int64_t at;                       /* which one comes next */
	int64_t total;
	struct buf info;
};

static void instances_done(struct instances *list)
{
	records_done(&list->blocks);
	buf_done(&list->info);
}

static bool on_page(const struct instances *list, int64_t from, int64_t to)
{
	int64_t first = sas_page_offset(&list->page);
	return from < to && from < first + list->page.size && to > first;
}

/* As the block's: 1 acknowledged, 2 not acknowledged though it should be in force, 0 neither. */
static int64_t instance_status(const struct custom_block *cb, enum block_state state)
{
	if (cb->status == CUSTOM_OFF)
		return 0;
	if (state == BLOCK_APPLIED)
		return 1;
	return state == BLOCK_WANTED || state == BLOCK_FAILED ? 2 : 0;
}

/* JSON as text, as the vendor has it. */
static struct slice success_info(struct buf *buf, const struct host *h)
{
	struct json j;
	buf_reset(buf);
	json_start(&j, buf);
	json_begin_object(&j);
	json_field(&j, "instanceId", h->instance_id);
	json_field(&j, "regionId", h->region);
	json_end_object(&j);
	return buf_as_slice(buf);
}

static const char *instance_error(const struct core_custom_instance *i, int64_t status)
{
	if (status != 2)
		return "";
	return i->error[0] ? i->error : "NotAcknowledged";
}

static int write_instance(
	struct instances *list, const struct core_custom_instance *i, int64_t status)
{
	struct json *j = &list->json;
	json_begin_object(j);
	json_field_int(j, "Status", status);
	json_field(j, "Uuid", i->host.uuid);
	json_field(j, "InstanceName", i->host.name);
	json_field(j, "InternetIp", i->host.internet_ip);
	json_field(j, "IntranetIp", i->host.intranet_ip);
	json_field(j, "BlockType", "alinet");
	json_field_bool(j, "AliNetOnline", i->host.agent_online);
	json_field(j, "ErrorCode", instance_error(i, status));
	json_field_slice(
		j, "SuccessInfo", status == 1 ? success_info(&list->info, &i->host) : SLICE(""));
	json_end_object(j);
	list->page.count++;
	return list->info.error ? list->info.error : j->out->error;
}

static int take_instance(void *ctx, const struct core_custom_instance *i)
{
	struct instances *list = ctx;
	int64_t status = instance_status(list->block, i->state);
	if ((list->status >= 0 && list->status != status) ||
		!auth_sees(list->key, i->host.enterprise_project))
		return 0;
	int64_t at = list->at++;
	return on_page(list, at, at + 1) ? write_instance(list, i, status) : 0;
}

static bool is_filtered(const struct instances *list)
{
	return list->status >= 0 || list->key->projects[0];
}

/* False when none of its servers can have the status that is asked for. */
static bool may_match(const struct instances *list, const struct custom_block *cb)
{
	bool off = cb->status == CUSTOM_OFF;
	switch (list->status) {
	case 0:
		return off || cb->applied < cb->servers;
	case 1:
		return !off && cb->applied > 0;
	case 2:
		return !off && cb->applied < cb->servers;
	default:
		return true;
	}
}

static int take_block(void *ctx, const struct custom_block *cb)
{
	struct instances *list = ctx;
	int64_t from = list->total;
	if (is_filtered(list))
		return may_match(list, cb) ? records_add(&list->blocks, cb) : 0;
	list->total += cb->servers;
	if (!on_page(list, from, list->total))
		return 0;
	if (list->blocks.n == 0)
		list->at = from;
	return records_add(&list->blocks, cb);
}

static int list_instances(struct call *c, struct instances *list)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < list->blocks.n; i++) {
		list->block = &list->blocks.list[i];
		r = core_custom_instances(c->reader, list->block, take_instance, list);
	}
	if (is_filtered(list))
		list->total = list->at;
	return r;
}

static void write_instances(struct call *c, struct instances *list)
{
	struct json *j = &list->json;
	aliyun_success(c, j);
	json_key(j, "InstanceList");
	json_begin_array(j);
	int r = list_instances(c, list);
	if (r < 0) {
		aliyun_fault(c, "listing the servers of custom blocks", r);
		return;
	}
	json_end_array(j);
	sas_write_page(j, &list->page, list->total);
	json_end_object(j);
}

void sas_describe_custom_block_instances(struct call *c)
{
	_cleanup_(instances_done) struct instances list = {.key = &c->key, .status = -1};
	struct custom_query q;
	int64_t blocks;
	if (!read_filters(c, &q) ||
		!sas_read_page(c, SAS_PAGE_DEFAULT, SAS_PAGE_MOST, &list.page) ||
		!aliyun_param_int(c, "Status", 0, 2, &list.status))
		return;
	q.enterprise_projects = NULL; /* a server of its own is shown whoever has the others */
	q.limit = INT64_MAX;
	int r = core_customs(c->reader, &q, take_block, &list, &blocks);
	if (r < 0)
		aliyun_fault(c, "listing custom blocks", r);
	else
		write_instances(c, &list);
}
