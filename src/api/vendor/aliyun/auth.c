/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signatures: V1 (HMAC-SHA1 over the parameters) and V3 (ACS3-HMAC-SHA256
 * over a canonical request). Which one it is says the Authorization header or
 * the Signature parameter; x-acs-action stands on V1 requests too.
 * Sources: the vendor's pages "Request syntax and signature method V3" and
 * "RPC signature"; tests/cases/vectors/ has requests of the real SDKs.
 */
#include "api/auth.h"
#include "api/guard.h"
#include "api/http/encode.h"
#include "api/vendor/aliyun/aliyun.h"
#include "model/settings.h"

#include <errno.h>
#include <sodium/utils.h>

#define NONCE_MAX 256

/* A claim's proof: what is signed, and the signature that came with it. */
struct proof {
	const struct buf *text;
	struct slice signature;
};

static bool prove_v1(const void *proof, const char *secret)
{
	const struct proof *p = proof;
	char key[KEY_SECRET_MAX + 1], expected[SIGN_BASE64_MAX];
	(void)snprintf(key, sizeof(key), "%s&", secret);
	sign_hmac_sha1_base64(slice_of(key), buf_as_slice(p->text), expected);
	bool same = sign_equal(p->signature, slice_of(expected));
	sodium_memzero(key, sizeof(key));
	return same;
}

static bool prove_v3(const void *proof, const char *secret)
{
	const struct proof *p = proof;
	char expected[SIGN_HEX_MAX];
	sign_hmac_sha256_hex(slice_of(secret), buf_as_slice(p->text), expected);
	return sign_equal(p->signature, slice_of(expected));
}

