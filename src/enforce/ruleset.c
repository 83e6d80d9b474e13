/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chain `inbound` runs before connection tracking, so one rule covers the host,
 * containers and what is forwarded, established connections too. Neighbour
 * discovery and loopback come before any set: a block of an on-link /64 must not
 * cut the network itself.
 *
 * `refused*` drops, and counts a connection the first time its SYN is seen within
 * SEEN_MS: one connect(2) sends several (127 s of them by default). When `seen` is
 * full the count is lost, never the drop.
 *
 * `outbound` and `forward` look at the direction of the connection: only what we
 * started is refused, or an out-block would be a full block. In `forward` the
 * answers to it are dropped as well; an own socket is told by the reset instead.
 *
 * `mysql` and `rdp` remember whom those services answered (ENFORCE_ANSWERED_MS). A SYN
 * can bear anybody's address, and so can what follows it blindly: only a segment with data that
 * the service itself sends proves a connection, as TCP lets it send none before the
 * other end has proved that it gets our packets. Of MySQL it is the greeting, once a connection,
 * so that who has long been connected is not there; of RDP any, as one connection can
 * try many passwords. Noted where the packet leaves the service, before an address is
 * translated; of a forwarded one the direction says that it is an answer.
 *
 * The registers are those the kernel itself names when it lists a rule.
 */
#include "enforce/ruleset.h"

#include "base/util.h"
#include "enforce/describe.h"
#include "enforce/object.h"
#include "enforce/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/tcp.h>
#include <string.h>

#define SEEN_MS  (130 * MS_SECOND)
#define SEEN_MAX 65536
/* Dumped every few seconds, which costs the kernel quadratic time: 16384 take 25 ms. */
#define HITS_MAX 16384
/* A network of /48 has 65536 /64s: whoever has one cannot fill it. 10 MB at most. */
#define ANSWERED_MAX 131072

#define LOOPBACK_INDEX   1      /* in every network namespace (net/loopback in the kernel) */
#define PRIORITY_INBOUND (-310) /* before raw (-300) and connection tracking (-200) */

/* nft's numbers for the parts of a key, and how it writes several (6 bits each). */
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PORT = 13, TYPE_BITS = 6 };

#define REG32(n) (NFT_REG32_00 + (n))

struct maker {
	struct nft *nft;
	struct batch *batch;
	struct buf *text;
	struct rule rule; /* the one being made */
};

static void tablep_free(struct nftnl_table **t)
{
	if (*t)
		nftnl_table_free(*t);
}

/* Adds an object's message; put writes its attributes. */
static struct nlmsghdr *message(struct maker *m, uint16_t type, uint16_t flags, const void *object)
{
	if (!object)
		m->batch->error = -ENOMEM;
	return batch_message(m->batch, type, flags, BATCH_NOBODY);
}

static void put_table(struct maker *m, uint32_t flags)
{
	static const char comment[] = "made by cordond; changes here are undone";
	char tlv[2 + sizeof(comment)] = {NFTNL_UDATA_TABLE_COMMENT, sizeof(comment)};
	memcpy(tlv + 2, comment, sizeof(comment));

	_cleanup_(tablep_free) struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh = message(m, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, t);
	if (!nlh)
		return;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, m->nft->table);
	nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, flags);
	nftnl_table_set_data(t, NFTNL_TABLE_USERDATA, tlv, sizeof(tlv));
	nftnl_table_nlmsg_build_payload(nlh, t);
}

/* Address, or address and one or two ports. */
static void set_key(struct nftnl_set *s, enum set_id set, unsigned ports)
{
	uint32_t type = set_specs[set].v4 ? TYPE_IPV4 : TYPE_IPV6;
	uint32_t len = set_specs[set].v4 ? 4 : 16;
	for (unsigned i = 0; i < ports; i++) {
		type = type << TYPE_BITS | TYPE_PORT;
		len += 4;
	}
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, len);
}

static void set_counted(struct maker *m, struct nftnl_set *s, enum set_id set)
{
	bool hits = set == SET_HITS4 || set == SET_HITS6;
	set_key(s, set, hits ? 1 : 2);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL);
	nftnl_set_set_u64(s, NFTNL_SET_TIMEOUT, (uint64_t)(hits ? ENFORCE_HITS_MS : SEEN_MS));
	nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, hits ? HITS_MAX : SEEN_MAX);
	if (!hits)
		return;
	struct nftnl_expr *counter = nftnl_expr_alloc("counter");
	if (counter)
		nftnl_set_add_expr(s, counter);
	else
		m->batch->error = -ENOMEM;
}

static void set_answered(struct nftnl_set *s, enum set_id set)
{
	set_key(s, set, 0);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL);
	nftnl_set_set_u64(s, NFTNL_SET_TIMEOUT, ENFORCE_ANSWERED_MS);
	nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, ANSWERED_MAX);
}

