/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of every option in cordon.yaml. The parser, the defaults, `cordon config`
 * and cordon.yaml(5) are read from it.
 */
#include "core/settings_options.h"

#include "base/clock.h"

#define SIZE_MIB (UINT64_C(1) << 20)

/* --- items of lists ------------------------------------------------------------- */

static const struct config_option sensor_options[] = {
	{
		.name = "auto",
		.help = "Finds out what this machine has: for each service that no other sensor "
			"names, the systemd journal where there is one, else the service's log "
			"file; of a database its own error log before the journal.",
		.kind = &config_boolean,
		CONFIG_AT(struct sensor_item, automatic),
		.initial = "false",
	},
	{
		.name = "file",
		.help = "A log file. It is followed through rotation, and may not exist yet.",
		.kind = &config_path,
		CONFIG_AT(struct sensor_item, sensor.path),
		.initial = "",
	},
	{
		.name = "journal",
		.help = "The systemd journal: this machine's, or that in a directory.",
		.kind = &settings_kind_journal,
		CONFIG_AT(struct sensor_item, journal),
		.initial = "false",
	},
	{
		.name = "services",
		.help = "The services whose log-ins are counted from here. Without it, all.",
		.kind = &settings_kind_service,
		.list = &settings_list_sensor_services,
	},
	{
		.name = "timezone",
		.help = "Of time stamps that name none. Without it, the machine's.",
		.kind = &settings_kind_zone,
		CONFIG_AT(struct sensor_item, sensor.timezone),
		.initial = "",
	},
	{
		.name = "from_start",
		.help = "Reads what is there already when Cordon meets this sensor for the first "
			"time, instead of only what comes.",
		.kind = &config_boolean,
		CONFIG_AT(struct sensor_item, sensor.from_start),
		.initial = "false",
	},
	{
		.name = "merge",
		.help = "Says that two sensors may carry one service, because no log-in stands in "
			"both of them. Once is enough for the whole list. Without it such sensors "
			"are refused: with rsyslog both the journal and a file have every line, "
			"and each failure would count twice.",
		.kind = &config_boolean,
		CONFIG_AT(struct sensor_item, merge),
		.initial = "false",
	},
	{0},
};

static const struct config_option listener_options[] = {
	{
		.name = "address",
		.help = "Where to listen. Port 0 takes any free one.",
		.kind = &settings_kind_endpoint,
		.offset = 0,
		.size = sizeof(struct listener_settings),
	},
	{
		.name = "certificate",
		.help = "A PEM file with the certificate and its chain. It and the key are needed "
			"everywhere but on loopback, where plain HTTP is spoken without them.",
		.kind = &config_path,
		CONFIG_AT(struct listener_settings, certificate),
		.initial = "",
	},
	{
		.name = "key",
		.help = "A PEM file with the certificate's private key.",
		.kind = &config_path,
		CONFIG_AT(struct listener_settings, key),
		.initial = "",
	},
	{0},
};

/* The three that every rule has, of a struct rule that is (in) the type. */
#define RULE_OPTIONS(type, prefix)                                                                 \
	{                                                                                          \
		.name = "fail_count",                                                              \
		.help = "Failed log-ins within the span that block the source.",                   \
		.kind = &config_number,                                                            \
		CONFIG_AT(type, prefix fail_count),                                                \
		.min = 1,                                                                          \
		.max = 1000,                                                                       \
		.initial = "10",                                                                   \
	},                                                                                         \
		{                                                                                  \
			.name = "span",                                                            \
			.help = "How far back failures count.",                                    \
			.kind = &settings_kind_duration,                                           \
			CONFIG_AT(type, prefix span),                                              \
			.min = MS_SECOND,                                                          \
			.max = 7 * MS_DAY,                                                         \
			.initial = "5m",                                                           \
		},                                                                                 \
	{                                                                                          \
		.name = "forbidden", .help = "How long the source stays blocked.",                 \
		.kind = &settings_kind_duration, CONFIG_AT(type, prefix forbidden),                \
		.min = MS_SECOND, .max = RULE_PERMANENT, .initial = "6h",                          \
	}

static const struct config_option rule_options[] = {
	{
		.name = "name",
		.help = "What the blocks it makes are shown with.",
		.kind = &config_text,
		CONFIG_AT(struct rule, name),
	},
	{
		.name = "services",
		.help = "The services it watches. Without it, all.",
		.kind = &settings_kind_service,
		.list = &settings_list_rule_services,
	},
	RULE_OPTIONS(struct rule, ),
	{0},
};

