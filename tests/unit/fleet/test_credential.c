/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and certificates, and who proves what with them in a real handshake. */
#include "fleet/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct world {
	char dir[64], file[96];
	struct credential server;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/test_credential.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->file, sizeof(w->file), "%s/fleet.pem", w->dir);
	assert_int_equal(credential_of_server(w->dir, &w->server, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	credential_done(&w->server);
	(void)unlink(w->file);
	assert_int_equal(rmdir(w->dir), 0); /* nothing else was left there */
	free(w);
	return 0;
}

/* An agent's credential that the server has signed. */
static void enrol(const struct credential *server, struct credential *ret,
	char fingerprint[static FINGERPRINT_MAX])
{
	char *request = NULL;
	assert_int_equal(credential_request(ret, &request, NULL), 0);
	assert_null(ret->certificate);
	assert_int_equal(credential_sign(server, request, &ret->certificate, fingerprint, NULL), 0);
	free(request);
}

/* --- the server's file ----------------------------------------------------------------- */

static void the_server_keeps_its_key(void **state)
{
	struct world *w = *state;
	struct credential again = {0};
	struct stat st;
	assert_int_equal(credential_of_server(w->dir, &again, NULL), 0);
	assert_string_equal(again.key, w->server.key);
	assert_string_equal(again.certificate, w->server.certificate);
	assert_non_null(strstr(again.key, "-----BEGIN PRIVATE KEY-----"));
	credential_done(&again);
	assert_null(again.key);
	assert_int_equal(stat(w->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void put_file(const char *name, const char *text, mode_t mode)
{
	(void)unlink(name);
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

/* A file that is of no use is said, and never written over. */
static void a_bad_file_is_refused(void **state)
{
	struct world *w = *state;
	struct credential other = {0}, c = {0};
	char mixed[8192], *request = NULL;
	assert_int_equal(credential_request(&other, &request, NULL), 0);
	(void)snprintf(mixed, sizeof(mixed), "%s%s", other.key, w->server.certificate);
	const struct {
		const char *text, *error;
		mode_t mode;
		int result;
	} cases[] = {
		{"", "its key: ", 0600, -EBADMSG},
		{"nonsense\n", "its key: ", 0600, -EBADMSG},
		{w->server.certificate, "its key: ", 0600, -EBADMSG},
		{w->server.key, "its certificate: ", 0600, -EBADMSG},
		{mixed, "are no pair", 0600, -EBADMSG},
		{w->server.key, "must be 0600", 0640, -EPERM},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct err err = {""};
		put_file(w->file, cases[i].text, cases[i].mode);
		assert_int_equal(credential_of_server(w->dir, &c, &err), cases[i].result);
		assert_non_null(strstr(err.text, cases[i].error));
		assert_non_null(strstr(err.text, w->file));
		assert_null(c.key);
	}
	assert_int_equal(unlink(w->file), 0);
	assert_int_equal(symlink("/dev/null", w->file), 0);
	assert_int_equal(credential_of_server(w->dir, &c, NULL), -ELOOP);
	assert_int_equal(credential_of_server("/nonexistent", &c, NULL), -ENOENT);
	credential_done(&other);
	free(request);
}

/* --- pins ------------------------------------------------------------------------------ */

static void import(const char *pem, gnutls_x509_crt_t *ret)
{
	const gnutls_datum_t text = {(unsigned char *)(intptr_t)pem, (unsigned)strlen(pem)};
	assert_int_equal(gnutls_x509_crt_init(ret), 0);
	assert_int_equal(gnutls_x509_crt_import(*ret, &text, GNUTLS_X509_FMT_PEM), 0);
}

/* The SHA-256 of the exported key, made without credential.c. */
static void digest_of(const char *certificate, unsigned char ret[static 32])
{
	gnutls_x509_crt_t crt;
	gnutls_pubkey_t key;
	gnutls_datum_t der = {0};
	import(certificate, &crt);
	assert_int_equal(gnutls_pubkey_init(&key), 0);
	assert_int_equal(gnutls_pubkey_import_x509(key, crt, 0), 0);
	assert_int_equal(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der), 0);
	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, ret), 0);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(key);
	gnutls_x509_crt_deinit(crt);
}

static void a_pin_is_of_the_key(void **state)
{
	struct world *w = *state;
	unsigned char digest[32];
	char pin[PIN_MAX];
	struct err err = {""};
	gnutls_datum_t raw = {digest, sizeof(digest)}, text = {0};
	digest_of(w->server.certificate, digest);
	assert_int_equal(gnutls_base64_encode2(&raw, &text), 0);
	assert_int_equal(credential_pin(w->server.certificate, pin, NULL), 0);
	assert_int_equal(strlen(pin), 44);
	assert_int_equal(text.size, 44);
	assert_memory_equal(pin, text.data, 44);
	gnutls_free(text.data);
	assert_int_equal(credential_pin("nonsense", pin, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not a certificate"));
}

/* --- signing --------------------------------------------------------------------------- */

static void what_is_signed_is_an_agents(void **state)
{
	struct world *w = *state;
	struct credential agent = {0};
	char fingerprint[FINGERPRINT_MAX], hex[FINGERPRINT_MAX];
	unsigned char digest[32];
	unsigned status = 1, ca = 1;
	gnutls_x509_crt_t crt, server;
	enrol(&w->server, &agent, fingerprint);
	import(agent.certificate, &crt);
	import(w->server.certificate, &server);
	assert_int_equal(gnutls_x509_crt_verify(crt, &server, 1, 0, &status), 0);
	assert_int_equal(status, 0);
	assert_int_equal(gnutls_x509_crt_get_basic_constraints(crt, NULL, &ca, NULL), 0);
	assert_int_equal(ca, 0);
	assert_int_equal(gnutls_x509_crt_get_activation_time(crt), 0);
	assert_int_equal(
		gnutls_x509_crt_get_expiration_time(crt), GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
	digest_of(agent.certificate, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(fingerprint, hex);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_crt_deinit(server);
	credential_done(&agent);
}

static void make_request(
	gnutls_pk_algorithm_t kind, unsigned bits, gnutls_digest_algorithm_t digest, char **ret)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crq_t crq;
	gnutls_datum_t text = {0};
	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, kind, bits, 0), 0);
	assert_int_equal(gnutls_x509_crq_init(&crq), 0);
	assert_int_equal(gnutls_x509_crq_set_version(crq, 1), 0);
	assert_int_equal(gnutls_x509_crq_set_key(crq, key), 0);
	assert_int_equal(gnutls_x509_crq_sign2(crq, key, digest, 0), 0);
	assert_int_equal(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &text), 0);
	*ret = strndup((const char *)text.data, text.size);
	assert_non_null(*ret);
	gnutls_free(text.data);
	gnutls_x509_crq_deinit(crq);
	gnutls_x509_privkey_deinit(key);
}

static void weak_keys_are_not_signed(void **state)
{
	static const struct {
		gnutls_pk_algorithm_t kind;
		unsigned bits;
		gnutls_digest_algorithm_t digest;
		bool taken;
	} cases[] = {
		{GNUTLS_PK_EDDSA_ED25519, 0, GNUTLS_DIG_SHA512, true},
		{GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
			GNUTLS_DIG_SHA256, true},
		{GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP192R1),
			GNUTLS_DIG_SHA256, false},
		{GNUTLS_PK_RSA, 1024, GNUTLS_DIG_SHA256, false},
	};
	struct world *w = *state;
	for (size_t i = 0; i < countof(cases); i++) {
		char *request = NULL, *certificate = NULL, fingerprint[FINGERPRINT_MAX];
		struct err err = {""};
		make_request(cases[i].kind, cases[i].bits, cases[i].digest, &request);
		int r = credential_sign(&w->server, request, &certificate, fingerprint, &err);
		assert_int_equal(r, cases[i].taken ? 0 : -EBADMSG);
		assert_int_equal(certificate != NULL, cases[i].taken);
		assert_int_equal(err.text[0] == '\0', cases[i].taken);
		free(request);
		free(certificate);
	}
}

/* Who asks must have the key: the request is signed with it. */
static void a_request_must_be_whole(void **state)
{
	struct world *w = *state;
	struct credential agent = {0};
	char *request = NULL, *certificate = NULL, fingerprint[FINGERPRINT_MAX] = "";
	unsigned refused = 0;
	assert_int_equal(credential_request(&agent, &request, NULL), 0);
	char *text = strchr(request, '\n') + 1, *end = strstr(text, "\n-----END");
	for (char *p = text; p < end; p++) {
		char was = *p;
		if (was == '\n' || was == '=')
			continue;
		*p = was == 'A' ? 'B' : 'A';
		int r = credential_sign(&w->server, request, &certificate, fingerprint, NULL);
		/* Bits of the last character that are not of the text may be anything. */
		refused += r == -EBADMSG;
		assert_true(r == -EBADMSG || p + 3 >= end);
		free(certificate);
		certificate = NULL;
		*p = was;
	}
	assert_true(refused > 100);
	static const char *const cases[] = {
		"", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\n"};
	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(
			credential_sign(&w->server, cases[i], &certificate, fingerprint, NULL),
			-EBADMSG);
	assert_null(certificate);
	free(request);
	credential_done(&agent);
}

/* --- handshakes ------------------------------------------------------------------------ */

struct server_side {
	const struct credential *credential;
	int fd, result;
	char fingerprint[FINGERPRINT_MAX];
};

static gnutls_datum_t datum(const char *text)
{
	return (gnutls_datum_t){(unsigned char *)(intptr_t)text, (unsigned)strlen(text)};
}

/* What another certificate was found to be says nothing of this one; what this one was says all. */
static int ask_twice(void *session, char ret_fingerprint[static FINGERPRINT_MAX])
{
	struct credential_shown shown = {.digest = {1}, .fingerprint = "another's"};
	int r = credential_peer(session, &shown);
	memcpy(ret_fingerprint, shown.fingerprint, FINGERPRINT_MAX);
	int again = credential_peer(session, &shown);
	bool same = memcmp(ret_fingerprint, shown.fingerprint, FINGERPRINT_MAX) == 0;
	return again == r && same ? r : -EBADMSG;
}

/* As libmicrohttpd has it: a certificate is asked for, not wanted. */
static void *serve(void *ctx)
{
	struct server_side *s = ctx;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	const gnutls_datum_t crt = datum(s->credential->certificate);
	const gnutls_datum_t key = datum(s->credential->key);
	char byte = 0;
	(void)gnutls_certificate_allocate_credentials(&credentials);
	(void)gnutls_certificate_set_x509_trust_mem(credentials, &crt, GNUTLS_X509_FMT_PEM);
	(void)gnutls_certificate_set_x509_key_mem(credentials, &crt, &key, GNUTLS_X509_FMT_PEM);
	(void)gnutls_init(&session, GNUTLS_SERVER);
	(void)gnutls_priority_set_direct(session, PRIORITIES, NULL);
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	gnutls_transport_set_int(session, s->fd);
	s->result = -ECONNABORTED;
	if (gnutls_handshake(session) == 0 && gnutls_record_recv(session, &byte, 1) == 1)
		s->result = ask_twice(session, s->fingerprint);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(s->fd);
	return NULL;
}

static void greet(int fd, const char *key, const char *certificate, const char *priorities)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
	if (certificate) {
		const gnutls_datum_t crt_text = datum(certificate), key_text = datum(key);
		assert_int_equal(gnutls_certificate_set_x509_key_mem(
					 credentials, &crt_text, &key_text, GNUTLS_X509_FMT_PEM),
			0);
	}
	/* Shows its certificate whoever the server says it trusts. */
	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT), 0);
	assert_int_equal(gnutls_priority_set_direct(session, priorities, NULL), 0);
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(session, fd);
	if (gnutls_handshake(session) == 0)
		(void)gnutls_record_send(session, "x", 1);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	(void)close(fd);
}

