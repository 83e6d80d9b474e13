/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon.yaml: what the smallest and the fullest file mean, what is refused, where the
 * files are, and what `auto: true` finds.
 */
#include "core/settings.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
/* cmocka.h needs three of the above */
#include <cmocka.h>

/* Too large for the stack twice. */
static struct settings s, again;
static char root[] = "/tmp/test_settings.XXXXXX";

static const char *read_text(const char *text)
{
	static struct err err;
	err.text[0] = '\0';
	settings_default(&s);
	int e = settings_read(&s, slice_of(text), "c", &err);
	if (e == 0)
		e = settings_check(&s, &err);
	return e ? err.text : NULL;
}

#define assert_reads(text)                                                                         \
	do {                                                                                       \
		const char *why_ = read_text(text);                                                \
		if (why_)                                                                          \
			fail_msg("%s", why_);                                                      \
	} while (0)

/* decisions: what holds with no file at all. */
static void test_defaults(void **state)
{
	(void)state;
	settings_default(&s);
	assert_string_equal(s.state_dir, "/var/lib/cordon");
	assert_string_equal(s.run_dir, "/run/cordon");
	assert_string_equal(s.user, "cordon");
	assert_string_equal(s.enforcer_user, "cordon-fw");
	assert_string_equal(s.group, "cordon");
	assert_string_equal(s.nft_table, "cordon");
	assert_string_equal(s.host.name, "");
	assert_string_equal(s.host.region, "local");
	assert_true(s.sensors_auto && s.nft_owner && !s.observe && !s.store_unknown_users);
	assert_int_equal(s.sensor_count, 0);
	assert_int_equal(s.listener_count, 1);
	assert_string_equal(s.listen[0].host, "127.0.0.1");
	assert_int_equal(s.listen[0].port, 8731);
	for (enum service i = SERVICE_SSH; i < SERVICE_COUNT; i++)
		assert_int_equal(s.ports[i], service_default_port(i));
	assert_int_equal(s.system_rule.fail_count, 10);
	assert_int_equal(s.system_rule.span, 5 * MS_MINUTE);
	assert_int_equal(s.system_rule.forbidden, 6 * MS_HOUR);
	assert_int_equal(s.system_rule.services, SERVICE_ALL);
	assert_int_equal(s.system_rule.source, RULE_BLINK);
	assert_true(s.system_rule.enabled && s.system_rule.is_default);
	assert_int_equal(s.blocks_per_minute, 10000);
	assert_int_equal(s.tracked_sources, 1000000);
	assert_int_equal(s.tracked_bytes, 64 << 20);
	assert_int_equal(s.tracked_sessions, 65536);
	assert_int_equal(s.session_idle, 10 * MS_MINUTE);
	assert_int_equal(s.retain_blocks, 180 * MS_DAY);
	assert_int_equal(s.retain_attempts, 90 * MS_DAY);
	assert_int_equal(s.retain_bytes, 0);
	assert_int_equal(s.clock_window, 15 * MS_MINUTE);
	assert_int_equal(s.nonces_per_key, 1048576);
	assert_int_equal(s.rate_limit, 0);
	assert_int_equal(s.lockout_failures, 5);
	assert_int_equal(s.lockout_time, 5 * MS_MINUTE);
	assert_int_equal(s.token_life, 24 * MS_HOUR);
	assert_int_equal(s.hits_interval, 5 * MS_SECOND);
	assert_int_equal(s.log_level, LOG_LEVEL_INFO);
	assert_int_equal(s.role, ROLE_AUTO);
	assert_string_equal(s.fleet_listen.host, "");
	assert_string_equal(s.fleet_address, "");
	assert_int_equal(settings_check(&s, NULL), 0);
}

static void test_smallest(void **state)
{
	(void)state;
	assert_reads("sensors: [{auto: true}]\n");
	assert_true(s.sensors_auto);
	assert_reads("sensors: [{file: /srv/log/auth.log}]\n");
	assert_false(s.sensors_auto);
	assert_int_equal(s.sensor_count, 1);
	assert_int_equal(s.sensors[0].kind, SENSOR_FILE);
	assert_int_equal(s.sensors[0].services, SERVICE_ALL);
	assert_string_equal(s.sensors[0].path, "/srv/log/auth.log");
	assert_false(s.sensors[0].from_start);
	assert_reads("sensors: []\n");
	assert_false(s.sensors_auto);
}

