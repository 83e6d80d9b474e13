/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A simulated fleet against one real server: agents that enrol, hold their question for
 * wishes open, acknowledge custom blocks and report attempts, all from one thread.
 *
 *   bench_fleet URL TOKENS API_PORT KEY_ID SECRET AGENTS SECONDS ATTEMPTS_A_SECOND BLOCKS
 *
 * TOKENS: a file with one invitation's token a line. While the load of attempts runs (each agent
 * reports every 2 s), BLOCKS custom blocks for all agents are created through the API, one after
 * the other. Printed: how long from the call to the wish at each agent, and to all acknowledgements
 * taken; attempts a second that the server has stored. BLOCKS 0 and ATTEMPTS 0: a flood of full
 * reports from every agent, as fast as the server takes them.
 */
#include "api/http/encode.h"
#include "api/sign.h"
#include "base/clock.h"
#include "fleet/enrolment.h"
#include "fleet/libcurl.h"
#include "fleet/protocol.h"

#include <curl/curl.h>
#include <sodium.h>

#define AGENTS_MAX   2000
#define FLOOD_ROWS   2048
#define REPORT_EVERY 2000 /* ms */

struct talk {
	struct simulated *agent;
	CURL *curl;
	struct curl_slist *headers;
	struct buf answer, body;
	bool busy;
};

struct simulated {
	char url[300], pin[PIN_MAX + 16], pem[64];
	struct credential credential;
	struct talk wishes, reports;
	int64_t version, number, due; /* due: ms, mono: its next report of attempts */
	size_t owes;                  /* attempts of the report under way */
	struct report ack;            /* acknowledgements to send */
};

static struct {
	CURLM *multi;
	struct simulated *agents;
	unsigned n;
	char *uuids; /* comma-separated */
	const char *key_id, *secret;
	unsigned api_port;
	int64_t attempts_a_second, sent, stored, posts;
	bool flood;
	char dir[32]; /* enrolments are saved one over the other */
	/* the custom block under way */
	int64_t asked;
	int64_t *arrived;
	unsigned arrivals, acknowledged;
} bench;

static int64_t micros(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_fleet: %s\n", what);
	exit(1);
}

static size_t take_answer(char *p, size_t size, size_t n, void *ctx)
{
	buf_add(ctx, p, size * n);
	return size * n;
}

static CURL *dial(const struct simulated *a, bool with_certificate)
{
	CURL *c = curl_easy_init();
	if (!c)
		die("no memory");
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	(void)curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, a->pin);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer);
	if (with_certificate) {
		/* by file: libcurl on GnuTLS takes no key from memory */
		(void)curl_easy_setopt(c, CURLOPT_SSLKEY, a->pem);
		(void)curl_easy_setopt(c, CURLOPT_SSLCERT, a->pem);
	}
	return c;
}

static void save(struct simulated *a, unsigned i)
{
	(void)snprintf(a->pem, sizeof(a->pem), "%s/%u.pem", bench.dir, i);
	_cleanup_(fclosep) FILE *f = fopen(a->pem, "we");
	if (!f || fprintf(f, "%s%s", a->credential.certificate, a->credential.key) < 0)
		die("cannot save a key");
}

static void enrol(struct simulated *a, unsigned i, const char *url, char *token)
{
	struct err err = {""};
	struct enrolment e = {0};
	struct agent_info info = {.version = "bench", .enforces = true, .health = "[]"};
	(void)snprintf(info.name, sizeof(info.name), "simulated-%u", i);
	(void)snprintf(info.instance_id, sizeof(info.instance_id), "i-%020u", i);
	(void)snprintf(info.intranet_ip, sizeof(info.intranet_ip), "10.%u.%u.%u", i >> 16,
		i >> 8 & 255, i & 255);
	token[strcspn(token, "\n")] = '\0';
	if (enrolment_make(bench.dir, url, token, &info, &e, &err) < 0)
		die(err.text);
	(void)snprintf(a->url, sizeof(a->url), "%s", url);
	(void)snprintf(a->pin, sizeof(a->pin), "sha256//%s", e.pin);
	a->credential = e.credential;
	save(a, i);
	char *more = NULL;
	if (asprintf(&more, "%s%s%s", bench.uuids ? bench.uuids : "", bench.uuids ? "," : "",
		    e.uuid) < 0)
		die("no memory");
	free(bench.uuids);
	bench.uuids = more;
}

static void start(struct talk *t)
{
	buf_reset(&t->answer);
	t->busy = true;
	if (curl_multi_add_handle(bench.multi, t->curl) != CURLM_OK)
		die("curl_multi_add_handle");
}

