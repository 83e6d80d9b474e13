/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet_times.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t fleet_micros(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static double ms_at(const int64_t *us, size_t i)
{
	return (double)us[i] / 1e3;
}

void fleet_times_print(const char *what, int64_t *us, size_t n)
{
	qsort(us, n, sizeof(*us), compare);
	(void)printf("  %s: median %.1f ms, p99 %.1f ms, worst %.1f ms\n", what, ms_at(us, n / 2),
		ms_at(us, n * 99 / 100), ms_at(us, n - 1));
}
