/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet_wire.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define PIECE ((size_t)16384) /* what TLS sends at a time */

gnutls_certificate_credentials_t wire_identity(const struct credential *c)
{
	gnutls_certificate_credentials_t identity = NULL;
	const gnutls_datum_t crt = {
		(unsigned char *)c->certificate, (unsigned)strlen(c->certificate)};
	const gnutls_datum_t key = {(unsigned char *)c->key, (unsigned)strlen(c->key)};
	if (gnutls_certificate_allocate_credentials(&identity) < 0 ||
		gnutls_certificate_set_x509_key_mem(identity, &crt, &key, GNUTLS_X509_FMT_PEM) < 0)
		return NULL;
	return identity;
}

static enum wire_news lost(struct wire *w, const char *why)
{
	w->why = why;
	return WIRE_LOST;
}

static bool watch(struct wire *w, void *ctx, int operation, bool write)
{
	struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0u), .data.ptr = ctx};
	w->watching_write = write;
	return epoll_ctl(w->epoll, operation, w->fd, &e) == 0;
}

static int make_session(struct wire *w, gnutls_certificate_credentials_t identity)
{
	int r = gnutls_init(&w->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
					     GNUTLS_FORCE_CLIENT_CERT | GNUTLS_NO_TICKETS);
	if (r == 0)
		r = gnutls_set_default_priority(w->tls);
	if (r == 0)
		r = gnutls_credentials_set(w->tls, GNUTLS_CRD_CERTIFICATE, identity);
	if (r == 0)
		gnutls_transport_set_int(w->tls, w->fd);
	return r;
}

bool wire_open(struct wire *w, int epoll, void *ctx, const struct sockaddr_in *at,
	gnutls_certificate_credentials_t identity)
{
	static const int at_once = 1;
	w->epoll = epoll;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	w->why = "no connection";
	if (w->fd < 0 || setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)) < 0)
		return false;
	if (connect(w->fd, (const struct sockaddr *)at, sizeof(*at)) < 0 && errno != EINPROGRESS)
		return false;
	return make_session(w, identity) == 0 && watch(w, ctx, EPOLL_CTL_ADD, true);
}

/* --- what goes out ------------------------------------------------------------------- */

static enum wire_news push(struct wire *w, void *ctx)
{
	while (w->sent < w->out.n) {
		size_t n = MIN_OF(w->out.n - w->sent, PIECE);
		ssize_t sent = gnutls_record_send(w->tls, w->out.p + w->sent, n);
		if (sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED)
			break;
		if (sent < 0)
			return lost(w, gnutls_strerror((int)sent));
		w->sent += (size_t)sent;
	}
	bool more = w->sent < w->out.n;
	if (more != w->watching_write && !watch(w, ctx, EPOLL_CTL_MOD, more))
		return lost(w, "epoll");
	return WIRE_NOTHING;
}

enum wire_news wire_ask(
	struct wire *w, void *ctx, const char *method, const char *path, struct slice body)
{
	buf_reset(&w->out);
	buf_reset(&w->in);
	w->sent = 0;
	w->asking = true;
	buf_printf(&w->out, "%s %s HTTP/1.1\r\nHost: bench\r\n", method, path);
	if (body.p)
		buf_printf(&w->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			body.n);
	buf_puts(&w->out, "\r\n");
	buf_slice(&w->out, body);
	return w->out.error ? lost(w, "no memory") : push(w, ctx);
}

/* --- what comes in ------------------------------------------------------------------- */

/* The server's own answers have a Content-Length, or no body. */
static bool is_whole(struct wire *w)
{
	static const char version[] = "HTTP/1.1 ", field[] = "\r\nContent-Length:";
	char *end = w->in.p ? strstr(w->in.p, "\r\n\r\n") : NULL;
	if (!end || strncmp(w->in.p, version, sizeof(version) - 1) != 0)
		return false;
	w->status = (unsigned)strtoul(w->in.p + sizeof(version) - 1, NULL, 10);
	const char *length = strcasestr(w->in.p, field);
	bool given = length && length < end;
	size_t head = (size_t)(end + 4 - w->in.p);
	size_t n = given ? strtoul(length + sizeof(field) - 1, NULL, 10) : 0;
	w->answer = (struct slice){w->in.p + head, n};
	return w->in.n >= head + n;
}

static enum wire_news pull(struct wire *w)
{
	for (;;) {
		char *to = buf_reserve(&w->in, PIECE);
		ssize_t n = to ? gnutls_record_recv(w->tls, to, PIECE) : GNUTLS_E_MEMORY_ERROR;
		if (n == GNUTLS_E_AGAIN)
			break;
		if (n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n <= 0)
			return lost(w, n == 0 ? "the server closed the connection"
					      : gnutls_strerror((int)n));
		w->in.n += (size_t)n;
		w->in.p[w->in.n] = '\0';
	}
	if (w->in.n == 0 || !is_whole(w))
		return WIRE_NOTHING;
	if (!w->asking)
		return lost(w, "an answer nobody asked for");
	w->asking = false;
	return WIRE_ANSWER;
}

static enum wire_news shake(struct wire *w, void *ctx)
{
	int r = gnutls_handshake(w->tls);
	if (r == 0) {
		w->open = true;
		return watch(w, ctx, EPOLL_CTL_MOD, false) ? WIRE_OPEN : lost(w, "epoll");
	}
	if (gnutls_error_is_fatal(r))
		return lost(w, gnutls_strerror(r));
	bool write = gnutls_record_get_direction(w->tls) == 1;
	if (write != w->watching_write && !watch(w, ctx, EPOLL_CTL_MOD, write))
		return lost(w, "epoll");
	return WIRE_NOTHING;
}

enum wire_news wire_turn(struct wire *w, void *ctx)
{
	if (!w->open)
		return shake(w, ctx);
	enum wire_news news = w->sent < w->out.n ? push(w, ctx) : WIRE_NOTHING;
	return news == WIRE_NOTHING ? pull(w) : news;
}

void wire_close(struct wire *w)
{
	if (w->tls)
		gnutls_deinit(w->tls);
	if (w->fd > 0)
		(void)close(w->fd);
	buf_done(&w->out);
	buf_done(&w->in);
	*w = (struct wire){0};
}
