/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who calls? Each vendor's scheme reads a claim from the request; here it is
 * weighed, the same way for all: lock-out, key, proof, account, temporary
 * token, call rate. Each vendor has its own words for the verdicts.
 */
#pragma once

#include "api/call.h"
#include "api/sign.h"

enum auth {
	AUTH_OK,
	AUTH_UNKNOWN,       /* no such key */
	AUTH_INACTIVE,      /* disabled, or its account is closed */
	AUTH_EXPIRED,       /* a temporary key past its end */
	AUTH_MISMATCH,      /* the proof is wrong */
	AUTH_TOKEN_MISSING, /* a temporary key without its security token */
	AUTH_TOKEN_WRONG,
	AUTH_LOCKED,  /* too many failures from there with that key */
	AUTH_LIMITED, /* too many calls a second */
	AUTH_FAULT,   /* ours; logged */
	AUTH_VERDICTS
};

/* What a request claims. `prove` sees the key's secret and nothing else does. */
struct auth_claim {
	struct slice key_id;
	struct slice security_token; /* p NULL: none given */
	bool (*prove)(const void *proof, const char *secret);
	const void *proof;
};

/* Fills call->key, account and who when AUTH_OK. */
enum auth auth_claim(struct call *c, const struct auth_claim *claim);
/* The same for a key's id or name with its secret as a password. */
enum auth auth_password(struct call *c, struct slice login, struct slice password);
/* The same for a token issued by iam.c. */
enum auth auth_token(struct call *c, struct slice text);

/*
 * True when one of the key's patterns (one a line, '*' only at the end) has the
 * action.
 */
bool auth_allows(const struct access_key *key, const char *action);
/* True when the key may see servers of that enterprise project: it has no limit, or names it. */
bool auth_sees(const struct access_key *key, const char *project);
