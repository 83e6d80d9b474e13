/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of MySQL and MariaDB, xrdp, Windows, vsftpd and Dropbear: what each means
 * (tests/cases/NAME/lines.txt) and how many logins failed in several
 * (tests/cases/NAME/sessions.log). What an attacker may put into them: test_injection.c.
 */
#include "base/util.h"
#include "case_files.h"
#include "cases.h"

#include <stdlib.h>

/* A reader of one service's log does not read another's. */
static void services_apart(void **state)
{
	(void)state;
	static const struct {
		enum service service;
		const char *line;
	} lines[] = {
		{SERVICE_MYSQL,
			"2024-01-01 12:00:00 5 [Warning] Access denied for user 'a'@'192.0.2.1' "
			"(using password: NO)"},
		{SERVICE_RDP, "[20240101-12:00:00] [INFO ] AUTHFAIL: user=a ip=192.0.2.1 time=1"},
		{SERVICE_VSFTPD,
			"Mon Jan  1 12:00:00 2024 [pid 3] [a] FAIL LOGIN: Client \"192.0.2.1\""},
		{SERVICE_SSH,
			"[123] Jan 01 12:00:00 Bad password attempt for 'a' from 192.0.2.1:1"},
	};
	for (size_t i = 0; i < countof(lines); i++) {
		for (enum service wanted = SERVICE_SSH; wanted < SERVICE_COUNT; wanted++) {
			struct reader r;
			struct event e;
			cases_reader(&r, CASES_NOW, "UTC");
			r.services = SERVICE_BIT(wanted);
			bool event = reader_line(&r, slice_of(lines[i].line), &e);
			assert_int_equal(event, wanted == lines[i].service);
			if (event) {
				assert_int_equal(e.service, wanted);
				assert_int_equal(r.latest.service, wanted);
				assert_int_equal(r.stats.unparsed, 0);
			}
			cases_done(&r);
		}
	}
}

/* After a line of a daemon's own log whatever comes is read as ever, but not believed alone. */
static void own_log_then_others(void **state)
{
	(void)state;
	static const char *const own[] = {
		"2024-01-01 12:00:00 5 [Warning] Access denied for user 'a'@'192.0.2.1'",
		"[20240101-12:00:00] [INFO ] AUTHFAIL: user=a ip=192.0.2.1 time=1",
		"Mon Jan  1 12:00:00 2024 [pid 3] [a] FAIL LOGIN: Client \"192.0.2.1\"",
		"[123] Jan 01 12:00:00 Bad password attempt for 'a' from 192.0.2.1:1",
		"{\"@timestamp\":\"2024-01-01T12:00:00Z\",\"EventID\":140,\"SourceName\":"
		"\"Microsoft-"
		"Windows-RemoteDesktopServices-RdpCoreTS\",\"IPString\":\"192.0.2.1\"}",
	};
	static const char *const others[] = {"", "[", "{", "\r", "x", "2024-01-01 12:00:0"};
	struct reader r;
	struct event e;
	cases_reader(&r, CASES_NOW, "UTC");
	for (size_t i = 0; i < countof(own); i++) {
		for (size_t k = 0; k < countof(others); k++) {
			assert_true(reader_line(&r, slice_of(own[i]), &e));
			/* where it ends matters: a copy of just its bytes */
			size_t n = strlen(others[k]);
			_cleanup_(freep) char *copy = malloc(n + (n == 0));
			assert_non_null(copy);
			memcpy(copy, others[k], n);
			assert_false(reader_line(&r, (struct slice){copy, n}, &e));
		}
		for (size_t k = 0; k < countof(own); k++) {
			assert_true(reader_line(&r, slice_of(own[i]), &e));
			assert_true(reader_line(&r, slice_of(own[k]), &e));
		}
		assert_true(reader_line(
			&r, SLICE("Nov 21 22:00:00 h sshd[1]: Invalid user a from 192.0.2.1"), &e));
		assert_int_equal(e.service, SERVICE_SSH);
		assert_true(e.forgeable); /* the first of them was a database's */
	}
	reader_file(&r);
	assert_true(reader_line(
		&r, SLICE("Nov 21 22:00:00 h sshd[1]: Invalid user a from 192.0.2.1"), &e));
	assert_false(e.forgeable);
	cases_done(&r);
}

