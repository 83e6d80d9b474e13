/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that the vendors' SDKs signed (tests/cases/vectors): we build the
 * same text to sign, accept them, and refuse each with one character changed.
 */
#include "api/call.h"
#include "api/sign.h"
#include "api/vendor/aliyun/aliyun.h"
#include "api/vendor/huawei/huawei.h"
#include "ask.h"

#include <ctype.h>
#include <dirent.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FILE_MAX 16384
#define VECTORS  13
#define TOKEN    "STS/token+with=chars=="

struct vector {
	char name[128], text[FILE_MAX];
	char *request, *body, *canonical, *to_sign, *signature; /* parts of text */
};

/* Cuts the part that begins with "== name\n" off; the next "\n== " ends it. */
static char *part(char *text, const char *name)
{
	char mark[64];
	(void)snprintf(mark, sizeof(mark), "== %s\n", name);
	char *p = strstr(text, mark);
	assert_non_null(p);
	return p + strlen(mark);
}

static void cut_parts(struct vector *v)
{
	v->request = part(v->text, "request");
	v->body = part(v->text, "body");
	v->canonical = part(v->text, "canonical");
	v->to_sign = part(v->text, "text to sign");
	v->signature = part(v->text, "signature");
	char *parts[] = {v->body, v->canonical, v->to_sign, v->signature};
	for (size_t i = 0; i < countof(parts); i++) {
		char *mark = parts[i];
		do
			mark--;
		while (strncmp(mark, "\n== ", 4) != 0);
		*mark = '\0';
	}
	v->signature[strcspn(v->signature, "\n")] = '\0';
}

static void load(struct vector *v, const char *name)
{
	char path[512];
	(void)snprintf(v->name, sizeof(v->name), "%s", name);
	(void)snprintf(path, sizeof(path), "%s/%s", CASES, name);
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(v->text, 1, sizeof(v->text) - 1, f);
	v->text[n] = '\0';
	cut_parts(v);
}

/* The request of the file, ready to be sent. */
static void build(struct ask *a, const struct vector *v)
{
	char copy[FILE_MAX], *rest = NULL;
	(void)snprintf(copy, sizeof(copy), "%s", v->request);
	char *line = strtok_r(copy, "\n", &rest);
	char *space = strchr(line, ' ');
	assert_non_null(space);
	*space = '\0';
	ask_init(a, line, space + 1);
	while ((line = strtok_r(NULL, "\n", &rest)) != NULL) {
		char *colon = strstr(line, ": ");
		assert_non_null(colon);
		*colon = '\0';
		ask_header(a, line, colon + 2);
	}
	a->request.body = slice_of(v->body);
}

static bool is_huawei(const struct vector *v)
{
	return strstr(v->name, "huawei") != NULL;
}

/* What the dialect would sign, from the request as it is. */
static void canonical_of(const struct vector *v, const struct ask *a, struct buf *out)
{
	struct call c = {.request = &a->request};
	struct slice authorization = http_header(&a->request, "authorization");
	struct slice headers = sign_attribute(authorization, SLICE("SignedHeaders"));
	assert_int_equal(form_decode(&c.form, a->request.query), 0);
	if (is_huawei(v)) {
		assert_true(huawei_canonical(&c, headers, out));
	} else if (aliyun_is_v3(&c)) {
		assert_true(aliyun_canonical_v3(&c, headers, out));
	} else {
		assert_int_equal(form_decode(&c.form, a->request.body), 0);
		sign_query(out, &c.form, "Signature");
		_cleanup_(buf_done) struct buf text = BUF_NULL;
		aliyun_text_v1(&c, &text);
		assert_string_equal(text.p, v->to_sign);
	}
	form_done(&c.form);
}

struct world {
	struct core core;
	struct api *api;
};

static void world_init(struct world *w, const struct vector *v)
{
	fake_core_init(&w->core);
	w->core.now = ASK_NOW;
	struct access_key *k = &w->core.keys[1];
	assert_string_equal(k->id, ASK_KEY);
	if (strstr(v->name, "-sts."))
		(void)snprintf(k->security_token, sizeof(k->security_token), "%s", TOKEN);
	struct host *h = fake_core_host(&w->core, "h-1", "web 01");
	(void)fake_core_block(&w->core, h, "203.0.113.77", SERVICE_SSH, BLOCK_APPLIED);
	(void)fake_core_host(&w->core, "u-1", "one of the rule's");
	(void)fake_core_host(&w->core, "u-2", "another of them");
	assert_int_equal(api_new(&w->core, &w->api, NULL), 0);
}

static void world_done(struct world *w)
{
	w->api = api_free(w->api);
	assert_int_equal(w->core.readers, 0);
	fake_core_done(&w->core);
}

/* The caller was believed: what came then may be that we have no such operation. */
static bool believed(const struct vector *v, const struct ask *a)
{
	const char *code = ask_text(a, "Code");
	if (is_huawei(v))
		return a->response.status == 200;
	return a->response.status == 200 || strcmp(code, "InvalidAction.NotFound") == 0 ||
	       strcmp(code, "InvalidVersion") == 0;
}

