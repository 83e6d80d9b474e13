/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any sequence of operations on the windows, against a list of times a source
 * and a list of rows a store would keep. Four bytes an operation:
 *
 *   what (add, late add, clear, sweep, report, failed commit) · source · step · number
 *
 * Limits are wide enough that nothing is evicted: then the model is exact.
 */
#include "base/util.h"
#include "detect/window.h"

#include <stdint.h>
#include <string.h>

#define SOURCES 16
#define KEEP    40
#define SPAN    60000

struct times {
	int64_t t[KEEP + 1];
	unsigned n;
};

struct model {
	struct times known[SOURCES], rows[SOURCES];
	uint32_t at[SOURCES]; /* the source's row; 0: none */
	int64_t now;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct window_key key_of(unsigned source)
{
	struct addr a = addr_from_v4(0xc0000200u + source);
	return (struct window_key){
		.host = 1, .service = SERVICE_SSH, .source = {.addr = a, .len = 128}};
}

static void model_add(struct times *s, int64_t time)
{
	unsigned at = s->n;
	while (at > 0 && s->t[at - 1] > time)
		at--;
	memmove(s->t + at + 1, s->t + at, (s->n - at) * sizeof(*s->t));
	s->t[at] = time;
	if (++s->n > KEEP)
		memmove(s->t, s->t + 1, --s->n * sizeof(*s->t));
}

static unsigned model_count(const struct times *s, int64_t until)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->n; i++)
		n += s->t[i] > until - SPAN && s->t[i] <= until;
	return n;
}

static int put_row(
	void *ctx, uint32_t number, const struct window_key *key, const int64_t *times, unsigned n)
{
	struct model *m = ctx;
	must(n <= KEEP && number > 0);
	for (unsigned i = 0; i < SOURCES; i++)
		if (m->at[i] == number)
			m->at[i] = m->rows[i].n = 0;
	if (n == 0)
		return 0;
	unsigned source = key->source.addr.b[15];
	m->at[source] = number;
	m->rows[source].n = n;
	memcpy(m->rows[source].t, times, n * sizeof(*times));
	return 0;
}

static void check_source(
	const struct window_table *t, const struct window_key *key, const struct times *expected)
{
	int64_t times[WINDOW_MOST];
	uint32_t handle = window_find(t, key);
	must(window_times(t, handle, times) == expected->n);
	must(memcmp(times, expected->t, expected->n * sizeof(*times)) == 0);
}

static void add(struct window_table *t, struct model *m, unsigned source, int64_t time, unsigned n)
{
	struct window_key key = key_of(source);
	uint32_t handle = window_add(t, &key, time, n, KEEP);
	must(handle != 0);
	for (unsigned i = 0; i < n; i++)
		model_add(&m->known[source], time);
	must(window_count(t, handle, time, SPAN, NULL) == model_count(&m->known[source], time));
	check_source(t, &key, &m->known[source]);
}

static void operate(struct window_table *t, struct model *m, const uint8_t op[static 4])
{
	unsigned source = op[1] % SOURCES, n = 1 + op[3] % 13;
	struct window_key key = key_of(source);
	m->now += op[2] * 10;
	switch (op[0] % 8) {
	case 0:
		window_clear(t, &key);
		m->known[source].n = 0;
		break;
	case 1:
		window_sweep(t, m->now - SPAN);
		for (unsigned i = 0; i < SOURCES; i++) {
			struct times *s = &m->known[i];
			if (s->n > 0 && s->t[s->n - 1] < m->now - SPAN)
				s->n = 0;
		}
		break;
	case 2:
		must(window_dirty(t, INT64_MIN, put_row, m) == 0);
		break;
	case 3:
		add(t, m, source, m->now - op[3] * 400, n);
		break;
	default:
		add(t, m, source, m->now, n);
	}
}

static void check_rows(struct window_table *t, struct model *m)
{
	must(window_dirty(t, INT64_MIN, put_row, m) == 0);
	for (unsigned i = 0; i < SOURCES; i++) {
		struct window_key key = key_of(i);
		check_source(t, &key, &m->rows[i]);
		must(m->rows[i].n == m->known[i].n);
		must((m->rows[i].n > 0) == (m->at[i] > 0));
	}
}

/* In order of their numbers. */
static void restore_rows(struct window_table *t, const struct model *m)
{
	for (uint32_t done = 0;;) {
		unsigned next = SOURCES;
		for (unsigned i = 0; i < SOURCES; i++)
			if (m->at[i] > done && (next == SOURCES || m->at[i] < m->at[next]))
				next = i;
		if (next == SOURCES)
			return;
		struct window_key key = key_of(next);
		done = m->at[next];
		window_restore(t, done, &key, m->rows[next].t, m->rows[next].n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct window_table *t = window_table_new(SOURCES, 1u << 20);
	struct model *m = calloc(1, sizeof(*m));
	must(t && m);
	m->now = (int64_t)1 << 31;
	for (; size >= 4; data += 4, size -= 4)
		operate(t, m, data);
	/* the rows are what is known, and a table made from them knows it too */
	check_rows(t, m);
	struct window_table *copy = window_table_new(SOURCES, 1u << 20);
	must(copy);
	restore_rows(copy, m);
	check_rows(copy, m);
	copy = window_table_free(copy);
	free(m);
	t = window_table_free(t);
	return 0;
}
