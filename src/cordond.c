/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordond: watches log-ins, blocks attackers, remembers, answers. argv here;
 * everything else in daemon/.
 */
#include "daemon/monitor.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void usage(FILE *out)
{
	(void)fputs(
		"usage: cordond [OPTION...]\n"
		"Watches failed log-ins, blocks attackers in the kernel, and answers for it.\n"
		"\n"
		"  --config FILE       read this configuration only\n"
		"                      (default: /etc/cordon/cordon.yaml, "
		"/etc/cordon/conf.d/*.yaml)\n"
		"  --state-dir DIR     database, keys and sockets here (default: /var/lib/cordon)\n"
		"  --listen HOST:PORT  answer here (default: 127.0.0.1:8731)\n"
		"  --table NAME        nftables table, inet family (default: cordon)\n"
		"  --observe           never touch the kernel; needs no root\n"
		"  --check             check the configuration and exit\n"
		"  --verbose           say more\n"
		"  --help, --version\n"
		"\n"
		"SIGHUP reads the configuration again; SIGTERM ends. Blocks stay in the kernel\n"
		"(cordon flush takes them out). See cordond(8), cordon(1), cordon.yaml(5).\n",
		out);
}

static int check(const struct monitor_options *options)
{
	static struct settings settings;
	struct err err;
	if (monitor_settings(options, &settings, &err) < 0) {
		(void)fprintf(stderr, "cordond: %s\n", err.text);
		return 1;
	}
	(void)printf("configuration ok: %u sensors, %u listeners\n", settings.sensor_count,
		settings.listener_count);
	return 0;
}

int main(int argc, char **argv)
{
	enum { CONFIG = 1, STATE_DIR, LISTEN, TABLE, OBSERVE, CHECK, VERBOSE, HELP, VERSION };
	static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
		{"state-dir", required_argument, NULL, STATE_DIR},
		{"listen", required_argument, NULL, LISTEN},
		{"table", required_argument, NULL, TABLE}, {"observe", no_argument, NULL, OBSERVE},
		{"check", no_argument, NULL, CHECK}, {"verbose", no_argument, NULL, VERBOSE},
		{"help", no_argument, NULL, HELP}, {"version", no_argument, NULL, VERSION}, {0}};
	struct monitor_options o = {0};
	bool check_only = false;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case CONFIG:
			o.config = optarg;
			break;
		case STATE_DIR:
			o.state_dir = optarg;
			break;
		case LISTEN:
			o.listen = optarg;
			break;
		case TABLE:
			o.nft_table = optarg;
			break;
		case OBSERVE:
			o.observe = true;
			break;
		case CHECK:
			check_only = true;
			break;
		case VERBOSE:
			o.verbose = true;
			break;
		case HELP:
			usage(stdout);
			return 0;
		case VERSION:
			(void)puts("cordond " CORDON_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "cordond: what is '%s'?\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	return check_only ? check(&o) : monitor_main(&o);
}
