/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nf_tables netlink socket: transactions with each message's own answer, and
 * queries.
 */
#pragma once

#include "enforce/batch.h"
#include "enforce/diff.h"
#include "enforce/element.h"

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_TABLE_MAX 64 /* bytes of a table's name */

struct nft {
	struct mnl_socket *socket;
	uint32_t portid; /* ours: the table's owner, and how we know our own events */
	uint32_t seq;
	char table[NFT_TABLE_MAX + 1];
	struct enforce_ports ports; /* for the table's rules */
	struct batch batch;
	char *received; /* NFT_RECEIVE_SIZE bytes */
};

#define NFT_RECEIVE_SIZE ((size_t)256 << 10)

/* 0 or -errno (-EINVAL: no name for a table). Done with nft_done() either way. */
int nft_open(struct nft *nft, const char *table);
void nft_done(struct nft *nft);

/* Puts more messages at the head of a transaction. */
struct nft_head {
	void (*put)(struct nft *nft, struct batch *batch, void *ctx);
	void *ctx;
};

/* Changes one transaction takes, some 25 MB, unless the kernel takes fewer; with a head, which
   makes the table anew and leaves no moment without them, it takes all. */
#define NFT_CHANGES_MAX 131072

/*
 * Does changes in order, in one transaction as far as possible. What the kernel
 * refuses is left out, with its group (change->error says why), and the rest is
 * done; taking out what is not there and putting in what is there both succeed.
 * head may be NULL. 0, or -errno when the transaction as such failed; then nothing
 * more was done and every change not done says so too.
 */
int nft_apply(struct nft *nft, struct change *changes, size_t n, const struct nft_head *head);
/* Only the head. */
int nft_transact(struct nft *nft, const struct nft_head *head);

/*
 * Sends nlh (its sequence number is set here) and calls fn for each message of the
 * answer until it is complete. 0, NFT_E_INTERRUPTED when others changed nf_tables
 * meanwhile (the answer may have holes), or -errno: the kernel's, or fn's. After fn's -E2BIG
 * the rest of a dump is not read, and the socket not to be dumped through again.
 */
#define NFT_E_INTERRUPTED 1
int nft_query(struct nft *nft, struct nlmsghdr *nlh,
	int (*fn)(const struct nlmsghdr *nlh, void *ctx), void *ctx);
/* Starts a query in buffer (NFT_QUERY_MAX bytes, aligned to 8). */
#define NFT_QUERY_MAX 512
struct nlmsghdr *nft_query_begin(char *buffer, uint16_t type, uint16_t flags);

/* The key as the set holds it: n bytes of an address. */
const uint8_t *nft_key(enum set_id set, const struct addr *addr, uint16_t *ret_n);
