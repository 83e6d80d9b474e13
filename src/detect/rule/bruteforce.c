/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Failures nearly always come in order: then the stretch to look at ends with
 * the new one. One that came late may complete a stretch that ends with a
 * failure already known, so all that end within `span` of it are tried.
 */
#include "detect/rule/bruteforce.h"

static bool judge_at(const struct rule *rule, const struct window_table *windows, uint32_t handle,
	int64_t until, struct bruteforce_match *ret)
{
	int64_t first;
	unsigned n = window_count(windows, handle, until, rule->span, &first);
	if (n == 0 || n < rule->fail_count)
		return false;
	*ret = (struct bruteforce_match){.attempts = n, .first = first, .latest = until};
	return true;
}

static bool judge_late(const struct rule *rule, const struct window_table *windows, uint32_t handle,
	int64_t time, struct bruteforce_match *ret)
{
	int64_t times[WINDOW_MOST];
	unsigned n = window_times(windows, handle, times);
	for (unsigned i = 0; i < n && times[i] - rule->span < time; i++) {
		/* of equal times the last stands for all */
		if (times[i] < time || (i + 1 < n && times[i + 1] == times[i]))
			continue;
		if (judge_at(rule, windows, handle, times[i], ret))
			return true;
	}
	return false;
}

bool bruteforce_judge(const struct rule *rule, const struct window_table *windows, uint32_t handle,
	int64_t time, struct bruteforce_match *ret)
{
	if (handle == 0)
		return false;
	if (window_latest(windows, handle) <= time)
		return judge_at(rule, windows, handle, time, ret);
	return judge_late(rule, windows, handle, time, ret);
}
