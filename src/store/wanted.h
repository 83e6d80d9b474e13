/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SQL function wanted_host(host): true for the hosts in store.wanted_hosts. */
#pragma once

struct store;

int wanted_register(struct store *s); /* a result of SQLite's */
