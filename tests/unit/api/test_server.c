/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP server over real sockets; its function echoes what it was given. */
#include "api/http/server.h"
#include "base/clock.h"

#include "../empty_reads.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#define BODY_MAX 1000

/* "block" paths wait here until the test lets them go on. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool entered, released;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};

static void pass_gate(void)
{
	(void)pthread_mutex_lock(&gate.lock);
	gate.entered = true;
	(void)pthread_cond_broadcast(&gate.changed);
	while (!gate.released)
		(void)pthread_cond_wait(&gate.changed, &gate.lock);
	(void)pthread_mutex_unlock(&gate.lock);
}

static void echo(void *ctx, const struct http_request *rq, struct http_response *rs)
{
	struct slice x = http_header(rq, "x-test");
	(void)ctx;
	if (slice_eq(rq->path, SLICE("/block")))
		pass_gate();
	rs->status = rq->too_large ? 413 : 200;
	rs->content_type = "text/plain";
	http_add(rs, "X-Echo", "yes");
	buf_printf(&rs->body, "%.*s|%.*s|%.*s|%.*s|%.*s|%s%s", SLICE_ARG(rq->method),
		SLICE_ARG(rq->path), SLICE_ARG(rq->query), SLICE_ARG(x), SLICE_ARG(rq->body),
		http_is_local(rq) ? "local" : "far", rq->tls ? "|tls" : "");
}

struct world {
	struct server *server;
	uint16_t port;
};

static int open_listener(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static const struct server_options options = {
	.workers = 2,
	.connections = 16,
	.body_max = BODY_MAX,
	.timeout = 5 * MS_SECOND,
	.handle = echo,
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	struct server_listener l = {.fd = open_listener(&w->port)};
	gate.entered = gate.released = false;
	assert_int_equal(http_server_start(&options, &l, 1, &w->server, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	(void)http_server_stop(w->server);
	free(w);
	return 0;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Everything until the other side closes, or until `ending` has been read. */
static void hear(int fd, char *text, size_t size, const char *ending)
{
	size_t n = 0;
	text[0] = '\0';
	while (n + 1 < size && (!ending || !strstr(text, ending))) {
		ssize_t got = recv(fd, text + n, size - 1 - n, 0);
		if (got <= 0)
			return;
		n += (size_t)got;
		text[n] = '\0';
	}
}

/* Sends one request on a connection of its own; the answer with its head. */
static void ask(const struct world *w, const char *request, char *text, size_t size)
{
	int fd = connect_to(w->port);
	say(fd, request);
	hear(fd, text, size, NULL);
	(void)close(fd);
}

#define END   "Host: h\r\nConnection: close\r\n\r\n"
#define PLAIN "Host: h\r\nConnection: close\r\n"

static void gives_requests_as_they_came(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{"GET / HTTP/1.1\r\n" END, "GET|/||||local"},
		{"GET /a%2Fb?x=%41&&y=+ HTTP/1.1\r\n" END, "GET|/a%2Fb|x=%41&&y=+|||local"},
		{"GET /?a?b HTTP/1.1\r\nX-TEST:  one two \r\n" END, "GET|/|a?b|one two||local"},
		{"POST /p HTTP/1.1\r\nContent-Length: 5\r\n" PLAIN "\r\nhello",
			"POST|/p|||hello|local"},
		{"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" PLAIN
		 "\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
			"POST|/p|||hello|local"},
		{"BREW /pot HTTP/1.1\r\n" END, "BREW|/pot||||local"},
		{"PUT /p HTTP/1.1\r\nContent-Length: 0\r\n" END, "PUT|/p||||local"},
	};
	char text[4096];
	for (size_t i = 0; i < countof(cases); i++) {
		ask(*state, cases[i].request, text, sizeof(text));
		const char *body = strstr(text, "\r\n\r\n");
		assert_non_null(body);
		assert_string_equal(body + 4, cases[i].answer);
		assert_non_null(strstr(text, "HTTP/1.1 200 "));
		assert_non_null(strstr(text, "X-Echo: yes\r\n"));
	}
}

static void head_has_no_body(void **state)
{
	char text[4096];
	ask(*state, "HEAD / HTTP/1.1\r\n" END, text, sizeof(text));
	assert_non_null(strstr(text, "HTTP/1.1 200 "));
	assert_true(strcmp(strstr(text, "\r\n\r\n"), "\r\n\r\n") == 0);
}

static void a_body_may_come_in_pieces(void **state)
{
	struct world *w = *state;
	char text[4096];
	int fd = connect_to(w->port);
	say(fd, "POST /p HTTP/1.1\r\nContent-Len");
	say(fd, "gth: 5\r\nExpect: 100-continue\r\n" PLAIN "\r\n");
	hear(fd, text, sizeof(text), "100 Continue\r\n\r\n");
	assert_non_null(strstr(text, "HTTP/1.1 100 Continue"));
	say(fd, "he");
	say(fd, "llo");
	hear(fd, text, sizeof(text), NULL);
	assert_non_null(strstr(text, "POST|/p|||hello|local"));
	(void)close(fd);
}

