/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both ruser= in front of the address and user= behind it are the client's words.
 * A second rhost= was brought along by one of them: then nobody is believed.
 */
#include "sensor/format/pam.h"

#include "sensor/format/text.h"

/* The module and whom it speaks for. */
static bool cut_module(struct slice *text, struct slice service)
{
	if (cut_start(text, SLICE("(pam_unix) ")))
		return true;
	if (!slice_starts(*text, SLICE("pam_")))
		return true; /* nothing in front */
	const char *open = memchr(text->p, '(', text->n);
	if (!open)
		return false;
	*text = slice_skip(*text, (size_t)(open + 1 - text->p));
	return cut_start(text, service) && cut_start(text, SLICE(":auth): "));
}

bool pam_read(struct slice text, struct slice service, struct source *ret, struct slice *ret_user)
{
	static const struct slice rhost = {" rhost=", 7}, ruser = {" ruser=", 7};
	const size_t letter_h = 2, letter_r = 1;
	if (!cut_module(&text, service) || !cut_start(&text, SLICE("authentication failure;")))
		return false;
	*ret = (struct source){0};
	*ret_user = SLICE_NULL;
	const char *at = find_by(text, rhost, letter_h);
	if (!at)
		return true;
	struct slice rest = slice_between(at + rhost.n, text.p + text.n);
	const char *blank = rest.n ? memchr(rest.p, ' ', rest.n) : NULL;
	struct slice host = blank ? slice_between(rest.p, blank) : rest;
	if (!find_by(rest, rhost, letter_h))
		*ret = source_of(host);
	struct slice user = skip_blanks(slice_skip(rest, host.n));
	if (!cut_start(&user, SLICE("user="))) {
		const char *name = find_by(slice_between(text.p, at), ruser, letter_r);
		user = name ? slice_between(name + ruser.n, at) : SLICE_NULL;
	}
	while (cut_end(&user, SLICE(" ")))
		;
	*ret_user = user.n ? user : SLICE_NULL;
	return true;
}
