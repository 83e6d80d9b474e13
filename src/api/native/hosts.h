/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Servers as people name them: by name or uuid, those of the caller's account that are
 * not retired. A name that several have is refused.
 */
#pragma once

#include "api/native/verbs.h"

#define HOSTS_NAMED_MAX 4096 /* in one request */

/* CORE_NOT_FOUND or CORE_INVALID with err. */
int hosts_find(struct verb_call *call, const char *which, struct host *ret);

struct hosts_named {
	char (*uuids)[40]; /* the caller's to free; NULL: none were named */
	unsigned n;
};
/* The list of names in argument `name`, if there is one. */
int hosts_named(struct verb_call *call, const char *name, struct hosts_named *ret);

struct hosts_count {
	unsigned all, remote, online; /* online: of the remote ones */
};
int hosts_count(struct verb_call *call, struct hosts_count *ret);
