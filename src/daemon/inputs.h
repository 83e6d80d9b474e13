/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The input service: the monitor opens log files for the engine, which may open
 * nothing. A request names an input by its number in the configuration, never by
 * a path; the answer carries a descriptor that can only be read.
 *
 * The engine parses what attackers wrote, so the monitor takes each request for
 * hostile: anything that is not exactly a request is answered by an error or not
 * at all, and nothing an engine asks for is outside its own configuration.
 */
#pragma once

#include "model/settings.h"
#include "sensor/input.h"

#include <stdint.h>

enum inputs_op { INPUTS_CURRENT = 1, INPUTS_SIBLING, INPUTS_WATCH };

struct inputs_request {
	uint32_t magic;    /* INPUTS_MAGIC */
	uint32_t sequence; /* comes back in the reply */
	uint32_t op;       /* enum inputs_op */
	uint32_t input;    /* index in settings.sensors, of a file */
	uint32_t n;        /* INPUTS_SIBLING: which, below INPUT_SIBLINGS_MAX; else 0 */
};

struct inputs_reply {
	uint32_t magic, sequence;
	int32_t error; /* 0: a descriptor comes with the message; else -errno */
};

#define INPUTS_MAGIC      0x31504e49u /* "INP1" */
#define INPUTS_TIMEOUT_MS 2000

/*
 * The monitor's side: answers one request if there is one. 0 (also when a request was
 * refused, or nothing was there), -ECONNRESET when the engine is gone, -EPROTO when it
 * sent what is no request (it is broken or taken over), or -errno. Never waits.
 */
int inputs_serve(int socket, const struct settings *settings);
/*
 * The engine's side, for one thread. Each call waits at most INPUTS_TIMEOUT_MS, then it is
 * -ETIMEDOUT. -EPROTO: no answer to what was asked. The socket stays the caller's.
 */
struct input_ops inputs_client_ops(int socket);
