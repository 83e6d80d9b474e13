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
	return (unsigned char)c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
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

/* rare: see find_by() */
static struct slice first_value(struct slice text, struct slice label, size_t rare)
{
	const char *at = find_by(text, label, rare);
	return at ? value_at(text, at, label) : SLICE_NULL;
}

static struct slice trim(struct slice text)
{
	while (text.n && is_space(*text.p))
		text = slice_skip(text, 1);
	while (text.n && is_space(text.p[text.n - 1]))
		text.n--;
	return text;
}

/* The account's name: all that is between two labels, as names may have blanks. */
static struct slice read_user(struct slice text, struct slice section)
{
	static const struct slice name = {"Account Name:", 13}, domain = {"Account Domain:", 15};
	const char *end = text.p + text.n, *at = find_by(text, section, section.n - 2);
	at = at ? find_by(slice_between(at, end), name, 8) : NULL;
	if (!at)
		return SLICE_NULL;
	text = slice_between(at + name.n, end);
	end = find_by(text, domain, 8);
	struct slice user = end ? trim(slice_between(text.p, end)) : SLICE_NULL;
	return user.n && !slice_eq(user, SLICE("-")) ? user : SLICE_NULL;
}

/* The last address and the last port, in one way back from the end. */
static struct source read_source(struct slice text)
{
	static const struct slice source = {"Source ", 7};
	static const struct slice address = {"Network Address:", 16}, port = {"Port:", 5};
	struct slice host = SLICE_NULL, number = SLICE_NULL, rest = text;
	for (const char *at; !host.p && (at = find_last(rest, source));
		rest.n = (size_t)(at - rest.p)) {
		struct slice label = slice_between(at + source.n, text.p + text.n);
		if (slice_starts(label, address))
			host = value_at(label, label.p, address);
		else if (!number.p && slice_starts(label, port))
			number = value_at(label, label.p, port);
	}
	struct source s = source_of(host);
	uint32_t value = 0;
	if (cut_number(&number, &value) && value <= UINT16_MAX)
		s.port = (uint16_t)value;
	return s;
}

/* What is behind the type may be the client's words; in front of it all are the server's. */
static bool read_logon(struct slice text, struct slice section, struct windows_event *e)
{
	static const struct slice type = {"Logon Type:", 11};
	const char *at = find_by(text, type, 6);
	struct slice number = at ? value_at(text, at, type) : SLICE_NULL;
	if (!cut_number(&number, &e->logon_type))
		return false;
	text = slice_between(at, text.p + text.n);
	e->source = read_source(text);
	e->user = read_user(text, section);
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
	struct slice client = first_value(text, SLICE(" from client "), 1);
	(void)cut_end(&client, SLICE("."));
	e->source = source_with_port(client);
	return true;
}

/* "… with an IP address of 192.0.2.1 failed because the user name or password is not correct." */
static bool read_refused(struct slice text, struct windows_event *e)
{
	e->source = source_of(first_value(text, SLICE(" with an IP address of "), 9));
	return find_by(text, SLICE(" failed because the user name or password is not correct"), 1);
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
static enum said skip_snare(struct slice *text)
{
	struct slice rest = *text;
	uint32_t id;
	for (int i = 0; i < 4; i++) {
		const char *tab = rest.n ? memchr(rest.p, '\t', rest.n) : NULL;
		if (!tab)
			return SAID_UNKNOWN;
		rest = slice_between(tab + 1, rest.p + rest.n);
	}
	if (!cut_number(&rest, &id))
		return SAID_UNKNOWN;
	const struct kind *k = find_kind(id);
	const char *p = k ? memmem(rest.p, rest.n, k->opening.p, k->opening.n) : NULL;
	if (p)
		*text = slice_between(p, rest.p + rest.n);
	return p ? SAID_LOGIN : k ? SAID_UNKNOWN : SAID_NOTHING;
}

/* "4625: AUDIT_FAILURE " of EventLog-to-Syslog, or Snare's fields. SAID_LOGIN: may be one of ours.
 */
static enum said skip_front(struct slice *text)
{
	struct slice rest = *text;
	uint32_t number;
	if (!cut_number(&rest, &number))
		return SAID_LOGIN;
	if (slice_starts(rest, SLICE("\t")))
		return skip_snare(text);
	const char *blank = memmem(rest.p, rest.n, "_FAILURE ", 9);
	if (!blank)
		blank = memmem(rest.p, rest.n, "_SUCCESS ", 9);
	if (!find_kind(number))
		return SAID_NOTHING;
	if (!slice_starts(rest, SLICE(": AUDIT_")) || !blank)
		return SAID_UNKNOWN;
	*text = slice_between(blank + 9, rest.p + rest.n);
	return SAID_LOGIN;
}

/* How Windows' other messages begin, in English: in another language none is understood. */
static const char *const known[128] = {
	['A'] = "A \0An \0",
	['B'] = "Boundary \0",
	['C'] = "Certificate \0Code integrity \0Credential Manager \0Cryptographic \0",
	['D'] = "Domain Policy \0",
	['I'] = "IPsec \0",
	['K'] = "Kerberos \0Key \0",
	['N'] = "Network \0",
	['P'] = "Per User \0",
	['R'] = "RDP \0",
	['S'] = "SID \0Special \0System \0",
	['T'] = "TCP \0The \0",
	['U'] = "User \0",
	['V'] = "Vault \0",
	['W'] = "Windows \0",
};

enum said windows_read_text(struct slice text, struct windows_event *ret)
{
	enum said front = skip_front(&text);
	if (front != SAID_LOGIN)
		return front;
	for (size_t i = 0; i < countof(kinds); i++) {
		if (!cut_start(&text, kinds[i].opening))
			continue;
		*ret = (struct windows_event){.id = kinds[i].id};
		return kinds[i].read(text, ret) ? SAID_LOGIN : SAID_UNKNOWN;
	}
	return starts_like_any(text, known) ? SAID_NOTHING : SAID_UNKNOWN;
}
