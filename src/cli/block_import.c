/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon block --from: reads a list, sends it in pieces on one connection, has it done
 * in one transaction, and says by line what was refused.
 */
#include "base/json.h"
#include "base/util.h"
#include "cli/block.h"
#include "cli/client.h"
#include "cli/import.h"
#include "cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define FILE_MAX       (256u << 20)
#define PIECE          (256u << 10) /* bytes of a request, about */
#define REFUSALS_SHOWN 50           /* on a terminal; all of them elsewhere */

static int read_file(const char *path, struct buf *ret)
{
	bool standard = strcmp(path, "-") == 0;
	_cleanup_(fclosep) FILE *f = standard ? NULL : fopen(path, "re");
	FILE *in = standard ? stdin : f;
	size_t n = 0;
	ret->limit = FILE_MAX;
	if (!in) {
		(void)fprintf(stderr, "cordon: %s: %s\n", path, strerror(errno));
		return -1;
	}
	do {
		char *to = buf_reserve(ret, 65536);
		n = to ? fread(to, 1, 65536, in) : 0;
		ret->n += n;
	} while (n > 0);
	if (ferror(in) || ret->error) {
		(void)fprintf(stderr, "cordon: %s: %s\n", path,
			ret->error ? "too large" : strerror(errno));
		return -1;
	}
	return 0;
}

/* All that is refused, said at once and kept for --json. */
struct refusals {
	json_t *list; /* NULL: not asked for */
	size_t n, most;
};

static void refuse(struct refusals *r, unsigned line, struct slice text, const char *why)
{
	char shown[80];
	(void)snprintf(shown, sizeof(shown), "%.*s", (int)MIN_OF(text.n, sizeof(shown) - 1),
		text.n ? text.p : "");
	if (r->n++ < r->most)
		block_say_refusal(line, shown, why);
	if (!r->list)
		return;
	char clean[CUSTOM_WHY_MAX];
	json_t *one = json_pack("{s:i,s:s,s:s}", "line", (int)line, "text",
		import_why((struct slice){shown, strlen(shown)}, clean), "why", why);
	(void)json_array_append_new(r->list, one);
}

static void put_item(struct json *j, const struct import_entry *e)
{
	char target[PREFIX_TEXT_MAX], why[CUSTOM_WHY_MAX];
	json_begin_object(j);
	json_field(j, "target", prefix_format(&e->target, target));
	if (e->expires)
		json_field_int(j, "expires", e->expires);
	if (e->in || e->out)
		json_field(j, "direction", e->in && e->out ? "both" : e->out ? "out" : "in");
	if (import_why(e->why, why)[0])
		json_field(j, "why", why);
	json_end_object(j);
}

/* As many as make a request, from entry `from` on; the next one, or 0 when that failed. */
static size_t send_piece(struct client *c, const struct import_list *list, size_t from)
{
	_cleanup_(buf_done) struct buf args = BUF_NULL;
	struct json j;
	size_t i = from;
	json_start(&j, &args);
	json_begin_object(&j);
	json_key(&j, "items");
	json_begin_array(&j);
	for (; i < list->n && args.n < PIECE; i++)
		put_item(&j, &list->entries[i]);
	json_end_array(&j);
	json_end_object(&j);
	json_t *result = client_ask_text(c, "import.add", buf_as_slice(&args));
	json_decref(result);
	return result ? i : 0;
}

/* An entry that is over is refused, and with it all of them: nothing is done, but all that is
   wrong is said. */
static bool spoil(struct client *c)
{
	json_t *result = client_ask(c, "import.add",
		json_pack("{s:[{s:s,s:i}]}", "items", "target", "::", "expires", 1));
	json_decref(result);
	return result != NULL;
}

static json_t *send_all(
	struct client *c, const struct import_list *list, json_t *terms, bool only_check)
{
	struct progress bar;
	size_t sent = 0;
	json_t *begun = client_ask(c, "import.begin", terms), *result = NULL;
	json_decref(begun);
	if (!begun)
		return NULL;
	progress_init(&bar, "sending", list->n);
	do {
		sent = send_piece(c, list, sent);
		progress_set(&bar, sent);
	} while (sent > 0 && sent < list->n);
	if (sent > 0 && (!only_check || spoil(c))) {
		progress_wait(&bar, only_check ? "checking" : "blocking");
		result = client_ask(c, "import.commit", NULL);
	}
	progress_done(&bar);
	return result;
}

