/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The services Cordon protects.
 */
#pragma once

#include "base/slice.h"

#include <stdint.h>

enum service {
	SERVICE_NONE, /* not a login service */
	SERVICE_SSH,
	SERVICE_MYSQL,
	SERVICE_RDP,
	SERVICE_VSFTPD,
	SERVICE_COUNT
};

#define SERVICE_BIT(service) (1u << (service))
#define SERVICE_ALL          0x1eu

/* "ssh", "mysql", "rdp", "vsftpd"; "none". Cordon's own names: dialects have theirs. */
const char *service_name(enum service service);
/* SERVICE_NONE when there is none of that name. */
enum service service_parse(struct slice name);
/* 22, 3306, 3389, 21 (0 for none): what `Port` shows unless configured. */
uint16_t service_default_port(enum service service);
