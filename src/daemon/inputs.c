/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both ends of the input service (inputs.h), over SOCK_SEQPACKET: one request,
 * one reply. A reply that comes after its call gave up is told by its sequence
 * number and thrown away, with its descriptor.
 */
#include "daemon/inputs.h"

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/util.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

/* --- the monitor's side --- */

static bool is_request(const struct inputs_request *q, ssize_t n)
{
	return n == (ssize_t)sizeof(*q) && q->magic == INPUTS_MAGIC;
}

/* What the request asks for, as a descriptor or -errno. */
static int open_requested(const struct inputs_request *q, const struct settings *settings)
{
	if (q->input >= settings->sensor_count || q->input >= SETTINGS_SENSORS_MAX)
		return -EINVAL;
	const struct sensor_settings *sensor = &settings->sensors[q->input];
	if (sensor->kind != SENSOR_FILE ||
		(q->op == INPUTS_SIBLING ? q->n >= INPUT_SIBLINGS_MAX : q->n != 0))
		return -EINVAL;
	const char *path = sensor->path;
	struct input_ops ops = input_direct(&path);
	switch (q->op) {
	case INPUTS_CURRENT:
		return ops.open_current(ops.ctx, 0);
	case INPUTS_SIBLING:
		return ops.open_sibling(ops.ctx, 0, q->n);
	case INPUTS_WATCH:
		return ops.open_watch(ops.ctx, 0);
	default:
		return -EINVAL;
	}
}

int inputs_serve(int socket, const struct settings *settings)
{
	struct inputs_request q;
	_cleanup_(closep) int unwanted = -1;
	ssize_t n = fdpass_recv(socket, &q, sizeof(q), &unwanted);
	if (n == -EAGAIN)
		return 0;
	if (n == 0 || n == -ECONNRESET)
		return -ECONNRESET;
	if (n == -EMSGSIZE || (n > 0 && (unwanted >= 0 || !is_request(&q, n))))
		return -EPROTO;
	if (n < 0)
		return (int)n;
	_cleanup_(closep) int fd = open_requested(&q, settings);
	struct inputs_reply reply = {
		.magic = INPUTS_MAGIC, .sequence = q.sequence, .error = fd < 0 ? fd : 0};
	int r = fdpass_send(socket, &reply, sizeof(reply), fd);
	if (r == -EPIPE || r == -ECONNRESET)
		return -ECONNRESET;
	return r == -EAGAIN ? 0 : r; /* it does not read its answers: it will time out */
}

/* --- the engine's side --- */

/* Waits until the socket can be read, or the time is over. */
static int wait_readable(int socket, int64_t until)
{
	for (;;) {
		int64_t left = until - clock_mono();
		struct pollfd p = {.fd = socket, .events = POLLIN};
		int r = poll(&p, 1, left > 0 ? (int)left : 0);
		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* One message: 1 when it answers the sequence number, 0 when it is an older answer. */
static int take_reply(int socket, uint32_t sequence, int *ret_fd)
{
	struct inputs_reply reply;
	_cleanup_(closep) int fd = -1;
	ssize_t n = fdpass_recv(socket, &reply, sizeof(reply), &fd);
	if (n == 0)
		return -ECONNRESET;
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	if (n != (ssize_t)sizeof(reply) || reply.magic != INPUTS_MAGIC)
		return -EPROTO;
	if (reply.sequence != sequence)
		return 0;
	if (reply.error > 0 || (reply.error == 0) != (fd >= 0))
		return -EPROTO;
	*ret_fd = reply.error < 0 ? reply.error : fd;
	fd = -1;
	return 1;
}

static int ask(void *ctx, enum inputs_op op, unsigned input, unsigned n)
{
	static _Atomic uint32_t sequences;
	int socket = (int)(intptr_t)ctx, fd = -1;
	struct inputs_request q = {.magic = INPUTS_MAGIC,
		.sequence = atomic_fetch_add(&sequences, 1),
		.op = op,
		.input = input,
		.n = n};
	int64_t until = clock_mono() + INPUTS_TIMEOUT_MS;
	int r = fdpass_send(socket, &q, sizeof(q), -1);
	if (r == -EAGAIN)
		return -ETIMEDOUT; /* the monitor has not read for long */
	while (r == 0) {
		r = wait_readable(socket, until);
		r = r < 0 ? r : take_reply(socket, q.sequence, &fd);
	}
	return r < 0 ? r : fd;
}

static int client_current(void *ctx, unsigned input)
{
	return ask(ctx, INPUTS_CURRENT, input, 0);
}

static int client_sibling(void *ctx, unsigned input, unsigned n)
{
	return ask(ctx, INPUTS_SIBLING, input, n);
}

static int client_watch(void *ctx, unsigned input)
{
	return ask(ctx, INPUTS_WATCH, input, 0);
}

struct input_ops inputs_client_ops(int socket)
{
	return (struct input_ops){.open_current = client_current,
		.open_sibling = client_sibling,
		.open_watch = client_watch,
		.ctx = (void *)(intptr_t)socket};
}
