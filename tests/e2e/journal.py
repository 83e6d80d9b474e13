#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal, from files that systemd's own writer writes while the daemon runs and is killed:
every count equals the truth, and who reached the rule is blocked in the kernel."""
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import Daemon, Host, Tap, cleanup, in_kernel, need_commands, need_root, nft, scratch, skip_all, until  # noqa: E402

WRITER = "/lib/systemd/systemd-journal-remote"
ROUNDS = int(os.environ.get("ROUNDS", "8"))
SEED = int(os.environ.get("SEED", "1"))
MANY = [f"198.51.100.{i}" for i in range(1, 31)] + [f"2001:db8:{i:x}::1" for i in range(1, 11)]
FEW = [f"203.0.113.{i}" for i in range(1, 6)]  # fail less often than the rule asks for
FAIL_COUNT = 10

FIELDS = "_BOOT_ID={boot}\n_UID=0\n_COMM=sshd\n_TRANSPORT=syslog\n_HOSTNAME=web1\nSYSLOG_IDENTIFIER=sshd\n"


class Writer(threading.Thread):
    """Failed log-ins in the export format, through one writer process a journal file."""

    def __init__(self, directory, rng):
        super().__init__(daemon=True)
        self.directory, self.rng = directory, rng
        self.truth = Counter()
        self.files = 0
        self.go = True
        self.began = time.monotonic()
        self.latest = 0
        self.boot = "%032x" % rng.getrandbits(128)
        self.few = [source for source in FEW for _ in range(FAIL_COUNT - 1)]

    def open_file(self):
        self.files += 1
        self.process = subprocess.Popen([WRITER, "-o", str(self.directory / f"remote-{self.files}.journal"), "-"],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close_file(self):
        self.process.stdin.close()
        if self.process.wait(30) != 0:
            raise RuntimeError("the journal's writer failed")

    def entry(self, message, pid):
        now = max(time.time_ns() // 1000, self.latest + 1)
        self.latest = now
        text = (f"__REALTIME_TIMESTAMP={now}\n__MONOTONIC_TIMESTAMP={int((time.monotonic() - self.began) * 1e6) + 1}\n"
                f"{FIELDS.format(boot=self.boot)}_PID={pid}\nMESSAGE={message}\n\n")
        self.process.stdin.write(text.encode())

    def run(self):
        self.open_file()
        pid = 1000
        while self.go:
            for _ in range(self.rng.randint(1, 20)):
                pid += 1
                source = self.rng.choice(MANY)
                if self.few and self.rng.random() < 0.1:
                    source = self.few.pop()
                self.entry(f"Failed password for invalid user oracle from {source} port "
                           f"{self.rng.randint(1024, 65535)} ssh2", pid)
                self.truth[source] += 1
                if self.rng.random() < 0.2:
                    self.entry(f"Connection closed by invalid user oracle {source} port 1 [preauth]", pid)
            self.process.stdin.flush()
            if self.rng.random() < 0.004:
                self.close_file()
                self.open_file()
            time.sleep(self.rng.random() * 0.01)
        self.close_file()


def counts(daemon):
    return {source: daemon.json("verify", source)["failures_total"] for source in MANY + FEW}


def main():
    need_root()
    need_commands("ip", "nft")
    if not os.access(WRITER, os.X_OK):
        skip_all(f"{WRITER} is not installed")
    tap = Tap()
    rng = random.Random(SEED)
    victim = Host("j")
    directory = scratch()
    # as in /var/log/journal: files of group systemd-journal, which the engine is in
    shutil.chown(directory, group="systemd-journal")
    directory.chmod(0o2755)
    daemon = Daemon(victim, f"sensors: [{{journal: {directory}}}]\nlimits: {{blocks_per_minute: 0}}\n"
                    f"system_rule: {{fail_count: {FAIL_COUNT}, span: 5m, forbidden: 1h}}\n").start()
    writer = Writer(directory, random.Random(SEED + 1))
    cleanup.callback(setattr, writer, "go", False)
    writer.start()
    for _ in range(ROUNDS):
        time.sleep(rng.uniform(0.1, 0.8))
        engine = daemon.pids().get("cordon-engine")
        if rng.random() < 0.5 or not engine:
            os.killpg(daemon.process.pid, signal.SIGKILL)
            daemon.process.wait()
            time.sleep(rng.uniform(0, 0.3))
            daemon.start()
        else:
            os.kill(engine, signal.SIGKILL)
    writer.go = False
    writer.join()
    truth = sum(writer.truth.values())
    until(daemon.ready, 30)
    until(lambda: sum(counts(daemon).values()) >= truth, 60, 0.3)
    time.sleep(0.5)  # and no more than that
    got = counts(daemon)
    wrong = {s: (got[s], writer.truth[s]) for s in got if got[s] != writer.truth[s]}
    tap.ok(not wrong, f"{truth} failures of {len(got)} sources, {ROUNDS} kills, {writer.files} journal files: every "
           "count equals the truth", f"(got, true): {wrong}")
    blocked = [s for s in MANY if writer.truth[s] >= FAIL_COUNT]
    listed = nft(victim, "list", "table", "inet", "cordon")
    missing = [s for s in blocked if s.replace("::1", "::") + " " not in listed]
    tap.ok(len(blocked) > 20 and not missing, f"{len(blocked)} sources are blocked in the kernel", missing)
    blocks = daemon.blocks("applied")
    tap.equal(len(blocks), len(blocked), "and have each one record")
    off = {b["trigger"]: (b["attempts"], writer.truth[b["trigger"]]) for b in blocks
           if b["attempts"] != writer.truth[b["trigger"]]}
    tap.ok(not off, "whose number of attempts is the truth", f"(got, true): {off}")
    tap.ok(not any(in_kernel(victim, s) for s in FEW), "who failed less often is not blocked")
    sensor = daemon.json("status")["sensors"][0]
    tap.equal(sensor["gaps"], 0, "no gap was noticed")
    tap.equal(daemon.stop(), 0, "ends politely")
    tap.ok("ok" in daemon.cordon("db", "check"), "the database is whole")
    tap.done()


main()
