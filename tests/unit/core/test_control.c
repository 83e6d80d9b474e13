/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line's socket, and who talks nonsense on it. */
#include "world.h"

#include "api/native/control.h"
#include "base/util.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

struct server {
	struct world *world;
	struct control *control;
	struct sockaddr_un address;
	char in[1 << 16]; /* what the last read() took */
};

static int setup_any(void **state, int (*world)(void **state))
{
	static struct server s;
	s = (struct server){.address = {.sun_family = AF_UNIX}};
	if (world(state) < 0)
		return -1;
	s.world = *state;
	(void)snprintf(
		s.address.sun_path, sizeof(s.address.sun_path), "%s/cordon.sock", s.world->dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(fd, (struct sockaddr *)&s.address, sizeof(s.address)) < 0 || listen(fd, 64) < 0 ||
		control_new(s.world->loop, s.world->core, fd, &s.control) < 0)
		return -1;
	*state = &s;
	return 0;
}

static int setup(void **state)
{
	return setup_any(state, world_setup);
}

static int setup_observe(void **state)
{
	return setup_any(state, world_setup_observe);
}

static int teardown(void **state)
{
	struct server *s = *state;
	s->control = control_free(s->control);
	*state = s->world;
	return world_teardown(state);
}

static int dial(struct server *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&s->address, sizeof(s->address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Waits for `lines` more answers; they are in s->in. False: it was hung up. */
static bool hear(struct server *s, int fd, unsigned lines)
{
	size_t n = 0;
	memset(s->in, 0, sizeof(s->in));
	while (lines > 0) {
		world_turn(s->world);
		ssize_t got = recv(fd, s->in + n, sizeof(s->in) - 1 - n, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return false;
		for (ssize_t i = 0; i < got; i++)
			lines -= s->in[n + (size_t)i] == '\n';
		n += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static void answers_verbs(void **state)
{
	struct server *s = *state;
	int fd = dial(s);
	say(fd, "{\"verb\":\"status\"}\n");
	assert_true(hear(s, fd, 1));
	assert_non_null(strstr(s->in, "{\"ok\":true,\"result\":{\"version\":"));
	say(fd, "{\"verb\":\"block\",\"args\":{\"target\":\"203.0.113.1\",\"duration\":60000}}\n");
	assert_true(hear(s, fd, 1));
	assert_non_null(strstr(s->in, "\"expires\":\"20"));
	say(fd, "{\"verb\":\"verify\",\"args\":{\"address\":\"203.0.113.1\"}}\n");
	assert_true(hear(s, fd, 1));
	assert_non_null(strstr(s->in, "\"has\":true"));
	(void)close(fd);
}

static void says_what_is_wrong_and_goes_on(void **state)
{
	static const char *const wrong[] = {"\n", "{\n", "[]\n", "{\"verb\":1}\n",
		"{\"verb\":\"no such\"}\n", "{\"verb\":\"status\",\"verb\":\"status\"}\n",
		"{\"verb\":\"block\"}\n",
		"{\"verb\":\"block\",\"args\":{\"target\":\"example.com\"}}\n",
		"{\"verb\":\"block\",\"args\":{\"target\":\"203.0.113.1\",\"duration\":0}}\n",
		"{\"verb\":\"block\",\"args\":{\"target\":\"203.0.113.1\",\"direction\":\"up\"}}\n",
		"{\"verb\":\"block\",\"args\":{\"target\":\"203.0.113.1\",\"duration\":\"x\"}}\n",
		"{\"verb\":\"block\",\"args\":{\"target\":\"127.0.0.1\"}}\n",
		"{\"verb\":\"blocks\",\"args\":{\"limit\":-1}}\n",
		"{\"verb\":\"blocks\",\"args\":{\"state\":\"odd\"}}\n",
		"{\"verb\":\"verify\",\"args\":[]}\n", "{\"verb\":\"keys.disable\"}\n",
		"{\"verb\":\"keys.create\",\"args\":{\"name\":\"a\",\"life_ms\":\"x\"}}\n",
		"{\"verb\":\"rules.add\",\"args\":{\"name\":\"r\",\"fail_count\":0}}\n"};
	struct server *s = *state;
	int fd = dial(s);
	for (size_t i = 0; i < countof(wrong); i++) {
		say(fd, wrong[i]);
		assert_true(hear(s, fd, 1));
		if (strncmp(s->in, "{\"ok\":false,\"error\":\"", 21) != 0)
			fail_msg("%s is answered with %s", wrong[i], s->in);
	}
	say(fd, "{\"verb\":\"hosts\"}\n");
	assert_true(hear(s, fd, 1));
	assert_non_null(strstr(s->in, "\"ok\":true"));
	(void)close(fd);
}

static void answers_in_the_order_asked(void **state)
{
	struct server *s = *state;
	int fd = dial(s);
	/* what follows a verb that answers later comes after it, and needs no further push */
	say(fd, "{\"verb\":\"verify\",\"args\":{\"address\":\"203.0.113.1\"}}\n"
		"{\"verb\":\"hosts\"}\n{\"verb\":\"verify\",\"args\":{\"address\":\"203.0.113.2\"}}"
		"\n"
		"{\"verb\":\"nothing\"}\n{\"verb\":\"sta");
	assert_true(hear(s, fd, 4));
	const char *first = strstr(s->in, "203.0.113.1"), *hosts = strstr(s->in, "uuid");
	const char *second = strstr(s->in, "203.0.113.2"), *none = strstr(s->in, "no such verb");
	assert_true(first && hosts > first && second > hosts && none > second);
	say(fd, "tus\"}\n");
	assert_true(hear(s, fd, 1));
	(void)close(fd);
}

static void too_long_is_said_and_ended(void **state)
{
	static char piece[65536];
	struct server *s = *state;
	int fd = dial(s);
	memset(piece, 'x', sizeof(piece));
	for (size_t sent = 0; sent <= (1 << 20) + sizeof(piece);) {
		ssize_t n = send(fd, piece, sizeof(piece), MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break; /* it has had enough */
		sent += n > 0 ? (size_t)n : 0;
		world_turn(s->world);
	}
	(void)hear(s, fd, 2);
	assert_non_null(strstr(s->in, "too long"));
	(void)close(fd);
	fd = dial(s);
	say(fd, "{\"verb\":\"hosts\"}\n");
	assert_true(hear(s, fd, 1));
	(void)close(fd);
}

static void a_hang_up_while_the_kernel_is_asked(void **state)
{
	struct server *s = *state;
	s->world->mute = true;
	int fd = dial(s), other = dial(s);
	say(fd, "{\"verb\":\"verify\",\"args\":{\"address\":\"203.0.113.1\"}}\n{\"verb\":\"hosts\"}"
		"\n");
	say(other, "{\"verb\":\"verify\",\"args\":{\"address\":\"203.0.113.2\"}}\n");
	world_settle(s->world);
	(void)close(fd);
	world_settle(s->world);
	/* the enforcer goes: whoever still waits is answered */
	closep(&s->world->peer);
	s->world->peer = -1;
	assert_true(hear(s, other, 1));
	assert_non_null(strstr(s->in, "\"asked\":false"));
	assert_true(s->world->failed);
	(void)close(other);
}

static void a_hang_up_before_an_answer_at_once(void **state)
{
	struct server *s = *state; /* observe mode: verify is answered while it runs */
	for (int i = 0; i < 10; i++) {
		int fd = dial(s);
		say(fd, "{\"verb\":\"verify\",\"args\":{\"address\":\"203.0.113.1\"}}\n"
			"{\"verb\":\"hosts\"}\n");
		(void)close(fd);
		world_settle(s->world);
	}
	int fd = dial(s);
	say(fd, "{\"verb\":\"verify\",\"args\":{\"address\":\"203.0.113.1\"}}\n");
	assert_true(hear(s, fd, 1));
	(void)close(fd);
}

static void so_many_connections_and_no_more(void **state)
{
	struct server *s = *state;
	int fds[33];
	for (size_t i = 0; i < countof(fds); i++) {
		fds[i] = dial(s);
		world_settle(s->world);
	}
	(void)send(fds[32], "{\"verb\":\"hosts\"}\n", 17, MSG_NOSIGNAL);
	assert_false(hear(s, fds[32], 1));
	say(fds[31], "{\"verb\":\"hosts\"}\n");
	assert_true(hear(s, fds[31], 1));
	for (size_t i = 0; i < countof(fds); i++)
		(void)close(fds[i]);
	world_settle(s->world);
	int fd = dial(s);
	say(fd, "{\"verb\":\"hosts\"}\n");
	assert_true(hear(s, fd, 1));
	(void)close(fd);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(answers_verbs),
		CASE(says_what_is_wrong_and_goes_on),
		CASE(answers_in_the_order_asked),
		CASE(too_long_is_said_and_ended),
		CASE(a_hang_up_while_the_kernel_is_asked),
		cmocka_unit_test_setup_teardown(
			a_hang_up_before_an_answer_at_once, setup_observe, teardown),
		CASE(so_many_connections_and_no_more),
	};
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