static const struct config_option system_rule_options[] = {
	{
		.name = "enabled",
		.help = "Whether it blocks at all.",
		.kind = &config_boolean,
		CONFIG_AT(struct settings, system_rule.enabled),
		.initial = "true",
	},
	RULE_OPTIONS(struct settings, system_rule.),
	{0},
};

/* --- groups ----------------------------------------------------------------------- */

static const struct config_option repeat_options[] = {
	{
		.name = "factor",
		.help = "Each further block of a source lasts so many times as long as the one "
			"before. 1: each lasts as long as its rule says.",
		.kind = &config_number,
		CONFIG_AT(struct settings, repeat.factor),
		.min = 1,
		.max = 100,
		.initial = "1",
	},
	{
		.name = "ceiling",
		.help = "No block grows beyond this.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, repeat.ceiling),
		.min = MS_SECOND,
		.max = RULE_PERMANENT,
		.initial = "7d",
	},
	{
		.name = "forget",
		.help = "A source whose block ended longer ago than this begins anew. So does one "
			"whose block was lifted.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, repeat.forget),
		.min = MS_SECOND,
		.max = RULE_PERMANENT,
		.initial = "30d",
	},
	{0},
};

static const struct config_option host_options[] = {
	{
		.name = "name",
		.help = "Without it, the machine's host name.",
		.kind = &config_text,
		CONFIG_AT(struct settings, host.name),
		.initial = "",
	},
	{
		.name = "instance_id",
		.help = "Without it, \"i-\" and the first 20 digits of the uuid Cordon made for "
			"it.",
		.kind = &config_text,
		CONFIG_AT(struct settings, host.instance_id),
		.initial = "",
	},
	{
		.name = "internet_ip",
		.help = "Without it, the address of the default route when that is a public one.",
		.kind = &settings_kind_address,
		CONFIG_AT(struct settings, host.internet_ip),
		.initial = "",
	},
	{
		.name = "intranet_ip",
		.help = "Without it, the first private address.",
		.kind = &settings_kind_address,
		CONFIG_AT(struct settings, host.intranet_ip),
		.initial = "",
	},
	{
		.name = "region",
		.help = "Where the machine stands, in your own words.",
		.kind = &config_text,
		CONFIG_AT(struct settings, host.region),
		.initial = "local",
	},
	{0},
};

static const struct config_option fleet_options[] = {
	{
		.name = "listen",
		.help = "Where agents connect to, HOST:PORT; [::] takes IPv4 too. Always TLS, with "
			"certificates on both sides that Cordon makes itself. \"none\": nowhere, "
			"except that role server listens on [::]:8732. An agent ignores it.",
		.kind = &settings_kind_fleet_listen,
		CONFIG_AT(struct settings, fleet_listen),
		.initial = "none",
	},
	{
		.name = "address",
		.help = "Where agents find this server, HOST:PORT, as \"cordon hosts invite\" "
			"tells them. Without it, the public or else the first private address.",
		.kind = &settings_kind_place,
		CONFIG_AT(struct settings, fleet_address),
		.initial = "",
	},
	{0},
};

static const struct config_option http_options[] = {
	{
		.name = "workers",
		.help = "Threads that answer.",
		.kind = &config_number,
		CONFIG_AT(struct settings, http_workers),
		.min = 1,
		.max = 64,
		.initial = "2",
	},
	{
		.name = "connections",
		.help = "Connections at one time. More are closed at once.",
		.kind = &config_number,
		CONFIG_AT(struct settings, http_connections),
		.min = 8,
		.max = 65536,
		.initial = "1024",
	},
	{
		.name = "body_max",
		.help = "The longest body of a request.",
		.kind = &config_bytes,
		CONFIG_AT(struct settings, http_body_max),
		.min = 4096,
		.max = 64 * SIZE_MIB,
		.initial = "1MiB",
	},
	{
		.name = "timeout",
		.help = "A connection on which nothing moves for so long is closed.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, http_timeout),
		.min = MS_SECOND,
		.max = MS_HOUR,
		.initial = "30s",
	},
	{0},
};

#define PORT(service_text, service, port)                                                          \
	{                                                                                          \
		.name = service_text, .help = "Where it is reached.", .kind = &config_number,      \
		CONFIG_AT(struct settings, ports[service]), .min = 1, .max = 65535,                \
		.initial = port,                                                                   \
	}

static const struct config_option port_options[] = {
	PORT("ssh", SERVICE_SSH, "22"),
	PORT("mysql", SERVICE_MYSQL, "3306"),
	PORT("rdp", SERVICE_RDP, "3389"),
	PORT("vsftpd", SERVICE_VSFTPD, "21"),
	{0},
};

