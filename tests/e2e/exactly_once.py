#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exactly once: the daemon's processes are killed at random instants while a log of
known truth is written and rotated by rename; every count must equal the truth.

ROUNDS (20) kills; the same runs with 200 as tests/soak/exactly_once_200.sh. Observe mode: this is about the
store, and needs no root.
"""
import datetime
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import Daemon, Tap, end, scratch, until  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "20"))
SEED = int(os.environ.get("SEED", "1"))
SOURCES = [f"198.51.100.{i}" for i in range(1, 41)] + [f"2001:db8:{i:x}::1" for i in range(1, 11)]


class Writer(threading.Thread):
    """Writes failed log-ins, remembers how many of each source, rotates as logrotate does."""

    def __init__(self, path, rng):
        super().__init__(daemon=True)
        self.path, self.rng = path, rng
        self.truth = Counter()
        self.go = True
        self.rotations = 0

    def run(self):
        f = open(self.path, "ab", buffering=0)
        pid = 1000
        while self.go:
            burst = []
            for _ in range(self.rng.randint(1, 40)):
                source = self.rng.choice(SOURCES)
                pid += 1
                stamp = datetime.datetime.now().astimezone().isoformat(timespec="microseconds")
                burst.append(f"{stamp} web sshd[{pid}]: Failed password for root from {source} port "
                             f"{self.rng.randint(1024, 65535)} ssh2\n")
                self.truth[source] += 1
                if self.rng.random() < 0.2:
                    burst.append(f"{stamp} web CRON[{pid}]: pam_unix(cron:session): session closed\n")
            text = "".join(burst).encode()
            cut = self.rng.randrange(len(text))  # a line may arrive in two pieces
            f.write(text[:cut])
            f.write(text[cut:])
            if self.rng.random() < 0.006:
                f = self.rotate(f)
            time.sleep(self.rng.random() * 0.004)
        f.close()

    def rotate(self, f):
        for n in range(40, 0, -1):
            if os.path.exists(f"{self.path}.{n}"):
                os.rename(f"{self.path}.{n}", f"{self.path}.{n + 1}")
        os.rename(self.path, f"{self.path}.1")
        self.rotations += 1
        if self.rng.random() < 0.5:  # the old file still gets lines until the daemon reopens
            source = self.rng.choice(SOURCES)
            stamp = datetime.datetime.now().astimezone().isoformat(timespec="microseconds")
            f.write(f"{stamp} web sshd[{self.rng.randint(100000, 4000000)}]: Failed password for root from "
                    f"{source} port 4242 ssh2\n".encode())
            self.truth[source] += 1
        f.close()
        return open(self.path, "ab", buffering=0)


def counts(daemon):
    out = {}
    for source in SOURCES:
        out[source] = daemon.json("verify", source)["failures_total"]
    return out


def main():
    tap = Tap()
    rng = random.Random(SEED)
    log = scratch() / "auth.log"
    log.touch()
    log.chmod(0o644)
    log.parent.chmod(0o755)
    daemon = Daemon(config=f"sensors: [{{file: {log}}}]\nlimits: {{blocks_per_minute: 0}}\n",
                    port=18700 + os.getpid() % 1000, options=["--observe"]).start()
    writer = Writer(log, random.Random(SEED + 1))
    writer.start()
    for _ in range(ROUNDS):
        time.sleep(rng.uniform(0.05, 0.6))
        whole = rng.random() < 0.5
        engine = daemon.pids().get("cordon-engine")
        if whole or not engine:
            os.killpg(daemon.process.pid, signal.SIGKILL)
            daemon.process.wait()
            time.sleep(rng.uniform(0, 0.3))
            daemon.start()
        else:
            os.kill(engine, signal.SIGKILL)
    writer.go = False
    writer.join()
    truth = sum(writer.truth.values())
    until(lambda: sum(counts(daemon).values()) >= truth, 60, 0.3)
    time.sleep(0.5)  # and no more than that
    got = counts(daemon)
    wrong = {s: (got[s], writer.truth[s]) for s in SOURCES if got[s] != writer.truth[s]}
    tap.ok(not wrong, f"{truth} failures of {len(SOURCES)} sources, {ROUNDS} kills, {writer.rotations} "
           "rotations: every count equals the truth", f"(got, true): {wrong}")
    gaps = sum(s["gaps"] for s in daemon.json("status")["sensors"])
    tap.equal(gaps, 0, "no gap was noticed")
    tap.equal(daemon.stop(), 0, "ends politely")
    tap.ok("ok" in daemon.cordon("db", "check"), "the database is whole")
    tap.done()


main()
