/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet/enrolment.h"

#include "base/json.h"
#include "fleet/link.h"
#include "fleet/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX  (64u << 10)
#define MADE_MOST 30000L /* ms for the whole conversation */

void enrolment_done(struct enrolment *e)
{
	credential_done(&e->credential);
	*e = (struct enrolment){0};
}

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->size);
	buf_done(b);
}

/* --- the file ---------------------------------------------------------------------- */

/* A member that has to be a text which fits; false otherwise. */
static bool take_text(const json_t *root, const char *name, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(root, name));
	if (!text || !text[0] || strlen(text) >= size)
		return false;
	(void)snprintf(ret, size, "%s", text);
	return true;
}

static int parse(const json_t *root, struct enrolment *ret)
{
	struct enrolment e = {0};
	const char *key = json_string_value(json_object_get(root, "key"));
	const char *certificate = json_string_value(json_object_get(root, "certificate"));
	if (!take_text(root, "url", e.url, sizeof(e.url)) ||
		!take_text(root, "pin", e.pin, sizeof(e.pin)) ||
		!take_text(root, "uuid", e.uuid, sizeof(e.uuid)) ||
		!take_text(root, "name", e.name, sizeof(e.name)) || !key || !certificate)
		return -EBADMSG;
	e.credential.key = strdup(key);
	e.credential.certificate = strdup(certificate);
	if (!e.credential.key || !e.credential.certificate) {
		enrolment_done(&e);
		return -ENOMEM;
	}
	*ret = e;
	return 0;
}

static int read_file(const char *dir, struct buf *out)
{
	_cleanup_(closep) int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closep) int fd = at < 0 ? -1 : openat(at, ENROLMENT_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char *to = buf_reserve(out, FILE_MAX);
	ssize_t n = to ? pread(fd, to, FILE_MAX, 0) : -1;
	if (n < 0)
		return to ? -errno : -ENOMEM;
	out->n = (size_t)n;
	return 0;
}

int enrolment_load(const char *dir, struct enrolment *ret, struct err *err)
{
	_cleanup_(wipe) struct buf text = BUF_NULL;
	int r = read_file(dir, &text);
	if (r < 0)
		return err_set(err, r, "%s/%s: %s", dir, ENROLMENT_FILE, strerror(-r));
	json_t *root = json_loadb(text.p, text.n, 0, NULL);
	r = parse(root, ret);
	json_decref(root);
	return r < 0 ? err_set(err, r, "%s/%s: %s", dir, ENROLMENT_FILE,
			       r == -EBADMSG ? "not an enrolment" : strerror(-r))
		     : 0;
}

static void put(struct buf *out, const struct enrolment *e)
{
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	json_field(&j, "url", e->url);
	json_field(&j, "pin", e->pin);
	json_field(&j, "uuid", e->uuid);
	json_field(&j, "name", e->name);
	json_field(&j, "certificate", e->credential.certificate);
	json_field(&j, "key", e->credential.key);
	json_end_object(&j);
	buf_addc(out, '\n');
}

/* The daemon's user has to read what root wrote. */
static int give_to_owner(int at, int fd)
{
	struct stat st;
	if (fstat(at, &st) < 0)
		return -errno;
	bool ours = st.st_uid == geteuid();
	return ours || fchown(fd, st.st_uid, st.st_gid) == 0 ? 0 : -errno;
}

static int write_file(int at, const char *name, const struct buf *text)
{
	_cleanup_(closep) int fd =
		openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = give_to_owner(at, fd);
	ssize_t n = r == 0 ? write(fd, text->p, text->n) : 0;
	if (r == 0 && (n != (ssize_t)text->n || fsync(fd) < 0))
		r = n < 0 || n == (ssize_t)text->n ? -errno : -ENOSPC;
	return r;
}

