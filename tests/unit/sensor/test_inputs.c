/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor opens, the engine asks: a tail reads through the socket as it
 * does directly, and no message makes the monitor do anything else.
 */
#include "base/fdpass.h"
#include "daemon/inputs.h"
#include "tail_world.h"

#include <pthread.h>
#include <sys/socket.h>

struct monitor {
	int sockets[2]; /* the monitor's end, the engine's */
	struct settings *settings;
	pthread_t thread;
	int ended; /* what inputs_serve() said last */
};

static void *serve(void *ctx)
{
	struct monitor *m = ctx;
	int flags = fcntl(m->sockets[0], F_GETFL);
	(void)fcntl(m->sockets[0], F_SETFL, flags & ~O_NONBLOCK);
	do
		m->ended = inputs_serve(m->sockets[0], m->settings);
	while (m->ended == 0);
	return NULL;
}

static void monitor_init(struct monitor *m, const char *path)
{
	*m = (struct monitor){.settings = calloc(1, sizeof(*m->settings))};
	assert_non_null(m->settings);
	m->settings->sensor_count = 2;
	m->settings->sensors[0].kind = SENSOR_JOURNAL;
	strcpy(m->settings->sensors[0].path, path);
	m->settings->sensors[1].kind = SENSOR_FILE;
	strcpy(m->settings->sensors[1].path, path);
	assert_int_equal(fdpass_pair(m->sockets), 0);
}

static void monitor_run(struct monitor *m)
{
	assert_int_equal(pthread_create(&m->thread, NULL, serve, m), 0);
}

static int monitor_join(struct monitor *m)
{
	closep(&m->sockets[1]);
	m->sockets[1] = -1;
	assert_int_equal(pthread_join(m->thread, NULL), 0);
	return m->ended;
}

static void monitor_done(struct monitor *m)
{
	closep(&m->sockets[0]);
	closep(&m->sockets[1]);
	free(m->settings);
}

static void test_a_tail_through_the_monitor(void **state)
{
	(void)state;
	struct world w;
	struct monitor m;
	world_init(&w, true);
	monitor_init(&m, w.log);
	monitor_run(&m);
	struct input_ops ops = inputs_client_ops(m.sockets[1]);
	w.tail = tail_free(w.tail);
	assert_int_equal(tail_new(&ops, 1, true, &w.tail), 0);
	world_expect(&w, "");
	world_write(&w, "log", "a\n");
	w.mono += 1000;
	world_expect(&w, "a\n");
	for (int i = 0; i < 3; i++) {
		world_write(&w, "log", "b\n");
		world_rename(&w, "log", "log.1");
		world_write(&w, "log", "c\n");
		world_expect(&w, "b\nc\n");
	}
	w.tail = tail_free(w.tail);
	assert_int_equal(monitor_join(&m), -ECONNRESET);
	monitor_done(&m);
	world_done(&w);
}

static void test_descriptors_only_read(void **state)
{
	(void)state;
	struct world w;
	struct monitor m;
	world_init(&w, true);
	world_write(&w, "log", "a\n");
	world_write(&w, "log.1", "b\n");
	monitor_init(&m, w.log);
	monitor_run(&m);
	struct input_ops ops = inputs_client_ops(m.sockets[1]);
	int fds[] = {ops.open_current(ops.ctx, 1), ops.open_sibling(ops.ctx, 1, 0)};
	for (size_t i = 0; i < countof(fds); i++) {
		assert_true(fds[i] >= 0);
		assert_int_equal(fcntl(fds[i], F_GETFL) & O_ACCMODE, O_RDONLY);
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		assert_int_equal(write(fds[i], "x", 1), -1);
		closep(&fds[i]);
	}
	assert_int_equal(ops.open_sibling(ops.ctx, 1, 1), -ENOENT);
	assert_int_equal(monitor_join(&m), -ECONNRESET);
	monitor_done(&m);
	world_done(&w);
}

