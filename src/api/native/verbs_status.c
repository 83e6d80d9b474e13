/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status, top */
#include "api/native/verbs.h"
#include "base/clock.h"
#include "model/settings.h"

#define TOP_MINUTES 5

static void field_time(struct json *j, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT_MAX];
	if (ms <= 0)
		json_field_null(j, name);
	else
		json_field(j, name, clock_format(ms, text));
}

static void put_source(void *ctx, const struct source_status *s)
{
	struct json *j = ctx;
	json_begin_object(j);
	json_field(j, "name", s->name);
	json_field_int(j, "lines", (int64_t)s->reader->lines);
	json_field_int(j, "failures", (int64_t)s->reader->failures);
	json_field_int(j, "unparsed", (int64_t)s->reader->unparsed);
	json_field_int(j, "too_long",
		(int64_t)(s->reader->too_long + s->tail.too_long + s->journal.too_long));
	json_field_int(j, "gaps", (int64_t)(s->tail.gaps + s->journal.gaps));
	json_field_int(j, "behind_bytes", s->tail.size_behind);
	field_time(j, "last_event", s->last_event == INT64_MIN ? 0 : s->last_event);
	field_time(j, "last_read", s->last_read);
	json_field_int(j, "unparsed_permille", s->unread);
	json_field_int(j, "silent_seconds", s->since_line / MS_SECOND);
	json_field_int(j, "shift_seconds", s->shift / MS_SECOND);
	json_field_int(j, "skew_seconds", s->skew / MS_SECOND);
	json_field(j, "error", s->error[0] ? s->error : NULL);
	json_field(j, "problem", s->problem[0] ? s->problem : NULL);
	json_field(j, "note", s->note[0] ? s->note : NULL);
	json_end_object(j);
}

static void put_kernel(struct json *j, const struct core_status *s, const struct settings *set)
{
	json_key(j, "kernel");
	json_begin_object(j);
	json_field(j, "mode", s->observe ? "observe" : "enforce");
	json_field(j, "table", set->nft_table);
	json_field_bool(j, "in_line", s->synced);
	json_field_bool(j, "owner", s->kernel->owner);
	json_field(j, "release", s->kernel->kernel);
	json_field(j, "lacks", s->kernel->lacks[0] ? s->kernel->lacks : NULL);
	json_field_int(j, "elements", (int64_t)s->elements);
	json_field_int(j, "drifts", (int64_t)s->drifts);
	json_end_object(j);
}

static void put_blocks(struct json *j, const struct core_status *s)
{
	json_key(j, "blocks");
	json_begin_object(j);
	for (enum block_state i = 0; i < BLOCK_STATES; i++)
		json_field_int(j, block_state_name(i), s->blocks[i]);
	json_field_int(j, "begun", (int64_t)s->blocks_new);
	json_field_int(j, "refused", (int64_t)s->blocks_refused);
	json_field_int(j, "over_ceiling", (int64_t)s->blocks_over_ceiling);
	json_field_bool(j, "at_ceiling", s->at_ceiling);
	json_end_object(j);
}

static void put_detection(struct json *j, const struct core_status *s, struct store *store)
{
	json_key(j, "detection");
	json_begin_object(j);
	json_field_int(j, "failures", (int64_t)s->detect.failures);
	json_field_int(j, "duplicates", (int64_t)s->detect.duplicates);
	json_field_int(j, "unconfirmed", (int64_t)s->unconfirmed);
	json_field_int(j, "sources_tracked", (int64_t)s->windows.tracked);
	json_field_int(j, "sources_evicted", (int64_t)s->windows.evicted);
	json_field_int(j, "sessions", s->sessions);
	json_field_int(j, "failures_last_day",
		MAX_OF(store_attempt_total(store, clock_now() - MS_DAY), 0));
	json_end_object(j);
}

static int verb_status(struct verb_call *call)
{
	struct core_status s;
	struct json *j = call->out;
	core_get_status(call->core, &s);
	json_begin_object(j);
	json_field(j, "version", CORDON_VERSION);
	json_field(j, "host", s.host.name);
	json_field(j, "uuid", s.host.uuid);
	json_field(j, "account_id", s.account.uid);
	json_field(j, "project_id", s.account.project_id);
	field_time(j, "started", s.started);
	put_kernel(j, &s, core_settings(call->core));
	put_blocks(j, &s);
	put_detection(j, &s, core_store(call->core));
	json_field_int(j, "database_bytes", (int64_t)s.store_bytes);
	json_field_int(j, "commit_failures", (int64_t)s.commit_failures);
	json_key(j, "sensors");
	json_begin_array(j);
	core_each_source(call->core, put_source, j);
	json_end_array(j);
	json_end_object(j);
	return 0;
}

struct top {
	struct json *json;
	struct store *store;
	uint32_t host;
};

static int put_attacker(void *ctx, const struct attempt_source *a)
{
	struct top *top = ctx;
	struct json *j = top->json;
	char text[PREFIX_TEXT_MAX];
	struct block b;
	bool known = store_block_find(top->store, top->host, &a->source, (enum service)a->service,
			     BLOCK_IN, &b) == 0;
	json_begin_object(j);
	json_field(j, "source", prefix_format(&a->source, text));
	json_field(j, "service", service_name((enum service)a->service));
	json_field_int(j, "failures", a->failures);
	field_time(j, "latest", a->latest);
	json_field(j, "state", known ? block_state_name(b.state) : NULL);
	json_end_object(j);
	return 0;
}

/* {"most": N}: who attacked in the latest minutes. */
static int verb_top(struct verb_call *call)
{
	struct core_status s;
	int64_t most;
	int r = verb_number(call, "most", 20, &most);
	if (r != 0)
		return r;
	core_get_status(call->core, &s);
	struct top top = {call->out, core_store(call->core), s.host.id};
	json_begin_object(call->out);
	json_field_int(call->out, "minutes", TOP_MINUTES);
	json_key(call->out, "attackers");
	json_begin_array(call->out);
	r = store_attempt_top(top.store, clock_now() - TOP_MINUTES * MS_MINUTE,
		(unsigned)MIN_OF(MAX_OF(most, 1), 1000), put_attacker, &top);
	json_end_array(call->out);
	json_end_object(call->out);
	return r;
}

const struct verb verbs_status[] = {
	{"status", verb_status},
	{"top", verb_top},
	{NULL, NULL},
};
