/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client.h"

#include "base/json.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ANSWER_MAX (80u << 20)
#define ANSWER_SECONDS                                                                             \
	60 /* a starting daemon does not answer yet; a million blocks take a while                 \
	    */

struct client {
	int fd;
	const char *account;
};

static int connect_daemon(const struct options *o)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *dir = o->state_dir ? o->state_dir : "/run/cordon";
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/cordon.sock", dir);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path)) {
		(void)fprintf(stderr, "cordon: %s: too long a name for a socket\n", dir);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	(void)fprintf(stderr, "cordon: %s: %s%s\n", address.sun_path, strerror(errno),
		errno == ENOENT || errno == ECONNREFUSED ? " (is cordond running? see --state-dir)"
		: errno == EACCES                        ? " (are you root or in group cordon?)"
							 : "");
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static bool send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool receive_line(int fd, struct buf *in)
{
	for (;;) {
		char *to = buf_reserve(in, 65536);
		ssize_t got = to ? recv(fd, to, 65536, 0) : -1;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		in->n += (size_t)got;
		if (in->p[in->n - 1] == '\n')
			return true;
	}
}

struct client *client_open(const struct options *o)
{
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->account = o->account;
	c->fd = connect_daemon(o);
	return c->fd >= 0 ? c : client_close(c);
}

struct client *client_close(struct client *c)
{
	if (c)
		closep(&c->fd);
	free(c);
	return NULL;
}

static void make_request(
	const struct client *c, const char *verb, struct slice args, struct buf *out)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	json_field(&j, "verb", verb);
	if (c->account)
		json_field(&j, "account", c->account);
	if (args.n > 0) {
		json_key(&j, "args");
		buf_slice(out, args);
	}
	json_end_object(&j);
	buf_addc(out, '\n');
}

static json_t *exchange(const struct client *c, const struct buf *request)
{
	_cleanup_(buf_done) struct buf in = {.limit = ANSWER_MAX};
	json_error_t error;
	if (request->error || !send_all(c->fd, request->p, request->n) || !receive_line(c->fd, &in))
		return NULL;
	return json_loadb(in.p, in.n, 0, &error);
}

json_t *client_ask_text(struct client *c, const char *verb, struct slice args)
{
	_cleanup_(buf_done) struct buf request = BUF_NULL;
	make_request(c, verb, args, &request);
	json_t *answer = exchange(c, &request), *result = NULL;
	if (!answer)
		(void)fprintf(stderr, "cordon: cordond did not answer\n");
	if (json_is_true(json_object_get(answer, "ok"))) {
		result = json_object_get(answer, "result");
		json_incref(result);
	} else if (answer) {
		(void)fprintf(stderr, "cordon: %s\n", client_text(answer, "error"));
	}
	json_decref(answer);
	return result;
}

json_t *client_ask(struct client *c, const char *verb, json_t *args)
{
	_cleanup_(freep) char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;
	json_decref(args);
	return client_ask_text(c, verb, slice_of(text));
}

json_t *client_call(const struct options *o, const char *verb, json_t *args)
{
	struct client *c = client_open(o);
	if (!c) {
		json_decref(args);
		return NULL;
	}
	json_t *result = client_ask(c, verb, args);
	(void)client_close(c);
	return result;
}

int client_show(const struct options *o, const char *verb, json_t *args,
	void (*show)(const json_t *result, const char *what), const char *what)
{
	json_t *result = client_call(o, verb, args);
	if (!result)
		return EXIT_INPUT;
	if (o->json)
		(void)client_print(result);
	else
		show(result, what);
	json_decref(result);
	return EXIT_OK;
}

int client_print(const json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)putchar('\n');
	return EXIT_OK;
}

const char *client_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

int64_t client_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

void client_texts(const json_t *object, const char *name, char *ret, size_t size)
{
	json_t *list = json_object_get(object, name), *one;
	size_t i, n = 0;
	ret[0] = '\0';
	json_array_foreach (list, i, one) {
		(void)snprintf(ret + n, size - n, "%s%s", n ? " " : "", json_string_value(one));
		n = strlen(ret);
	}
}
