#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that write lines into the logs of real servers, by line breaks in their names: MariaDB's
own file, the same through rsyslog and through the journal, and xrdp's own file. Whom the lines
name is neither counted nor blocked; who wrote them is, as often as he came."""
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import (Daemon, Host, Tap, cleanup, in_kernel, link, need_commands, need_root, scratch, until)  # noqa: E402
from services import MariaDb, Xrdp  # noqa: E402
from sshhost import PASSWORD, SshHost  # noqa: E402

WRITER = "/lib/systemd/systemd-journal-remote"
STRANGER = "203.0.113.99"  # nobody
FIELDS = ("_BOOT_ID=%032x\n_UID=107\n_COMM=mariadbd\n_TRANSPORT=stdout\n_HOSTNAME=db\nSYSLOG_IDENTIFIER=mariadbd\n"
          "_SYSTEMD_UNIT=mariadb.service\n" % 7)


class Journal(threading.Thread):
    """What journald makes of a service's output: each line of a file becomes an entry."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.go = path, True
        self.directory = scratch()
        # as in /var/log/journal: files of group systemd-journal, which the engine is in
        shutil.chown(self.directory, group="systemd-journal")
        self.directory.chmod(0o2755)
        self.writer = subprocess.Popen([WRITER, "-o", str(self.directory / "remote.journal"), "-"],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cleanup.callback(self.end)
        self.start()

    def end(self):
        self.go = False
        self.join(10)
        self.writer.stdin.close()
        self.writer.wait(10)

    def run(self):
        latest = 0
        with open(self.path, "rb") as f:
            while self.go:
                line = f.readline()
                if not line:
                    time.sleep(0.01)
                    continue
                latest = max(time.time_ns() // 1000, latest + 1)
                text = line.rstrip(b"\n")
                head = f"__REALTIME_TIMESTAMP={latest}\n__MONOTONIC_TIMESTAMP={time.monotonic_ns() // 1000}\n{FIELDS}_PID=9\n"
                self.writer.stdin.write(head.encode() + b"MESSAGE\n" + len(text).to_bytes(8, "little") + text + b"\n\n")
                self.writer.stdin.flush()


class Scene:
    """A victim with one server, two attackers, and a bystander who has not come yet."""

    def __init__(self, name, server, sensor, fails):
        self.server, self.fails = server, fails
        self.victim = Host(f"v{name}")
        self.hosts = {}
        for n, who in enumerate(("attacker", "second", "bystander"), 1):
            host = self.hosts[who] = Host(f"{who[0]}{name}")
            host.address, host.server = {4: f"10.79.{n}.2", 6: f"fd79:{n}::2"}, {4: f"10.79.{n}.1", 6: f"fd79:{n}::1"}
            link(self.victim, host, *((f"{host.server[v]}/{24 if v == 4 else 64}",
                                       f"{host.address[v]}/{24 if v == 4 else 64}") for v in (4, 6)))
        beside = SshHost(self.victim, beside=server.start)
        if not until(self.listening, 30):
            raise RuntimeError(f"{name} does not listen:\n" + beside.output.read_text())
        self.log = sensor(beside)
        self.daemon = Daemon(self.victim, f"sensors: [{{{self.log}}}]\n"
                             f"system_rule: {{fail_count: {fails}, span: 5m, forbidden: 1h}}\n").start()

    def listening(self):
        return f":{self.server.port} " in self.victim.run("ss", "-Hltn")

    def attempt(self, who, version=4, **kw):
        host = self.hosts[who]
        return self.server.attempt(host, host.server[version], **kw)

    def unconfirmed(self):
        return self.daemon.json("status")["detection"]["unconfirmed"]

    def failures(self, address):
        return self.daemon.json("verify", address)["failures_total"]

    def held(self, address):
        return in_kernel(self.victim, address)

    def why(self):
        return "\n".join([str(self.log), str(self.daemon.blocks("all")), self.daemon.log.read_text()[-2000:],
                          self.server.log.read_text(errors="replace")[-3000:]])


def mysql_name(n, victim):
    """A name of at most 128 characters, and how many failures its lines forge."""
    stamp = time.strftime("%y%m%d %H:%M:%S", time.gmtime())
    short = f"Access denied for user ''@'{victim}' (using password: NO)\n"
    return [(f"\n{short}{short}", 2),
            (f"x'@'{victim}' (using password: YES)\n{stamp} [Note] {short}", 2),
            (f"x\n{stamp} [Note] Access denied for user 'y'@'{victim}' (using password: YES)\nz", 1)][n % 12 // 5]


def xrdp_name(n, victim):
    stamp = time.strftime("[%Y%m%d-%H:%M:%S] [INFO ]", time.gmtime())
    line = f"{stamp} AUTHFAIL: user=c ip={victim} time=3\n"
    return [(f"b\n{line}{line}{stamp} d", 2),
            (f"b ip={victim} time=3\n{line}[20200101-00:00:00] [INFO ] ++ created session: username c, ip {victim}", 2)][n % 2]


# names that would hide who has them
HIDING = ["x\n", "x\n[20200101-00:00:00] [INFO ] ++ created session: username y", "x\n2020-01-01  0:00:00 4 [Note] y",
          "\n\n\nx", "x\n[20200101-00:00:00] [INFO ] AUTHFAIL: user=y", "x\nNov 22 01:00:00 h sshd[1]: Invalid user y",
          "x\nNov 22 01:00:00 h mariadbd[1]: message repeated 9 times: [ y", "x\n{\"y\":\"", "x\r\ny"]


def attack(tap, scene, what, who, names):
    """One more attempt than there are names blocks who has them, and nothing else is counted for him."""
    own = scene.hosts[who].address[4]
    forgeries = scene.unconfirmed() + sum(lines for _, lines in names)
    for user, _ in names:
        scene.attempt(who, user=user)
    tap.ok(until(lambda: scene.unconfirmed() == forgeries and scene.failures(own) == len(names)),
           f"{what}: {sum(x for _, x in names)} forged lines are unconfirmed, {len(names)} attempts are who made them's",
           (forgeries, scene.unconfirmed(), scene.failures(own), scene.why()))
    tap.ok(not scene.held(own), f"{what}: which does not block him yet")
    scene.attempt(who)
    tap.ok(until(lambda: scene.held(own)), f"{what}: the next one does", scene.why())
    record = scene.daemon.block(own, "applied")
    tap.ok(record and record["attempts"] == scene.fails and record["service"] == scene.server.service,
           f"{what}: the record has the true count", record)


def innocent(tap, scene, what, named):
    """The first was named more often than a block takes, all of them more often than never."""
    tap.ok(not any(scene.failures(x) or scene.daemon.blocks("all", address=x) or scene.held(x) for x in named),
           f"{what}: whom the lines name is neither counted nor blocked", scene.why())
    attacker = scene.hosts["attacker"].address[4]
    tap.equal([scene.daemon.json("verify", x)["answered"][scene.server.service] for x in (attacker, *named)],
              [True, *(False for _ in named)], f"{what}: cordon verify says why")
    tap.ok("unconfirmed" in scene.daemon.cordon("status"), f"{what}: and cordon status that there are such")
    for version in (4, 6):
        own = scene.hosts["bystander"].address[version]
        tap.ok(scene.attempt("bystander", version, password=PASSWORD), f"{what}: the bystander logs in over v{version}")
        scene.attempt("bystander", version)
        tap.ok(until(lambda: scene.failures(own) == 1), f"{what}: and once he has failed himself that counts",  # noqa: B023
               (scene.failures(own), scene.why()))


def forged(tap, what, scene, name_of, hiding):
    bystander = scene.hosts["bystander"].address
    names = [name_of(n, STRANGER) for n in range(scene.fails - 1 - hiding)]
    attack(tap, scene, what, "attacker", names + [(user, 0) for user in HIDING[:hiding]])
    attack(tap, scene, what, "second",
           [name_of(n // 2, bystander[6 if n % 2 else 4]) for n in range(scene.fails - 1)])
    innocent(tap, scene, what, (STRANGER, *bystander.values()))


def mysql(tap, name, server, sensor):
    forged(tap, f"MariaDB, {name}", Scene(name[0], server, sensor, 24), mysql_name, len(HIDING))


def xrdp(tap):
    server = Xrdp()
    scene = Scene("x", server, lambda _: f"file: {server.log}, services: [rdp]", 8)
    forged(tap, "xrdp, its file", scene, xrdp_name, 2)


def main():
    need_root()
    need_commands("ip", "nft", "ss", "logger")
    tap = Tap()
    plain = MariaDb()
    # without `services`, as one might write it: what looks like sshd's counts for nobody either
    mysql(tap, "file", plain, lambda _: f"file: {plain.log}")
    mysql(tap, "rsyslog", MariaDb(syslog=True), lambda beside: f"file: {beside.dir}/daemon.log, services: [mysql]")
    if os.access(WRITER, os.X_OK):
        server = MariaDb()
        mysql(tap, "journal", server, lambda _: f"journal: {Journal(server.log).directory}")
    else:
        tap.skip("MariaDB, journal", f"{WRITER} is not installed")
    xrdp(tap)
    tap.done()


main()
