/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/verbline.h"

#include "base/util.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { OPTION_HELP = OPTION_OWN + VERBLINE_OWN_MAX };

static void keep(struct verbline *l, const struct verbline_option *own)
{
	json_t *value = own->has_value ? json_string(optarg) : json_true();
	if (!own->repeats) {
		(void)json_object_set_new(l->values, own->name, value);
		return;
	}
	json_t *list = json_object_get(l->values, own->name);
	if (!list) {
		list = json_array();
		(void)json_object_set_new(l->values, own->name, list);
	}
	(void)json_array_append_new(list, value);
}

static unsigned fill_options(struct option *to, const struct verbline_option *own)
{
	static const struct option common[] = {
		OPTIONS_COMMON, {"help", no_argument, NULL, OPTION_HELP}};
	unsigned n = 0;
	for (size_t i = 0; i < countof(common); i++)
		to[n++] = common[i];
	for (int i = 0; own[i].name; i++)
		to[n++] = (struct option){own[i].name,
			own[i].has_value ? required_argument : no_argument, NULL, OPTION_OWN + i};
	to[n] = (struct option){0};
	return n;
}

int verbline_read(struct verbline *l, int argc, char **argv, const struct verbline_option *own,
	const char *help)
{
	struct option options[VERBLINE_OWN_MAX + 8];
	*l = (struct verbline){.values = json_object()};
	options_init(&l->common);
	(void)fill_options(options, own);
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == OPTION_HELP) {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		if (c == '?')
			return EXIT_USAGE;
		if (c >= OPTION_OWN)
			keep(l, &own[c - OPTION_OWN]);
		else if (!options_take(&l->common, argv[0], c, optarg))
			return EXIT_USAGE;
	}
	l->rest = argv + optind;
	l->count = argc - optind;
	return -1;
}

void verbline_done(struct verbline *l)
{
	json_decref(l->values);
	l->values = NULL;
}

const char *verbline_value(const struct verbline *l, const char *name)
{
	return json_string_value(json_object_get(l->values, name));
}

bool verbline_has(const struct verbline *l, const char *name)
{
	return json_object_get(l->values, name) != NULL;
}

json_t *verbline_names(const struct verbline *l, const char *name)
{
	const json_t *given = json_object_get(l->values, name);
	json_t *names = given ? json_array() : NULL, *one;
	size_t i;
	json_array_foreach (given, i, one) {
		const char *rest = json_string_value(one);
		for (size_t n; (n = strcspn(rest, ",")), *rest; rest += n + (rest[n] == ',')) {
			if (n > 0)
				(void)json_array_append_new(names, json_stringn(rest, n));
		}
	}
	return names;
}

void verbline_text(const struct verbline *l, const char *name, json_t *args)
{
	const char *text = verbline_value(l, name);
	if (text)
		(void)json_object_set_new(args, name, json_string(text));
}

bool verbline_number(const struct verbline *l, const char *name, json_t *args)
{
	const char *text = verbline_value(l, name);
	if (!text)
		return true;
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (*end || end == text || errno || value < 0)
		return false;
	(void)json_object_set_new(args, name, json_integer(value));
	return true;
}

int verbline_wrong(const char *verb, const char *format, ...)
{
	va_list args;
	(void)fprintf(stderr, "cordon %s: ", verb);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "\nTry 'cordon %s --help'.\n", verb);
	return EXIT_USAGE;
}
