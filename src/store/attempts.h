/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the transaction keeps back of attempt_minute until its commit. */
#pragma once

struct store;

int attempts_flush(struct store *s);
void attempts_forget(struct store *s);