/* Journal records, whose header somebody else took apart. */
static void records_of_the_journal(void **state)
{
	(void)state;
	static const struct {
		const char *program, *message;
		enum service service;
		bool forgeable;
	} records[] = {
		{"mariadbd",
			"2024-01-01 12:00:00 5 [Warning] Access denied for user "
			"'a'@'192.0.2.1' (using password: NO)",
			SERVICE_MYSQL, true},
		{"mysqld", "Access denied for user 'a'@'192.0.2.1' (using password: NO)",
			SERVICE_MYSQL, true},
		{"xrdp-sesman", "[INFO ] AUTHFAIL: user=a ip=192.0.2.1 time=1", SERVICE_RDP, false},
		{"vsftpd",
			"pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 "
			"tty=ftp ruser=a rhost=192.0.2.1",
			SERVICE_VSFTPD, false},
		{"dropbear", "Bad password attempt for 'a' from 192.0.2.1:50000", SERVICE_SSH,
			false},
	};
	for (size_t i = 0; i < countof(records); i++) {
		struct record record = {.time = CASES_NOW,
			.host = SLICE("h"),
			.program = slice_of(records[i].program),
			.pid = 7,
			.message = slice_of(records[i].message)};
		struct reader r;
		struct event e;
		char address[ADDR_TEXT_MAX];
		cases_reader(&r, CASES_NOW, "UTC");
		assert_true(reader_record(&r, &record, &e));
		assert_int_equal(e.service, records[i].service);
		assert_int_equal(e.time, CASES_NOW);
		assert_true(e.has_src);
		assert_string_equal(addr_format(&e.src, address), "192.0.2.1");
		assert_true(slice_eq(e.user, SLICE("a")));
		assert_true(e.forgeable == records[i].forgeable);
		cases_done(&r);
	}
}

/* Where a client begins lines, a number of times is his word; elsewhere it is syslogd's. */
static void repeated(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		unsigned times;
	} lines[] = {
		{"Nov 21 22:00:00 h xrdp-sesman[1]: message repeated 5 times: [ [INFO ] AUTHFAIL: "
		 "user=a ip=192.0.2.1 time=1]",
			5},
		{"Nov 21 22:00:00 h mariadbd[1]: message repeated 60000 times: [ Access denied for "
		 "user 'x'@'192.0.2.1' (using password: YES)]",
			0},
		{"Nov 21 22:00:00 h mariadbd[1]: message repeated 60000 times: [ Access denied for "
		 "user 'x'@'192.0.2.1' (using password: YES)",
			1},
	};
	for (size_t i = 0; i < countof(lines); i++) {
		struct reader r;
		struct event e = {0};
		cases_reader(&r, CASES_NOW, "UTC");
		assert_true(reader_line(&r, slice_of(lines[i].line), &e) == (lines[i].times > 0));
		assert_true(lines[i].times == 0 || e.repeat == lines[i].times);
		cases_done(&r);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_apart),
		cmocka_unit_test(own_log_then_others),
		cmocka_unit_test(records_of_the_journal),
		cmocka_unit_test(repeated),
	};
	int failed = case_files_lines("tests/cases/mysqld/lines.txt", 20);
	failed += case_files_lines("tests/cases/xrdp/lines.txt", 12);
	failed += case_files_sessions("tests/cases/xrdp/sessions.log", 4);
	failed += case_files_lines("tests/cases/windows/lines.txt", 25);
	failed += case_files_sessions("tests/cases/windows/sessions.log", 5);
	failed += case_files_lines("tests/cases/vsftpd/lines.txt", 18);
	failed += case_files_sessions("tests/cases/vsftpd/sessions.log", 5);
	failed += case_files_lines("tests/cases/dropbear/lines.txt", 20);
	failed += case_files_sessions("tests/cases/dropbear/sessions.log", 6);
	return failed + cmocka_run_group_tests_name("services", tests, NULL, NULL) != 0;
}
