/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nf_tables works through a batch inside sendmsg(2), so its answers lie in the
 * socket when sendmsg returns: a change is one round trip. The kernel answers every
 * message it refuses. Elements in a row share a message, which saves half of its work;
 * those of a refused one are tried again, each by itself: so one bad element is
 * found and cannot hide the others.
 */
#include "enforce/nft.h"

#include "base/clock.h"
#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_SIZE (256 << 20)
/* A batch's memory that is kept for the next. */
#define BATCH_KEEP ((size_t)1 << 20)
/* Each round settles all that the one before was refused for. */
#define ROUNDS_MAX 16
/* Elements of one message: ranges of v6 with all they can have fit into BATCH_MESSAGE_MAX. */
#define PACK_MAX 32

static bool name_valid(const char *name)
{
	size_t n = strlen(name);
	return n > 0 && n <= NFT_TABLE_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
		       n;
}

int nft_open(struct nft *nft, const char *table)
{
	*nft = (struct nft){.seq = (uint32_t)clock_now()};
	if (!name_valid(table))
		return -EINVAL;
	memcpy(nft->table, table, strlen(table) + 1);
	nft->received = malloc(NFT_RECEIVE_SIZE);
	if (!nft->received)
		return -ENOMEM;
	nft->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nft->socket || mnl_socket_bind(nft->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	nft->portid = mnl_socket_get_portid(nft->socket);
	int fd = mnl_socket_get_fd(nft->socket), size = BUFFER_SIZE, one = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	/* answers without a copy of what they answer */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

void nft_done(struct nft *nft)
{
	if (nft->socket)
		(void)mnl_socket_close(nft->socket);
	batch_done(&nft->batch);
	free(nft->received);
	*nft = (struct nft){0};
}

const uint8_t *nft_key(enum set_id set, const struct addr *addr, uint16_t *ret_n)
{
	*ret_n = set_specs[set].v4 ? 4 : 16;
	return addr->b + (16 - *ret_n);
}

static void put_key(struct nlmsghdr *nlh, enum set_id set, const struct addr *addr)
{
	uint16_t n;
	const uint8_t *key = nft_key(set, addr, &n);
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, n, key);
	mnl_attr_nest_end(nlh, nest);
}

/* The comment `nft list` shows: type, length, text with its NUL. */
static void put_comment(struct nlmsghdr *nlh, int64_t record)
{
	char tlv[2 + 24] = {NFTNL_UDATA_SET_ELEM_COMMENT};
	int n = snprintf(tlv + 2, sizeof(tlv) - 2, "%lld", (long long)record);
	tlv[1] = (char)(n + 1);
	mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, (size_t)n + 3, tlv);
}

static void put_start(struct nlmsghdr *nlh, const struct entry *e, bool add)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	put_key(nlh, (enum set_id)e->set, &e->first);
	/* what the kernel itself remembered has the set's timeout */
	bool ordered = e->set < SET_ORDERED;
	if (add && e->expires != ENFORCE_FOREVER) {
		int64_t left = MAX_OF(e->expires - clock_now(), 1);
		mnl_attr_put_u64(nlh, ordered ? NFTA_SET_ELEM_TIMEOUT : NFTA_SET_ELEM_EXPIRATION,
			__builtin_bswap64((uint64_t)left));
	}
	if (add && ordered)
		put_comment(nlh, e->record);
	mnl_attr_nest_end(nlh, nest);
}

/* A range ends where the next address is outside; one up to the very last has no end. */
static void put_end(struct nlmsghdr *nlh, const struct entry *e)
{
	struct addr end = e->last;
	int i = 15, first = set_specs[e->set].v4 ? 12 : 0;
	while (i >= first && ++end.b[i] == 0)
		i--;
	if (i < first)
		return;
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	put_key(nlh, (enum set_id)e->set, &end);
	mnl_attr_nest_end(nlh, nest);
}

enum verb { TAKE_OUT, PUT_IN, HAVE };

/*
 * One message for the elements of changes[0..n), all of one set.
 *
 * HAVE puts in what is not there: with it, taking out and replacing need not know.
 * A transaction that fails costs the kernel milliseconds (it waits for RCU), this
 * microseconds. PUT_IN refuses what is there: kernels before 6.12 would silently
 * keep the old timeout.
 */
