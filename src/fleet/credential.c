/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ed25519 keys. No certificate has a time in it that could end: who may not come any more is
 * retired by the server, and a machine whose clock is wrong still finds it.
 */
#include "fleet/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define SERVER_FILE     "fleet.pem"
#define SERVER_FILE_MAX 16384
#define SERIAL_BYTES    16
#define ID_BYTES        32 /* SHA-256 */
#define ECDSA_BITS_MIN  256

static int failed(struct err *err, const char *doing, int code)
{
	(void)err_set(err, -EBADMSG, "%s: %s", doing, gnutls_strerror(code));
	return code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EBADMSG;
}

static void forget(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void credential_done(struct credential *c)
{
	forget(&c->key);
	free(c->certificate);
	c->certificate = NULL;
}

static void key_done(gnutls_x509_privkey_t *key)
{
	if (*key)
		gnutls_x509_privkey_deinit(*key);
}

static void crt_done(gnutls_x509_crt_t *crt)
{
	if (*crt)
		gnutls_x509_crt_deinit(*crt);
}

static void crq_done(gnutls_x509_crq_t *crq)
{
	if (*crq)
		gnutls_x509_crq_deinit(*crq);
}

static void pubkey_done(gnutls_pubkey_t *key)
{
	if (*key)
		gnutls_pubkey_deinit(*key);
}

static gnutls_datum_t datum(const char *text)
{
	return (gnutls_datum_t){(unsigned char *)(intptr_t)text, (unsigned)strlen(text)};
}

/* A copy that free() frees; the original is wiped. NULL: no memory. */
static char *text_from(gnutls_datum_t *d)
{
	char *text = strndup((const char *)d->data, d->size);
	explicit_bzero(d->data, d->size);
	gnutls_free(d->data);
	return text;
}

/* --- keys and certificates to and from PEM --------------------------------------------- */

static int key_import(const char *pem, gnutls_x509_privkey_t *ret)
{
	_cleanup_(key_done) gnutls_x509_privkey_t key = NULL;
	const gnutls_datum_t text = datum(pem);
	int r = gnutls_x509_privkey_init(&key);
	if (r == 0)
		r = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r == 0)
		*ret = take(key);
	return r;
}

static int crt_import(const char *pem, gnutls_x509_crt_t *ret)
{
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	const gnutls_datum_t text = datum(pem);
	int r = gnutls_x509_crt_init(&crt);
	if (r == 0)
		r = gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM);
	if (r == 0)
		*ret = take(crt);
	return r;
}

static int key_export(gnutls_x509_privkey_t key, char **ret)
{
	gnutls_datum_t text = {0};
	int r = gnutls_x509_privkey_export2_pkcs8(
		key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &text);
	if (r == 0 && !(*ret = text_from(&text)))
		r = GNUTLS_E_MEMORY_ERROR;
	return r;
}

static int crt_export(gnutls_x509_crt_t crt, char **ret)
{
	gnutls_datum_t text = {0};
	int r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text);
	if (r == 0 && !(*ret = text_from(&text)))
		r = GNUTLS_E_MEMORY_ERROR;
	return r;
}

static int key_make(gnutls_x509_privkey_t *ret)
{
	_cleanup_(key_done) gnutls_x509_privkey_t key = NULL;
	int r = gnutls_x509_privkey_init(&key);
	if (r == 0)
		r = gnutls_x509_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 0, 0);
	if (r == 0)
		*ret = take(key);
	return r;
}

/* SHA-256 of the SubjectPublicKeyInfo. */
static int crt_id(gnutls_x509_crt_t crt, unsigned char ret[static ID_BYTES])
{
	size_t n = ID_BYTES;
	return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, ret, &n);
}

