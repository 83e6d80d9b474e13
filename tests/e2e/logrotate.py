#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation by the real logrotate(8) while the daemon runs: with copytruncate, with create and a
writer that opens its file again, and with delayed compression; once while the daemon is down. No line lost, none twice."""
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import Daemon, Tap, cleanup, need_commands, run, scratch, until  # noqa: E402

ROTATIONS = int(os.environ.get("ROTATIONS", "6"))
SOURCES = [f"198.51.100.{i}" for i in range(1, 21)]

COMPRESSED = "copytruncate and compress"
WAYS = {
    "copytruncate": "copytruncate",
    COMPRESSED: "copytruncate\n  compress",
    "create, and a writer that is told": "create 0644\n  postrotate\n    touch {dir}/again\n  endscript",
    "create and delaycompress": "create 0644\n  compress\n  delaycompress\n  postrotate\n    touch {dir}/again\n  endscript",
}


class Writer(threading.Thread):
    """Writes a failed log-in now and then, appending as syslog daemons do."""

    def __init__(self, log, rng):
        super().__init__(daemon=True)
        self.log, self.again, self.rng = log, log.parent / "again", rng
        self.truth = Counter()
        self.go = True
        self.pause = threading.Lock()

    def run(self):
        f = open(self.log, "ab", buffering=0)
        pid = 1000
        while self.go:
            if self.again.exists():
                self.again.unlink()
                f.close()
                f = open(self.log, "ab", buffering=0)
            with self.pause:
                source = self.rng.choice(SOURCES)
                pid += 1
                stamp = time.strftime("%b %e %H:%M:%S")
                f.write(f"{stamp} web sshd[{pid}]: Failed password for root from {source} port "
                        f"{self.rng.randint(1024, 65535)} ssh2\n".encode())
                self.truth[source] += 1
            time.sleep(self.rng.random() * 0.01)
        f.close()


def counts(daemon):
    return {source: daemon.json("verify", source)["failures_total"] for source in SOURCES}


def rotate(tap, way, directives, rng):
    own = scratch()
    log = own / "auth.log"
    log.touch()
    log.chmod(0o644)
    rules = own / "rules"
    rules.write_text(f"{log} {{\n  rotate 20\n  {directives.format(dir=own)}\n}}\n")
    rules.chmod(0o644)
    daemon = Daemon(config=f"sensors: [{{file: {log}}}]\nlimits: {{blocks_per_minute: 0}}\n",
                    port=18700 + os.getpid() % 1000, options=["--observe"]).start()
    writer = Writer(log, rng)
    cleanup.callback(setattr, writer, "go", False)
    writer.start()
    for n in range(ROTATIONS):
        time.sleep(rng.uniform(0.2, 0.5))
        kill = n == ROTATIONS // 2
        if kill:
            os.killpg(daemon.process.pid, signal.SIGKILL)
            daemon.process.wait()
            # what was compressed meanwhile is out of reach
            if way == COMPRESSED:
                daemon.start()
        # between logrotate's copying and its truncating the kernel has no way to keep a line:
        # a writer is still for that moment, the daemon is not
        with writer.pause:
            run("logrotate", "--force", "--state", own / "state", rules)
        if kill and way != COMPRESSED:
            time.sleep(rng.uniform(0, 0.2))
            daemon.start()
    writer.go = False
    writer.join()
    truth = sum(writer.truth.values())
    until(lambda: sum(counts(daemon).values()) >= truth, 30, 0.2)
    time.sleep(0.5)  # and no more than that
    got = counts(daemon)
    wrong = {s: (got[s], writer.truth[s]) for s in SOURCES if got[s] != writer.truth[s]}
    tap.ok(not wrong, f"{way}: {truth} lines, {ROTATIONS} rotations, a kill: each counted once",
           f"(got, true): {wrong}\n" + daemon.log.read_text())
    sensor = daemon.json("status")["sensors"][0]
    tap.equal(sensor["gaps"], 0, f"{way}: no gap was noticed")
    tap.ok(len(list(own.glob("auth.log.*"))) == ROTATIONS, f"{way}: there are as many old logs", list(own.iterdir()))
    tap.equal(daemon.stop(), 0, f"{way}: the daemon ends politely")


def main():
    need_commands("logrotate")
    os.environ["PATH"] += ":/usr/sbin"
    tap = Tap()
    rng = random.Random(int(os.environ.get("SEED", "1")))
    for way, directives in WAYS.items():
        rotate(tap, way, directives, rng)
    tap.done()


main()
