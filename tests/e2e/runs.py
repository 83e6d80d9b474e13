#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What whoever runs Cordon sees and may ask of it: blocks that grow, sources that cannot
be relied upon, the ceiling, a reload, the database compacted."""
import datetime
import json
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import Daemon, Host, Log, Tap, in_kernel, need_commands, need_root, nft, scratch, until  # noqa: E402

CONFIG = """
sensors: [{{file: {log}}}]
system_rule: {{fail_count: 5, span: 5m, forbidden: {forbidden}}}
{more}
"""


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


def sensor_of(daemon):
    return json.loads(daemon.cordon("status", "--json", check=False).stdout)["sensors"][0]


def sources(tap, victim):
    log = Log()
    daemon = Daemon(victim, config(log, "silent_after: 2s")).start()
    late = datetime.timedelta(hours=-2)
    for _ in range(3):
        log.line("Server listening on 0.0.0.0 port 22.", shift=late)
        time.sleep(1.1)
    tap.ok(until(lambda: sensor_of(daemon)["shift_seconds"] == 7200), "stamps that are two hours off are noticed",
           sensor_of(daemon))
    log.fail("203.0.113.30", shift=late)
    tap.ok(until(lambda: in_kernel(victim, "203.0.113.30")), "and what they are on counts as of now")
    tap.equal(daemon.log.read_text().count("off by 120 min"), 1, "that is said once")
    tap.ok("put right" in daemon.cordon("status"), "status says so, and that all is well")
    tap.ok(until(lambda: "silent for" in daemon.cordon("status")), "a source that says nothing is remarked upon")
    with open(log.path, "a") as f:
        f.write("what is this\n" * 100)
    tap.ok(until(lambda: sensor_of(daemon)["problem"]), "lines that are not understood are a problem")
    tap.equal(daemon.cordon("status", check=False).returncode, 1, "and status does not call that well")
    page = victim.run("curl", "-s", "http://127.0.0.1:8731/metrics")
    for name, least in (("source_unparsed_share_permille", 500), ("source_shift_seconds", 7200),
                        ("source_silent", 0), ("source_silent_seconds", 0)):
        value = re.search(rf"^cordon_{name}{{[^}}]*}} ([0-9]+)$", page, re.M)
        tap.ok(value and int(value[1]) >= least, f"a metric shows {name}", page)
    daemon.stop()


def strangers(tap, victim):
    """Messages of sshd that nobody knows."""
    log = Log()
    daemon = Daemon(victim, config(log)).start()
    for _ in range(60):
        log.line("Login of root from 203.0.113.60 refused")
        log.line("a timer", program="systemd")
    tap.ok(until(lambda: sensor_of(daemon)["unknown_permille"] == 1000), "messages that nobody knows are a share of sshd's",
           sensor_of(daemon))
    sensor = sensor_of(daemon)
    tap.equal((sensor["messages"], sensor["unknown"], sensor["unparsed"]), (60, 60, 0), "and are counted")
    tap.ok("none is a failed login" in (sensor["problem"] or ""), "a problem where none of them is a failed log-in", sensor)
    page = victim.run("curl", "-s", "http://127.0.0.1:8731/metrics")
    value = re.search(r"^cordon_source_unknown_total{[^}]*} ([0-9]+)$", page, re.M)
    tap.ok(value and int(value[1]) == 60, "a metric counts them", page)
    log.fail("203.0.113.61")
    tap.ok(until(lambda: not sensor_of(daemon)["problem"]), "none where failures are read", sensor_of(daemon))
    tap.ok("messages are not understood" in daemon.cordon("status"), "then status remarks upon it")
    daemon.stop()


def ceiling(tap, victim):
    log = Log()
    daemon = Daemon(victim, config(log, "limits: {blocks_per_minute: 1}")).start()

    def reached():
        """The minute may end in between: then there is another try."""
        for i in range(40, 43):
            log.fail(f"203.0.113.{i}")
        return until(lambda: "AT THE CEILING" in daemon.cordon("status", check=False).stdout, 2)

    tap.ok(until(reached), "status says that no more blocks are made this minute")
    tap.ok("cordon_blocks_over_ceiling_total" in victim.run("curl", "-s", "http://127.0.0.1:8731/metrics"),
           "and a metric counts those")
    daemon.stop()


def reloads(tap, victim):
    log = Log()
    daemon = Daemon(victim, config(log)).start()
    before = daemon.cordon("db", "vacuum", "--state-dir", daemon.state, check=False)
    tap.ok(before.returncode == 1 and "another cordond uses" in before.stderr, "db vacuum leaves a running daemon alone",
           before.stderr)
    daemon.config.write_text(config(log, "nft_table: elsewhere\nuser: nobody\nallow: [203.0.113.50]"))
    daemon.process.send_signal(signal.SIGHUP)
    tap.ok(until(lambda: daemon.log.read_text().count("info: ready\n") == 2), "a reload that changes what cannot change is no failure",
           daemon.log.read_text())
    said = daemon.log.read_text()
    tap.ok("nft_table stays cordon" in said and "user stays cordon" in said and "enforcer_user" not in said,
           "it names what stays", said)
    until(daemon.ready)
    log.fail("203.0.113.50")
    log.fail("203.0.113.51")
    tap.ok(until(lambda: in_kernel(victim, "203.0.113.51")), "it goes on in its table")
    tap.ok(not in_kernel(victim, "203.0.113.50"), "and has taken over the rest")
    daemon.stop()
    tap.ok("MiB became" in daemon.cordon("db", "vacuum"), "db vacuum compacts the database of a stopped daemon")
    tap.ok("ok" in daemon.cordon("db", "check"), "which is whole")
    daemon.config.write_text(config(log))
    tap.ok(daemon.start().block("203.0.113.51", "applied"), "and the daemon goes on with it")
    daemon.stop()


def main():
    need_root()
    need_commands("ip", "nft", "curl")
    tap = Tap()
    victim = Host("o")
    for part in (growing, sources, strangers, ceiling, reloads):
        part(tap, victim)
        nft(victim, "flush", "ruleset")
    tap.done()


main()
