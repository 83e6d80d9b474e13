/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/describe.h"

#include "base/util.h"
#include "enforce/object.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

void describe_set(struct buf *text, const struct nftnl_set *s)
{
	buf_printf(text, "set %s flags %x type %u length %u size %u timeout %llu\n",
		nftnl_set_get_str(s, NFTNL_SET_NAME), nftnl_set_get_u32(s, NFTNL_SET_FLAGS),
		nftnl_set_get_u32(s, NFTNL_SET_KEY_TYPE), nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN),
		nftnl_set_get_u32(s, NFTNL_SET_DESC_SIZE),
		(unsigned long long)nftnl_set_get_u64(s, NFTNL_SET_TIMEOUT));
}

void describe_chain(struct buf *text, const struct nftnl_chain *c)
{
	buf_printf(text, "chain %s", nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
	if (nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM))
		buf_printf(text, " %s hook %u priority %d policy %u",
			nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE),
			nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM),
			nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO),
			nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY));
	buf_addc(text, '\n');
}

void describe_rule(struct buf *text, struct nftnl_rule *r)
{
	char line[2048];
	/* what the kernel numbers differs from table to table */
	nftnl_rule_unset(r, NFTNL_RULE_HANDLE);
	nftnl_rule_unset(r, NFTNL_RULE_POSITION);
	if (nftnl_rule_snprintf(line, sizeof(line), r, NFTNL_OUTPUT_DEFAULT, 0) >= 0)
		buf_puts(text, line);
	buf_addc(text, '\n');
}

struct reader {
	const char *table;
	struct buf *text;
};

static int on_set(const struct nlmsghdr *nlh, void *ctx)
{
	struct reader *rd = ctx;
	_cleanup_(setp_free) struct nftnl_set *s = nftnl_set_alloc();
	if (!s)
		return -ENOMEM;
	if (nftnl_set_nlmsg_parse(nlh, s) < 0)
		return -EBADMSG;
	describe_set(rd->text, s);
	return 0;
}

static int on_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct reader *rd = ctx;
	_cleanup_(chainp_free) struct nftnl_chain *c = nftnl_chain_alloc();
	if (!c)
		return -ENOMEM;
	if (nftnl_chain_nlmsg_parse(nlh, c) < 0)
		return -EBADMSG;
	/* the kernel lists the chains of every table */
	if (strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), rd->table) == 0)
		describe_chain(rd->text, c);
	return 0;
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct reader *rd = ctx;
	_cleanup_(rulep_free) struct nftnl_rule *r = nftnl_rule_alloc();
	if (!r)
		return -ENOMEM;
	if (nftnl_rule_nlmsg_parse(nlh, r) < 0)
		return -EBADMSG;
	describe_rule(rd->text, r);
	return 0;
}

int describe_table(struct nft *nft, struct buf *ret_text)
{
	static const struct {
		uint16_t type, table_attribute;
		int (*fn)(const struct nlmsghdr *nlh, void *ctx);
	} parts[] = {
		{NFT_MSG_GETSET, NFTA_SET_TABLE, on_set},
		{NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, on_chain},
		{NFT_MSG_GETRULE, NFTA_RULE_TABLE, on_rule},
	};
	struct reader rd = {.table = nft->table, .text = ret_text};
	for (size_t i = 0; i < countof(parts); i++) {
		char buffer[NFT_QUERY_MAX] __attribute__((aligned(8)));
		struct nlmsghdr *nlh = nft_query_begin(buffer, parts[i].type, NLM_F_DUMP);
		mnl_attr_put_strz(nlh, parts[i].table_attribute, nft->table);
		int r = nft_query(nft, nlh, parts[i].fn, &rd);
		if (r < 0)
			return r;
	}
	return ret_text->error;
}
