/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <stdio.h>

bool addr_parse_v4(const char *p, size_t n, uint32_t *ret)
{
	const char *end = p + n;
	uint32_t address = 0;

	for (int octet = 0; octet < 4; octet++) {
		unsigned value = 0, digits = 0;
		while (p < end && (unsigned)(*p - '0') <= 9 && digits < 3) {
			value = value * 10 + (unsigned)(*p++ - '0');
			digits++;
		}
		/* "010" is eight to some and ten to others: not an address */
		if (digits == 0 || value > 255 || (digits > 1 && p[-(int)digits] == '0'))
			return false;
		address = address << 8 | value;
		if (octet < 3 && (p == end || *p++ != '.'))
			return false;
	}
	if (p != end)
		return false;
	*ret = address;
	return true;
}

bool addr_parse(struct slice text, struct addr *ret)
{
	uint32_t v4;
	if (text.n >= 7 && text.n <= 15 && addr_parse_v4(text.p, text.n, &v4)) {
		*ret = addr_from_v4(v4);
		return true;
	}
	if (text.n < 2 || text.n >= INET6_ADDRSTRLEN || !memchr(text.p, ':', text.n))
		return false;
	char copy[INET6_ADDRSTRLEN];
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (memchr(text.p, '\0', text.n))
		return false;
	return inet_pton(AF_INET6, copy, ret->b) == 1;
}

bool prefix_parse(struct slice text, struct prefix *ret)
{
	const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	struct addr a;
	if (!addr_parse(slash ? slice_between(text.p, slash) : text, &a))
		return false;
	unsigned len = 128;
	if (slash) {
		struct slice bits = slice_skip(text, (size_t)(slash + 1 - text.p));
		if (bits.n < 1 || bits.n > 3 || (bits.n > 1 && bits.p[0] == '0'))
			return false;
		len = 0;
		for (size_t i = 0; i < bits.n; i++) {
			if (bits.p[i] < '0' || bits.p[i] > '9')
				return false;
			len = len * 10 + (unsigned)(bits.p[i] - '0');
		}
		bool dotted = !memchr(text.p, ':', text.n);
		if (len > (dotted ? 32u : 128u))
			return false;
		if (dotted)
			len += 96;
	}
	*ret = prefix_of(&a, len);
	return true;
}

const char *addr_format(const struct addr *a, char text[static ADDR_TEXT_MAX])
{
	if (addr_is_v4(a))
		(void)inet_ntop(AF_INET, a->b + 12, text, ADDR_TEXT_MAX);
	else
		(void)inet_ntop(AF_INET6, a->b, text, ADDR_TEXT_MAX);
	return text;
}

const char *prefix_format(const struct prefix *p, char text[static PREFIX_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];
	addr_format(&p->addr, host);
	if (p->len == 128)
		(void)snprintf(text, PREFIX_TEXT_MAX, "%s", host);
	else if (addr_is_v4(&p->addr) && p->len >= 96)
		(void)snprintf(text, PREFIX_TEXT_MAX, "%s/%u", host, p->len - 96u);
	else
		(void)snprintf(text, PREFIX_TEXT_MAX, "%s/%u", host, (unsigned)p->len);
	return text;
}

struct addr addr_mask(const struct addr *a, unsigned len)
{
	struct addr out = *a;
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = len > i * 8 ? MIN_OF(len - i * 8, 8u) : 0;
		out.b[i] = (uint8_t)(out.b[i] & (0xff00u >> bits));
	}
	return out;
}

struct prefix prefix_of(const struct addr *a, unsigned len)
{
	return (struct prefix){.addr = addr_mask(a, len), .len = (uint8_t)len};
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;
	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.b[whole] ^ a->b[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_has(a, &b->addr) : prefix_has(b, &a->addr);
}

bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_eq(&a->addr, &b->addr);
}

bool addr_from_sockaddr(const void *sockaddr, struct addr *ret, uint16_t *ret_port)
{
	sa_family_t family;
	memcpy(&family, sockaddr, sizeof(family));
	if (family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sockaddr, sizeof(in));
		*ret = addr_from_v4(ntohl(in.sin_addr.s_addr));
		if (ret_port)
			*ret_port = ntohs(in.sin_port);
		return true;
	}
	if (family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sockaddr, sizeof(in6));
		memcpy(ret->b, &in6.sin6_addr, 16);
		if (ret_port)
			*ret_port = ntohs(in6.sin6_port);
		return true;
	}
	return false;
}
