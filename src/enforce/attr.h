/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Netlink attributes, read: one level at a time, by type.
 */
#pragma once

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <stdint.h>
#include <string.h>

/* Walks the attributes between begin and end. */
#define attr_for_each(attr, begin, end)                                                            \
	for ((attr) = (begin);                                                                     \
		mnl_attr_ok((attr), (int)((const char *)(end) - (const char *)(attr)));            \
		(attr) = mnl_attr_next(attr))

static inline const void *attr_end(const struct nlattr *nest)
{
	return (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);
}

#define attr_for_each_in(attr, nest)                                                               \
	attr_for_each(attr, (const struct nlattr *)mnl_attr_get_payload(nest), attr_end(nest))

/* header: bytes between the netlink header and the first attribute. */
#define attr_for_each_of(attr, nlh, header)                                                        \
	attr_for_each(attr, (const struct nlattr *)mnl_nlmsg_get_payload_offset(nlh, header),      \
		mnl_nlmsg_get_payload_tail(nlh))

struct attrs {
	const struct nlattr *by[32]; /* NULL: not there */
};

static inline void attrs_note(struct attrs *a, const struct nlattr *attr)
{
	uint16_t type = mnl_attr_get_type(attr);
	if (type < sizeof(a->by) / sizeof(a->by[0]))
		a->by[type] = attr;
}

static inline struct attrs attrs_in(const struct nlattr *nest)
{
	struct attrs a = {0};
	const struct nlattr *attr;
	attr_for_each_in(attr, nest) attrs_note(&a, attr);
	return a;
}

static inline struct attrs attrs_of(const struct nlmsghdr *nlh, size_t header)
{
	struct attrs a = {0};
	const struct nlattr *attr;
	if (mnl_nlmsg_get_payload_len(nlh) < header)
		return a;
	attr_for_each_of(attr, nlh, header) attrs_note(&a, attr);
	return a;
}

/* Big-endian numbers; 0 when missing or short. */
static inline uint32_t attr_u32(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) >= 4 ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

static inline uint64_t attr_u64(const struct nlattr *attr)
{
	uint64_t value;
	if (!attr || mnl_attr_get_payload_len(attr) < sizeof(value))
		return 0;
	memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	return be64toh(value);
}