/* What the server knows of a client with these. */
static int meet(const struct credential *server, const char *key, const char *certificate,
	const char *priorities, char fingerprint[static FINGERPRINT_MAX])
{
	struct server_side s = {.credential = server};
	pthread_t thread;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	s.fd = fds[0];
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	greet(fds[1], key, certificate, priorities);
	(void)pthread_join(thread, NULL);
	(void)snprintf(fingerprint, FINGERPRINT_MAX, "%s", s.fingerprint);
	return s.result;
}

static void the_server_knows_its_agents(void **state)
{
	static const char *const versions[] = {
		"NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
	struct world *w = *state;
	struct credential agent = {0};
	char given[FINGERPRINT_MAX], seen[FINGERPRINT_MAX];
	enrol(&w->server, &agent, given);
	for (size_t i = 0; i < countof(versions); i++) {
		assert_int_equal(
			meet(&w->server, agent.key, agent.certificate, versions[i], seen), 0);
		assert_string_equal(seen, given);
	}
	credential_done(&agent);
}

static void strangers_are_not_taken_for_agents(void **state)
{
	struct world *w = *state;
	struct credential other_server = {0}, of_other = {0}, agent = {0}, under_agent = {0};
	char seen[FINGERPRINT_MAX], other_dir[] = "/tmp/test_credential.XXXXXX", path[64];
	assert_non_null(mkdtemp(other_dir));
	assert_int_equal(credential_of_server(other_dir, &other_server, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/fleet.pem", other_dir);
	(void)unlink(path);
	(void)rmdir(other_dir);
	enrol(&other_server, &of_other, seen);
	enrol(&w->server, &agent, seen);
	enrol(&agent, &under_agent, seen); /* an agent that signs another */
	char *chain = NULL;
	assert_true(asprintf(&chain, "%s%s", under_agent.certificate, agent.certificate) > 0);

	const struct {
		const char *key, *certificate;
	} cases[] = {
		{NULL, NULL},
		{of_other.key, of_other.certificate},
		{other_server.key, other_server.certificate},
		{under_agent.key, under_agent.certificate},
		{under_agent.key, chain},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		seen[0] = '\0';
		assert_int_equal(
			meet(&w->server, cases[i].key, cases[i].certificate, PRIORITIES, seen),
			-EACCES);
		assert_string_equal(seen, "");
	}
	free(chain);
	credential_done(&other_server);
	credential_done(&of_other);
	credential_done(&agent);
	credential_done(&under_agent);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_server_keeps_its_key),
		CASE(a_bad_file_is_refused),
		CASE(a_pin_is_of_the_key),
		CASE(what_is_signed_is_an_agents),
		CASE(weak_keys_are_not_signed),
		CASE(a_request_must_be_whole),
		CASE(the_server_knows_its_agents),
		CASE(strangers_are_not_taken_for_agents),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
