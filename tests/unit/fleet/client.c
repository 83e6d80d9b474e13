/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#define PATIENCE 30 /* s */

int client_connect(uint16_t port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval limit = {.tv_sec = PATIENCE};
	const int at_once = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)) < 0 ||
		connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		closep(&fd);
		return -1;
	}
	return fd;
}

static void use(struct client *c, const struct credential *credential)
{
	const gnutls_datum_t crt = {(unsigned char *)credential->certificate,
		(unsigned)strlen(credential->certificate)};
	const gnutls_datum_t key = {
		(unsigned char *)credential->key, (unsigned)strlen(credential->key)};
	(void)gnutls_certificate_set_x509_key_mem(c->credentials, &crt, &key, GNUTLS_X509_FMT_PEM);
}

bool client_open(struct client *c, uint16_t port, const struct credential *credential,
	const char *priorities)
{
	*c = (struct client){.fd = client_connect(port)};
	if (c->fd < 0)
		return false;
	(void)gnutls_certificate_allocate_credentials(&c->credentials);
	if (credential)
		use(c, credential);
	(void)gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_NO_SIGNAL);
	(void)gnutls_priority_set_direct(c->session, priorities ? priorities : "NORMAL", NULL);
	(void)gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials);
	gnutls_transport_set_int(c->session, c->fd);
	return gnutls_handshake(c->session) == 0;
}

static bool send_all(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = gnutls_record_send(c->session, p, n);
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

bool client_say(struct client *c, const char *method, const char *path, struct slice body)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	buf_printf(&text, "%s %s HTTP/1.1\r\nHost: h\r\n", method, path);
	if (body.p)
		buf_printf(&text, "Content-Length: %zu\r\n", body.n);
	buf_puts(&text, "\r\n");
	buf_slice(&text, body);
	return send_all(c, text.p, text.n);
}

/* One more piece of what comes. */
static bool hear_more(struct client *c)
{
	char *to = buf_reserve(&c->head, 16384);
	ssize_t n = to ? gnutls_record_recv(c->session, to, 16384) : -1;
	if (n <= 0)
		return false;
	c->head.n += (size_t)n;
	c->head.p[c->head.n] = '\0';
	return true;
}

unsigned client_hear(struct client *c)
{
	char *end;
	unsigned status = 0;
	size_t length = 0;
	buf_reset(&c->head);
	buf_reset(&c->body);
	while (!c->head.p || !(end = strstr(c->head.p, "\r\n\r\n")))
		if (!hear_more(c))
			return 0;
	(void)sscanf(c->head.p, "HTTP/1.1 %u", &status);
	const char *field = strcasestr(c->head.p, "\r\nContent-Length:");
	if (field && field < end)
		length = strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
	size_t head = (size_t)(end + 4 - c->head.p);
	while (c->head.n < head + length)
		if (!hear_more(c))
			return 0;
	buf_add(&c->body, c->head.p + head, length);
	c->head.p[head] = '\0';
	return status;
}

unsigned client_ask(struct client *c, const char *method, const char *path, struct slice body)
{
	return client_say(c, method, path, body) ? client_hear(c) : 0;
}

void client_close(struct client *c)
{
	if (c->session)
		gnutls_deinit(c->session);
	if (c->credentials)
		gnutls_certificate_free_credentials(c->credentials);
	closep(&c->fd);
	buf_done(&c->body);
	buf_done(&c->head);
	*c = (struct client){.fd = -1};
}
