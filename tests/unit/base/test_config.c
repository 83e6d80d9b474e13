/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small table of every shape, read from text: what is taken, what is refused and
 * where the message points, and that what is written reads back the same.
 */
#include "base/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

struct point {
	uint16_t x, y;
	uint32_t tags[4];
	unsigned tag_count;
};

struct shape {
	char name[16], path[64];
	bool filled;
	uint32_t weight;
	uint64_t memory;
	struct point points[3];
	unsigned point_count;
};

static void clear_tags(void *parent)
{
	((struct point *)parent)->tag_count = 0;
}

static int add_tag(void *parent, const void *item, struct err *err)
{
	struct point *p = parent;
	if (p->tag_count == countof(p->tags))
		return err_set(err, -EINVAL, "too many tags");
	p->tags[p->tag_count++] = *(const uint32_t *)item;
	return 0;
}

static bool get_tag(const void *parent, unsigned i, void *ret_item)
{
	const struct point *p = parent;
	if (i >= p->tag_count)
		return false;
	if (ret_item)
		*(uint32_t *)ret_item = p->tags[i];
	return true;
}

static const struct config_list tags = {sizeof(uint32_t), clear_tags, add_tag, get_tag};

static void clear_points(void *parent)
{
	((struct shape *)parent)->point_count = 0;
}

static int add_point(void *parent, const void *item, struct err *err)
{
	struct shape *s = parent;
	if (s->point_count == countof(s->points))
		return err_set(err, -EINVAL, "too many points");
	s->points[s->point_count++] = *(const struct point *)item;
	return 0;
}

static bool get_point(const void *parent, unsigned i, void *ret_item)
{
	const struct shape *s = parent;
	if (i >= s->point_count)
		return false;
	if (ret_item)
		*(struct point *)ret_item = s->points[i];
	return true;
}

static const struct config_list points = {sizeof(struct point), clear_points, add_point, get_point};

static const struct config_option point_options[] = {
	{.name = "x", .help = "Across.", .kind = &config_number, CONFIG_AT(struct point, x)},
	{.name = "y",
		.help = "Up.",
		.kind = &config_number,
		CONFIG_AT(struct point, y),
		.initial = "7"},
	{.name = "tags",
		.help = "Marks.",
		.kind = &config_number,
		.list = &tags,
		.size = sizeof(uint32_t)},
	{0},
};

static const struct config_option size_options[] = {
	{.name = "weight",
		.help = "How heavy. Not how large.",
		.kind = &config_number,
		CONFIG_AT(struct shape, weight),
		.min = 1,
		.max = 100,
		.initial = "5"},
	{.name = "memory",
		.help = "How large.",
		.kind = &config_bytes,
		CONFIG_AT(struct shape, memory),
		.initial = "64KiB"},
	{0},
};

static const struct config_option options[] = {
	{.name = "name",
		.help = "Its name.",
		.kind = &config_text,
		CONFIG_AT(struct shape, name),
		.initial = ""},
	{.name = "path",
		.help = "Its place.",
		.kind = &config_path,
		CONFIG_AT(struct shape, path),
		.initial = "/"},
	{.name = "filled",
		.help = "Not hollow.",
		.kind = &config_boolean,
		CONFIG_AT(struct shape, filled),
		.initial = "true"},
	{.name = "size", .help = "Sizes.", .fields = size_options},
	{.name = "points", .help = "Corners.", .fields = point_options, .list = &points},
	{0},
};

static int parse(const char *text, struct shape *ret, struct err *err)
{
	memset(ret, 0xaa, sizeof(*ret));
	config_default(options, ret);
	return config_read(options, slice_of(text), "t.yaml", ret, err);
}

static void test_defaults(void **state)
{
	(void)state;
	struct shape s;
	assert_int_equal(parse("", &s, NULL), 0);
	assert_string_equal(s.name, "");
	assert_string_equal(s.path, "/");
	assert_true(s.filled);
	assert_int_equal(s.weight, 5);
	assert_int_equal(s.memory, 65536);
	assert_int_equal(s.point_count, 0);
}

