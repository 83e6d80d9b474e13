/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How Cordon is doing: for `cordon status`, `cordon verify`, /metrics and
 * /healthz. Metrics never carry an address as a label.
 */
#include "base/clock.h"
#include "core/private.h"
#include "core/settings.h"

#include <errno.h>
#include <inttypes.h>

void core_get_status(struct core *c, struct core_status *ret)
{
	*ret = (struct core_status){.host = c->host,
		.account = c->account,
		.observe = enforce_observes(c->enforce),
		.synced = c->synced_once && !c->syncing && c->sync_backoff == 0,
		.started = c->started,
		.kernel = enforce_get_state(c->enforce),
		.elements = c->elements.used,
		.sessions = session_table_count(c->sessions),
		.sessions_evicted = session_table_evicted(c->sessions),
		.store_bytes = store_size(c->store),
		.unconfirmed = c->counters.unconfirmed,
		.drifts = c->counters.drifts,
		.commit_failures = c->counters.commit_failures,
		.blocks_new = c->counters.blocks_new,
		.blocks_refused = c->counters.blocks_refused,
		.at_ceiling = blocks_at_ceiling(c),
		.blocks_over_ceiling = c->counters.blocks_over_ceiling};
	(void)store_block_counts(c->store, c->account.id, ret->blocks);
	window_get_stats(c->windows, &ret->windows);
	detector_get_stats(c->detector, &ret->detect);
}

void core_each_source(
	struct core *c, void (*fn)(void *ctx, const struct source_status *s), void *ctx)
{
	sources_each(c, fn, ctx);
}

static void metric(
	struct buf *out, const char *name, const char *type, const char *help, int64_t value)
{
	buf_printf(out, "# HELP cordon_%s %s\n# TYPE cordon_%s %s\ncordon_%s %" PRId64 "\n", name,
		help, name, type, name, value);
}

static void block_metrics(struct buf *out, const struct core_status *s)
{
	buf_puts(out, "# HELP cordon_blocks Block records by state.\n# TYPE cordon_blocks gauge\n");
	for (enum block_state i = 0; i < BLOCK_STATES; i++)
		buf_printf(out, "cordon_blocks{state=\"%s\"} %" PRId64 "\n", block_state_name(i),
			s->blocks[i]);
}

static void kernel_metrics(struct buf *out, const struct core *c, const struct core_status *s)
{
	metric(out, "enforcing", "gauge", "1 when blocks reach the kernel, 0 in observe mode.",
		!s->observe);
	metric(out, "kernel_elements_wanted", "gauge",
		"Addresses and prefixes the kernel should hold.", (int64_t)s->elements);
	metric(out, "nft_synced", "gauge", "1 when the kernel is known to hold what is wanted.",
		s->synced);
	metric(out, "nft_drift_total", "counter", "Times somebody else changed Cordon's table.",
		(int64_t)s->drifts);
	metric(out, "nft_syncs_total", "counter", "Comparisons of wanted and actual.",
		(int64_t)c->counters.syncs);
	metric(out, "orders_total", "counter", "Orders sent to the enforcer.",
		(int64_t)c->counters.ordered);
	metric(out, "order_answers_total", "counter", "Orders answered by the kernel.",
		(int64_t)c->counters.answered);
	metric(out, "order_errors_total", "counter", "Orders the kernel refused.",
		(int64_t)c->counters.answer_errors);
}

static void detect_metrics(struct buf *out, const struct core_status *s)
{
	metric(out, "failures_total", "counter", "Failed log-ins counted.",
		(int64_t)s->detect.failures);
	metric(out, "failures_unconfirmed_total", "counter",
		"Failed log-ins of lines that a client may have written, and the kernel did not "
		"confirm: counted against nobody.",
		(int64_t)s->unconfirmed);
	metric(out, "successes_total", "counter", "Successful log-ins seen.",
		(int64_t)s->detect.successes);
	metric(out, "duplicate_lines_total", "counter", "Lines that said again what was counted.",
		(int64_t)s->detect.duplicates);
	metric(out, "blocks_decided_total", "counter", "Blocks begun.", (int64_t)s->blocks_new);
	metric(out, "blocks_refused_total", "counter",
		"Failures from sources that are never blocked.", (int64_t)s->blocks_refused);
	metric(out, "blocks_over_ceiling_total", "counter",
		"Blocks not made because of the ceiling.", (int64_t)s->blocks_over_ceiling);
	metric(out, "blocks_at_ceiling", "gauge", "1 while no more blocks are made this minute.",
		s->at_ceiling);
	metric(out, "sources_tracked", "gauge", "Sources whose failures are remembered.",
		(int64_t)s->windows.tracked);
	metric(out, "sources_evicted_total", "counter", "Sources forgotten for want of room.",
		(int64_t)s->windows.evicted);
	metric(out, "sessions_tracked", "gauge", "Log-in sessions remembered.", s->sessions);
	metric(out, "sessions_evicted_total", "counter", "Sessions forgotten for want of room.",
		(int64_t)s->sessions_evicted);
	metric(out, "store_bytes", "gauge", "Size of the database.", (int64_t)s->store_bytes);
	metric(out, "store_commit_failures_total", "counter",
		"Transactions the store could not write.", (int64_t)s->commit_failures);
}

