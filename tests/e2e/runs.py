#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What whoever runs Cordon sees and may ask of it: blocks that grow."""
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import Daemon, Host, Tap, need_commands, need_root, scratch, until  # noqa: E402

CONFIG = """
sensors: [{{file: {log}}}]
system_rule: {{fail_count: 5, span: 5m, forbidden: {forbidden}}}
{more}
"""


class Log:
    """A log file of failed log-ins."""

    def __init__(self):
        self.path = scratch() / "auth.log"
        self.path.touch()
        self.pid = 1000

    def line(self, message, program="sshd", shift=datetime.timedelta()):
        self.pid += 1
        stamp = (datetime.datetime.now().astimezone() + shift).isoformat(timespec="milliseconds")
        with open(self.path, "a") as f:
            f.write(f"{stamp} web {program}[{self.pid}]: {message}\n")

    def fail(self, source, times=5, **how):
        for _ in range(times):
            self.line(f"Failed password for root from {source} port 4242 ssh2", **how)


def config(log, more="", forbidden="1h"):
    return CONFIG.format(log=log.path, more=more, forbidden=forbidden)


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def lasts(record):
    return (time_of(record["expires"]) - time_of(record["created"])).total_seconds()


def growing(tap, victim):
    log = Log()
    daemon = Daemon(victim, config(log, "repeat: {factor: 3, ceiling: 5s}", forbidden="1s")).start()
    source = "203.0.113.20"
    got = []
    for life in (1, 2, 3):
        log.fail(source)
        until(lambda: (daemon.block(source) or {}).get("lives") == life)  # noqa: B023
        record = daemon.block(source)
        got.append((record["lives"], lasts(record)))
        if life < 3:
            until(lambda: daemon.block(source)["state"] == "expired")
    tap.ok("3 times in a row" in daemon.cordon("verify", source), "verify says how often it came back")
    daemon.cordon("unblock", source)
    until(lambda: daemon.block(source)["state"] == "canceled")
    tap.equal(got, [(1, 1.0), (2, 3.0), (3, 5.0)], "a block lasts its rule's time, then longer, up to the ceiling")
    log.fail(source)
    tap.ok(until(lambda: daemon.block(source)["state"] != "canceled"), "it is blocked again after it was lifted")
    record = daemon.block(source)
    tap.equal((record["lives"], lasts(record)), (1, 1.0), "as if for the first time")
    daemon.stop()


def main():
    need_root()
    need_commands("ip", "nft")
    tap = Tap()
    victim = Host("o")
    growing(tap, victim)
    tap.done()


main()