static void put_elements(
	struct nft *nft, const struct change *changes, size_t n, enum verb verb, uint32_t owner)
{
	static const struct {
		uint16_t type, flags;
	} verbs[] = {
		[TAKE_OUT] = {NFT_MSG_DELSETELEM, 0},
		[PUT_IN] = {NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL},
		[HAVE] = {NFT_MSG_NEWSETELEM, NLM_F_CREATE},
	};
	const struct set_spec *set = &set_specs[changes->entry.set];
	struct nlmsghdr *nlh =
		batch_message(&nft->batch, verbs[verb].type, verbs[verb].flags, owner);
	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nft->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++) {
		put_start(nlh, &changes[i].entry, verb == PUT_IN);
		if (set->interval)
			put_end(nlh, &changes[i].entry);
	}
	mnl_attr_nest_end(nlh, nest);
}

/* What a transaction came to. */
struct outcome {
	struct change *changes;
	bool acknowledged, overrun;
	size_t refused;
	int whole; /* the transaction as such: 0 or -errno */
};

/* An owner is the (first) change's index and which of its two messages. */
static uint32_t owner_of(size_t index, bool add)
{
	return (uint32_t)index * 2 + add;
}

/* Which of them was refused is not known. In a hash set the answer need not be awaited. */
static void unpack(struct change *first)
{
	for (struct change *c = first; c < first + first->packed; c++) {
		c->alone = true;
		if (!set_specs[c->entry.set].interval)
			c->del = c->unsure = true;
	}
}

static void refuse(struct outcome *o, uint32_t owner, int error)
{
	if (owner == BATCH_NOBODY) {
		o->whole = error;
		return;
	}
	struct change *c = &o->changes[owner / 2];
	bool add = owner % 2;
	o->refused++;
	if (c->packed)
		unpack(c);
	else if (!add && !c->unsure && error == -ENOENT)
		c->del = false; /* it ran out by itself */
	else if (add && error == -EEXIST && !c->del)
		c->del = true; /* replace it */
	else
		c->error = error;
}

static void note(struct outcome *o, const struct batch *b, const struct nlmsghdr *nlh)
{
	uint32_t at = nlh->nlmsg_seq - b->first;
	if (nlh->nlmsg_type != NLMSG_ERROR || at >= b->seq - b->first ||
		mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
		return;
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	if (e->error == 0)
		o->acknowledged = true;
	else if (at == 0 || at > b->owner_n)
		o->whole = e->error;
	else
		refuse(o, b->owner[at - 1], e->error);
}

static void collect(struct nft *nft, struct outcome *o)
{
	for (;;) {
		ssize_t r = recv(mnl_socket_get_fd(nft->socket), nft->received, NFT_RECEIVE_SIZE,
			MSG_DONTWAIT);
		if (r < 0 && errno == ENOBUFS)
			o->overrun = true;
		else if (r < 0 && errno != EINTR)
			return;
		int left = (int)r;
		for (const struct nlmsghdr *nlh = (const void *)nft->received;
			r > 0 && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			note(o, &nft->batch, nlh);
	}
}

/* 0 done, 1 some messages were refused and nothing was done, or -errno. */
static int commit(struct nft *nft, struct change *changes)
{
	struct batch *b = &nft->batch;
	int r = batch_end(b);
	if (r < 0)
		return r;
	nft->seq = b->seq;
	if (mnl_socket_sendto(nft->socket, b->p, b->n) < 0)
		return -errno;
	struct outcome o = {.changes = changes};
	collect(nft, &o);
	if (o.whole)
		return o.whole;
	if (o.overrun)
		return -ENOBUFS;
	if (o.refused)
		return 1;
	return o.acknowledged ? 0 : -EIO;
}

/* A group falls with any of its changes. */
static void spread_errors(struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!changes[i].error)
			continue;
		for (size_t j = i; j-- > 0 && changes[j].group == changes[i].group;)
			changes[j].error = changes[i].error;
		for (size_t j = i + 1; j < n && changes[j].group == changes[i].group; j++)
			changes[j].error = changes[i].error;
	}
}

/* How many, from the first on, can share a message. */
static size_t pack(const struct change *changes, size_t n)
{
	size_t k = 1;
	while (k < MIN_OF(n, (size_t)PACK_MAX) && !changes[k].error && !changes[k].alone &&
		!changes[k].unsure && changes[k].entry.set == changes->entry.set &&
		changes[k].del == changes->del && changes[k].add == changes->add)
		k++;
	return k;
}

