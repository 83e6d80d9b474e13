/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear.h"

#include "fleet/enrolment.h"
#include "fleet/libcurl.h"
#include "fleet/place.h"
#include "fleet/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define UUID "6ba7b810-9dad-41d1-80b4-00c04fd430c8"

struct world {
	struct ear ear;
	char dir[64];
	unsigned status;  /* of the answer */
	const char *body; /* of it, instead of a signed certificate */
	char made[2 * FLEET_PEM_MAX];
	char fingerprint[FINGERPRINT_MAX];
	struct enrol_request asked;
};

/* Signs as the server does. */
static struct ear_answer sign(void *ctx, const struct ear_asked *asked)
{
	struct world *w = ctx;
	struct enrol_answer *a = calloc(1, sizeof(*a));
	struct err err;
	char *certificate = NULL;
	struct buf out = BUF_NULL;
	if (!w->body && protocol_get_enrol_request(slice_of(asked->body), &w->asked, &err) == 0 &&
		credential_sign(&w->ear.credential, w->asked.request, &certificate, w->fingerprint,
			&err) == 0) {
		(void)snprintf(a->certificate, sizeof(a->certificate), "%s", certificate);
		(void)snprintf(a->uuid, sizeof(a->uuid), UUID);
		(void)snprintf(a->name, sizeof(a->name), "web-1");
		protocol_put_enrol_answer(&out, a);
		(void)snprintf(w->made, sizeof(w->made), "%s", out.p);
	}
	buf_done(&out);
	free(certificate);
	free(a);
	return (struct ear_answer){w->status, w->body ? w->body : w->made};
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	ear_setup(&w->ear);
	w->ear.answer = sign;
	w->ear.ctx = w;
	w->status = 200;
	ear_open(&w->ear);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/cordon-enrol-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];
	ear_teardown(&w->ear);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static const struct agent_info me = {
	.version = "1.2", .name = "web", .region = "here", .health = "[]"};

static int enrol(struct world *w, const char *pin, struct enrolment *ret, struct err *err)
{
	char token[FLEET_TOKEN_MAX + PIN_MAX];
	(void)snprintf(token, sizeof(token), "s3cret.%s", pin);
	return enrolment_make(w->dir, w->ear.url, token, &me, ret, err);
}

static void assert_nothing_kept(struct world *w)
{
	struct enrolment e;
	assert_int_equal(enrolment_load(w->dir, &e, NULL), -ENOENT);
}

