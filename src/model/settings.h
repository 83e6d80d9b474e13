/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What cordon.yaml says, as plain values. Filled from the table in
 * core/settings.c, which also makes `cordon config` and cordon.yaml(5).
 */
#pragma once

#include "base/addr.h"
#include "model/rule.h"
#include "model/service.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_SENSORS_MAX   32
#define SETTINGS_ALLOW_MAX     1024
#define SETTINGS_RULES_MAX     64
#define SETTINGS_LISTENERS_MAX 8

/* auto: an agent once enrolled, else all. all: watches this machine and answers, for agents too
   when there is fleet_listen. server: answers for agents only. agent: reports to a server. */
enum role { ROLE_AUTO, ROLE_ALL, ROLE_SERVER, ROLE_AGENT };

enum sensor_kind { SENSOR_FILE, SENSOR_JOURNAL };

/* One input. `auto: true` is resolved into these before anything starts. */
struct sensor_settings {
	enum sensor_kind kind;
	char path[PATH_MAX]; /* file; or a journal directory ("" = the system's) */
	uint32_t services;   /* SERVICE_BIT()s it is the primary source of */
	char timezone[64];   /* of stamps without one; "": the machine's */
	bool from_start;     /* read what is there at the first start (default: only what comes) */
};

struct listener_settings {
	char host[64]; /* literal address */
	uint16_t port;
	char certificate[PATH_MAX], key[PATH_MAX]; /* TLS; "" on loopback only */
};

/* How blocks grow; a factor of 1: they do not. */
struct repeat_settings {
	uint32_t factor;
	int64_t ceiling, forget; /* ms */
};

struct settings {
	char state_dir[PATH_MAX]; /* /var/lib/cordon */
	char run_dir[PATH_MAX];   /* /run/cordon; the state dir with --state-dir */
	char user[32], enforcer_user[32], group[32]; /* cordon, cordon-fw, cordon */
	bool observe;                                /* never touch the kernel */
	char nft_table[32];                          /* "cordon" */
	bool nft_owner; /* own the table where the kernel can (default true) */

	struct {
		char name[128], instance_id[64], internet_ip[48], intranet_ip[48], region[64];
	} host; /* "" = find out */

	struct sensor_settings sensors[SETTINGS_SENSORS_MAX];
	unsigned sensor_count;
	bool sensors_auto;  /* some of them came from `auto: true` */
	bool sensors_merge; /* two sensors may carry one service */

	enum role role; /* ROLE_AUTO only until the configuration was resolved */
	struct listener_settings fleet_listen; /* for agents; host "": nobody listens. TLS always,
						  with a certificate of its own making */
	char fleet_address[256];               /* HOST:PORT that agents are told; "" = find out */

	struct listener_settings listen[SETTINGS_LISTENERS_MAX];
	unsigned listener_count;
	uint32_t http_workers;     /* threads */
	uint32_t http_connections; /* at most */
	uint32_t http_body_max;    /* bytes */
	int64_t http_timeout;      /* ms without progress */

	uint16_t ports[SERVICE_COUNT];
	struct rule system_rule;               /* blinkRule: 10 in 5 m -> 6 h */
	struct rule rules[SETTINGS_RULES_MAX]; /* user rules fixed by the config file */
	unsigned rule_count;
	struct prefix allow[SETTINGS_ALLOW_MAX];
	unsigned allow_count;
	struct repeat_settings repeat;
	uint32_t blocks_per_minute; /* ceiling on new blocks; 0: none (default 10000) */

	uint32_t tracked_sources;  /* 1,000,000 */
	uint64_t tracked_bytes;    /* 64 MiB */
	uint32_t tracked_sessions; /* 65,536 */
	int64_t session_idle;      /* 10 m */
	bool store_unknown_users;  /* default false: people type passwords there */

	int64_t retain_blocks, retain_attempts; /* ms: 180 d, 90 d */
	uint64_t retain_bytes;                  /* of the database; 0: no limit */

	int64_t clock_window;      /* 15 m */
	uint32_t nonces_per_key;   /* 1,048,576 */
	uint32_t rate_limit;       /* calls a second a key; 0: off */
	uint32_t lockout_failures; /* 5 */
	int64_t lockout_time;      /* 5 m */
	int64_t token_life;        /* 24 h */
	int64_t silent_after;      /* 24 h: a source that says nothing for so long is remarkable */
	int64_t hits_interval;     /* 5 s: how often refused connections are sampled */
	unsigned log_level;
};