static const struct config_option limit_options[] = {
	{
		.name = "blocks_per_minute",
		.help = "A ceiling on new blocks, so that a mistake or a flood cannot block the "
			"world. 0: none.",
		.kind = &config_number,
		CONFIG_AT(struct settings, blocks_per_minute),
		.initial = "10000",
	},
	{
		.name = "tracked_sources",
		.help = "Sources whose failures are remembered at one time. When there are more, "
			"the "
			"least suspicious leave, and a counter says so.",
		.kind = &config_number,
		CONFIG_AT(struct settings, tracked_sources),
		.min = 1000,
		.max = 100000000,
		.initial = "1000000",
	},
	{
		.name = "tracked_memory",
		.help = "Memory for them.",
		.kind = &config_bytes,
		CONFIG_AT(struct settings, tracked_bytes),
		.min = SIZE_MIB,
		.max = 65536 * SIZE_MIB,
		.initial = "64MiB",
	},
	{
		.name = "tracked_sessions",
		.help = "Log-in sessions whose lines are put together at one time.",
		.kind = &config_number,
		CONFIG_AT(struct settings, tracked_sessions),
		.min = 256,
		.max = 16777216,
		.initial = "65536",
	},
	{
		.name = "session_idle",
		.help = "A session without a line for so long is over.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, session_idle),
		.min = 10 * MS_SECOND,
		.max = MS_DAY,
		.initial = "10m",
	},
	{0},
};

static const struct config_option retention_options[] = {
	{
		.name = "blocks",
		.help = "How long ended blocks stay in the records.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, retain_blocks),
		.min = MS_HOUR,
		.max = RULE_PERMANENT,
		.initial = "180d",
	},
	{
		.name = "attempts",
		.help = "How long the counts of failed log-ins stay.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, retain_attempts),
		.min = MS_HOUR,
		.max = RULE_PERMANENT,
		.initial = "90d",
	},
	{
		.name = "size",
		.help = "When the database is larger, the oldest records leave before their time. "
			"0: no limit.",
		.kind = &config_bytes,
		CONFIG_AT(struct settings, retain_bytes),
		.initial = "0",
	},
	{0},
};

static const struct config_option auth_options[] = {
	{
		.name = "clock_window",
		.help = "How far the time in a signed request may be off.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, clock_window),
		.min = 10 * MS_SECOND,
		.max = MS_DAY,
		.initial = "15m",
	},
	{
		.name = "nonces_per_key",
		.help = "Nonces remembered for each key during the window, 16 bytes each. When "
			"they "
			"are used up the key's calls are refused for a while.",
		.kind = &config_number,
		CONFIG_AT(struct settings, nonces_per_key),
		.min = 1024,
		.max = 1073741824,
		.initial = "1048576",
	},
	{
		.name = "rate_limit",
		.help = "Calls a second for each key. 0: no limit.",
		.kind = &config_number,
		CONFIG_AT(struct settings, rate_limit),
		.initial = "0",
	},
	{
		.name = "lockout_failures",
		.help = "Wrong signatures or secrets of one key from one address that lock the two "
			"out. 0: never. Loopback is never locked out.",
		.kind = &config_number,
		CONFIG_AT(struct settings, lockout_failures),
		.initial = "5",
	},
	{
		.name = "lockout_time",
		.help = "How long.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, lockout_time),
		.min = MS_SECOND,
		.max = MS_DAY,
		.initial = "5m",
	},
	{
		.name = "token_life",
		.help = "How long a token is good.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, token_life),
		.min = MS_MINUTE,
		.max = 7 * MS_DAY,
		.initial = "24h",
	},
	{0},
};

/* --- the whole -------------------------------------------------------------------- */

