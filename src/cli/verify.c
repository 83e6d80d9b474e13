/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon verify: blocked or not, why, since when, and what the kernel says. */
#include "base/util.h"
#include "cli/client.h"
#include "cli/verb.h"
#include "cli/verbline.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: cordon verify ADDRESS [--json] [--account A] [--state-dir DIR]\n"
	"Explains one address: blocked or not, on which server, by which rule, since when,\n"
	"until when, what this machine's kernel says, and if not, why not.\n"
	"Exit code: 0 answered, 1 error, 2 wrong usage.\n";

static bool is_active(const json_t *record)
{
	const char *state = client_text(record, "state");
	return strcmp(state, "applied") == 0 || strcmp(state, "wanted") == 0;
}

static void show_record(const json_t *r)
{
	const char *error = client_text(r, "error"), *service = client_text(r, "service");
	bool permanent = json_is_true(json_object_get(r, "permanent"));
	char again[40] = "";
	if (client_int(r, "lives") > 1)
		(void)snprintf(again, sizeof(again), ", %" PRId64 " times in a row",
			client_int(r, "lives"));
	bool out = strcmp(client_text(r, "direction"), "out") == 0;
	const char *by_hand = client_text(r, "rule")[0] ? "by hand: " : "by hand";
	(void)printf("  %s: %s%s%s for %s%s: %" PRId64 " attempts, %s%s%s, from %s until %s\n",
		client_text(r, "host"), client_text(r, "state"), error[0] ? " " : "", error,
		service[0] ? service : "all services", out ? ", outbound" : "",
		client_int(r, "attempts"), service[0] ? "rule " : by_hand, client_text(r, "rule"),
		again, client_text(r, "created"), permanent ? "lifted" : client_text(r, "expires"));
}

static void show_kernel(const json_t *kernel)
{
	if (!json_is_true(json_object_get(kernel, "asked")))
		(void)printf("kernel: not asked (%s)\n", client_text(kernel, "error"));
	else if (!json_is_true(json_object_get(kernel, "has")))
		(void)printf("kernel: lets it through\n");
	else
		(void)printf("kernel: drops what it sends, %s%s\n",
			client_text(kernel, "expires")[0] ? "until " : "without end",
			client_text(kernel, "expires"));
}

/* Lines of some logs count only against whom the kernel saw connect. */
static void show_answered(const json_t *services)
{
	const char *service;
	json_t *answered;
	json_object_foreach ((json_t *)(uintptr_t)services, service, answered)
		(void)printf("%s: %s\n", service,
			json_is_true(answered) ? "connected in the last 10 minutes, so lines about "
						 "it count"
					       : "no connection in the last 10 minutes, so lines "
						 "about it do not count");
}

/* The one sentence people came for, of a machine that protects others alone. */
static void show_server_verdict(const json_t *v, size_t others)
{
	const char *address = client_text(v, "address"), *never = client_text(v, "never_blocked");
	if (others > 0)
		(void)printf(
			"%s is blocked on %zu server%s\n", address, others, others > 1 ? "s" : "");
	else
		(void)printf("%s is not blocked on any server%s%s\n", address,
			never[0] ? " and never will be: " : "", never);
}

/* The same of one that protects itself. */
static void show_verdict(const json_t *v, bool active, size_t others)
{
	const char *address = client_text(v, "address"), *never = client_text(v, "never_blocked");
	bool has = json_is_true(json_object_get(json_object_get(v, "kernel"), "has"));
	bool asked = json_is_true(json_object_get(json_object_get(v, "kernel"), "asked"));
	if (active && has)
		(void)printf("%s is blocked\n", address);
	else if (active && asked)
		(void)printf("%s should be blocked, but the kernel does not have it\n", address);
	else if (active)
		(void)printf("%s would be blocked\n", address);
	else if (has)
		(void)printf("%s is blocked by the kernel, but no record wants it\n", address);
	else if (others > 0)
		(void)printf("%s is not blocked here, but on %zu other server%s\n", address, others,
			others > 1 ? "s" : "");
	else if (never[0])
		(void)printf("%s is not blocked and never will be: %s\n", address, never);
	else
		(void)printf("%s is not blocked: %" PRId64 " failures within the rules' time\n",
			address, client_int(v, "failures_in_window"));
	if (others > 0 && (active || has))
		(void)printf("other servers that block it: %zu\n", others);
}

static void show(const json_t *v, const char *what)
{
	(void)what;
	const json_t *records = json_object_get(v, "records");
	size_t i;
	json_t *one;
	bool active = false;
	bool server = strcmp(client_text(v, "role"), "server") == 0;
	json_t *others = json_object(); /* by name: one may have several records */
	json_array_foreach ((json_t *)(uintptr_t)records, i, one) {
		bool here = json_is_true(json_object_get(one, "local"));
		active = active || (here && is_active(one));
		if (!here && strcmp(client_text(one, "state"), "applied") == 0)
			(void)json_object_set_new(others, client_text(one, "host"), json_true());
	}
	if (server)
		show_server_verdict(v, json_object_size(others));
	else
		show_verdict(v, active, json_object_size(others));
	json_decref(others);
	(void)printf("counts as: %s\n", client_text(v, "counts_as"));
	show_kernel(json_object_get(v, "kernel"));
	show_answered(json_object_get(v, "answered"));
	(void)printf("failures: %" PRId64 " in all%s%s%s%s\n", client_int(v, "failures_total"),
		client_text(v, "first_failure")[0] ? ", from " : "",
		client_text(v, "first_failure"), client_text(v, "latest_failure")[0] ? " to " : "",
		client_text(v, "latest_failure"));
	if (json_array_size(records) > 0)
		(void)puts(server ? "records of the servers:" : "records:");
	json_array_foreach ((json_t *)(uintptr_t)records, i, one)
		show_record(one);
	const json_t *history = json_object_get(v, "history");
	if (json_array_size(history) > 0)
		(void)puts("history:");
	json_array_foreach ((json_t *)(uintptr_t)history, i, one)
		(void)printf("  %s %s %s: %s\n", client_text(one, "time"), client_text(one, "who"),
			client_text(one, "what"), client_text(one, "detail"));
}

int verb_verify(int argc, char **argv)
{
	static const struct verbline_option own[] = {{0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	if (l.count != 1)
		return verbline_wrong("verify", "one address, please");
	json_t *args = json_pack("{s:s}", "address", l.rest[0]);
	return client_show(&l.common, "verify", args, show, "");
}
