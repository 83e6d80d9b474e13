/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which dialect answers which path. Each dialect judges the method itself,
 * because each has its own words for a wrong one.
 */
#include "api/router.h"

#include "api/call.h"

static const struct route {
	const char *path;
	bool below; /* and all paths that begin with it */
	void (*handle)(struct call *c);
} routes[] = {
	{"/", false, aliyun_handle}, {"/v5/", true, hss_handle},
	{"/v3/auth/tokens", false, iam_handle}, {"/v3/projects", false, iam_projects_handle},
	{"/v3/", true, huawei_unknown}, {"/healthz", false, health_handle},
	{"/metrics", false, metrics_handle},
	{"", true, aliyun_handle}, /* which says that there is no such thing */
};

void router_handle(struct call *c)
{
	struct slice path = c->request->path;
	for (size_t i = 0; i < countof(routes); i++) {
		struct slice route = slice_of(routes[i].path);
		if (slice_eq(path, route) || (routes[i].below && slice_starts(path, route))) {
			routes[i].handle(c);
			return;
		}
	}
}