static int crt_fingerprint(gnutls_x509_crt_t crt, char ret[static FINGERPRINT_MAX])
{
	unsigned char id[ID_BYTES];
	int r = crt_id(crt, id);
	for (size_t i = 0; r == 0 && i < sizeof(id); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", id[i]);
	return r;
}

/* --- making certificates --------------------------------------------------------------- */

/* What both kinds have: a number nobody else has, all the time there is (RFC 5280 4.1.2.5). */
static int crt_begin(gnutls_x509_crt_t *ret, const char *name)
{
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	unsigned char serial[SERIAL_BYTES] = {0};
	int r = gnutls_x509_crt_init(&crt);
	if (r == 0)
		r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and never shorter */
	if (r == 0)
		r = gnutls_x509_crt_set_version(crt, 3);
	if (r == 0)
		r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (r == 0)
		r = gnutls_x509_crt_set_activation_time(crt, 0);
	if (r == 0)
		r = gnutls_x509_crt_set_expiration_time(
			crt, (time_t)GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
	if (r == 0)
		r = gnutls_x509_crt_set_dn_by_oid(
			crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	if (r == 0)
		*ret = take(crt);
	return r;
}

static int crt_of_server(gnutls_x509_privkey_t key, gnutls_x509_crt_t *ret)
{
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	int r = crt_begin(&crt, "Cordon server");
	if (r == 0)
		r = gnutls_x509_crt_set_key(crt, key);
	if (r == 0)
		r = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
	if (r == 0)
		r = gnutls_x509_crt_set_key_usage(
			crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN);
	if (r == 0)
		r = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA512, 0);
	if (r == 0)
		*ret = take(crt);
	return r;
}

/* Of the request only its key is taken: the server says what is in a certificate. */
static int crt_of_agent(gnutls_x509_crt_t server, gnutls_x509_privkey_t key, gnutls_pubkey_t agent,
	gnutls_x509_crt_t *ret)
{
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	int r = crt_begin(&crt, "Cordon agent");
	if (r == 0)
		r = gnutls_x509_crt_set_pubkey(crt, agent);
	if (r == 0)
		r = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (r == 0)
		r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (r == 0)
		r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	if (r == 0)
		r = gnutls_x509_crt_sign2(crt, server, key, GNUTLS_DIG_SHA512, 0);
	if (r == 0)
		*ret = take(crt);
	return r;
}

/* --- the server's ---------------------------------------------------------------------- */

static int export_pair(
	gnutls_x509_privkey_t key, gnutls_x509_crt_t crt, struct credential *ret, struct err *err)
{
	_cleanup_(credential_done) struct credential c = {0};
	int r = key_export(key, &c.key);
	if (r == 0)
		r = crt_export(crt, &c.certificate);
	if (r < 0)
		return failed(err, "cannot write a key as text", r);
	ret->key = take(c.key);
	ret->certificate = take(c.certificate);
	return 0;
}

static int make_pair(struct credential *ret, struct err *err)
{
	_cleanup_(key_done) gnutls_x509_privkey_t key = NULL;
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	int r = key_make(&key);
	if (r == 0)
		r = crt_of_server(key, &crt);
	return r == 0 ? export_pair(key, crt, ret, err)
		      : failed(err, "cannot make a certificate", r);
}

static int read_pair(const char *text, struct credential *ret, struct err *err)
{
	_cleanup_(key_done) gnutls_x509_privkey_t key = NULL;
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	unsigned char of_key[ID_BYTES] = {0}, of_crt[ID_BYTES] = {0};
	size_t n = sizeof(of_key);
	int r = key_import(text, &key);
	if (r < 0)
		return failed(err, "its key", r);
	r = crt_import(text, &crt);
	if (r < 0)
		return failed(err, "its certificate", r);
	r = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &n);
	if (r == 0)
		r = crt_id(crt, of_crt);
	if (r < 0 || memcmp(of_key, of_crt, sizeof(of_key)) != 0)
		return err_set(err, -EBADMSG, "its key and certificate are no pair");
	return export_pair(key, crt, ret, err);
}

static int write_whole(int fd, const char *text)
{
	for (size_t n = strlen(text); n > 0;) {
		ssize_t done = write(fd, text, n);
		if (done < 0)
			return -errno;
		text += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Whole or not at all: written aside, then linked, which never takes the place of a key. */
static int save(int dir, const struct credential *c)
{
	(void)unlinkat(dir, SERVER_FILE ".new", 0);
	_cleanup_(closep) int fd = openat(dir, SERVER_FILE ".new",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_whole(fd, c->key);
	if (r == 0)
		r = write_whole(fd, c->certificate);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && linkat(dir, SERVER_FILE ".new", dir, SERVER_FILE, 0) < 0)
		r = -errno;
	(void)unlinkat(dir, SERVER_FILE ".new", 0);
	if (r == 0 && fsync(dir) < 0)
		r = -errno;
	return r;
}

static int load(int fd, struct credential *ret, struct err *err)
{
	char text[SERVER_FILE_MAX];
	struct stat st;
	size_t n = 0;
	ssize_t got = 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "is not a file");
	if (st.st_mode & 077)
		return err_set(err, -EPERM, "may be read by others; it must be 0600");
	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	int r = got < 0 ? err_set(err, -errno, "%s", strerror(errno)) : read_pair(text, ret, err);
	explicit_bzero(text, sizeof(text));
	return r;
}

int credential_of_server(const char *dir, struct credential *ret, struct err *err)
{
	_cleanup_(closep) int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	_cleanup_(closep) int fd = openat(at, SERVER_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		int r = load(fd, ret, err);
		return r < 0 ? err_prefix(err, r, "%s/" SERVER_FILE, dir) : 0;
	}
	if (errno != ENOENT)
		return err_set(err, -errno, "%s/" SERVER_FILE ": %s", dir, strerror(errno));
	_cleanup_(credential_done) struct credential c = {0};
	int r = make_pair(&c, err);
	if (r < 0)
		return r;
	r = save(at, &c);
	if (r < 0)
		return err_set(err, r, "cannot write %s/" SERVER_FILE ": %s", dir, strerror(-r));
	ret->key = take(c.key);
	ret->certificate = take(c.certificate);
	return 0;
}

int credential_pin(const char *certificate, char ret[static PIN_MAX], struct err *err)
{
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	unsigned char id[ID_BYTES];
	gnutls_datum_t raw = {id, sizeof(id)}, text = {0};
	int r = crt_import(certificate, &crt);
	if (r == 0)
		r = crt_id(crt, id);
	if (r == 0)
		r = gnutls_base64_encode2(&raw, &text);
	if (r < 0)
		return failed(err, "not a certificate", r);
	(void)snprintf(ret, PIN_MAX, "%.*s", (int)text.size, (const char *)text.data);
	gnutls_free(text.data);
	return 0;
}

/* --- requests -------------------------------------------------------------------------- */

static int crq_make(gnutls_x509_privkey_t key, char **ret)
{
	_cleanup_(crq_done) gnutls_x509_crq_t crq = NULL;
	gnutls_datum_t text = {0};
	int r = gnutls_x509_crq_init(&crq);
	if (r == 0)
		r = gnutls_x509_crq_set_version(crq, 1);
	if (r == 0)
		r = gnutls_x509_crq_set_key(crq, key);
	if (r == 0)
		r = gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA512, 0);
	if (r == 0)
		r = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &text);
	if (r == 0 && !(*ret = text_from(&text)))
		r = GNUTLS_E_MEMORY_ERROR;
	return r;
}

