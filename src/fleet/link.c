/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet/link.h"

#include "fleet/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define CONNECT_TIME 5000L /* ms */
#define SILENT_TIME  10L   /* s without a byte: more than a question is held */
#define KEEP_IDLE    15L   /* s */
#define KEEP_BETWEEN 5L

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct link *l = ctx;
	buf_add(&l->answer, p, size * n);
	return l->answer.error ? 0 : size * n;
}

/*
 * libcurl with GnuTLS takes keys from files only. A memory file has no name in any file system,
 * so the one copy on disk stays the enrolment's.
 */
static int identity_file(const struct credential *c)
{
	_cleanup_(closep) int fd = memfd_create("identity", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n%s\n", c->key, c->certificate) < 0)
		return -EIO;
	return take_fd(fd);
}

static CURLcode set_identity(const struct libcurl *lib, struct link *l)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", l->identity);
	CURLcode e = lib->easy_setopt(l->curl, CURLOPT_SSLCERT, path);
	return e ? e : lib->easy_setopt(l->curl, CURLOPT_SSLKEY, path);
}

/* The pin says who the server is: names and authorities say nothing here. */
static CURLcode set_tls(const struct libcurl *lib, struct link *l, const char *pin)
{
	char pinned[16 + PIN_MAX];
	(void)snprintf(pinned, sizeof(pinned), "sha256//%s", pin);
	CURLcode e = lib->easy_setopt(l->curl, CURLOPT_PINNEDPUBLICKEY, pinned);
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_SSL_VERIFYPEER, 0},
		{CURLOPT_SSL_VERIFYHOST, 0},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_SSL_SESSIONID_CACHE, 0},
		{CURLOPT_SSL_ENABLE_ALPN, 0},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	};
	for (size_t i = 0; i < countof(numbers) && !e; i++)
		e = lib->easy_setopt(l->curl, numbers[i].option, numbers[i].value);
	/* the machine's authorities would only cost memory */
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_CAINFO, NULL);
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_CAPATH, NULL);
	return !e && l->identity >= 0 ? set_identity(lib, l) : e;
}

static CURLcode set_transport(const struct libcurl *lib, struct link *l)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIME},
		{CURLOPT_LOW_SPEED_LIMIT, 1},
		{CURLOPT_LOW_SPEED_TIME, SILENT_TIME},
		{CURLOPT_TCP_KEEPALIVE, 1},
		{CURLOPT_TCP_KEEPIDLE, KEEP_IDLE},
		{CURLOPT_TCP_KEEPINTVL, KEEP_BETWEEN},
	};
	CURLcode e = lib->easy_setopt(l->curl, CURLOPT_PROTOCOLS_STR, "https");
	for (size_t i = 0; i < countof(numbers) && !e; i++)
		e = lib->easy_setopt(l->curl, numbers[i].option, numbers[i].value);
	if (!e) /* whatever the environment says */
		e = lib->easy_setopt(l->curl, CURLOPT_PROXY, "");
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_USERAGENT, "cordond/" CORDON_VERSION);
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_HTTPHEADER, l->headers);
	return e;
}

static CURLcode set_ends(const struct libcurl *lib, struct link *l)
{
	CURLcode e = lib->easy_setopt(l->curl, CURLOPT_PRIVATE, l);
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_ERRORBUFFER, l->said);
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_WRITEFUNCTION, take_body);
	return e ? e : lib->easy_setopt(l->curl, CURLOPT_WRITEDATA, l);
}

static struct curl_slist *make_headers(const struct libcurl *lib)
{
	/* no "Expect: 100-continue": it would cost a round trip */
	static const char *const lines[] = {"Content-Type: application/json", "Expect:"};
	struct curl_slist *list = NULL;
	for (size_t i = 0; i < countof(lines); i++) {
		struct curl_slist *longer = lib->slist_append(list, lines[i]);
		if (!longer) {
			lib->slist_free_all(list);
			return NULL;
		}
		list = longer;
	}
	return list;
}

