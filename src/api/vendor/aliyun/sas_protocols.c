/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ProtocolType of a rule: JSON text in a request, an object in an answer. Our reading of the
 * vendor's protocols: SqlServer is the database. FTP is none of theirs; it goes with Ssh, unless
 * the member Ftp, ours, says otherwise.
 */
#include "api/vendor/aliyun/sas.h"

#include <jansson.h>

#define PROTOCOL_NAMES "Ssh, Rdp, SqlServer and Ftp"

static const struct protocol {
	const char *name;
	enum service service;
} protocols[] = {
	{"Ssh", SERVICE_SSH},
	{"Rdp", SERVICE_RDP},
	{"SqlServer", SERVICE_MYSQL},
	{"Ftp", SERVICE_VSFTPD},
};

static bool refuse_protocols(struct call *c)
{
	aliyun_invalid(c, "ProtocolType",
		"Specified parameter ProtocolType is not valid: a JSON object is expected, whose "
		"members are among " PROTOCOL_NAMES ", each \"on\" or \"off\", one of them on.");
	return false;
}

static const struct protocol *protocol_of(const char *name)
{
	for (size_t i = 0; i < countof(protocols); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return &protocols[i];
	return NULL;
}

static void switch_service(uint32_t *services, enum service service, bool on)
{
	*services = on ? *services | SERVICE_BIT(service) : *services & ~SERVICE_BIT(service);
}

static bool read_switches(json_t *object, uint32_t *services)
{
	const char *name;
	json_t *value;
	json_object_foreach (object, name, value) {
		const struct protocol *p = protocol_of(name);
		const char *text = json_string_value(value);
		bool on = text && strcmp(text, "on") == 0;
		if (!p || !text || (!on && strcmp(text, "off") != 0))
			return false;
		switch_service(services, p->service, on);
		if (p->service == SERVICE_SSH && !json_object_get(object, "Ftp"))
			switch_service(services, SERVICE_VSFTPD, on);
	}
	return *services != 0;
}

/* What it does not name stays as it is in *services; false when answered. */
bool sas_read_protocols(struct call *c, uint32_t *services)
{
	const char *text = aliyun_param(c, "ProtocolType");
	if (!text)
		return true;
	_cleanup_(json_decrefp) json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object) || !read_switches(object, services))
		return refuse_protocols(c);
	return true;
}

void sas_write_protocols(struct json *j, uint32_t services)
{
	json_key(j, "ProtocolType");
	json_begin_object(j);
	for (size_t i = 0; i < countof(protocols); i++)
		json_field(j, protocols[i].name,
			services & SERVICE_BIT(protocols[i].service) ? "on" : "off");
	json_end_object(j);
}
