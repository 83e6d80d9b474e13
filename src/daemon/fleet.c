/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/fleet.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "core/fleet.h"
#include "core/host.h"
#include "core/settings.h"
#include "fleet/agent.h"
#include "fleet/libcurl.h"
#include "fleet/place.h"
#include "fleet/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESS_TIME (30 * MS_SECOND)

struct daemon_fleet {
	struct daemon_fleet_options options;
	struct core *core;
	struct credential credential; /* a server's */
	struct fleet_server *server;
	struct fleet_address address;
	unsigned port;
	struct timer *address_timer;
	bool loaded; /* an agent: libcurl is there */
	bool enrolled;
	struct enrolment enrolment;
	struct fleet_agent *agent;
};

int daemon_fleet_new(
	const struct daemon_fleet_options *options, struct daemon_fleet **ret, struct err *err)
{
	struct daemon_fleet *f = calloc(1, sizeof(*f));
	struct err why;
	if (!f)
		return err_set(err, -ENOMEM, "no memory");
	f->options = *options;
	if (options->settings->role == ROLE_AGENT) {
		f->loaded = libcurl_load(&why) == 0;
		if (!f->loaded)
			log_error("%s: going on without the server", why.text);
	}
	*ret = f;
	return 0;
}

/* A literal address is known before anything is blocked; a name is looked up while connecting. */
static void protect_server(struct daemon_fleet *f)
{
	struct place place;
	if (place_parse(f->enrolment.url, &place, NULL) == 0 && place.n > 0)
		(void)core_server_set(f->core, place.list, place.n);
}

void daemon_fleet_begin(struct daemon_fleet *f, struct core *core)
{
	struct err err;
	f->core = core;
	if (f->options.settings->role != ROLE_AGENT)
		return;
	if (enrolment_load(".", &f->enrolment, &err) < 0) {
		log_error("%s: going on without the server", err.text);
		return;
	}
	f->enrolled = core_agent_begin(core, f->enrolment.uuid) == 0;
	if (!f->enrolled)
		log_error("the enrolment cannot be stored: going on without the server");
	protect_server(f);
}

/* --- a server ---------------------------------------------------------------------- */

static bool is_wildcard(const char *host)
{
	return strcmp(host, "::") == 0 || strcmp(host, "0.0.0.0") == 0;
}

/* The port we got when any would do. */
static unsigned bound_port(int listener)
{
	struct sockaddr_storage me;
	socklen_t size = sizeof(me);
	struct addr a;
	uint16_t port = 0;
	if (getsockname(listener, (struct sockaddr *)&me, &size) == 0)
		(void)addr_from_sockaddr(&me, &a, &port);
	return port;
}

/* What an agent can most likely reach: the configured place, else where we listen, else this
   machine's public or private address. */
static void find_url(struct daemon_fleet *f, char *ret, size_t size)
{
	const struct settings *s = f->options.settings;
	const char *host = s->fleet_listen.host;
	struct host me = {0};
	if (s->fleet_address[0]) {
		(void)snprintf(ret, size, "https://%.*s", SETTINGS_PLACE_MAX, s->fleet_address);
		return;
	}
	if (is_wildcard(host)) {
		host_describe(f->core, &me);
		host = me.internet_ip[0]   ? me.internet_ip
		       : me.intranet_ip[0] ? me.intranet_ip
					   : "127.0.0.1";
	}
	bool v6 = strchr(host, ':');
	(void)snprintf(ret, size, "https://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", f->port);
}

/* The network may come up after us, and change. */
static void tell_address(void *ctx)
{
	struct daemon_fleet *f = ctx;
	char url[sizeof(f->address.url)];
	find_url(f, url, sizeof(url));
	timer_set(f->address_timer, ADDRESS_TIME);
	if (strcmp(url, f->address.url) == 0)
		return;
	(void)snprintf(f->address.url, sizeof(f->address.url), "%s", url);
	core_fleet_address_set(f->core, &f->address);
	log_info("agents are answered at %s", f->address.url);
}

static int start_server(struct daemon_fleet *f, struct err *err)
{
	int r = credential_of_server(".", &f->credential, err);
	if (r == 0)
		r = credential_pin(f->credential.certificate, f->address.pin, err);
	if (r < 0)
		return r;
	f->address_timer = timer_new(f->options.loop, tell_address, f);
	if (!f->address_timer)
		return err_set(err, -ENOMEM, "no memory");
	f->port = bound_port(f->options.listener);
	int listener = take_fd(f->options.listener);
	r = fleet_server_new(f->core, &f->credential, listener, f->options.settings->http_workers,
		&f->server, err);
	if (r == 0)
		tell_address(f);
	return r;
}

/* --- an agent ---------------------------------------------------------------------- */

static void on_dismissed(void *ctx)
{
	struct daemon_fleet *f = ctx;
	int r = enrolment_remove(".");
	if (r < 0)
		log_error(ENROLMENT_FILE " cannot be removed: %s", strerror(-r));
	f->options.dismissed(f->options.ctx);
}

static void start_agent(struct daemon_fleet *f)
{
	const struct fleet_agent_ops ops = {.dismissed = on_dismissed, .ctx = f};
	struct err err;
	if (!f->loaded || !f->enrolled)
		return;
	if (fleet_agent_new(f->core, &f->enrolment, &ops, &f->agent, &err) < 0)
		log_error("%s: going on without the server", err.text);
}

bool daemon_fleet_link(void *fleet, struct control_link *ret)
{
	struct daemon_fleet *f = fleet;
	struct fleet_link_status s;
	if (!f->agent)
		return false;
	fleet_agent_status(f->agent, &s);
	*ret = (struct control_link){.connected = s.connected, .since = s.since, .heard = s.heard};
	(void)snprintf(ret->server, sizeof(ret->server), "%s", f->enrolment.url);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", f->enrolment.name);
	(void)snprintf(ret->error, sizeof(ret->error), "%s", s.error);
	return true;
}

/* --- either ------------------------------------------------------------------------ */

int daemon_fleet_start(struct daemon_fleet *f, struct err *err)
{
	start_agent(f);
	return f->options.listener >= 0 ? start_server(f, err) : 0;
}

void daemon_fleet_wished(struct daemon_fleet *f, const uint32_t *hosts, size_t n)
{
	if (f->server)
		fleet_server_wished(f->server, hosts, n);
}

void daemon_fleet_reportable(struct daemon_fleet *f)
{
	if (f->agent)
		fleet_agent_reportable(f->agent);
}

struct daemon_fleet *daemon_fleet_free(struct daemon_fleet *f)
{
	if (!f)
		return NULL;
	f->agent = fleet_agent_free(f->agent);
	f->server = fleet_server_free(f->server);
	f->address_timer = timer_free(f->address_timer);
	closep(&f->options.listener);
	enrolment_done(&f->enrolment);
	credential_done(&f->credential);
	free(f);
	return NULL;
}
