/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cases.h"

#include "base/util.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct slice cases_read(const char *path)
{
	static struct {
		char path[PATH_MAX];
		struct slice text;
	} files[64]; /* read once, kept until the end */
	char full[PATH_MAX];
	(void)snprintf(full, sizeof(full), "%s%s", *path == '/' ? "" : CORDON_ROOT "/", path);
	size_t i = 0;
	while (i < countof(files) && files[i].text.p && strcmp(files[i].path, full) != 0)
		i++;
	assert_true(i < countof(files));
	if (files[i].text.p)
		return files[i].text;
	_cleanup_(fclosep) FILE *f = fopen(full, "rb");
	if (!f)
		return SLICE("");
	size_t size = (size_t)4 << 20;
	char *bytes = malloc(size);
	assert_non_null(bytes);
	(void)strcpy(files[i].path, full);
	files[i].text = (struct slice){bytes, fread(bytes, 1, size, f)};
	return files[i].text;
}

bool cases_line(struct slice *text, struct slice *ret)
{
	if (text->n == 0)
		return false;
	const char *newline = memchr(text->p, '\n', text->n);
	*ret = newline ? slice_between(text->p, newline) : *text;
	*text = slice_skip(*text, ret->n + (newline != NULL));
	return true;
}

int cases_run(const char *group, const char *const *names, void *const *states, size_t n,
	void (*fn)(void **state))
{
	static struct CMUnitTest tests[CASES_MAX];
	if (n > CASES_MAX)
		return 1;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = fn, .initial_state = states[i]};
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}

void cases_reader(struct reader *r, int64_t now, const char *zone)
{
	struct session_table *sessions = session_table_new(4096, 10 * MS_MINUTE);
	assert_non_null(sessions);
	reader_init(r, sessions, SERVICE_ALL, now, zone);
}

void cases_done(struct reader *r)
{
	r->sessions = session_table_free(r->sessions);
}
