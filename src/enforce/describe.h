/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets, chains and rules as text, the same for what was made and what the kernel holds:
 * so a table that is not as this program would make it is found out.
 */
#pragma once

#include "base/buf.h"
#include "enforce/nft.h"

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

void describe_set(struct buf *text, const struct nftnl_set *s);
void describe_chain(struct buf *text, const struct nftnl_chain *c);
/* Takes out of the rule what the kernel numbers. */
void describe_rule(struct buf *text, struct nftnl_rule *r);
/* Describes what is in the kernel. 0 or -errno. */
int describe_table(struct nft *nft, struct buf *ret_text);
