/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plain text, the only kind that agent and server tell each other: UTF-8 (RFC 3629)
 * without control characters (C0, DEL, C1). What is written is made plain, what is read
 * has to be.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Length of the plain character at p, of n > 0 bytes; 0: there is none. */
size_t plain_length(const char *p, size_t n);
bool plain_is(const char *p, size_t n);
/* Copies a text, cut to fit; each byte that is no part of a plain character is a '?'. Never
   longer than text, so what fitted a place still does. Returns ret. */
const char *plain_copy(char *ret, size_t size, const char *text);
