/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blocks, verify */
#include "api/native/hosts.h"
#include "core/settings.h"
#include "model/settings.h"

#include <errno.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     100000
#define HISTORY_MAX   20

static int put_row(void *ctx, const struct block_row *row)
{
	struct json *j = ctx;
	const struct block *b = &row->block;
	char text[PREFIX_TEXT_MAX];
	json_begin_object(j);
	json_field_int(j, "id", b->id);
	json_field(j, "host", row->host.name);
	json_field_bool(j, "local", !row->host.remote);
	json_field(j, "target", prefix_format(&b->target, text));
	json_field(j, "trigger", addr_format(&b->trigger, text));
	json_field(j, "direction", b->direction == BLOCK_OUT ? "out" : "in");
	json_field(j, "service", b->service ? service_name(b->service) : NULL);
	json_field_int(j, "port", b->port);
	json_field(j, "state", block_state_name(b->state));
	json_field(j, "error", b->error[0] ? b->error : NULL);
	json_field(j, "rule", b->rule_name);
	json_field(j, "source", b->source == RULE_BLINK ? "system" : "user");
	json_field_int(j, "attempts", b->attempts);
	json_field_int(j, "lives", b->lives);
	verb_put_time(j, "created", b->created);
	verb_put_time(j, "first_attempt", b->first_attempt);
	verb_put_time(j, "latest_attempt", b->latest_attempt);
	verb_put_time(j, "expires", b->expires);
	json_field_bool(j, "permanent", b->expires == BLOCK_FOREVER);
	json_end_object(j);
	return 0;
}

static const struct {
	const char *name;
	uint32_t states;
} state_names[] = {
	{"active", 1u << BLOCK_WANTED | 1u << BLOCK_APPLIED},
	{"wanted", 1u << BLOCK_WANTED},
	{"applied", 1u << BLOCK_APPLIED},
	{"failed", 1u << BLOCK_FAILED},
	{"expired", 1u << BLOCK_EXPIRED},
	{"cancelling", 1u << BLOCK_CANCELLING},
	{"canceled", 1u << BLOCK_CANCELED},
	{"all", 0},
};

static int parse_states(struct verb_call *call, uint32_t *ret)
{
	const char *text = verb_text(call, "state");
	if (!text)
		text = "active";
	for (size_t i = 0; i < countof(state_names); i++)
		if (strcmp(state_names[i].name, text) == 0) {
			*ret = state_names[i].states;
			return 0;
		}
	return err_set(call->err, CORE_INVALID,
		"state %s: active, wanted, applied, failed, expired, cancelling, canceled or all",
		text);
}

static int fill_host(struct verb_call *call, struct block_query *q)
{
	const char *which = verb_text(call, "host");
	struct host h;
	if (!which)
		return 0;
	int r = hosts_find(call, which, &h);
	if (r == 0)
		q->host = h.id;
	return r;
}

static int fill_query(struct verb_call *call, struct block_query *q)
{
	const char *address = verb_text(call, "address"), *service = verb_text(call, "service");
	int r = parse_states(call, &q->states);
	if (r == 0)
		r = verb_number(call, "limit", LIMIT_DEFAULT, &q->limit);
	if (r == 0)
		r = verb_number(call, "offset", 0, &q->offset);
	if (r != 0)
		return r;
	if (q->limit < 0 || q->limit > LIMIT_MAX || q->offset < 0)
		return err_set(call->err, CORE_INVALID, "limit: 0 to %d", LIMIT_MAX);
	q->has_address = address != NULL;
	if (address && !addr_parse(slice_of(address), &q->address))
		return err_set(call->err, CORE_INVALID, "%s: not an address", address);
	q->service = service ? service_parse(slice_of(service)) : SERVICE_NONE;
	if (service && q->service == SERVICE_NONE)
		return err_set(call->err, CORE_INVALID, "%s: not a service", service);
	return fill_host(call, q);
}

static int verb_blocks(struct verb_call *call)
{
	struct block_query q = {.account = call->account.id};
	struct hosts_count hosts;
	int64_t total = 0;
	int r = fill_query(call, &q);
	if (r == 0)
		r = hosts_count(call, &hosts);
	if (r != 0)
		return r;
	json_begin_object(call->out);
	json_key(call->out, "blocks");
	json_begin_array(call->out);
	r = store_block_query(core_store(call->core), &q, put_row, call->out, &total);
	json_end_array(call->out);
	json_field_int(call->out, "total", total);
	json_field_int(call->out, "hosts", hosts.all);
	json_end_object(call->out);
	return r;
}

