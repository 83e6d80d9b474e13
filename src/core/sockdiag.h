/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the kernel which TCP connections stand (sock_diag(7)); any user may.
 */
#pragma once

#include "base/addr.h"

#include <stdint.h>

/*
 * 1 when a connection to our port `local` (0: any) from `remote` (port remote_port, 0:
 * any) is established, 0 when none is, or -errno.
 */
int sockdiag_established(uint16_t local, const struct addr *remote, uint16_t remote_port);
