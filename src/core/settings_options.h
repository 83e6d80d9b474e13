/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside settings_*.c: the table, and the kinds of value only Cordon has.
 */
#pragma once

#include "base/config.h"
#include "model/settings.h"

extern const struct config_option settings_options[];

extern const struct config_kind settings_kind_duration;     /* int64_t, ms */
extern const struct config_kind settings_kind_address;      /* char[]: literal, canonical */
extern const struct config_kind settings_kind_prefix;       /* struct prefix */
extern const struct config_kind settings_kind_endpoint;     /* struct listener_settings */
extern const struct config_kind settings_kind_service;      /* enum service */
extern const struct config_kind settings_kind_identifier;   /* char[]: name of an nft table */
extern const struct config_kind settings_kind_account;      /* char[]: name of a user or group */
extern const struct config_kind settings_kind_zone;         /* char[]: tz database name */
extern const struct config_kind settings_kind_level;        /* unsigned, enum log_level */
extern const struct config_kind settings_kind_journal;      /* struct journal_place */
extern const struct config_kind settings_kind_role;         /* enum role */
extern const struct config_kind settings_kind_place;        /* char[]: HOST:PORT, or "" */
extern const struct config_kind settings_kind_fleet_listen; /* struct listener_settings */

/* "journal: true", or the directory of one that is not the machine's. */
struct journal_place {
	bool use;
	char directory[PATH_MAX]; /* "": the machine's */
};

/* One item as it stands in the file; in memory `auto` is no sensor but a wish for some. */
struct sensor_item {
	bool automatic, merge;
	struct journal_place journal;
	struct sensor_settings sensor; /* path: of a file */
};

extern const struct config_list settings_list_sensors;         /* in struct settings */
extern const struct config_list settings_list_sensor_services; /* in struct sensor_item */
extern const struct config_list settings_list_listeners;       /* in struct settings */
extern const struct config_list settings_list_rules;           /* in struct settings */
extern const struct config_list settings_list_rule_services;   /* in struct rule */
extern const struct config_list settings_list_allow;           /* in struct settings */
