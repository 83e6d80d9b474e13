/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One reading goes through one document. Its error is sticky: after the first thing that is not as
 * it should be nothing more is looked at, and err says where that was.
 */
#include "base/clock.h"
#include "fleet/plain.h"
#include "fleet/protocol_private.h"

#include <errno.h>

struct reading {
	struct err *err;
	int error;        /* 0, -EBADMSG or -ENOMEM */
	const char *list; /* which list we are in; NULL: at the top */
	size_t row;
};

static void fail(struct reading *r, const char *name, const char *what)
{
	if (r->error)
		return;
	r->error = -EBADMSG;
	if (r->list)
		(void)err_set(r->err, -EBADMSG, "%s[%zu]%s%s %s", r->list, r->row,
			name[0] ? "." : "", name, what);
	else
		(void)err_set(r->err, -EBADMSG, "%s %s", name, what);
}

static void run_out(struct reading *r)
{
	r->error = -ENOMEM;
	(void)err_set(r->err, -ENOMEM, "no memory");
}

static json_t *parse(struct reading *r, struct slice text)
{
	json_error_t error;
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
	if (!root && json_error_code(&error) == json_error_out_of_memory) {
		run_out(r);
	} else if (!root) {
		r->error = -EBADMSG;
		(void)err_set(r->err, -EBADMSG, "not JSON, at line %d, column %d", error.line,
			error.column);
	} else if (!json_is_object(root)) {
		fail(r, "what was sent", "is not an object");
	}
	return root;
}

static void drop(json_t **root)
{
	json_decref(*root);
}

/* --- single values -------------------------------------------------------------------- */

static int64_t integer(
	struct reading *r, const json_t *value, const char *name, int64_t least, int64_t most)
{
	if (!json_is_integer(value))
		fail(r, name, "is not an integer");
	else if (json_integer_value(value) < least || json_integer_value(value) > most)
		fail(r, name, "is out of range");
	else
		return json_integer_value(value);
	return 0;
}

static const char *text_of(struct reading *r, const json_t *value, const char *name, size_t size)
{
	const char *text = json_string_value(value);
	if (!text)
		fail(r, name, "is not a text");
	else if (strlen(text) >= size)
		fail(r, name, "is too long");
	else if (!plain_is(text, strlen(text)))
		fail(r, name, "has a control character");
	else
		return text;
	return "";
}

static struct prefix prefix_from(struct reading *r, const json_t *value, const char *name)
{
	char canonical[PREFIX_TEXT_MAX];
	const char *text = text_of(r, value, name, sizeof(canonical));
	struct prefix p = {0};
	if (!r->error && (!prefix_parse(slice_of(text), &p) ||
				 strcmp(prefix_format(&p, canonical), text) != 0))
		fail(r, name, "is not a prefix in its canonical form");
	return p;
}

static enum service service_from(struct reading *r, const json_t *value, const char *name)
{
	const char *text = text_of(r, value, name, 16);
	enum service s = service_parse(slice_of(text));
	if (s == SERVICE_NONE && strcmp(text, service_name(SERVICE_NONE)) != 0)
		fail(r, name, "is no service");
	return s;
}

/* --- members of an object ------------------------------------------------------------- */

static int64_t get_int(
	struct reading *r, const json_t *o, const char *name, int64_t least, int64_t most)
{
	return integer(r, json_object_get(o, name), name, least, most);
}

static int64_t get_count(struct reading *r, const json_t *o, const char *name)
{
	return get_int(r, o, name, 0, PROTOCOL_COUNT_MAX);
}

static int64_t get_time(struct reading *r, const json_t *o, const char *name)
{
	return get_int(r, o, name, 0, PROTOCOL_TIME_MAX);
}

static int64_t get_expires(struct reading *r, const json_t *o)
{
	return json_is_null(json_object_get(o, "expires")) ? BLOCK_FOREVER
							   : get_time(r, o, "expires");
}

static bool get_bool(struct reading *r, const json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);
	if (!json_is_boolean(value))
		fail(r, name, "is neither true nor false");
	return json_is_true(value);
}

static void get_text(struct reading *r, const json_t *o, const char *name, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", text_of(r, json_object_get(o, name), name, size));
}

