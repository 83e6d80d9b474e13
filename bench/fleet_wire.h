/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection of a simulated agent: TLS with its certificate, one request at a time, and nothing
 * that waits. libcurl would do it, too, but with a thousand of them on one thread it would be the
 * simulator that is measured.
 */
#pragma once

#include "base/buf.h"
#include "fleet/credential.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>

enum wire_news {
	WIRE_NOTHING,
	WIRE_OPEN,   /* the handshake is over */
	WIRE_ANSWER, /* status and answer are there */
	WIRE_LOST    /* why says how */
};

struct wire {
	int fd, epoll; /* fd 0: not opened yet */
	gnutls_session_t tls;
	bool open, asking, watching_write;
	const char *why;
	struct buf out, in;
	size_t sent;
	/* of the latest answer; it lasts until the next question */
	unsigned status;
	struct slice answer;
};

/* A certificate and its key, for all connections of an agent. */
gnutls_certificate_credentials_t wire_identity(const struct credential *c);
/* Begins to connect; the epoll set tells of it with `ctx`. False: why says how. */
bool wire_open(struct wire *w, int epoll, void *ctx, const struct sockaddr_in *at,
	gnutls_certificate_credentials_t identity);
/* Sends what fits now, the rest when there is room. */
enum wire_news wire_ask(
	struct wire *w, void *ctx, const char *method, const char *path, struct slice body);
/* Whatever can be done now. */
enum wire_news wire_turn(struct wire *w, void *ctx);
void wire_close(struct wire *w);
