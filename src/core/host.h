/* SPDX-License-Identifier: GPL-3.0-or-later */
/* This machine as a protected server. */
#pragma once

struct core;

/*
 * Fills c->host: what the configuration says, else what the machine says (its
 * name, the address of the default route when public, its first private
 * address). The uuid is drawn once and kept. Stores it.
 */
int host_load(struct core *c);