struct agents {
	int64_t online, offline;
};

static int count_agent(void *ctx, const struct host *h)
{
	struct agents *n = ctx;
	if (h->remote && !h->retired)
		*(h->agent_online ? &n->online : &n->offline) += 1;
	return 0;
}

/* Of who takes agents. */
static void fleet_metrics(struct buf *out, const struct core *c)
{
	const struct core_counters *n = &c->counters;
	struct agents agents = {0};
	(void)store_host_each(c->store, 0, count_agent, &agents);
	buf_printf(out,
		"# HELP cordon_fleet_agents Machines that are enrolled, but for retired ones.\n"
		"# TYPE cordon_fleet_agents gauge\n"
		"cordon_fleet_agents{state=\"online\"} %" PRId64 "\n"
		"cordon_fleet_agents{state=\"offline\"} %" PRId64 "\n",
		agents.online, agents.offline);
	buf_printf(out,
		"# HELP cordon_fleet_reports_total Agents' reports, by what became of them.\n"
		"# TYPE cordon_fleet_reports_total counter\n"
		"cordon_fleet_reports_total{result=\"applied\"} %" PRIu64 "\n"
		"cordon_fleet_reports_total{result=\"repeated\"} %" PRIu64 "\n"
		"cordon_fleet_reports_total{result=\"refused\"} %" PRIu64 "\n"
		"cordon_fleet_reports_total{result=\"clone\"} %" PRIu64 "\n",
		n->reports_applied, n->reports_repeated, n->reports_refused, n->reports_cloned);
	metric(out, "fleet_wishes_total", "counter", "Answers that told an agent what is wished.",
		(int64_t)n->wishes_told);
}

/* Of who is one. */
static void link_metrics(struct buf *out, const struct core *c)
{
	int64_t waiting = 0;
	(void)store_report_waiting(c->store, &waiting);
	metric(out, "fleet_link_up", "gauge", "1 while the server is there.", c->link_up);
	metric(out, "fleet_reports_waiting", "gauge",
		"Records and counts that wait to be reported.", waiting);
}

static const struct {
	const char *name, *help;
} source_metrics[] = {
	{"source_lines_total", "Lines or entries read."},
	{"source_failures_total", "Lines that told of a failed log-in."},
	{"source_unparsed_total", "Lines whose beginning was not understood."},
	{"source_too_long_total", "Lines over 8 KiB, skipped."},
	{"source_gaps_total", "Times lines were known to be lost."},
	{"source_behind_bytes", "Bytes not yet read."},
	{"source_unparsed_share_permille", "Of the latest lines, those whose beginning was not."},
	{"source_silent_seconds", "Time since the latest line, or since the start."},
	{"source_silent", "1 when that is longer than silent_after."},
	{"source_shift_seconds", "Added to stamps that are off by hours."},
	{"source_skew_seconds", "How far stamps are behind the clock when lines arrive."},
	{"source_messages_total", "Messages of daemons that are read."},
	{"source_unknown_total", "Of them those that were not understood."},
	{"source_unknown_share_permille", "Of the latest of them, those not understood."},
};

struct source_page {
	struct buf *out;
	size_t metric;
	unsigned number;
};

static int64_t source_value(const struct source_status *s, size_t metric_number)
{
	switch (metric_number) {
	case 0:
		return (int64_t)s->reader->lines;
	case 1:
		return (int64_t)s->reader->failures;
	case 2:
		return (int64_t)s->reader->unparsed;
	case 3:
		return (int64_t)(s->reader->too_long + s->tail.too_long + s->journal.too_long);
	case 4:
		return (int64_t)(s->tail.gaps + s->journal.gaps);
	case 5:
		return s->tail.size_behind;
	case 6:
		return s->unread;
	case 7:
		return s->since_line / MS_SECOND;
	case 8:
		return s->silent;
	case 9:
		return s->shift / MS_SECOND;
	case 10:
		return s->skew / MS_SECOND;
	case 11:
		return (int64_t)s->reader->messages;
	case 12:
		return (int64_t)s->reader->unknown;
	default:
		return s->unknown;
	}
}

/* The number of the sensor in the configuration is the label: its path is nobody's business. */
static void source_metric(void *ctx, const struct source_status *s)
{
	struct source_page *p = ctx;
	buf_printf(p->out, "cordon_%s{sensor=\"%u\",kind=\"%.*s\"} %" PRId64 "\n",
		source_metrics[p->metric].name, p->number++, (int)strcspn(s->name, ":"), s->name,
		source_value(s, p->metric));
}