int link_new(const struct place *place, const char *pin, const struct credential *credential,
	struct link **ret, struct err *err)
{
	const struct libcurl *lib = libcurl();
	struct link *l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(err, -ENOMEM, "no memory");
	l->answer.limit = FLEET_ANSWER_MAX;
	(void)snprintf(l->url, sizeof(l->url), "%s", place->url);
	l->identity = credential ? identity_file(credential) : -1;
	l->headers = make_headers(lib);
	l->curl = lib->easy_init();
	CURLcode e = CURLE_OUT_OF_MEMORY;
	if (l->curl && l->headers && (!credential || l->identity >= 0))
		e = set_ends(lib, l);
	if (!e)
		e = set_transport(lib, l);
	if (!e)
		e = set_tls(lib, l, pin);
	int r = e ? -ENOTSUP : place->n > 0 ? link_lead(l, place) : 0;
	if (r < 0) {
		link_free(l);
		return err_set(err, r, "libcurl: %s", lib->easy_strerror(e));
	}
	*ret = l;
	return 0;
}

struct link *link_free(struct link *l)
{
	if (!l)
		return NULL;
	const struct libcurl *lib = libcurl();
	if (l->curl)
		lib->easy_cleanup(l->curl);
	lib->slist_free_all(l->headers);
	lib->slist_free_all(l->addresses);
	closep(&l->identity);
	buf_done(&l->answer);
	free(l);
	return NULL;
}

int link_lead(struct link *l, const struct place *place)
{
	const struct libcurl *lib = libcurl();
	_cleanup_(buf_done) struct buf entry = BUF_NULL;
	if (place->literal)
		return 0;
	buf_printf(&entry, "%s:%u:", place->host, place->port);
	for (unsigned i = 0; i < place->n; i++) {
		char text[ADDR_TEXT_MAX];
		bool v4 = addr_is_v4(&place->list[i]);
		buf_printf(&entry, "%s%s%s%s", i ? "," : "", v4 ? "" : "[",
			addr_format(&place->list[i], text), v4 ? "" : "]");
	}
	struct curl_slist *list = entry.error ? NULL : lib->slist_append(NULL, entry.p);
	if (!list)
		return -ENOMEM;
	lib->slist_free_all(l->addresses);
	l->addresses = list;
	return lib->easy_setopt(l->curl, CURLOPT_RESOLVE, list) ? -ENOMEM : 0;
}

int link_prepare(struct link *l, const char *method, const char *path, struct slice body, long most)
{
	const struct libcurl *lib = libcurl();
	char url[sizeof(l->url) + 128];
	(void)snprintf(url, sizeof(url), "%s%s", l->url, path);
	buf_reset(&l->answer);
	l->said[0] = '\0';
	CURLcode e = lib->easy_setopt(l->curl, CURLOPT_POSTFIELDS, body.p);
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_POSTFIELDSIZE, body.p ? (long)body.n : -1L);
	if (!e && !body.p)
		e = lib->easy_setopt(l->curl, CURLOPT_HTTPGET, 1L);
	/* a method is a name over POST, or over GET when there is no body */
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_CUSTOMREQUEST, method);
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_TIMEOUT_MS, most);
	if (!e)
		e = lib->easy_setopt(l->curl, CURLOPT_URL, url);
	return e ? -ENOMEM : 0;
}

bool link_peer(const struct link *l, struct addr *ret)
{
	char *text = NULL;
	return libcurl()->easy_getinfo(l->curl, CURLINFO_PRIMARY_IP, &text) == CURLE_OK && text &&
	       addr_parse(slice_of(text), ret);
}

unsigned link_status(const struct link *l)
{
	long status = 0;
	(void)libcurl()->easy_getinfo(l->curl, CURLINFO_RESPONSE_CODE, &status);
	return status > 0 ? (unsigned)status : 0;
}

/* What {"error": sentence} says. */
static int explain_answer(const struct link *l, struct err *err)
{
	char sentence[sizeof(err->text)];
	protocol_get_error(buf_as_slice(&l->answer), sentence, sizeof(sentence));
	return err_set(err, -EPROTO, "the server answers %u%s%s", link_status(l),
		sentence[0] ? ": " : "", sentence);
}

int link_explain(const struct link *l, CURLcode result, struct err *err)
{
	if (result == CURLE_OK)
		return explain_answer(l, err);
	if (result == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
		return err_set(err, -EACCES,
			"another server answers there: its key is not the one we were told of");
	return err_set(
		err, -ECONNREFUSED, "%s", l->said[0] ? l->said : libcurl()->easy_strerror(result));
}
