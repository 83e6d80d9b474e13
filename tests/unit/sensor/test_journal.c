/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads journal files that systemd-journal-remote made from the export format:
 * what is believed, where reading goes on, and what counts as lost.
 */
#include "base/buf.h"
#include "model/service.h"
#include "sensor/journal.h"
#include "sensor/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above it */
#include <cmocka.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define WRITER "/lib/systemd/systemd-journal-remote"
#define START  1767225600000000 /* 2026-01-01 in us */
#define BOOT   "0123456789abcdef0123456789abcdef"

struct world {
	char dir[64];
	struct journal *journal;
	struct buf cursor, got;
	uint32_t services;
	int entries; /* written so far: each is a second later */
	int refuse_at, calls;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	strcpy(w->dir, "/tmp/cordon-journal-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	w->services = SERVICE_BIT(SERVICE_SSH);
	w->refuse_at = -1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	w->journal = journal_free(w->journal);
	buf_done(&w->cursor);
	buf_done(&w->got);
	DIR *d = opendir(w->dir);
	for (struct dirent *e; d && (e = readdir(d));)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		(void)closedir(d);
	int r = rmdir(w->dir);
	free(w);
	return r;
}

static void need_writer(void)
{
	if (access(WRITER, X_OK) < 0) {
		print_message("# SKIP %s is not installed\n", WRITER);
		skip();
	}
}

/* One entry in the export format. */
static void add(struct world *w, struct buf *out, const char *fields, const char *message)
{
	int64_t at = START + (int64_t)w->entries++ * 1000000;
	buf_printf(out,
		"__REALTIME_TIMESTAMP=%" PRId64 "\n__MONOTONIC_TIMESTAMP=%" PRId64
		"\n_BOOT_ID=" BOOT "\n%s\nMESSAGE=%s\n\n",
		at, at - START + 1000000, fields, message);
}

static void run_writer(const char *file, const char *input)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(126);
		(void)execl(WRITER, WRITER, "-o", file, input, (char *)NULL);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Writes (or appends) the entries to the directory's file of that name. */
static void put(struct world *w, const char *name, struct buf *entries)
{
	char file[PATH_MAX], input[PATH_MAX];
	(void)snprintf(file, sizeof(file), "%s/%s.journal", w->dir, name);
	(void)snprintf(input, sizeof(input), "%s/input", w->dir);
	FILE *f = fopen(input, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(entries->p, 1, entries->n, f), entries->n);
	assert_int_equal(fclose(f), 0);
	run_writer(file, input);
	assert_int_equal(unlink(input), 0);
	buf_done(entries);
}

#define SSHD                                                                                       \
	"_UID=0\n_COMM=sshd\nSYSLOG_IDENTIFIER=sshd\n_PID=42\n_HOSTNAME=web1\n_TRANSPORT=syslog"

/* n entries of sshd whose messages are numbers from `from` on. */
static void put_numbers(struct world *w, const char *name, int from, int n)
{
	struct buf b = BUF_NULL;
	for (int i = from; i < from + n; i++) {
		char message[16];
		(void)snprintf(message, sizeof(message), "%d", i);
		add(w, &b, SSHD, message);
	}
	put(w, name, &b);
}

static int take_record(void *ctx, const struct record *record)
{
	struct world *w = ctx;
	if (w->calls++ == w->refuse_at)
		return -EBUSY;
	buf_printf(&w->got, "%.*s ", SLICE_ARG(record->message));
	return 0;
}

static void start(struct world *w, bool from_start)
{
	struct err err;
	assert_int_equal(journal_new(w->dir, w->services, from_start, &w->journal, &err), 0);
	if (w->cursor.n > 0)
		assert_int_equal(journal_restore(w->journal, buf_as_slice(&w->cursor)), 0);
}

static void stop(struct world *w)
{
	buf_reset(&w->cursor);
	journal_cursor(w->journal, &w->cursor);
	w->journal = journal_free(w->journal);
}

#define expect(w, text)                                                                            \
	do {                                                                                       \
		int r_;                                                                            \
		while ((r_ = journal_read((w)->journal, 7, take_record, w)) == 1) {                \
		}                                                                                  \
		assert_int_equal(r_, 0);                                                           \
		assert_string_equal((w)->got.p ? (w)->got.p : "", text);                           \
		buf_reset(&(w)->got);                                                              \
	} while (0)

static struct journal_stats stats(struct world *w)
{
	struct journal_stats s;
	journal_get_stats(w->journal, &s);
	return s;
}

static int check_record(void *ctx, const struct record *record)
{
	assert_int_equal(record->time, START / 1000);
	assert_true(slice_eq(record->host, SLICE("web1")));
	assert_true(slice_eq(record->program, SLICE("sshd")));
	assert_true(slice_eq(record->message, SLICE("hello there")));
	assert_int_equal(record->pid, 42);
	*(int *)ctx += 1;
	return 0;
}

static void test_a_record(void **state)
{
	struct world *w = *state;
	need_writer();
	struct buf b = BUF_NULL;
	int n = 0;
	add(w, &b, SSHD, "hello there");
	put(w, "a", &b);
	start(w, true);
	assert_int_equal(journal_read(w->journal, 10, check_record, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(stats(w).entries, 1);
}

static int check_times(void *ctx, const struct record *record)
{
	static const int64_t want[] = {1767225599250, START / 1000 + 1000};
	assert_int_equal(record->time, want[*(int *)ctx]);
	*(int *)ctx += 1;
	return 0;
}

static void test_time_of_the_source(void **state)
{
	struct world *w = *state;
	need_writer();
	struct buf b = BUF_NULL;
	int n = 0;
	add(w, &b, SSHD "\n_SOURCE_REALTIME_TIMESTAMP=1767225599250999", "a");
	add(w, &b, SSHD "\n_SOURCE_REALTIME_TIMESTAMP=99999999999999999999", "b");
	put(w, "a", &b);
	start(w, true);
	assert_int_equal(journal_read(w->journal, 10, check_times, &n), 0);
	assert_int_equal(n, 2);
}

/* Only what root's sshd said is believed. */
static void test_forged_entries(void **state)
{
	static const struct {
		const char *fields, *message;
	} entries[] = {
		{"_UID=0\n_COMM=sshd\nSYSLOG_IDENTIFIER=sshd", "real"},
		{"_UID=0\n_COMM=sshd-session\nSYSLOG_IDENTIFIER=sshd-session", "session"},
		{"_UID=0\n_COMM=sshd-auth\nSYSLOG_IDENTIFIER=sshd-auth", "auth"},
		{"_UID=0\nSYSLOG_IDENTIFIER=sshd", "gone"}, /* before /proc was looked at */
		{"_UID=0\n_COMM=sshd\nSYSLOG_IDENTIFIER=start-sshd.sh", "wrapped"},
		/* logger -t sshd */
		{"_UID=1000\n_COMM=logger\nSYSLOG_IDENTIFIER=sshd", "user"},
		/* … by a program that calls itself so, or is sshd run by a user */
		{"_UID=1000\n_COMM=sshd\nSYSLOG_IDENTIFIER=sshd", "named"},
		{"_UID=1000\n_COMM=sshd\n_EXE=/usr/sbin/sshd\nSYSLOG_IDENTIFIER=sshd", "exe"},
		{"_UID=1000\nSYSLOG_IDENTIFIER=sshd", "user-gone"},
		{"SYSLOG_IDENTIFIER=sshd", "nobody"},
		{"_UID=00\n_COMM=sshd\nSYSLOG_IDENTIFIER=sshd", "zeros"},
		/* root's relays of other people's words */
		{"_UID=0\n_COMM=rsyslogd\nSYSLOG_IDENTIFIER=sshd", "remote"},
		{"_UID=0\n_COMM=dockerd\nSYSLOG_IDENTIFIER=sshd", "container"},
		{"_UID=0\n_COMM=sshd\nSYSLOG_IDENTIFIER=audit\n_TRANSPORT=audit", "audit"},
		/* other programs */
		{"_UID=0\n_COMM=cron\nSYSLOG_IDENTIFIER=CRON", "cron"},
		{"_UID=0\n_COMM=sshdx\nSYSLOG_IDENTIFIER=sshdx", "longer"},
	};
	struct world *w = *state;
	need_writer();
	struct buf b = BUF_NULL;
	for (size_t i = 0; i < countof(entries); i++)
		add(w, &b, entries[i].fields, entries[i].message);
	put(w, "a", &b);
	start(w, true);
	expect(w, "real session auth gone wrapped ");
	assert_int_equal(stats(w).entries, 5);
	assert_int_equal(stats(w).untrusted, 3); /* the others do not pass the matches */
}

static void test_services(void **state)
{
	static const struct {
		const char *fields, *message;
	} entries[] = {
		{SSHD, "ssh"},
		{"_UID=110\n_COMM=mariadbd\nSYSLOG_IDENTIFIER=mariadbd\n"
		 "_SYSTEMD_UNIT=mariadb.service",
			"mysql"},
		{"_UID=1000\n_COMM=mariadbd\nSYSLOG_IDENTIFIER=mariadbd\n"
		 "_SYSTEMD_UNIT=user@1000.service",
			"forged"},
		{"_UID=1000\n_COMM=mariadbd\nSYSLOG_IDENTIFIER=mariadbd\n"
		 "_SYSTEMD_UNIT=session-3.scope",
			"forged"},
		{"_UID=0\n_COMM=xrdp-sesman\nSYSLOG_IDENTIFIER=xrdp-sesman", "rdp"},
		{"_UID=0\n_COMM=xrdp-sesexec\nSYSLOG_IDENTIFIER=xrdp-sesexec", "sesexec"},
		{"_UID=33\n_COMM=xrdp-sesman\nSYSLOG_IDENTIFIER=xrdp-sesman", "forged"},
		{"_UID=0\n_COMM=vsftpd\nSYSLOG_IDENTIFIER=vsftpd", "vsftpd"},
		{"_UID=1000\n_COMM=logger\nSYSLOG_IDENTIFIER=vsftpd", "forged"},
		{"_UID=0\n_COMM=dropbear\nSYSLOG_IDENTIFIER=dropbear", "dropbear"},
		{"_UID=1000\n_COMM=dropbear\nSYSLOG_IDENTIFIER=dropbear", "forged"},
	};
	struct world *w = *state;
	need_writer();
	struct buf b = BUF_NULL;
	for (size_t i = 0; i < countof(entries); i++)
		add(w, &b, entries[i].fields, entries[i].message);
	put(w, "a", &b);
	static const struct {
		uint32_t services;
		const char *want;
	} cases[] = {
		{SERVICE_BIT(SERVICE_SSH), "ssh dropbear "},
		{SERVICE_BIT(SERVICE_MYSQL), "mysql "},
		{SERVICE_BIT(SERVICE_RDP) | SERVICE_BIT(SERVICE_VSFTPD), "rdp sesexec vsftpd "},
		{SERVICE_ALL, "ssh mysql rdp sesexec vsftpd dropbear "},
		{0, ""},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		w->services = cases[i].services;
		start(w, true);
		expect(w, cases[i].want);
		w->journal = journal_free(w->journal);
	}
}

static void test_restart_goes_on(void **state)
{
	struct world *w = *state;
	need_writer();
	put_numbers(w, "a", 0, 5);
	start(w, true);
	assert_int_equal(journal_read(w->journal, 2, take_record, w), 1);
	for (int i = 0; i < 5; i++) {
		stop(w);
		start(w, true);
		assert_true(journal_read(w->journal, 1, take_record, w) >= 0);
	}
	expect(w, "0 1 2 3 4 ");
	assert_int_equal(stats(w).gaps, 0);
	stop(w);
	put_numbers(w, "a", 5, 2); /* the same file goes on */
	put_numbers(w, "b", 7, 2);
	start(w, true);
	expect(w, "5 6 7 8 ");
	assert_int_equal(stats(w).gaps, 0);
}

static void test_begins_at_the_end(void **state)
{
	struct world *w = *state;
	need_writer();
	put_numbers(w, "a", 0, 3);
	start(w, false);
	expect(w, "");
	stop(w);
	assert_true(w->cursor.n > 0);
	put_numbers(w, "a", 3, 1);
	start(w, false);
	expect(w, "3 ");
	assert_int_equal(stats(w).gaps, 0);
}

/* The last entry of all is no match: the position is there all the same. */
static void test_begins_at_the_end_of_others(void **state)
{
	struct world *w = *state;
	need_writer();
	struct buf b = BUF_NULL;
	add(w, &b, "_UID=0\n_COMM=cron\nSYSLOG_IDENTIFIER=CRON", "cron");
	put(w, "a", &b);
	start(w, false);
	expect(w, "");
	stop(w);
	assert_true(w->cursor.n > 0);
	put_numbers(w, "a", 0, 1);
	start(w, false);
	expect(w, "0 ");
	assert_int_equal(stats(w).gaps, 0);
}

static void test_follows(void **state)
{
	struct world *w = *state;
	need_writer();
	start(w, false); /* there is no file yet */
	expect(w, "");
	struct pollfd p = {.fd = journal_watch_fd(w->journal), .events = POLLIN};
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	put_numbers(w, "a", 0, 2);
	assert_int_equal(poll(&p, 1, 0), 1);
	expect(w, "0 1 ");
	put_numbers(w, "a", 2, 2);
	expect(w, "2 3 ");
	char from[PATH_MAX], to[PATH_MAX];
	(void)snprintf(from, sizeof(from), "%s/a.journal", w->dir);
	(void)snprintf(to, sizeof(to), "%s/a@old.journal", w->dir);
	assert_int_equal(rename(from, to), 0); /* as journald rotates */
	put_numbers(w, "a", 4, 2);
	expect(w, "4 5 ");
	assert_int_equal(unlink(to), 0); /* all of it was read */
	put_numbers(w, "a", 6, 1);
	expect(w, "6 ");
	assert_int_equal(stats(w).gaps, 0);
}

static void test_refusal(void **state)
{
	struct world *w = *state;
	need_writer();
	put_numbers(w, "a", 0, 4);
	start(w, true);
	w->refuse_at = 2;
	assert_int_equal(journal_read(w->journal, 10, take_record, w), -EBUSY);
	stop(w);
	start(w, true);
	w->refuse_at = w->calls;
	assert_int_equal(journal_read(w->journal, 10, take_record, w), -EBUSY);
	expect(w, "0 1 2 3 "); /* and without a restart */
	assert_int_equal(stats(w).entries, 2);
}

static void test_vacuumed(void **state)
{
	struct world *w = *state;
	need_writer();
	put_numbers(w, "a", 0, 3);
	put_numbers(w, "b", 3, 3);
	start(w, true);
	assert_int_equal(journal_read(w->journal, 2, take_record, w), 1);
	stop(w);
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/a.journal", w->dir);
	assert_int_equal(unlink(path), 0);
	start(w, true);
	expect(w, "0 1 3 4 5 ");
	assert_int_equal(stats(w).gaps, 1);
	stop(w);
	start(w, true);
	expect(w, "");
	assert_int_equal(stats(w).gaps, 0); /* said once */
}

/* Everything is gone, and the next entry comes only later. */
static void test_vacuumed_to_nothing(void **state)
{
	struct world *w = *state;
	need_writer();
	put_numbers(w, "a", 0, 3);
	start(w, true);
	expect(w, "0 1 2 ");
	stop(w);
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/a.journal", w->dir);
	assert_int_equal(unlink(path), 0);
	start(w, true);
	expect(w, "");
	assert_int_equal(stats(w).gaps, 1);
	put_numbers(w, "b", 3, 2);
	expect(w, "3 4 ");
	assert_int_equal(stats(w).gaps, 1);
}

static void test_vacuumed_while_reading(void **state)
{
	struct world *w = *state;
	need_writer();
	put_numbers(w, "a", 0, 3);
	put_numbers(w, "b", 3, 3);
	start(w, true);
	assert_int_equal(journal_read(w->journal, 2, take_record, w), 1);
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/a.journal", w->dir);
	assert_int_equal(unlink(path), 0);
	expect(w, "0 1 3 4 5 ");
	assert_int_equal(stats(w).gaps, 1);
}

#define DROPPED                                                                                    \
	"_UID=0\n_COMM=systemd-journal\nSYSLOG_IDENTIFIER=systemd-journald\n"                      \
	"MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"

static void test_suppressed(void **state)
{
	struct world *w = *state;
	need_writer();
	struct buf b = BUF_NULL;
	add(w, &b, SSHD, "0");
	add(w, &b, DROPPED "_TRANSPORT=driver\nN_DROPPED=123",
		"Suppressed 123 messages from ssh.service");
	add(w, &b, DROPPED "_TRANSPORT=driver\nN_DROPPED=4",
		"Suppressed 4 messages from /system.slice/sshd@1-192.0.2.1:22.service");
	add(w, &b, DROPPED "_TRANSPORT=driver\nN_DROPPED=1000",
		"Suppressed 1000 messages from nginx.service");
	/* anybody can send this */
	add(w, &b, DROPPED "_TRANSPORT=journal\nN_DROPPED=1000",
		"Suppressed 1000 messages from ssh.service");
	add(w, &b, SSHD, "1");
	put(w, "a", &b);
	start(w, true);
	expect(w, "0 1 ");
	assert_int_equal(stats(w).suppressed, 127);
	assert_int_equal(stats(w).gaps, 2);
	stop(w);
	start(w, true);
	expect(w, "");
	assert_int_equal(stats(w).suppressed, 0);
}

static void test_long_messages(void **state)
{
	struct world *w = *state;
	need_writer();
	static const size_t lengths[] = {
		READER_LINE_MAX, READER_LINE_MAX + 1, 3 * READER_LINE_MAX, 700000};
	struct buf b = BUF_NULL;
	for (size_t i = 0; i < countof(lengths); i++) {
		char *text = malloc(lengths[i] + 1);
		memset(text, 'a' + (int)i, lengths[i]);
		text[lengths[i]] = '\0';
		add(w, &b, SSHD, text);
		free(text);
	}
	add(w, &b, SSHD, "after");
	put(w, "a", &b);
	start(w, true);
	assert_int_equal(journal_read(w->journal, 10, take_record, w), 0);
	assert_int_equal(w->got.n, READER_LINE_MAX + 1 + strlen("after "));
	assert_string_equal(w->got.p + READER_LINE_MAX, " after ");
	assert_int_equal(stats(w).too_long, 3);
	assert_int_equal(stats(w).entries, 2);
}

static void test_bad_cursors(void **state)
{
	struct world *w = *state;
	static const struct slice bad[] = {{"", 0}, {"x", 1}, {"s=1;i=2\0;", 9},
		{"s=zz;i=1;b=0;m=1;t=1;x=1", 24}, {"tail1", 5}};
	start(w, true);
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(journal_restore(w->journal, bad[i]), -EBADMSG);
	char large[1000];
	memset(large, 'a', sizeof(large));
	assert_int_equal(
		journal_restore(w->journal, (struct slice){large, sizeof(large)}), -EBADMSG);
	expect(w, "");
}

static void test_no_directory(void **state)
{
	(void)state;
	struct journal *j = NULL;
	struct err err = {.text = ""};
	assert_int_equal(journal_new("/nonexistent/journal", 2, false, &j, &err), -ENOENT);
	assert_null(j);
	assert_string_equal(err.text, "journal /nonexistent/journal: No such file or directory");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_record),
		CASE(test_time_of_the_source),
		CASE(test_forged_entries),
		CASE(test_services),
		CASE(test_restart_goes_on),
		CASE(test_begins_at_the_end),
		CASE(test_begins_at_the_end_of_others),
		CASE(test_follows),
		CASE(test_refusal),
		CASE(test_vacuumed),
		CASE(test_vacuumed_to_nothing),
		CASE(test_vacuumed_while_reading),
		CASE(test_suppressed),
		CASE(test_long_messages),
		CASE(test_bad_cursors),
		CASE(test_no_directory),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