/* The messages of the change at i, and of those after it that share them: how many. */
static size_t put_changes(struct nft *nft, struct change *changes, size_t i, size_t n)
{
	struct change *c = &changes[i];
	size_t k = c->alone || c->unsure ? 1 : pack(c, n - i);
	c->packed = (uint8_t)(k > 1 ? k : 0);
	if (c->unsure)
		put_elements(nft, c, k, HAVE, owner_of(i, false));
	if (c->del)
		put_elements(nft, c, k, TAKE_OUT, owner_of(i, false));
	if (c->add)
		put_elements(nft, c, k, PUT_IN, owner_of(i, true));
	return k;
}

static int attempt(struct nft *nft, struct change *changes, size_t n, const struct nft_head *head)
{
	struct batch *b = &nft->batch;
	batch_begin(b, nft->seq);
	if (head)
		head->put(nft, b, head->ctx);
	for (size_t i = 0; i < n;)
		i += changes[i].error ? 1 : put_changes(nft, changes, i, n);
	int r = b->owner_n == 0 && !b->error ? 0 : commit(nft, changes);
	if (b->size > BATCH_KEEP)
		batch_done(b);
	return r;
}

static void fail(struct change *changes, size_t n, int error)
{
	for (size_t i = 0; i < n; i++)
		if (!changes[i].error)
			changes[i].error = error;
}

/* Errors that a smaller transaction may not meet. */
static bool too_big(int error)
{
	return error == -ENOBUFS || error == -ENOMEM || error == -EMSGSIZE;
}

/* The middle, moved so that no group is cut in two. */
static size_t middle_of(const struct change *changes, size_t n)
{
	size_t middle = n / 2;
	while (middle > 0 && changes[middle].group == changes[middle - 1].group)
		middle--;
	return middle;
}

int nft_apply(struct nft *nft, struct change *changes, size_t n, const struct nft_head *head)
{
	int r = n > NFT_CHANGES_MAX && !head ? -EMSGSIZE : 1;
	for (int round = 0; r == 1 && round < ROUNDS_MAX; round++) {
		r = attempt(nft, changes, n, head);
		if (r == 1)
			spread_errors(changes, n);
	}
	size_t middle = too_big(r) ? middle_of(changes, n) : 0;
	if (middle > 0) {
		r = nft_apply(nft, changes, middle, head);
		if (r == 0)
			r = nft_apply(nft, changes + middle, n - middle, NULL);
	}
	if (r == 1)
		r = -EIO;
	if (r < 0)
		fail(changes, n, r);
	return r;
}

int nft_transact(struct nft *nft, const struct nft_head *head)
{
	int r = attempt(nft, NULL, 0, head);
	return r == 1 ? -EIO : r;
}

struct nlmsghdr *nft_query_begin(char *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_INET;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* One answer to a query, as it is read. */
struct reading {
	int (*fn)(const struct nlmsghdr *nlh, void *ctx);
	void *ctx;
	uint32_t seq;
	bool complete, interrupted;
	int error;
};

static void read_message(struct reading *rd, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != rd->seq)
		return; /* of a transaction that gave up waiting */
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		rd->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_DONE) {
		rd->complete = true;
	} else if (nlh->nlmsg_type == NLMSG_ERROR) {
		rd->complete = true;
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
			rd->error = -EBADMSG;
		else if (((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error)
			rd->error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
	} else if (!rd->error) {
		rd->error = rd->fn(nlh, rd->ctx);
	}
}

int nft_query(struct nft *nft, struct nlmsghdr *nlh,
	int (*fn)(const struct nlmsghdr *nlh, void *ctx), void *ctx)
{
	struct reading rd = {.fn = fn, .ctx = ctx, .seq = nft->seq++};
	nlh->nlmsg_seq = rd.seq;
	if (mnl_socket_sendto(nft->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (!rd.complete && rd.error != -E2BIG) {
		ssize_t r = mnl_socket_recvfrom(nft->socket, nft->received, NFT_RECEIVE_SIZE);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		int left = (int)r;
		for (const struct nlmsghdr *m = (const void *)nft->received;
			mnl_nlmsg_ok(m, left) && !rd.complete; m = mnl_nlmsg_next(m, &left))
			read_message(&rd, m);
	}
	if (rd.error)
		return rd.error;
	return rd.interrupted ? NFT_E_INTERRUPTED : 0;
}
