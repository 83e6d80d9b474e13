/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon.yaml: one table of options (name, type, range, default, help) from
 * which the parser, `cordon config`, the defaults and cordon.yaml(5) are made.
 * Errors name file, line and column; unknown keys are refused with a suggestion.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "enforce/enforce.h"
#include "model/settings.h"

/* Every option at its default. */
void settings_default(struct settings *ret);
/*
 * Reads one file over *s (later ones win; lists replace). -ENOENT: not there;
 * -EINVAL: err has "file:line:column: what". *s is untouched on failure.
 */
int settings_read_file(struct settings *s, const char *path, struct err *err);
/* The same from memory; name is for messages. The fuzz target's entrance. */
int settings_read(struct settings *s, struct slice text, const char *name, struct err *err);
/*
 * The defaults, then what path says, then settings_check(). path is a file, or a directory with
 * cordon.yaml and conf.d/ *.yaml (read by name), any of them where present; NULL: /etc/cordon.
 */
int settings_load(struct settings *s, const char *path, struct err *err);
/* Rules between options: a plain listener off loopback, two sensors of one service … */
int settings_check(const struct settings *s, struct err *err);
/*
 * Turns `auto: true` into sensors: per service the journal where there is one, else its log
 * file where present. root: "" or a directory that stands for / (tests).
 */
int settings_resolve_sensors(struct settings *s, const char *root, struct err *err);
/*
 * Ports of the services that are read from logs a client can write into: as configured, and
 * the usual one, as behind a translated port the service has its own.
 */
struct enforce_ports settings_ports(const struct settings *s);
/* "10s" "5m" "6h" "7d" "permanent" -> ms. */
bool settings_duration(struct slice text, int64_t *ret_ms);
/* ms -> the shortest of those; returns text. */
const char *settings_duration_text(int64_t ms, char text[static 32]);
/* "192.0.2.1:8731", "[::1]:8731" into host (canonical) and port; no name is resolved. */
bool settings_endpoint(struct slice text, struct listener_settings *ret);
/* "cordon.example.net:8732", "[2001:db8::1]:8732" into host (in text, without brackets) and port.
 */
#define SETTINGS_PLACE_MAX 247 /* bytes of such a text: with "https://" it fits 256 */
bool settings_place(struct slice text, struct slice *ret_host, uint16_t *ret_port);
const char *settings_role_name(enum role role); /* "auto", "all" … */
/*
 * What the role means for the rest: auto becomes agent or all; a server has no sensors, enforces
 * nothing and listens for agents; an agent does not. -EINVAL: an agent that is not enrolled.
 */
int settings_resolve_role(struct settings *s, bool enrolled, struct err *err);
/* The effective configuration as YAML; the option table as mdoc(7) items. */
void settings_print(const struct settings *s, struct buf *out);
void settings_manual(struct buf *out);
