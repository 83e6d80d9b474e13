/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What engine and enforcer say to each other: fixed-layout messages, one
 * SOCK_SEQPACKET datagram each, in the machine's own byte order (both ends are
 * one program). A message is a header and `count` items of the kind's size:
 *
 *   | kind u8 | flags u8 | count u16 | zero u32 | item 0 | item 1 | …
 *
 * Lists that need several messages set WIRE_FIRST on the first and WIRE_LAST on
 * the last. Both ends decode with wire_decode(), which checks every field and
 * never reads past what came.
 */
#pragma once

#include "enforce/enforce.h"

#include <stddef.h>
#include <stdint.h>

enum wire_kind {
	/* engine -> enforcer */
	WIRE_ORDERS = 1, /* wire_order; add, change or remove */
	WIRE_WANTED, /* wire_order; a part of a sync; another WIRE_FIRST gives up the one before */
	WIRE_SAMPLE, /* nothing; asks for WIRE_HITS */
	WIRE_ASK,    /* one wire_order: its list and target; tag names the question */
	/* enforcer -> engine */
	WIRE_STATE,   /* one wire_state */
	WIRE_ANSWERS, /* wire_order, error filled in */
	WIRE_SYNCED,  /* one wire_synced */
	WIRE_HITS,    /* wire_hit */
	WIRE_FOUND,   /* one wire_order; error -ENOENT: not there */
	WIRE_DRIFT,   /* nothing */
	/* a question that is waited for */
	WIRE_WHO,      /* to the enforcer, one wire_who: did a service answer it? */
	WIRE_ANSWERED, /* from it, the same, error filled in; -ENOENT: no */
	WIRE_KINDS
};

#define WIRE_FIRST 1u
#define WIRE_LAST  2u

/* Items of one message at most, and the bytes of the largest message. */
#define WIRE_ITEMS_MAX   512
#define WIRE_MESSAGE_MAX (sizeof(struct wire_header) + WIRE_ITEMS_MAX * sizeof(struct wire_order))

struct wire_header {
	uint8_t kind, flags;
	uint16_t count;
	uint32_t zero;
};

struct wire_order {
	uint8_t addr[16];
	uint8_t len, list, remove, zero;
	int32_t error; /* 0 or -errno; 0 in what the engine sends */
	int64_t expires, record;
	uint64_t tag;
};

struct wire_state {
	uint8_t ready, owner;
	uint8_t zero[2];
	int32_t error;
	uint64_t table;
	char kernel[64], lacks[256];
};

struct wire_synced {
	int32_t error;
	uint32_t added, removed, changed, kept;
};

struct wire_hit {
	uint8_t addr[16];
	uint8_t len, zero[5];
	uint16_t port;
	uint64_t count;
	int64_t latest;
};

struct wire_who {
	uint8_t addr[16];
	uint8_t len, service, zero[2]; /* enum enforce_served */
	int32_t error;                 /* 0 in what the engine sends */
	uint32_t tag;                  /* given back */
};

/* A checked message; items points into the bytes given. */
struct wire_message {
	enum wire_kind kind;
	bool first, last;
	size_t count;
	const void *items; /* unaligned: read with the wire_get_* functions */
};

enum wire_side { WIRE_TO_ENFORCER, WIRE_TO_ENGINE };

/* 0, or -EBADMSG when anything at all is not as described above. */
int wire_decode(enum wire_side side, const void *data, size_t n, struct wire_message *ret_message);

/* i < message->count; what wire_decode() has let through cannot fail. */
struct enforce_order wire_get_order(const struct wire_message *m, size_t i, int *ret_error);
struct enforce_state wire_get_state(const struct wire_message *m);
struct enforce_sync_result wire_get_synced(const struct wire_message *m);
struct enforce_hit wire_get_hit(const struct wire_message *m, size_t i);

struct wire_who wire_get_who(const struct wire_message *m);

/* Writes a header into out and returns its size. */
size_t wire_put_header(void *out, enum wire_kind kind, unsigned flags, size_t count);
/* Each writes one item and returns its size. */
size_t wire_put_order(void *out, const struct enforce_order *order, int error);
size_t wire_put_state(void *out, const struct enforce_state *state);
size_t wire_put_synced(void *out, const struct enforce_sync_result *result);
size_t wire_put_hit(void *out, const struct enforce_hit *hit);