static bool is_served(const struct nft *nft, enum enforce_served service)
{
	return nft->ports.of[service][0] != 0;
}

static void put_set(struct maker *m, enum set_id set)
{
	/* nft reads the keys' byte order from here: type, length, 2 = network order */
	static const uint8_t udata[] = {NFTNL_UDATA_SET_KEYBYTEORDER, 4, 2, 0, 0, 0};

	_cleanup_(setp_free) struct nftnl_set *s = nftnl_set_alloc();
	struct nlmsghdr *nlh = message(m, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, s);
	if (!nlh)
		return;
	nftnl_set_set_str(s, NFTNL_SET_TABLE, m->nft->table);
	nftnl_set_set_str(s, NFTNL_SET_NAME, set_specs[set].name);
	nftnl_set_set_u32(s, NFTNL_SET_ID, (uint32_t)set + 1);
	nftnl_set_set_data(s, NFTNL_SET_USERDATA, udata, sizeof(udata));
	if (set < SET_ORDERED) {
		set_key(s, set, 0);
		nftnl_set_set_u32(s, NFTNL_SET_FLAGS,
			NFT_SET_TIMEOUT | (set_specs[set].interval ? NFT_SET_INTERVAL : 0u));
	} else if (set < SET_ANSWERED) {
		set_counted(m, s, set);
	} else {
		set_answered(s, set);
	}
	nftnl_set_nlmsg_build_payload(nlh, s);
	describe_set(m->text, s);
}

struct hook {
	uint32_t number;
	int32_t priority;
};

static void put_chain(struct maker *m, const char *name, const struct hook *hook)
{
	_cleanup_(chainp_free) struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh = message(m, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, c);
	if (!nlh)
		return;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, m->nft->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	if (hook) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook->number);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, hook->priority);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(nlh, c);
	describe_chain(m->text, c);
}

static void put_rule(struct maker *m)
{
	_cleanup_(rulep_free) struct nftnl_rule *r = take(m->rule.made);
	if (m->rule.error)
		m->batch->error = m->rule.error;
	struct nlmsghdr *nlh = message(m, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, r);
	if (!nlh)
		return;
	nftnl_rule_nlmsg_build_payload(nlh, r);
	describe_rule(m->text, r);
}

enum end { SOURCE, DESTINATION };

/* The packet's address of this family into the first register. */
static void load_address(struct maker *m, bool v4, enum end end)
{
	uint32_t len = v4 ? 4 : 16;
	/* RFC 791 3.1: source at 12; RFC 8200 3: source at 8 */
	uint32_t source = v4 ? 12 : 8;
	rule_load(&m->rule, NFT_PAYLOAD_NETWORK_HEADER, source + (end == DESTINATION ? len : 0),
		len, NFT_REG_1);
}

