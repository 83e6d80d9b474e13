/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Percent encoding as signatures use it: all but A-Za-z0-9-_.~ as %XX (RFC 3986 2.3). */
#pragma once

#include "base/buf.h"

void encode_percent(struct buf *out, struct slice text);