int credential_request(struct credential *ret, char **ret_request, struct err *err)
{
	_cleanup_(key_done) gnutls_x509_privkey_t key = NULL;
	char *text = NULL, *request = NULL;
	int r = key_make(&key);
	if (r == 0)
		r = key_export(key, &text);
	if (r == 0)
		r = crq_make(key, &request);
	if (r < 0) {
		forget(&text);
		return failed(err, "cannot make a key", r);
	}
	*ret = (struct credential){.key = text};
	*ret_request = request;
	return 0;
}

/* Kinds that are as strong as our own. */
static bool is_strong(gnutls_pubkey_t key)
{
	unsigned bits = 0;
	int kind = gnutls_pubkey_get_pk_algorithm(key, &bits);
	return kind == GNUTLS_PK_EDDSA_ED25519 ||
	       (kind == GNUTLS_PK_ECDSA && bits >= ECDSA_BITS_MIN);
}

static int crq_key(const char *request, gnutls_pubkey_t *ret, struct err *err)
{
	_cleanup_(crq_done) gnutls_x509_crq_t crq = NULL;
	_cleanup_(pubkey_done) gnutls_pubkey_t key = NULL;
	const gnutls_datum_t text = datum(request);
	int r = gnutls_x509_crq_init(&crq);
	if (r == 0)
		r = gnutls_x509_crq_import(crq, &text, GNUTLS_X509_FMT_PEM);
	if (r == 0)
		r = gnutls_x509_crq_verify(crq, 0);
	if (r == 0)
		r = gnutls_pubkey_init(&key);
	if (r == 0)
		r = gnutls_pubkey_import_x509_crq(key, crq, 0);
	if (r < 0)
		return failed(err, "not a request for a certificate", r);
	if (!is_strong(key))
		return err_set(err, -EBADMSG, "the key is not of a kind that is taken");
	*ret = take(key);
	return 0;
}