static void test_values(void **state)
{
	(void)state;
	struct shape s;
	struct err err;
	int e = parse("# a comment\n"
		      "name: \"a \\\"b\\\"\"\n"
		      "filled: false\n"
		      "size: {weight: 100, memory: 2GiB}\n"
		      "points:\n"
		      "  - x: 1\n"
		      "    tags: [3, 4]\n"
		      "  - {x: 65535, y: 0}\n",
		&s, &err);
	assert_int_equal(e, 0);
	assert_string_equal(s.name, "a \"b\"");
	assert_false(s.filled);
	assert_int_equal(s.weight, 100);
	assert_int_equal(s.memory, 2147483648);
	assert_int_equal(s.point_count, 2);
	assert_int_equal(s.points[0].x, 1);
	assert_int_equal(s.points[0].y, 7);
	assert_int_equal(s.points[0].tag_count, 2);
	assert_int_equal(s.points[0].tags[1], 4);
	assert_int_equal(s.points[1].x, 65535);
	assert_int_equal(s.points[1].y, 0);
}

/* A later file changes what it names; its list replaces the earlier one. */
static void test_layers(void **state)
{
	(void)state;
	struct shape s;
	assert_int_equal(
		parse("name: a\nsize: {weight: 9}\npoints: [{x: 1}, {x: 2}]\n", &s, NULL), 0);
	struct slice later = SLICE("size: {memory: 1}\npoints: [{x: 3}]\n");
	assert_int_equal(config_read(options, later, "u.yaml", &s, NULL), 0);
	assert_string_equal(s.name, "a");
	assert_int_equal(s.weight, 9);
	assert_int_equal(s.memory, 1);
	assert_int_equal(s.point_count, 1);
	assert_int_equal(s.points[0].x, 3);
}

/* Everything below a name may be commented out. */
static void test_nothing_after_name(void **state)
{
	(void)state;
	struct shape s;
	assert_int_equal(parse("size:\n#  weight: 1\npoints:\n", &s, NULL), 0);
	assert_int_equal(s.weight, 5);
	assert_int_equal(parse("---\n", &s, NULL), 0);
	assert_int_equal(parse("---\nname: x\n...\n", &s, NULL), 0);
}

struct refusal {
	const char *text, *message;
};

