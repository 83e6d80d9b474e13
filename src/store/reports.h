/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tables block and attempt note for an agent's reports; nothing while they are off. */
#pragma once

#include "base/addr.h"

struct store;

int reports_block(struct store *s, int64_t block);
/* Those with ids in first..last. */
int reports_blocks(struct store *s, int64_t first, int64_t last);
int reports_attempt(
	struct store *s, int64_t minute, int service, const struct prefix *source, int64_t n);
/* Failures before the minute are nobody's any more, but for those of the frozen batch. */
int reports_expunge(struct store *s, int64_t minute, unsigned most);