static void test_files_that_are_none(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, true);
	assert_int_equal(w.ops.open_current(w.ops.ctx, 0), -ENOENT);
	assert_int_equal(mkfifo(w.log, 0600), 0);
	assert_int_equal(w.ops.open_current(w.ops.ctx, 0), -EINVAL);
	assert_int_equal(unlink(w.log), 0);
	assert_int_equal(mkdir(w.log, 0700), 0);
	assert_int_equal(w.ops.open_current(w.ops.ctx, 0), -EINVAL);
	assert_int_equal(rmdir(w.log), 0);
	assert_int_equal(symlink("/dev/null", w.log), 0);
	assert_int_equal(w.ops.open_current(w.ops.ctx, 0), -EINVAL);
	assert_int_equal(unlink(w.log), 0);
	assert_int_equal(symlink("log", w.log), 0);
	assert_int_equal(w.ops.open_current(w.ops.ctx, 0), -ELOOP);
	assert_int_equal(w.ops.open_watch(w.ops.ctx, 0), -ELOOP);
	/* nor is a link or directory a rotated copy */
	assert_int_equal(unlink(w.log), 0);
	world_write(&w, "log", "");
	assert_int_equal(symlink("/etc/passwd", world_path(&w, "log.1")), 0);
	assert_int_equal(mkdir(world_path(&w, "log.2"), 0700), 0);
	world_write(&w, "log.3.gz", "x");
	world_write(&w, "logs.1", "x");
	world_write(&w, "log.", "x");
	assert_int_equal(w.ops.open_sibling(w.ops.ctx, 0, 0), -ENOENT);
	world_done(&w);
}

static void check_sibling_order(const char *const *names, const char *want)
{
	struct world w;
	world_init(&w, true);
	for (; *names; names++)
		world_write(&w, *names, strrchr(*names, '/') ? strrchr(*names, '/') : *names);
	struct buf got = BUF_NULL;
	for (unsigned n = 0;; n++) {
		char text[64];
		int fd = w.ops.open_sibling(w.ops.ctx, 0, n);
		if (fd == -ENOENT)
			break;
		assert_true(fd >= 0);
		ssize_t length = read(fd, text, sizeof(text));
		buf_add(&got, text, (size_t)length);
		buf_addc(&got, ' ');
		closep(&fd);
	}
	assert_string_equal(got.p, want);
	buf_done(&got);
	world_done(&w);
}

static void test_sibling_order(void **state)
{
	(void)state;
	/* written in this order: by number, by date, else by time of change */
	check_sibling_order((const char *const[]){"log.2", "log.10", "log.1", "log.3.gz", NULL},
		"log.1 log.2 log.10 ");
	check_sibling_order(
		(const char *const[]){"log-20260102", "log-20251231", "log-20260101", NULL},
		"log-20260102 log-20260101 log-20251231 ");
	check_sibling_order(
		(const char *const[]){"log.2", "log-20251231", "log.old", "log.1", NULL},
		"log.1 log.old log-20251231 log.2 ");
}

static void refuse(struct inputs_request q, int error)
{
	struct monitor m;
	struct inputs_reply reply;
	int fd;
	monitor_init(&m, "/etc/passwd");
	q.magic = INPUTS_MAGIC;
	q.sequence = 7;
	assert_int_equal(fdpass_send(m.sockets[1], &q, sizeof(q), -1), 0);
	assert_int_equal(inputs_serve(m.sockets[0], m.settings), 0);
	assert_int_equal(fdpass_recv(m.sockets[1], &reply, sizeof(reply), &fd), sizeof(reply));
	assert_int_equal(reply.error, error);
	assert_int_equal(reply.sequence, 7);
	assert_int_equal(fd >= 0, error == 0);
	closep(&fd);
	monitor_done(&m);
}

static void test_requests_out_of_range(void **state)
{
	(void)state;
	refuse((struct inputs_request){.op = INPUTS_CURRENT, .input = 1}, 0);
	refuse((struct inputs_request){.op = INPUTS_CURRENT, .input = 0}, -EINVAL); /* journal */
	refuse((struct inputs_request){.op = INPUTS_CURRENT, .input = 2}, -EINVAL);
	refuse((struct inputs_request){.op = INPUTS_CURRENT, .input = UINT32_MAX}, -EINVAL);
	refuse((struct inputs_request){.op = INPUTS_CURRENT, .input = 1, .n = 1}, -EINVAL);
	refuse((struct inputs_request){.op = 0, .input = 1}, -EINVAL);
	refuse((struct inputs_request){.op = 4, .input = 1}, -EINVAL);
	refuse((struct inputs_request){.op = UINT32_MAX, .input = 1}, -EINVAL);
	refuse((struct inputs_request){.op = INPUTS_SIBLING, .input = 1, .n = INPUT_SIBLINGS_MAX},
		-EINVAL);
	refuse((struct inputs_request){.op = INPUTS_SIBLING, .input = 1, .n = UINT32_MAX}, -EINVAL);
}