/* The gateway's words for each verdict. */
static const struct {
	unsigned status;
	const char *code, *message;
} verdicts[AUTH_VERDICTS] = {
	[AUTH_UNKNOWN] = {404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."},
	[AUTH_INACTIVE] = {400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled."},
	[AUTH_EXPIRED] = {400, "InvalidSecurityToken.Expired",
		"Specified SecurityToken is expired."},
	[AUTH_MISMATCH] = {400, "SignatureDoesNotMatch",
		"Specified signature is not matched with our calculation."},
	[AUTH_TOKEN_MISSING] = {400, "MissingSecurityToken",
		"SecurityToken is mandatory for this action."},
	[AUTH_TOKEN_WRONG] = {400, "InvalidSecurityToken.MismatchWithAccessKey",
		"Specified SecurityToken mismatch with the AccessKey."},
	[AUTH_LOCKED] = {400, "Throttling.User",
		"Request was denied due to too many failed authentications, try again later."},
	[AUTH_LIMITED] = {400, "Throttling.User", "Request was denied due to user flow control."},
	[AUTH_FAULT] = {500, "InternalError",
		"The request processing has failed due to some unknown error."},
};

static bool settle(struct call *c, enum auth v)
{
	if (v != AUTH_OK)
		aliyun_error(c, verdicts[v].status, verdicts[v].code, verdicts[v].message);
	return v == AUTH_OK;
}

/* The stamp must be within the clock window; *ret is its time. */
static bool check_time(struct call *c, struct slice text, int64_t *ret)
{
	if (!sign_time(text, ret)) {
		aliyun_error(c, 400, "InvalidTimeStamp.Format",
			"Specified time stamp or date value is not well formatted.");
		return false;
	}
	int64_t window = c->settings->clock_window;
	if (*ret < c->request->time - window || *ret > c->request->time + window) {
		aliyun_error(c, 400, "InvalidTimeStamp.Expired",
			"Specified time stamp or date value is expired.");
		return false;
	}
	return true;
}

/*
 * After the proof, so that nobody else can fill a key's table. A nonce is kept
 * as long as its stamp is within the window.
 */
static bool use_nonce(struct call *c, struct slice nonce, int64_t stamp)
{
	int64_t until = stamp + c->settings->clock_window;
	switch (guard_nonce(c->guard, c->key.id, nonce, c->request->time, until)) {
	case GUARD_OK:
		return true;
	case GUARD_USED:
		aliyun_error(c, 400, "SignatureNonceUsed",
			"Specified signature nonce was used already.");
		return false;
	case GUARD_FULL:
	default:
		return settle(c, AUTH_LIMITED);
	}
}

static bool check_nonce_text(struct call *c, struct slice nonce)
{
	if (nonce.n > 0 && nonce.n <= NONCE_MAX)
		return true;
	if (nonce.n == 0)
		aliyun_missing(c, "SignatureNonce");
	else
		aliyun_invalid(c, "SignatureNonce", "Specified signature nonce is too long.");
	return false;
}

static bool claim(struct call *c, struct slice key_id, struct slice security_token,
	const struct proof *proof, bool (*prove)(const void *, const char *))
{
	struct auth_claim a = {
		.key_id = key_id, .security_token = security_token, .prove = prove, .proof = proof};
	if (proof->text->error) {
		aliyun_fault(c, "building the text to sign", proof->text->error);
		return false;
	}
	return settle(c, auth_claim(c, &a));
}

/* V1 */

void aliyun_text_v1(const struct call *c, struct buf *out)
{
	_cleanup_(buf_done) struct buf query = BUF_NULL;
	sign_query(&query, &c->form, "Signature");
	buf_slice(out, c->request->method);
	buf_puts(out, "&%2F&");
	encode_percent(out, buf_as_slice(&query));
	if (query.error)
		out->error = query.error;
}

/* Each of them must be there, in this order of complaint. */
static bool check_params_v1(struct call *c)
{
	static const char *const needed[] = {"AccessKeyId", "SignatureMethod", "SignatureVersion",
		"Timestamp", "SignatureNonce"};
	for (size_t i = 0; i < countof(needed); i++) {
		if (!aliyun_param(c, needed[i])) {
			aliyun_missing(c, needed[i]);
			return false;
		}
	}
	if (strcmp(aliyun_param(c, "SignatureMethod"), "HMAC-SHA1") != 0) {
		aliyun_error(c, 400, "InvalidSignatureMethod",
			"Specified signature method is not valid: HMAC-SHA1 is expected.");
		return false;
	}
	if (strcmp(aliyun_param(c, "SignatureVersion"), "1.0") != 0) {
		aliyun_invalid(c, "SignatureVersion", "Specified signature version is not valid.");
		return false;
	}
	return true;
}

static bool authenticate_v1(struct call *c)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	int64_t stamp;
	if (!check_params_v1(c))
		return false;
	struct slice nonce = slice_of(aliyun_param(c, "SignatureNonce"));
	if (!check_time(c, slice_of(aliyun_param(c, "Timestamp")), &stamp) ||
		!check_nonce_text(c, nonce))
		return false;
	aliyun_text_v1(c, &text);
	struct proof p = {&text, slice_of(form_get(&c->form, "Signature"))};
	return claim(c, slice_of(aliyun_param(c, "AccessKeyId")),
		       slice_of(aliyun_param(c, "SecurityToken")), &p, prove_v1) &&
	       use_nonce(c, nonce, stamp);
}

/* V3 */

struct v3 {
	struct slice key_id, signed_headers, signature, hash, nonce, date;
};

static bool read_v3(struct call *c, struct slice authorization, struct v3 *ret)
{
	const struct http_request *rq = c->request;
	*ret = (struct v3){
		.key_id = sign_attribute(authorization, SLICE("Credential")),
		.signed_headers = sign_attribute(authorization, SLICE("SignedHeaders")),
		.signature = sign_attribute(authorization, SLICE("Signature")),
		.hash = http_header(rq, "x-acs-content-sha256"),
		.nonce = http_header(rq, "x-acs-signature-nonce"),
		.date = http_header(rq, "x-acs-date"),
	};
	if (ret->key_id.n == 0)
		aliyun_missing(c, "AccessKeyId");
	else if (ret->signature.n == 0 || ret->signed_headers.n == 0 || ret->hash.n == 0)
		aliyun_error(c, 400, "IncompleteSignature",
			"The request signature does not conform to Aliyun standards: Credential, "
			"SignedHeaders, Signature and x-acs-content-sha256 are expected.");
	else if (ret->date.n == 0)
		aliyun_missing(c, "Timestamp");
	else
		return true;
	return false;
}

/* What decides must be signed: else a caught request could be sent again in another dress. */
static bool signs_enough(const struct v3 *v)
{
	static const char *const needed[] = {
		"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"};
	for (size_t i = 0; i < countof(needed); i++)
		if (!sign_list_has(v->signed_headers, slice_of(needed[i])))
			return false;
	return true;
}

bool aliyun_canonical_v3(const struct call *c, struct slice signed_headers, struct buf *out)
{
	const struct http_request *rq = c->request;
	_cleanup_(form_done) struct form query = FORM_NULL;
	char hash[SIGN_HEX_MAX];
	sign_sha256_hex(rq->body, hash);
	if (!sign_equal(http_header(rq, "x-acs-content-sha256"), slice_of(hash)) ||
		form_decode(&query, rq->query) < 0)
		return false;
	buf_slice(out, rq->method);
	buf_puts(out, "\n/\n");
	sign_query(out, &query, NULL);
	buf_addc(out, '\n');
	if (!sign_headers(out, rq, signed_headers))
		return false;
	buf_printf(out, "\n%.*s\n%s", SLICE_ARG(signed_headers), hash);
	return true;
}

/* False when no signature can hold for it. */
static bool text_v3(const struct call *c, const struct v3 *v, struct buf *out)
{
	_cleanup_(buf_done) struct buf canonical = BUF_NULL;
	char hash[SIGN_HEX_MAX];
	if (!signs_enough(v) || !aliyun_canonical_v3(c, v->signed_headers, &canonical))
		return false;
	sign_sha256_hex(buf_as_slice(&canonical), hash);
	buf_printf(out, "ACS3-HMAC-SHA256\n%s", hash);
	if (canonical.error)
		out->error = canonical.error;
	return true;
}

static bool authenticate_v3(struct call *c, struct slice authorization)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	struct v3 v;
	int64_t stamp;
	if (!read_v3(c, authorization, &v) || !check_time(c, v.date, &stamp) ||
		!check_nonce_text(c, v.nonce))
		return false;
	/* A request that cannot be right is weighed too: it counts as a failure. */
	struct proof p = {&text, text_v3(c, &v, &text) ? v.signature : SLICE("")};
	return claim(c, v.key_id, http_header(c->request, "x-acs-security-token"), &p, prove_v3) &&
	       use_nonce(c, v.nonce, stamp);
}