static int do_metrics(struct core *c, void *arg)
{
	struct buf *out = arg;
	struct core_status s;
	core_get_status(c, &s);
	metric(out, "start_time_seconds", "gauge", "When the engine started, seconds since 1970.",
		c->started / 1000);
	block_metrics(out, &s);
	kernel_metrics(out, c, &s);
	detect_metrics(out, &s);
	if (c->settings->fleet_listen.host[0])
		fleet_metrics(out, c);
	if (c->reports)
		link_metrics(out, c);
	for (size_t i = 0; i < countof(source_metrics); i++) {
		const char *name = source_metrics[i].name;
		buf_printf(out, "# HELP cordon_%s %s\n# TYPE cordon_%s %s\n", name,
			source_metrics[i].help, name, strstr(name, "_total") ? "counter" : "gauge");
		struct source_page page = {.out = out, .metric = i};
		sources_each(c, source_metric, &page);
	}
	return out->error;
}

int core_metrics(struct core *c, struct buf *out)
{
	return core_call(c, do_metrics, out);
}

struct health {
	struct err *err;
	int result;
};

static void source_health(void *ctx, const struct source_status *s)
{
	struct health *h = ctx;
	if (s->error[0])
		h->result = err_set(h->err, -EIO, "%s: %s", s->name, s->error);
}

static int do_health(struct core *c, void *arg)
{
	struct health *h = arg;
	if (!c->synced_once)
		return err_set(h->err, -EAGAIN, "starting");
	sources_each(c, source_health, h);
	if (h->result == 0 && !enforce_observes(c->enforce) && c->sync_backoff > 0)
		h->result = err_set(h->err, -EIO, "the kernel's table is not in line");
	return h->result;
}

int core_health(struct core *c, struct err *err)
{
	struct health h = {.err = err};
	return core_call(c, do_health, &h);
}

struct verify {
	struct core_verify v;
	void (*fn)(void *ctx, const struct core_verify *v);
	void *ctx;
};

static void ask_answered(struct core *c, struct core_verify *v)
{
	struct enforce_ports ports = settings_ports(c->settings);
	memset(v->answered, -1, sizeof(v->answered));
	if (c->syncing)
		return; /* no answer soon */
	if (ports.of[ENFORCE_MYSQL][0])
		v->answered[SERVICE_MYSQL] =
			(int8_t)MAX_OF(confirm_address(c, SERVICE_MYSQL, &v->address), -1);
	if (ports.of[ENFORCE_RDP][0])
		v->answered[SERVICE_RDP] =
			(int8_t)MAX_OF(confirm_address(c, SERVICE_RDP, &v->address), -1);
}

static void on_kernel_said(void *ctx, bool found, const struct enforce_element *element, int error)
{
	struct verify *a = ctx;
	a->v.kernel_asked = error == 0;
	a->v.kernel_has = found;
	a->v.kernel_error = error;
	if (found)
		a->v.kernel = *element;
	a->fn(a->ctx, &a->v);
	free(a);
}

struct widest {
	uint32_t host;
	struct prefix prefix;
};

/* What holds the address may be a wider prefix than its source: by hand, or an old /64. */
static int widest_holding(void *ctx, const struct block *b)
{
	struct widest *w = ctx;
	if (b->host == w->host && b->direction == BLOCK_IN && b->target.len < w->prefix.len)
		w->prefix = b->target;
	return 0;
}

int core_verify(struct core *c, const struct addr *address,
	void (*fn)(void *ctx, const struct core_verify *v), void *ctx)
{
	struct verify *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->fn = fn;
	a->ctx = ctx;
	a->v.address = *address;
	a->v.source = protect_source(c->protect, address);
	a->v.never = protect_address(c->protect, address);
	ask_answered(c, &a->v);
	struct prefix asked = {.addr = *address, .len = 128};
	struct widest ask = {.host = c->host.id, .prefix = a->v.source};
	(void)store_block_covering(c->store, c->account.id, &asked, widest_holding, &ask);
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++) {
		struct window_key key = {.host = c->host.id, .service = s, .source = a->v.source};
		int64_t first;
		a->v.window_failures += window_count(c->windows, window_find(c->windows, &key),
			clock_now(), detector_span(c->detector), &first);
	}
	if (enforce_observes(c->enforce)) {
		on_kernel_said(a, false, NULL, -ENOTSUP);
		return 0;
	}
	int r = enforce_ask(c->enforce, ENFORCE_IN, &ask.prefix, on_kernel_said, a);
	if (r < 0)
		free(a);
	else
		kernel_poll(c);
	return r;
}
