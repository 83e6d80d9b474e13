/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes as a log file: every line through one reader of one service. Whatever they are, an
 * event is whole, its texts lie within its line or session, and the counters add up.
 */
#pragma once

#include "base/clock.h"
#include "sensor/reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum service fuzzed;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static int on_event(void *ctx, const struct event *e)
{
	uint64_t *events = ctx;
	++*events;
	require(e->outcome == OUTCOME_FAILURE || e->outcome == OUTCOME_SUCCESS);
	require(e->service == fuzzed && e->repeat >= 1 && e->evidence < EVIDENCE_COUNT);
	require(!e->has_user || e->user.n <= READER_LINE_MAX);
	/* reads every byte of the name: a sanitizer sees where it lies */
	for (size_t i = 0; e->has_user && i < e->user.n; i++)
		require(e->user.p[i] != '\n');
	require(!e->session || e->session->service == fuzzed);
	return 0;
}

static int fuzz_lines(enum service service, const uint8_t *data, size_t size)
{
	static struct reader reader;
	static struct session_table *sessions;
	uint64_t events = 0;
	if (!sessions) {
		fuzzed = service;
		sessions = session_table_new(64, 10 * MS_MINUTE);
		require(sessions != NULL);
		reader_init(
			&reader, sessions, SERVICE_BIT(service), 1795303800000, "Europe/Zurich");
	}
	reader.stats = (struct reader_stats){0};
	(void)reader_lines(&reader, (struct slice){(const char *)data, size}, on_event, &events);
	require(reader.stats.matched == events && reader.stats.failures <= events);
	require(reader.stats.matched + reader.stats.unknown <= reader.stats.messages);
	require(reader.stats.messages <= reader.stats.lines);
	/* the next input meets no session of this one */
	session_table_sweep(sessions, INT64_MAX / 2);
	require(session_table_count(sessions) == 0);
	return 0;
}