#define SCHEME_V3 SLICE("ACS3-HMAC-SHA256 ")

bool aliyun_is_v3(const struct call *c)
{
	return slice_starts(http_header(c->request, "authorization"), SCHEME_V3);
}

/* Neither V1 nor V3: says what is missing or not taken. */
static void refuse_unsigned(struct call *c)
{
	const char *type = form_get(&c->form, "SignatureType");
	bool bearer = http_header(c->request, "x-acs-bearer-token").n ||
		      form_get(&c->form, "BearerToken") ||
		      (type && strcmp(type, "BEARERTOKEN") == 0);
	if (bearer || http_header(c->request, "authorization").n)
		aliyun_error(c, 400, "InvalidSignatureMethod",
			"Specified signature method is not valid: HMAC-SHA1 or ACS3-HMAC-SHA256 is "
			"expected.");
	else if (!aliyun_param(c, "AccessKeyId"))
		aliyun_missing(c, "AccessKeyId");
	else
		aliyun_missing(c, "Signature");
}

bool aliyun_authenticate(struct call *c)
{
	if (aliyun_is_v3(c))
		return authenticate_v3(
			c, slice_skip(http_header(c->request, "authorization"), SCHEME_V3.n));
	if (aliyun_param(c, "Signature"))
		return authenticate_v1(c);
	refuse_unsigned(c);
	return false;
}
