/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's own log: one line an event on standard error, with the
 * "<N>" priority prefix of sd-daemon(3) when standard error is the journal.
 * Only core and the programs log; every call site is limited to 20 lines in
 * 5 s (then one line says how many were held back), so that nobody can fill a
 * disk through us. Control characters in arguments are written as \xNN.
 */
#pragma once

#include "base/util.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_site {
	int64_t began; /* ms, monotonic: start of the current interval */
	uint32_t lines, held;
};

/* program: shown before each line, e.g. "cordond[engine]"; must stay valid. */
void log_init(const char *program, enum log_level most);
void log_write(struct log_site *site, enum log_level level, const char *format, ...) _printf_(3, 4);

#define log_at(level, ...)                                                                         \
	do {                                                                                       \
		static struct log_site site_;                                                      \
		log_write(&site_, level, __VA_ARGS__);                                             \
	} while (0)
#define log_error(...)   log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
