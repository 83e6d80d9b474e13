/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon explain: what each line means to Cordon, in order, and why. Earlier lines count, as
 * they do in the daemon: reader and detector are the same, without rules and exceptions.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/util.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "detect/detect.h"
#include "sensor/reader.h"

#include <errno.h>

#define SESSIONS     65536
#define SESSION_IDLE (10 * MS_MINUTE)

static const char help[] =
	"Usage: cordon explain [--json] [--tz ZONE] [--now TIME] [FILE...]\n"
	"Says of every line what Cordon reads in it. '-' or no FILE is standard input.\n"
	"\n"
	"  --json       one JSON object a line: line, match, service, outcome, src_ip, user, "
	"time,\n"
	"               counts, why\n"
	"  --tz ZONE    time zone of stamps that name none (default: this machine's)\n"
	"  --now TIME   stamps without a year are before it: RFC 3339 or seconds since 1970\n"
	"  --help       this text\n"
	"\n"
	"match is true for a failed login; counts is how many attempts the line adds, 0 where\n"
	"an earlier line told of the same one; why says what a line does not. Exit status: 0,\n"
	"1 when a FILE could not be read, 2 when called wrongly.\n";

struct explain {
	struct options options;
	struct reader reader;
	struct session_table *sessions;
	struct protect *protect;
	struct detector *detector;
	struct buf out;
	int64_t line;
};

/* What was learnt of one line. */
struct meaning {
	bool event; /* e is valid */
	struct event e;
	enum service service;
	enum said said; /* by a message of that service */
	int64_t time;
	unsigned counts;             /* attempts that it adds */
	enum protect_reason refused; /* never blocked, wherever Cordon runs */
	const char *why;             /* NULL: there is nothing to add */
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
	json_field_int(&j, "counts", m->counts);
	json_field(&j, "why", m->why);
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

static void write_event(struct buf *out, const struct meaning *m)
{
	char address[ADDR_TEXT_MAX];
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
	if (m->refused)
		buf_printf(out, ", never blocked: %s", protect_reason_text(m->refused));
	if (failure && m->counts != m->e.repeat)
		buf_printf(out, ", counts %u", m->counts);
}

static void write_text(struct buf *out, int64_t line, const struct meaning *m)
{
	char time[CLOCK_TEXT_MAX];
	buf_printf(out, "%6lld  %-24s  ", (long long)line,
		m->time != EVENT_NO_TIME ? clock_format(m->time, time) : "-");
	bool known = m->service && m->said != SAID_UNKNOWN;
	if (m->event)
		write_event(out, m);
	else if (m->service)
		buf_printf(out, "%s: %s", service_name(m->service),
			known ? "no login failed or succeeded here" : "");
	if (m->why)
		buf_printf(out, known ? " (%s)" : "%s", m->why);
	buf_puts(out, "\n");
}

/* Of a line that is no message of a daemon that is read. */
static const char *why_foreign(const struct reader_stats *before, const struct reader_stats *after)
{
	if (after->too_long > before->too_long)
		return "longer than any line of a log: skipped";
	if (after->unparsed > before->unparsed)
		return "not understood: it begins like no log that Cordon knows";
	return "nothing Cordon watches";
}

/* What a kind of evidence has to do with the others, where the line itself does not say. */
static const char *why_counted(const struct meaning *m)
{
	static const char *const kinds[EVIDENCE_COUNT] = {
		[EVIDENCE_ANNOUNCED] = ("said before the password is tried: one attempt with the "
					"lines that follow in its session"),
		[EVIDENCE_PAM] = "PAM's word beside the daemon's own: one attempt with that",
		[EVIDENCE_REFUSED] = "refused whatever the password is",
		[EVIDENCE_SUMMARY] =
			"says once more what was tried: counts where no other line did",
	};
	if (m->e.outcome != OUTCOME_FAILURE)
		return NULL;
	if (m->counts == 0)
		return "an earlier line of its session told of the same attempt";
	return m->e.session ? kinds[m->e.evidence] : NULL;
}

static void learn(struct explain *x, struct slice line, struct meaning *ret)
{
	struct reader_stats before = x->reader.stats;
	struct verdict verdict = {0};
	ret->event = reader_line(&x->reader, line, &ret->e);
	ret->service = x->reader.latest.service;
	ret->said = x->reader.latest.said;
	ret->time = x->reader.latest.time;
	if (ret->event)
		detector_event(x->detector, 0, &ret->e, x->reader.now, &verdict);
	ret->counts = verdict.attempts;
	ret->refused = verdict.refused;
	if (!ret->service)
		ret->why = why_foreign(&before, &x->reader.stats);
	else if (ret->said == SAID_UNKNOWN)
		ret->why = "not understood: none of the messages that Cordon knows of this daemon";
	else
		ret->why = x->reader.latest.why;
	if (ret->event && (!ret->why || ret->counts == 0))
		ret->why = why_counted(ret);
}

static int explain_line(struct explain *x, struct slice line)
{
	struct meaning m = {0};
	learn(x, line, &m);
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
	int code = EXIT_OK;
	reader_init(&x->reader, x->sessions, SERVICE_ALL, x->options.now, x->options.timezone);
	for (int i = 0; i < n; i++) {
		struct err err = {""};
		if (explain_file(x, paths[i], &err) < 0) {
			(void)fprintf(stderr, "cordon explain: %s\n", err.text);
			code = EXIT_INPUT;
		}
	}
	return code;
}

static bool explain_init(struct explain *x)
{
	x->sessions = session_table_new(SESSIONS, SESSION_IDLE);
	x->protect = protect_new();
	x->detector = detector_new(NULL, x->protect); /* without rules it has no window */
	if (!x->sessions || !x->protect || !x->detector)
		(void)fputs("cordon explain: out of memory\n", stderr);
	return x->sessions && x->protect && x->detector;
}

static void explain_done(struct explain *x)
{
	buf_done(&x->out);
	x->detector = detector_free(x->detector);
	x->protect = protect_free(x->protect);
	x->sessions = session_table_free(x->sessions);
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
	int code = EXIT_INPUT;
	if (explain_init(&x))
		code = explain_files(
			&x, files ? argc - optind : 1, files ? argv + optind : standard);
	explain_done(&x);
	return code;
}
