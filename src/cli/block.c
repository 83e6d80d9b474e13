/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cordon block. */
#include "cli/block.h"

#include "base/util.h"
#include "cli/client.h"
#include "cli/outcome.h"
#include "cli/verb.h"
#include "core/settings.h"

#include <inttypes.h>
#include <string.h>

static const char help[] =
	"Usage: cordon block ADDRESS|PREFIX... [OPTION...]\n"
	"       cordon block --from FILE|- [OPTION...]\n"
	"Blocks by hand, at once: all that is named, or nothing. Waits up to a second for the\n"
	"kernels and says which of them have it (not for a list).\n"
	"\n"
	"  --on HOST,...    on these servers, by name or uuid\n"
	"  --all            on every server, later ones too\n"
	"                   (default: this machine; where it is no server itself, say one)\n"
	"  --in             their connections to us (default)\n"
	"  --out            our connections to them\n"
	"  --both           either way\n"
	"  --for TIME       how long: 30s 10m 6h 7d permanent (default: 6h)\n"
	"  --until TIME     2026-12-01T12:00\n"
	"  --why TEXT       shown with the block\n"
	"  --from FILE      a list: one address, prefix or range a line; CSV whose first line\n"
	"                   names the columns (ip, until, why, direction); or what ipset save,\n"
	"                   nft list and fail2ban-client banned print. What an entry says of\n"
	"                   itself goes before the options\n"
	"  --set NAME       of the sets in an ipset or nft list only this one; repeat for several\n"
	"  --skip-refused   leave out what cannot be blocked, and block the others\n"
	"  --json           {\"blocked\":N,\"expires\":TIME|null,\"servers\":N,\"applied\":N,\n"
	"                   \"errors\":[...],\"refused\":[...],...}\n"
	"  --account A      of another account than the first\n"
	"  --state-dir DIR  where cordond keeps its socket\n"
	"Exit code: 0 on record (a server that is offline blocks when it is back), 1 refused\n"
	"(each is named), 2 wrong usage.\n";

static bool one_at_most(const struct verbline *l, const char *a, const char *b, const char *c)
{
	return verbline_has(l, a) + verbline_has(l, b) + (c && verbline_has(l, c)) <= 1;
}

static bool set_time(const struct verbline *l, json_t *args)
{
	const char *time = verbline_value(l, "for"), *until = verbline_value(l, "until");
	int64_t ms;
	bool good = until ? options_time(until, l->common.timezone, &ms)
			  : settings_duration(slice_of(time ? time : "6h"), &ms);
	if (!good)
		(void)verbline_wrong("block", "%s: not a time", until ? until : time);
	else
		(void)json_object_set_new(args, until ? "expires" : "duration", json_integer(ms));
	return good;
}

static bool set_servers(const struct verbline *l, json_t *args)
{
	json_t *hosts = verbline_names(l, "on");
	if (hosts && json_array_size(hosts) == 0) {
		json_decref(hosts);
		(void)verbline_wrong("block", "--on: which servers?");
		return false;
	}
	if (hosts)
		(void)json_object_set_new(args, "hosts", hosts);
	(void)json_object_set_new(args, "all", json_boolean(verbline_has(l, "all")));
	return true;
}

json_t *block_terms(const struct verbline *l)
{
	if (!one_at_most(l, "in", "out", "both") || !one_at_most(l, "on", "all", NULL) ||
		!one_at_most(l, "for", "until", NULL)) {
		(void)verbline_wrong("block",
			"one of --in, --out, --both, one of --on, --all, one of --for, --until");
		return NULL;
	}
	json_t *args = json_pack("{s:s,s:b}", "direction",
		verbline_has(l, "both")  ? "both"
		: verbline_has(l, "out") ? "out"
					 : "in",
		"skip_refused", verbline_has(l, "skip-refused"));
	verbline_text(l, "why", args);
	if (set_time(l, args) && set_servers(l, args))
		return args;
	json_decref(args);
	return NULL;
}

