/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything happens on one thread, which sleeps in curl_multi_poll(). Without a connection
 * only one question is asked, again and again with growing pauses: PUT info, as it is answered at
 * once. Then the other two begin. Whatever breaks breaks all of it, and it starts over.
 */
#include "fleet/agent_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

/* --- connected or not -------------------------------------------------------------- */

static void set_connected(struct fleet_agent *a, bool connected, const char *why)
{
	(void)pthread_mutex_lock(&a->lock);
	if (connected != a->status.connected)
		a->status.since = clock_now();
	a->status.connected = connected;
	(void)snprintf(a->status.error, sizeof(a->status.error), "%s", why);
	(void)pthread_mutex_unlock(&a->lock);
	a->connected = connected;
}

void agent_drop(struct fleet_agent *a, struct talk *t)
{
	if (t->question != Q_NONE)
		(void)libcurl()->multi_remove_handle(a->multi, t->link->curl);
	t->question = Q_NONE;
}

int64_t agent_jitter(int64_t ms)
{
	uint32_t r = 0;
	(void)!getrandom(&r, sizeof(r), GRND_NONBLOCK);
	return ms / 2 + (int64_t)(r % (uint32_t)(ms / 2 + 1));
}

void agent_lost(struct fleet_agent *a, const char *why)
{
	bool news = a->connected || strncmp(why, a->status.error, sizeof(a->status.error) - 1) != 0;
	agent_drop(a, &a->wishes);
	agent_drop(a, &a->reports);
	set_connected(a, false, why);
	a->pause = MIN_OF(MAX_OF(a->pause * 2, PAUSE_MIN), PAUSE_MAX);
	a->retry_at = clock_mono() + agent_jitter(a->pause);
	if (news)
		log_warning("no connection to the server: %s; trying again, blocking goes on", why);
}

void agent_heard(struct fleet_agent *a)
{
	(void)pthread_mutex_lock(&a->lock);
	a->status.heard = clock_now();
	(void)pthread_mutex_unlock(&a->lock);
}

void agent_dismissed(struct fleet_agent *a)
{
	log_warning("the server has dismissed this machine: going on alone");
	set_connected(a, false, "dismissed by the server");
	(void)pthread_mutex_lock(&a->lock);
	a->status.dismissed = a->dismissed = true;
	(void)pthread_mutex_unlock(&a->lock);
	if (a->ops.dismissed)
		a->ops.dismissed(a->ops.ctx);
}

void agent_connected(struct fleet_agent *a)
{
	if (a->connected)
		return;
	log_info("connected to %s", a->place.url);
	set_connected(a, true, "");
}

void agent_core_failed(struct talk *t, int r, const char *what)
{
	t->due = clock_mono() + AGAIN_AFTER;
	if (r != -ESHUTDOWN)
		log_error("%s: %s", what, r < 0 ? strerror(-r) : "refused");
}

/* --- the thread -------------------------------------------------------------------- */

/* One turn of libcurl. What it brought may make something else due, so then it sleeps not. */
static void turn(struct fleet_agent *a, int ms)
{
	const struct libcurl *lib = libcurl();
	bool idle = true;
	int running, left;
	(void)lib->multi_perform(a->multi, &running);
	for (CURLMsg *m; !a->dismissed && (m = lib->multi_info_read(a->multi, &left));) {
		if (m->msg != CURLMSG_DONE)
			continue;
		agent_answered(a, m->easy_handle, m->data.result);
		idle = false;
	}
	if (idle)
		(void)lib->multi_poll(a->multi, NULL, 0, ms, NULL);
}

static void say_goodbye(struct fleet_agent *a)
{
	int64_t end = clock_mono() + GOODBYE_MOST;
	bool connected = a->connected;
	agent_drop(a, &a->wishes);
	agent_drop(a, &a->reports);
	buf_reset(&a->reports.body);
	if (connected)
		agent_ask_goodbye(a);
	while (a->reports.question == Q_GOODBYE && clock_mono() < end)
		turn(a, 50);
	agent_drop(a, &a->reports);
}

