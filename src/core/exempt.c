/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is never blocked, found out from the machine: own addresses and on-link
 * prefixes (rtnetlink, through getifaddrs), default gateways (/proc/net/route,
 * /proc/net/ipv6_route), resolvers (/etc/resolv.conf), the allow-list, and
 * administrators at work: an established connection to the ssh port from an
 * address that root or a member of sudo or wheel logged in from, before the
 * failures began. Log-ins are learnt from the lines themselves and, for those
 * before our time, from utmp(5).
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"
#include "core/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <pwd.h>
#include <sodium/utils.h>
#include <sys/socket.h>
#include <utmp.h>

#define PREFIXES_MAX 1024
#define LOGINS_MAX   256
#define REFUSED_MAX  1024
#define REFRESH_MS   (30 * MS_SECOND)
#define GROUPS_MAX   256
#define USERS_MAX    16
#define USER_KEEP_MS (10 * MS_SECOND)

struct login {
	struct addr from;
	uint16_t port; /* 0: not known */
	int64_t time;
};

/* What the user database said of a name: asking takes longer than reading hundreds of lines. */
struct known_user {
	char name[64];
	bool is_administrator;
	int64_t asked; /* monotonic ms */
};

struct exempt {
	struct core *core;
	struct timer *timer;
	struct watch *watch; /* rtnetlink: an address or a route changed */
	int netlink;
	struct login logins[LOGINS_MAX]; /* of administrators, a ring */
	unsigned login_next;
	struct prefix refused[REFUSED_MAX]; /* already logged, a ring */
	unsigned refused_next, refused_count;
	struct known_user users[USERS_MAX]; /* a ring */
	unsigned user_next;
};

struct prefixes {
	struct prefix list[PREFIXES_MAX];
	unsigned n;
};

static void prefixes_add(struct prefixes *p, const struct addr *a, unsigned len)
{
	if (p->n < PREFIXES_MAX)
		p->list[p->n++] = prefix_of(a, len);
}

static unsigned mask_length(const struct sockaddr *mask, bool v4)
{
	uint8_t bytes[16] = {0};
	unsigned len = 0;
	if (!mask)
		return 128;
	if (v4)
		memcpy(bytes, &((const struct sockaddr_in *)(const void *)mask)->sin_addr, 4);
	else
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr, 16);
	for (unsigned i = 0; i < 16; i++)
		len += (unsigned)__builtin_popcount(bytes[i]);
	return v4 ? len + 96 : len;
}

static bool is_established(const struct exempt *g, const struct login *l)
{
	/* with its own port known the connection is certain, wherever sshd listens */
	uint16_t local = l->port ? 0 : g->core->settings->ports[SERVICE_SSH];
	return sockdiag_established(local, &l->from, l->port) > 0;
}

/*
 * An administrator's /64 is not one source: his neighbour's failures must not cut him
 * off. His own address is judged when a block is decided, see exempt_session(). Who has
 * left is forgotten here, so that the list stays short.
 */
static void narrow_sessions(struct exempt *g, struct prefixes *onlink)
{
	for (unsigned i = 0; i < LOGINS_MAX; i++) {
		struct login *l = &g->logins[i];
		if (l->time == 0)
			continue;
		if (!is_established(g, l))
			*l = (struct login){0};
		else if (!addr_is_v4(&l->from))
			prefixes_add(onlink, &l->from, 64);
	}
}

static void refresh_own(struct exempt *g)
{
	_cleanup_(freep) struct prefixes *own = calloc(1, sizeof(*own));
	_cleanup_(freep) struct prefixes *onlink = calloc(1, sizeof(*onlink));
	struct ifaddrs *all = NULL;
	if (!own || !onlink || getifaddrs(&all) < 0)
		return; /* what was known stays */
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct addr a;
		if (!i->ifa_addr || !addr_from_sockaddr(i->ifa_addr, &a, NULL))
			continue;
		prefixes_add(own, &a, 128);
		unsigned len = mask_length(i->ifa_netmask, addr_is_v4(&a));
		if (!addr_is_v4(&a) && len < 128)
			prefixes_add(onlink, &a, len);
	}
	freeifaddrs(all);
	narrow_sessions(g, onlink);
	(void)protect_set(g->core->protect, PROTECT_OWN, own->list, own->n);
	(void)protect_set_onlink(g->core->protect, onlink->list, onlink->n);
}

/* The n-th word of a line (0 the first), which is changed; "" when there is none. */
static char *word(char *line, unsigned n)
{
	char *rest = NULL, *found = strtok_r(line, " \t\n", &rest);
	while (found && n-- > 0)
		found = strtok_r(NULL, " \t\n", &rest);
	return found ? found : line + strlen(line);
}

static bool read_hex(const char *text, uint8_t *ret, size_t size)
{
	size_t n = 0;
	return sodium_hex2bin(ret, size, text, strlen(text), NULL, &n, NULL) == 0 && n == size;
}