static const struct refusal refusals[] = {
	{"nmae: x\n", "t.yaml:1:1: unknown option \"nmae\"; did you mean \"name\"?"},
	{"filed: true\n", "t.yaml:1:1: unknown option \"filed\"; did you mean \"filled\"?"},
	{"colour: red\n", "t.yaml:1:1: unknown option \"colour\""},
	{"<<: {name: x}\n", "t.yaml:1:1: unknown option \"<<\""},
	{"size:\n  wieght: 1\n",
		"t.yaml:2:3: size: unknown option \"wieght\"; did you mean \"weight\"?"},
	{"\n\nsize:\n  weight: 99x9\n",
		"t.yaml:4:11: size.weight: \"99x9\" is not a number from 1 to 100"},
	{"size: {weight: 0}\n", "t.yaml:1:16: size.weight: \"0\" is not a number from 1 to 100"},
	{"size: {weight: 101}\n",
		"t.yaml:1:16: size.weight: \"101\" is not a number from 1 to 100"},
	{"size: {weight: -1}\n", "t.yaml:1:16: size.weight: \"-1\" is not a number from 1 to 100"},
	{"size: {weight: 18446744073709551617}\n",
		"t.yaml:1:16: size.weight: \"18446744073709551617\" is not a number from 1 to 100"},
	{"size: {memory: 1kb}\n", "t.yaml:1:16: size.memory: \"1kb\" is not a size such as 64MiB"},
	{"size: {memory: 99999999999GiB}\n",
		"t.yaml:1:16: size.memory: \"99999999999GiB\" is not a size such as 64MiB"},
	{"filled: yes\n", "t.yaml:1:9: filled: \"yes\" is not true or false"},
	{"filled: [true]\n", "t.yaml:1:9: filled: one value is expected: true or false"},
	{"filled:\n", "t.yaml:1:8: filled: a value is missing: true or false"},
	{"path: here\n", "t.yaml:1:7: path: \"here\" is not a path that begins with /"},
	{"name: 0123456789abcdef\n",
		"t.yaml:1:7: name: \"0123456789abcdef\" is not short text without control "
		"characters"},
	{"name: \"a\\0b\"\n",
		"t.yaml:1:7: name: \"a\\x00b\" is not short text without control characters"},
	{"name: a\nfilled: true\nname: b\n", "t.yaml:3:1: name: given twice; first in line 1"},
	{"points: {x: 1}\n", "t.yaml:1:9: points: a list (lines beginning with \"-\", or [ ]) is "
			     "expected"},
	{"points: [1]\n", "t.yaml:1:10: points[1]: options (name: value) are expected"},
	{"points:\n  - x: 1\n  - y: 2\n", "t.yaml:3:5: points[2]: \"x\" is missing"},
	{"points: [{x: 65536}]\n", "t.yaml:1:14: points[1].x: \"65536\" is not a number"},
	{"points: [{x: 1}, {x: 1}, {x: 1}, {x: 1}]\n", "t.yaml:1:34: points[4]: too many points"},
	{"points: [{x: 1, tags: [1, two]}]\n",
		"t.yaml:1:27: points[1].tags[2]: \"two\" is not a number"},
	{"name: &a x\n", "t.yaml:1:7: name: anchors and aliases are not read here"},
	{"name: *a\n", "t.yaml:1:7: name: anchors and aliases are not read here"},
	{"name: !!str x\n", "t.yaml:1:7: name: tags are not read here"},
	{"points: !x []\n", "t.yaml:1:9: points: tags are not read here"},
	{"name: x\n---\nname: y\n", "t.yaml:2:1: a second document begins; only one is read"},
	{"- name\n", "t.yaml:1:1: options (name: value) are expected"},
	{"name\n", "t.yaml:1:1: options (name: value) are expected"},
	{"[a]: b\n", "t.yaml:1:1: the name of an option is expected"},
	{"name: [\n", "t.yaml:1:7: name: one value is expected: short text without control "
		      "characters"},
	{"name: \"x\n", "t.yaml:2:1: found unexpected end of stream"},
	{"name: x\n\tfilled: true\n",
		"t.yaml:2:1: found a tab character that violates indentation"},
	{"name: \xff\n", "t.yaml: byte 7: invalid leading UTF-8 octet"},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(refusals); i++) {
		struct shape s;
		struct err err = {0};
		int e = parse(refusals[i].text, &s, &err);
		if (e != -EINVAL || strcmp(err.text, refusals[i].message) != 0)
			fail_msg("%s\n -> %d %s\n for %s", refusals[i].text, e, err.text,
				refusals[i].message);
	}
}

/* A value from the file never breaks the line of the message. */
static void test_long_value_in_message(void **state)
{
	(void)state;
	char text[4096];
	int n = snprintf(text, sizeof(text), "filled: \"");
	memset(text + n, 'x', 3000);
	(void)snprintf(text + n + 3000, 8, "\\n\"\n");
	struct shape s;
	struct err err;
	assert_int_equal(parse(text, &s, &err), -EINVAL);
	assert_true(strlen(err.text) < 200);
	assert_null(strchr(err.text, '\n'));
}

