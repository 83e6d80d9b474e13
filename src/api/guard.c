/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two tables under one lock. Keys: a chained hash of the keys that proved
 * themselves, so outsiders cannot make it grow. Failures: a fixed, set-
 * associative table that outsiders do fill; the pair that failed longest ago
 * leaves its set.
 */
#include "api/guard.h"

#include "api/nonce.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/util.h"
#include "model/account.h"

#include <errno.h>
#include <pthread.h>

#define KEY_BUCKETS 1024u
#define KEYS_MAX    16384u
#define FAIL_SETS   1024u
#define FAIL_WAYS   8u
#define KEY_IDLE    MS_HOUR /* longer than any nonce lives */

struct key_state {
	struct key_state *next;
	char id[KEY_ID_MAX];
	struct nonce_set nonces;
	int64_t last;   /* ms: latest use */
	int64_t second; /* s: which one `calls` counts */
	uint32_t calls;
};

struct failure {
	uint64_t pair; /* keyed hash of (source, key); 0: free */
	int64_t last;
	uint32_t count;
};

struct guard {
	struct guard_limits limits;
	pthread_mutex_t lock;
	struct hash_key hash;
	struct key_state *keys[KEY_BUCKETS];
	uint32_t key_count;
	struct failure failures[FAIL_SETS][FAIL_WAYS];
};

int guard_new(const struct guard_limits *limits, struct guard **ret)
{
	struct guard *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->limits = *limits;
	(void)pthread_mutex_init(&g->lock, NULL);
	hash_key_draw(&g->hash);
	*ret = g;
	return 0;
}

static void free_key(struct key_state *k)
{
	nonce_set_done(&k->nonces);
	free(k);
}

struct guard *guard_free(struct guard *g)
{
	if (!g)
		return NULL;
	for (uint32_t i = 0; i < KEY_BUCKETS; i++) {
		for (struct key_state *k = g->keys[i], *next; k; k = next) {
			next = k->next;
			free_key(k);
		}
	}
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
	return NULL;
}

/* Removes the keys that have been silent, so that temporary ones do not pile up. */
static void forget_idle_keys(struct guard *g, int64_t now)
{
	for (uint32_t i = 0; i < KEY_BUCKETS; i++) {
		for (struct key_state **p = &g->keys[i]; *p;) {
			struct key_state *k = *p;
			if (now - k->last > KEY_IDLE) {
				*p = k->next;
				free_key(k);
				g->key_count--;
			} else {
				p = &k->next;
			}
		}
	}
}

static struct key_state *get_key(struct guard *g, const char *id, int64_t now)
{
	struct key_state **bucket = &g->keys[hash_bytes(&g->hash, id, strlen(id)) % KEY_BUCKETS];
	for (struct key_state *k = *bucket; k; k = k->next) {
		if (strcmp(k->id, id) == 0) {
			k->last = now;
			return k;
		}
	}
	if (g->key_count >= KEYS_MAX)
		forget_idle_keys(g, now);
	struct key_state *k = g->key_count < KEYS_MAX ? calloc(1, sizeof(*k)) : NULL;
	if (!k)
		return NULL;
	(void)snprintf(k->id, sizeof(k->id), "%s", id);
	k->last = now;
	k->next = *bucket;
	*bucket = k;
	g->key_count++;
	return k;
}

enum guard_verdict guard_nonce(
	struct guard *g, const char *key_id, struct slice nonce, int64_t now, int64_t until)
{
	static const enum guard_verdict verdict[] = {
		[NONCE_OK] = GUARD_OK, [NONCE_USED] = GUARD_USED, [NONCE_FULL] = GUARD_FULL};
	(void)pthread_mutex_lock(&g->lock);
	struct key_state *k = get_key(g, key_id, now);
	int r = k ? nonce_set_add(
			    &k->nonces, g->hash.k, nonce, g->limits.nonces_per_key, now, until)
		  : NONCE_FULL;
	(void)pthread_mutex_unlock(&g->lock);
	return verdict[r];
}

bool guard_rate(struct guard *g, const char *key_id, int64_t now)
{
	if (g->limits.rate == 0)
		return true;
	(void)pthread_mutex_lock(&g->lock);
	struct key_state *k = get_key(g, key_id, now);
	bool ok = false;
	if (k) {
		if (k->second != now / MS_SECOND) {
			k->second = now / MS_SECOND;
			k->calls = 0;
		}
		ok = k->calls < g->limits.rate;
		k->calls += ok;
	}
	(void)pthread_mutex_unlock(&g->lock);
	return ok;
}

static uint64_t hash_pair(const struct guard *g, const struct addr *source, struct slice key_id)
{
	struct {
		struct addr source;
		uint64_t key;
	} pair = {
		.source = addr_is_v4(source) ? *source : addr_mask(source, 64),
		.key = hash_bytes(&g->hash, key_id.p, key_id.n),
	};
	uint64_t h = hash_bytes(&g->hash, &pair, sizeof(pair));
	return h ? h : 1;
}

static struct failure *find_failure(struct guard *g, uint64_t pair)
{
	struct failure *set = g->failures[pair % FAIL_SETS];
	for (uint32_t i = 0; i < FAIL_WAYS; i++)
		if (set[i].pair == pair)
			return &set[i];
	return NULL;
}

/* The pair's own slot, else a free one, else that of the oldest. */
static struct failure *take_failure(struct guard *g, uint64_t pair)
{
	struct failure *f = find_failure(g, pair);
	if (f)
		return f;
	struct failure *set = g->failures[pair % FAIL_SETS];
	f = &set[0];
	for (uint32_t i = 1; i < FAIL_WAYS && f->pair; i++)
		if (!set[i].pair || set[i].last < f->last)
			f = &set[i];
	*f = (struct failure){.pair = pair};
	return f;
}

bool guard_locked(struct guard *g, const struct addr *source, struct slice key_id, int64_t now)
{
	if (g->limits.lockout_failures == 0)
		return false;
	(void)pthread_mutex_lock(&g->lock);
	struct failure *f = find_failure(g, hash_pair(g, source, key_id));
	bool locked = f && f->count >= g->limits.lockout_failures &&
		      now - f->last < g->limits.lockout_time;
	(void)pthread_mutex_unlock(&g->lock);
	return locked;
}

void guard_failed(struct guard *g, const struct addr *source, struct slice key_id, int64_t now)
{
	(void)pthread_mutex_lock(&g->lock);
	struct failure *f = take_failure(g, hash_pair(g, source, key_id));
	/* A lock that has ended begins a new row of failures. */
	if (now - f->last >= g->limits.lockout_time)
		f->count = 0;
	f->count++;
	f->last = now;
	(void)pthread_mutex_unlock(&g->lock);
}

void guard_proved(struct guard *g, const struct addr *source, struct slice key_id)
{
	(void)pthread_mutex_lock(&g->lock);
	struct failure *f = find_failure(g, hash_pair(g, source, key_id));
	if (f)
		*f = (struct failure){0};
	(void)pthread_mutex_unlock(&g->lock);
}
