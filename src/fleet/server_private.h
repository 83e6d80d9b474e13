/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's parts. A visitor is a connection, an exchange one request and its answer on it.
 *
 *   server.c           start, end, and the thread that ends waits
 *   server_exchange.c  libmicrohttpd's side: begins, reads a body, is answered, ends
 *   server_verbs.c     what can be asked, and what that means to core
 *   server_held.c      questions that wait for something to be wished
 *   server_work.c      threads that do what waits for a disk, so that those that answer never do
 *   server_room.c      how much may be in memory
 *   server_visitors.c  how many may come, how long strangers may stay
 *
 * Threads: libmicrohttpd's workers answer; each has a reader of its own. While an exchange waits
 * (held, or for work) its connection is suspended, and only then does another thread touch it.
 * Everything that threads share is under one lock, which is never held while core is asked.
 * Order of locks: ours, then libmicrohttpd's.
 */
#pragma once

#include "base/hash.h"
#include "base/util.h"
#include "fleet/protocol.h"
#include "fleet/server.h"

#include <microhttpd.h>
#include <pthread.h>

#define SERVER_CONNECTIONS 4096  /* at a time */
#define SERVER_IDLE        30    /* s a connection may say nothing */
#define SERVER_BODY_TIME   60000 /* ms a body may take to come */

/* --- visitors -------------------------------------------------------------------------- */

#define VISITORS_STRANGERS 1024  /* connections that have not shown whose they are */
#define VISITORS_PATIENCE  15000 /* ms they have for it */
#define VISITORS_A_HOST    4     /* connections; an agent has two, and old ones it has lost */
#define VISITORS_PENANCE   1000  /* ms a wrong token costs its address */
#define VISITORS_TRIES     64    /* of one address at a time */
#define VISITORS_TRIERS    1024  /* addresses remembered, a power of two */

struct visitor {
	struct fleet_server *server;
	int fd;
	uint32_t host;                 /* 0: a stranger */
	struct credential_shown shown; /* only its worker's */
	int64_t since;                 /* ms, monotonic */
	struct visitor_list *list;
	struct visitor *earlier, *later;
};

struct visitor_list {
	struct visitor *first, *last;
	unsigned n;
};

struct visitors {
	struct visitor_list strangers, known; /* each by time */
	struct hash_key key;
	struct trier {
		struct prefix who;
		unsigned trying;
		int64_t until; /* ms, monotonic: before then he may not try again */
	} triers[VISITORS_TRIERS];
};

void visitors_notify(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_ConnectionNotificationCode what);
/* The connection showed that it is this host's. */
void visitor_known(struct visitor *v, uint32_t host);
/* Strangers that were here too long leave. Under the lock. */
void visitors_tick(struct fleet_server *s, int64_t now);
/* May somebody from there try a token now? Then visitors_tried() has to follow: each failure costs
   his address time, so that over time no more than one a second can be tried. */
bool visitors_try(struct fleet_server *s, const struct addr *from, int64_t now);
void visitors_tried(struct fleet_server *s, const struct addr *from, bool failed, int64_t now);

/* --- exchanges ------------------------------------------------------------------------- */

struct exchange {
	struct fleet_server *server;
	struct MHD_Connection *connection;
	struct visitor *visitor;
	const struct verb *verb;
	uint32_t host; /* 0: a stranger */
	char fingerprint[FINGERPRINT_MAX];
	struct addr from;
	int64_t began; /* ms, monotonic */
	size_t length; /* of its body */
	struct buf body;
	bool entering;   /* was suspended until there is room for its body */
	int64_t after;   /* of a question for wishes */
	unsigned status; /* of the answer; 0: there is none yet */
	struct buf answer;

	/* under the lock */
	bool suspended;
	struct exchange *next; /* that waits for room, for work, or of its bucket of those held */
	int64_t until;         /* ms, monotonic: how long it waits for room, or is held */
	struct pot *pot;       /* what it is charged for, NULL: nothing */
	size_t charged;
	bool held, woken, superseded, starved;
	struct exchange *earlier, *later; /* of those held, by `until` */
};

/* What can be asked. */
struct verb {
	const char *method, *path;
	size_t body_max; /* 0: takes no body */
	bool open;       /* for strangers */
	/* By a worker, when the request is complete: true with a status, or false, suspended. */
	bool (*ask)(struct exchange *x);
	/* By a thread that may wait: sets the status. */
	void (*work)(struct exchange *x);
};