static json_t *do_import(
	const struct options *o, const struct import_list *list, json_t *terms, bool only_check)
{
	struct client *c = client_open(o);
	if (!c) {
		json_decref(terms);
		return NULL;
	}
	json_t *result = send_all(c, list, terms, only_check);
	(void)client_close(c);
	return result;
}

/* What was not understood (ours) and what may not be blocked (theirs), in the order of lines. */
static void say_refusals(const struct import_list *list, const json_t *result, struct refusals *r)
{
	const json_t *theirs = json_object_get(result, "refused");
	size_t ours = 0, i;
	json_t *one;
	json_array_foreach ((json_t *)(uintptr_t)theirs, i, one) {
		int64_t item = client_int(one, "item");
		if (item < 0 || (size_t)item >= list->n)
			continue; /* spoil()'s */
		const struct import_entry *e = &list->entries[item];
		for (; ours < list->refusal_count && list->refusals[ours].line <= e->line; ours++)
			refuse(r, list->refusals[ours].line, list->refusals[ours].text,
				list->refusals[ours].why);
		refuse(r, e->line, e->text, client_text(one, "why"));
	}
	for (; ours < list->refusal_count; ours++)
		refuse(r, list->refusals[ours].line, list->refusals[ours].text,
			list->refusals[ours].why);
	r->n += (size_t)MAX_OF(client_int(result, "refused_count") - (int64_t)i, 0); /* unnamed */
}

static void say_result(const struct verbline *l, const json_t *result, const struct refusals *r)
{
	int64_t blocked = client_int(result, "blocked");
	if (r->n > r->most)
		(void)fprintf(stderr, "cordon: … and %zu more (--json has them)\n", r->n - r->most);
	if (l->common.json) {
		json_t *out = json_pack("{s:I,s:O,s:I}", "blocked", (json_int_t)blocked, "refused",
			r->list, "refused_count", (json_int_t)r->n);
		(void)client_print(out);
		json_decref(out);
		return;
	}
	if (r->n > 0)
		(void)fprintf(stderr, "cordon: %zu refused%s\n", r->n,
			blocked == 0 ? ": nothing is blocked (--skip-refused leaves them out)"
				     : "");
	if (blocked > 0 || r->n == 0)
		(void)printf("%" PRId64 " blocked\n", blocked);
}

/* What was read: asks for it, or, when something in it was not understood, what else is wrong. */
static int import_text(
	const struct verbline *l, struct import_list *list, json_t *terms, struct refusals *r)
{
	bool skip = verbline_has(l, "skip-refused");
	json_t *result = NULL;
	if (list->n > 0)
		result = do_import(&l->common, list, terms, list->refusal_count > 0 && !skip);
	else
		json_decref(terms);
	say_refusals(list, result, r);
	if (list->n > 0 && !result)
		return EXIT_INPUT;
	say_result(l, result, r);
	json_decref(result);
	return r->n > 0 && !skip ? EXIT_INPUT : EXIT_OK;
}

int block_import(const struct verbline *l, const char *path)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const char *sets[IMPORT_SETS_MAX];
	struct import_list list = {0};
	struct import_how how = {.now = l->common.now, .zone = l->common.timezone, .sets = sets};
	const json_t *asked = json_object_get(l->values, "set");
	for (size_t i = 0; i < json_array_size(asked) && i < countof(sets); i++)
		sets[how.set_count++] = json_string_value(json_array_get(asked, i));
	json_t *terms = block_terms(l);
	if (!terms)
		return EXIT_USAGE;
	int code = EXIT_INPUT, error = read_file(path, &text);
	if (error == 0)
		error = import_read(buf_as_slice(&text), &how, &list);
	if (error == -E2BIG)
		(void)fprintf(
			stderr, "cordon: %s: more than %u at once\n", path, IMPORT_ENTRIES_MAX);
	struct refusals r = {.list = l->common.json ? json_array() : NULL,
		.most = isatty(STDERR_FILENO) ? REFUSALS_SHOWN : SIZE_MAX};
	if (error == 0)
		code = import_text(l, &list, terms, &r);
	else
		json_decref(terms);
	json_decref(r.list);
	import_done(&list);
	return code;
}
