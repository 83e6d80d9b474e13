/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An agent's end of a connection, for tests: GnuTLS over a blocking socket. */
#pragma once

#include "base/buf.h"
#include "fleet/credential.h"

#include <gnutls/gnutls.h>

struct client {
	int fd;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	struct buf body; /* of the latest answer */
	struct buf head;
};

int client_connect(uint16_t port);
/* credential NULL: without a certificate. False: no handshake. */
bool client_open(struct client *c, uint16_t port, const struct credential *credential,
	const char *priorities);
/* Sends a request; false when the connection has ended. */
bool client_say(struct client *c, const char *method, const char *path, struct slice body);
/* The status of the next answer; 0: the connection has ended. */
unsigned client_hear(struct client *c);
/* Both; 0 in case of an end. */
unsigned client_ask(struct client *c, const char *method, const char *path, struct slice body);
void client_close(struct client *c);
