/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one writer of %XX; every signature scheme re-encodes what form.c decoded. */
#include "api/http/encode.h"

static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '~';
}

void encode_percent(struct buf *out, struct slice text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (is_unreserved(c)) {
			buf_addc(out, (char)c);
		} else {
			char code[3] = {'%', digits[c >> 4], digits[c & 15]};
			buf_add(out, code, sizeof(code));
		}
	}
}
