/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages, directions and servers: what several of Security Center's operations read or write. */
#include "api/vendor/aliyun/sas.h"

#include "api/auth.h"

#include <errno.h>

#define NUMBER_MOST 2000000000

bool sas_read_page(struct call *c, int64_t size, int64_t most, struct sas_page *ret)
{
	*ret = (struct sas_page){.number = 1, .size = size};
	return aliyun_param_int(c, "CurrentPage", 1, NUMBER_MOST, &ret->number) &&
	       aliyun_param_int(c, "PageSize", 1, most, &ret->size);
}

int64_t sas_page_offset(const struct sas_page *page)
{
	return (page->number - 1) * page->size;
}

void sas_write_page(struct json *j, const struct sas_page *page, int64_t total)
{
	json_key(j, "PageInfo");
	json_begin_object(j);
	json_field_int(j, "CurrentPage", page->number);
	json_field_int(j, "PageSize", page->size);
	json_field_int(j, "TotalCount", total);
	json_field_int(j, "Count", page->count);
	json_end_object(j);
}

bool sas_read_bound(struct call *c, bool *ret_given, enum block_direction *ret)
{
	const char *bound = aliyun_param(c, "Bound");
	bool in = bound && strcmp(bound, "in") == 0;
	if (bound && !in && strcmp(bound, "out") != 0) {
		aliyun_invalid(c, "Bound",
			"Specified parameter Bound is not valid: in or out is expected.");
		return false;
	}
	*ret_given = bound != NULL;
	*ret = bound && !in ? BLOCK_OUT : BLOCK_IN;
	return true;
}

bool sas_read_place(struct call *c, struct sas_place *ret)
{
	const char *text = aliyun_param(c, "BlockIp");
	if (text && !prefix_parse(slice_of(text), &ret->target)) {
		aliyun_invalid(c, "BlockIp",
			"Specified parameter BlockIp is not valid: no literal address or prefix.");
		return false;
	}
	return sas_read_bound(c, &ret->has_direction, &ret->direction);
}

bool sas_has_params(struct call *c, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!aliyun_param(c, names[i])) {
			aliyun_missing(c, names[i]);
			return false;
		}
	}
	return true;
}

int64_t sas_expire_date(int64_t expires, int64_t began)
{
	return expires == BLOCK_FOREVER ? began + RULE_PERMANENT : expires;
}

void sas_uuids_done(struct sas_uuids *u)
{
	free(u->list);
	free(u->text);
	*u = (struct sas_uuids){0};
}

static void no_memory(struct call *c)
{
	aliyun_fault(c, "reading a list of servers", -ENOMEM);
}

static bool refuse_empty(struct call *c, const char *name)
{
	char message[128];
	(void)snprintf(message, sizeof(message),
		"Specified parameter %s is not valid: one of the UUIDs is empty.", name);
	aliyun_invalid(c, name, message);
	return false;
}

static bool all_named(struct call *c, const char *name, const struct sas_uuids *u)
{
	for (unsigned i = 0; i < u->n; i++)
		if (u->list[i][0] == '\0')
			return refuse_empty(c, name);
	return true;
}

bool sas_read_uuids(struct call *c, const char *name, struct sas_uuids *ret)
{
	const char *text = aliyun_param(c, name);
	unsigned n = 1;
	if (!text) {
		aliyun_missing(c, name);
		return false;
	}
	for (const char *p = text; *p; p++)
		n += *p == ',';
	ret->text = strdup(text);
	ret->list = calloc(n, sizeof(*ret->list));
	if (!ret->text || !ret->list) {
		no_memory(c);
		return false;
	}
	char *rest = ret->text;
	for (char *one; (one = strsep(&rest, ","));)
		ret->list[ret->n++] = one;
	return all_named(c, name, ret);
}

bool sas_read_uuid_list(struct call *c, const char *name, struct sas_uuids *ret)
{
	unsigned n = aliyun_param_list(c, name, NULL, 0);
	if (n == 0)
		return true;
	ret->list = calloc(n, sizeof(*ret->list));
	if (!ret->list) {
		no_memory(c);
		return false;
	}
	ret->n = aliyun_param_list(c, name, ret->list, n);
	return all_named(c, name, ret);
}

void sas_unknown_uuid(struct call *c, const char *name, const char *uuid)
{
	char message[192];
	(void)snprintf(message, sizeof(message),
		"Specified parameter %s is not valid: there is no server %.64s.", name, uuid);
	aliyun_invalid(c, name, message);
}

bool sas_has_server(struct call *c, const char *uuid, bool *ret)
{
	struct host host;
	int r = core_host_by_uuid(c->reader, c->account.id, uuid, &host);
	if (r < 0) {
		aliyun_fault(c, "looking up a server", r);
		return false;
	}
	*ret = r == 0 && !host.retired && auth_sees(&c->key, host.enterprise_project);
	return true;
}

bool sas_check_uuid(struct call *c, const char *name, const char *uuid)
{
	bool has;
	if (!sas_has_server(c, uuid, &has))
		return false;
	if (!has)
		sas_unknown_uuid(c, name, uuid);
	return has;
}

bool sas_check_uuids(struct call *c, const char *name, const struct sas_uuids *u)
{
	if (c->key.projects[0] == '\0')
		return true;
	for (unsigned i = 0; i < u->n; i++)
		if (!sas_check_uuid(c, name, u->list[i]))
			return false;
	return true;
}

void sas_no_permission(struct call *c)
{
	aliyun_error(c, 403, "NoPermission", SAS_NO_PERMISSION);
}
