/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ids of records: none is given twice, also after the record is gone. */
#pragma once

#include <stdint.h>

struct store;

/* The next n; *ret_first: the first of them. */
int block_ids_take(struct store *s, int64_t n, int64_t *ret_first);
/* Before the latest record itself may go. */
int block_ids_keep(struct store *s);
