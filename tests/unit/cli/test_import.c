/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of addresses. Each file of tests/cases/import is one test; adding one needs no C:
 *
 *   # what it is about
 *   set banned                         (as --set; may be repeated)
 *   -----
 *   the list as it came
 *   =====
 *   2 192.0.2.1 in +600000 "why"       (line, target, direction, ms left, reason: what is said)
 *   3 ! 192.0.2.300: not an address, prefix or range
 *
 * Now is 2026-01-01T00:00:00Z, the zone UTC.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "cli/import.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW       INT64_C(1767225600000)
#define FILES_MAX 100
#define SETS_MAX  8

static void write_entry(struct buf *out, const struct import_entry *e)
{
	char target[PREFIX_TEXT_MAX], why[CUSTOM_WHY_MAX];
	buf_printf(out, "%u %s%s", e->line, prefix_format(&e->target, target),
		e->in && e->out ? " both"
		: e->in         ? " in"
		: e->out        ? " out"
				: "");
	if (e->expires == BLOCK_FOREVER)
		buf_puts(out, " permanent");
	else if (e->expires)
		buf_printf(out, " +%lld", (long long)(e->expires - NOW));
	if (import_why(e->why, why)[0])
		buf_printf(out, " \"%s\"", why);
	buf_addc(out, '\n');
}

static void write_list(struct buf *out, const struct import_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		write_entry(out, &list->entries[i]);
	for (size_t i = 0; i < list->refusal_count; i++)
		buf_printf(out, "%u ! %.*s: %s\n", list->refusals[i].line,
			(int)list->refusals[i].text.n, list->refusals[i].text.p,
			list->refusals[i].why);
}

/* What it makes of a text, as the cases write it. */
static void judge(struct slice text, const char *const *sets, unsigned set_count, struct buf *out)
{
	const struct import_how how = {
		.now = NOW, .zone = "UTC", .sets = sets, .set_count = set_count};
	struct import_list list;
	assert_int_equal(import_read(text, &how, &list), 0);
	write_list(out, &list);
	import_done(&list);
}

static void expect(const char *what, struct slice text, const char *const *sets, unsigned set_count,
	struct slice expected)
{
	_cleanup_(buf_done) struct buf got = BUF_NULL;
	judge(text, sets, set_count, &got);
	if (!slice_eq(buf_as_slice(&got), expected))
		fail_msg("%s\n--- expected\n%.*s--- got\n%s", what, SLICE_ARG(expected),
			got.p ? got.p : "");
}

/* --- the files --- */

static char *names[FILES_MAX];

static void read_whole(const char *path, struct buf *ret)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	char piece[4096];
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_add(ret, piece, n);
}