/* *ret_other: a method that the path has, when it is that. */
const struct verb *verb_find(const char *method, const char *path, const char **ret_other);
/* Whose exchange this is: true with x->host, or refused. */
bool verb_recognise(struct exchange *x);

/* libmicrohttpd's callbacks. */
enum MHD_Result exchange_handle(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **state);
void exchange_end(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode why);
/* Makes {"error": why} the answer. */
void exchange_refuse(struct exchange *x, unsigned status, const char *why);
/* core failed: 410 when the host has no access any more, else mostly 503, logged. */
void exchange_failed(struct exchange *x, int r, const char *doing);
/* The reader of this thread; NULL, logged, when there is none. */
struct core_reader *server_reader(struct fleet_server *s);
/* The exchange goes on. Under the lock. */
void exchange_resume(struct exchange *x);

/* --- those held ------------------------------------------------------------------------ */

#define HELD_BUCKETS 1024 /* a power of two */
#define HELD_TICK    100  /* ms: how exact the end of a wait is */

struct held {
	struct exchange *buckets[HELD_BUCKETS]; /* by host, one each */
	struct exchange *first, *last;          /* by `until` */
	unsigned n, starved;
};

/*
 *   while (held_begin(x)) {              from here on nothing wished is missed
 *           if (there is something) { held_end(x); … return; }
 *           if (held_wait(x)) return;    suspended: it begins again when woken
 *   }                                    its time is over
 */
bool held_begin(struct exchange *x);
void held_end(struct exchange *x);
/* False: it was woken since held_begin(). */
bool held_wait(struct exchange *x);
/* The following: under the lock. */
void held_tick(struct fleet_server *s, int64_t now);
void held_wake_host(struct fleet_server *s, uint32_t host);
void held_wake_all(struct fleet_server *s);
/* One that waits for room to be answered. */
void held_feed(struct fleet_server *s);

/* --- room ------------------------------------------------------------------------------ */

#define ROOM_STRANGERS ((size_t)4 << 20)  /* bytes of bodies of /enrol */
#define ROOM_TAKEN     ((size_t)32 << 20) /* of bodies of agents */
#define ROOM_GIVEN     ((size_t)32 << 20) /* of answers; the last one may go over it */
#define ROOM_PATIENCE  5000               /* ms that a body waits for room; agents wait 10 s */

struct room {
	struct pot {
		size_t used;
	} strangers, taken, given;
	struct exchange *first, **last; /* bodies that wait */
};

/* Before the body: false when it is refused. With x->entering it was suspended. */
bool room_enter(struct exchange *x);
/* Is there room to make an answer for one that is held? Else it is woken when there is. */
bool room_for_answer(struct exchange *x);
/* The answer is there now, the body gone. */
void room_answer(struct exchange *x);
void room_leave(struct exchange *x);
/* Who waited for too long is refused; when we are ending, all. Under the lock. */
void room_tick(struct fleet_server *s, int64_t now);

/* --- work ------------------------------------------------------------------------------ */

#define WORK_THREADS 16 /* how many reports can share a transaction */

struct work {
	pthread_t threads[WORK_THREADS];
	unsigned n;
	pthread_cond_t some;
	struct exchange *first, **last;
	bool ending;
	pthread_mutex_t large; /* of large bodies one is read at a time: they take ten times their
				  size meanwhile */
};

int work_start(struct fleet_server *s);
/* Does what is waiting, ends the threads. */
void work_end(struct fleet_server *s);
/* Suspends the exchange until its verb's work is done: false; true, refused, when we are ending. */
bool work_submit(struct exchange *x);

struct fleet_server {
	struct core *core;
	const struct credential *credential;
	struct MHD_Daemon *daemon;
	pthread_key_t reader; /* struct core_reader * of the thread */
	pthread_t clock;      /* the thread that ends waits */
	bool has_clock;

	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t tick;  /* there is something to wait for, or the end */
	pthread_cond_t idle;  /* no exchanges any more */
	bool draining;        /* nobody is held any more */
	bool ended;
	unsigned exchanges;
	struct room room;
	struct visitors visitors;
	struct held held;
	struct work work;
};

static inline void server_lock(struct fleet_server *s)
{
	(void)pthread_mutex_lock(&s->lock);
}

static inline void server_unlock(struct fleet_server *s)
{
	(void)pthread_mutex_unlock(&s->lock);
}
