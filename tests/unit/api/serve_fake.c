/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The API over real sockets and the double of core: for working on clients and
 * dialects where nothing can be blocked. Prints one line of JSON that says how
 * to call it, then serves until its standard input ends.
 *
 *   serve_fake [--port N]
 */
#include "api/api.h"
#include "fake_core.h"

#include <arpa/inet.h>
#include <sodium/core.h>
#include <sys/socket.h>

static int listen_on(uint16_t port, uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, SOMAXCONN) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return -1;
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* Keys of every kind the tests need, beside the first, which may do all. */
static void add_keys(struct core *c)
{
	struct access_key *k = fake_core_key(c, "limited", "limitedsecret000000000000000001");
	(void)snprintf(k->allow, sizeof(k->allow), "yundun-cloudfirewall:*\nhss:host:list");
	k = fake_core_key(c, "STS.testak", "temporarysecret0000000000000001");
	(void)snprintf(k->security_token, sizeof(k->security_token), "CAIS/sts+token==");
	k = fake_core_key(c, "disabled", "disabledsecret00000000000000001");
	k->active = false;
	fake_core_key(c, "other", "othersecret00000000000000000001")->account = c->other.id;
	k = fake_core_key(c, "projects", "projectssecret00000000000000001");
	(void)snprintf(k->projects, sizeof(k->projects), "%s", FAKE_PROJECT);
}

static void say(const struct core *c, uint16_t port)
{
	(void)printf(
		"{\"url\":\"http://127.0.0.1:%u\",\"ak\":\"%s\",\"sk\":\"%s\",\"project\":\"%s\","
		"\"host_uuid\":\"%s\",\"host_name\":\"%s\",\"instance_id\":\"%s\","
		"\"block_ip\":\"203.0.113.77\",\"account\":\"%s\",\"host2_uuid\":\"%s\","
		"\"instance2_id\":\"%s\",\"offline_uuid\":\"%s\",\"foreign_uuid\":\"%s\","
		"\"enterprise_project\":\"%s\"}\n",
		port, c->keys[0].id, c->keys[0].secret, c->account.project_id, c->hosts[0].uuid,
		c->hosts[0].name, c->hosts[0].instance_id, c->account.uid, c->hosts[1].uuid,
		c->hosts[1].instance_id, c->hosts[2].uuid, c->hosts[3].uuid, FAKE_PROJECT);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct core core;
	struct api *api = NULL;
	struct err err = {0};
	uint16_t port = 0;
	if (argc == 3 && strcmp(argv[1], "--port") == 0)
		port = (uint16_t)strtoul(argv[2], NULL, 10);
	if (sodium_init() < 0)
		return 1;
	fake_core_init(&core);
	fake_core_seed(&core);
	add_keys(&core);
	struct api_listener l = {.fd = listen_on(port, &port)};
	if (l.fd < 0 || api_new(&core, &api, &err) < 0 || api_start(api, &l, 1, &err) < 0) {
		(void)fprintf(stderr, "serve_fake: %s\n", err.text[0] ? err.text : "cannot listen");
		return 1;
	}
	say(&core, port);
	while (getchar() != EOF)
		;
	(void)api_free(api);
	fake_core_done(&core);
	return 0;
}
