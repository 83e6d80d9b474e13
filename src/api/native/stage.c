/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/native/stage.h"

#include <errno.h>

/* One a target and direction, as core wants them: parallel arrays. */
struct stage {
	struct stage_terms terms;
	size_t n, size, items;
	struct prefix *targets;
	enum block_direction *directions;
	int64_t *expires;  /* 0: as all */
	uint32_t *words;   /* where the reason begins in text; 0: as all */
	uint32_t *item_of; /* which item it was */
	struct buf text;   /* reasons, each with its NUL */
};

struct stage *stage_new(void)
{
	struct stage *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->text.limit = STAGE_WORDS_MAX;
	buf_addc(&s->text, '\0'); /* so that 0 is nothing's place */
	return s;
}

struct stage *stage_free(struct stage *s)
{
	if (!s)
		return NULL;
	free(s->terms.uuids);
	free(s->targets);
	free(s->directions);
	free(s->expires);
	free(s->words);
	free(s->item_of);
	buf_done(&s->text);
	free(s);
	return NULL;
}

void stage_set_terms(struct stage *s, struct stage_terms *terms)
{
	free(s->terms.uuids);
	s->terms = *terms;
	terms->uuids = NULL;
}

const struct stage_terms *stage_terms(const struct stage *s)
{
	return &s->terms;
}

size_t stage_items(const struct stage *s)
{
	return s->items;
}

bool stage_direction(const char *text, bool *ret_in, bool *ret_out)
{
	bool in = strcmp(text, "in") == 0, out = strcmp(text, "out") == 0;
	bool both = strcmp(text, "both") == 0;
	if (!in && !out && !both)
		return false;
	*ret_in = in || both;
	*ret_out = out || both;
	return true;
}

#define GROW(array, size)                                                                          \
	__extension__({                                                                            \
		void *grown_ = reallocarray((array), (size), sizeof(*(array)));                    \
		if (grown_)                                                                        \
			(array) = grown_;                                                          \
		grown_ != NULL;                                                                    \
	})

static int make_room(struct stage *s)
{
	if (s->n < s->size)
		return 0;
	size_t size = s->size ? s->size * 2 : 64;
	if (!GROW(s->targets, size) || !GROW(s->directions, size) || !GROW(s->expires, size) ||
		!GROW(s->words, size) || !GROW(s->item_of, size))
		return -ENOMEM;
	s->size = size;
	return 0;
}

static int add_one(struct stage *s, const struct prefix *target, enum block_direction direction,
	int64_t expires, uint32_t words, struct err *err)
{
	if (s->n >= STAGE_TARGETS_MAX)
		return err_set(err, CORE_INVALID, "more than %u at once", STAGE_TARGETS_MAX);
	int r = make_room(s);
	if (r < 0)
		return r;
	s->targets[s->n] = *target;
	s->directions[s->n] = direction;
	s->expires[s->n] = expires;
	s->words[s->n] = words;
	s->item_of[s->n] = (uint32_t)s->items;
	s->n++;
	return 0;
}

/* Neighbours often have the same reason: it is kept once. */
static int keep_words(struct stage *s, const char *why, uint32_t *ret, struct err *err)
{
	uint32_t before = s->n > 0 ? s->words[s->n - 1] : 0;
	if (!why || !why[0]) {
		*ret = 0;
		return 0;
	}
	if (before && strcmp(s->text.p + before, why) == 0) {
		*ret = before;
		return 0;
	}
	size_t at = s->text.n;
	buf_add(&s->text, why, strlen(why) + 1);
	if (s->text.error)
		return err_set(err, CORE_INVALID, "more reasons than fit at once");
	*ret = (uint32_t)at;
	return 0;
}

/* What an item says of itself. */
struct item {
	struct prefix target;
	bool in, out;
	int64_t expires;
	const char *why;
};

static int read_item(const struct stage *s, const json_t *item, struct item *ret, struct err *err)
{
	const json_t *expires = json_object_get(item, "expires");
	const char *direction = json_string_value(json_object_get(item, "direction"));
	const char *target = json_is_string(item)
				     ? json_string_value(item)
				     : json_string_value(json_object_get(item, "target"));
	*ret = (struct item){.in = s->terms.in,
		.out = s->terms.out,
		.expires = json_integer_value(expires),
		.why = json_string_value(json_object_get(item, "why"))};
	if (!target || !prefix_parse(slice_of(target), &ret->target))
		return err_set(err, CORE_INVALID, "%s: not an address or prefix",
			target ? target : "an item without a target");
	if (direction && !stage_direction(direction, &ret->in, &ret->out))
		return err_set(err, CORE_INVALID, "direction %s: in, out or both", direction);
	if (ret->why && strlen(ret->why) >= CUSTOM_WHY_MAX)
		return err_set(err, CORE_INVALID, "why: %d bytes at most", CUSTOM_WHY_MAX - 1);
	return 0;
}

int stage_add(struct stage *s, const json_t *item, struct err *err)
{
	struct item i;
	uint32_t words = 0;
	int r = read_item(s, item, &i, err);
	if (r == 0)
		r = keep_words(s, i.why, &words, err);
	if (r == 0 && i.in)
		r = add_one(s, &i.target, BLOCK_IN, i.expires, words, err);
	if (r == 0 && i.out)
		r = add_one(s, &i.target, BLOCK_OUT, i.expires, words, err);
	if (r == 0)
		s->items++;
	return r;
}

struct telling {
	const struct stage *stage;
	void (*refused)(void *ctx, size_t item, const char *why);
	void *ctx;
	bool *told; /* items: one that is refused both ways is told once */
};

static void tell(void *ctx, size_t index, const char *why)
{
	struct telling *t = ctx;
	size_t item = t->stage->item_of[index];
	if (t->told[item])
		return;
	t->told[item] = true;
	t->refused(t->ctx, item, why);
}

int stage_commit(struct stage *s, struct core *core, const struct core_caller *who,
	void (*refused)(void *ctx, size_t item, const char *why), void *ctx, size_t *ret_done,
	struct err *err)
{
	_cleanup_(freep) const char **whys = calloc(s->n + 1, sizeof(*whys));
	_cleanup_(freep) const char **uuids = calloc(s->terms.n + 1, sizeof(*uuids));
	_cleanup_(freep) bool *told = calloc(s->items + 1, sizeof(*told));
	if (!whys || !uuids || !told)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		whys[i] = s->words[i] ? s->text.p + s->words[i] : NULL;
		if (s->expires[i] == 0)
			s->expires[i] = s->terms.expires;
	}
	for (unsigned i = 0; i < s->terms.n; i++)
		uuids[i] = s->terms.uuids[i];
	struct telling t = {s, refused, ctx, told};
	const struct core_import import = {.targets = s->targets,
		.n = s->n,
		.common = {.expires = s->terms.expires,
			.why = s->terms.why,
			.uuids = uuids,
			.n = s->terms.n},
		.directions = s->directions,
		.expires = s->expires,
		.whys = whys,
		.skip_refused = s->terms.skip_refused,
		.refused = tell,
		.ctx = &t};
	return core_custom_import(core, who, &import, ret_done, err);
}