static void *run(void *ctx)
{
	struct fleet_agent *a = ctx;
	int64_t next;
	(void)pthread_setname_np(pthread_self(), "cordon-link");
	int r;
	while ((r = core_agent_state(a->core, &a->version, &next)) != 0 && r != -ESHUTDOWN &&
		!atomic_load(&a->ending))
		(void)libcurl()->multi_poll(a->multi, NULL, 0, AGAIN_AFTER, NULL);
	while (!atomic_load(&a->ending) && !a->dismissed) {
		agent_ask_due(a);
		turn(a, agent_sleep_time(a));
	}
	say_goodbye(a);
	return NULL;
}

void fleet_agent_reportable(struct fleet_agent *a)
{
	if (!atomic_exchange(&a->reportable, true))
		(void)libcurl()->multi_wakeup(a->multi);
}

void fleet_agent_status(struct fleet_agent *a, struct fleet_link_status *ret)
{
	(void)pthread_mutex_lock(&a->lock);
	*ret = a->status;
	(void)pthread_mutex_unlock(&a->lock);
}

static int copy_enrolment(const struct enrolment *from, struct enrolment *ret)
{
	*ret = *from;
	ret->credential.key = strdup(from->credential.key);
	ret->credential.certificate = strdup(from->credential.certificate);
	return ret->credential.key && ret->credential.certificate ? 0 : -ENOMEM;
}

/* Signals are for the thread of the loop. */
static int start_thread(struct fleet_agent *a)
{
	sigset_t all, before;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&a->thread, NULL, run, a);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	a->started = r == 0;
	return -r;
}

int fleet_agent_new(struct core *core, const struct enrolment *enrolment,
	const struct fleet_agent_ops *ops, struct fleet_agent **ret, struct err *err)
{
	struct fleet_agent *a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(err, -ENOMEM, "no memory");
	a->core = core;
	a->ops = *ops;
	a->status.since = clock_now();
	a->reports.pace = (struct pace){.burst = 4, .every = 50};
	a->wishes.pace = (struct pace){.burst = 10, .every = MS_SECOND};
	atomic_init(&a->ending, false);
	atomic_init(&a->reportable, true); /* what was not sent before */
	(void)pthread_mutex_init(&a->lock, NULL);
	int r = place_parse(enrolment->url, &a->place, err);
	if (r == 0 && copy_enrolment(enrolment, &a->enrolment) < 0)
		r = err_set(err, -ENOMEM, "no memory");
	struct talk *const talks[] = {&a->wishes, &a->reports};
	for (size_t i = 0; i < countof(talks) && r == 0; i++)
		r = link_new(&a->place, a->enrolment.pin, &a->enrolment.credential, &talks[i]->link,
			err);
	if (r == 0 && !(a->multi = libcurl()->multi_init()))
		r = err_set(err, -ENOMEM, "no memory");
	if (r == 0 && (r = start_thread(a)) < 0)
		(void)err_set(err, r, "the agent's thread: %s", strerror(-r));
	if (r < 0) {
		fleet_agent_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct fleet_agent *fleet_agent_free(struct fleet_agent *a)
{
	if (!a)
		return NULL;
	atomic_store(&a->ending, true);
	if (a->started) {
		(void)libcurl()->multi_wakeup(a->multi);
		(void)pthread_join(a->thread, NULL);
	}
	struct talk *const talks[] = {&a->wishes, &a->reports};
	for (size_t i = 0; i < countof(talks); i++) {
		talks[i]->link = link_free(talks[i]->link);
		buf_done(&talks[i]->body);
	}
	if (a->multi)
		(void)libcurl()->multi_cleanup(a->multi);
	buf_done(&a->said);
	enrolment_done(&a->enrolment);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}
