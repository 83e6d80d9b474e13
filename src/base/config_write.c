/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other ways through a table: its defaults, its values as YAML, its manual.
 */
#include "base/config.h"

#include <assert.h>
#include <errno.h>

static bool is_scalar(const struct config_option *o)
{
	return o->kind && !o->list;
}

static const void *field_of(const struct config_option *o, const void *base)
{
	return (const char *)base + o->offset;
}

void config_default(const struct config_option *options, void *into)
{
	for (const struct config_option *o = options; o->name; o++) {
		if (o->list) {
			o->list->clear(into);
		} else if (o->fields) {
			config_default(o->fields, into);
		} else if (o->initial && *o->initial) {
			bool ok = o->kind->read(o, slice_of(o->initial), (char *)into + o->offset);
			assert(ok && "a default outside its own option's range");
			(void)ok;
		} else {
			memset((char *)into + o->offset, 0, o->size);
		}
	}
}

/* --- YAML --------------------------------------------------------------------- */

static void write_option(
	const struct config_option *o, const void *base, unsigned indent, struct buf *out);

/* What needs no quotes to read back the same; when in doubt, not plain. */
static bool is_plain(struct slice text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_./:+-";
	if (text.n == 0 || strchr("-:.+", text.p[0]) || text.p[text.n - 1] == ':')
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!text.p[i] || !strchr(letters, text.p[i]))
			return false;
	return true;
}

static void write_quoted(struct slice text, struct buf *out)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, text.p[i]);
	}
	buf_addc(out, '"');
}

static void write_scalar(const struct config_option *o, const void *field, struct buf *out)
{
	struct buf text = BUF_NULL;
	o->kind->write(o, field, &text);
	if (text.error)
		out->error = text.error;
	else if (is_plain(buf_as_slice(&text)))
		buf_slice(out, buf_as_slice(&text));
	else
		write_quoted(buf_as_slice(&text), out);
	buf_done(&text);
}

/* Does this field of a list's item say nothing that leaving it out would not? */
static bool is_silent(const struct config_option *o, const void *base)
{
	if (o->list)
		return !o->list->get(base, 0, NULL);
	if (!o->kind || !o->initial)
		return false;
	struct buf text = BUF_NULL;
	o->kind->write(o, field_of(o, base), &text);
	bool same = !text.error && slice_eq(buf_as_slice(&text), slice_of(o->initial));
	buf_done(&text);
	return same;
}

/* [a, b, c] */
static void write_scalars(
	const struct config_option *o, const void *base, void *item, struct buf *out)
{
	buf_puts(out, " [");
	for (unsigned i = 0; o->list->get(base, i, item); i++) {
		buf_puts(out, i ? ", " : "");
		write_scalar(o, item, out);
	}
	buf_puts(out, "]\n");
}

/* The fields that say something; the first stands behind the item's dash. */
static void write_item(
	const struct config_option *o, const void *item, unsigned indent, struct buf *out)
{
	struct buf fields = BUF_NULL;
	for (const struct config_option *f = o->fields; f->name; f++)
		if (!is_silent(f, item))
			write_option(f, item, indent + 4, &fields);
	if (fields.error)
		out->error = fields.error;
	else if (fields.n > 0)
		buf_printf(out, "%*s- %s", (int)indent + 2, "", fields.p + indent + 4);
	buf_done(&fields);
}

static void write_list(
	const struct config_option *o, const void *base, unsigned indent, struct buf *out)
{
	_cleanup_(freep) void *item = calloc(1, o->list->item_size);
	if (!item) {
		out->error = -ENOMEM;
		return;
	}
	if (o->kind) {
		write_scalars(o, base, item, out);
		return;
	}
	buf_puts(out, o->list->get(base, 0, NULL) ? "\n" : " []\n");
	for (unsigned i = 0; o->list->get(base, i, item); i++)
		write_item(o, item, indent, out);
}

static void write_option(
	const struct config_option *o, const void *base, unsigned indent, struct buf *out)
{
	buf_printf(out, "%*s%s:", (int)indent, "", o->name);
	if (o->list) {
		write_list(o, base, indent, out);
	} else if (o->fields) {
		buf_addc(out, '\n');
		for (const struct config_option *f = o->fields; f->name; f++)
			write_option(f, base, indent + 2, out);
	} else {
		buf_addc(out, ' ');
		write_scalar(o, field_of(o, base), out);
		buf_addc(out, '\n');
	}
}

void config_write(const struct config_option *options, const void *from, struct buf *out)
{
	for (const struct config_option *o = options; o->name; o++)
		write_option(o, from, 0, out);
}

/* --- the manual ----------------------------------------------------------------- */

static void describe_range(const struct config_option *o, struct buf *out)
{
	if (!o->kind->limit || !o->max)
		return;
	buf_puts(out, " from ");
	o->kind->limit(o->min, out);
	buf_puts(out, " to ");
	o->kind->limit(o->max, out);
}

void config_describe(const struct config_option *o, struct buf *out)
{
	buf_puts(out, o->kind->word);
	describe_range(o, out);
}

/* mdoc wants each sentence on a line of its own. */
static void manual_sentences(const char *text, struct buf *out)
{
	for (const char *p = text; *p; p++) {
		bool ends =
			(p[0] == '.' || p[0] == ':') && p[1] == ' ' && p[2] >= 'A' && p[2] <= 'Z';
		buf_addc(out, *p);
		if (ends) {
			buf_addc(out, '\n');
			p++;
		}
	}
	buf_addc(out, '\n');
}

static void manual_value(const struct config_option *o, struct buf *out)
{
	struct buf what = BUF_NULL;
	config_describe(o, &what);
	buf_printf(out, "%s%s", o->list ? "Each is " : "Value: ", what.p ? what.p : "");
	buf_done(&what);
	if (is_scalar(o) && !o->initial)
		buf_puts(out, "; must be given");
	else if (is_scalar(o) && *o->initial)
		buf_printf(out, "; default: %s", o->initial);
	buf_puts(out, ".\n");
}

void config_manual(const struct config_option *options, struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct config_option *o = options; o->name; o++) {
		buf_printf(out, ".It Ic %s%s\n", o->name, o->list ? " Pq list" : "");
		manual_sentences(o->help, out);
		if (o->kind)
			manual_value(o, out);
		else
			config_manual(o->fields, out);
	}
	buf_puts(out, ".El\n");
}