static void runs_file(void **state)
{
	const char *name = *state;
	char path[512];
	const char *sets[SETS_MAX];
	unsigned set_count = 0;
	_cleanup_(buf_done) struct buf file = BUF_NULL;
	(void)snprintf(path, sizeof(path), CASES "/%s", name);
	read_whole(path, &file);
	char *begin = strstr(file.p, "-----\n"), *end = strstr(file.p, "=====\n");
	assert_non_null(begin);
	assert_non_null(end);
	*begin = '\0';
	char *rest = file.p;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (strncmp(line, "set ", 4) == 0)
			sets[set_count++] = line + 4;
	expect(name, slice_between(begin + 6, end), sets, set_count, slice_of(end + 6));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t find_files(void)
{
	DIR *dir = opendir(CASES);
	size_t n = 0;
	for (const struct dirent *e; dir && (e = readdir(dir)) && n < FILES_MAX;)
		if (e->d_name[0] != '.')
			names[n++] = strdup(e->d_name);
	if (dir)
		(void)closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

/* --- bytes that files keep badly --- */

static void odd_bytes(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{"", ""},
		{"\n\n", ""},
		{"\xef\xbb\xbf"
		 "192.0.2.1\r\n192.0.2.2\r\n",
			"1 192.0.2.1\n2 192.0.2.2\n"},
		{"192.0.2.1", "1 192.0.2.1\n"},
		{"\xef\xbb\xbfip,why\r\n192.0.2.1,\"two\r\nlines\"\r\n192.0.2.2,x\r\n",
			"2 192.0.2.1 \"two  lines\"\n4 192.0.2.2 \"x\"\n"},
		{"ip,why\n192.0.2.1,\"a\xff\x80z\"\n", "2 192.0.2.1 \"a??z\"\n"},
		{"ip,why\n192.0.2.1,\x1b[2J\n", "2 192.0.2.1 \" [2J\"\n"},
		{"add s 192.0.2.1 comment \"no end\n", "1 192.0.2.1 \"\"no end\"\n"},
		{"['192.0.2.1", "1 ! 192.0.2.1: not what fail2ban-client banned prints\n"},
		{"table inet t {\n\tset s {\n\t\telements = { 192.0.2.1",
			"3 ! 192.0.2.1: the list ends in the middle\n"},
		{"table inet t {\n\tset s {\n\t\telements = { 192.0.2.1, 192.0.2.2 }",
			"3 192.0.2.1\n3 192.0.2.2\n"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		expect(cases[i].text, slice_of(cases[i].text), NULL, 0,
			slice_of(cases[i].expected));
}

static void a_reason_fits(void **state)
{
	char text[400], why[CUSTOM_WHY_MAX];
	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(strlen(import_why((struct slice){text, 400}, why)), CUSTOM_WHY_MAX - 1);
	/* a letter of two bytes is never cut in the middle */
	memcpy(text + CUSTOM_WHY_MAX - 2, "\xc3\xa4", 2);
	assert_int_equal(strlen(import_why((struct slice){text, 400}, why)), CUSTOM_WHY_MAX - 2);
	memcpy(text + CUSTOM_WHY_MAX - 3, "\xc3\xa4x", 3);
	assert_int_equal(strlen(import_why((struct slice){text, 400}, why)), CUSTOM_WHY_MAX - 1);
}

static void so_many_and_no_more(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	const struct import_how how = {.now = NOW, .zone = "UTC"};
	struct import_list list;
	(void)state;
	for (unsigned i = 0; i <= IMPORT_ENTRIES_MAX; i++) {
		char one[ADDR_TEXT_MAX];
		struct addr a = addr_from_v4(0x0b000000 + i);
		buf_printf(&text, "%s\n", addr_format(&a, one));
	}
	assert_int_equal(import_read(buf_as_slice(&text), &how, &list), -E2BIG);
	import_done(&list);
	text.n -= strlen("11.16.0.0\n");
	assert_int_equal(import_read(buf_as_slice(&text), &how, &list), 0);
	assert_int_equal(list.n, IMPORT_ENTRIES_MAX);
	assert_int_equal(list.refusal_count, 0);
	assert_int_equal(list.entries[list.n - 1].line, IMPORT_ENTRIES_MAX);
	import_done(&list);
}

static bool mergeable(const struct prefix *a, const struct prefix *b)
{
	struct prefix x = prefix_of(&a->addr, a->len - 1u), y = prefix_of(&b->addr, b->len - 1u);
	return prefix_eq(&x, &y);
}

/* Whatever prefixes a range becomes: together they are the range, and none can be merged. */
static void ranges_are_exact(void **state)
{
	const struct import_how how = {.now = NOW, .zone = "UTC"};
	uint32_t seed = 1;
	(void)state;
	for (int round = 0; round < 2000; round++) {
		seed = seed * 1664525 + 1013904223;
		uint32_t first = 0x0a000000 + (seed >> 12),
			 last = first + (seed >> (8 + seed % 24));
		char text[2 * ADDR_TEXT_MAX], a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
		struct addr low = addr_from_v4(first), high = addr_from_v4(last);
		(void)snprintf(
			text, sizeof(text), "%s-%s", addr_format(&low, a), addr_format(&high, b));
		struct import_list list;
		assert_int_equal(import_read(slice_of(text), &how, &list), 0);
		uint64_t next = first;
		for (size_t i = 0; i < list.n; i++) {
			const struct prefix *p = &list.entries[i].target;
			struct addr begins = addr_from_v4((uint32_t)next);
			assert_true(p->len >= 96 && addr_eq(&p->addr, &begins));
			next += UINT64_C(1) << (128 - p->len);
			if (i > 0 && list.entries[i - 1].target.len == p->len)
				assert_false(mergeable(&list.entries[i - 1].target, p));
		}
		assert_int_equal(next, (uint64_t)last + 1);
		import_done(&list);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	struct CMUnitTest tests[FILES_MAX + 4] = {
		cmocka_unit_test(odd_bytes),
		cmocka_unit_test(a_reason_fits),
		cmocka_unit_test(so_many_and_no_more),
		cmocka_unit_test(ranges_are_exact),
	};
	size_t n = find_files(), fixed = 4;
	assert_true(n >= 10);
	for (size_t i = 0; i < n; i++)
		tests[fixed + i] = (struct CMUnitTest){
			.name = names[i], .test_func = runs_file, .initial_state = names[i]};
	int failed = _cmocka_run_group_tests("import", tests, fixed + n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return failed;
}