static const char full[] = "sensors:\n"
			   "  - file: /srv/log/auth.log\n"
			   "    services: [ssh, mysql]\n"
			   "    timezone: Europe/Berlin\n"
			   "    from_start: true\n"
			   "    merge: true\n"
			   "  - journal: true\n"
			   "    services: [ssh]\n"
			   "    merge: true\n"
			   "  - journal: /srv/journal\n"
			   "    services: [ssh]\n"
			   "    merge: true\n"
			   "allow: [192.0.2.0/24, 2001:db8::/48, 198.51.100.7]\n"
			   "system_rule:\n"
			   "  enabled: false\n"
			   "  fail_count: 3\n"
			   "  span: 90s\n"
			   "  forbidden: permanent\n"
			   "rules:\n"
			   "  - name: \"the office: strict\"\n"
			   "    services: [ssh]\n"
			   "    fail_count: 5\n"
			   "    span: 10m\n"
			   "    forbidden: 7d\n"
			   "  - name: all\n"
			   "observe: true\n"
			   "role: all\n"
			   "fleet:\n"
			   "  listen: \"[::]:8732\"\n"
			   "  address: cordon.example.net:443\n"
			   "listen:\n"
			   "  - address: \"[::1]:8731\"\n"
			   "  - address: 0.0.0.0:443\n"
			   "    certificate: /etc/cordon/cert.pem\n"
			   "    key: /etc/cordon/key.pem\n"
			   "http:\n"
			   "  workers: 4\n"
			   "  connections: 100\n"
			   "  body_max: 2MiB\n"
			   "  timeout: 10s\n"
			   "auth:\n"
			   "  clock_window: 1m\n"
			   "  nonces_per_key: 2048\n"
			   "  rate_limit: 50\n"
			   "  lockout_failures: 0\n"
			   "  lockout_time: 1h\n"
			   "  token_life: 1d\n"
			   "host:\n"
			   "  name: web-1\n"
			   "  instance_id: i-1\n"
			   "  internet_ip: 192.0.2.1\n"
			   "  intranet_ip: fd00::1\n"
			   "  region: attic\n"
			   "repeat:\n"
			   "  factor: 3\n"
			   "  ceiling: permanent\n"
			   "  forget: 1h\n"
			   "ports:\n"
			   "  ssh: 2222\n"
			   "  mysql: 1\n"
			   "  rdp: 2\n"
			   "  vsftpd: 3\n"
			   "limits:\n"
			   "  blocks_per_minute: 0\n"
			   "  tracked_sources: 5000\n"
			   "  tracked_memory: 1GiB\n"
			   "  tracked_sessions: 1000\n"
			   "  session_idle: 1h\n"
			   "retention:\n"
			   "  blocks: permanent\n"
			   "  attempts: 1d\n"
			   "  size: 10GiB\n"
			   "hits_interval: 500ms\n"
			   "silent_after: permanent\n"
			   "store_unknown_users: true\n"
			   "state_dir: /srv/cordon\n"
			   "run_dir: /srv/cordon/run\n"
			   "user: a\n"
			   "enforcer_user: b\n"
			   "group: c\n"
			   "nft_table: other_1\n"
			   "nft_owner: false\n"
			   "log_level: debug\n";

