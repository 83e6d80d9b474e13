/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Talks to cordond over its socket: one JSON object a line each way (see
 * api/native/control.h). Errors are said on standard error here.
 */
#pragma once

#include "cli/options.h"

#include <jansson.h>

/* Takes args over (NULL: none). The result (caller decrefs), or NULL after saying why not. */
json_t *client_call(const struct options *o, const char *verb, json_t *args);

/* Several requests on one connection. NULL after saying why not. */
struct client;
struct client *client_open(const struct options *o);
json_t *client_ask(struct client *c, const char *verb, json_t *args);
/* The same with the arguments' text: one JSON object, less than 1 MiB. */
json_t *client_ask_text(struct client *c, const char *verb, struct slice args);
struct client *client_close(struct client *c); /* NULL allowed; returns NULL */

/*
 * client_call(), then the result as JSON with --json, else by show (what: its second
 * argument, such as the name the verb was given). The exit code.
 */
int client_show(const struct options *o, const char *verb, json_t *args,
	void (*show)(const json_t *result, const char *what), const char *what);
/* Prints the value with --json, indented; returns EXIT_OK. */
int client_print(const json_t *value);

/* Members of an object; missing or null: "" and 0. */
const char *client_text(const json_t *object, const char *name);
int64_t client_int(const json_t *object, const char *name);
/* Those of a list, with blanks between them, as far as they fit. */
void client_texts(const json_t *object, const char *name, char *ret, size_t size);