static void test_what_is_no_request(void **state)
{
	(void)state;
	char bytes[256] = {0};
	struct inputs_request q = {.magic = INPUTS_MAGIC, .op = INPUTS_CURRENT, .input = 1};
	memcpy(bytes, &q, sizeof(q));
	for (size_t n = 1; n < sizeof(bytes); n++) {
		struct monitor m;
		monitor_init(&m, "/etc/passwd");
		assert_int_equal(inputs_serve(m.sockets[0], m.settings), 0); /* nothing there */
		assert_int_equal(fdpass_send(m.sockets[1], bytes, n, -1), 0);
		assert_int_equal(
			inputs_serve(m.sockets[0], m.settings), n == sizeof(q) ? 0 : -EPROTO);
		monitor_done(&m);
	}
	struct monitor m;
	monitor_init(&m, "/etc/passwd");
	assert_int_equal(fdpass_send(m.sockets[1], &q, sizeof(q), 0), 0); /* with a descriptor */
	assert_int_equal(inputs_serve(m.sockets[0], m.settings), -EPROTO);
	q.magic++;
	assert_int_equal(fdpass_send(m.sockets[1], &q, sizeof(q), -1), 0);
	assert_int_equal(inputs_serve(m.sockets[0], m.settings), -EPROTO);
	closep(&m.sockets[1]);
	m.sockets[1] = -1;
	assert_int_equal(inputs_serve(m.sockets[0], m.settings), -ECONNRESET);
	monitor_done(&m);
}

/* The engine must not trust the other end's order either. */
static void answer(int socket, uint32_t sequence, int32_t error, int fd)
{
	struct inputs_reply reply = {.magic = INPUTS_MAGIC, .sequence = sequence, .error = error};
	assert_int_equal(fdpass_send(socket, &reply, sizeof(reply), fd), 0);
}

struct odd_monitor {
	int socket;
	int32_t error;
	bool with_fd;
};

static void *answer_oddly(void *ctx)
{
	struct odd_monitor *m = ctx;
	struct inputs_request q;
	int fd;
	while (fdpass_recv(m->socket, &q, sizeof(q), &fd) == -EAGAIN)
		(void)usleep(100);
	answer(m->socket, q.sequence - 1, 0, STDIN_FILENO); /* to a call that gave up */
	answer(m->socket, q.sequence - 2, -ENOENT, -1);
	answer(m->socket, q.sequence, m->error, m->with_fd ? STDIN_FILENO : -1);
	return NULL;
}

static int ask_oddly(int32_t error, bool with_fd)
{
	int sockets[2];
	pthread_t thread;
	assert_int_equal(fdpass_pair(sockets), 0);
	struct odd_monitor m = {.socket = sockets[0], .error = error, .with_fd = with_fd};
	assert_int_equal(pthread_create(&thread, NULL, answer_oddly, &m), 0);
	struct input_ops ops = inputs_client_ops(sockets[1]);
	int r = ops.open_current(ops.ctx, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	closep(&sockets[0]);
	closep(&sockets[1]);
	if (r >= 0)
		(void)close(r);
	return r >= 0 ? 0 : r;
}

static void test_late_and_odd_answers(void **state)
{
	(void)state;
	assert_int_equal(ask_oddly(0, true), 0);
	assert_int_equal(ask_oddly(-EACCES, false), -EACCES);
	assert_int_equal(ask_oddly(0, false), -EPROTO);
	assert_int_equal(ask_oddly(-EACCES, true), -EPROTO);
	assert_int_equal(ask_oddly(5, false), -EPROTO);
}

static void test_monitor_gone(void **state)
{
	(void)state;
	int sockets[2];
	assert_int_equal(fdpass_pair(sockets), 0);
	closep(&sockets[0]);
	struct input_ops ops = inputs_client_ops(sockets[1]);
	int r = ops.open_current(ops.ctx, 0);
	assert_true(r == -EPIPE || r == -ECONNRESET);
	closep(&sockets[1]);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tail_through_the_monitor),
		cmocka_unit_test(test_descriptors_only_read),
		cmocka_unit_test(test_files_that_are_none),
		cmocka_unit_test(test_sibling_order),
		cmocka_unit_test(test_requests_out_of_range),
		cmocka_unit_test(test_what_is_no_request),
		cmocka_unit_test(test_late_and_odd_answers),
		cmocka_unit_test(test_monitor_gone),
	};
	return cmocka_run_group_tests_name("inputs", tests, NULL, NULL);
}
