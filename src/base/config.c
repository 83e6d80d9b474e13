/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading: a recursive walk over libyaml's events along the table. libyaml makes
 * events only as they are asked for, so a file that strays from the table is left
 * at its first wrong byte.
 */
#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	const char *name;
	char path[256]; /* "rules[2].span": where we are */
	struct err *err;
};

static int read_value(struct reader *r, const struct config_option *o, void *base);

/* --- messages ----------------------------------------------------------------- */

static int fail(struct reader *r, yaml_mark_t at, const char *what)
{
	const char *colon = r->path[0] ? ": " : "";
	return err_set(r->err, -EINVAL, "%s:%zu:%zu: %s%s%s", r->name, at.line + 1, at.column + 1,
		r->path, colon, what);
}

/* A value or name from the file, shortened and made printable. */
static void quote(struct buf *out, struct slice text)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < text.n && i < 60; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			buf_printf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_puts(out, text.n > 60 ? "…\"" : "\"");
}

static int fail_buf(struct reader *r, yaml_mark_t at, struct buf *what)
{
	int code = what->error ? what->error : fail(r, at, what->p);
	buf_done(what);
	return code;
}

static int fail_value(struct reader *r, const struct config_option *o, struct slice text)
{
	struct buf what = BUF_NULL;
	quote(&what, text);
	buf_puts(&what, " is not ");
	config_describe(o, &what);
	return fail_buf(r, r->event.start_mark, &what);
}

/* Restricted Damerau-Levenshtein distance: typing slips between two short names. */
static unsigned distance(struct slice a, const char *b)
{
	enum { MOST = 32 };
	size_t n = strlen(b);
	if (a.n > MOST || n > MOST)
		return MOST;
	unsigned row[3][MOST + 1]; /* of the three latest letters of a */
	for (unsigned j = 0; j <= n; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned change = last[j - 1] + (a.p[i - 1] != b[j - 1]);
			now[j] = MIN_OF(change, MIN_OF(now[j - 1], last[j]) + 1);
			bool swapped =
				i > 1 && j > 1 && a.p[i - 1] == b[j - 2] && a.p[i - 2] == b[j - 1];
			if (swapped)
				now[j] = MIN_OF(now[j], before[j - 2] + 1);
		}
	}
	return row[a.n % 3][n];
}

static const char *nearest(const struct config_option *fields, struct slice name)
{
	const char *best = NULL;
	unsigned least = name.n < 4 ? 2 : 3; /* one slip in a short name, two in a long one */
	for (const struct config_option *o = fields; o->name; o++) {
		unsigned d = distance(name, o->name);
		if (d < least) {
			least = d;
			best = o->name;
		}
	}
	return best;
}

static int fail_unknown(struct reader *r, const struct config_option *fields, struct slice name)
{
	const char *suggestion = nearest(fields, name);
	struct buf what = BUF_NULL;
	buf_puts(&what, "unknown option ");
	quote(&what, name);
	if (suggestion)
		buf_printf(&what, "; did you mean \"%s\"?", suggestion);
	return fail_buf(r, r->event.start_mark, &what);
}

/* --- events ------------------------------------------------------------------- */

static int fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	if (p->error == YAML_MEMORY_ERROR)
		return err_set(r->err, -ENOMEM, "%s: out of memory", r->name);
	const char *problem = p->problem ? p->problem : "not YAML";
	if (p->error == YAML_READER_ERROR)
		return err_set(r->err, -EINVAL, "%s: byte %zu: %s", r->name, p->problem_offset + 1,
			problem);
	r->path[0] = '\0'; /* the mistake may be far from where the table is */
	return fail(r, p->problem_mark, problem);
}

/* What names nodes (anchors, aliases, tags) has no use here and makes small files huge. */
static int check_plain(struct reader *r)
{
	const yaml_event_t *e = &r->event;
	const unsigned char *anchor = NULL, *tag = NULL;
	if (e->type == YAML_ALIAS_EVENT) {
		anchor = e->data.alias.anchor;
	} else if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	}
	if (anchor)
		return fail(r, e->start_mark, "anchors and aliases are not read here");
	if (tag)
		return fail(r, e->start_mark, "tags are not read here");
	return 0;
}

static int next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event))
		return fail_parser(r);
	return check_plain(r);
}

