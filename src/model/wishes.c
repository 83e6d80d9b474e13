/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/wishes.h"

#include <stdlib.h>

void wishes_done(struct wishes *w)
{
	free(w->blocks);
	free(w->rules);
	free(w->allow);
	*w = (struct wishes){0};
}