int credential_sign(const struct credential *server, const char *request, char **ret_certificate,
	char ret_fingerprint[static FINGERPRINT_MAX], struct err *err)
{
	_cleanup_(key_done) gnutls_x509_privkey_t key = NULL;
	_cleanup_(crt_done) gnutls_x509_crt_t own = NULL;
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	_cleanup_(pubkey_done) gnutls_pubkey_t agent = NULL;
	char fingerprint[FINGERPRINT_MAX];
	int bad = crq_key(request, &agent, err);
	if (bad)
		return bad;
	int r = key_import(server->key, &key);
	if (r == 0)
		r = crt_import(server->certificate, &own);
	if (r == 0)
		r = crt_of_agent(own, key, agent, &crt);
	if (r == 0)
		r = crt_fingerprint(crt, fingerprint);
	if (r == 0)
		r = crt_export(crt, ret_certificate);
	if (r < 0)
		return err_set(err, -EIO, "cannot sign a certificate: %s", gnutls_strerror(r));
	memcpy(ret_fingerprint, fingerprint, sizeof(fingerprint));
	return 0;
}

static int verify_peer(
	void *session, const gnutls_datum_t *der, char ret_fingerprint[static FINGERPRINT_MAX])
{
	_cleanup_(crt_done) gnutls_x509_crt_t crt = NULL;
	unsigned status = 0;
	if (gnutls_certificate_verify_peers2(session, &status) < 0 || status != 0)
		return -EACCES;
	if (gnutls_x509_crt_init(&crt) < 0)
		return -ENOMEM;
	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) < 0)
		return -EACCES;
	return crt_fingerprint(crt, ret_fingerprint) < 0 ? -EACCES : 0;
}

int credential_peer(void *session, struct credential_shown *shown)
{
	struct credential_shown now = {0};
	unsigned n = 0;
	size_t size = sizeof(now.digest);
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
	if (!chain || n == 0 ||
		gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], now.digest, &size) < 0) {
		*shown = (struct credential_shown){0};
		return -EACCES;
	}
	if (shown->fingerprint[0] && memcmp(now.digest, shown->digest, sizeof(now.digest)) == 0)
		return 0;
	int r = verify_peer(session, &chain[0], now.fingerprint);
	*shown = r == 0 ? now : (struct credential_shown){0};
	return r;
}