static struct slice scalar(const struct reader *r)
{
	return (struct slice){
		(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
}

/* "name:" with nothing behind it, as when everything below is commented out. */
static bool is_nothing(const struct reader *r)
{
	return r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0 &&
	       r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* --- values ------------------------------------------------------------------- */

static int read_scalar(struct reader *r, const struct config_option *o, void *field)
{
	if (r->event.type != YAML_SCALAR_EVENT || is_nothing(r)) {
		struct buf what = BUF_NULL;
		buf_puts(&what, is_nothing(r) ? "a value is missing: " : "one value is expected: ");
		config_describe(o, &what);
		return fail_buf(r, r->event.start_mark, &what);
	}
	bool is_unset = scalar(r).n == 0 && o->initial && !*o->initial;
	if (is_unset)
		memset(field, 0, o->size);
	else if (!o->kind->read(o, scalar(r), field))
		return fail_value(r, o, scalar(r));
	return 0;
}

static const struct config_option *find(const struct config_option *fields, struct slice name)
{
	for (const struct config_option *o = fields; o->name; o++)
		if (slice_eq(name, slice_of(o->name)))
			return o;
	return NULL;
}

/* One "name: value" of a mapping; the current event is the name. lines: where each was seen. */
static int read_member(struct reader *r, const struct config_option *fields, void *base,
	size_t lines[static CONFIG_OPTIONS_MAX])
{
	if (r->event.type != YAML_SCALAR_EVENT)
		return fail(r, r->event.start_mark, "the name of an option is expected");
	const struct config_option *o = find(fields, scalar(r));
	if (!o)
		return fail_unknown(r, fields, scalar(r));
	size_t length = strlen(r->path);
	(void)snprintf(
		r->path + length, sizeof(r->path) - length, "%s%s", length ? "." : "", o->name);
	assert(o - fields < CONFIG_OPTIONS_MAX);
	size_t *line = &lines[o - fields];
	if (*line) {
		char what[64];
		(void)snprintf(what, sizeof(what), "given twice; first in line %zu", *line);
		return fail(r, r->event.start_mark, what);
	}
	*line = r->event.start_mark.line + 1;
	int e = next(r);
	if (e == 0)
		e = read_value(r, o, base);
	if (e == 0)
		r->path[length] = '\0';
	return e;
}

/* What has no default must have been given. */
static int check_required(struct reader *r, const struct config_option *fields, yaml_mark_t at,
	const size_t lines[static CONFIG_OPTIONS_MAX])
{
	for (const struct config_option *o = fields; o->name; o++) {
		bool required = o->kind && !o->list && !o->initial;
		if (required && !lines[o - fields]) {
			char what[64];
			(void)snprintf(what, sizeof(what), "\"%s\" is missing", o->name);
			return fail(r, at, what);
		}
	}
	return 0;
}

static int read_mapping(struct reader *r, const struct config_option *fields, void *base)
{
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return fail(r, r->event.start_mark, "options (name: value) are expected");
	size_t lines[CONFIG_OPTIONS_MAX] = {0};
	yaml_mark_t began = r->event.start_mark;
	int e = next(r);
	while (e == 0 && r->event.type != YAML_MAPPING_END_EVENT) {
		e = read_member(r, fields, base, lines);
		if (e == 0)
			e = next(r);
	}
	return e ? e : check_required(r, fields, began, lines);
}

static int read_item(struct reader *r, const struct config_option *o, void *base, void *item)
{
	yaml_mark_t at = r->event.start_mark;
	memset(item, 0, o->list->item_size);
	int e;
	if (o->kind) {
		e = read_scalar(r, o, item);
	} else {
		config_default(o->fields, item);
		e = read_mapping(r, o->fields, item);
	}
	if (e)
		return e;
	struct err why = {0};
	return o->list->add(base, item, &why) ? fail(r, at, why.text) : 0;
}

static int read_list(struct reader *r, const struct config_option *o, void *base)
{
	if (r->event.type != YAML_SEQUENCE_START_EVENT)
		return fail(r, r->event.start_mark,
			"a list (lines beginning with \"-\", or [ ]) is expected");
	_cleanup_(freep) void *item = malloc(o->list->item_size);
	if (!item)
		return err_set(r->err, -ENOMEM, "%s: out of memory", r->name);
	o->list->clear(base);
	size_t length = strlen(r->path);
	int e = next(r);
	for (unsigned i = 1; e == 0 && r->event.type != YAML_SEQUENCE_END_EVENT; i++) {
		(void)snprintf(r->path + length, sizeof(r->path) - length, "[%u]", i);
		e = read_item(r, o, base, item);
		if (e == 0)
			e = next(r);
	}
	if (e == 0)
		r->path[length] = '\0';
	return e;
}

static int read_value(struct reader *r, const struct config_option *o, void *base)
{
	bool scalar = o->kind && !o->list;
	if (scalar)
		return read_scalar(r, o, (char *)base + o->offset);
	if (is_nothing(r))
		return 0;
	return o->list ? read_list(r, o, base) : read_mapping(r, o->fields, base);
}

/* --- files -------------------------------------------------------------------- */

static int read_document(struct reader *r, const struct config_option *options, void *into)
{
	int e = next(r); /* stream start */
	if (e == 0)
		e = next(r);
	if (e || r->event.type == YAML_STREAM_END_EVENT)
		return e; /* an empty file */
	e = next(r);
	if (e == 0 && !is_nothing(r)) /* "---" alone is empty too */
		e = read_mapping(r, options, into);
	if (e == 0)
		e = next(r); /* document end */
	if (e == 0)
		e = next(r);
	if (e == 0 && r->event.type != YAML_STREAM_END_EVENT)
		e = fail(r, r->event.start_mark, "a second document begins; only one is read");
	return e;
}

int config_read(const struct config_option *options, struct slice text, const char *name,
	void *into, struct err *err)
{
	if (text.n > CONFIG_FILE_MAX)
		return err_set(err, -EFBIG, "%s: longer than %u bytes", name, CONFIG_FILE_MAX);
	struct reader r = {.name = name, .err = err};
	if (!yaml_parser_initialize(&r.parser))
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
	int e = read_document(&r, options, into);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return e;
}

/* One byte more than may be is read, so that config_read() sees what is too long. */
static int load(const char *path, struct buf *text, struct err *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	while (text->n <= CONFIG_FILE_MAX) {
		size_t room = CONFIG_FILE_MAX + 1 - text->n;
		char *to = buf_reserve(text, room);
		if (!to)
			return err_set(err, text->error, "%s: out of memory", path);
		ssize_t n = read(fd, to, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "%s: %s", path, strerror(errno));
		if (n == 0)
			break;
		text->n += (size_t)n;
	}
	return 0;
}

int config_read_file(
	const struct config_option *options, const char *path, void *into, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	int e = load(path, &text, err);
	return e ? e : config_read(options, buf_as_slice(&text), path, into, err);
}
