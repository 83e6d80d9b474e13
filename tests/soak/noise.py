#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A day of noise, a million lines of all services: see e2e/lib/noiseday.py.

noise.py [LINES]"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e" / "lib"))
from e2e import Tap  # noqa: E402
from noiseday import play  # noqa: E402

tap = Tap()
play(tap, int(sys.argv[1]) if len(sys.argv) > 1 else 1000000)
tap.done()