/*
 * "eth0 00000000 0101A8C0 …": interface, destination, gateway, each an address as the
 * machine reads four bytes of memory.
 */
static void gateways_v4(struct prefixes *out)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/net/route", "re");
	char line[256], again[256];
	while (f && fgets(line, sizeof(line), f)) {
		memcpy(again, line, sizeof(again));
		if (strcmp(word(line, 1), "00000000") != 0)
			continue;
		struct addr a = addr_from_v4(ntohl((uint32_t)strtoul(word(again, 2), NULL, 16)));
		if (a.b[12] != 0)
			prefixes_add(out, &a, 128);
	}
}

/* "00…00 00 00…00 00 fe80…01 …": destination, length, source, length, next hop. */
static void gateways_v6(struct prefixes *out)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/net/ipv6_route", "re");
	char line[256], again[256];
	while (f && fgets(line, sizeof(line), f)) {
		static const struct addr none;
		struct addr a;
		memcpy(again, line, sizeof(again));
		if (strcmp(word(line, 1), "00") == 0 &&
			read_hex(word(again, 4), a.b, sizeof(a.b)) && !addr_eq(&a, &none))
			prefixes_add(out, &a, 128);
	}
}

static void refresh_gateways(struct exempt *g)
{
	_cleanup_(freep) struct prefixes *found = calloc(1, sizeof(*found));
	if (!found)
		return;
	gateways_v4(found);
	gateways_v6(found);
	(void)protect_set(g->core->protect, PROTECT_GATEWAY, found->list, found->n);
}

static void refresh_resolvers(struct exempt *g)
{
	_cleanup_(fclosep) FILE *f = fopen("/etc/resolv.conf", "re");
	_cleanup_(freep) struct prefixes *found = calloc(1, sizeof(*found));
	char line[512], text[64];
	if (!f || !found)
		return;
	while (fgets(line, sizeof(line), f)) {
		struct addr a;
		if (sscanf(line, " nameserver %63s", text) != 1)
			continue;
		text[strcspn(text, "%")] = '\0'; /* fe80::1%eth0 */
		if (addr_parse(slice_of(text), &a))
			prefixes_add(found, &a, 128);
	}
	(void)protect_set(g->core->protect, PROTECT_RESOLVER, found->list, found->n);
}

void exempt_refresh(struct exempt *g)
{
	refresh_own(g);
	refresh_gateways(g);
	refresh_resolvers(g);
	timer_set(g->timer, REFRESH_MS);
}

static void on_timer(void *ctx)
{
	exempt_refresh(ctx);
}

