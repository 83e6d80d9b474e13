/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/rule.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

void rule_begin(struct rule *r, const char *table, const char *chain)
{
	*r = (struct rule){.made = nftnl_rule_alloc()};
	if (!r->made) {
		r->error = -ENOMEM;
		return;
	}
	nftnl_rule_set_u32(r->made, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(r->made, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r->made, NFTNL_RULE_CHAIN, chain);
}

/* A value of an expression; ends with NFTNL_EXPR_NAME. */
struct field {
	uint16_t attribute;
	uint32_t value;
};

static struct nftnl_expr *expression(struct rule *r, const char *name, const struct field *fields)
{
	struct nftnl_expr *e = r->made ? nftnl_expr_alloc(name) : NULL;
	if (!e) {
		r->error = -ENOMEM;
		return NULL;
	}
	for (; fields->attribute != NFTNL_EXPR_NAME; fields++)
		nftnl_expr_set_u32(e, fields->attribute, fields->value);
	nftnl_rule_add_expr(r->made, e);
	return e;
}

#define EXPRESSION(r, name, ...)                                                                   \
	expression(r, name, (const struct field[]){__VA_ARGS__, {NFTNL_EXPR_NAME, 0}})

void rule_load_meta(struct rule *r, uint32_t key)
{
	EXPRESSION(r, "meta", {NFTNL_EXPR_META_KEY, key}, {NFTNL_EXPR_META_DREG, NFT_REG_1});
}

void rule_compare(struct rule *r, uint32_t op, const void *value, uint32_t n)
{
	struct nftnl_expr *e =
		EXPRESSION(r, "cmp", {NFTNL_EXPR_CMP_SREG, NFT_REG_1}, {NFTNL_EXPR_CMP_OP, op});
	if (e)
		nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, n);
}

void rule_compare_byte(struct rule *r, uint32_t op, uint8_t value)
{
	rule_compare(r, op, &value, sizeof(value));
}

void rule_meta_is(struct rule *r, uint32_t key, uint8_t value)
{
	rule_load_meta(r, key);
	rule_compare_byte(r, NFT_CMP_EQ, value);
}

void rule_load(struct rule *r, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	EXPRESSION(r, "payload", {NFTNL_EXPR_PAYLOAD_BASE, base},
		{NFTNL_EXPR_PAYLOAD_OFFSET, offset}, {NFTNL_EXPR_PAYLOAD_LEN, len},
		{NFTNL_EXPR_PAYLOAD_DREG, reg});
}

/* Keeps the bits of mask in the first register. */
void rule_keep_bits(struct rule *r, const void *mask, uint32_t n)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = EXPRESSION(r, "bitwise", {NFTNL_EXPR_BITWISE_SREG, NFT_REG_1},
		{NFTNL_EXPR_BITWISE_DREG, NFT_REG_1}, {NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL},
		{NFTNL_EXPR_BITWISE_LEN, n});
	if (!e)
		return;
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, n);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, n);
}

void rule_keep_network64(struct rule *r)
{
	static const uint8_t mask[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	rule_keep_bits(r, mask, sizeof(mask));
}

/* Goes on when the first register is in the set (or is not, with NFT_LOOKUP_F_INV). */
void rule_look_up(struct rule *r, enum set_id set, uint32_t flags)
{
	struct nftnl_expr *e = EXPRESSION(r, "lookup", {NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1},
		{NFTNL_EXPR_LOOKUP_SET_ID, (uint32_t)set + 1}, {NFTNL_EXPR_LOOKUP_FLAGS, flags});
	if (e)
		nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set_specs[set].name);
}

void rule_remember(struct rule *r, enum set_id set, uint32_t op)
{
	struct nftnl_expr *e = EXPRESSION(r, "dynset", {NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1},
		{NFTNL_EXPR_DYNSET_OP, op}, {NFTNL_EXPR_DYNSET_SET_ID, (uint32_t)set + 1});
	if (!e)
		return;
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set_specs[set].name);
	nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, 0); /* the set's own */
}

void rule_verdict(struct rule *r, uint32_t code, const char *chain)
{
	struct nftnl_expr *e = EXPRESSION(r, "immediate", {NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT},
		{NFTNL_EXPR_IMM_VERDICT, code});
	if (e && chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

void rule_direction_is(struct rule *r, uint8_t direction)
{
	EXPRESSION(r, "ct", {NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION}, {NFTNL_EXPR_CT_DREG, NFT_REG_1});
	rule_compare_byte(r, NFT_CMP_EQ, direction);
}

void rule_reject(struct rule *r, uint32_t type, uint32_t code)
{
	EXPRESSION(r, "reject", {NFTNL_EXPR_REJECT_TYPE, type}, {NFTNL_EXPR_REJECT_CODE, code});
}