static void check_full(const struct settings *f)
{
	assert_int_equal(f->sensor_count, 3);
	assert_true(f->sensors_merge);
	assert_int_equal(
		f->sensors[0].services, SERVICE_BIT(SERVICE_SSH) | SERVICE_BIT(SERVICE_MYSQL));
	assert_string_equal(f->sensors[0].timezone, "Europe/Berlin");
	assert_true(f->sensors[0].from_start);
	assert_int_equal(f->sensors[1].kind, SENSOR_JOURNAL);
	assert_string_equal(f->sensors[1].path, "");
	assert_string_equal(f->sensors[2].path, "/srv/journal");
	assert_int_equal(f->silent_after, RULE_PERMANENT);
	assert_int_equal(f->repeat.factor, 3);
	assert_int_equal(f->repeat.ceiling, RULE_PERMANENT);
	assert_int_equal(f->repeat.forget, MS_HOUR);
	assert_int_equal(f->allow_count, 3);
	assert_int_equal(f->allow[0].len, 120);
	assert_int_equal(f->allow[1].len, 48);
	assert_int_equal(f->allow[2].len, 128);
	assert_false(f->system_rule.enabled);
	assert_int_equal(f->system_rule.fail_count, 3);
	assert_int_equal(f->system_rule.span, 90 * MS_SECOND);
	assert_int_equal(f->system_rule.forbidden, RULE_PERMANENT);
	assert_int_equal(f->rule_count, 2);
	assert_string_equal(f->rules[0].name, "the office: strict");
	assert_int_equal(f->rules[0].services, SERVICE_BIT(SERVICE_SSH));
	assert_int_equal(f->rules[0].forbidden, 7 * MS_DAY);
	assert_int_equal(f->rules[0].source, RULE_USER);
	assert_true(f->rules[0].enabled && f->rules[0].is_default);
	assert_int_equal(f->rules[1].services, SERVICE_ALL);
	assert_int_equal(f->rules[1].fail_count, 10);
	assert_true(f->observe);
	assert_int_equal(f->role, ROLE_ALL);
	assert_string_equal(f->fleet_listen.host, "::");
	assert_int_equal(f->fleet_listen.port, 8732);
	assert_string_equal(f->fleet_address, "cordon.example.net:443");
	assert_int_equal(f->listener_count, 2);
	assert_string_equal(f->listen[0].host, "::1");
	assert_int_equal(f->listen[1].port, 443);
	assert_string_equal(f->listen[1].key, "/etc/cordon/key.pem");
	assert_int_equal(f->http_workers, 4);
	assert_int_equal(f->http_connections, 100);
	assert_int_equal(f->http_body_max, 2 << 20);
	assert_int_equal(f->http_timeout, 10 * MS_SECOND);
	assert_int_equal(f->clock_window, MS_MINUTE);
	assert_int_equal(f->nonces_per_key, 2048);
	assert_int_equal(f->rate_limit, 50);
	assert_int_equal(f->lockout_failures, 0);
	assert_int_equal(f->lockout_time, MS_HOUR);
	assert_int_equal(f->token_life, MS_DAY);
	assert_string_equal(f->host.name, "web-1");
	assert_string_equal(f->host.instance_id, "i-1");
	assert_string_equal(f->host.internet_ip, "192.0.2.1");
	assert_string_equal(f->host.intranet_ip, "fd00::1");
	assert_string_equal(f->host.region, "attic");
	assert_int_equal(f->ports[SERVICE_SSH], 2222);
	assert_int_equal(f->ports[SERVICE_VSFTPD], 3);
	assert_int_equal(f->blocks_per_minute, 0);
	assert_int_equal(f->tracked_sources, 5000);
	assert_int_equal(f->tracked_bytes, 1 << 30);
	assert_int_equal(f->tracked_sessions, 1000);
	assert_int_equal(f->session_idle, MS_HOUR);
	assert_int_equal(f->retain_blocks, RULE_PERMANENT);
	assert_int_equal(f->retain_attempts, MS_DAY);
	assert_int_equal(f->retain_bytes, 10737418240);
	assert_int_equal(f->hits_interval, 500);
	assert_true(f->store_unknown_users);
	assert_string_equal(f->state_dir, "/srv/cordon");
	assert_string_equal(f->run_dir, "/srv/cordon/run");
	assert_string_equal(f->user, "a");
	assert_string_equal(f->enforcer_user, "b");
	assert_string_equal(f->group, "c");
	assert_string_equal(f->nft_table, "other_1");
	assert_false(f->nft_owner);
	assert_int_equal(f->log_level, LOG_LEVEL_DEBUG);
}

