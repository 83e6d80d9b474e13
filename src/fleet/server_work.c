/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet/server_private.h"

#include <errno.h>

#define STACK ((size_t)2 << 20) /* jansson goes 2048 levels deep */

static struct exchange *next_work(struct work *w)
{
	struct exchange *x = w->first;
	if (x) {
		w->first = x->next;
		if (!w->first)
			w->last = &w->first;
	}
	return x;
}

static void *do_work(void *ctx)
{
	struct fleet_server *s = ctx;
	server_lock(s);
	for (;;) {
		struct exchange *x = next_work(&s->work);
		if (x) {
			server_unlock(s);
			x->verb->work(x);
			server_lock(s);
			exchange_resume(x);
		} else if (s->work.ending) {
			break;
		} else {
			(void)pthread_cond_wait(&s->work.some, &s->lock);
		}
	}
	server_unlock(s);
	return NULL;
}

int work_start(struct fleet_server *s)
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);
	if (r != 0)
		return -r;
	r = pthread_attr_setstacksize(&attributes, STACK);
	while (r == 0 && s->work.n < WORK_THREADS) {
		r = pthread_create(&s->work.threads[s->work.n], &attributes, do_work, s);
		s->work.n += r == 0;
	}
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

void work_end(struct fleet_server *s)
{
	server_lock(s);
	s->work.ending = true;
	(void)pthread_cond_broadcast(&s->work.some);
	server_unlock(s);
	for (unsigned i = 0; i < s->work.n; i++)
		(void)pthread_join(s->work.threads[i], NULL);
	s->work.n = 0;
}

bool work_submit(struct exchange *x)
{
	struct fleet_server *s = x->server;
	server_lock(s);
	bool may = !s->work.ending;
	if (may) {
		x->next = NULL;
		*s->work.last = x;
		s->work.last = &x->next;
		MHD_suspend_connection(x->connection);
		x->suspended = true;
		(void)pthread_cond_signal(&s->work.some);
	}
	server_unlock(s);
	if (!may)
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is ending");
	return !may;
}