static void connections_are_kept(void **state)
{
	struct world *w = *state;
	char text[4096];
	int fd = connect_to(w->port);
	for (int i = 0; i < 3; i++) {
		say(fd, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
		hear(fd, text, sizeof(text), "GET|/again||||local");
		assert_non_null(strstr(text, "GET|/again||||local"));
	}
	(void)close(fd);
}

static void large_bodies_are_refused(void **state)
{
	char request[4096], text[4096];
	(void)snprintf(request, sizeof(request),
		"POST /p HTTP/1.1\r\nContent-Length: %d\r\n" PLAIN "\r\n", BODY_MAX + 1);
	ask(*state, request, text, sizeof(text)); /* without reading it */
	assert_non_null(strstr(text, "HTTP/1.1 413 "));
	ask(*state, "POST /p HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n" END, text,
		sizeof(text));
	assert_null(strstr(text, "HTTP/1.1 200 "));

	size_t n = (size_t)snprintf(request, sizeof(request),
		"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" PLAIN "\r\n800\r\n");
	memset(request + n, 'x', 0x800);
	(void)snprintf(request + n + 0x800, sizeof(request) - n - 0x800, "\r\n0\r\n\r\n");
	ask(*state, request, text, sizeof(text));
	assert_non_null(strstr(text, "HTTP/1.1 413 "));
}

/* A body that never ends is cut, so nobody can keep a thread busy with one. */
static void endless_bodies_are_cut(void **state)
{
	struct world *w = *state;
	char chunk[0x800 + 16];
	size_t n = (size_t)snprintf(chunk, sizeof(chunk), "800\r\n");
	memset(chunk + n, 'x', 0x800);
	memcpy(chunk + n + 0x800, "\r\n", 2);
	int fd = connect_to(w->port);
	say(fd, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	int sent = 0;
	while (sent < 10000 && send(fd, chunk, n + 0x802, MSG_NOSIGNAL) > 0)
		sent++;
	assert_true(sent < 10000);
	(void)close(fd);
}

static void nonsense_gets_a_clean_error(void **state)
{
	static const char *const cases[] = {"\x16\x03\x01\r\n\r\n", "GET\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: x\r\n" END, "GET / HTTP/1.1\r\nno colon\r\n" END,
		"GET / HTTP/9.9\r\n" END};
	char text[4096];
	for (size_t i = 0; i < countof(cases); i++) {
		ask(*state, cases[i], text, sizeof(text));
		assert_null(strstr(text, " 200 "));
	}
	ask(*state, "GET /still HTTP/1.1\r\n" END, text, sizeof(text));
	assert_non_null(strstr(text, "GET|/still||||local"));
}

/* The longest X-Auth-Token the vendor's pages allow. */
static void a_long_header_fits(void **state)
{
	enum { LENGTH = 32768 };
	_cleanup_(buf_done) struct buf request = BUF_NULL;
	char *text = calloc(1, (size_t)2 * LENGTH);
	assert_non_null(text);
	buf_puts(&request, "GET /long HTTP/1.1\r\nX-Test: ");
	for (int i = 0; i < LENGTH; i++)
		buf_addc(&request, 'x');
	buf_puts(&request, "\r\n" END);
	ask(*state, request.p, text, (size_t)2 * LENGTH);
	assert_non_null(strstr(text, "HTTP/1.1 200 "));
	assert_true(strlen(text) > LENGTH);
	free(text);
}

static void too_many_headers_are_refused(void **state)
{
	_cleanup_(buf_done) struct buf request = BUF_NULL;
	char text[4096];
	buf_puts(&request, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		buf_printf(&request, "X-%d: 1\r\n", i);
	buf_puts(&request, END);
	ask(*state, request.p, text, sizeof(text));
	assert_non_null(strstr(text, "HTTP/1.1 431 "));
}

static void *stop(void *ctx)
{
	struct world *w = ctx;
	w->server = http_server_stop(w->server);
	return NULL;
}

/* A call under way when the server stops still gets its answer. */
static void stops_politely(void **state)
{
	struct world *w = *state;
	pthread_t thread;
	char text[4096];
	int fd = connect_to(w->port);
	say(fd, "GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
	(void)pthread_mutex_lock(&gate.lock);
	while (!gate.entered)
		(void)pthread_cond_wait(&gate.changed, &gate.lock);
	(void)pthread_mutex_unlock(&gate.lock);
	assert_int_equal(pthread_create(&thread, NULL, stop, w), 0);
	(void)pthread_mutex_lock(&gate.lock);
	gate.released = true;
	(void)pthread_cond_broadcast(&gate.changed);
	(void)pthread_mutex_unlock(&gate.lock);
	hear(fd, text, sizeof(text), NULL);
	assert_non_null(strstr(text, "GET|/block||||local"));
	(void)pthread_join(thread, NULL);
	assert_null(w->server);
	(void)close(fd);
}

/* A certificate for this run, as PEM. */
static void make_certificate(char *certificate, char *key, size_t size)
{
	gnutls_x509_privkey_t k;
	gnutls_x509_crt_t c;
	size_t certificate_size = size, key_size = size;
	assert_int_equal(gnutls_x509_privkey_init(&k), 0);
	assert_int_equal(gnutls_x509_privkey_generate(k, GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	assert_int_equal(gnutls_x509_crt_init(&c), 0);
	assert_int_equal(gnutls_x509_crt_set_version(c, 3), 0);
	assert_int_equal(gnutls_x509_crt_set_serial(c, "\x01", 1), 0);
	assert_int_equal(gnutls_x509_crt_set_activation_time(c, 0), 0);
	assert_int_equal(gnutls_x509_crt_set_expiration_time(c, 4000000000), 0);
	assert_int_equal(gnutls_x509_crt_set_dn(c, "CN=cordon.test", NULL), 0);
	assert_int_equal(gnutls_x509_crt_set_key(c, k), 0);
	assert_int_equal(gnutls_x509_crt_sign2(c, c, k, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(
		gnutls_x509_crt_export(c, GNUTLS_X509_FMT_PEM, certificate, &certificate_size), 0);
	assert_int_equal(gnutls_x509_privkey_export(k, GNUTLS_X509_FMT_PEM, key, &key_size), 0);
	gnutls_x509_crt_deinit(c);
	gnutls_x509_privkey_deinit(k);
}

/* One request over TLS; "" when the handshake fails. */
static void ask_tls(uint16_t port, const char *priorities, char *text, size_t size)
{
	static const char request[] = "GET /safe HTTP/1.1\r\n" END;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	int fd = connect_to(port);
	assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
	assert_int_equal(gnutls_priority_set_direct(session, priorities, NULL), 0);
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(session, fd);
	size_t n = 0;
	if (gnutls_handshake(session) == 0 &&
		gnutls_record_send(session, request, sizeof(request) - 1) > 0) {
		ssize_t got;
		while (n + 1 < size &&
			(got = gnutls_record_recv(session, text + n, size - 1 - n)) > 0)
			n += (size_t)got;
	}
	text[n] = '\0';
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(fd);
}

static void serves_tls(void **state)
{
	char certificate[4096], key[4096], text[4096];
	struct server *s = NULL;
	uint16_t port;
	(void)state;
	make_certificate(certificate, key, sizeof(key));
	struct server_listener l = {
		.fd = open_listener(&port), .certificate = certificate, .key = key};
	assert_int_equal(http_server_start(&options, &l, 1, &s, NULL), 0);
	ask_tls(port, "NORMAL", text, sizeof(text));
	assert_non_null(strstr(text, "GET|/safe||||local|tls"));
	ask_tls(port, "NORMAL:-VERS-ALL:+VERS-TLS1.1:%ALLOW_SMALL_RECORDS", text, sizeof(text));
	assert_string_equal(text, "");
	s = http_server_stop(s);
}

/* A worker that spins would ask for the rest without end. */
static void half_a_handshake_is_waited_for(void **state)
{
	char certificate[4096], key[4096], text[4096];
	const struct timespec while_ = {.tv_nsec = 300000000};
	struct server *s = NULL;
	uint16_t port;
	(void)state;
	make_certificate(certificate, key, sizeof(key));
	struct server_listener l = {
		.fd = open_listener(&port), .certificate = certificate, .key = key};
	assert_int_equal(http_server_start(&options, &l, 1, &s, NULL), 0);
	int fd = connect_to(port);
	assert_int_equal(send(fd, "\x16", 1, MSG_NOSIGNAL), 1);
	ask_tls(port, "NORMAL", text, sizeof(text)); /* by then it was seen */
	assert_non_null(strstr(text, "GET|/safe||||local|tls"));
	unsigned before = empty_reads();
	(void)nanosleep(&while_, NULL);
	assert_in_range(empty_reads() - before, 0, 10);
	(void)close(fd);
	s = http_server_stop(s);
}

static void a_bad_certificate_is_said(void **state)
{
	struct server *s = NULL;
	struct err err = {0};
	uint16_t port;
	(void)state;
	struct server_listener l = {
		.fd = open_listener(&port), .certificate = "not PEM", .key = "not PEM"};
	assert_true(http_server_start(&options, &l, 1, &s, &err) < 0);
	assert_null(s);
	assert_non_null(strstr(err.text, "HTTPS"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(gives_requests_as_they_came),
		CASE(head_has_no_body),
		CASE(a_body_may_come_in_pieces),
		CASE(connections_are_kept),
		CASE(large_bodies_are_refused),
		CASE(endless_bodies_are_cut),
		CASE(nonsense_gets_a_clean_error),
		CASE(a_long_header_fits),
		CASE(too_many_headers_are_refused),
		CASE(stops_politely),
		cmocka_unit_test(serves_tls),
		cmocka_unit_test(half_a_handshake_is_waited_for),
		cmocka_unit_test(a_bad_certificate_is_said),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
