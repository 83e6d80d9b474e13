/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon explain: what each line means to Cordon, in order. Earlier lines count,
 * as they do in the daemon; nothing is merged, nobody is excepted.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/util.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "sensor/reader.h"

#include <errno.h>

#define SESSIONS     65536
#define SESSION_IDLE (10 * MS_MINUTE)

static const char help[] =
	"Usage: cordon explain [--json] [--tz ZONE] [--now TIME] [FILE...]\n"
	"Says of every line what Cordon reads in it. '-' or no FILE is standard input.\n"
	"\n"
	"  --json       one JSON object a line: line, match, service, outcome, src_ip, user, time\n"
	"  --tz ZONE    time zone of stamps that name none (default: this machine's)\n"
	"  --now TIME   stamps without a year are before it: RFC 3339 or seconds since 1970\n"
	"  --help       this text\n"
	"\n"
	"match is true for a failed login that counts. Exit status: 0, 1 when a FILE could\n"
	"not be read, 2 when called wrongly.\n";

struct explain {
	struct options options;
	struct reader reader;
	struct buf out;
	int64_t line;
};

/* What was learnt of one line. */
struct meaning {
	bool event; /* e is valid */
	struct event e;
	enum service service;
	int64_t time;
	const char *why_not; /* no service: why it belongs to none */
};

static void write_json(struct buf *out, int64_t line, const struct meaning *m)
{
	static const char *const outcomes[] = {"none", "failure", "success"};
	char address[ADDR_TEXT_MAX], time[CLOCK_TEXT_MAX];
	struct json j;
	json_start(&j, out);
	json_begin_object(&j);
	json_field_int(&j, "line", line);
	json_field_bool(&j, "match", m->event && m->e.outcome == OUTCOME_FAILURE);
	json_field(&j, "service", m->service ? service_name(m->service) : NULL);
	json_field(&j, "outcome", outcomes[m->event ? m->e.outcome : OUTCOME_NONE]);
	json_field(&j, "src_ip", m->event && m->e.has_src ? addr_format(&m->e.src, address) : NULL);
	if (m->event && m->e.has_user)
		json_field_slice(&j, "user", m->e.user);
	else
		json_field_null(&j, "user");
	json_field(&j, "time", m->time != EVENT_NO_TIME ? clock_format(m->time, time) : NULL);
	json_end_object(&j);
	buf_addc(out, '\n');
}

/* Foreign bytes for a terminal: nothing in them may move the cursor. */
static void write_plain(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0))
			buf_printf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
	}
}

static void write_text(struct buf *out, int64_t line, const struct meaning *m)
{
	char address[ADDR_TEXT_MAX], time[CLOCK_TEXT_MAX];
	buf_printf(out, "%6lld  %-24s  ", (long long)line,
		m->time != EVENT_NO_TIME ? clock_format(m->time, time) : "-");
	if (!m->event) {
		buf_printf(
			out, "%s\n", m->service ? "no login failed or succeeded here" : m->why_not);
		return;
	}
	bool failure = m->e.outcome == OUTCOME_FAILURE;
	buf_printf(out, "%s: login %s", service_name(m->service), failure ? "FAILED" : "succeeded");
	if (m->e.repeat > 1)
		buf_printf(out, " %u times", m->e.repeat);
	if (m->e.has_user) {
		buf_puts(out, ", user \"");
		write_plain(out, m->e.user);
		buf_puts(out, "\"");
	}
	if (m->e.has_src)
		buf_printf(out, ", from %s", addr_format(&m->e.src, address));
	else if (failure)
		buf_puts(out, ", from no literal address: counted, never blocked");
	if (m->e.has_src && m->e.forgeable)
		buf_puts(out, ", if the kernel saw it connect: a client can write such a line");
	buf_puts(out, "\n");
}

static const char *why_not(const struct reader_stats *before, const struct reader_stats *after)
{
	if (after->too_long > before->too_long)
		return "longer than any line of a log: skipped";
	if (after->unparsed > before->unparsed)
		return "not understood: it begins like no log that Cordon knows";
	return "nothing Cordon watches";
}

static int explain_line(struct explain *x, struct slice line)
{
	struct meaning m = {0};
	struct reader_stats before = x->reader.stats;
	m.event = reader_line(&x->reader, line, &m.e);
	m.service = x->reader.latest.service;
	m.time = x->reader.latest.time;
	m.why_not = why_not(&before, &x->reader.stats);
	(x->options.json ? write_json : write_text)(&x->out, ++x->line, &m);
	return x->out.error;
}

static int flush(struct explain *x, struct err *err)
{
	struct slice text = buf_as_slice(&x->out);
	if (x->out.error)
		return err_set(err, x->out.error, "out of memory");
	if (fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout) != 0)
		return err_set(err, -errno, "standard output: %s", strerror(errno));
	buf_reset(&x->out);
	return 0;
}

static void lines_closep(struct lines **l)
{
	*l = lines_close(*l);
}

static int explain_file(struct explain *x, const char *path, struct err *err)
{
	_cleanup_(lines_closep) struct lines *file = NULL;
	struct slice lines;
	int r = lines_open(path, &file, err);
	reader_file(&x->reader);
	while (r >= 0 && (r = lines_next(file, &lines, err)) > 0) {
		while (lines.n && r >= 0) {
			const char *newline = memchr(lines.p, '\n', lines.n);
			struct slice line = newline ? slice_between(lines.p, newline) : lines;
			lines = slice_skip(lines, line.n + (newline != NULL));
			r = explain_line(x, line);
			if (x->out.n > 65536 && r >= 0)
				r = flush(x, err);
		}
		if (r >= 0)
			r = flush(x, err);
	}
	return r;
}

static int explain_files(struct explain *x, int n, char **paths)
{
	struct session_table *sessions = session_table_new(SESSIONS, SESSION_IDLE);
	if (!sessions) {
		(void)fputs("cordon explain: out of memory\n", stderr);
		return EXIT_INPUT;
	}
	reader_init(&x->reader, sessions, SERVICE_ALL, x->options.now, x->options.timezone);
	int code = EXIT_OK;
	for (int i = 0; i < n; i++) {
		struct err err = {""};
		if (explain_file(x, paths[i], &err) < 0) {
			(void)fprintf(stderr, "cordon explain: %s\n", err.text);
			code = EXIT_INPUT;
		}
	}
	buf_done(&x->out);
	(void)session_table_free(sessions);
	return code;
}

int verb_explain(int argc, char **argv)
{
	static const struct option table[] = {
		OPTIONS_COMMON, {"help", no_argument, NULL, 'h'}, {0}};
	static char input[] = "-";
	char *standard[] = {input, NULL};
	struct explain x = {0};
	int option;
	options_init(&x.options);
	while ((option = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
		if (option == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		if (!options_take(&x.options, argv[0], option, optarg))
			return EXIT_USAGE;
	}
	bool files = optind < argc;
	return explain_files(&x, files ? argc - optind : 1, files ? argv + optind : standard);
}
