/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CreateCustomBlockRecord, signed (V1, a form) as the vendor's clients send it, on a thread of its
   own: whoever measures what comes of it must not wait for the answer. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fleet_call {
	unsigned port;
	const char *key_id, *secret;
	const char *uuids; /* comma-separated: which servers */
	char address[48];
	int64_t began, answered; /* us, monotonic; answered: after fleet_call_end() */
	bool failed;
	pthread_t thread;
};

/* A block of this address on all of them, for an hour. */
void fleet_call_begin(struct fleet_call *c, const char *address);
/* Waits for the answer; false, and said, when it is a refusal. */
bool fleet_call_end(struct fleet_call *c);
