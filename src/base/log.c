/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define INTERVAL_MS   (5 * MS_SECOND)
#define INTERVAL_MOST 20

static const char *program_name = "cordon";
static enum log_level most_level = LOG_LEVEL_INFO;
static bool for_journal;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* JOURNAL_STREAM is inherited: it counts only while standard error is what it
   names (systemd.exec(5), "device:inode"). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char text[64];
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	return strcmp(text, stream) == 0;
}

void log_init(const char *program, enum log_level most)
{
	program_name = program;
	most_level = most;
	for_journal = stderr_is_journal();
}

static void write_line(enum log_level level, const char *text)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	static const int priorities[] = {3, 4, 6, 7};
	char line[1200];
	size_t n = 0;
	char stamp[CLOCK_TEXT_MAX];
	int head = for_journal ? snprintf(line, sizeof(line), "<%d>%s: ", priorities[level],
					 program_name)
			       : snprintf(line, sizeof(line),
					 "%s %s: %s: ", clock_format(clock_now(), stamp),
					 program_name, names[level]);
	n = head < 0 ? 0 : MIN_OF((size_t)head, sizeof(line) - 1);
	for (const unsigned char *p = (const unsigned char *)text; *p && n + 6 < sizeof(line);
		p++) {
		if (*p >= 0x20 && *p != 0x7f)
			line[n++] = (char)*p;
		else
			n += (size_t)snprintf(line + n, sizeof(line) - n, "\\x%02x", *p);
	}
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
}

/* Counts the line against its call site; false: hold it back. */
static bool site_admits(struct log_site *site, uint32_t *ret_held)
{
	int64_t now = clock_mono();
	bool admitted = true;
	*ret_held = 0;
	pthread_mutex_lock(&lock);
	if (now - site->began >= INTERVAL_MS) {
		*ret_held = site->held;
		*site = (struct log_site){.began = now};
	}
	if (site->lines >= INTERVAL_MOST) {
		site->held++;
		admitted = false;
	} else {
		site->lines++;
	}
	pthread_mutex_unlock(&lock);
	return admitted;
}

void log_write(struct log_site *site, enum log_level level, const char *format, ...)
{
	if (level > most_level)
		return;
	int saved = errno;
	uint32_t held;
	if (site_admits(site, &held)) {
		char text[1024];
		if (held > 0) {
			(void)snprintf(text, sizeof(text),
				"%u lines like the next one were held back", held);
			write_line(level, text);
		}
		va_list args;
		va_start(args, format);
		(void)vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		write_line(level, text);
	}
	errno = saved;
}
