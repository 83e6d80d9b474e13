/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/format/sshd_peer.h"

static inline bool is_digit(char c)
{
	return (unsigned)(c - '0') <= 9;
}

/* One word as an address; "fe80::1%eth0" is fe80::1. */
static bool read_host(struct slice word, struct addr *ret)
{
	uint32_t v4;
	if (word.n <= 15 && addr_parse_v4(word.p, word.n, &v4)) {
		*ret = addr_from_v4(v4);
		return true;
	}
	const char *zone = word.n ? memchr(word.p, '%', word.n) : NULL;
	if (zone && memchr(word.p, ':', word.n))
		word = slice_between(word.p, zone);
	return addr_parse(word, ret);
}

/* Cuts " port N" off the end of text; 0 and uncut when there is none. */
static uint16_t cut_port(struct slice *text)
{
	static const struct slice port = {" port ", 6};
	size_t n = text->n;
	unsigned value = 0, weight = 1;
	while (n && text->n - n < 5 && is_digit(text->p[n - 1])) {
		value += weight * (unsigned)(text->p[--n] - '0');
		weight *= 10;
	}
	struct slice head = {text->p, n};
	if (n == text->n || value > UINT16_MAX || !slice_ends(head, port))
		return 0;
	text->n = n - port.n;
	return (uint16_t)value;
}

/* Cuts " ssh1" or " ssh2" off the end. */
static bool cut_protocol(struct slice *text)
{
	if (text->n < 5 || !is_digit(text->p[text->n - 1]) ||
		memcmp(text->p + text->n - 5, " ssh", 4) != 0)
		return false;
	text->n -= 5;
	return true;
}

/* Fills *ret in place: this runs for nearly every line, and copies cost. */
bool peer_last(struct slice text, struct peer *ret)
{
	ret->port = cut_port(&text);
	size_t n = text.n;
	while (n && text.p[n - 1] != ' ')
		n--;
	ret->before = (struct slice){text.p, n ? n - 1 : 0};
	ret->after = SLICE_NULL;
	ret->literal = n < text.n && read_host(slice_skip(text, n), &ret->addr);
	return n < text.n;
}

bool peer_at_end(struct slice text, struct peer *ret)
{
	(void)cut_protocol(&text);
	if (!peer_last(text, ret))
		return false;
	struct slice *before = &ret->before;
	/* an empty name leaves "… user  from": its blank is part of what was in front */
	if (before->n < 4 || memcmp(before->p + before->n - 4, "from", 4) != 0 ||
		(before->n > 4 && before->p[before->n - 5] != ' '))
		return false;
	before->n -= before->n > 4 ? 5 : 4;
	return true;
}

bool peer_at_front(struct slice text, struct peer *ret)
{
	size_t n = 0;
	while (n < text.n && text.p[n] != ' ')
		n++;
	struct slice word = {text.p, n};
	struct peer peer = {.before = {text.p, 0}};
	if (word.n && word.p[word.n - 1] == ':')
		word.n--; /* "1.2.3.4: 11: Bye" */
	if (word.n == 0)
		return false;
	peer.literal = read_host(word, &peer.addr);
	peer.after = slice_skip(text, word.n);
	if (slice_starts(peer.after, SLICE(" port "))) {
		size_t i = 6;
		unsigned port = 0;
		while (i < peer.after.n && i < 11 && is_digit(peer.after.p[i]))
			port = port * 10 + (unsigned)(peer.after.p[i++] - '0');
		if (i > 6 && port <= UINT16_MAX) {
			peer.port = (uint16_t)port;
			peer.after = slice_skip(peer.after, i);
		}
	}
	*ret = peer;
	return true;
}

/* Takes one more reading: false once two readings name different peers. */
static bool agree(struct peer *sum, bool first, const struct peer *reading)
{
	if (first)
		*sum = *reading;
	else if (sum->literal != reading->literal || sum->port != reading->port ||
		 (sum->literal && !addr_eq(&sum->addr, &reading->addr)))
		sum->literal = false;
	return first || sum->literal;
}

static inline bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/*
 * " RSA SHA256:…" and nothing more: sshd's words about a plain key. About
 * certificates and hosts it says more behind, which ends in a blank's or a
 * quote's company; so where this is the end, it is sshd's.
 */
static bool is_plain_key(struct slice text)
{
	const char *blank =
		text.n > 2 && text.p[0] == ' ' ? memchr(text.p + 1, ' ', text.n - 1) : NULL;
	if (!blank)
		return false;
	struct slice type = slice_between(text.p + 1, blank);
	struct slice key = slice_between(blank + 1, text.p + text.n);
	for (size_t i = 0; i < type.n; i++)
		if (!is_alnum(type.p[i]) && type.p[i] != '-')
			return false;
	for (size_t i = 0; i < key.n; i++)
		if (!is_alnum(key.p[i]) && key.p[i] != '+' && key.p[i] != '/' && key.p[i] != '=' &&
			key.p[i] != ':')
			return false;
	return type.n && key.n >= 16 && memchr(key.p, ':', key.n);
}

bool peer_of_attempt(struct slice text, struct peer *ret)
{
	struct slice head = text;
	if (cut_protocol(&head) && peer_at_end(text, ret))
		return true;
	bool found = false, agreed = true;
	struct peer sum = {0}, reading;
	const char *p = text.p, *end = text.p + text.n;
	while (p < end && (p = memmem(p, (size_t)(end - p), " ssh", 4))) {
		p += 4;
		if (end - p < 2 || !is_digit(p[0]) || p[1] != ':' ||
			!peer_at_end(slice_between(text.p, p + 1), &reading))
			continue;
		if (is_plain_key(slice_between(p + 2, end))) {
			*ret = reading;
			return true;
		}
		agreed = agree(&sum, !found, &reading) && agreed;
		found = true;
	}
	if (!found)
		return peer_at_end(text, ret);
	sum.literal = sum.literal && agreed;
	*ret = sum;
	return true;
}

bool peer_before(struct slice text, struct slice mark, struct peer *ret)
{
	bool found = false, agreed = true;
	struct peer sum = {0}, reading;
	const char *p = text.p, *end = text.p + text.n;
	while (p < end && (p = memmem(p, (size_t)(end - p), mark.p, mark.n))) {
		if (peer_last(slice_between(text.p, p), &reading)) {
			agreed = agree(&sum, !found, &reading) && agreed;
			found = true;
		}
		p += mark.n;
	}
	if (!found)
		return false;
	sum.literal = sum.literal && agreed;
	*ret = sum;
	return true;
}