struct verify {
	void *later;
	struct core *core;
	int64_t account;
};

/* Of -ENOTSUP the reason is known better than its words say it. */
static const char *kernel_error(const struct verify *a, int error)
{
	if (error == 0)
		return NULL;
	if (error != -ENOTSUP)
		return strerror(-error);
	return core_settings(a->core)->role == ROLE_SERVER
		       ? "a server blocks nothing itself, its agents do"
		       : "this machine observes, nothing is blocked";
}

static void put_kernel(struct json *j, const struct verify *a, const struct core_verify *v)
{
	json_key(j, "kernel");
	json_begin_object(j);
	json_field_bool(j, "asked", v->kernel_asked);
	json_field_bool(j, "has", v->kernel_has);
	json_field(j, "error", kernel_error(a, v->kernel_error));
	if (v->kernel_has) {
		verb_put_time(j, "expires", v->kernel.expires);
		json_field_int(j, "record", v->kernel.record);
	}
	json_end_object(j);
}

/* Of whom lines alone prove nothing: whether the service answered him. */
static void put_answered(struct json *j, const struct core_verify *v)
{
	json_key(j, "answered");
	json_begin_object(j);
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++)
		if (v->answered[s] >= 0)
			json_field_bool(j, service_name(s), v->answered[s]);
	json_end_object(j);
}

static int put_audit(void *ctx, const struct audit_entry *e)
{
	struct json *j = ctx;
	json_begin_object(j);
	verb_put_time(j, "time", e->time);
	json_field(j, "who", e->who);
	json_field(j, "from", e->from[0] ? e->from : NULL);
	json_field(j, "what", e->what);
	json_field(j, "detail", e->detail);
	json_end_object(j);
	return 0;
}

static void put_history(struct json *j, const struct verify *a, const struct core_verify *v)
{
	char source[PREFIX_TEXT_MAX];
	struct store *store = core_store(a->core);
	struct attempt_sum sum = {0};
	(void)store_attempt_sum(store, a->account, &v->source, &sum);
	json_field_int(j, "failures_total", sum.failures);
	verb_put_time(j, "first_failure", sum.first);
	verb_put_time(j, "latest_failure", sum.latest);
	json_key(j, "history");
	json_begin_array(j);
	const struct audit_query q = {.account = a->account,
		.object = prefix_format(&v->source, source),
		.limit = HISTORY_MAX};
	(void)store_audit_query(store, &q, put_audit, j);
	json_end_array(j);
}

static void on_verified(void *ctx, const struct core_verify *v)
{
	struct verify *a = ctx;
	char text[PREFIX_TEXT_MAX];
	_cleanup_(buf_done) struct buf result = BUF_NULL;
	struct json j;
	int64_t total;
	struct block_query q = {
		.account = a->account, .has_address = true, .address = v->address, .limit = 100};
	json_start(&j, &result);
	json_begin_object(&j);
	json_field(&j, "address", addr_format(&v->address, text));
	json_field(&j, "counts_as", prefix_format(&v->source, text));
	json_field(&j, "role", settings_role_name(core_settings(a->core)->role));
	json_field(&j, "never_blocked", v->never ? protect_reason_text(v->never) : NULL);
	json_field_int(&j, "failures_in_window", v->window_failures);
	put_kernel(&j, a, v);
	put_answered(&j, v);
	json_key(&j, "records");
	json_begin_array(&j);
	(void)store_block_query(core_store(a->core), &q, put_row, &j, &total);
	json_end_array(&j);
	put_history(&j, a, v);
	json_end_object(&j);
	control_answer(a->later, &result, NULL);
	free(a);
}

static int verb_verify(struct verb_call *call)
{
	const char *text = verb_text(call, "address");
	struct addr address;
	if (!text || !addr_parse(slice_of(text), &address))
		return err_set(call->err, CORE_INVALID, "%s: not an address", text ? text : "?");
	struct verify *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = (struct verify){.later = call->later, .core = call->core, .account = call->account.id};
	int r = core_verify(call->core, &address, on_verified, a);
	if (r < 0)
		free(a);
	return r < 0 ? r : VERB_LATER;
}

const struct verb verbs_blocks[] = {
	{"blocks", verb_blocks},
	{"verify", verb_verify},
	{NULL, NULL},
};
