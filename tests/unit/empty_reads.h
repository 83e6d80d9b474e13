/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often something in this program, libraries included, has asked a socket for what was not
   there: recv() is ours. */
#pragma once

unsigned empty_reads(void);
