/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/serials.h"

#include "store/sql.h"

#include <errno.h>

/* In meta. */
static const char *const names[SERIALS] = {
	[SERIAL_VERSION] = "wish.version",
	[SERIAL_CUSTOM] = "custom.last_id",
};

static int read_last(struct store *s, enum serial serial, int64_t *ret)
{
	char text[24] = "0";
	int r = store_meta_get(s, names[serial], text, sizeof(text));
	if (r >= 0)
		*ret = strtoll(text, NULL, 10);
	return MIN_OF(r, 0);
}

int serial_skip(struct store *s, enum serial serial, int64_t last)
{
	struct serial_state *state = &s->serials[serial];
	if (!s->in_transaction)
		return sql_error(s, -EINVAL, "a change outside a transaction");
	int r = state->last == 0 ? read_last(s, serial, &state->last) : 0;
	if (r < 0)
		return r;
	state->moved = true;
	state->last = MAX_OF(state->last, last);
	return 0;
}

int serial_take(struct store *s, enum serial serial, int64_t n, int64_t *ret_first)
{
	struct serial_state *state = &s->serials[serial];
	int r = serial_skip(s, serial, 0);
	if (r < 0)
		return r;
	*ret_first = state->last + 1;
	state->last += n;
	return 0;
}

int serial_next(struct store *s, enum serial serial, int64_t *ret)
{
	return serial_take(s, serial, 1, ret);
}

int serial_latest(struct store *s, enum serial serial, int64_t *ret)
{
	if (!s->serials[serial].moved)
		return read_last(s, serial, ret);
	*ret = s->serials[serial].last;
	return 0;
}

int serials_flush(struct store *s)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < SERIALS; i++) {
		struct serial_state *state = &s->serials[i];
		if (!state->moved)
			continue;
		char text[24];
		(void)snprintf(text, sizeof(text), "%lld", (long long)state->last);
		state->moved = false;
		r = store_meta_put(s, names[i], text);
	}
	return r;
}

void serials_forget(struct store *s)
{
	for (unsigned i = 0; i < SERIALS; i++)
		s->serials[i] = (struct serial_state){0};
}
