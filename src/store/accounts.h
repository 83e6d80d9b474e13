/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a new database begins with. */
#pragma once

struct store;

/* The first account, its numbers drawn at random, and the proof of the secret key. */
int accounts_found(struct store *s);
