/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <stdarg.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
	if (err) {
		va_list args;
		va_start(args, format);
		(void)vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return code;
}

int err_prefix(struct err *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	char old[sizeof(err->text)];
	memcpy(old, err->text, sizeof(old));
	va_list args;
	va_start(args, format);
	int n = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text)) {
		size_t left = sizeof(err->text) - (size_t)n;
		(void)snprintf(err->text + n, left, ": %.*s", (int)left, old);
	}
	return code;
}
