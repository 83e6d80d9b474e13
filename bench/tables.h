/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's own notifications of what comes into sets of nf_tables. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Of the network namespace this thread is in; a descriptor. Exits when that cannot be. */
int tables_listen(void);
/* Takes what has come, or the next with `wait`; true when it said that a set has this IPv4 address
   (host byte order) now. */
bool tables_took(int netlink, uint32_t address, bool wait);