static void ask_wishes(struct simulated *a)
{
	char url[400];
	(void)snprintf(
		url, sizeof(url), "%s/fleet/v1/wishes?after=%lld", a->url, (long long)a->version);
	(void)curl_easy_setopt(a->wishes.curl, CURLOPT_URL, url);
	start(&a->wishes);
}

static void post(struct simulated *a, const struct report *report)
{
	struct talk *t = &a->reports;
	buf_reset(&t->body);
	protocol_put_report(&t->body, report);
	(void)curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, t->body.p);
	(void)curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE, (long)t->body.n);
	a->owes = 0;
	for (size_t i = 0; i < report->attempt_count; i++)
		a->owes += (size_t)report->attempts[i].n;
	bench.sent += (int64_t)a->owes;
	bench.posts++;
	start(t);
}

/* What an agent has to say now; false: nothing. */
static bool next_report(struct simulated *a)
{
	static struct report_attempt rows[FLOOD_ROWS];
	struct report r = {.number = a->number, .seen = a->version};
	int64_t now = clock_mono();
	if (a->ack.block_count > 0) {
		r.blocks = a->ack.blocks;
		r.block_count = a->ack.block_count;
	} else if (bench.flood || (bench.attempts_a_second > 0 && now >= a->due)) {
		int64_t due = bench.attempts_a_second * REPORT_EVERY / 1000 / bench.n;
		r.attempt_count = bench.flood ? FLOOD_ROWS : (size_t)(due < 1 ? 1 : due);
		a->due = now + REPORT_EVERY;
		for (size_t i = 0; i < r.attempt_count; i++) {
			rows[i] = (struct report_attempt){
				.minute = clock_now() / MS_MINUTE * MS_MINUTE,
				.service = SERVICE_SSH,
				.n = 1};
			uint32_t ip = 0x0b000000u + randombytes_uniform(1u << 20);
			struct addr source = addr_from_v4(ip);
			rows[i].source = prefix_of(&source, 128);
		}
		r.attempts = rows;
	} else {
		return false;
	}
	post(a, &r);
	return true;
}

static void acknowledge(struct simulated *a, const struct wishes *w)
{
	size_t n = a->ack.block_count;
	struct block *more = reallocarray(a->ack.blocks, n + w->block_count + 1, sizeof(*more));
	if (!more)
		die("no memory");
	a->ack.blocks = more;
	for (size_t i = 0; i < w->block_count; i++) {
		const struct wish *wish = &w->blocks[i];
		int64_t now = clock_now();
		more[n++] = (struct block){.target = wish->target,
			.trigger = wish->trigger,
			.direction = wish->direction,
			.service = wish->service,
			.port = wish->port,
			.source = wish->source,
			.state = wish->lift ? BLOCK_CANCELED : BLOCK_APPLIED,
			.applied_once = true,
			.created = now,
			.first_attempt = now,
			.latest_attempt = now,
			.changed = now,
			.lives = 1,
			.expires = wish->expires};
		memcpy(more[n - 1].rule_name, wish->rule_name, sizeof(more[n - 1].rule_name));
		if (bench.asked && !wish->lift && bench.arrivals < bench.n)
			bench.arrived[bench.arrivals++] = micros() - bench.asked;
	}
	a->ack.block_count = n;
}

static void on_wishes(struct simulated *a, long status)
{
	struct wishes w = {0};
	struct err err = {""};
	if (status == 200) {
		if (protocol_get_wishes(buf_as_slice(&a->wishes.answer), &w, &err) < 0)
			die(err.text);
		acknowledge(a, &w);
		a->version = w.version;
		wishes_done(&w);
	} else if (status != 204) {
		(void)fprintf(stderr, "%s\n", a->wishes.answer.p ? a->wishes.answer.p : "");
		die("a question for wishes was refused");
	}
	ask_wishes(a);
}

static void on_report(struct simulated *a, long status)
{
	if (status != 200) {
		(void)fprintf(stderr, "%s\n", a->reports.answer.p ? a->reports.answer.p : "");
		die("a report was refused");
	}
	a->number++;
	bench.stored += (int64_t)a->owes;
	if (a->owes == 0) {
		bench.acknowledged += bench.asked != 0;
		a->ack.block_count = 0;
	}
}

static void on_done(CURL *curl)
{
	struct talk *t = NULL;
	long status = 0;
	(void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&t);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_multi_remove_handle(bench.multi, curl);
	t->busy = false;
	if (t == &t->agent->wishes)
		on_wishes(t->agent, status);
	else
		on_report(t->agent, status);
}