static void on_netlink(void *ctx, unsigned ready)
{
	struct exempt *g = ctx;
	char ignored[8192];
	(void)ready;
	while (recv(g->netlink, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
		;
	timer_set(g->timer, 50); /* changes come in bursts */
}

static int watch_changes(struct exempt *g)
{
	g->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct sockaddr_nl me = {.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			     RTMGRP_IPV6_ROUTE};
	if (g->netlink < 0 || bind(g->netlink, (struct sockaddr *)&me, sizeof(me)) < 0)
		return -errno;
	g->watch = watch_new(g->core->loop, g->netlink, WATCH_READ, on_netlink, g);
	return g->watch ? 0 : -ENOMEM;
}

static bool ask_administrator(const char *user)
{
	const struct passwd *pw = getpwnam(user);
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;
	if (!pw)
		return false;
	if (pw->pw_uid == 0)
		return true;
	if (getgrouplist(user, pw->pw_gid, groups, &n) < 0)
		n = MIN_OF(n, GROUPS_MAX);
	for (int i = 0; i < n; i++) {
		const struct group *gr = getgrgid(groups[i]);
		if (gr && (strcmp(gr->gr_name, "sudo") == 0 || strcmp(gr->gr_name, "wheel") == 0))
			return true;
	}
	return false;
}

static bool is_administrator(struct exempt *g, const char *user)
{
	int64_t now = clock_mono();
	for (unsigned i = 0; i < USERS_MAX; i++) {
		const struct known_user *u = &g->users[i];
		if (u->name[0] && now - u->asked < USER_KEEP_MS && strcmp(u->name, user) == 0)
			return u->is_administrator;
	}
	struct known_user *u = &g->users[g->user_next++ % USERS_MAX];
	(void)snprintf(u->name, sizeof(u->name), "%s", user);
	u->asked = now;
	u->is_administrator = ask_administrator(user);
	return u->is_administrator;
}

static void remember_login(struct exempt *g, const struct addr *from, uint16_t port, int64_t time)
{
	g->logins[g->login_next++ % LOGINS_MAX] =
		(struct login){.from = *from, .port = port, .time = time};
}

void exempt_login(struct exempt *g, const struct event *event)
{
	char user[64];
	if (event->service != SERVICE_SSH || !event->has_user || event->user.n >= sizeof(user))
		return;
	(void)snprintf(user, sizeof(user), "%.*s", SLICE_ARG(event->user));
	if (!is_administrator(g, user))
		return;
	remember_login(g, &event->src, event->src_port,
		event->time == EVENT_NO_TIME ? clock_now() : event->time);
	timer_set(g->timer, 0); /* his neighbours are judged one by one from now on */
}

/* Who was here before us. */
static void read_utmp(struct exempt *g)
{
	setutent();
	for (struct utmp *u; (u = getutent());) {
		char user[UT_NAMESIZE + 1];
		struct addr from;
		if (u->ut_type != USER_PROCESS)
			continue;
		(void)snprintf(user, sizeof(user), "%.*s", UT_NAMESIZE, u->ut_user);
		if (u->ut_addr_v6[1] || u->ut_addr_v6[2] || u->ut_addr_v6[3])
			memcpy(from.b, u->ut_addr_v6, sizeof(from.b));
		else
			from = addr_from_v4(ntohl((uint32_t)u->ut_addr_v6[0]));
		if (is_administrator(g, user))
			remember_login(g, &from, 0,
				(int64_t)u->ut_tv.tv_sec * 1000 + u->ut_tv.tv_usec / 1000);
	}
	endutent();
}

bool exempt_session(struct exempt *g, const struct addr *address, int64_t first)
{
	for (unsigned i = 0; i < LOGINS_MAX; i++) {
		const struct login *l = &g->logins[i];
		if (l->time == 0 || l->time > first || !addr_eq(&l->from, address))
			continue;
		if (is_established(g, l))
			return true;
	}
	return false;
}

bool exempt_session_within(struct exempt *g, const struct prefix *target)
{
	for (unsigned i = 0; i < LOGINS_MAX; i++) {
		const struct login *l = &g->logins[i];
		if (l->time != 0 && prefix_has(target, &l->from) && is_established(g, l))
			return true;
	}
	return false;
}

void exempt_refused(
	struct core *c, const struct prefix *target, enum service service, enum protect_reason why)
{
	struct exempt *g = c->exempt;
	char text[PREFIX_TEXT_MAX];
	c->counters.blocks_refused++;
	for (unsigned i = 0; i < g->refused_count; i++)
		if (prefix_eq(&g->refused[i], target))
			return;
	g->refused[g->refused_next++ % REFUSED_MAX] = *target;
	g->refused_count = MIN_OF(g->refused_count + 1, REFUSED_MAX);
	log_warning("failed %s log-ins from %s count, but it is never blocked: %s",
		service_name(service), prefix_format(target, text), protect_reason_text(why));
}

struct allowed {
	struct prefix *list;
	size_t n, size;
};

static int allowed_add(struct allowed *a, const struct prefix *p)
{
	if (a->n == a->size) {
		size_t size = a->size ? a->size * 2 : 64;
		struct prefix *more = reallocarray(a->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		a->list = more;
		a->size = size;
	}
	a->list[a->n++] = *p;
	return 0;
}

static int add_allowed(void *ctx, const struct allow_entry *entry)
{
	return allowed_add(ctx, &entry->prefix);
}

int exempt_allow_list(
	const struct core *c, struct store *s, int64_t account, struct prefix **ret, size_t *ret_n)
{
	struct allowed a = {0};
	unsigned configured = account == c->account.id ? c->settings->allow_count : 0;
	int r = 0;
	for (unsigned i = 0; i < configured && r == 0; i++)
		r = allowed_add(&a, &c->settings->allow[i]);
	if (r == 0)
		r = store_allow_each(s, account, add_allowed, &a);
	if (r != 0) {
		free(a.list);
		return r;
	}
	*ret = a.list;
	*ret_n = a.n;
	return 0;
}

int exempt_load_allow(struct core *c)
{
	struct prefix *allowed = NULL;
	size_t n = 0;
	int r = exempt_allow_list(c, c->store, c->account.id, &allowed, &n);
	_cleanup_(freep) struct prefix *list = allowed;
	return r == 0 ? protect_set(c->protect, PROTECT_ALLOWED, list, (unsigned)n) : r;
}

int exempt_new(struct core *c, struct exempt **ret)
{
	struct exempt *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->core = c;
	g->netlink = -1;
	g->timer = timer_new(c->loop, on_timer, g);
	int r = g->timer ? watch_changes(g) : -ENOMEM;
	if (r < 0) {
		exempt_free(g);
		return r;
	}
	read_utmp(g);
	exempt_refresh(g);
	*ret = g;
	return 0;
}

struct exempt *exempt_free(struct exempt *g)
{
	if (!g)
		return NULL;
	g->watch = watch_free(g->watch);
	g->timer = timer_free(g->timer);
	closep(&g->netlink);
	free(g);
	return NULL;
}