void block_say_refusal(unsigned line, const char *text, const char *why)
{
	char clean[128];
	size_t n = 0;
	for (; *text && n < sizeof(clean) - 1; text++)
		clean[n++] =
			(unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f ? '?' : *text;
	clean[n] = '\0';
	if (line)
		(void)fprintf(stderr, "cordon: line %u: %s: %s\n", line, clean, why);
	else
		(void)fprintf(stderr, "cordon: %s: %s\n", clean, why);
}

/* Where it is in force, as far as the kernels have answered; of too many nobody asked. */
static void show_blocked(const struct verbline *l, const json_t *result, const struct outcome *o)
{
	const char *expires = client_text(result, "expires");
	int64_t n = client_int(result, "blocked");
	bool here = !verbline_has(l, "on") && !verbline_has(l, "all");
	if (l->count == 1)
		(void)printf("%s is ", l->rest[0]);
	else
		(void)printf("%" PRId64 " are ", n);
	(void)printf("%s %s%s",
		!o->errors ? "to be blocked"
		: o->any   ? "blocked"
			   : "not blocked, only on record,",
		expires[0] ? "until " : "for good", expires);
	if (o->errors && !(here && json_array_size(o->errors) == 0)) {
		(void)fputs(": in ", stdout);
		outcome_print(o, l->count > 1);
	}
	(void)putchar('\n');
}

/* They leave the targets, too. */
static void say_refusals(const struct verbline *l, const json_t *result, json_t *targets)
{
	size_t i;
	json_t *one;
	json_array_foreach (json_object_get(result, "refused"), i, one) {
		int64_t item = client_int(one, "item");
		if (item >= 0 && item < l->count) {
			(void)json_object_set_new(one, "text", json_string(l->rest[item]));
			block_say_refusal(0, l->rest[item], client_text(one, "why"));
			(void)json_array_set_new(targets, (size_t)item, json_null());
		}
		(void)json_object_del(one, "item");
	}
	for (i = json_array_size(targets); i-- > 0;)
		if (json_is_null(json_array_get(targets, i)))
			(void)json_array_remove(targets, i);
}

/* Was it done and answered by the kernels? Then result says so, too. */
static void wait_for_kernels(
	const struct verbline *l, const json_t *targets, json_t *result, struct outcome *ret)
{
	bool out = verbline_has(l, "out") || verbline_has(l, "both");
	*ret = (struct outcome){0};
	if (client_int(result, "blocked") == 0 || json_array_size(targets) > OUTCOME_TARGETS_MAX ||
		!outcome_wait(&l->common, targets, !verbline_has(l, "out"), out, ret))
		return;
	(void)json_object_set_new(result, "servers", json_integer((json_int_t)ret->servers));
	(void)json_object_set_new(result, "applied", json_integer((json_int_t)ret->applied));
	(void)json_object_set(result, "errors", ret->errors);
}

static int block_named(const struct verbline *l)
{
	json_t *args = block_terms(l), *targets = json_array();
	int code = EXIT_INPUT;
	if (!args) {
		json_decref(targets);
		return EXIT_USAGE;
	}
	for (int i = 0; i < l->count; i++)
		(void)json_array_append_new(targets, json_string(l->rest[i]));
	(void)json_object_set(args, "targets", targets);
	json_t *result = client_call(&l->common, "block", args);
	struct outcome outcome = {0};
	if (result) {
		say_refusals(l, result, targets);
		wait_for_kernels(l, targets, result, &outcome);
		code = client_int(result, "refused_count") > 0 && !verbline_has(l, "skip-refused")
			       ? EXIT_INPUT
			       : EXIT_OK;
	}
	if (result && l->common.json)
		(void)client_print(result);
	else if (client_int(result, "blocked") > 0)
		show_blocked(l, result, &outcome);
	outcome_done(&outcome);
	json_decref(targets);
	json_decref(result);
	return code;
}

int verb_block(int argc, char **argv)
{
	static const struct verbline_option own[] = {{"on", true, true}, {"all", false, false},
		{"in", false, false}, {"out", false, false}, {"both", false, false},
		{"for", true, false}, {"until", true, false}, {"why", true, false},
		{"from", true, false}, {"set", true, true}, {"skip-refused", false, false}, {0}};
	_cleanup_(verbline_done) struct verbline l;
	int code = verbline_read(&l, argc, argv, own, help);
	if (code >= 0)
		return code;
	const char *from = verbline_value(&l, "from");
	if ((from != NULL) == (l.count > 0))
		return verbline_wrong("block", "addresses or prefixes, or --from and a file");
	if (!from && verbline_has(&l, "set"))
		return verbline_wrong("block", "--set goes with --from");
	return from ? block_import(&l, from) : block_named(&l);
}
