/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/native/control.h"

#include "api/native/stage.h"
#include "api/native/verbs.h"
#include "base/loop.h"

#include <errno.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 32
#define REQUEST_MAX     (1u << 20)
#define RESULT_MAX      (64u << 20)

struct connection {
	struct control *control;
	struct connection *next;
	int fd;
	struct watch *watch;
	struct buf in, out;
	size_t sent;
	char from[48]; /* who connected */
	struct verb_session session;
	bool waiting; /* a verb will answer later */
	bool running; /* the verb has not returned yet */
	bool gone;    /* closed while it was waiting */
	bool closing; /* to be closed when all is sent */
};

struct control {
	struct loop *loop;
	struct core *core;
	int listener;
	struct watch *watch;
	struct connection *connections;
	unsigned count;
	bool (*link)(void *ctx, struct control_link *ret);
	void *link_ctx;
};

static void connection_free(struct connection *n)
{
	struct control *c = n->control;
	for (struct connection **at = &c->connections; *at; at = &(*at)->next)
		if (*at == n) {
			*at = n->next;
			break;
		}
	c->count--;
	n->watch = watch_free(n->watch);
	closep(&n->fd);
	buf_done(&n->in);
	buf_done(&n->out);
	n->session.stage = stage_free(n->session.stage);
	free(n);
}

/* A verb still holds the pointer of a waiting one: that one goes when it is answered. */
static void hang_up(struct connection *n)
{
	if (!n->waiting) {
		connection_free(n);
		return;
	}
	n->gone = true;
	n->watch = watch_free(n->watch);
}

static void flush(struct connection *n)
{
	while (n->sent < n->out.n) {
		ssize_t sent = send(
			n->fd, n->out.p + n->sent, n->out.n - n->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent < 0) {
			hang_up(n);
			return;
		}
		n->sent += (size_t)sent;
	}
	bool all = n->sent == n->out.n;
	if (all) {
		buf_reset(&n->out);
		n->sent = 0;
	}
	if (all && n->closing) {
		hang_up(n);
		return;
	}
	watch_set(n->watch, all ? WATCH_READ : WATCH_WRITE);
}

static void put_answer(struct connection *n, const struct buf *result, const char *error)
{
	struct json j;
	json_start(&j, &n->out);
	if (!error && (!result || result->error || n->out.n + result->n > RESULT_MAX))
		error = "the answer is too large: ask for less";
	if (error) {
		json_begin_object(&j);
		json_field_bool(&j, "ok", false);
		json_field(&j, "error", error);
		json_end_object(&j);
	} else {
		buf_puts(&n->out, "{\"ok\":true,\"result\":");
		buf_add(&n->out, result->p ? result->p : "null", result->p ? result->n : 4);
		buf_addc(&n->out, '}');
	}
	buf_addc(&n->out, '\n');
}

static const char *explain(int r, const struct err *err)
{
	if (err->text[0])
		return err->text;
	return r < 0 ? strerror(-r) : "refused";
}

/* The account that the request names, else the first. */
static int find_account(
	struct control *c, const json_t *request, struct account *ret, struct err *err)
{
	const json_t *named = json_object_get(request, "account");
	const char *text = json_string_value(named);
	struct core_status status;
	if (!named) {
		core_get_status(c->core, &status);
		*ret = status.account;
		return 0;
	}
	int r = text ? store_account_find(core_store(c->core), text, ret) : STORE_NOT_FOUND;
	return r == STORE_NOT_FOUND
		       ? err_set(err, CORE_NOT_FOUND, "no account %s", text ? text : "of that kind")
		       : r;
}

static int run_found(struct connection *n, const struct verb *verb, struct verb_call *call)
{
	n->waiting = n->running = true;
	int r = verb->run(call);
	n->running = false;
	if (r != VERB_LATER)
		n->waiting = false;
	return r;
}

