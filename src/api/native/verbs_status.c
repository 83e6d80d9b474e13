/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status, top */
#include "api/native/control.h"
#include "api/native/hosts.h"
#include "base/clock.h"
#include "core/fleet.h"
#include "core/settings.h"
#include "model/settings.h"

#define TOP_MINUTES 5

static void put_source(void *ctx, const struct source_status *s)
{
	struct json *j = ctx;
	json_begin_object(j);
	json_field(j, "name", s->name);
	json_field_int(j, "lines", (int64_t)s->reader->lines);
	json_field_int(j, "failures", (int64_t)s->reader->failures);
	json_field_int(j, "unparsed", (int64_t)s->reader->unparsed);
	json_field_int(j, "messages", (int64_t)s->reader->messages);
	json_field_int(j, "unknown", (int64_t)s->reader->unknown);
	json_field_int(j, "too_long",
		(int64_t)(s->reader->too_long + s->tail.too_long + s->journal.too_long));
	json_field_int(j, "gaps", (int64_t)(s->tail.gaps + s->journal.gaps));
	json_field_int(j, "behind_bytes", s->tail.size_behind);
	verb_put_time(j, "last_event", s->last_event == INT64_MIN ? 0 : s->last_event);
	verb_put_time(j, "last_read", s->last_read);
	json_field_int(j, "unparsed_permille", s->unread);
	json_field_int(j, "unknown_permille", s->unknown);
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

/* A server: how many agents it has. Null where nobody listens for any. */
static void put_fleet(struct verb_call *call, const struct settings *set)
{
	struct json *j = call->out;
	struct hosts_count hosts = {0};
	if (!set->fleet_listen.host[0] || hosts_count(call, &hosts) != 0) {
		json_field_null(j, "fleet");
		return;
	}
	json_key(j, "fleet");
	json_begin_object(j);
	json_field_int(j, "agents", hosts.remote);
	json_field_int(j, "online", hosts.online);
	json_end_object(j);
}

/* An agent: its link, and what its server has not got yet. Null where there is none. */
static void put_link(struct verb_call *call)
{
	struct json *j = call->out;
	struct control_link link;
	int64_t waiting = 0;
	if (!control_get_link(call->control, &link)) {
		json_field_null(j, "link");
		return;
	}
	(void)store_report_waiting(core_store(call->core), &waiting);
	json_key(j, "link");
	json_begin_object(j);
	json_field(j, "server", link.server);
	json_field(j, "name", link.name);
	json_field_bool(j, "connected", link.connected);
	verb_put_time(j, "since", link.since);
	verb_put_time(j, "heard", link.heard);
	json_field(j, "error", link.error[0] ? link.error : NULL);
	json_field_int(j, "waiting", waiting);
	json_end_object(j);
}

static int verb_status(struct verb_call *call)
{
	const struct settings *set = core_settings(call->core);
	struct core_status s;
	struct json *j = call->out;
	core_get_status(call->core, &s);
	json_begin_object(j);
	json_field(j, "version", CORDON_VERSION);
	json_field(j, "role", settings_role_name(set->role));
	json_field(j, "host", s.host.name);
	json_field(j, "uuid", s.host.uuid);
	json_field(j, "account_id", call->account.uid);
	json_field(j, "project_id", call->account.project_id);
	verb_put_time(j, "started", s.started);
	put_kernel(j, &s, set);
	put_blocks(j, &s);
	put_detection(j, &s, core_store(call->core));
	put_fleet(call, set);
	put_link(call);
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
	int64_t account;
};

static int keep_state(void *ctx, const struct block_row *row)
{
	*(const char **)ctx = block_state_name(row->block.state);
	return 0;
}

static int put_attacker(void *ctx, const struct attempt_source *a)
{
	struct top *top = ctx;
	struct json *j = top->json;
	char text[PREFIX_TEXT_MAX];
	const char *state = NULL;
	int64_t total;
	const struct block_query q = {.account = top->account,
		.has_address = true,
		.address = a->source.addr,
		.service = (enum service)a->service,
		.limit = 1};
	(void)store_block_query(top->store, &q, keep_state, &state, &total);
	json_begin_object(j);
	json_field(j, "source", prefix_format(&a->source, text));
	json_field(j, "service", service_name((enum service)a->service));
	json_field_int(j, "failures", a->failures);
	verb_put_time(j, "latest", a->latest);
	json_field(j, "state", state);
	json_end_object(j);
	return 0;
}

/* {"most": N}: who attacked in the latest minutes. */
static int verb_top(struct verb_call *call)
{
	int64_t most;
	int r = verb_number(call, "most", 20, &most);
	if (r != 0)
		return r;
	struct top top = {call->out, core_store(call->core), call->account.id};
	json_begin_object(call->out);
	json_field_int(call->out, "minutes", TOP_MINUTES);
	json_key(call->out, "attackers");
	json_begin_array(call->out);
	r = store_attempt_top(top.store, top.account, clock_now() - TOP_MINUTES * MS_MINUTE,
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