/* Nesting that the table does not have is left at once, however deep it goes on. */
static void test_deep_and_long(void **state)
{
	(void)state;
	struct buf text = BUF_NULL;
	for (unsigned i = 0; i < 200000; i++)
		buf_puts(&text, "[");
	struct shape s;
	struct err err;
	assert_int_equal(config_read(options, buf_as_slice(&text), "t", &s, &err), -EINVAL);
	while (text.n <= CONFIG_FILE_MAX)
		buf_puts(&text, "# nothing but comments\n");
	assert_int_equal(config_read(options, buf_as_slice(&text), "t", &s, &err), -EFBIG);
	buf_done(&text);
}

static void test_files(void **state)
{
	(void)state;
	struct shape s = {0};
	struct err err;
	assert_int_equal(config_read_file(options, "/nonexistent/x", &s, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent/x: No such file or directory");
	assert_int_equal(config_read_file(options, "/tmp", &s, &err), -EISDIR);
	assert_int_equal(config_read_file(options, "/dev/zero", &s, &err), -EFBIG);
	assert_int_equal(config_read_file(options, "/dev/null", &s, &err), 0);

	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "name: x\nbad: y\n", 15), 15);
	(void)close(fd);
	assert_int_equal(config_read_file(options, path, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":2:1: unknown option \"bad\""));
	(void)unlink(path);
}

static void test_written_reads_back(void **state)
{
	(void)state;
	struct shape s, again;
	const char *text = "name: \"\\\\\\\"# : -\"\n"
			   "path: \"/a b\"\n"
			   "size: {weight: 1, memory: 3MiB}\n"
			   "points: [{x: 1, y: 2, tags: [1, 2]}, {x: 2}]\n";
	assert_int_equal(parse(text, &s, NULL), 0);
	struct buf out = BUF_NULL;
	config_write(options, &s, &out);
	assert_string_equal(out.p, "name: \"\\\\\\\"# : -\"\n"
				   "path: \"/a b\"\n"
				   "filled: true\n"
				   "size:\n"
				   "  weight: 1\n"
				   "  memory: 3MiB\n"
				   "points:\n"
				   "  - x: 1\n"
				   "    y: 2\n"
				   "    tags: [1, 2]\n"
				   "  - x: 2\n");
	struct err err;
	if (parse(out.p, &again, &err))
		fail_msg("%s", err.text);
	assert_string_equal(s.name, again.name);
	assert_string_equal(s.path, again.path);
	assert_int_equal(again.point_count, 2);
	assert_int_equal(again.points[0].tags[1], 2);
	assert_int_equal(again.points[1].y, 7);
	buf_done(&out);
}

/* Text is refused or reads back the same, whichever bytes it has. */
static void test_any_text_reads_back(void **state)
{
	(void)state;
	unsigned taken = 0;
	for (uint32_t c = 0; c < 0x11000; c++) {
		char yaml[64];
		(void)snprintf(yaml, sizeof(yaml), "name: \"a\\U%08x\"\n", c);
		struct shape s, again;
		if (parse(yaml, &s, NULL))
			continue;
		taken++;
		struct buf out = BUF_NULL;
		config_write(options, &s, &out);
		struct err err = {0};
		if (parse(out.p, &again, &err) || strcmp(s.name, again.name) != 0)
			fail_msg("U+%04X: %s", c, err.text);
		buf_done(&out);
	}
	assert_true(taken > 60000);
}

static void test_manual(void **state)
{
	(void)state;
	struct buf out = BUF_NULL;
	config_manual(size_options, &out);
	assert_string_equal(out.p, ".Bl -tag -width Ds\n"
				   ".It Ic weight\n"
				   "How heavy.\n"
				   "Not how large.\n"
				   "Value: a number from 1 to 100; default: 5.\n"
				   ".It Ic memory\n"
				   "How large.\n"
				   "Value: a size such as 64MiB; default: 64KiB.\n"
				   ".El\n");
	buf_done(&out);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_nothing_after_name),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_value_in_message),
		cmocka_unit_test(test_deep_and_long),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_written_reads_back),
		cmocka_unit_test(test_any_text_reads_back),
		cmocka_unit_test(test_manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
