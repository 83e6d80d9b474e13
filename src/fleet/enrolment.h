/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What makes a machine an agent: its server's address and pin, its own key and
 * certificate, the uuid it was given. One file, enrolment.json (0600), in the state directory.
 */
#pragma once

#include "base/err.h"
#include "core/fleet.h"
#include "fleet/credential.h"

#define ENROLMENT_FILE "enrolment.json"

struct enrolment {
	char url[256]; /* https://HOST:PORT */
	char pin[PIN_MAX];
	char uuid[40];
	char name[HOST_TEXT_MAX];
	struct credential credential;
};
/* Wipes and frees. */
void enrolment_done(struct enrolment *e);

/* -ENOENT: this machine is no agent. */
int enrolment_load(const char *dir, struct enrolment *ret, struct err *err);
/* Atomically; the file belongs to whom dir belongs. */
int enrolment_save(const char *dir, const struct enrolment *e, struct err *err);
int enrolment_remove(const char *dir);
/*
 * `cordond enrol URL TOKEN`: makes a key, has it signed, saves. token: "SECRET.PIN" as
 * `cordon hosts invite` printed it. Blocks, for 30 s at most. -EAGAIN: the server cannot do it
 * now (503), the token is as good as before.
 */
int enrolment_make(const char *dir, const char *url, const char *token,
	const struct agent_info *info, struct enrolment *ret, struct err *err);