static void test_every_option(void **state)
{
	(void)state;
	assert_reads(full);
	check_full(&s);
}

static void test_printed_reads_back(void **state)
{
	(void)state;
	assert_reads(full);
	struct buf out = BUF_NULL, second = BUF_NULL;
	settings_print(&s, &out);
	assert_int_equal(out.error, 0);
	settings_default(&again);
	struct err err = {0};
	if (settings_read(&again, buf_as_slice(&out), "printed", &err))
		fail_msg("%s\n%s", err.text, out.p);
	check_full(&again);
	settings_print(&again, &second);
	assert_string_equal(out.p, second.p);
	buf_done(&out);
	buf_done(&second);

	settings_default(&s);
	settings_print(&s, &out);
	assert_non_null(strstr(out.p, "sensors:\n  - auto: true\n"));
	assert_reads(out.p);
	assert_true(s.sensors_auto);
	buf_done(&out);
}

struct refusal {
	const char *text, *message; /* message: a part of it */
};

static const struct refusal refusals[] = {
	{"sensor: []", "c:1:1: unknown option \"sensor\"; did you mean \"sensors\"?"},
	{"sensors: [{auto: true, file: /x}]", "c:1:11: sensors[1]: one of \"auto: true\""},
	{"sensors: [{auto: false}]", "one of \"auto: true\", \"file\" and \"journal\""},
	{"sensors: [{}]", "one of \"auto: true\", \"file\" and \"journal\""},
	{"sensors: [{auto: true, timezone: UTC}]", "\"auto\" takes no other options"},
	{"sensors: [{file: auth.log}]", "\"auth.log\" is not a path that begins with /"},
	{"sensors: [{file: /x, timezone: ../../etc/passwd}]", "is not the name of a time zone"},
	{"sensors: [{file: /x, services: [smtp]}]",
		"c:1:33: sensors[1].services[1]: \"smtp\" is not one of ssh, mysql, rdp, vsftpd"},
	{"sensors: [{file: /a}, {file: /b}]", "add \"merge: true\""},
	{"sensors: [{file: /a, services: [ssh]}, {journal: true, services: [ssh]}]",
		"/a and the journal both carry ssh"},
	{"sensors: [{file: /a, merge: true}, {file: /a}]", "/a is named twice"},
	{"sensors: [{auto: true}, {file: /a}]", "leaves none to \"auto\""},
	{"listen: [{address: localhost:1}]", "\"localhost:1\" is not ADDRESS:PORT"},
	{"listen: [{address: 127.0.0.1:65536}]", "is not ADDRESS:PORT"},
	{"listen: [{address: \"::1:80\"}]", "is not ADDRESS:PORT"},
	{"listen: [{certificate: /c, key: /k}]", "listen[1]: \"address\" is missing"},
	{"listen: [{address: 0.0.0.0:80}]", "0.0.0.0 is not loopback"},
	{"listen: [{address: 192.0.2.1:80, key: /k}]", "belong together"},
	{"listen: [{address: 127.0.0.1:80}, {address: 127.0.0.1:80}]",
		"127.0.0.1 port 80 is named twice"},
	{"allow: [example.com]", "\"example.com\" is not an IP address or prefix"},
	{"allow: [0.0.0.0/0]", "that is everybody"},
	{"allow: [\"::/0\"]", "that is everybody"},
	{"rules: [{fail_count: 1}]", "rules[1]: \"name\" is missing"},
	{"rules: [{name: \"\"}]", "\"name\" is empty"},
	{"rules: [{name: a}, {name: a}]", "rules[2]: another rule has the same name"},
	{"system_rule: {fail_count: 0}", "\"0\" is not a number from 1 to 1000"},
	{"system_rule: {span: 5}",
		"\"5\" is not a duration such as 10s, 5m, 6h or 7d from 1s to 7d"},
	{"system_rule: {span: 8d}", "from 1s to 7d"},
	{"system_rule: {forbidden: 0s}", "from 1s to permanent"},
	{"nft_table: a-b", "is not a short name of letters, digits and _"},
	{"nft_table: a2345678901234567890123456789012", "is not a short name"},
	{"user: x\nenforcer_user: x", "must not be the same"},
	{"user: \"a b\"", "is not the name of a user or group"},
	{"host: {internet_ip: 192.0.2.300}", "is not an IP address"},
	{"log_level: loud", "is not one of error, warning, info, debug"},
	{"ports: {ssh: 0}", "from 1 to 65535"},
	{"role: boss", "\"boss\" is not one of auto, all, server, agent"},
	{"fleet: {listen: \"cordon:8732\"}", "is not ADDRESS:PORT such as [::]:8732, or none"},
	{"fleet: {address: cordon}", "\"cordon\" is not HOST:PORT"},
	{"fleet: {address: \"cordon:0\"}", "is not HOST:PORT"},
	{"fleet: {address: \"https://cordon:1\"}", "is not HOST:PORT"},
	{"fleet: {address: \"2001:db8::1:8732\"}", "is not HOST:PORT"},
	{"fleet: {address: \"[192.0.2.1]:8732\"}", "is not HOST:PORT"},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(refusals); i++) {
		const char *why = read_text(refusals[i].text);
		if (!why || !strstr(why, refusals[i].message))
			fail_msg("%s\n -> %s\n for %s", refusals[i].text, why ? why : "(read)",
				refusals[i].message);
	}
}

