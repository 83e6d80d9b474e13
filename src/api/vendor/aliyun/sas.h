/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Security Center, 2018-12-03: its operations, and what they share. A key that is limited to
 * enterprise projects sees and changes what is on servers of those only; any other server is to it
 * as one that does not exist.
 */
#pragma once

#include "api/vendor/aliyun/aliyun.h"

#define SAS_PAGE_DEFAULT  20
#define SAS_PAGE_MOST     1000
#define SAS_PERMANENT     52560000                   /* minutes: for ever */
#define SAS_NO_PERMISSION "caller has no permission" /* so all pages */

/* A page of a list: what was asked for, and how many entries were written so far. */
struct sas_page {
	int64_t number, size;
	int64_t count;
};

/* CurrentPage (1 when absent) and PageSize; false when answered. */
bool sas_read_page(struct call *c, int64_t size, int64_t most, struct sas_page *ret);
int64_t sas_page_offset(const struct sas_page *page);
/* "PageInfo": {CurrentPage, PageSize, TotalCount, Count} */
void sas_write_page(struct json *j, const struct sas_page *page, int64_t total);

/* *ret_given is false when Bound is absent; false when it is neither in nor out, and answered. */
bool sas_read_bound(struct call *c, bool *ret_given, enum block_direction *ret);
/* What the parameters BlockIp, an address or a prefix, and Bound say. */
struct sas_place {
	struct prefix target;
	enum block_direction direction;
	bool has_direction;
};
/* False when answered. Both may be absent. */
bool sas_read_place(struct call *c, struct sas_place *ret);
/* True when all of them were given; else answers which is missing. */
bool sas_has_params(struct call *c, const char *const *names, unsigned n);
/* When a permanent block that began then ends: 52560000 minutes later, the vendor's for ever. */
int64_t sas_expire_date(int64_t expires, int64_t began);

/* What a rule protects unless it says otherwise. */
#define SAS_SERVICES_DEFAULT                                                                       \
	(SERVICE_BIT(SERVICE_SSH) | SERVICE_BIT(SERVICE_VSFTPD) | SERVICE_BIT(SERVICE_RDP))
/* ProtocolType; what it does not name stays as it is in *services. False when answered. */
bool sas_read_protocols(struct call *c, uint32_t *services);
void sas_write_protocols(struct json *j, uint32_t services);

/* Servers that a parameter names. */
struct sas_uuids {
	const char **list;
	unsigned n;
	char *text; /* what they are in, when it is not the form */
};
void sas_uuids_done(struct sas_uuids *u);
/* Of one text, "a,b,c"; false, answered, when one of them is empty. */
bool sas_read_uuids(struct call *c, const char *name, struct sas_uuids *ret);
/* Of a list, name.1, name.2, …; n is 0 when it is absent. False when answered. */
bool sas_read_uuid_list(struct call *c, const char *name, struct sas_uuids *ret);
/* Invalid{name}, 400, which names the server. */
void sas_unknown_uuid(struct call *c, const char *name, const char *uuid);
/* Whether the account has such a server and the key may see it; false when answered: a fault. */
bool sas_has_server(struct call *c, const char *uuid, bool *ret);
/* False, answered, when it has not. */
bool sas_check_uuid(struct call *c, const char *name, const char *uuid);
/* The same for each of them, but what the account has not is left to core to find out. */
bool sas_check_uuids(struct call *c, const char *name, const struct sas_uuids *u);
/* 403 in the operations' own words. */
void sas_no_permission(struct call *c);

void sas_describe_brute_force_records(struct call *c);
void sas_describe_brute_force_summary(struct call *c);
void sas_enable_brute_force_record(struct call *c);
void sas_disable_brute_force_record(struct call *c);
void sas_describe_custom_block_records(struct call *c);
void sas_describe_custom_block_instances(struct call *c);
void sas_create_custom_block_record(struct call *c);
void sas_modify_custom_block_record(struct call *c);
void sas_delete_custom_block_record(struct call *c);
void sas_enable_custom_block_record(struct call *c);
void sas_disable_custom_block_record(struct call *c);
void sas_enable_custom_instance_block_record(struct call *c);
void sas_create_anti_brute_force_rule(struct call *c);
void sas_modify_anti_brute_force_rule(struct call *c);
void sas_delete_anti_brute_force_rule(struct call *c);
void sas_describe_anti_brute_force_rules(struct call *c);
void sas_describe_instance_anti_brute_force_rules(struct call *c);
void sas_modify_instance_anti_brute_force_rule(struct call *c);
