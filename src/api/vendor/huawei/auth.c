/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X-Auth-Token, or SDK-HMAC-SHA256 over a canonical request.
 * Source: the vendor's page "AK/SK signing and authentication algorithm";
 * tests/cases/vectors/ has requests of the real SDK. The scheme has no nonce:
 * within the clock window a caught request can be sent again.
 */
#include "api/auth.h"
#include "api/vendor/huawei/huawei.h"
#include "model/settings.h"

#include <errno.h>

#define GATEWAY_PREFIX "Incorrect IAM authentication information: "

static void unauthorized(struct call *c, const char *why)
{
	char message[256];
	(void)snprintf(message, sizeof(message), GATEWAY_PREFIX "%s", why);
	huawei_error(c, 401, "APIGW.0301", message);
}

static const char *const why_signature[AUTH_VERDICTS] = {
	[AUTH_UNKNOWN] = "Get secretKey failed, err:ak not exist",
	[AUTH_INACTIVE] = "Get secretKey failed, err:ak is disabled",
	[AUTH_EXPIRED] = "the temporary access key is expired",
	[AUTH_MISMATCH] = "verify aksk signature fail",
	[AUTH_TOKEN_MISSING] = "X-Security-Token is required for a temporary access key",
	[AUTH_TOKEN_WRONG] = "X-Security-Token does not belong to the access key",
	[AUTH_LOCKED] = "the access key is locked after too many failures, try again later",
};

static const char *const why_token[AUTH_VERDICTS] = {
	[AUTH_UNKNOWN] = "decrypt token fail",
	[AUTH_INACTIVE] = "the token's user is disabled",
	[AUTH_EXPIRED] = "token expires",
	[AUTH_LOCKED] = "too many wrong tokens, try again later",
};

static bool settle(struct call *c, enum auth v, const char *const why[static AUTH_VERDICTS])
{
	if (v == AUTH_OK)
		return true;
	if (v == AUTH_FAULT)
		huawei_error(c, 500, "APIGW.0605", "Internal server error.");
	else if (v == AUTH_LIMITED)
		huawei_error(c, 429, "APIGW.0308", "The throttling threshold has been reached.");
	else
		unauthorized(c, why[v] ? why[v] : why_signature[AUTH_MISMATCH]);
	return false;
}

struct signature {
	struct slice key_id, signed_headers, signature, date;
};

struct proof {
	const struct buf *text;
	struct slice signature;
};

static bool prove(const void *proof, const char *secret)
{
	const struct proof *p = proof;
	char expected[SIGN_HEX_MAX];
	sign_hmac_sha256_hex(slice_of(secret), buf_as_slice(p->text), expected);
	return sign_equal(p->signature, slice_of(expected));
}

static bool check_time(struct call *c, struct slice text)
{
	int64_t stamp, window = c->settings->clock_window;
	if (!sign_time_basic(text, &stamp)) {
		unauthorized(c, "X-Sdk-Date is missing or malformed");
		return false;
	}
	if (stamp < c->request->time - window || stamp > c->request->time + window) {
		unauthorized(c, "signature expired");
		return false;
	}
	return true;
}

/*
 * The body's hash as it was signed. A client may give it in a header, then it
 * must be true; UNSIGNED-PAYLOAD only where there is nothing to sign.
 */
static bool payload_hash(const struct http_request *rq, char ret[static SIGN_HEX_MAX])
{
	struct slice given = http_header(rq, "x-sdk-content-sha256");
	sign_sha256_hex(rq->body, ret);
	if (!given.p || sign_equal(given, slice_of(ret)))
		return true;
	if (!slice_eq(given, SLICE("UNSIGNED-PAYLOAD")) || rq->body.n > 0)
		return false;
	(void)snprintf(ret, SIGN_HEX_MAX, "UNSIGNED-PAYLOAD");
	return true;
}

bool huawei_canonical(const struct call *c, struct slice signed_headers, struct buf *out)
{
	const struct http_request *rq = c->request;
	char hash[SIGN_HEX_MAX];
	if (!payload_hash(rq, hash))
		return false;
	buf_slice(out, rq->method);
	buf_addc(out, '\n');
	buf_slice(out, rq->path);
	buf_puts(out, slice_ends(rq->path, SLICE("/")) ? "\n" : "/\n");
	sign_query(out, &c->form, NULL);
	buf_addc(out, '\n');
	if (!sign_headers(out, rq, signed_headers))
		return false;
	buf_printf(out, "\n%.*s\n%s", SLICE_ARG(signed_headers), hash);
	return true;
}

/* False when no signature can hold for it. */
static bool text_to_sign(const struct call *c, const struct signature *s, struct buf *out)
{
	_cleanup_(buf_done) struct buf canonical = BUF_NULL;
	char hash[SIGN_HEX_MAX];
	if (!sign_list_has(s->signed_headers, SLICE("x-sdk-date")) ||
		!huawei_canonical(c, s->signed_headers, &canonical))
		return false;
	sign_sha256_hex(buf_as_slice(&canonical), hash);
	buf_printf(out, "SDK-HMAC-SHA256\n%.*s\n%s", SLICE_ARG(s->date), hash);
	if (canonical.error)
		out->error = canonical.error;
	return true;
}

static bool authenticate_signature(struct call *c, struct slice authorization)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct signature s = {
		.key_id = sign_attribute(authorization, SLICE("Access")),
		.signed_headers = sign_attribute(authorization, SLICE("SignedHeaders")),
		.signature = sign_attribute(authorization, SLICE("Signature")),
		.date = http_header(c->request, "x-sdk-date"),
	};
	if (s.key_id.n == 0 || s.signed_headers.n == 0 || s.signature.n == 0) {
		unauthorized(c, "Access, SignedHeaders and Signature are expected");
		return false;
	}
	if (!check_time(c, s.date))
		return false;
	struct proof p = {&text, text_to_sign(c, &s, &text) ? s.signature : SLICE("")};
	struct auth_claim claim = {.key_id = s.key_id,
		.security_token = http_header(c->request, "x-security-token"),
		.prove = prove,
		.proof = &p};
	if (text.error) {
		huawei_fault(c, "building the text to sign", text.error);
		return false;
	}
	return settle(c, auth_claim(c, &claim), why_signature);
}

bool huawei_authenticate(struct call *c)
{
	const struct slice scheme = SLICE("SDK-HMAC-SHA256 ");
	struct slice authorization = http_header(c->request, "authorization");
	struct slice token = http_header(c->request, "x-auth-token");
	if (slice_starts(authorization, scheme))
		return authenticate_signature(c, slice_skip(authorization, scheme.n));
	if (token.n)
		return settle(c, auth_token(c, token), why_token);
	unauthorized(c, "x-auth-token not found");
	return false;
}
