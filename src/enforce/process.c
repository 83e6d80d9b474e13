/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/process.h"

#include "base/log.h"
#include "enforce/dump.h"
#include "enforce/lock.h"
#include "enforce/ruleset.h"
#include "enforce/sandbox.h"
#include "enforce/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define LOCK_TRIES    150
#define LOCK_PAUSE_US 20000

static volatile sig_atomic_t terminated, releasing;

static void on_term(int signal)
{
	(void)signal;
	terminated = 1;
}

static void on_release(int signal)
{
	(void)signal;
	releasing = 1;
}

/* SIGTERM and SIGUSR1 arrive only while we wait; the others end the engine first, and so us. */
static void set_signals(sigset_t *ret_waiting)
{
	struct sigaction term = {.sa_handler = on_term}, ignore = {.sa_handler = SIG_IGN};
	struct sigaction release = {.sa_handler = on_release};
	sigset_t blocked;
	(void)sigaction(SIGTERM, &term, NULL);
	(void)sigaction(SIGUSR1, &release, NULL);
	(void)sigaction(SIGINT, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &blocked, ret_waiting);
	(void)sigdelset(ret_waiting, SIGTERM);
	(void)sigdelset(ret_waiting, SIGUSR1);
}

static void close_others(int socket)
{
	if (socket > STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 1, (unsigned)socket - 1, 0);
	(void)close_range((unsigned)socket + 1, ~0U, 0);
}

static int step(struct server *s, const sigset_t *waiting, int wait)
{
	struct pollfd fds[] = {
		{.fd = s->socket, .events = outbox_empty(&s->out) ? POLLIN : POLLOUT},
		{.fd = mnl_socket_get_fd(s->drift.socket), .events = POLLIN},
	};
	struct timespec timeout = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000L};
	int n = ppoll(fds, 2, wait >= 0 ? &timeout : NULL, waiting);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents)
		server_events(s);
	return fds[0].revents ? server_requests(s) : 0;
}

static int loop(struct server *s, const sigset_t *waiting)
{
	int r = 0, wait = 0;
	while (r == 0 && !terminated) {
		r = step(s, waiting, wait);
		wait = r == 0 ? server_idle(s) : 0;
	}
	return r == -EPIPE ? 0 : r;
}

/* The last of many: nobody will start again soon. */
static void release(struct server *s, const sigset_t *waiting)
{
	static const struct timespec at_once = {0};
	/* a signal that came while the socket had something to read still waits */
	(void)ppoll(NULL, 0, &at_once, waiting);
	int r = releasing || terminated ? server_release(s) : 0;
	if (r < 0)
		log_error("leaving the table to others: %s", strerror(-r));
}

static int fail(int socket, const char *what, int error)
{
	log_error("%s: %s", what, strerror(-error));
	server_refuse(socket, error);
	return EXIT_FAILURE;
}

/* The lock is held, the kernel open: from here on only what the filter lets through. */
static int run(struct server *s, const struct enforcer_config *config, const sigset_t *waiting)
{
	int r = server_start(s);
	if (r < 0)
		return fail(s->socket, "the nftables table", r);
	r = sandbox_drop(config->uid, config->gid);
	if (r < 0)
		return fail(s->socket, "giving up rights", r);
	r = sandbox_filter();
	if (r < 0)
		return fail(s->socket, "the system call filter", r);
	r = loop(s, waiting);
	if (r < 0)
		log_error("ending: %s", strerror(-r));
	else
		release(s, waiting);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One that was killed a moment ago may still be dying, and its table with it. */
static int take_lock(const char *table, int *ret)
{
	int r = lock_take(table, ret);
	for (int i = 0; r == -EADDRINUSE && i < LOCK_TRIES; i++) {
		(void)usleep(LOCK_PAUSE_US);
		r = lock_take(table, ret);
	}
	return r;
}

int enforcer_main(int socket, const struct enforcer_config *config)
{
	sigset_t waiting;
	set_signals(&waiting);
	close_others(socket);
	_cleanup_(closep) int lock = -1;
	int r = take_lock(config->table, &lock);
	if (r < 0)
		return fail(socket,
			r == -EADDRINUSE ? "another daemon holds this table" : "the lock", r);
	if (r == LOCK_E_SQUATTED)
		log_warning("a user without rights sits on the lock of table %s, ignoring",
			config->table);
	struct server s;
	r = server_open(&s, socket, config);
	r = r < 0 ? fail(socket, "nf_tables", r) : run(&s, config, &waiting);
	server_done(&s);
	return r;
}

static void put_delete(struct nft *nft, struct batch *batch, void *ctx)
{
	(void)ctx;
	ruleset_put_delete(nft, batch);
}

int enforcer_remove_table(const char *table)
{
	struct nft nft;
	struct nft_head head = {put_delete, NULL};
	struct dump_table found;
	int r = nft_open(&nft, table);
	if (r == 0)
		r = dump_table(&nft, &found);
	if (r == 0)
		r = nft_transact(&nft, &head);
	nft_done(&nft);
	return r == -ENOENT ? 0 : r;
}

int enforcer_probe(void)
{
	struct nft nft;
	struct table table = {0};
	int r = nft_open(&nft, "cordon");
	if (r == 0)
		r = table_open(&table, &nft, false);
	table_done(&table);
	nft_done(&nft);
	return r;
}
