/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libnftnl's objects free themselves: for _cleanup_(). */
#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

static inline void rulep_free(struct nftnl_rule **r)
{
	if (*r)
		nftnl_rule_free(*r);
}

static inline void setp_free(struct nftnl_set **s)
{
	if (*s)
		nftnl_set_free(*s);
}

static inline void chainp_free(struct nftnl_chain **c)
{
	if (*c)
		nftnl_chain_free(*c);
}
