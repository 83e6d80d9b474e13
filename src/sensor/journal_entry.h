/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One journal entry: its few fields that matter, copied, and what they say.
 * journal.c moves through the entries.
 */
#pragma once

#include "sensor/reader.h"
#include "sensor/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

enum entry_field {
	ENTRY_MESSAGE,
	ENTRY_IDENTIFIER,
	ENTRY_COMM,
	ENTRY_UID,
	ENTRY_UNIT,
	ENTRY_PID,
	ENTRY_SYSLOG_PID,
	ENTRY_HOST,
	ENTRY_TIME,
	ENTRY_TRANSPORT,
	ENTRY_MESSAGE_ID,
	ENTRY_DROPPED,
	ENTRY_FIELDS
};

#define ENTRY_SHORT_MAX 256 /* of the fields but the message; longer ones count as absent */

struct entry {
	struct slice fields[ENTRY_FIELDS]; /* p NULL: absent */
	bool too_long;                     /* the message is */
	int64_t time;                      /* ms */
	char message[READER_LINE_MAX];
	char texts[ENTRY_FIELDS][ENTRY_SHORT_MAX];
};

enum entry_kind { ENTRY_OTHER, ENTRY_RECORD, ENTRY_UNTRUSTED, ENTRY_SUPPRESSED };

/* Matches for the programs of the services (SERVICE_BIT()s), and journald's own messages. */
int entry_add_matches(sd_journal *sd, uint32_t services);
/* Reads the current entry. 0 or -errno. */
int entry_load(struct entry *e, sd_journal *sd);
/* ENTRY_RECORD: *ret borrows from e. ENTRY_SUPPRESSED: *ret_count messages were dropped. */
enum entry_kind entry_read(
	const struct entry *e, uint32_t services, struct record *ret, uint64_t *ret_count);