/* Goes on for packets whose address is in the set. */
static void address_in(struct maker *m, enum set_id set, enum end end)
{
	const struct set_spec *spec = &set_specs[set];
	rule_meta_is(&m->rule, NFT_META_NFPROTO, spec->v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	load_address(m, spec->v4, end);
	if (spec->len == 64)
		rule_keep_network64(&m->rule);
	rule_look_up(&m->rule, set, 0);
}

static void accept_loopback(struct maker *m, const char *chain, uint32_t key)
{
	static const uint32_t index = LOOPBACK_INDEX;
	rule_begin(&m->rule, m->nft->table, chain);
	rule_load_meta(&m->rule, key);
	rule_compare(&m->rule, NFT_CMP_EQ, &index, sizeof(index));
	rule_verdict(&m->rule, NF_ACCEPT, NULL);
	put_rule(m);
}

/* RFC 4861: hop limit 255 proves that it comes from this link. */
static void accept_neighbours(struct maker *m, const char *chain)
{
	rule_begin(&m->rule, m->nft->table, chain);
	rule_meta_is(&m->rule, NFT_META_NFPROTO, NFPROTO_IPV6);
	rule_load(&m->rule, NFT_PAYLOAD_NETWORK_HEADER, 7, 1, NFT_REG_1);
	rule_compare_byte(&m->rule, NFT_CMP_EQ, 255);
	rule_meta_is(&m->rule, NFT_META_L4PROTO, IPPROTO_ICMPV6);
	rule_load(&m->rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
	rule_compare_byte(&m->rule, NFT_CMP_GTE, ND_ROUTER_SOLICIT);
	rule_compare_byte(&m->rule, NFT_CMP_LTE, ND_NEIGHBOR_ADVERT);
	rule_verdict(&m->rule, NF_ACCEPT, NULL);
	put_rule(m);
}

static void accept_allowed(struct maker *m, const char *chain, enum end end)
{
	for (enum set_id set = SET_ALLOW4; set <= SET_ALLOW6; set++) {
		rule_begin(&m->rule, m->nft->table, chain);
		address_in(m, set, end);
		rule_verdict(&m->rule, NF_ACCEPT, NULL);
		put_rule(m);
	}
}

/* The key of `seen` (both ports) or `hits` (the destination's) into the registers. */
static void load_connection(struct maker *m, bool v4, bool both, bool network64)
{
	load_address(m, v4, SOURCE);
	if (network64)
		rule_keep_network64(&m->rule);
	uint32_t next = v4 ? 1 : 4;
	uint32_t source = next == 4 ? NFT_REG_2 : REG32(next);
	if (both)
		rule_load(&m->rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, source);
	rule_load(&m->rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, both ? REG32(next + 1) : source);
}

static void put_refused(struct maker *m, const char *chain, bool v4, bool network64)
{
	enum set_id seen = v4 ? SET_SEEN4 : SET_SEEN6, hits = v4 ? SET_HITS4 : SET_HITS6;
	static const uint8_t flags = TH_FIN | TH_SYN | TH_RST | TH_ACK;

	rule_begin(&m->rule, m->nft->table, chain);
	rule_meta_is(&m->rule, NFT_META_L4PROTO, IPPROTO_TCP);
	rule_load(&m->rule, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
	rule_keep_bits(&m->rule, &flags, sizeof(flags));
	rule_compare_byte(&m->rule, NFT_CMP_EQ, TH_SYN);
	rule_meta_is(&m->rule, NFT_META_NFPROTO, v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	load_connection(m, v4, true, false);
	rule_look_up(&m->rule, seen, NFT_LOOKUP_F_INV);
	load_connection(m, v4, true, false);
	rule_remember(&m->rule, seen, NFT_DYNSET_OP_ADD);
	load_connection(m, v4, false, network64);
	rule_remember(&m->rule, hits, NFT_DYNSET_OP_UPDATE);
	put_rule(m);

	rule_begin(&m->rule, m->nft->table, chain);
	rule_verdict(&m->rule, NF_DROP, NULL);
	put_rule(m);
}

static void put_inbound(struct maker *m)
{
	static const struct {
		enum set_id set;
		const char *refused;
	} drops[] = {
		{SET_BLOCK4, "refused4"},
		{SET_NET4, "refused4"},
		{SET_BLOCK64, "refused64"},
		{SET_BLOCK6, "refused6"},
		{SET_NET6, "refused6"},
	};
	accept_loopback(m, "inbound", NFT_META_IIF);
	accept_neighbours(m, "inbound");
	accept_allowed(m, "inbound", SOURCE);
	for (size_t i = 0; i < countof(drops); i++) {
		rule_begin(&m->rule, m->nft->table, "inbound");
		address_in(m, drops[i].set, SOURCE);
		rule_verdict(&m->rule, (uint32_t)NFT_GOTO, drops[i].refused);
		put_rule(m);
	}
}

/* Chain `refuse`: tells the one who started it at once. */
static void put_refuse(struct maker *m)
{
	rule_begin(&m->rule, m->nft->table, "refuse");
	rule_meta_is(&m->rule, NFT_META_L4PROTO, IPPROTO_TCP);
	rule_reject(&m->rule, NFT_REJECT_TCP_RST, 0);
	put_rule(m);

	rule_begin(&m->rule, m->nft->table, "refuse");
	rule_reject(&m->rule, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	put_rule(m);
}

static const enum set_id out_sets[] = {SET_OUT4, SET_OUTNET4, SET_OUT64, SET_OUT6, SET_OUTNET6};

static void refuse_started(struct maker *m, const char *chain)
{
	for (size_t i = 0; i < countof(out_sets); i++) {
		rule_begin(&m->rule, m->nft->table, chain);
		address_in(m, out_sets[i], DESTINATION);
		rule_direction_is(&m->rule, IP_CT_DIR_ORIGINAL);
		rule_verdict(&m->rule, (uint32_t)NFT_GOTO, "refuse");
		put_rule(m);
	}
}

static const struct {
	const char *chain;
	bool greets; /* MySQL's handshake: packet 0, protocol version 10 */
} served[ENFORCE_SERVED] = {[ENFORCE_MYSQL] = {"mysql", true}, [ENFORCE_RDP] = {"rdp", false}};

/* PSH: the kernel sets it at the end of what was written at once. */
static void remember_answered(struct maker *m, enum set_id set)
{
	static const uint8_t flags = TH_SYN | TH_RST | TH_PUSH | TH_ACK, greeting[] = {0, 10};
	const struct set_spec *spec = &set_specs[set];
	enum enforce_served service = element_served(set);

	rule_begin(&m->rule, m->nft->table, served[service].chain);
	rule_meta_is(&m->rule, NFT_META_L4PROTO, IPPROTO_TCP);
	rule_load(&m->rule, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
	rule_keep_bits(&m->rule, &flags, sizeof(flags));
	rule_compare_byte(&m->rule, NFT_CMP_EQ, TH_PUSH | TH_ACK);
	if (served[service].greets) {
		/* behind the packet's length, of three bytes */
		rule_load(&m->rule, NFT_PAYLOAD_INNER_HEADER, 3, sizeof(greeting), NFT_REG_1);
		rule_compare(&m->rule, NFT_CMP_EQ, greeting, sizeof(greeting));
	}
	rule_meta_is(&m->rule, NFT_META_NFPROTO, spec->v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	load_address(m, spec->v4, DESTINATION);
	if (spec->len == 64)
		rule_keep_network64(&m->rule);
	rule_remember(&m->rule, set, NFT_DYNSET_OP_UPDATE);
	put_rule(m);
}

/* What the services send, from this chain to theirs. */
static void note_answers(struct maker *m, const char *chain, bool forwarded)
{
	for (enum enforce_served s = 0; s < ENFORCE_SERVED; s++) {
		for (size_t i = 0; i < ENFORCE_PORTS && m->nft->ports.of[s][i]; i++) {
			uint16_t port = htons(m->nft->ports.of[s][i]);
			rule_begin(&m->rule, m->nft->table, chain);
			rule_meta_is(&m->rule, NFT_META_L4PROTO, IPPROTO_TCP);
			rule_load(&m->rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, NFT_REG_1);
			rule_compare(&m->rule, NFT_CMP_EQ, &port, sizeof(port));
			if (forwarded)
				rule_direction_is(&m->rule, IP_CT_DIR_REPLY);
			rule_verdict(&m->rule, (uint32_t)NFT_JUMP, served[s].chain);
			put_rule(m);
		}
	}
}

static void put_outbound(struct maker *m)
{
	accept_loopback(m, "outbound", NFT_META_OIF);
	note_answers(m, "outbound", false);
	accept_neighbours(m, "outbound");
	accept_allowed(m, "outbound", DESTINATION);
	refuse_started(m, "outbound");
}

static void put_forward(struct maker *m)
{
	note_answers(m, "forward", true);
	accept_allowed(m, "forward", DESTINATION);
	accept_allowed(m, "forward", SOURCE);
	refuse_started(m, "forward");
	for (size_t i = 0; i < countof(out_sets); i++) {
		rule_begin(&m->rule, m->nft->table, "forward");
		address_in(m, out_sets[i], SOURCE);
		rule_direction_is(&m->rule, IP_CT_DIR_REPLY);
		rule_verdict(&m->rule, NF_DROP, NULL);
		put_rule(m);
	}
}

void ruleset_put(struct nft *nft, struct batch *batch, uint32_t table_flags, struct buf *ret_text)
{
	struct buf own = BUF_NULL;
	struct maker m = {.nft = nft, .batch = batch, .text = ret_text ? ret_text : &own};
	put_table(&m, table_flags);
	for (enum set_id set = 0; set < SETS; set++)
		if (set < SET_ANSWERED || is_served(nft, element_served(set)))
			put_set(&m, set);
	put_chain(&m, "refused4", NULL);
	put_chain(&m, "refused6", NULL);
	put_chain(&m, "refused64", NULL);
	put_chain(&m, "refuse", NULL);
	for (enum enforce_served s = 0; s < ENFORCE_SERVED; s++)
		if (is_served(nft, s))
			put_chain(&m, served[s].chain, NULL);
	put_chain(&m, "inbound", &(struct hook){NF_INET_PRE_ROUTING, PRIORITY_INBOUND});
	put_chain(&m, "outbound", &(struct hook){NF_INET_LOCAL_OUT, 0});
	put_chain(&m, "forward", &(struct hook){NF_INET_FORWARD, 0});
	put_refused(&m, "refused4", true, false);
	put_refused(&m, "refused6", false, false);
	put_refused(&m, "refused64", false, true);
	put_refuse(&m);
	for (enum set_id set = SET_ANSWERED; set < SETS; set++)
		if (is_served(nft, element_served(set)))
			remember_answered(&m, set);
	put_inbound(&m);
	put_outbound(&m);
	put_forward(&m);
	buf_done(&own);
}

void ruleset_put_delete(struct nft *nft, struct batch *batch)
{
	struct nlmsghdr *nlh = batch_message(batch, NFT_MSG_DELTABLE, 0, BATCH_NOBODY);
	if (nlh)
		mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, nft->table);
}

void ruleset_put_claim(struct nft *nft, struct batch *batch, uint32_t table_flags)
{
	struct nlmsghdr *nlh = batch_message(batch, NFT_MSG_NEWTABLE, 0, BATCH_NOBODY);
	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, nft->table);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(table_flags));
}
