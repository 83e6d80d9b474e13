#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Two hundred kills instead of twenty.
ROUNDS=200 SEED=7 exec "$CORDON_ROOT/tests/e2e/exactly_once.py"