static void run_for(int64_t ms, unsigned acknowledged)
{
	int64_t until = clock_mono() + ms;
	while (clock_mono() < until && (acknowledged == 0 || bench.acknowledged < acknowledged)) {
		int running, left;
		for (unsigned i = 0; i < bench.n; i++)
			if (!bench.agents[i].reports.busy)
				(void)next_report(&bench.agents[i]);
		(void)curl_multi_perform(bench.multi, &running);
		for (CURLMsg *m; (m = curl_multi_info_read(bench.multi, &left));) {
			if (m->data.result != CURLE_OK)
				die(curl_easy_strerror(m->data.result));
			on_done(m->easy_handle);
		}
		(void)curl_multi_poll(bench.multi, NULL, 0, 5, NULL);
	}
}

static void talk_new(struct talk *t, struct simulated *a)
{
	*t = (struct talk){.agent = a, .curl = dial(a, true)};
	t->body.limit = FLEET_BODY_MAX;
	t->answer.limit = FLEET_ANSWER_MAX;
	(void)curl_easy_setopt(t->curl, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, &t->answer);
}

static void connect_all(void)
{
	for (unsigned i = 0; i < bench.n; i++) {
		struct simulated *a = &bench.agents[i];
		char url[400];
		talk_new(&a->wishes, a);
		talk_new(&a->reports, a);
		(void)snprintf(url, sizeof(url), "%s/fleet/v1/reports", a->url);
		(void)curl_easy_setopt(a->reports.curl, CURLOPT_URL, url);
		a->reports.headers = curl_slist_append(NULL, "Content-Type: application/json");
		a->reports.headers = curl_slist_append(a->reports.headers, "Expect:");
		(void)curl_easy_setopt(a->reports.curl, CURLOPT_HTTPHEADER, a->reports.headers);
		a->number = 1;
		ask_wishes(a);
		if (i % 20 == 19)
			run_for(50, 0); /* not all handshakes at once */
	}
}

/* CreateCustomBlockRecord by V1 with a form, as the vendor's clients send it. */
static void put_call(struct buf *body, const char *address, const char *uuids)
{
	struct form f = FORM_NULL;
	_cleanup_(buf_done) struct buf query = BUF_NULL, text = BUF_NULL, list = BUF_NULL;
	char stamp[CLOCK_TEXT_MAX], key[128], signature[SIGN_BASE64_MAX];
	encode_percent(&list, slice_of(uuids));
	buf_printf(&query,
		"AccessKeyId=%s&Action=CreateCustomBlockRecord&BlockIp=%s&Bound=in&ExpireTime=%lld&"
		"Format=JSON&SignatureMethod=HMAC-SHA1&SignatureNonce=%08x%08x&SignatureVersion=1."
		"0&"
		"Timestamp=%.19sZ&Uuids=%s&Version=2018-12-03",
		bench.key_id, address, (long long)clock_now() + 3600000, randombytes_random(),
		randombytes_random(), clock_format(clock_now(), stamp), list.p);
	if (form_decode(&f, buf_as_slice(&query)) < 0)
		die("form");
	buf_reset(&query);
	sign_query(&query, &f, NULL);
	form_done(&f);
	buf_puts(&text, "POST&%2F&");
	encode_percent(&text, buf_as_slice(&query));
	(void)snprintf(key, sizeof(key), "%s&", bench.secret);
	sign_hmac_sha1_base64(slice_of(key), buf_as_slice(&text), signature);
	buf_printf(body, "%s&Signature=", query.p);
	encode_percent(body, slice_of(signature));
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Creates one and follows it until every agent's acknowledgement is taken. */
static void one_block(unsigned i, int64_t *ret_all)
{
	_cleanup_(buf_done) struct buf body = BUF_NULL, answer = BUF_NULL;
	char address[48], url[64];
	(void)snprintf(address, sizeof(address), "198.18.%u.%u", i >> 8 & 255, i & 255);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", bench.api_port);
	put_call(&body, address, bench.uuids);
	CURL *c = curl_easy_init();
	if (!c)
		die("no memory");
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.p);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)body.n);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer);
	bench.arrivals = bench.acknowledged = 0;
	bench.asked = micros();
	if (curl_easy_perform(c) != CURLE_OK || !strstr(answer.p ? answer.p : "", "RequestId") ||
		strstr(answer.p, "\"Code\""))
		die(answer.p ? answer.p : "the API does not answer");
	curl_easy_cleanup(c);
	run_for(30000, bench.n);
	if (bench.acknowledged < bench.n)
		die("not every agent acknowledged within 30 s");
	*ret_all = micros() - bench.asked;
	bench.asked = 0;
}