static void test_enrols(void **state)
{
	struct world *w = *state;
	struct enrolment made = {0}, kept = {0};
	struct err err = {""};
	struct stat st;
	char path[128];
	assert_int_equal(enrol(w, w->ear.pin, &made, &err), 0);
	assert_string_equal(made.uuid, UUID);
	assert_string_equal(made.name, "web-1");
	assert_string_equal(made.url, w->ear.url);
	assert_string_equal(made.pin, w->ear.pin);
	assert_non_null(strstr(made.credential.certificate, "BEGIN CERTIFICATE"));
	/* what the server was told */
	assert_string_equal(w->asked.token, "s3cret");
	assert_string_equal(w->asked.info.name, "web");
	assert_string_equal(w->asked.info.version, "1.2");
	assert_int_equal(ear_count(&w->ear, "POST /fleet/v1/enrol"), 1);
	/* the key stayed here */
	assert_null(strstr(ear_latest(&w->ear, "POST"), "PRIVATE"));
	/* what is on disk */
	assert_int_equal(enrolment_load(w->dir, &kept, &err), 0);
	assert_string_equal(kept.uuid, UUID);
	assert_string_equal(kept.url, made.url);
	assert_string_equal(kept.pin, made.pin);
	assert_string_equal(kept.name, "web-1");
	assert_string_equal(kept.credential.key, made.credential.key);
	assert_string_equal(kept.credential.certificate, made.credential.certificate);
	(void)snprintf(path, sizeof(path), "%s/" ENROLMENT_FILE, w->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	enrolment_done(&made);
	enrolment_done(&kept);
	assert_null(made.credential.key);
}

static void test_is_replaced_and_removed(void **state)
{
	struct world *w = *state;
	struct enrolment e = {.credential = {.key = strdup("k"), .certificate = strdup("c")}};
	struct enrolment kept = {0};
	(void)snprintf(e.url, sizeof(e.url), "https://a:1");
	(void)snprintf(e.pin, sizeof(e.pin), "p");
	(void)snprintf(e.uuid, sizeof(e.uuid), "u");
	(void)snprintf(e.name, sizeof(e.name), "first \"one\"");
	assert_int_equal(enrolment_save(w->dir, &e, NULL), 0);
	(void)snprintf(e.name, sizeof(e.name), "second");
	assert_int_equal(enrolment_save(w->dir, &e, NULL), 0);
	assert_int_equal(enrolment_load(w->dir, &kept, NULL), 0);
	assert_string_equal(kept.name, "second");
	assert_int_equal(enrolment_remove(w->dir), 0);
	assert_int_equal(enrolment_remove(w->dir), -ENOENT);
	assert_nothing_kept(w);
	enrolment_done(&e);
	enrolment_done(&kept);
}

static void write_file(struct world *w, const char *text)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/" ENROLMENT_FILE, w->dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static void test_broken_file_is_refused(void **state)
{
	struct world *w = *state;
	static const char *const broken[] = {"", "{", "[]", "{}", "{\"url\":1}",
		"{\"url\":\"https://"
		"a:1\",\"pin\":\"p\",\"uuid\":\"u\",\"name\":\"n\",\"key\":\"k\"}",
		"{\"url\":\"https://a:1\",\"pin\":\"\",\"uuid\":\"u\",\"name\":\"n\",\"key\":\"k\","
		"\"certificate\":\"c\"}",
		"{\"url\":\"https://"
		"a:1\",\"pin\":\"p\",\"uuid\":\"uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
		"uuuuuuuuuuuuu\",\"name\":\"n\",\"key\":\"k\",\"certificate\":\"c\"}"};
	for (size_t i = 0; i < countof(broken); i++) {
		struct enrolment e = {.uuid = "untouched"};
		struct err err = {""};
		write_file(w, broken[i]);
		assert_int_equal(enrolment_load(w->dir, &e, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "not an enrolment"));
		assert_string_equal(e.uuid, "untouched");
	}
}

/* Whoever else listens there learns neither the token nor who we are. */
static void test_another_server_hears_nothing(void **state)
{
	struct world *w = *state;
	struct enrolment e = {0};
	struct err err = {""};
	char pin[PIN_MAX];
	(void)snprintf(pin, sizeof(pin), "%s", w->ear.pin);
	pin[0] = pin[0] == 'A' ? 'B' : 'A';
	assert_int_equal(enrol(w, pin, &e, &err), -EACCES);
	assert_non_null(strstr(err.text, "another server"));
	assert_int_equal(ear_count(&w->ear, ""), 0);
	assert_nothing_kept(w);
}

static void test_refusals_are_said(void **state)
{
	struct world *w = *state;
	static const struct {
		unsigned status;
		const char *body;
		int result;
		const char *said;
	} cases[] = {
		{401, "{\"error\":\"no such token\"}", -EACCES, "does not take this token"},
		{403, "{\"error\":\"no such token\"}", -EACCES, "does not take this token"},
		{503, "{\"error\":\"the disk is full\"}", -EAGAIN, "503: the disk is full"},
		{503, "{\"error\":\"one\\nline\"}", -EAGAIN, "503: one?line"},
		{500, "oops", -EPROTO, "500"},
		{500, "", -EPROTO, "500"},
		{200, "{\"certificate\":\"x\"}", -EBADMSG, ""},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct enrolment e = {0};
		struct err err = {""};
		w->status = cases[i].status;
		w->body = cases[i].body;
		assert_int_equal(enrol(w, w->ear.pin, &e, &err), cases[i].result);
		assert_non_null(strstr(err.text, cases[i].said));
		assert_nothing_kept(w);
	}
}

static void test_nobody_there(void **state)
{
	struct world *w = *state;
	struct enrolment e = {0};
	struct err err = {""};
	ear_close(&w->ear);
	assert_int_equal(enrol(w, w->ear.pin, &e, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, w->ear.url));
	assert_nothing_kept(w);
}

static void test_tokens(void **state)
{
	struct world *w = *state;
	static const char *const wrong[] = {"", ".", "secret", "secret.", ".pin",
		"sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss.pin",
		"s.ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"};
	for (size_t i = 0; i < countof(wrong); i++) {
		struct enrolment e = {0};
		struct err err = {""};
		assert_int_equal(
			enrolment_make(w->dir, w->ear.url, wrong[i], &me, &e, &err), -EINVAL);
		assert_non_null(strstr(err.text, "hosts invite"));
	}
	assert_int_equal(ear_count(&w->ear, ""), 0);
}

/* The token must not be spent where the answer cannot be kept. */
static void test_directory_comes_first(void **state)
{
	struct world *w = *state;
	struct enrolment e = {0};
	struct err err = {""};
	char token[FLEET_TOKEN_MAX + PIN_MAX];
	(void)snprintf(token, sizeof(token), "s3cret.%s", w->ear.pin);
	assert_int_equal(enrolment_make("/nonexistent", w->ear.url, token, &me, &e, &err), -ENOENT);
	assert_int_equal(ear_count(&w->ear, ""), 0);
}

static void test_places(void **state)
{
	(void)state;
	static const struct {
		const char *text, *url, *host;
		unsigned port;
		bool literal;
	} good[] = {
		{"https://cordon.example.net:1234", "https://cordon.example.net:1234",
			"cordon.example.net", 1234, false},
		{"https://cordon.example.net/", "https://cordon.example.net:8732",
			"cordon.example.net", 8732, false},
		{"cordon", "https://cordon:8732", "cordon", 8732, false},
		{"192.0.2.1", "https://192.0.2.1:8732", "192.0.2.1", 8732, true},
		{"https://[2001:db8::1]:99", "https://[2001:db8::1]:99", "2001:db8::1", 99, true},
		{"[2001:db8::1]", "https://[2001:db8::1]:8732", "2001:db8::1", 8732, true},
	};
	static const char *const bad[] = {"", "https://", "http://a", "https://a/b", "a:", "a:0",
		"a:65536", "a b", "user@a", "2001:db8::1", "[a]", "[192.0.2.1]:1", "a:1:2", "-a",
		"ftp://a:1", "a?b", "[::1", "::1]"};
	for (size_t i = 0; i < countof(good); i++) {
		struct place p;
		assert_int_equal(place_parse(good[i].text, &p, NULL), 0);
		assert_string_equal(p.url, good[i].url);
		assert_string_equal(p.host, good[i].host);
		assert_int_equal(p.port, good[i].port);
		assert_int_equal(p.literal, good[i].literal);
		assert_int_equal(p.n, good[i].literal);
	}
	for (size_t i = 0; i < countof(bad); i++) {
		struct place p;
		struct err err = {""};
		assert_int_equal(place_parse(bad[i], &p, &err), -EINVAL);
	}
}

static void test_names_are_looked_up(void **state)
{
	(void)state;
	struct place p;
	struct addr loopback = addr_from_v4(0x7f000001);
	struct err err = {""};
	assert_int_equal(place_parse("localhost:1", &p, NULL), 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(place_resolve(&p, &err), 0);
	bool found = false;
	for (unsigned i = 0; i < p.n; i++)
		found = found || addr_eq(&p.list[i], &loopback);
	assert_true(found);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	struct err err;
	if (libcurl_load(&err) < 0) {
		(void)printf("1..0 # SKIP %s\n", err.text);
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_enrols, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_replaced_and_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_file_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_server_hears_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals_are_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_comes_first, setup, teardown),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_names_are_looked_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
