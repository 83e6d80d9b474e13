/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times of the fleet's benchmarks, in us. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Monotonic. */
int64_t fleet_micros(void);
/* One line: median, 99th percentile and worst of what took so long; sorts them. */
void fleet_times_print(const char *what, int64_t *us, size_t n);