static void many_blocks(unsigned blocks)
{
	int64_t *wish = calloc((size_t)blocks * bench.n, sizeof(*wish)),
		*all = calloc(blocks, sizeof(*all));
	if (!wish || !all)
		die("no memory");
	size_t n = 0;
	for (unsigned i = 0; i < blocks; i++) {
		one_block(i, &all[i]);
		for (unsigned k = 0; k < bench.arrivals; k++)
			wish[n++] = bench.arrived[k];
		run_for(200, 0);
	}
	qsort(wish, n, sizeof(*wish), compare);
	qsort(all, blocks, sizeof(*all), compare);
	(void)printf("custom blocks %u on %u agents: call to wish at an agent: median %.1f ms, p99 "
		     "%.1f ms, "
		     "worst %.1f ms; call to all acknowledged: median %.1f ms, worst %.1f ms\n",
		blocks, bench.n, (double)wish[n / 2] / 1e3, (double)wish[n * 99 / 100] / 1e3,
		(double)wish[n - 1] / 1e3, (double)all[blocks / 2] / 1e3,
		(double)all[blocks - 1] / 1e3);
	free(wish);
	free(all);
}

static void enrol_all(const char *url, const char *tokens)
{
	_cleanup_(fclosep) FILE *f = fopen(tokens, "re");
	char token[256];
	int64_t began = micros();
	for (unsigned i = 0; i < bench.n; i++) {
		if (!f || !fgets(token, sizeof(token), f))
			die("not enough tokens");
		enrol(&bench.agents[i], i, url, token);
	}
	(void)printf("enrolled %u agents in %.1f s\n", bench.n, (double)(micros() - began) / 1e6);
}

int main(int argc, char **argv)
{
	struct err err;
	if (argc != 10 || sodium_init() < 0 || libcurl_load(&err) < 0) {
		(void)fprintf(stderr,
			"usage: bench_fleet URL TOKENS API_PORT KEY_ID SECRET AGENTS SECONDS "
			"ATTEMPTS_A_SECOND BLOCKS\n");
		return 2;
	}
	(void)snprintf(bench.dir, sizeof(bench.dir), "/tmp/bench_fleet.XXXXXX");
	if (!mkdtemp(bench.dir))
		die("mkdtemp");
	bench.multi = curl_multi_init();
	bench.api_port = (unsigned)strtoul(argv[3], NULL, 10);
	bench.key_id = argv[4];
	bench.secret = argv[5];
	bench.n = (unsigned)strtoul(argv[6], NULL, 10);
	int64_t seconds = strtoll(argv[7], NULL, 10), attempts = strtoll(argv[8], NULL, 10);
	unsigned blocks = (unsigned)strtoul(argv[9], NULL, 10);
	bench.agents = calloc(AGENTS_MAX, sizeof(*bench.agents));
	bench.arrived = calloc(AGENTS_MAX, sizeof(*bench.arrived));
	if (bench.n < 1 || bench.n > AGENTS_MAX || !bench.agents || !bench.arrived || !bench.multi)
		return 2;
	enrol_all(argv[1], argv[2]);
	(void)enrolment_remove(bench.dir);
	connect_all();
	run_for(3000, 0);
	(void)printf("%u agents are held\n", bench.n);
	(void)fflush(stdout);
	bench.flood = attempts == 0 && blocks == 0;
	bench.attempts_a_second = attempts;
	/* their second connections, not all at once */
	for (unsigned i = 0; i < bench.n; i++)
		bench.agents[i].due = clock_mono() + (int64_t)i * 20;
	run_for(bench.flood ? 0 : (int64_t)bench.n * 20 + REPORT_EVERY, 0);
	int64_t began = micros(), before = bench.stored;
	run_for(seconds * 1000, 0);
	double took = (double)(micros() - began) / 1e6;
	(void)printf("attempts stored: %lld in %.1f s, %.0f a second, %lld reports\n",
		(long long)(bench.stored - before), took, (double)(bench.stored - before) / took,
		(long long)bench.posts);
	if (blocks)
		many_blocks(blocks);
	bench.flood = false;
	bench.attempts_a_second = 0;
	run_for(6000, 0);
	(void)printf("attempts sent %lld, stored %lld\n", (long long)bench.sent,
		(long long)bench.stored);
	for (unsigned i = 0; i < bench.n; i++)
		(void)unlink(bench.agents[i].pem);
	(void)rmdir(bench.dir);
	return bench.sent != bench.stored ? 1 : 0;
}
