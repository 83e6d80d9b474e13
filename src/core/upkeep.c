/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done once in a while: retention by age and by size, sweeping of the
 * detectors' memory, free pages. In bounded pieces, so that a block never waits.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"

#define PIECE      2000
#define SOON       50 /* ms: more of it waits */
#define EVERY      MS_MINUTE
#define AUDIT_KEEP (400 * MS_DAY)
#define HITS_KEEP  (2 * MS_DAY) /* the kernel forgets a counter after one */

/* True when a piece was full: there is more to do. */
static bool expunge(struct core *c, int64_t now, int64_t keep_blocks, int64_t keep_attempts)
{
	int blocks = store_block_expunge(c->store, now - keep_blocks, PIECE);
	int attempts = store_attempt_expunge(c->store, now - keep_attempts, PIECE);
	int audit = store_audit_expunge(c->store, now - AUDIT_KEEP, PIECE);
	int hits = store_hit_expunge(c->store, now - HITS_KEEP, PIECE);
	return blocks == PIECE || attempts == PIECE || audit == PIECE || hits == PIECE;
}

/* Over its size the database keeps less of the past, attempts first. */
static int64_t shrunk(struct core *c, int64_t keep)
{
	uint64_t most = c->settings->retain_bytes, size = store_size(c->store);
	if (most == 0 || size <= most) {
		c->shrinking = false;
		return keep;
	}
	if (!c->shrinking)
		log_warning("the database has %llu MiB, %llu are allowed (retention.size): "
			    "dropping what is oldest",
			(unsigned long long)(size >> 20), (unsigned long long)(most >> 20));
	c->shrinking = true;
	return (int64_t)((double)keep * (double)most / (double)size * 0.9);
}

void upkeep_run(struct core *c)
{
	int64_t now = clock_now();
	bool more = false;
	sources_check(c);
	window_sweep(c->windows, pipeline_horizon(c));
	if (store_begin(c->store) == 0) {
		more = expunge(c, now, shrunk(c, c->settings->retain_blocks),
			shrunk(c, c->settings->retain_attempts));
		(void)store_token_expire(c->store, now);
		(void)store_invite_expire(c->store, now);
		blocks_commit(c, store_commit(c->store, STORE_REPLAYABLE));
	}
	more = store_maintain(c->store) > 0 || more;
	timer_set(c->upkeep_timer, more ? SOON : EVERY);
}