static void test_failure_changes_nothing(void **state)
{
	(void)state;
	settings_default(&s);
	struct slice text = SLICE("observe: true\nsensors: []\nallow: [192.0.2.1]\nbad: 1\n");
	assert_int_equal(settings_read(&s, text, "c", NULL), -EINVAL);
	assert_false(s.observe);
	assert_true(s.sensors_auto);
	assert_int_equal(s.allow_count, 0);
}

static void test_lists_are_bounded(void **state)
{
	(void)state;
	struct buf text = BUF_NULL;
	buf_puts(&text, "allow:\n");
	for (unsigned i = 0; i < SETTINGS_ALLOW_MAX; i++)
		buf_printf(&text, "  - 10.%u.%u.1\n", i >> 8, i & 255);
	assert_reads(text.p);
	assert_int_equal(s.allow_count, SETTINGS_ALLOW_MAX);
	buf_puts(&text, "  - 192.0.2.1\n");
	assert_non_null(strstr(read_text(text.p), "allow[1025]: more than 1024 prefixes"));
	buf_reset(&text);
	buf_puts(&text, "sensors:\n");
	for (unsigned i = 0; i <= SETTINGS_SENSORS_MAX; i++)
		buf_printf(&text, "  - file: /%u\n", i);
	assert_non_null(strstr(read_text(text.p), "more than 32 sensors"));
	buf_done(&text);
}

static void test_long_run_dir(void **state)
{
	(void)state;
	char text[256];
	(void)snprintf(text, sizeof(text), "run_dir: /%094d\n", 0);
	assert_reads(text);
	(void)snprintf(text, sizeof(text), "run_dir: /%095d\n", 0);
	assert_non_null(strstr(read_text(text), "too long for the directory of a socket"));
}

/* --- durations -------------------------------------------------------------------- */

static void test_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
		const char *shortest;
	} good[] = {
		{"10s", 10000, "10s"},
		{"5m", 300000, "5m"},
		{"6h", 21600000, "6h"},
		{"7d", 604800000, "7d"},
		{"permanent", RULE_PERMANENT, "permanent"},
		{"52560000m", RULE_PERMANENT, "permanent"},
		{"60s", 60000, "1m"},
		{"24h", 86400000, "1d"},
		{"90m", 5400000, "90m"},
		{"250ms", 250, "250ms"},
		{"1500ms", 1500, "1500ms"},
		{"0s", 0, "0s"},
		{"0d", 0, "0s"},
	};
	for (size_t i = 0; i < countof(good); i++) {
		int64_t ms;
		char text[32];
		assert_true(settings_duration(slice_of(good[i].text), &ms));
		assert_int_equal(ms, good[i].ms);
		assert_string_equal(settings_duration_text(ms, text), good[i].shortest);
	}
	static const char *const bad[] = {"", "s", "5", "-5s", "5 s", "5S", "1.5h", "5m5s", "5w",
		"36501d", "99999999999999999999s", "Permanent", "0x5s"};
	for (size_t i = 0; i < countof(bad); i++) {
		int64_t ms = 77;
		assert_false(settings_duration(slice_of(bad[i]), &ms));
		assert_int_equal(ms, 77);
	}
}

