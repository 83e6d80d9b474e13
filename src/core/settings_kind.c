/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Durations, addresses, services …: values that base/config.h does not know.
 */
#include "core/settings_options.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/settings.h"

/* --- durations ------------------------------------------------------------------ */

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{"ms", 1}, /* before "s", which it ends in */
	{"s", MS_SECOND},
	{"m", MS_MINUTE},
	{"h", MS_HOUR},
	{"d", MS_DAY},
};

bool settings_duration(struct slice text, int64_t *ret_ms)
{
	if (slice_eq(text, SLICE("permanent"))) {
		*ret_ms = RULE_PERMANENT;
		return true;
	}
	size_t i = 0;
	while (i < countof(units) && !slice_ends(text, slice_of(units[i].name)))
		i++;
	if (i == countof(units))
		return false;
	text.n -= strlen(units[i].name);
	uint64_t n;
	if (!config_parse_number(text, &n) || n > (uint64_t)(RULE_PERMANENT / units[i].ms))
		return false;
	*ret_ms = (int64_t)n * units[i].ms;
	return true;
}

const char *settings_duration_text(int64_t ms, char text[static 32])
{
	if (ms >= RULE_PERMANENT) {
		(void)snprintf(text, 32, "permanent");
		return text;
	}
	size_t i = countof(units) - 1;
	while (i > 0 && (ms % units[i].ms || (ms == 0 && i > 1)))
		i--;
	(void)snprintf(text, 32, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
	return text;
}

static bool read_duration(const struct config_option *o, struct slice text, void *ret_field)
{
	int64_t ms;
	return settings_duration(text, &ms) && config_store(o, (uint64_t)ms, ret_field);
}

static void limit_duration(uint64_t value, struct buf *out)
{
	char text[32];
	buf_puts(out, settings_duration_text((int64_t)value, text));
}

static void write_duration(const struct config_option *o, const void *field, struct buf *out)
{
	limit_duration(config_load(o, field), out);
}

const struct config_kind settings_kind_duration = {
	.word = "a duration such as 10s, 5m, 6h or 7d",
	.read = read_duration,
	.write = write_duration,
	.limit = limit_duration,
};

/* --- addresses ------------------------------------------------------------------ */

static void write_text(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	buf_puts(out, field);
}

static bool read_address(const struct config_option *o, struct slice text, void *ret_field)
{
	struct addr addr;
	char canonical[ADDR_TEXT_MAX];
	return addr_parse(text, &addr) &&
	       config_store_text(o, slice_of(addr_format(&addr, canonical)), ret_field);
}

const struct config_kind settings_kind_address = {
	.word = "an IP address", .read = read_address, .write = write_text};

static bool read_prefix(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	return prefix_parse(text, ret_field);
}

static void write_prefix(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	char text[PREFIX_TEXT_MAX];
	buf_puts(out, prefix_format(field, text));
}

const struct config_kind settings_kind_prefix = {
	.word = "an IP address or prefix such as 192.0.2.0/24",
	.read = read_prefix,
	.write = write_prefix};

/* "HOST:PORT" and "[HOST]:PORT"; what a host is, its caller knows. */
static bool split_port(
	struct slice text, struct slice *ret_host, bool *ret_bracketed, uint16_t *ret_port)
{
	const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	uint64_t port;
	if (!colon || !config_parse_number(slice_between(colon + 1, text.p + text.n), &port) ||
		port > UINT16_MAX)
		return false;
	struct slice host = slice_between(text.p, colon);
	*ret_bracketed = slice_starts(host, SLICE("[")) && slice_ends(host, SLICE("]"));
	*ret_host = *ret_bracketed ? slice_between(host.p + 1, host.p + host.n - 1) : host;
	*ret_port = (uint16_t)port;
	return true;
}

bool settings_endpoint(struct slice text, struct listener_settings *ret)
{
	struct slice host;
	bool bracketed;
	uint16_t port;
	struct addr addr;
	if (!split_port(text, &host, &bracketed, &port) || !addr_parse(host, &addr) ||
		addr_is_v4(&addr) == bracketed)
		return false;
	char canonical[ADDR_TEXT_MAX];
	(void)snprintf(ret->host, sizeof(ret->host), "%s", addr_format(&addr, canonical));
	ret->port = port;
	return true;
}

static bool read_endpoint(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	return settings_endpoint(text, ret_field);
}

static void write_endpoint(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	const struct listener_settings *l = field;
	bool v6 = strchr(l->host, ':');
	buf_printf(out, "%s%s%s:%u", v6 ? "[" : "", l->host, v6 ? "]" : "", l->port);
}

const struct config_kind settings_kind_endpoint = {
	.word = "ADDRESS:PORT such as 127.0.0.1:8731 or [::1]:8731",
	.read = read_endpoint,
	.write = write_endpoint};

/* --- names ---------------------------------------------------------------------- */

static bool read_service(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	enum service service = service_parse(text);
	if (service == SERVICE_NONE)
		return false;
	*(enum service *)ret_field = service;
	return true;
}

static void write_service(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	buf_puts(out, service_name(*(const enum service *)field));
}

const struct config_kind settings_kind_service = {
	.word = "one of ssh, mysql, rdp, vsftpd", .read = read_service, .write = write_service};

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

/* Begins with one of `first`, goes on with those and `more`. */
static bool is_name(struct slice text, const char *first, const char *more)
{
	if (text.n == 0 || !text.p[0] || !strchr(first, text.p[0]))
		return false;
	for (size_t i = 1; i < text.n; i++)
		if (!text.p[i] || (!strchr(first, text.p[i]) && !strchr(more, text.p[i])))
			return false;
	return true;
}

static bool read_identifier(const struct config_option *o, struct slice text, void *ret_field)
{
	return is_name(text, LETTERS "_", DIGITS) && config_store_text(o, text, ret_field);
}

const struct config_kind settings_kind_identifier = {
	.word = "a short name of letters, digits and _",
	.read = read_identifier,
	.write = write_text};

static bool read_account(const struct config_option *o, struct slice text, void *ret_field)
{
	return is_name(text, LETTERS "_", DIGITS "-.") && config_store_text(o, text, ret_field);
}

const struct config_kind settings_kind_account = {
	.word = "the name of a user or group", .read = read_account, .write = write_text};

/* A name below the tz database, never a way out of it. */
static bool read_zone(const struct config_option *o, struct slice text, void *ret_field)
{
	return is_name(text, LETTERS, DIGITS "_+-/") && config_store_text(o, text, ret_field);
}

const struct config_kind settings_kind_zone = {
	.word = "the name of a time zone such as Europe/Berlin",
	.read = read_zone,
	.write = write_text};

static const char *const levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static bool read_level(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	for (unsigned i = 0; i < countof(levels); i++) {
		if (slice_eq(text, slice_of(levels[i]))) {
			*(unsigned *)ret_field = i;
			return true;
		}
	}
	return false;
}

static void write_level(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	unsigned level = *(const unsigned *)field;
	buf_puts(out, levels[MIN_OF(level, countof(levels) - 1)]);
}

const struct config_kind settings_kind_level = {
	.word = "one of error, warning, info, debug", .read = read_level, .write = write_level};

/* --- the fleet ------------------------------------------------------------------- */

#define NOBODY "none"

static bool read_fleet_listen(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	if (!slice_eq(text, SLICE(NOBODY)))
		return settings_endpoint(text, ret_field);
	*(struct listener_settings *)ret_field = (struct listener_settings){0};
	return true;
}

static void write_fleet_listen(const struct config_option *o, const void *field, struct buf *out)
{
	const struct listener_settings *l = field;
	if (l->host[0])
		write_endpoint(o, field, out);
	else
		buf_puts(out, NOBODY);
}

const struct config_kind settings_kind_fleet_listen = {
	.word = "ADDRESS:PORT such as [::]:8732, or none",
	.read = read_fleet_listen,
	.write = write_fleet_listen};

bool settings_place(struct slice text, struct slice *ret_host, uint16_t *ret_port)
{
	struct slice host;
	bool bracketed;
	uint16_t port;
	struct addr addr;
	if (text.n > SETTINGS_PLACE_MAX || !split_port(text, &host, &bracketed, &port) || port == 0)
		return false;
	bool good = addr_parse(host, &addr) ? addr_is_v4(&addr) != bracketed
					    : !bracketed && is_name(host, LETTERS DIGITS, "-.");
	if (!good)
		return false;
	*ret_host = host;
	*ret_port = port;
	return true;
}

static bool read_place(const struct config_option *o, struct slice text, void *ret_field)
{
	struct slice host;
	uint16_t port;
	return text.n == 0 || settings_place(text, &host, &port)
		       ? config_store_text(o, text, ret_field)
		       : false;
}

const struct config_kind settings_kind_place = {.word = "HOST:PORT such as cordon.example.net:8732",
	.read = read_place,
	.write = write_text};

static const char *const roles[] = {
	[ROLE_AUTO] = "auto", [ROLE_ALL] = "all", [ROLE_SERVER] = "server", [ROLE_AGENT] = "agent"};

const char *settings_role_name(enum role role)
{
	return roles[role];
}

static bool read_role(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	for (unsigned i = 0; i < countof(roles); i++) {
		if (slice_eq(text, slice_of(roles[i]))) {
			*(enum role *)ret_field = (enum role)i;
			return true;
		}
	}
	return false;
}

static void write_role(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	buf_puts(out, settings_role_name(*(const enum role *)field));
}

const struct config_kind settings_kind_role = {
	.word = "one of auto, all, server, agent", .read = read_role, .write = write_role};

/* --- the journal ---------------------------------------------------------------- */

static bool read_journal(const struct config_option *o, struct slice text, void *ret_field)
{
	(void)o;
	struct journal_place *place = ret_field;
	struct config_option directory = {.size = sizeof(place->directory)};
	bool use = slice_eq(text, SLICE("true"));
	if (!use && !slice_eq(text, SLICE("false"))) {
		if (!config_path.read(&directory, text, place->directory))
			return false;
		use = true;
	}
	place->use = use;
	return true;
}

static void write_journal(const struct config_option *o, const void *field, struct buf *out)
{
	(void)o;
	const struct journal_place *place = field;
	if (place->use && place->directory[0])
		buf_puts(out, place->directory);
	else
		buf_puts(out, place->use ? "true" : "false");
}

const struct config_kind settings_kind_journal = {.word = "true, or the directory of a journal",
	.read = read_journal,
	.write = write_journal};
