/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clocks. Points in time are int64_t milliseconds since 1970 UTC everywhere in
 * Cordon; durations are int64_t milliseconds. Pure code takes the time as an
 * argument and never asks.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define MS_SECOND ((int64_t)1000)
#define MS_MINUTE (60 * MS_SECOND)
#define MS_HOUR   (60 * MS_MINUTE)
#define MS_DAY    (24 * MS_HOUR)

static inline int64_t clock_ms(clockid_t id)
{
	struct timespec ts;
	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wall clock, ms since 1970 UTC. */
static inline int64_t clock_now(void)
{
	return clock_ms(CLOCK_REALTIME);
}

/* Never steps; for intervals only. */
static inline int64_t clock_mono(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* "2026-01-02T03:04:05.678Z" (25 bytes with the NUL). */
#define CLOCK_TEXT_MAX 32
const char *clock_format(int64_t ms, char text[static CLOCK_TEXT_MAX]);
/* The day number (days since 1970) of a civil date, proleptic Gregorian. */
int64_t clock_days(int year, int month, int day);
