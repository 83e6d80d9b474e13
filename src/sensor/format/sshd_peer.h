/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a message of sshd is about. An attacker chooses the user name, the
 * client's user and host names (hostbased), a certificate's key id and the text
 * of a disconnect; none of them may pass for the peer. So a message is read
 * from the end that sshd itself wrote, and where both ends hold foreign text,
 * only an address that every possible reading agrees on is believed.
 */
#pragma once

#include "base/addr.h"
#include "base/slice.h"

struct peer {
	bool literal; /* addr is valid; false: a name, or not to be believed */
	struct addr addr;
	uint16_t port;       /* 0: not said */
	struct slice before; /* the text in front of it: where the user's name ends */
	struct slice after;  /* peer_at_front() only: the text behind it */
};

/* "… from ADDR[ port N][ ssh2]" up to the very end. False: no such end, *ret is of no use. */
bool peer_at_end(struct slice text, struct peer *ret);
/* "[… ]ADDR port N" or "[… ]ADDR" up to the very end. */
bool peer_last(struct slice text, struct peer *ret);
/* "ADDR[ port N]" at the very beginning, then the end, a blank or a colon. */
bool peer_at_front(struct slice text, struct peer *ret);
/* "… from ADDR port N ssh2[: about the key and the client]": of "Failed …" */
bool peer_of_attempt(struct slice text, struct peer *ret);
/*
 * "… ADDR port N" in front of `mark`, which foreign text may have brought along
 * too: every place that reads so must mean the same.
 */
bool peer_before(struct slice text, struct slice mark, struct peer *ret);
