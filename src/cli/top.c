/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon top: who attacks now, how much is read and blocked; drawn anew each second. */
#include "base/clock.h"
#include "base/util.h"
#include "cli/client.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/verbline.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

static const char help[] =
	"Usage: cordon top [--once] [--json] [--state-dir DIR]\n"
	"Who attacks now, what is read and what is blocked, once a second. q ends it.\n"
	"\n"
	"  --once           show it once; so it is off a terminal\n"
	"  --json           the attackers, once: {\"minutes\":N,\"attackers\":[...]}\n"
	"  --state-dir DIR  where cordond keeps its socket\n";

#define EVERY      1000 /* ms */
#define LINES_LEFT 12   /* of the screen, for all but the attackers */

/* What a rate is a difference of. */
struct reading {
	int64_t time, lines, failures, begun;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static struct reading read_totals(const json_t *status)
{
	struct reading r = {.time = clock_mono()};
	size_t i;
	json_t *s;
	json_array_foreach (json_object_get(status, "sensors"), i, s)
		r.lines += client_int(s, "lines");
	r.failures = client_int(json_object_get(status, "detection"), "failures");
	r.begun = client_int(json_object_get(status, "blocks"), "begun");
	return r;
}

static double rate(int64_t now, int64_t before, int64_t ms)
{
	return ms > 0 && now > before ? (double)(now - before) * 1000.0 / (double)ms : 0.0;
}

static void show_head(const json_t *s, const struct reading *now, const struct reading *before)
{
	const json_t *blocks = json_object_get(s, "blocks"), *kernel = json_object_get(s, "kernel");
	bool observe = strcmp(client_text(kernel, "mode"), "observe") == 0;
	(void)printf("cordon on %s: %" PRId64 " blocks in force, %" PRId64 " in the kernel%s%s\n",
		client_text(s, "host"),
		client_int(blocks, "applied") + client_int(blocks, "wanted"),
		observe ? 0 : client_int(kernel, "elements"), observe ? ", OBSERVE MODE" : "",
		json_is_true(json_object_get(blocks, "at_ceiling")) ? ", AT THE CEILING" : "");
	if (before->time)
		(void)printf("a second: %.0f lines, %.1f failures, %.1f new blocks\n",
			rate(now->lines, before->lines, now->time - before->time),
			rate(now->failures, before->failures, now->time - before->time),
			rate(now->begun, before->begun, now->time - before->time));
	(void)printf("failures: %" PRId64 " in the last day; %" PRId64 " sources watched\n\n",
		client_int(json_object_get(s, "detection"), "failures_last_day"),
		client_int(json_object_get(s, "detection"), "sources_tracked"));
}

static void show_sensors(const json_t *s)
{
	static const char *const heads[] = {"SENSOR", ">LINES", ">FAILURES", ">BEHIND", "STATE"};
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *one;
	json_array_foreach (json_object_get(s, "sensors"), i, one) {
		char text[3][24];
		static const char *const numbers[] = {"lines", "failures", "behind_bytes"};
		for (size_t n = 0; n < countof(numbers); n++)
			(void)snprintf(
				text[n], sizeof(text[n]), "%" PRId64, client_int(one, numbers[n]));
		const char *problem = client_text(one, "problem"), *note = client_text(one, "note");
		const char *cells[] = {client_text(one, "name"), text[0], text[1], text[2],
			problem[0] ? problem
			: note[0]  ? note
				   : "ok"};
		table_row(t, cells);
	}
	table_print(t);
}

static void show_attackers(const json_t *top)
{
	static const char *const heads[] = {"SOURCE", "SERVICE", ">FAILURES", "BLOCK"};
	const json_t *list = json_object_get(top, "attackers");
	struct table *t = table_new(heads, countof(heads));
	size_t i;
	json_t *one;
	(void)printf("\n%s the last %" PRId64 " minutes\n",
		json_array_size(list) ? "attacks of" : "no attacks in", client_int(top, "minutes"));
	json_array_foreach ((json_t *)(uintptr_t)list, i, one) {
		char failures[24];
		(void)snprintf(failures, sizeof(failures), "%" PRId64, client_int(one, "failures"));
		const char *state = client_text(one, "state");
		const char *cells[] = {client_text(one, "source"), client_text(one, "service"),
			failures, state[0] ? state : "-"};
		table_row(t, cells);
	}
	table_print(t);
}

static int screen_lines(void)
{
	struct winsize size;
	bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
	return known ? size.ws_row : 24;
}

/* One picture. False: the daemon did not answer, and that was said. */
static bool draw(const struct options *o, bool clear, struct reading *before)
{
	int most = clear ? MAX_OF(screen_lines() - LINES_LEFT, 3) : 20;
	json_t *status = client_call(o, "status", NULL);
	json_t *top = status ? client_call(o, "top", json_pack("{s:i}", "most", most)) : NULL;
	bool good = top != NULL;
	if (good) {
		struct reading now = read_totals(status);
		(void)fputs(clear ? "\033[H\033[2J" : "", stdout);
		show_head(status, &now, before);
		show_sensors(status);
		show_attackers(top);
		(void)fflush(stdout);
		*before = now;
	}
	json_decref(status);
	json_decref(top);
	return good;
}

/* True when it is time to go. */
static bool wait_for_key(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	int64_t end = clock_mono() + EVERY, left;
	while (!ended && (left = end - clock_mono()) > 0) {
		char key;
		if (poll(&in, 1, (int)left) > 0 &&
			(read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q'))
			return true;
	}
	return ended;
}

static int watch(const struct options *o)
{
	struct termios saved, raw;
	struct reading before = {0};
	struct sigaction action = {.sa_handler = on_signal};
	bool good = true;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return EXIT_INPUT;
	raw = saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	(void)fputs("\033[?1049h\033[?25l", stdout); /* another screen, no cursor */
	do
		good = draw(o, true, &before);
	while (good && !wait_for_key());
	(void)fputs("\033[?25h\033[?1049l", stdout);
	(void)fflush(stdout);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	return good ? EXIT_OK : EXIT_INPUT;
}

int verb_top(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"once", false, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	struct reading before = {0};
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	if (l.count > 0)
		return verbline_wrong("top", "what is '%s'?", l.rest[0]);
	if (l.common.json) {
		json_t *top = client_call(&l.common, "top", NULL);
		code = top ? client_print(top) : EXIT_INPUT;
		json_decref(top);
		return code;
	}
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (terminal && !verbline_has(&l, "once"))
		return watch(&l.common);
	return draw(&l.common, false, &before) ? EXIT_OK : EXIT_INPUT;
}
