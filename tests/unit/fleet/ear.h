/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server of agents that does as a test tells it: TLS with a credential of its own,
 * certificates checked as the real one does, answers from a function, and what came kept in order.
 */
#pragma once

#include "fleet/credential.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define EAR_ASKED_MAX 512

/* One request; who: fingerprint of the certificate, "" without one that counts. */
struct ear_asked {
	char method[8], path[64], who[FINGERPRINT_MAX];
	char *body;
};

struct ear_answer {
	unsigned status;
	const char *body; /* NULL: none */
};

struct ear {
	char dir[64]; /* of its credential */
	struct credential credential;
	char pin[PIN_MAX], url[64];
	unsigned short port;
	void *mhd;
	/* Called on a thread of the connection's own: it may wait. */
	struct ear_answer (*answer)(void *ctx, const struct ear_asked *asked);
	void *ctx;

	pthread_mutex_t lock;
	struct ear_asked asked[EAR_ASKED_MAX];
	unsigned n;
};

/* Makes the credential; does not listen yet. */
void ear_setup(struct ear *e);
void ear_teardown(struct ear *e);
/* The first time on any port, later on the same. */
void ear_open(struct ear *e);
void ear_close(struct ear *e);
/* How many requests began so, for example "POST /fleet/v1/reports". */
unsigned ear_count(struct ear *e, const char *what);
/* The body of the latest of them; NULL: there was none. Lives as long as the ear. */
const char *ear_latest(struct ear *e, const char *what);
/* Whether everybody who asked had this certificate's key. */
bool ear_only(struct ear *e, const char *fingerprint);