const struct config_option settings_options[] = {
	{
		.name = "sensors",
		.help = "What is read. Without it, the one sensor \"auto: true\". Each has one of "
			"auto, "
			"file and journal.",
		.fields = sensor_options,
		.list = &settings_list_sensors,
	},
	{
		.name = "allow",
		.help = "Who is never blocked. Loopback, this machine's addresses, its gateway and "
			"resolvers never are anyway.",
		.kind = &settings_kind_prefix,
		.list = &settings_list_allow,
	},
	{
		.name = "system_rule",
		.help = "The rule that is always there.",
		.fields = system_rule_options,
	},
	{
		.name = "rules",
		.help = "Rules beside it. Whichever is reached first blocks.",
		.fields = rule_options,
		.list = &settings_list_rules,
	},
	{
		.name = "repeat",
		.help = "How much longer those are blocked who come back. The first block is "
			"always "
			"as long as its rule says.",
		.fields = repeat_options,
	},
	{
		.name = "observe",
		.help = "Never touches the kernel. Everything else works, and every record says "
			"that "
			"nobody was blocked.",
		.kind = &config_boolean,
		CONFIG_AT(struct settings, observe),
		.initial = "false",
	},
	{
		.name = "role",
		.help = "What this Cordon is. all: watches this machine and answers, for agents "
			"too when fleet.listen is set. server: answers for agents only. agent: "
			"watches this machine and reports to a server; it has to be enrolled "
			"(cordond enrol). auto: an agent once it is enrolled, else all.",
		.kind = &settings_kind_role,
		CONFIG_AT(struct settings, role),
		.initial = "auto",
	},
	{
		.name = "fleet",
		.help = "A server and its agents.",
		.fields = fleet_options,
	},
	{
		.name = "listen",
		.help = "Where the programming interfaces are served. Without it, plain HTTP on "
			"127.0.0.1:8731.",
		.fields = listener_options,
		.list = &settings_list_listeners,
	},
	{
		.name = "http",
		.help = "What one client may take from the others.",
		.fields = http_options,
	},
	{
		.name = "auth",
		.help = "How requests are checked.",
		.fields = auth_options,
	},
	{
		.name = "host",
		.help = "What this machine is called in answers.",
		.fields = host_options,
	},
	{
		.name = "ports",
		.help = "The ports shown with blocks, of which each always covers every port. And "
			"on "
			"those of mysql and rdp the kernel sees who truly connected: failures from "
			"logs that a client can write into count for nobody else.",
		.fields = port_options,
	},
	{
		.name = "limits",
		.help = "What an attacker may make Cordon hold.",
		.fields = limit_options,
	},
	{
		.name = "retention",
		.help = "What is kept how long.",
		.fields = retention_options,
	},
	{
		.name = "hits_interval",
		.help = "How often refused connections are counted.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, hits_interval),
		.min = 100,
		.max = MS_HOUR,
		.initial = "5s",
	},
	{
		.name = "silent_after",
		.help = "A sensor that says nothing for so long is remarked upon, in the log and "
			"by "
			"cordon status.",
		.kind = &settings_kind_duration,
		CONFIG_AT(struct settings, silent_after),
		.min = MS_SECOND,
		.max = RULE_PERMANENT,
		.initial = "24h",
	},
	{
		.name = "store_unknown_users",
		.help = "Stores the names of users that do not exist. People type passwords there.",
		.kind = &config_boolean,
		CONFIG_AT(struct settings, store_unknown_users),
		.initial = "false",
	},
	{
		.name = "state_dir",
		.help = "The database and its key.",
		.kind = &config_path,
		CONFIG_AT(struct settings, state_dir),
		.initial = "/var/lib/cordon",
	},
	{
		.name = "run_dir",
		.help = "The socket of the command line.",
		.kind = &config_path,
		CONFIG_AT(struct settings, run_dir),
		.initial = "/run/cordon",
	},
	{
		.name = "user",
		.help = "Reads, decides, stores and answers.",
		.kind = &settings_kind_account,
		CONFIG_AT(struct settings, user),
		.initial = "cordon",
	},
	{
		.name = "enforcer_user",
		.help = "Speaks to the kernel.",
		.kind = &settings_kind_account,
		CONFIG_AT(struct settings, enforcer_user),
		.initial = "cordon-fw",
	},
	{
		.name = "group",
		.help = "Its members may use the command line's socket.",
		.kind = &settings_kind_account,
		CONFIG_AT(struct settings, group),
		.initial = "cordon",
	},
	{
		.name = "nft_table",
		.help = "The nftables table (family inet) that is Cordon's own.",
		.kind = &settings_kind_identifier,
		CONFIG_AT(struct settings, nft_table),
		.initial = "cordon",
	},
	{
		.name = "nft_owner",
		.help = "Owns the table where the kernel can (Linux 6.9), so that no other "
			"program's "
			"flush touches it.",
		.kind = &config_boolean,
		CONFIG_AT(struct settings, nft_owner),
		.initial = "true",
	},
	{
		.name = "log_level",
		.help = "How much Cordon says about itself.",
		.kind = &settings_kind_level,
		CONFIG_AT(struct settings, log_level),
		.initial = "info",
	},
	{0},
};