static void accepts(void **state)
{
	const struct vector *v = *state;
	struct world w;
	struct ask a;
	_cleanup_(buf_done) struct buf canonical = BUF_NULL;
	world_init(&w, v);
	build(&a, v);
	canonical_of(v, &a, &canonical);
	assert_string_equal(canonical.p, v->canonical);
	ask_send(&a, w.api);
	assert_true(believed(v, &a));
	ask_done(&a);
	world_done(&w);
}

static char other(char c)
{
	if (isdigit((unsigned char)c))
		return c == '1' ? '2' : '1';
	return c == 'q' ? 'r' : 'q'; /* never the same hex digit in another case */
}

/* Sends the vector with the character at p changed, and puts it back. */
static bool believed_with_change(const struct vector *v, const char *p)
{
	struct world w;
	struct ask a;
	char *place = (char *)(intptr_t)p;
	char c = *place;
	world_init(&w, v);
	*place = other(c);
	build(&a, v);
	ask_send(&a, w.api);
	bool result = believed(v, &a);
	*place = c;
	ask_done(&a);
	world_done(&w);
	return result;
}

/* Headers that no signature covers: the SDK may write into them what it likes. */
static bool is_unsigned_header(const struct vector *v, const char *line)
{
	static const char *const always[] = {"Transfer-Encoding:", "x-acs-credentials-provider:"};
	bool v1 = strstr(v->name, "v1") != NULL;
	for (size_t i = 0; i < countof(always); i++)
		if (strncmp(line, always[i], strlen(always[i])) == 0)
			return i == 0 || v1;
	return v1 && strchr(line, ':') && !strstr(line, " /") &&
	       strncasecmp(line, "content-type", strlen("content-type")) != 0;
}

static unsigned refuse_all(const struct vector *v, char *text, bool headers)
{
	unsigned tried = 0;
	const char *line = text;
	for (char *p = text; *p; p++) {
		if (*p == '\n')
			line = p + 1;
		if (!isalnum((unsigned char)*p) || (headers && is_unsigned_header(v, line)))
			continue;
		tried++;
		if (believed_with_change(v, p))
			fail_msg("%s: accepted with a change at: %.40s", v->name, p);
	}
	return tried;
}

static void refuses(void **state)
{
	struct vector *v = *state;
	assert_true(refuse_all(v, v->request, true) + refuse_all(v, v->body, false) > 100);
}

/* A minute too old, a minute too early. */
static void expires(void **state)
{
	const struct vector *v = *state;
	static const int64_t off[] = {-16 * 60000, 16 * 60000};
	static const int64_t within[] = {-14 * 60000, 14 * 60000};
	for (size_t i = 0; i < countof(off); i++) {
		struct world w;
		struct ask a;
		world_init(&w, v);
		build(&a, v);
		a.request.time += off[i];
		ask_send(&a, w.api);
		assert_false(believed(v, &a));
		ask_done(&a);
		build(&a, v);
		a.request.time += within[i];
		ask_send(&a, w.api);
		assert_true(believed(v, &a));
		ask_done(&a);
		world_done(&w);
	}
}

/* The second time it is a replay; Huawei's scheme has no nonce. */
static void replays(void **state)
{
	const struct vector *v = *state;
	struct world w;
	struct ask a;
	world_init(&w, v);
	for (int i = 0; i < 2; i++) {
		build(&a, v);
		ask_send(&a, w.api);
		if (i == 1 && !is_huawei(v))
			assert_string_equal(ask_text(&a, "Code"), "SignatureNonceUsed");
		else
			assert_true(believed(v, &a));
		ask_done(&a);
	}
	world_done(&w);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_case(const struct dirent *d)
{
	return isdigit((unsigned char)d->d_name[0]);
}

int main(void)
{
	static const struct {
		const char *what;
		CMUnitTestFunction run;
	} kinds[] = {{"is accepted", accepts}, {"is refused with any change", refuses},
		{"expires", expires}, {"cannot be replayed", replays}};
	static struct vector vectors[VECTORS];
	static struct CMUnitTest tests[VECTORS * countof(kinds)];
	static char names[VECTORS * countof(kinds)][192];
	struct dirent **list;
	int n = scandir(CASES, &list, is_case, by_name);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (n != VECTORS)
		return 1;
	for (int i = 0; i < n; i++) {
		load(&vectors[i], list[i]->d_name);
		free(list[i]);
		for (size_t k = 0; k < countof(kinds); k++) {
			size_t t = (size_t)i * countof(kinds) + k;
			(void)snprintf(names[t], sizeof(names[t]), "%.100s %s", vectors[i].name,
				kinds[k].what);
			tests[t] = (struct CMUnitTest){
				names[t], kinds[k].run, NULL, NULL, &vectors[i]};
		}
	}
	free(list);
	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
