/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a log line: time, host, program, pid.
 *
 * Understood, among others (S stands for any stamp of stamp.h):
 *   S host sshd[123]: text                 RFC 3164, with <pri> or without
 *   <38>1 S host sshd 123 - [a@1 b="c"] t  RFC 5424; also without <38>1
 *   S sshd[123]: text                      no host (busybox -S)
 *   S [sshd]: text · S [sshd] text         metalog
 *   S host sshd[123] text                  no colon
 *   S auth.info: S sshd[123]: text         socklog; the inner stamp may miss
 *   S host auth.info sshd[123]: text       busybox
 *   S <10.5> host sshd[123]: text          FreeBSD's syslogd -v
 *   host sshd[123]: text                   journal exports without a stamp
 * and Solaris' "[ID 800047 auth.info] " in front of the text.
 */
#pragma once

#include "sensor/record.h"
#include "sensor/stamp.h"

/* False when the line has no such header; *ret is undefined then. */
bool syslog_parse(struct stamps *stamps, struct slice line, int64_t now, struct record *ret);