static void run_verb(struct connection *n, const json_t *request)
{
	_cleanup_(buf_done) struct buf result = BUF_NULL;
	struct err err = {""};
	struct json j;
	const char *name = json_string_value(json_object_get(request, "verb"));
	const struct verb *verb = name ? verbs_find(name) : NULL;
	struct verb_call call = {.core = n->control->core,
		.control = n->control,
		.args = json_object_get(request, "args"),
		.out = &j,
		.err = &err,
		.session = &n->session,
		.later = n};
	json_start(&j, &result);
	if (!verb) {
		put_answer(n, NULL, "no such verb: cordon and cordond differ in version?");
		return;
	}
	int r = find_account(n->control, request, &call.account, &err);
	call.caller = (struct core_caller){call.account.id, "cli", n->from};
	if (r == 0)
		r = run_found(n, verb, &call);
	if (r != VERB_LATER)
		put_answer(n, &result, r == 0 ? NULL : explain(r, &err));
}

static void handle_line(struct connection *n, struct slice line)
{
	json_error_t error;
	json_t *request = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(request))
		run_verb(n, request);
	else
		put_answer(n, NULL, "not a JSON object");
	json_decref(request);
}

/* One request at a time: the next line waits until this one is answered. */
static void handle_lines(struct connection *n)
{
	while (!n->waiting && n->in.n > 0) {
		char *end = memchr(n->in.p, '\n', n->in.n);
		if (!end)
			break;
		size_t length = (size_t)(end - n->in.p);
		handle_line(n, (struct slice){n->in.p, length});
		memmove(n->in.p, end + 1, n->in.n - length - 1);
		n->in.n -= length + 1;
	}
}

void control_answer(void *later, const struct buf *result, const char *error)
{
	struct connection *n = later;
	n->waiting = false;
	if (n->gone) {
		connection_free(n);
		return;
	}
	put_answer(n, result, error);
	if (n->running)
		return; /* answered at once after all: on_connection() goes on */
	handle_lines(n);
	flush(n);
}

/* The line that is coming will never fit. */
static void refuse_long(struct connection *n)
{
	if (!n->waiting)
		put_answer(n, NULL, "the request is too long");
	n->closing = true;
}

static void on_connection(void *ctx, unsigned ready)
{
	struct connection *n = ctx;
	char piece[16384];
	if ((ready & WATCH_READ) && !n->closing) {
		ssize_t got = recv(n->fd, piece, sizeof(piece), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			hang_up(n);
			return;
		}
		if (got > 0)
			buf_add(&n->in, piece, (size_t)got);
		if (n->in.error)
			refuse_long(n);
	}
	if (!n->closing)
		handle_lines(n);
	flush(n);
}

/* The sandbox has no /etc/passwd: other users than root are numbers. */
static void name_peer(int fd, char *ret, size_t size)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		(void)snprintf(ret, size, "unknown");
	else if (peer.uid == 0)
		(void)snprintf(ret, size, "root");
	else
		(void)snprintf(ret, size, "uid %u", peer.uid);
}

static void on_listener(void *ctx, unsigned ready)
{
	struct control *c = ctx;
	(void)ready;
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct connection *n = c->count < CONNECTIONS_MAX ? calloc(1, sizeof(*n)) : NULL;
	if (!n) {
		(void)close(fd);
		return;
	}
	*n = (struct connection){.control = c, .fd = fd, .next = c->connections};
	n->in.limit = REQUEST_MAX;
	name_peer(fd, n->from, sizeof(n->from));
	c->connections = n;
	c->count++;
	n->watch = watch_new(c->loop, fd, WATCH_READ, on_connection, n);
	if (!n->watch)
		connection_free(n);
}

int control_new(struct loop *loop, struct core *core, int listener, struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));
	if (!c) {
		(void)close(listener);
		return -ENOMEM;
	}
	*c = (struct control){.loop = loop, .core = core, .listener = listener};
	c->watch = watch_new(loop, listener, WATCH_READ, on_listener, c);
	if (!c->watch) {
		control_free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

struct control *control_free(struct control *c)
{
	if (!c)
		return NULL;
	while (c->connections)
		connection_free(c->connections);
	c->watch = watch_free(c->watch);
	closep(&c->listener);
	free(c);
	return NULL;
}

void control_set_link(struct control *c, bool (*fn)(void *ctx, struct control_link *ret), void *ctx)
{
	c->link = fn;
	c->link_ctx = ctx;
}

bool control_get_link(struct control *c, struct control_link *ret)
{
	return c->link && c->link(c->link_ctx, ret);
}
