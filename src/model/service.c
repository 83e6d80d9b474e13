/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/service.h"

static const struct {
	const char *name;
	uint16_t port;
} services[SERVICE_COUNT] = {
	[SERVICE_NONE] = {"none", 0},
	[SERVICE_SSH] = {"ssh", 22},
	[SERVICE_MYSQL] = {"mysql", 3306},
	[SERVICE_RDP] = {"rdp", 3389},
	[SERVICE_VSFTPD] = {"vsftpd", 21},
};

const char *service_name(enum service service)
{
	return services[service < SERVICE_COUNT ? service : SERVICE_NONE].name;
}

enum service service_parse(struct slice name)
{
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++)
		if (slice_eq(name, slice_of(services[s].name)))
			return s;
	return SERVICE_NONE;
}

uint16_t service_default_port(enum service service)
{
	return services[service < SERVICE_COUNT ? service : SERVICE_NONE].port;
}
