/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#define WIDTH 30

void progress_init(struct progress *p, const char *what, size_t total)
{
	*p = (struct progress){
		.what = what, .total = total, .shown = isatty(STDERR_FILENO), .latest = -1};
	progress_set(p, 0);
}

static void draw(const struct progress *p, int permille)
{
	char bar[WIDTH + 1];
	for (int i = 0; i < WIDTH; i++)
		bar[i] = i * 1000 < permille * WIDTH ? '#' : '.';
	bar[WIDTH] = '\0';
	(void)fprintf(stderr, "\r\033[K%s [%s] %3d %%", p->what, bar, permille / 10);
	(void)fflush(stderr);
}

void progress_set(struct progress *p, size_t done)
{
	int permille = p->total ? (int)(done * 1000 / p->total) : 1000;
	if (!p->shown || permille == p->latest)
		return;
	p->latest = permille;
	draw(p, permille);
}

void progress_wait(struct progress *p, const char *what)
{
	p->what = what;
	p->latest = -1;
	progress_set(p, p->total);
}

void progress_done(struct progress *p)
{
	if (p->shown)
		(void)fputs("\r\033[K", stderr);
}
