/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordond: watches log-ins, blocks attackers, remembers, answers. argv here;
 * everything else in daemon/.
 */
#include "daemon/enrol.h"
#include "daemon/monitor.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void usage(FILE *out)
{
	(void)fputs(
		"Usage: cordond [OPTION...]\n"
		"       cordond enrol URL TOKEN [OPTION...]\n"
		"Watches failed log-ins, blocks attackers in the kernel, and answers for it. That "
		"is\n"
		"role \"all\", for a machine by itself. Of many machines one answers for the "
		"others\n"
		"(role \"server\" in its configuration), and they become its agents (role "
		"\"agent\") by\n"
		"\"cordond enrol\"; \"cordond enrol --help\" says how.\n"
		"\n"
		"  --config FILE       read this configuration only\n"
		"                      (default: /etc/cordon/cordon.yaml, "
		"/etc/cordon/conf.d/*.yaml)\n"
		"  --state-dir DIR     database, keys and sockets here (default: /var/lib/cordon)\n"
		"  --listen HOST:PORT  answer here (default: 127.0.0.1:8731)\n"
		"  --fleet-listen HOST:PORT\n"
		"                      agents connect here (default: [::]:8732 for role server,\n"
		"                      else nowhere)\n"
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

static void usage_enrol(FILE *out)
{
	(void)fputs("Usage: cordond enrol URL TOKEN [OPTION...]\n"
		    "Makes this machine an agent of a server, once: it goes on watching and "
		    "blocking by\n"
		    "itself, reports to the server, and does what is asked for there. URL and "
		    "TOKEN are\n"
		    "what \"cordon hosts invite\" prints on the server. A cordond that runs takes "
		    "it over.\n"
		    "\n"
		    "  --name NAME      what this machine calls itself (default: its host name); a "
		    "name\n"
		    "                   in the invitation goes before it\n"
		    "  --force          although it is an agent already: then it is a new machine "
		    "to the\n"
		    "                   server, and the old one stays there until it is retired\n"
		    "  --config FILE    the same as cordond's\n"
		    "  --state-dir DIR  the same as cordond's (default: /var/lib/cordon)\n"
		    "  --help\n"
		    "Exit code: 0 enrolled, 1 refused, 2 wrong usage.\n",
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

enum {
	CONFIG = 1,
	STATE_DIR,
	LISTEN,
	FLEET_LISTEN,
	TABLE,
	OBSERVE,
	CHECK,
	VERBOSE,
	NAME,
	FORCE,
	HELP,
	VERSION
};

struct command_line {
	struct monitor_options monitor;
	struct enrol_options enrol;
	bool check;
	void (*usage)(FILE *out);
};

/* False: an option that there is not. */
static bool take_option(struct command_line *l, int option, const char *value)
{
	struct monitor_options *o = &l->monitor;
	const char **texts[] = {[CONFIG] = &o->config,
		[STATE_DIR] = &o->state_dir,
		[LISTEN] = &o->listen,
		[FLEET_LISTEN] = &o->fleet_listen,
		[TABLE] = &o->nft_table,
		[NAME] = &l->enrol.name};
	bool *flags[] = {[OBSERVE] = &o->observe,
		[CHECK] = &l->check,
		[VERBOSE] = &o->verbose,
		[FORCE] = &l->enrol.force};
	if ((size_t)option < countof(texts) && texts[option])
		*texts[option] = value;
	else if ((size_t)option < countof(flags) && flags[option])
		*flags[option] = true;
	else
		return false;
	return true;
}

/* The exit status, or -1: go on. */
static int read_options(struct command_line *l, int argc, char **argv, const struct option *options)
{
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == HELP) {
			l->usage(stdout);
			return 0;
		}
		if (c == VERSION) {
			(void)puts("cordond " CORDON_VERSION);
			return 0;
		}
		if (!take_option(l, c, optarg)) {
			l->usage(stderr);
			return 2;
		}
	}
	return -1;
}

static int enrol(struct command_line *l, int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
		{"state-dir", required_argument, NULL, STATE_DIR},
		{"name", required_argument, NULL, NAME}, {"force", no_argument, NULL, FORCE},
		{"help", no_argument, NULL, HELP}, {0}};
	l->usage = usage_enrol;
	int status = read_options(l, argc, argv, options);
	if (status >= 0)
		return status;
	if (argc - optind != 2) {
		(void)fputs("cordond: enrol needs URL and TOKEN, as `cordon hosts invite` prints "
			    "them; see cordond enrol --help\n",
			stderr);
		return 2;
	}
	l->enrol.monitor = l->monitor;
	l->enrol.url = argv[optind];
	l->enrol.token = argv[optind + 1];
	return enrol_main(&l->enrol);
}

static int serve(struct command_line *l, int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
		{"state-dir", required_argument, NULL, STATE_DIR},
		{"listen", required_argument, NULL, LISTEN},
		{"fleet-listen", required_argument, NULL, FLEET_LISTEN},
		{"table", required_argument, NULL, TABLE}, {"observe", no_argument, NULL, OBSERVE},
		{"check", no_argument, NULL, CHECK}, {"verbose", no_argument, NULL, VERBOSE},
		{"help", no_argument, NULL, HELP}, {"version", no_argument, NULL, VERSION}, {0}};
	l->usage = usage;
	int status = read_options(l, argc, argv, options);
	if (status >= 0)
		return status;
	if (optind < argc) {
		(void)fprintf(stderr, "cordond: what is '%s'?\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	return l->check ? check(&l->monitor) : monitor_main(&l->monitor);
}

int main(int argc, char **argv)
{
	struct command_line l = {0};
	bool enrols = argc > 1 && strcmp(argv[1], "enrol") == 0;
	return enrols ? enrol(&l, argc - 1, argv + 1) : serve(&l, argc, argv);
}
