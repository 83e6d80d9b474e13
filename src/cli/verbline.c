/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/verbline.h"

#include "base/util.h"

#include <stdarg.h>

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
