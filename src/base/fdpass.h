/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages between Cordon's processes: one SOCK_SEQPACKET datagram each, with
 * at most one descriptor (SCM_RIGHTS, unix(7)).
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* A close-on-exec, non-blocking SEQPACKET pair; 0 or -errno. */
int fdpass_pair(int ret_fds[static 2]);
/* Sends n bytes and, when fd >= 0, a copy of fd. 0, -EAGAIN when full, or -errno. */
int fdpass_send(int socket, const void *data, size_t n, int fd);
/*
 * Receives one message. Returns its length, 0 when the peer is gone, -EAGAIN
 * when there is none, -EMSGSIZE when it was longer than size (it is dropped),
 * or -errno. *ret_fd is the passed descriptor (caller closes it) or -1.
 */
ssize_t fdpass_recv(int socket, void *data, size_t size, int *ret_fd);
