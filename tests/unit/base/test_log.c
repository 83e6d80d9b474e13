/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Standard error is a pipe while a line is written, so that it can be read.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int saved = -1, reader = -1;

static int pipe_stderr(void **state)
{
	(void)state;
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	saved = dup(STDERR_FILENO);
	if (saved < 0 || dup2(fds[1], STDERR_FILENO) < 0)
		return -1;
	(void)close(fds[1]);
	reader = fds[0];
	return fcntl(reader, F_SETFL, O_NONBLOCK);
}

static int restore_stderr(void **state)
{
	(void)state;
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	(void)close(reader);
	(void)unsetenv("JOURNAL_STREAM");
	log_init("cordon", LOG_LEVEL_INFO);
	return 0;
}

static char text[65536];

static const char *written(void)
{
	ssize_t n = read(reader, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static unsigned lines_of(const char *p)
{
	unsigned n = 0;
	for (; *p; p++)
		n += *p == '\n';
	return n;
}

static void a_line_has_stamp_program_level(void **state)
{
	(void)state;
	log_init("cordond[engine]", LOG_LEVEL_INFO);
	log_warning("disk %s is %d%% full", "sda", 99);
	const char *line = written();
	assert_int_equal(line[10], 'T');
	assert_string_equal(line + 24, " cordond[engine]: warning: disk sda is 99% full\n");
	log_debug("not at this level");
	assert_string_equal(written(), "");
}

static void control_characters_are_escaped(void **state)
{
	(void)state;
	log_init("x", LOG_LEVEL_INFO);
	log_info("user %s", "a\nb\x1b[31m\x7f\xc3\xa4");
	assert_string_equal(written() + 24, " x: info: user a\\x0ab\\x1b[31m\\x7f\xc3\xa4\n");
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	char big[5000];
	memset(big, '\a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_info("%s", big);
	assert_int_equal(lines_of(written()), 1);
	assert_true(strlen(text) < 1250);
}

static void a_site_is_held_back(void **state)
{
	(void)state;
	errno = ENOENT;
	for (int i = 0; i < 100; i++)
		log_info("again");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(lines_of(written()), 20);
	log_info("another site");
	assert_int_equal(lines_of(written()), 1);

	/* an interval ago: one line says how many were held */
	struct log_site site = {.lines = 20, .held = 80};
	log_write(&site, LOG_LEVEL_INFO, "again");
	assert_int_equal(lines_of(written()), 2);
	assert_non_null(strstr(text, "80 lines like the next one were held back"));
	assert_int_equal(site.held, 0);
	assert_int_equal(site.lines, 1);
}

static void the_journal_gets_priorities(void **state)
{
	(void)state;
	struct stat st;
	char stream[64];
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_init("x", LOG_LEVEL_DEBUG);
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
	assert_string_equal(written(), "<3>x: e\n<4>x: w\n<6>x: i\n<7>x: d\n");
	/* inherited by a process whose standard error is something else */
	(void)setenv("JOURNAL_STREAM", "1:1", 1);
	log_init("x", LOG_LEVEL_DEBUG);
	log_error("e");
	assert_string_equal(written() + 24, " x: error: e\n");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define PIPED(test) cmocka_unit_test_setup_teardown(test, pipe_stderr, restore_stderr)
	const struct CMUnitTest tests[] = {
		PIPED(a_line_has_stamp_program_level),
		PIPED(control_characters_are_escaped),
		PIPED(long_lines_are_cut),
		PIPED(a_site_is_held_back),
		PIPED(the_journal_gets_priorities),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
