/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of addresses: any bytes are read or refused, what comes out lies within the text
 * and is fit to be sent, and written as a plain list it reads back to the same targets.
 */
#include "base/buf.h"
#include "cli/import.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1767225600000)

static const struct import_how how = {.now = NOW, .zone = "UTC"};

static void check(bool good)
{
	if (!good)
		abort();
}

static bool is_within(struct slice part, struct slice whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_entry(const struct import_entry *e, struct slice text, struct buf *plain)
{
	char target[PREFIX_TEXT_MAX], why[CUSTOM_WHY_MAX];
	struct prefix again = prefix_of(&e->target.addr, e->target.len);
	check(is_within(e->text, text) && is_within(e->why, text));
	check(prefix_eq(&again, &e->target));
	check(e->expires == 0 || e->expires > NOW);
	check(e->line >= 1);
	json_t *value = json_string(import_why(e->why, why));
	check(value != NULL); /* valid UTF-8 */
	json_decref(value);
	buf_printf(plain, "%s\n", prefix_format(&e->target, target));
}

static void check_again(const struct import_list *list, struct slice plain)
{
	struct import_list again;
	check(import_read(plain, &how, &again) == 0);
	check(again.n == list->n && again.refusal_count == 0);
	for (size_t i = 0; i < again.n; i++)
		check(prefix_eq(&again.entries[i].target, &list->entries[i].target));
	import_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	_cleanup_(buf_done) struct buf plain = BUF_NULL;
	struct import_list list;
	if (import_read(text, &how, &list) == 0) {
		for (size_t i = 0; i < list.n; i++)
			check_entry(&list.entries[i], text, &plain);
		for (size_t i = 0; i < list.refusal_count; i++)
			check(is_within(list.refusals[i].text, text) && list.refusals[i].why);
		check_again(&list, buf_as_slice(&plain));
	}
	import_done(&list);
	return 0;
}
