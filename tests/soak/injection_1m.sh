#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A million lines with foreign text in them, another series each day.
PROPERTY_LINES=1000000 PROPERTY_SEED=$(date +%j) exec "$CORDON_BUILD/tests/unit/sensor/test_injection"
