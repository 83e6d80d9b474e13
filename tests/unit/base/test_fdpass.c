/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fdpass.h"

#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

static int pair[2];

static int open_pair(void **state)
{
	(void)state;
	return fdpass_pair(pair);
}

static int close_pair(void **state)
{
	(void)state;
	closep(&pair[0]);
	closep(&pair[1]);
	return 0;
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void messages_keep_their_borders(void **state)
{
	(void)state;
	char data[16];
	int fd = 77;
	assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), -EAGAIN);
	assert_int_equal(fd, -1);
	assert_int_equal(fdpass_send(pair[0], "one", 3, -1), 0);
	assert_int_equal(fdpass_send(pair[0], "three", 5, -1), 0);
	assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), 3);
	assert_memory_equal(data, "one", 3);
	assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), 5);
	assert_int_equal(fd, -1);
	assert_true(fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
}

static void a_descriptor_travels(void **state)
{
	(void)state;
	char data[16];
	int fd = -1, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct stat a, b;
	assert_true(null >= 0);
	assert_int_equal(fdpass_send(pair[0], "x", 1, null), 0);
	assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), 1);
	assert_true(fd >= 0 && fd != null);
	assert_int_equal(fstat(null, &a), 0);
	assert_int_equal(fstat(fd, &b), 0);
	assert_true(a.st_rdev == b.st_rdev);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	(void)close(null);
}

static void long_messages_are_dropped_whole(void **state)
{
	(void)state;
	char data[4];
	int fd = 5;
	unsigned before = open_descriptors();
	assert_int_equal(fdpass_send(pair[0], "too long", 8, STDIN_FILENO), 0);
	assert_int_equal(fdpass_send(pair[0], "next", 4, -1), 0);
	assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), -EMSGSIZE);
	assert_int_equal(fd, -1);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), 4);
}

/* What a hostile peer may do: more descriptors than one. None may stay open. */
static void more_descriptors_are_refused(void **state)
{
	(void)state;
	for (unsigned n = 2; n < 6; n++) {
		int fds[8] = {0}, fd = 5;
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(sizeof(fds))];
		} control = {0};
		char data[4] = "x";
		struct iovec iov = {.iov_base = data, .iov_len = 1};
		struct msghdr msg = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.space,
			.msg_controllen = CMSG_SPACE(n * sizeof(int))};
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
		unsigned before = open_descriptors();
		assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
		assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), -EMSGSIZE);
		assert_int_equal(fd, -1);
		assert_int_equal(open_descriptors(), before);
	}
}

static void the_end_is_seen(void **state)
{
	(void)state;
	char data[4];
	int fd;
	(void)close(pair[0]);
	pair[0] = -1;
	assert_int_equal(fdpass_recv(pair[1], data, sizeof(data), &fd), 0);
	assert_int_equal(fdpass_send(pair[1], "x", 1, -1), -EPIPE);
}

static void a_full_socket_says_so(void **state)
{
	(void)state;
	static char data[65536];
	int r = 0;
	for (int i = 0; i < 10000 && r == 0; i++)
		r = fdpass_send(pair[0], data, sizeof(data), -1);
	assert_int_equal(r, -EAGAIN);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define PAIRED(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		PAIRED(messages_keep_their_borders),
		PAIRED(a_descriptor_travels),
		PAIRED(long_messages_are_dropped_whole),
		PAIRED(more_descriptors_are_refused),
		PAIRED(the_end_is_seen),
		PAIRED(a_full_socket_says_so),
	};
	return cmocka_run_group_tests_name("fdpass", tests, NULL, NULL);
}
