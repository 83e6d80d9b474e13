/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/report.h"

#include <stdlib.h>

void report_done(struct report *r)
{
	free(r->attempts);
	free(r->blocks);
	*r = (struct report){0};
}
