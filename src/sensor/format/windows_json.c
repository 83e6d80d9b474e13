/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows' events as JSON, an object a line:
 *
 *   Winlogbeat 7 and 8   {"@timestamp":…,"winlog":{"event_id":"4625","provider_name":…,
 *                        "computer_name":…,"event_data":{"IpAddress":…,"LogonType":…}}}
 *   Winlogbeat 5 and 6   the same without "winlog" around it
 *   NXLog (to_json)      {"EventID":4625,"SourceName":…,"Hostname":…,"IpAddress":…}
 *
 * The names below are those of the events' own definition (Microsoft, "4625(F): An
 * account failed to log on"), which both keep.
 */
#include "base/util.h"
#include "sensor/format/text.h"
#include "sensor/format/windows.h"

#include <jansson.h>

/* Where the fields of an event are. */
struct object {
	const json_t *system; /* who wrote it */
	const json_t *data;
	const char *id, *provider, *host;
};

static struct slice text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	if (!json_is_string(value))
		return SLICE_NULL;
	return (struct slice){json_string_value(value), json_string_length(value)};
}

/* A number, or one in a text. */
static uint32_t number_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	uint32_t number = 0;
	if (json_is_integer(value)) {
		json_int_t n = json_integer_value(value);
		return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
	}
	struct slice text = text_of(object, name);
	return cut_number(&text, &number) && text.n == 0 ? number : 0;
}

static struct object find_fields(const json_t *root)
{
	const json_t *winlog = json_object_get(root, "winlog");
	const json_t *beat = json_is_object(winlog) ? winlog : root;
	if (json_object_get(beat, "event_data"))
		return (struct object){.system = beat,
			.data = json_object_get(beat, "event_data"),
			.id = "event_id",
			.provider = json_object_get(beat, "provider_name") ? "provider_name"
									   : "source_name",
			.host = "computer_name"};
	return (struct object){.system = root,
		.data = root,
		.id = "EventID",
		.provider = "SourceName",
		.host = "Hostname"};
}

/*
 * The value of a text as the line has it, escapes and all: borrowed, while jansson's is not.
 * Only a key has its quotes without a backslash in front and a colon behind.
 */
static struct slice raw_of(struct slice line, struct slice key)
{
	const char *end = line.p + line.n, *p = memmem(line.p, line.n, key.p, key.n);
	if (!p)
		return SLICE_NULL;
	struct slice rest = skip_blanks(slice_between(p + key.n, end));
	if (!cut_start(&rest, SLICE(":")))
		return SLICE_NULL;
	rest = skip_blanks(rest);
	if (!cut_start(&rest, SLICE("\"")))
		return SLICE_NULL;
	for (p = rest.p; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? slice_between(rest.p, p) : SLICE_NULL;
}

static bool is_from(const struct object *o, struct slice provider)
{
	return slice_eq(text_of(o->system, o->provider), provider);
}

/* Of the channel Security. */
static bool read_logon(struct slice line, const struct object *o, struct windows_event *e)
{
	struct slice user = raw_of(line, SLICE("\"TargetUserName\""));
	if (!is_from(o, SLICE("Microsoft-Windows-Security-Auditing")))
		return false;
	e->logon_type = number_of(o->data, "LogonType");
	e->source = source_of(text_of(o->data, "IpAddress"));
	uint32_t port = number_of(o->data, "IpPort");
	e->source.port = port <= UINT16_MAX ? (uint16_t)port : 0;
	e->user = slice_eq(user, SLICE("-")) ? SLICE_NULL : user;
	return true;
}

/* Of RdpCoreTS: 131 says ClientIP "ADDR:PORT", 140 IPString "ADDR". */
static bool read_client(const struct object *o, struct windows_event *e)
{
	if (!is_from(o, SLICE("Microsoft-Windows-RemoteDesktopServices-RdpCoreTS")))
		return false;
	e->source = e->id == WINDOWS_CONNECTED ? source_with_port(text_of(o->data, "ClientIP"))
					       : source_of(text_of(o->data, "IPString"));
	return true;
}

static enum said read_event(struct slice line, const struct object *o, struct windows_event *e)
{
	uint32_t id = number_of(o->system, o->id);
	bool logon = id == WINDOWS_FAILED || id == WINDOWS_LOGGED_ON;
	if (id == 0)
		return SAID_UNKNOWN;
	if (!logon && id != WINDOWS_CONNECTED && id != WINDOWS_REFUSED)
		return SAID_NOTHING;
	e->id = (enum windows_id)id;
	return (logon ? read_logon(line, o, e) : read_client(o, e)) ? SAID_LOGIN : SAID_NOTHING;
}

enum said windows_read_json(struct slice line, struct windows_event *ret)
{
	/* most of a log is other events: they are not worth being taken apart */
	if (!has(line, SLICE("4625")) && !has(line, SLICE("4624")) &&
		!has(line, SLICE("RdpCoreTS")))
		return SAID_NOTHING;
	/* a name with a NUL in it must not hide its failure */
	json_t *root = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	enum said said = SAID_UNKNOWN;
	if (json_is_object(root)) {
		struct object o = find_fields(root);
		struct windows_event e = {0};
		said = read_event(line, &o, &e);
		if (said == SAID_LOGIN) {
			windows_set_host(&e, text_of(o.system, o.host));
			*ret = e;
		}
	}
	json_decref(root);
	return said;
}
