/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet/plain.h"

#include <stdint.h>
#include <string.h>

/* The least code point of so many bytes; below U+00A0 two bytes are control characters. */
static const uint32_t least[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000};

static uint32_t code_point(const unsigned char *p, size_t length)
{
	uint32_t c = p[0] & (0xffU >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c;
}

size_t plain_length(const char *p, size_t n)
{
	unsigned char first = (unsigned char)p[0];
	if (first < 0x80)
		return first >= 0x20 && first != 0x7f;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (length > n)
		return 0;
	uint32_t c = code_point((const unsigned char *)p, length);
	bool surrogate = c >= 0xd800 && c <= 0xdfff;
	return c < least[length] || surrogate || c > 0x10ffff ? 0 : length;
}

bool plain_is(const char *p, size_t n)
{
	size_t length;
	for (size_t i = 0; i < n; i += length)
		if ((length = plain_length(p + i, n - i)) == 0)
			return false;
	return true;
}

const char *plain_copy(char *ret, size_t size, const char *text)
{
	size_t n = strlen(text), at = 0;
	for (size_t i = 0; i < n;) {
		size_t length = plain_length(text + i, n - i);
		if (at + (length ? length : 1) >= size)
			break;
		if (length == 0) {
			ret[at++] = '?';
			i++;
			continue;
		}
		memcpy(ret + at, text + i, length);
		at += length;
		i += length;
	}
	ret[at] = '\0';
	return ret;
}