/* Which of these names. */
static unsigned get_choice(
	struct reading *r, const json_t *o, const char *name, const char *const *names, unsigned n)
{
	const char *text = text_of(r, json_object_get(o, name), name, 16);
	for (unsigned i = 0; i < n; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	fail(r, name, "is none of those that are known");
	return 0;
}

static enum block_state get_state(struct reading *r, const json_t *o)
{
	const char *text = text_of(r, json_object_get(o, "state"), "state", 16);
	for (enum block_state s = 0; s < BLOCK_STATES; s++)
		if (strcmp(text, block_state_name(s)) == 0)
			return s;
	fail(r, "state", "is none of those that are known");
	return BLOCK_WANTED;
}

static struct addr get_addr(struct reading *r, const json_t *o, const char *name)
{
	char canonical[ADDR_TEXT_MAX];
	const char *text = text_of(r, json_object_get(o, name), name, sizeof(canonical));
	struct addr a = {0};
	if (!r->error &&
		(!addr_parse(slice_of(text), &a) || strcmp(addr_format(&a, canonical), text) != 0))
		fail(r, name, "is not an address in its canonical form");
	return a;
}

/* Lines of a PEM text. */
static void get_pem(struct reading *r, const json_t *o, const char *name, char *ret)
{
	const char *text = json_string_value(json_object_get(o, name));
	size_t n = text ? strlen(text) : 0;
	if (n == 0 || n >= FLEET_PEM_MAX)
		fail(r, name, "is missing or too long");
	for (size_t i = 0; !r->error && i < n; i++)
		if (text[i] != '\n' && text[i] != '\r' && (text[i] < ' ' || text[i] > '~'))
			fail(r, name, "is not PEM");
	if (!r->error)
		memcpy(ret, text, n + 1);
}

/* A list of at most so many; 0 elements when it is none. */
static const json_t *get_list(
	struct reading *r, const json_t *o, const char *name, size_t most, size_t *ret_n)
{
	const json_t *list = json_object_get(o, name);
	*ret_n = 0;
	if (!json_is_array(list))
		fail(r, name, "is not a list");
	else if (json_array_size(list) > most)
		fail(r, name, "is too long");
	else
		*ret_n = json_array_size(list);
	return list;
}

/* Reads each element of a list into an array, whose memory the caller frees. */
static void *read_list(struct reading *r, const json_t *o, const char *name, size_t most,
	size_t size, void (*read)(struct reading *r, const json_t *value, void *ret), size_t *ret_n)
{
	size_t n;
	const json_t *list = get_list(r, o, name, most, &n);
	char *rows = n ? calloc(n, size) : NULL;
	if (n && !rows && !r->error)
		run_out(r);
	r->list = name;
	for (size_t i = 0; rows && !r->error && i < n; i++) {
		r->row = i;
		read(r, json_array_get(list, i), rows + i * size);
	}
	r->list = NULL;
	*ret_n = n;
	return rows;
}

/* --- reports -------------------------------------------------------------------------- */

static void read_attempt(struct reading *r, const json_t *value, void *ret)
{
	struct report_attempt *a = ret;
	if (json_array_size(value) != 4) {
		fail(r, "", "is not a list of four");
		return;
	}
	a->minute = PROTOCOL_MINUTE * integer(r, json_array_get(value, 0), "minute", 0,
					      PROTOCOL_TIME_MAX / PROTOCOL_MINUTE);
	a->source = prefix_from(r, json_array_get(value, 1), "source");
	a->service = service_from(r, json_array_get(value, 2), "service");
	if (a->service == SERVICE_NONE)
		fail(r, "service", "is none");
	a->n = integer(r, json_array_get(value, 3), "n", 1, PROTOCOL_COUNT_MAX);
}

static void read_block(struct reading *r, const json_t *o, void *ret)
{
	struct block *b = ret;
	b->target = prefix_from(r, json_object_get(o, "target"), "target");
	b->trigger = get_addr(r, o, "trigger");
	b->direction = get_choice(r, o, "direction", protocol_directions, 2);
	b->service = service_from(r, json_object_get(o, "service"), "service");
	b->port = (uint16_t)get_int(r, o, "port", 0, UINT16_MAX);
	b->state = get_state(r, o);
	b->applied_once = get_bool(r, o, "applied_once");
	b->source = get_choice(r, o, "source", protocol_sources, RULE_SOURCES);
	get_text(r, o, "rule", b->rule_name, sizeof(b->rule_name));
	get_text(r, o, "error", b->error, sizeof(b->error));
	b->created = get_time(r, o, "created");
	b->first_attempt = get_time(r, o, "first_attempt");
	b->latest_attempt = get_time(r, o, "latest_attempt");
	b->attempts = get_count(r, o, "attempts");
	b->expires = get_expires(r, o);
	b->changed = get_time(r, o, "changed");
	b->lives = (uint32_t)get_int(r, o, "lives", 0, UINT32_MAX);
	b->wish = get_count(r, o, "wish");
}

int protocol_get_report(struct slice text, struct report *ret, struct err *err)
{
	struct reading r = {.err = err};
	struct report report = {0};
	_cleanup_(drop) json_t *root = parse(&r, text);
	if (!r.error) {
		report.number = get_int(&r, root, "number", 1, PROTOCOL_COUNT_MAX);
		report.seen = get_count(&r, root, "seen");
		report.attempts = read_list(&r, root, "attempts", REPORT_ATTEMPTS_MAX,
			sizeof(*report.attempts), read_attempt, &report.attempt_count);
		report.blocks = read_list(&r, root, "blocks", REPORT_BLOCKS_MAX,
			sizeof(*report.blocks), read_block, &report.block_count);
	}
	if (r.error)
		report_done(&report);
	else
		*ret = report;
	return r.error;
}

/* --- wishes --------------------------------------------------------------------------- */

static void read_wish(struct reading *r, const json_t *o, void *ret)
{
	struct wish *w = ret;
	w->target = prefix_from(r, json_object_get(o, "target"), "target");
	w->trigger = get_addr(r, o, "trigger");
	w->direction = get_choice(r, o, "direction", protocol_directions, 2);
	w->service = service_from(r, json_object_get(o, "service"), "service");
	w->port = (uint16_t)get_int(r, o, "port", 0, UINT16_MAX);
	w->lift = get_bool(r, o, "lift");
	w->expires = get_expires(r, o);
	w->version = get_count(r, o, "version");
	w->source = get_choice(r, o, "source", protocol_sources, RULE_SOURCES);
	get_text(r, o, "rule", w->rule_name, sizeof(w->rule_name));
}

static uint32_t get_services(struct reading *r, const json_t *o)
{
	size_t n;
	uint32_t services = 0;
	const json_t *list = get_list(r, o, "services", SERVICE_COUNT, &n);
	for (size_t i = 0; i < n; i++)
		services |= SERVICE_BIT(service_from(r, json_array_get(list, i), "services"));
	if (services & SERVICE_BIT(SERVICE_NONE))
		fail(r, "services", "has none among them");
	return services;
}

static void read_rule(struct reading *r, const json_t *o, void *ret)
{
	struct rule *rule = ret;
	get_text(r, o, "name", rule->name, sizeof(rule->name));
	rule->source = get_choice(r, o, "source", protocol_sources, RULE_SOURCES);
	rule->span = get_int(r, o, "span", PROTOCOL_SPAN_MIN, PROTOCOL_SPAN_MAX);
	rule->fail_count = (uint32_t)get_int(r, o, "fail_count", 1, PROTOCOL_FAILS_MAX);
	rule->forbidden = get_int(r, o, "forbidden", MS_SECOND, PROTOCOL_TIME_MAX);
	rule->services = get_services(r, o);
	rule->is_default = get_bool(r, o, "default");
	rule->enabled = get_bool(r, o, "enabled");
	rule->created = get_time(r, o, "created");
}

static void read_allow(struct reading *r, const json_t *value, void *ret)
{
	*(struct prefix *)ret = prefix_from(r, value, "");
}

static void read_wishes(struct reading *r, const json_t *root, struct wishes *w)
{
	w->version = get_count(r, root, "version");
	w->snapshot = get_bool(r, root, "snapshot");
	w->more = get_bool(r, root, "more");
	w->blocks = read_list(r, root, "blocks", WISHES_BLOCKS_MAX, sizeof(*w->blocks), read_wish,
		&w->block_count);
	w->has_policy = json_object_get(root, "rules") || json_object_get(root, "allow");
	if (!w->has_policy)
		return;
	w->rules = read_list(
		r, root, "rules", WISHES_RULES_MAX, sizeof(*w->rules), read_rule, &w->rule_count);
	w->allow = read_list(
		r, root, "allow", WISHES_ALLOW_MAX, sizeof(*w->allow), read_allow, &w->allow_count);
}

int protocol_get_wishes(struct slice text, struct wishes *ret, struct err *err)
{
	struct reading r = {.err = err};
	struct wishes wishes = {0};
	_cleanup_(drop) json_t *root = parse(&r, text);
	if (!r.error)
		read_wishes(&r, root, &wishes);
	if (r.error)
		wishes_done(&wishes);
	else
		*ret = wishes;
	return r.error;
}

/* --- machines ------------------------------------------------------------------------- */

static void check_entry(struct reading *r, const json_t *entry)
{
	for (size_t i = 0; i < countof(protocol_entry); i++) {
		const json_t *value = json_object_get(entry, protocol_entry[i]);
		if (i == 0 || !json_is_null(value))
			(void)text_of(r, value, protocol_entry[i], PROTOCOL_HEALTH);
	}
}

static void get_health(struct reading *r, const json_t *o, char ret[static PROTOCOL_HEALTH])
{
	size_t n;
	const json_t *list = get_list(r, o, "health", PROTOCOL_HEALTH, &n);
	_cleanup_(buf_done) struct buf text = {.limit = PROTOCOL_HEALTH - 1};
	struct json j;
	json_start(&j, &text);
	json_begin_array(&j);
	r->list = "health";
	for (r->row = 0; !r->error && r->row < n; r->row++) {
		check_entry(r, json_array_get(list, r->row));
		if (!r->error)
			protocol_put_entry(&j, json_array_get(list, r->row));
	}
	r->list = NULL;
	json_end_array(&j);
	if (text.error)
		fail(r, "health", "is too long");
	if (!r->error)
		memcpy(ret, text.p, text.n + 1);
}

static void get_address(
	struct reading *r, const json_t *o, const char *name, char *ret, size_t size)
{
	get_text(r, o, name, ret, size);
	if (!r->error && ret[0])
		(void)get_addr(r, o, name);
}

static void read_info(struct reading *r, const json_t *o, struct agent_info *info)
{
	if (!json_is_object(o))
		fail(r, "info", "is not an object");
	get_text(r, o, "version", info->version, sizeof(info->version));
	get_text(r, o, "name", info->name, sizeof(info->name));
	get_text(r, o, "instance_id", info->instance_id, sizeof(info->instance_id));
	get_address(r, o, "internet_ip", info->internet_ip, sizeof(info->internet_ip));
	get_address(r, o, "intranet_ip", info->intranet_ip, sizeof(info->intranet_ip));
	get_text(r, o, "region", info->region, sizeof(info->region));
	info->enforces = get_bool(r, o, "enforces");
	get_health(r, o, info->health);
}

int protocol_get_info(struct slice text, struct agent_info *ret, struct err *err)
{
	struct reading r = {.err = err};
	struct agent_info info = {0};
	_cleanup_(drop) json_t *root = parse(&r, text);
	if (!r.error)
		read_info(&r, root, &info);
	if (!r.error)
		*ret = info;
	return r.error;
}

static void get_token(struct reading *r, const json_t *o, char ret[static FLEET_TOKEN_MAX])
{
	get_text(r, o, "token", ret, FLEET_TOKEN_MAX);
	for (const char *p = ret; !r->error && *p; p++)
		if (*p <= ' ' || *p > '~')
			fail(r, "token", "is none");
	if (!r->error && !ret[0])
		fail(r, "token", "is none");
}

int protocol_get_enrol_request(struct slice text, struct enrol_request *ret, struct err *err)
{
	struct reading r = {.err = err};
	struct enrol_request q = {0};
	_cleanup_(drop) json_t *root = parse(&r, text);
	if (!r.error) {
		get_token(&r, root, q.token);
		get_pem(&r, root, "request", q.request);
		read_info(&r, json_object_get(root, "info"), &q.info);
	}
	if (!r.error)
		*ret = q;
	return r.error;
}

/* 8-4-4-4-12 lower-case hex digits */
static void get_uuid(struct reading *r, const json_t *o, char *ret, size_t size)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	get_text(r, o, "uuid", ret, size);
	bool is = strlen(ret) == strlen(shape);
	for (size_t i = 0; is && shape[i]; i++)
		is = shape[i] == '-' ? ret[i] == '-' : strchr("0123456789abcdef", ret[i]) != NULL;
	if (!is)
		fail(r, "uuid", "is none");
}

int protocol_get_enrol_answer(struct slice text, struct enrol_answer *ret, struct err *err)
{
	struct reading r = {.err = err};
	struct enrol_answer a = {0};
	_cleanup_(drop) json_t *root = parse(&r, text);
	if (!r.error) {
		get_pem(&r, root, "certificate", a.certificate);
		get_uuid(&r, root, a.uuid, sizeof(a.uuid));
		get_text(&r, root, "name", a.name, sizeof(a.name));
	}
	if (!r.error)
		*ret = a;
	return r.error;
}

int protocol_get_number(struct slice text, const char *name, int64_t *ret, struct err *err)
{
	struct reading r = {.err = err};
	_cleanup_(drop) json_t *root = parse(&r, text);
	int64_t n = r.error ? 0 : get_count(&r, root, name);
	if (!r.error)
		*ret = n;
	return r.error;
}

void protocol_get_error(struct slice text, char *ret, size_t size)
{
	_cleanup_(drop) json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	const char *why = json_string_value(json_object_get(root, "error"));
	(void)plain_copy(ret, size, why ? why : "");
}
