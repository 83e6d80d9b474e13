/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/repeat.h"

#include "base/util.h"

uint32_t repeat_life(const struct repeat_settings *set, const struct block *b, int64_t begin)
{
	bool lifted = b->state == BLOCK_CANCELLING || b->state == BLOCK_CANCELED;
	/* read late, it may begin before the other ended: that is soon, too */
	bool soon = b->expires >= begin || begin - b->expires <= set->forget;
	if (b->id == 0 || lifted || !soon)
		return 1;
	return b->lives == UINT32_MAX ? b->lives : b->lives + 1;
}

int64_t repeat_forbidden(const struct repeat_settings *set, int64_t forbidden, uint32_t life)
{
	int64_t grown = forbidden;
	if (set->factor <= 1 || forbidden >= set->ceiling)
		return forbidden;
	for (; life > 1 && grown < set->ceiling; life--)
		grown *= set->factor;
	return MIN_OF(grown, set->ceiling);
}
