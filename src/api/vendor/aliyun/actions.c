/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of operations, and the way of every call through the gateway:
 * method, parameters, who, which operation, whether allowed.
 */
#include "api/auth.h"
#include "api/vendor/aliyun/aliyun.h"
#include "api/vendor/aliyun/sas.h"

#include <errno.h>

#define SAS(name, handle)                                                                          \
	{                                                                                          \
		"2018-12-03", name, "yundun-sas:" name, handle, SAS_NO_PERMISSION                  \
	}

static const struct aliyun_action actions[] = {
	SAS("DescribeBruteForceRecords", sas_describe_brute_force_records),
	SAS("DescribeBruteForceSummary", sas_describe_brute_force_summary),
	SAS("EnableBruteForceRecord", sas_enable_brute_force_record),
	SAS("DisableBruteForceRecord", sas_disable_brute_force_record),
	SAS("DescribeCustomBlockRecords", sas_describe_custom_block_records),
	SAS("DescribeCustomBlockInstances", sas_describe_custom_block_instances),
	SAS("CreateCustomBlockRecord", sas_create_custom_block_record),
	SAS("ModifyCustomBlockRecord", sas_modify_custom_block_record),
	SAS("DeleteCustomBlockRecord", sas_delete_custom_block_record),
	SAS("EnableCustomBlockRecord", sas_enable_custom_block_record),
	SAS("DisableCustomBlockRecord", sas_disable_custom_block_record),
	SAS("EnableCustomInstanceBlockRecord", sas_enable_custom_instance_block_record),
	SAS("CreateAntiBruteForceRule", sas_create_anti_brute_force_rule),
	SAS("ModifyAntiBruteForceRule", sas_modify_anti_brute_force_rule),
	SAS("DeleteAntiBruteForceRule", sas_delete_anti_brute_force_rule),
	SAS("DescribeAntiBruteForceRules", sas_describe_anti_brute_force_rules),
	SAS("DescribeInstanceAntiBruteForceRules", sas_describe_instance_anti_brute_force_rules),
	SAS("ModifyInstanceAntiBruteForceRule", sas_modify_instance_anti_brute_force_rule),
};

const struct aliyun_action *aliyun_action(const char *version, const char *name)
{
	for (size_t i = 0; i < countof(actions); i++)
		if (strcmp(actions[i].name, name) == 0 && strcmp(actions[i].version, version) == 0)
			return &actions[i];
	return NULL;
}

bool aliyun_version(const char *version)
{
	for (size_t i = 0; i < countof(actions); i++)
		if (strcmp(actions[i].version, version) == 0)
			return true;
	return false;
}

/* Query and form are one list of parameters, whatever the method. */
static bool decode(struct call *c)
{
	const struct http_request *rq = c->request;
	int r = form_decode(&c->form, rq->query);
	if (r == 0 && http_has_type(rq, SLICE("application/x-www-form-urlencoded")))
		r = form_decode(&c->form, rq->body);
	if (r == 0)
		return true;
	if (r == -ENOMEM)
		aliyun_fault(c, "decoding parameters", r);
	else
		aliyun_error(c, 400, "InvalidParameter.Format",
			"The parameters are not well-formed, or too many.");
	return false;
}

/*
 * V3 names the operation in headers it has signed, V1 in signed parameters. V1
 * clients send the headers too, unsigned: those decide nothing.
 */
static const char *name_of(
	const struct call *c, const char *param, const char *header, char *copy, size_t size)
{
	if (!aliyun_is_v3(c))
		return aliyun_param(c, param);
	struct slice h = http_header(c->request, header);
	if (h.n == 0 || h.n >= size || memchr(h.p, '\0', h.n))
		return NULL;
	memcpy(copy, h.p, h.n);
	copy[h.n] = '\0';
	return copy;
}

static const struct aliyun_action *find(struct call *c)
{
	char name_copy[96], version_copy[32];
	const char *name = name_of(c, "Action", "x-acs-action", name_copy, sizeof(name_copy));
	const char *version =
		name_of(c, "Version", "x-acs-version", version_copy, sizeof(version_copy));
	if (!name || !version) {
		aliyun_missing(c, name ? "Version" : "Action");
		return NULL;
	}
	const struct aliyun_action *a = aliyun_action(version, name);
	if (!a && !aliyun_version(version))
		aliyun_error(c, 400, "InvalidVersion", "Specified parameter Version is not valid.");
	else if (!a)
		aliyun_error(c, 404, "InvalidAction.NotFound",
			"Specified api is not found, please check your url and method.");
	return a;
}

void aliyun_handle(struct call *c)
{
	const struct http_request *rq = c->request;
	if (!slice_eq(rq->path, SLICE("/"))) {
		aliyun_error(c, 404, "InvalidAction.NotFound",
			"Specified api is not found, please check your url and method.");
		return;
	}
	if (!slice_eq(rq->method, SLICE("GET")) && !slice_eq(rq->method, SLICE("POST"))) {
		aliyun_error(c, 400, "UnsupportedHTTPMethod",
			"This http method is not supported: use GET or POST.");
		return;
	}
	if (rq->too_large) {
		aliyun_error(c, 413, "InvalidParameter.Format", "The request body is too large.");
		return;
	}
	if (!decode(c) || !aliyun_authenticate(c))
		return;
	const struct aliyun_action *a = find(c);
	if (!a)
		return;
	if (auth_allows(&c->key, a->permission))
		a->handle(c);
	else if (a->no_permission)
		aliyun_error(c, 403, "NoPermission", a->no_permission);
	else
		aliyun_error(c, 403, "Forbidden.RAM",
			"User not authorized to operate on the specified resource.");
}
