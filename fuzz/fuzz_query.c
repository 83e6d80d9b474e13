/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Query strings: what decodes must encode canonically, and that text decode to itself. */
#include "api/http/form.h"
#include "api/sign.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void canonical(struct slice text, struct buf *out, unsigned *ret_fields)
{
	struct form f = FORM_NULL;
	if (form_decode(&f, text) == 0)
		sign_query(out, &f, NULL);
	*ret_fields = f.n;
	form_done(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first = BUF_NULL, second = BUF_NULL;
	unsigned fields, again;
	canonical((struct slice){(const char *)data, size}, &first, &fields);
	if (first.p) {
		canonical(buf_as_slice(&first), &second, &again);
		if (fields != again || !slice_eq(buf_as_slice(&first), buf_as_slice(&second)))
			abort();
	}
	buf_done(&first);
	buf_done(&second);
	return 0;
}
