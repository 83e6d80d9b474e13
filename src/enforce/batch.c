/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/batch.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>

/* Room for one more message of any size. */
static bool reserve(struct batch *b)
{
	if (b->n + BATCH_MESSAGE_MAX <= b->size)
		return true;
	size_t size = MAX_OF(2 * b->size, (size_t)16 * BATCH_MESSAGE_MAX);
	char *p = realloc(b->p, size);
	if (!p) {
		b->error = -ENOMEM;
		return false;
	}
	b->p = p;
	b->size = size;
	return true;
}

/* The message being filled is complete: its bytes count from now on. */
static void settle(struct batch *b)
{
	if (b->last)
		b->n += NLMSG_ALIGN(b->last->nlmsg_len);
	b->last = NULL;
}

static struct nlmsghdr *append(
	struct batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	settle(b);
	if (b->error || !reserve(b))
		return NULL;
	b->last = mnl_nlmsg_put_header(b->p + b->n);
	b->last->nlmsg_type = type;
	b->last->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	b->last->nlmsg_seq = b->seq++;
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(b->last, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(resource);
	return b->last;
}

void batch_begin(struct batch *b, uint32_t seq)
{
	b->n = 0;
	b->owner_n = 0;
	b->error = 0;
	b->last = NULL;
	b->first = b->seq = seq;
	(void)append(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

struct nlmsghdr *batch_message(struct batch *b, uint16_t type, uint16_t flags, uint32_t owner)
{
	if (b->owner_n == b->owner_size) {
		size_t size = MAX_OF(2 * b->owner_size, (size_t)64);
		uint32_t *p = reallocarray(b->owner, size, sizeof(*p));
		if (!p) {
			b->error = -ENOMEM;
			return NULL;
		}
		b->owner = p;
		b->owner_size = size;
	}
	struct nlmsghdr *nlh =
		append(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
	if (nlh)
		b->owner[b->owner_n++] = owner;
	return nlh;
}

int batch_end(struct batch *b)
{
	/* kernels before 6.10 do not acknowledge END itself */
	if (b->last)
		b->last->nlmsg_flags |= NLM_F_ACK;
	(void)append(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	settle(b);
	return b->error;
}

void batch_done(struct batch *b)
{
	free(b->p);
	free(b->owner);
	*b = (struct batch){0};
}
