/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and certificates of a fleet (GnuTLS). The server has a certificate that it signed
 * itself and with which it signs its agents'; agents know it by the pin of its key, the
 * server knows them by the fingerprint of theirs. Ed25519 or ECDSA P-256 keys.
 */
#pragma once

#include "base/err.h"
#include "core/fleet.h"

#define PIN_MAX 64 /* base64 of the SHA-256 of the SubjectPublicKeyInfo, as curl's sha256// */

struct credential {
	char *key;         /* PEM, PKCS #8 */
	char *certificate; /* PEM; NULL: not signed yet */
};
/* Wipes the key, frees both. */
void credential_done(struct credential *c);

/* The server's, from dir/fleet.pem (0600); made there when there is none. */
int credential_of_server(const char *dir, struct credential *ret, struct err *err);
/* A fresh key and the request to sign it (PKCS #10, PEM; the caller's to free). */
int credential_request(struct credential *ret, char **ret_request, struct err *err);
/* Checks the request (its signature proves the key) and signs it: *ret_certificate is PEM, the
   caller's to free. -EBADMSG: not a request, or a key that is too weak. */
int credential_sign(const struct credential *server, const char *request, char **ret_certificate,
	char ret_fingerprint[static FINGERPRINT_MAX], struct err *err);
int credential_pin(const char *certificate, char ret[static PIN_MAX], struct err *err);
/* The certificate of a peer whose signature was verified. All zero: none yet. */
struct credential_shown {
	uint8_t digest[32]; /* SHA-256 of all of it */
	char fingerprint[FINGERPRINT_MAX];
};

/*
 * The peer of a session (gnutls_session_t) that proved a key which `server` has signed; -EACCES
 * when it did not. To be asked for every request, as libmicrohttpd takes any peer: the signature,
 * which costs as much as all the rest of a request, is verified anew only when the certificate is
 * another than *shown, the session's. Certificates do not expire before their host is retired.
 */
int credential_peer(void *session, struct credential_shown *shown);
