/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of the server's answers. */
#include "fleet/agent_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "fleet/protocol.h"

#define KEEP_MOST (64u << 10) /* bytes of a body that stay allocated */

static void on_info(struct fleet_agent *a, struct talk *t, unsigned status)
{
	struct err err;
	if (status != 200 && status != 204) {
		(void)link_explain(t->link, CURLE_OK, &err);
		agent_lost(a, err.text);
		return;
	}
	buf_reset(&a->said);
	buf_slice(&a->said, buf_as_slice(&t->body));
	a->describe_at = clock_mono() + DESCRIBE_TIME;
	agent_connected(a);
}

/* Follows what came; false when the connection is of no use. */
static bool follow(struct fleet_agent *a, struct talk *t)
{
	struct wishes wishes = {0};
	struct err err;
	if (protocol_get_wishes(buf_as_slice(&t->link->answer), &wishes, &err) < 0) {
		(void)err_prefix(&err, 0, "the server's wishes are not understood");
		agent_lost(a, err.text);
		return false;
	}
	int r = core_wishes_follow(a->core, &wishes);
	bool news = wishes.more || wishes.version != a->version;
	if (r == 0)
		a->version = wishes.version;
	wishes_done(&wishes);
	if (r != 0)
		agent_core_failed(t, r, "the server's wishes cannot be followed");
	else if (!news)
		pace_take(&t->pace, clock_mono());
	return true;
}

static void on_wishes(struct fleet_agent *a, struct talk *t, unsigned status)
{
	struct err err;
	bool useful = status == 204;
	if (status == 200) {
		useful = follow(a, t);
	} else if (status == 204) {
		/* a question that was held costs nothing; two machines with one identity would
		   answer each other's without end */
		pace_take(&t->pace, clock_mono());
	} else {
		(void)link_explain(t->link, CURLE_OK, &err);
		agent_lost(a, err.text);
	}
	if (useful)
		a->pause = 0;
}

static void on_refused_report(struct fleet_agent *a, struct talk *t)
{
	struct err err;
	(void)link_explain(t->link, CURLE_OK, &err);
	t->pause = MIN_OF(MAX_OF(t->pause * 2, PAUSE_MIN), PAUSE_MAX);
	t->due = clock_mono() + agent_jitter(t->pause);
	log_error("the server does not take report %lld: %s; again in %lld ms or less",
		(long long)a->number, err.text, (long long)t->pause);
}

static void on_report(struct fleet_agent *a, struct talk *t, unsigned status)
{
	struct slice answer = buf_as_slice(&t->link->answer);
	int64_t next;
	int r = 0;
	if (status == 200) {
		r = core_report_sent(a->core, a->number);
	} else if (status == 409 && protocol_get_number(answer, "next", &next, NULL) == 0) {
		log_warning("the server counts reports differently: %lld becomes %lld",
			(long long)a->number, (long long)next);
		r = core_report_renumber(a->core, a->number, next);
	} else {
		on_refused_report(a, t);
		return;
	}
	t->pause = 0;
	if (r != 0)
		agent_core_failed(t, r, "a report that was sent cannot be forgotten");
}

/* What was wished is lifted first: until then, it is asked again and dismissed again. */
static void on_dismissed(struct fleet_agent *a)
{
	if (core_agent_dismissed(a->core) == 0)
		agent_dismissed(a);
	else
		agent_lost(a, "dismissed, but what was wished cannot be lifted now");
}

static void on_unknown(struct fleet_agent *a)
{
	a->pause = PAUSE_MAX; /* no wonder will happen */
	agent_lost(a, "it does not know this machine's certificate (any more): `cordond enrol "
		      "--force` with a new invitation makes another");
}

static void on_answer(struct fleet_agent *a, struct talk *t, enum question question)
{
	unsigned status = link_status(t->link);
	agent_heard(a);
	if (question == Q_GOODBYE)
		return;
	if (status == 410)
		on_dismissed(a);
	else if (status == 401)
		on_unknown(a);
	else if (question == Q_INFO)
		on_info(a, t, status);
	else if (question == Q_WISHES)
		on_wishes(a, t, status);
	else if (question == Q_REPORT)
		on_report(a, t, status);
}

void agent_answered(struct fleet_agent *a, CURL *curl, CURLcode result)
{
	struct talk *t = curl == a->wishes.link->curl ? &a->wishes : &a->reports;
	enum question question = t->question;
	struct err err;
	agent_drop(a, t);
	if (result == CURLE_OK) {
		on_answer(a, t, question);
	} else {
		(void)link_explain(t->link, result, &err);
		agent_lost(a, err.text);
	}
	if (t->body.size > KEEP_MOST)
		buf_done(&t->body);
	if (t->link->answer.size > KEEP_MOST)
		buf_done(&t->link->answer);
}
