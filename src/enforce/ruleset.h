/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table itself: sets, chains and rules, as messages and (describe.h) as text.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "enforce/nft.h"

/*
 * Adds the messages that make the whole table with these NFT_TABLE_F_* flags, and
 * their description to text (NULL allowed).
 */
void ruleset_put(struct nft *nft, struct batch *batch, uint32_t table_flags, struct buf *ret_text);
/* Adds the message that takes the table out, with all it holds. */
void ruleset_put_delete(struct nft *nft, struct batch *batch);
/* Adds the message that makes an orphaned table ours. */
void ruleset_put_claim(struct nft *nft, struct batch *batch, uint32_t table_flags);
