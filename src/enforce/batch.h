/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One nf_tables transaction in the making: netlink messages back to back between
 * NFNL_MSG_BATCH_BEGIN and _END. Errors stick; the sender checks once.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

struct batch {
	char *p;
	size_t n, size;
	uint32_t first, seq; /* sequence numbers of BEGIN and of the next message */
	uint32_t *owner;     /* by message: what the caller gave batch_message() */
	size_t owner_n, owner_size;
	struct nlmsghdr *last; /* the message being filled */
	int error;
};

/* The bytes one message may take. */
#define BATCH_MESSAGE_MAX 4096
/* The owner of messages whose failure is nobody's in particular. */
#define BATCH_NOBODY UINT32_MAX

/* Starts a transaction (struct all zero, or used before). seq: the first number to use. */
void batch_begin(struct batch *b, uint32_t seq);
/*
 * Adds an NFT_MSG_* message for family inet. Returns its header, to be filled
 * with at most BATCH_MESSAGE_MAX bytes before the next call; NULL after an error.
 */
struct nlmsghdr *batch_message(struct batch *b, uint16_t type, uint16_t flags, uint32_t owner);
/* Ends the transaction; the last message asks for the acknowledgement. 0 or -errno. */
int batch_end(struct batch *b);
void batch_done(struct batch *b);
