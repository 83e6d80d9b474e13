/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP server: libmicrohttpd over sockets somebody else has opened. Reads
 * a request completely, within limits, hands it to one function, sends what
 * that returns. TLS where a listener has a certificate.
 */
#pragma once

#include "api/http/request.h"
#include "base/err.h"

struct server;

#define HTTP_LISTENERS_MAX 8

struct server_listener {
	int fd;                        /* bound and listening; taken over, even on failure */
	const char *certificate, *key; /* PEM text, or NULL for plain HTTP */
};

struct server_options {
	unsigned workers;     /* threads a listener */
	unsigned connections; /* at most, a listener; more wait in the kernel's queue */
	size_t body_max;      /* bytes; more is answered with 413 */
	int64_t timeout;      /* ms without progress; a request may take ten times that */
	/* Called by the threads, several at once. */
	void (*handle)(
		void *ctx, const struct http_request *request, struct http_response *response);
	void *ctx;
};

int http_server_start(const struct server_options *options, const struct server_listener *listeners,
	unsigned n, struct server **ret, struct err *err);
/*
 * Takes no new connections, gives calls under way up to 5 s to be answered,
 * joins the threads. NULL allowed; returns NULL.
 */
struct server *http_server_stop(struct server *s);
