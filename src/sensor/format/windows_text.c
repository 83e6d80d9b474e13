/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows' events as text through syslog (NXLog, Snare, EventLog-to-Syslog): the message
 * Windows shows, with its line breaks turned to blanks or tabs. 4625 reads
 *
 *   An account failed to log on. Subject: Security ID: S-1-0-0 Account Name: - …
 *   Logon Type: 3 Account For Which Logon Failed: … Account Name: bob Account Domain: …
 *   Network Information: Workstation Name: PC1 Source Network Address: 192.0.2.1
 *   Source Port: 50000 Detailed Authentication Information: …
 *
 * The other side chooses the account's name and domain and the workstation's: all
 * behind the first "Logon Type:" and in front of the last "Source Network Address:".
 */
#include "base/util.h"
#include "sensor/format/text.h"
#include "sensor/format/windows.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The text behind `label`, from `at` on, up to the next space; at: where the label begins. */
static struct slice value_at(struct slice text, const char *at, struct slice label)
{
	const char *p = at + label.n, *end = text.p + text.n;
	while (p < end && is_space(*p))
		p++;
	const char *begin = p;
	while (p < end && !is_space(*p))
		p++;
	return slice_between(begin, p);
}

static struct slice first_value(struct slice text, struct slice label)
{
	const char *at = text.n ? memmem(text.p, text.n, label.p, label.n) : NULL;
	return at ? value_at(text, at, label) : SLICE_NULL;
}

static struct slice last_value(struct slice text, struct slice label)
{
	const char *at = find_last(text, label);
	return at ? value_at(text, at, label) : SLICE_NULL;
}

/* The account's name: all that is between two labels, as names may have blanks. */
static struct slice user_of(struct slice text, struct slice section)
{
	static const struct slice name = {"Account Name:", 13}, domain = {"Account Domain:", 15};
	const char *at = memmem(text.p, text.n, section.p, section.n);
	if (!at)
		return SLICE_NULL;
	text = slice_between(at, text.p + text.n);
	at = memmem(text.p, text.n, name.p, name.n);
	if (!at)
		return SLICE_NULL;
	text = slice_between(at + name.n, text.p + text.n);
	const char *end = memmem(text.p, text.n, domain.p, domain.n);
	struct slice user = end ? slice_between(text.p, end) : SLICE_NULL;
	while (user.n && is_space(*user.p))
		user = slice_skip(user, 1);
	while (user.n && is_space(user.p[user.n - 1]))
		user.n--;
	return user.n && !slice_eq(user, SLICE("-")) ? user : SLICE_NULL;
}

static bool read_logon(struct slice text, struct slice section, struct windows_event *e)
{
	struct slice type = first_value(text, SLICE("Logon Type:"));
	struct slice port = last_value(text, SLICE("Source Port:"));
	uint32_t number = 0;
	if (!cut_number(&type, &e->logon_type))
		return false;
	e->source = source_of(last_value(text, SLICE("Source Network Address:")));
	if (cut_number(&port, &number) && number <= UINT16_MAX)
		e->source.port = (uint16_t)number;
	e->user = user_of(text, section);
	return true;
}

static bool read_failed(struct slice text, struct windows_event *e)
{
	return read_logon(text, SLICE("Account For Which Logon Failed:"), e);
}

static bool read_logged_on(struct slice text, struct windows_event *e)
{
	return read_logon(text, SLICE("New Logon:"), e);
}

/* "… from client 192.0.2.1:50000." */
static bool read_connected(struct slice text, struct windows_event *e)
{
	struct slice client = first_value(text, SLICE(" from client "));
	(void)cut_end(&client, SLICE("."));
	e->source = source_with_port(client);
	return true;
}

/* "… with an IP address of 192.0.2.1 failed because the user name or password is not correct." */
static bool read_refused(struct slice text, struct windows_event *e)
{
	e->source = source_of(first_value(text, SLICE(" with an IP address of ")));
	return has(text, SLICE(" failed because the user name or password is not correct"));
}

static const struct kind {
	enum windows_id id;
	struct slice opening;
	bool (*read)(struct slice text, struct windows_event *e);
} kinds[] = {
	{WINDOWS_FAILED, {"An account failed to log on.", 28}, read_failed},
	{WINDOWS_LOGGED_ON, {"An account was successfully logged on.", 38}, read_logged_on},
	{WINDOWS_CONNECTED, {"The server accepted a new TCP connection", 40}, read_connected},
	{WINDOWS_REFUSED, {"A connection from the client computer", 37}, read_refused},
};

static const struct kind *find_kind(uint32_t id)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (kinds[i].id == id)
			return &kinds[i];
	return NULL;
}

/* "1<tab>Security<tab>1234<tab>DATE<tab>4625<tab>…": the number says where the message begins. */
static bool skip_snare(struct slice *text)
{
	struct slice rest = *text;
	uint32_t id;
	for (int i = 0; i < 4; i++) {
		const char *tab = rest.n ? memchr(rest.p, '\t', rest.n) : NULL;
		if (!tab)
			return false;
		rest = slice_between(tab + 1, rest.p + rest.n);
	}
	const struct kind *k = cut_number(&rest, &id) ? find_kind(id) : NULL;
	const char *p = k ? memmem(rest.p, rest.n, k->opening.p, k->opening.n) : NULL;
	if (p)
		*text = slice_between(p, rest.p + rest.n);
	return p != NULL;
}

/* "4625: AUDIT_FAILURE " of EventLog-to-Syslog, or Snare's fields */
static bool skip_front(struct slice *text)
{
	struct slice rest = *text;
	uint32_t number;
	if (!cut_number(&rest, &number))
		return true;
	if (slice_starts(rest, SLICE("\t")))
		return skip_snare(text);
	const char *blank = memmem(rest.p, rest.n, "_FAILURE ", 9);
	if (!blank)
		blank = memmem(rest.p, rest.n, "_SUCCESS ", 9);
	if (!slice_starts(rest, SLICE(": AUDIT_")) || !blank)
		return false;
	*text = slice_between(blank + 9, rest.p + rest.n);
	return true;
}

bool windows_read_text(struct slice text, struct windows_event *ret)
{
	if (!skip_front(&text))
		return false;
	for (size_t i = 0; i < countof(kinds); i++) {
		struct windows_event e = {.id = kinds[i].id};
		if (!cut_start(&text, kinds[i].opening))
			continue;
		if (!kinds[i].read(text, &e))
			return false;
		*ret = e;
		return true;
	}
	return false;
}
