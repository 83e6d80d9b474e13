/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent asks, and when. */
#include "fleet/agent_private.h"

#include "base/clock.h"
#include "fleet/protocol.h"

#include <stdio.h>

#define HELLO_MOST 10000L /* ms */
#define SLEEP_MOST (60 * MS_SECOND)

static void ask(struct fleet_agent *a, struct talk *t, enum question question, const char *method,
	const char *path, long most)
{
	struct slice body = t->body.n > 0 ? buf_as_slice(&t->body) : SLICE_NULL;
	if (t->body.error || link_prepare(t->link, method, path, body, most) < 0 ||
		libcurl()->multi_add_handle(a->multi, t->link->curl) != CURLM_OK) {
		t->due = clock_mono() + AGAIN_AFTER;
		return;
	}
	t->question = question;
}

/* What this machine is, into the body; false when it cannot be said now. */
static bool describe(struct fleet_agent *a)
{
	_cleanup_(freep) struct agent_info *info = calloc(1, sizeof(*info));
	buf_reset(&a->reports.body);
	if (!info || core_agent_describe(a->core, info) != 0)
		return false;
	protocol_put_info(&a->reports.body, info);
	return !a->reports.body.error;
}

static void ask_info(struct fleet_agent *a)
{
	ask(a, &a->reports, Q_INFO, "PUT", "/fleet/v1/info", HELLO_MOST);
}

/* A name may lead elsewhere by now. */
static bool look_up(struct fleet_agent *a)
{
	struct err err;
	if (place_resolve(&a->place, &err) < 0 && a->place.n == 0) {
		agent_lost(a, err.text);
		return false;
	}
	if (core_server_set(a->core, a->place.list, a->place.n) < 0)
		return false;
	return link_lead(a->wishes.link, &a->place) == 0 &&
	       link_lead(a->reports.link, &a->place) == 0;
}

void agent_ask_goodbye(struct fleet_agent *a)
{
	ask(a, &a->reports, Q_GOODBYE, "DELETE", "/fleet/v1/session", GOODBYE_MOST);
}

static void connect_again(struct fleet_agent *a)
{
	a->retry_at = clock_mono() + AGAIN_AFTER;
	if (look_up(a) && describe(a))
		ask_info(a);
}

static void ask_wishes(struct fleet_agent *a)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/fleet/v1/wishes?after=%lld", (long long)a->version);
	ask(a, &a->wishes, Q_WISHES, "GET", path, 0);
}

static void ask_report(struct fleet_agent *a)
{
	struct report report = {0};
	atomic_store(&a->reportable, false);
	int r = core_report_next(a->core, &report);
	if (r == CORE_NOT_FOUND)
		return;
	atomic_store(&a->reportable, true);
	if (r != 0) {
		agent_core_failed(&a->reports, r, "what there is to report cannot be read");
		return;
	}
	a->number = report.number;
	buf_reset(&a->reports.body);
	protocol_put_report(&a->reports.body, &report);
	report_done(&report);
	pace_take(&a->reports.pace, clock_mono());
	ask(a, &a->reports, Q_REPORT, "POST", "/fleet/v1/reports", 0);
}

static bool is_changed(struct fleet_agent *a)
{
	a->describe_at = clock_mono() + DESCRIBE_TIME;
	return describe(a) && !slice_eq(buf_as_slice(&a->reports.body), buf_as_slice(&a->said));
}

static int64_t report_due(const struct fleet_agent *a)
{
	return MAX_OF(a->reports.due, pace_due(&a->reports.pace));
}

static int64_t wishes_due(const struct fleet_agent *a)
{
	return MAX_OF(a->wishes.due, pace_due(&a->wishes.pace));
}

void agent_ask_due(struct fleet_agent *a)
{
	int64_t now = clock_mono();
	if (!a->connected) {
		if (a->reports.question == Q_NONE && now >= a->retry_at)
			connect_again(a);
		return;
	}
	if (a->wishes.question == Q_NONE && now >= wishes_due(a))
		ask_wishes(a);
	if (a->reports.question == Q_NONE && now >= a->describe_at && is_changed(a))
		ask_info(a);
	if (a->reports.question == Q_NONE && atomic_load(&a->reportable) && now >= report_due(a))
		ask_report(a);
}

int agent_sleep_time(const struct fleet_agent *a)
{
	int64_t now = clock_mono(), next = now + SLEEP_MOST;
	if (!a->connected) {
		if (a->reports.question == Q_NONE)
			next = MIN_OF(next, a->retry_at);
	} else {
		if (a->wishes.question == Q_NONE)
			next = MIN_OF(next, wishes_due(a));
		if (a->reports.question == Q_NONE)
			next = MIN_OF(next, a->describe_at);
		if (a->reports.question == Q_NONE && atomic_load(&a->reportable))
			next = MIN_OF(next, report_due(a));
	}
	return (int)MAX_OF(next - now, 0);
}