/* --- files ------------------------------------------------------------------------ */

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int make_root(void **state)
{
	(void)state;
	(void)strcpy(root + strlen(root) - 6, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
	(void)state;
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_load_directory(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(settings_load(&s, root, &err), 0); /* nothing there: the defaults */
	assert_true(s.sensors_auto);
	put("cordon.yaml", "sensors: [{file: /a}]\nhost: {name: one, region: r}\n");
	put("conf.d/20-late.yaml", "host: {name: three}\n");
	put("conf.d/10-early.yaml", "host: {name: two}\nobserve: true\n");
	put("conf.d/.hidden.yaml", "bad: 1\n");
	put("conf.d/30-old.yaml.bak", "bad: 1\n");
	assert_int_equal(settings_load(&s, root, &err), 0);
	assert_string_equal(s.host.name, "three");
	assert_string_equal(s.host.region, "r");
	assert_true(s.observe);
	assert_int_equal(s.sensor_count, 1);
	put("conf.d/40-bad.yaml", "x: 1\n");
	assert_int_equal(settings_load(&s, root, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/conf.d/40-bad.yaml:1:1: unknown option \"x\""));
}

static void test_load_file(void **state)
{
	(void)state;
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/c.yaml", root);
	struct err err = {0};
	assert_int_equal(settings_load(&s, path, &err), -ENOENT);
	assert_non_null(strstr(err.text, "No such file"));
	put("c.yaml", "sensors: [{file: /a}, {file: /b}]\n");
	assert_int_equal(settings_load(&s, path, &err), -EINVAL); /* settings_check's */
	put("c.yaml", "sensors: [{file: /a}]\n");
	assert_int_equal(settings_load(&s, path, &err), 0);
}

/* What the package ships as an example is right, and says what the defaults are. */
static void test_example(void **state)
{
	(void)state;
	struct err err = {0};
	if (settings_load(&again, CORDON_ROOT "/packaging/cordon.yaml", &err))
		fail_msg("%s", err.text);
	settings_default(&s);
	struct buf out = BUF_NULL, defaults = BUF_NULL;
	settings_print(&again, &out);
	settings_print(&s, &defaults);
	assert_string_equal(out.p, defaults.p);
	buf_done(&out);
	buf_done(&defaults);
}

/* --- auto ------------------------------------------------------------------------- */

static void resolve(const char *text)
{
	assert_reads(text);
	struct err err = {0};
	if (settings_resolve_sensors(&s, root, &err))
		fail_msg("%s", err.text);
}

static void assert_sensor(unsigned i, enum sensor_kind kind, const char *path)
{
	char full_path[PATH_MAX];
	(void)snprintf(full_path, sizeof(full_path), "%s%s", root, path);
	assert_true(i < s.sensor_count);
	assert_int_equal(s.sensors[i].kind, kind);
	assert_string_equal(s.sensors[i].path, full_path);
}

static void assert_services(unsigned i, uint32_t services)
{
	assert_int_equal(s.sensors[i].services, services);
}

static void test_auto_takes_one(void **state)
{
	(void)state;
	resolve(""); /* nothing there yet: waits for the file */
	assert_int_equal(s.sensor_count, 1);
	assert_sensor(0, SENSOR_FILE, "/var/log/auth.log");
	assert_services(0, SERVICE_BIT(SERVICE_SSH));

	put("var/log/secure", "");
	resolve("");
	assert_sensor(0, SENSOR_FILE, "/var/log/secure");

	put("var/log/auth.log", "");
	put("var/log/journal/0123/readme", ""); /* a journal's directory without a journal */
	resolve("");
	assert_sensor(0, SENSOR_FILE, "/var/log/auth.log");

	put("run/log/journal/0123/system.journal", "");
	resolve("");
	assert_int_equal(s.sensor_count, 1);
	assert_sensor(0, SENSOR_JOURNAL, "/run/log/journal");

	put("var/log/journal/0123/system.journal", "");
	resolve("");
	assert_int_equal(s.sensor_count, 1);
	assert_sensor(0, SENSOR_JOURNAL, "/var/log/journal");
	assert_int_equal(settings_check(&s, NULL), 0);

	assert_services(0,
		SERVICE_BIT(SERVICE_SSH) | SERVICE_BIT(SERVICE_MYSQL) | SERVICE_BIT(SERVICE_RDP));

	/* Again: nothing more. */
	assert_int_equal(settings_resolve_sensors(&s, root, NULL), 0);
	assert_int_equal(s.sensor_count, 1);
}

static void test_auto_takes_files_of_services(void **state)
{
	(void)state;
	put("var/log/mysql/error.log", "");
	put("var/log/vsftpd.log", "");
	put("var/log/xrdp-sesman.log", "");
	resolve("");
	assert_int_equal(s.sensor_count, 4);
	assert_sensor(1, SENSOR_FILE, "/var/log/mysql/error.log");
	assert_services(1, SERVICE_BIT(SERVICE_MYSQL));
	assert_sensor(2, SENSOR_FILE, "/var/log/xrdp-sesman.log");
	assert_services(2, SERVICE_BIT(SERVICE_RDP));
	assert_sensor(3, SENSOR_FILE, "/var/log/vsftpd.log");
	assert_services(3, SERVICE_BIT(SERVICE_VSFTPD));

	/* the journal has what xrdp writes, not what a database writes to its own file */
	put("var/log/journal/0123/system.journal", "");
	resolve("");
	assert_int_equal(s.sensor_count, 3);
	assert_sensor(0, SENSOR_JOURNAL, "/var/log/journal");
	assert_services(0, SERVICE_BIT(SERVICE_SSH) | SERVICE_BIT(SERVICE_RDP));
	assert_sensor(1, SENSOR_FILE, "/var/log/mysql/error.log");
	assert_int_equal(settings_check(&s, NULL), 0);
}

/* Whom a service answered is remembered where a client can write into its log. */
static void test_ports_of_services(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t ports[ENFORCE_SERVED][ENFORCE_PORTS];
	} cases[] = {
		{"sensors: [{file: /x, services: [ssh, vsftpd]}]", {{0}}},
		{"sensors: [{file: /x, services: [mysql]}]", {{3306}}},
		{"sensors: [{journal: true, services: [ssh, mysql, rdp]}]", {{3306}}},
		{"sensors: [{file: /x}]\nports: {mysql: 13306}", {{13306, 3306}, {3389}}},
		{"sensors: [{file: /x, services: [rdp]}]\nports: {rdp: 3390}", {{0}, {3390, 3389}}},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		resolve(cases[i].text);
		struct enforce_ports ports = settings_ports(&s);
		assert_memory_equal(ports.of, cases[i].ports, sizeof(ports.of));
	}
}

static void test_auto_leaves_what_is_named(void **state)
{
	(void)state;
	put("var/log/auth.log", "");
	resolve("sensors: [{auto: true}, {file: /x, services: [ssh]}]");
	assert_int_equal(s.sensor_count, 1);
	assert_string_equal(s.sensors[0].path, "/x");
	resolve("sensors: [{auto: true}, {file: /x, merge: true}]");
	assert_int_equal(s.sensor_count, 2);
	assert_sensor(1, SENSOR_FILE, "/var/log/auth.log");
	resolve("sensors: [{file: /x}]");
	assert_int_equal(s.sensor_count, 1);
}

static void test_fleet_places(void **state)
{
	(void)state;
	static const char *const good[] = {
		"cordon.example.net:1", "192.0.2.1:8732", "[2001:db8::1]:65535", "a-b:80", "\"\""};
	for (size_t i = 0; i < countof(good); i++) {
		char text[80];
		(void)snprintf(text, sizeof(text), "fleet: {address: \"%s\"}",
			good[i][0] == '"' ? "" : good[i]);
		assert_reads(text);
		assert_string_equal(s.fleet_address, good[i][0] == '"' ? "" : good[i]);
	}
	assert_reads("fleet: {listen: 0.0.0.0:0}");
	assert_string_equal(s.fleet_listen.host, "0.0.0.0");
	assert_reads("fleet: {listen: 0.0.0.0:0}\nrole: server");
	struct slice none = SLICE("fleet: {listen: none}");
	assert_int_equal(settings_read(&s, none, "later", NULL), 0);
	assert_string_equal(s.fleet_listen.host, "");
}

/* What each role makes of the same file. */
static void test_roles(void **state)
{
	(void)state;
	struct err err;
	assert_reads("sensors: [{auto: true}, {file: /x, services: [ssh]}]\n");
	assert_int_equal(settings_resolve_role(&s, false, &err), 0);
	assert_int_equal(s.role, ROLE_ALL);
	assert_true(s.sensors_auto && s.sensor_count == 1 && !s.fleet_listen.host[0] && !s.observe);

	assert_reads("fleet: {listen: \"[::]:8732\"}");
	assert_int_equal(settings_resolve_role(&s, true, &err), 0);
	assert_int_equal(s.role, ROLE_AGENT);
	assert_true(s.sensors_auto && !s.fleet_listen.host[0] && !s.observe);

	assert_reads("role: all\nfleet: {listen: \"[::]:8732\"}");
	assert_int_equal(settings_resolve_role(&s, true, &err), 0);
	assert_int_equal(s.role, ROLE_ALL);
	assert_int_equal(s.fleet_listen.port, 8732);

	assert_reads("role: server\nsensors: [{file: /x}, {file: /y, merge: true}]");
	assert_int_equal(settings_resolve_role(&s, true, &err), 0);
	assert_true(!s.sensors_auto && s.sensor_count == 0 && s.observe);
	assert_string_equal(s.fleet_listen.host, "::");
	assert_int_equal(s.fleet_listen.port, 8732);
	assert_int_equal(settings_resolve_sensors(&s, root, &err), 0);
	assert_int_equal(s.sensor_count, 0);

	assert_reads("role: server\nfleet: {listen: 192.0.2.1:1}");
	assert_int_equal(settings_resolve_role(&s, false, &err), 0);
	assert_string_equal(s.fleet_listen.host, "192.0.2.1");

	assert_reads("role: agent");
	assert_int_equal(settings_resolve_role(&s, true, &err), 0);
	assert_int_equal(settings_resolve_role(&s, false, &err), -EINVAL);
	assert_non_null(strstr(err.text, "cordond enrol"));
}

static void test_manual_names_every_option(void **state)
{
	(void)state;
	struct buf out = BUF_NULL;
	settings_manual(&out);
	assert_int_equal(out.error, 0);
	static const char *const some[] = {
		".It Ic sensors", ".It Ic fail_count", ".It Ic log_level"};
	for (size_t i = 0; i < countof(some); i++)
		assert_non_null(strstr(out.p, some[i]));
	buf_done(&out);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_printed_reads_back),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_failure_changes_nothing),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_long_run_dir),
		cmocka_unit_test(test_durations),
		cmocka_unit_test_setup_teardown(test_load_directory, make_root, drop_root),
		cmocka_unit_test_setup_teardown(test_load_file, make_root, drop_root),
		cmocka_unit_test(test_example),
		cmocka_unit_test_setup_teardown(test_auto_takes_one, make_root, drop_root),
		cmocka_unit_test_setup_teardown(
			test_auto_takes_files_of_services, make_root, drop_root),
		cmocka_unit_test_setup_teardown(
			test_auto_leaves_what_is_named, make_root, drop_root),
		cmocka_unit_test_setup_teardown(test_ports_of_services, make_root, drop_root),
		cmocka_unit_test(test_fleet_places),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_manual_names_every_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
