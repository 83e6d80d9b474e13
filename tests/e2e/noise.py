#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A day of noise in small, fifty thousand lines of all services: see lib/noiseday.py."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import Tap  # noqa: E402
from noiseday import play  # noqa: E402

tap = Tap()
play(tap, int(sys.argv[1]) if len(sys.argv) > 1 else 50000)
tap.done()
