/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP side: one server, several vendors' dialects.
 *
 *   api_new(core) -> api_start(listeners) -> … -> api_free()
 *
 * The threads of the server call core_*; so core's loop must run from before
 * api_start() until after api_free(), which waits for the calls under way.
 */
#pragma once

#include "base/err.h"

struct api;
struct core;
struct http_request;
struct http_response;

struct api_listener {
	int fd;                        /* bound and listening; taken over, even on failure */
	const char *certificate, *key; /* PEM text for TLS, else NULL; borrowed for the call */
};

/* Borrows core until api_free(). */
int api_new(struct core *core, struct api **ret, struct err *err);
/* Starts to answer; once. -errno with a sentence when one listener cannot be served. */
int api_start(struct api *a, const struct api_listener *listeners, unsigned n, struct err *err);
/* Ends politely (no new connections, calls under way get their answer); NULL allowed. */
struct api *api_free(struct api *a);

/* Answers one request on the calling thread; what the server calls. *response is empty. */
void api_handle(struct api *a, const struct http_request *request, struct http_response *response);
/* What this thread keeps open for api_handle(); the server's threads do it as they end. */
void api_thread_end(struct api *a);
