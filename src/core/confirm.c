/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Some daemons write what a client sends so that it can be whole lines of their logs, about
 * anybody. A failure from such a line counts only if the kernel remembers that the service
 * answered that very source (enforce/ruleset.c), which no line and no forged packet
 * brings about. Else it is nobody's failure: no window, no history, only the
 * number of them.
 *
 * In observe mode there is no kernel to ask, and nobody can come to harm: there such
 * failures count, and are counted as unconfirmed too.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/private.h"

#include <errno.h>

/* A flood of one address costs a question in so long. */
#define KNOWN_MS   (2 * MS_SECOND)
#define KNOWN_SIZE 1024u
#define SAY_EVERY  MS_HOUR

/* A source the kernel said yes of. */
struct known {
	struct prefix source;
	enum enforce_served service;
	int64_t until; /* ms, monotonic; 0: none */
};

struct confirm {
	struct hash_key key;
	struct known known[KNOWN_SIZE]; /* by hash; who comes later stays */
	int64_t say;                    /* ms, monotonic: not before */
};

struct confirm *confirm_new(void)
{
	struct confirm *f = calloc(1, sizeof(*f));
	if (f)
		hash_key_draw(&f->key);
	return f;
}

struct confirm *confirm_free(struct confirm *f)
{
	free(f);
	return NULL;
}

static bool is_served(enum service service, enum enforce_served *ret)
{
	*ret = service == SERVICE_MYSQL ? ENFORCE_MYSQL : ENFORCE_RDP;
	return service == SERVICE_MYSQL || service == SERVICE_RDP;
}

static struct known *known_at(
	struct confirm *f, enum enforce_served service, const struct prefix *source)
{
	uint8_t bytes[18];
	memcpy(bytes, source->addr.b, 16);
	bytes[16] = source->len;
	bytes[17] = (uint8_t)service;
	return &f->known[hash_bytes(&f->key, bytes, sizeof(bytes)) % KNOWN_SIZE];
}

int confirm_address(struct core *c, enum service service, const struct addr *address)
{
	enum enforce_served served;
	if (enforce_observes(c->enforce))
		return -ENOTSUP;
	if (!is_served(service, &served))
		return 0;
	/* of a whole network somebody; of one that is counted by address, this one */
	struct prefix source = protect_source(c->protect, address);
	source = prefix_of(address, source.len == 128 ? 128 : 64);
	struct known *known = known_at(c->confirm, served, &source);
	int64_t now = clock_mono();
	if (now < known->until && known->service == served && prefix_eq(&known->source, &source))
		return 1;
	int r = kernel_answered(c, served, &source);
	if (r > 0)
		*known = (struct known){source, served, now + KNOWN_MS};
	return r;
}

static void say(struct core *c, const struct event *event, bool old)
{
	int64_t now = clock_mono();
	const char *service = service_name(event->service);
	char address[ADDR_TEXT_MAX];
	if (now < c->confirm->say)
		return;
	c->confirm->say = now + SAY_EVERY;
	(void)addr_format(&event->src, address);
	if (old)
		log_warning("%s: a failure that names %s is not counted: it is too old for the "
			    "kernel to confirm that it connected",
			service, address);
	else
		log_warning("%s: a failure that names %s is not counted: the kernel saw no "
			    "connection from there in the last %lld min. A client may have "
			    "written the line; or is the port another than %u (ports.%s)?",
			service, address, (long long)(ENFORCE_ANSWERED_MS / MS_MINUTE),
			c->settings->ports[event->service], service);
}

/* What never comes over a cable, and can never be blocked either. */
static bool is_own(const struct core *c, const struct addr *address)
{
	enum protect_reason why = protect_address(c->protect, address);
	return why == PROTECT_LOOPBACK || why == PROTECT_OWN;
}

int confirm_event(struct core *c, const struct event *event, int64_t now)
{
	if (!event->has_src || is_own(c, &event->src))
		return 1;
	bool observes = enforce_observes(c->enforce);
	bool old = event->time != EVENT_NO_TIME && event->time < now - ENFORCE_ANSWERED_MS;
	int r = observes || old ? 0 : confirm_address(c, event->service, &event->src);
	if (r < 0)
		log_error("the enforcer does not say who connected: %s", strerror(-r));
	if (r != 0)
		return r;
	if (event->outcome == OUTCOME_FAILURE)
		c->counters.unconfirmed += event->repeat;
	if (!observes)
		say(c, event, old);
	return observes;
}

bool confirm_waits(const struct core *c, uint32_t services)
{
	return c->syncing && services & (SERVICE_BIT(SERVICE_MYSQL) | SERVICE_BIT(SERVICE_RDP));
}