static int replace_file(const char *dir, const struct buf *text)
{
	static const char fresh[] = ENROLMENT_FILE ".new";
	_cleanup_(closep) int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return -errno;
	(void)unlinkat(at, fresh, 0);
	int r = write_file(at, fresh, text);
	if (r == 0 && (renameat(at, fresh, at, ENROLMENT_FILE) < 0 || fsync(at) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(at, fresh, 0);
	return r;
}

int enrolment_save(const char *dir, const struct enrolment *e, struct err *err)
{
	_cleanup_(wipe) struct buf text = BUF_NULL;
	/* in one piece: what grows leaves copies behind */
	(void)buf_reserve(&text, FILE_MAX);
	put(&text, e);
	int r = text.error ? text.error : replace_file(dir, &text);
	return r < 0 ? err_set(err, r, "%s/%s: %s", dir, ENROLMENT_FILE, strerror(-r)) : 0;
}

int enrolment_remove(const char *dir)
{
	_cleanup_(closep) int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || unlinkat(at, ENROLMENT_FILE, 0) < 0 || fsync(at) < 0)
		return -errno;
	return 0;
}

/* --- enrolling --------------------------------------------------------------------- */

/* "SECRET.PIN" */
static int split_token(const char *token, struct enrol_request *ret_request, struct enrolment *ret,
	struct err *err)
{
	const char *dot = strchr(token, '.');
	size_t secret = dot ? (size_t)(dot - token) : 0;
	if (secret == 0 || secret >= sizeof(ret_request->token) || !dot[1] ||
		strlen(dot + 1) >= sizeof(ret->pin))
		return err_set(err, -EINVAL,
			"the token is not one: it is the last word of what `cordon hosts invite` "
			"printed");
	(void)snprintf(ret_request->token, sizeof(ret_request->token), "%.*s", (int)secret, token);
	(void)snprintf(ret->pin, sizeof(ret->pin), "%s", dot + 1);
	return 0;
}

static int explain_refusal(const struct link *l, const struct place *place, struct err *err)
{
	unsigned status = link_status(l);
	if (status == 401 || status == 403)
		return err_set(err, -EACCES,
			"%s does not take this token: it is good once, and for a while; `cordon "
			"hosts invite` makes another",
			place->url);
	(void)link_explain(l, CURLE_OK, err);
	return err_prefix(err, status == 503 ? -EAGAIN : -EPROTO, "%s", place->url);
}

/* One question, one answer. */
static int ask(struct link *l, const struct place *place, const struct enrol_request *q,
	struct enrol_answer *ret, struct err *err)
{
	_cleanup_(wipe) struct buf body = BUF_NULL;
	protocol_put_enrol_request(&body, q);
	int r = body.error;
	if (r == 0)
		r = link_prepare(l, "POST", "/fleet/v1/enrol", buf_as_slice(&body), MADE_MOST);
	if (r < 0)
		return err_set(err, r, "%s", strerror(-r));
	CURLcode e = libcurl()->easy_perform(l->curl);
	if (e != CURLE_OK) {
		r = link_explain(l, e, err);
		return err_prefix(err, r, "%s", place->url);
	}
	if (link_status(l) != 200)
		return explain_refusal(l, place, err);
	r = protocol_get_enrol_answer(buf_as_slice(&l->answer), ret, err);
	return r < 0 ? err_prefix(err, r, "%s", place->url) : 0;
}

static int take_answer(const struct enrol_answer *a, struct enrolment *e, struct err *err)
{
	char pin[PIN_MAX];
	int r = credential_pin(a->certificate, pin, err);
	if (r < 0)
		return err_prefix(err, r, "the server's certificate for us");
	(void)snprintf(e->uuid, sizeof(e->uuid), "%s", a->uuid);
	(void)snprintf(e->name, sizeof(e->name), "%s", a->name);
	e->credential.certificate = strdup(a->certificate);
	return e->credential.certificate ? 0 : err_set(err, -ENOMEM, "no memory");
}

static int request(
	const struct place *place, struct enrol_request *q, struct enrolment *e, struct err *err)
{
	_cleanup_(freep) char *csr = NULL;
	_cleanup_(freep) struct enrol_answer *answer = calloc(1, sizeof(*answer));
	struct link *l = NULL;
	if (!answer)
		return err_set(err, -ENOMEM, "no memory");
	int r = credential_request(&e->credential, &csr, err);
	if (r == 0 && (!csr || strlen(csr) >= sizeof(q->request)))
		r = err_set(err, -EMSGSIZE, "the request is too long");
	if (r == 0) {
		(void)snprintf(q->request, sizeof(q->request), "%s", csr);
		r = link_new(place, e->pin, NULL, &l, err);
	}
	if (r == 0)
		r = ask(l, place, q, answer, err);
	link_free(l);
	return r == 0 ? take_answer(answer, e, err) : r;
}

int enrolment_make(const char *dir, const char *url, const char *token,
	const struct agent_info *info, struct enrolment *ret, struct err *err)
{
	_cleanup_(freep) struct enrol_request *q = calloc(1, sizeof(*q));
	struct enrolment e = {0};
	struct place place;
	if (!q)
		return err_set(err, -ENOMEM, "no memory");
	q->info = *info;
	int r = place_parse(url, &place, err);
	if (r == 0)
		r = split_token(token, q, &e, err);
	if (r == 0)
		r = libcurl_load(err);
	/* a token is good once: not to be spent where the answer cannot be kept */
	if (r == 0 && access(dir, W_OK) < 0)
		r = err_set(err, -errno, "%s: %s", dir, strerror(errno));
	(void)snprintf(e.url, sizeof(e.url), "%s", r == 0 ? place.url : "");
	if (r == 0)
		r = request(&place, q, &e, err);
	if (r == 0)
		r = enrolment_save(dir, &e, err);
	explicit_bzero(q->token, sizeof(q->token));
	if (r < 0) {
		enrolment_done(&e);
		return r;
	}
	*ret = e;
	return 0;
}
