/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a signed call costs: DescribeBruteForceRecords, V1, each call with a nonce
 * and a signature of its own, over kept connections.
 *
 *   bench_http PORT ACCESS_KEY_ID SECRET [CONNECTIONS [SECONDS [PARAMETERS]]]
 *
 * On 127.0.0.1, against a daemon whose nonces_per_key is larger than the calls. Every answer must
 * be a 200. Signing is done before the clock starts, for SIGNED calls a connection; the run ends
 * with the first connection that has none left, or with the time.
 */
#include "api/http/encode.h"
#include "api/sign.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium/core.h>
#include <sodium/randombytes.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 256
#define SIGNED          20000
#define ANSWER_MAX      (1024 * 1024)

static struct {
	const char *id, *secret, *parameters;
	uint16_t port;
	unsigned connections;
	int64_t seconds;
	atomic_bool go, stop;
	atomic_uint ready;
} bench;

struct client {
	pthread_t thread;
	char *requests[SIGNED];
	uint32_t calls, failed;
	uint32_t micros[SIGNED];
};

/* The parameters in the order of their names, as they are signed and sent. */
static void put_query(struct buf *query, const char *nonce, const char *stamp)
{
	struct form f = FORM_NULL;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	buf_printf(&text,
		"AccessKeyId=%s&Action=DescribeBruteForceRecords&Format=JSON&SignatureMethod=HMAC-"
		"SHA1&SignatureNonce=%s&SignatureVersion=1.0&Timestamp=%.19sZ&Version=2018-12-03&%"
		"s",
		bench.id, nonce, stamp, bench.parameters);
	if (form_decode(&f, buf_as_slice(&text)) < 0)
		exit(1);
	sign_query(query, &f, NULL);
	form_done(&f);
}

static char *make_request(void)
{
	_cleanup_(buf_done) struct buf query = BUF_NULL, text = BUF_NULL;
	struct buf request = BUF_NULL;
	char stamp[CLOCK_TEXT_MAX], nonce[40], key[128], signature[SIGN_BASE64_MAX];
	(void)snprintf(nonce, sizeof(nonce), "%08x%08x%08x", randombytes_random(),
		randombytes_random(), randombytes_random());
	put_query(&query, nonce, clock_format(clock_now(), stamp));
	buf_puts(&text, "GET&%2F&");
	encode_percent(&text, buf_as_slice(&query));
	(void)snprintf(key, sizeof(key), "%s&", bench.secret);
	sign_hmac_sha1_base64(slice_of(key), buf_as_slice(&text), signature);
	buf_printf(&request, "GET /?%s&Signature=", query.p);
	encode_percent(&request, slice_of(signature));
	buf_printf(&request, " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", bench.port);
	return request.p;
}

static int dial(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(bench.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("bench_http: connect");
		exit(1);
	}
	return fd;
}

/* Reads one answer; true when it is a 200. */
static bool hear(int fd, char *text)
{
	size_t n = 0, want = SIZE_MAX;
	while (n < want && n + 1 < ANSWER_MAX) {
		ssize_t got = recv(fd, text + n, ANSWER_MAX - 1 - n, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
		char *end = want == SIZE_MAX ? strstr(text, "\r\n\r\n") : NULL;
		char *length = end ? strstr(text, "Content-Length: ") : NULL;
		if (length)
			want = (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10);
	}
	return strncmp(text, "HTTP/1.1 200 ", 13) == 0;
}

static int64_t now_micros(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void *run_client(void *arg)
{
	struct client *c = arg;
	char *text = malloc(ANSWER_MAX);
	if (!text)
		exit(1);
	for (uint32_t i = 0; i < SIGNED; i++)
		c->requests[i] = make_request();
	int fd = dial();
	atomic_fetch_add(&bench.ready, 1);
	while (!atomic_load(&bench.go))
		(void)usleep(1000);
	while (!atomic_load(&bench.stop) && c->calls < SIGNED) {
		const char *request = c->requests[c->calls];
		int64_t began = now_micros();
		if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 || !hear(fd, text)) {
			(void)fprintf(stderr, "bench_http: %.300s\n", text);
			c->failed = 1;
			break;
		}
		c->micros[c->calls++] = (uint32_t)(now_micros() - began);
	}
	atomic_store(&bench.stop, true);
	(void)close(fd);
	free(text);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static int report(const struct client *clients, double seconds)
{
	uint32_t calls = 0, failed = 0, n = 0;
	for (unsigned i = 0; i < bench.connections; i++) {
		calls += clients[i].calls;
		failed += clients[i].failed;
	}
	uint32_t *all = calloc(calls + 1, sizeof(*all));
	if (!all)
		return 1;
	for (unsigned i = 0; i < bench.connections; i++)
		for (uint32_t k = 0; k < clients[i].calls; k++)
			all[n++] = clients[i].micros[k];
	qsort(all, n, sizeof(*all), compare);
	(void)printf("calls %u in %.2f s over %u connections: %.0f a second, median %.2f ms, p99 "
		     "%.2f ms, failed %u\n",
		calls, seconds, bench.connections, calls / seconds, all[n / 2] / 1000.0,
		all[(uint64_t)n * 99 / 100] / 1000.0, failed);
	free(all);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc < 4 || sodium_init() < 0) {
		(void)fprintf(stderr, "usage: bench_http PORT ACCESS_KEY_ID SECRET [CONNECTIONS "
				      "[SECONDS [PARAMETERS]]]\n");
		return 2;
	}
	bench.port = (uint16_t)strtoul(argv[1], NULL, 10);
	bench.id = argv[2];
	bench.secret = argv[3];
	bench.connections = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 8;
	bench.seconds = argc > 5 ? strtoll(argv[5], NULL, 10) : 5;
	bench.parameters = argc > 6 ? argv[6] : "PageSize=20";
	if (bench.connections < 1 || bench.connections > CONNECTIONS_MAX)
		return 2;
	struct client *clients = calloc(bench.connections, sizeof(*clients));
	if (!clients)
		return 1;
	for (unsigned i = 0; i < bench.connections; i++)
		if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0)
			return 1;
	while (atomic_load(&bench.ready) < bench.connections)
		(void)usleep(1000);
	int64_t began = now_micros();
	atomic_store(&bench.go, true);
	while (!atomic_load(&bench.stop) && now_micros() - began < bench.seconds * 1000000)
		(void)usleep(1000);
	double seconds = (double)(now_micros() - began) / 1e6;
	atomic_store(&bench.stop, true);
	for (unsigned i = 0; i < bench.connections; i++) {
		(void)pthread_join(clients[i].thread, NULL);
		for (uint32_t k = 0; k < SIGNED; k++)
			free(clients[i].requests[k]);
	}
	int r = report(clients, seconds);
	free(clients);
	return r;
}
