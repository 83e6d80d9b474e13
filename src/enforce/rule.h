/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One rule in the making, expression by expression, as nf_tables runs them: values
 * go into the first register and are compared, masked or looked up there. Errors
 * stick.
 */
#pragma once

#include "enforce/element.h"

#include <libnftnl/rule.h>
#include <stdbool.h>
#include <stdint.h>

struct rule {
	struct nftnl_rule *made; /* the caller frees it */
	int error;               /* 0 or -ENOMEM */
};

void rule_begin(struct rule *r, const char *table, const char *chain);
/* key: NFT_META_* */
void rule_load_meta(struct rule *r, uint32_t key);
/* len bytes at offset from base (NFT_PAYLOAD_*) into a register. */
void rule_load(struct rule *r, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg);
/* Goes on when the first register compares so (NFT_CMP_*) with n bytes of value. */
void rule_compare(struct rule *r, uint32_t op, const void *value, uint32_t n);
void rule_compare_byte(struct rule *r, uint32_t op, uint8_t value);
void rule_meta_is(struct rule *r, uint32_t key, uint8_t value);
/* Keeps the bits of mask in the first register. */
void rule_keep_bits(struct rule *r, const void *mask, uint32_t n);
void rule_keep_network64(struct rule *r);
/* Goes on when the first register is in the set (is not, with NFT_LOOKUP_F_INV). */
void rule_look_up(struct rule *r, enum set_id set, uint32_t flags);
/* Adds the first register to the set (NFT_DYNSET_OP_*); ends the rule when it is full. */
void rule_remember(struct rule *r, enum set_id set, uint32_t op);
/* Goes on for packets of this direction (IP_CT_DIR_*) of their connection. */
void rule_direction_is(struct rule *r, uint8_t direction);
void rule_verdict(struct rule *r, uint32_t code, const char *chain);
void rule_reject(struct rule *r, uint32_t type, uint32_t code);
