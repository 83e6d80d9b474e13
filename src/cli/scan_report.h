/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `cordon scan` prints.
 */
#pragma once

#include "cli/scan_count.h"
#include "sensor/reader.h"

struct report {
	struct counts *counts;
	const struct reader_stats *reader;
	const struct rule *rule;
	unsigned top; /* 0: all */
	bool users;   /* names too: some of them are passwords */
};

/* Tables on standard output. */
void report_tables(const struct report *r);
/* One JSON object on standard output: 0 or -errno. */
int report_json(const struct report *r);
