/* SPDX-License-Identifier: GPL-3.0-or-later */
/* This machine as a protected server. */
#pragma once

struct core;
struct host;

/*
 * Fills c->host: what the configuration says, else what the machine says (its
 * name, the address of the default route when public, its first private
 * address). The uuid is drawn once and kept, but for an agent's: its server gives it
 * (core_agent_begin()). Stores it. A server has no such host: c->host.id stays 0.
 */
int host_load(struct core *c);
/* All but id, account, uuid and enterprise project, as configuration and machine are now. */
void host_describe(const struct core *c, struct host *h);

/* RFC 4122 version 4. */
void host_draw_uuid(char ret[static 40]);
/* "i-" and 20 digits of the uuid. */
void host_derive_instance_id(struct host *h);
