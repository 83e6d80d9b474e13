#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""All four services on one host, each a real daemon attacked by its real client over v4 and
v6: MariaDB, xrdp, vsftpd, and beside sshd Dropbear. What the kernel, the records, both
dialects and the clients say; and names that look like the daemons' own words."""
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import (Daemon, Host, Tap, connects, in_kernel, link, need_commands, need_root, nft, run,  # noqa: E402
                 until)
from services import Dropbear, MariaDb, Vsftpd, Xrdp  # noqa: E402
from sshhost import PASSWORD, SshHost  # noqa: E402

TIMES = 3
CONFIG = """
sensors:
  - {{file: {ssh}, services: [ssh]}}
  - {{file: {mysql}, services: [mysql]}}
  - {{file: {vsftpd}, services: [vsftpd]}}
  - {{file: {rdp}, services: [rdp]}}
system_rule: {{fail_count: %d, span: 5m, forbidden: 1h}}
""" % TIMES
INNOCENT = "203.0.113.99"


class Net:
    """The victim and a cable to each other host: number N has .N.2, the victim's end .N.1."""

    def __init__(self):
        self.victim, self.sources = Host("v"), {}

    def source(self, name):
        n = len(self.sources) + 1
        host = self.sources[name] = Host(name)
        host.server = {4: f"10.78.{n}.1", 6: f"fd78:{n}::1"}
        host.address = {4: f"10.78.{n}.2", 6: f"fd78:{n}::2"}
        link(self.victim, host, *((f"{host.server[v]}/{24 if v == 4 else 64}",
                                   f"{host.address[v]}/{24 if v == 4 else 64}") for v in (4, 6)))
        return host


class Scene:
    def __init__(self):
        self.net = Net()
        mysql, vsftpd, rdp = MariaDb(), Vsftpd(), Xrdp()
        ssh = Dropbear()
        self.servers = [mysql, vsftpd, rdp, ssh]
        beside = SshHost(self.net.victim, beside="\n".join(s.start for s in self.servers))
        ssh.log, self.syslog = beside.log, beside.dir / "daemon.log"
        self.bystander = self.net.source("b")
        if not until(self.listening, 30):
            raise RuntimeError("not all servers listen:\n" + self.net.victim.run("ss", "-Hltn") +
                               "".join(s.log.read_text() for s in self.servers) + beside.output.read_text())
        self.daemon = Daemon(self.net.victim, CONFIG.format(**{s.service: s.log for s in self.servers})).start()
        key = self.daemon.json("keys", "create", "--name", "e2e")
        self.environment = dict(os.environ, CORDON_URL=f"http://127.0.0.1:{self.daemon.port}",
                                CORDON_AK=key["access_key_id"], CORDON_SK=key["secret_access_key"],
                                CORDON_PROJECT=key["project_id"])

    def listening(self):
        ports = self.net.victim.run("ss", "-Hltn")
        return all(f"[::]:{s.port} " in ports or f"*:{s.port} " in ports for s in self.servers)

    def held(self, address):
        return in_kernel(self.net.victim, address)

    def records(self, address, state="all"):
        return {b["service"]: b for b in self.daemon.blocks(state, address=address)}

    def ask(self, *arguments):
        script = Path(__file__).resolve().parent / "lib/both.mjs"
        return self.net.victim.run("node", script, *arguments, env=self.environment)

    def dialects(self, address):
        """({port}, {login type}) that the dialects say of the address."""
        said = json.loads(self.ask(address))
        return ({(row["BlockIp"], row["Port"]) for row in said["aliyun"]},
                {(row["src_ip"], row["login_type"]) for row in said["huawei"]})

    def why(self, server):
        return "\n".join([server.log.read_text(errors="replace")[-2000:], self.daemon.log.read_text()[-2000:],
                          str(self.daemon.blocks("all"))])


# Dropbear answers on the port it was given; the service's is what the records say.
PORTS = {"ssh": "22/22", "mysql": "3306/3306", "rdp": "3389/3389", "vsftpd": "21/21"}


def attacked(tap, scene, server, version):
    """One address guesses at one service until it is cut off."""
    name = f"{type(server).__name__} over v{version}"
    source = scene.net.sources[server.service]
    at, own = source.server[version], source.address[version]
    for _ in range(TIMES - 1):
        server.attempt(source, at)
    tap.ok(server.attempt(source, at, password=PASSWORD) and not scene.held(own),
           f"{name}: {TIMES - 1} failures do not block, the right password is let in", scene.why(server))
    server.attempt(source, at)
    if not tap.ok(until(lambda: scene.held(own)), f"{name}: the next one is in the kernel", scene.why(server)):
        return
    record = until(lambda: scene.records(own, "applied").get(server.service))
    tap.ok(record and record["attempts"] == TIMES, f"{name}: the record has the service and the count", record)
    tap.equal(scene.dialects(own), ({(own, PORTS[server.service])}, {(own, server.login_type)}),
              f"{name}: both dialects say port and log-in type")
    tap.ok(not connects(source, at, server.port), f"{name}: the attacker is cut off")
    there = scene.bystander
    tap.ok(server.attempt(there, there.server[version], password=PASSWORD), f"{name}: the bystander logs in")


def strange_names(service):
    """Names like the daemon's own words."""
    return {
        "mysql": [f"x'@'{INNOCENT}' (using password: YES)"],
        "rdp": [f"a ip={INNOCENT} time=1"],
        "vsftpd": [f'x" FAIL LOGIN: Client "{INNOCENT}"', f'x] FAIL LOGIN: Client "{INNOCENT}'],
        "ssh": [f"nobody from {INNOCENT} port 22"],
    }[service]


def names(tap, scene, server):
    """Who calls himself what the log says of somebody else: only the peer can be blocked."""
    source = scene.net.sources[f"n{server.service}"]
    name = type(server).__name__
    for strange in strange_names(server.service):
        for _ in range(TIMES):
            server.attempt(source, source.server[4], user=strange)
    tap.ok(until(lambda: scene.held(source.address[4])), f"{name}: strange names are counted against the peer",
           scene.why(server))
    tap.ok(not scene.records(INNOCENT) and not scene.held(INNOCENT),
           f"{name}: and never against the address in the name", scene.why(server))


def lines_in_names(tap, scene, xrdp):
    """xrdp writes line breaks in names as they came into its own file; syslog writes one line all the same."""
    source = scene.net.source("lines")
    stamp = time.strftime("[%Y%m%d-%H:%M:%S] [INFO ] ", time.gmtime())
    name = f"b\n{stamp}AUTHFAIL: user=c ip={INNOCENT} time=3\n{stamp}d"
    xrdp.attempt(source, source.server[4], user=name)
    found = lambda: {s["source"] for s in json.loads(run(  # noqa: E731
        os.environ.get("CORDON_BUILD", "build") + "/cordon", "scan", "--json", scene.syslog))["sources"]}
    tap.ok(until(lambda: source.address[4] in found()), "a name of several lines, through syslog: the peer is seen",
           scene.syslog.read_text()[-2000:])
    tap.ok(INNOCENT not in found(), "and the address in the name is not")


def elements(scene, address):
    """How often the kernel's block set has the address."""
    return nft(scene.net.victim, "list", "set", "inet", "cordon", "block4").replace(",", " ").split().count(address)


def two_services(tap, scene, first, second):
    """An address that is blocked for two services: one element, two records."""
    source = scene.net.source("two")
    own = source.address[4]
    scene.daemon.stop()  # so that the first block does not keep it from the second service
    for server in (first, second):
        for _ in range(TIMES):
            server.attempt(source, source.server[4])
    scene.daemon.start()
    tap.ok(until(lambda: set(scene.records(own, "applied")) == {first.service, second.service}),
           "two services, one address: two records", scene.daemon.blocks("all"))
    tap.equal(elements(scene, own), 1, "and one element in the kernel")
    scene.ask(own, first.login_type)
    tap.equal(scene.records(own)[first.service]["state"], "cancelling", "one that is lifted waits for the other")
    tap.ok(elements(scene, own) == 1 and not connects(source, source.server[4], second.port),
           "the address stays cut off for the other")
    scene.ask(own, second.login_type)
    tap.ok(until(lambda: elements(scene, own) == 0), "when both are lifted, so is the element")
    tap.ok(until(lambda: {b["state"] for b in scene.records(own).values()} == {"canceled"}),
           "and both records are canceled", scene.records(own))
    tap.ok(first.attempt(source, source.server[4], password=PASSWORD) and
           second.attempt(source, source.server[4], password=PASSWORD), "and the address logs in to both")


class Later:
    """The cases of one thread, which are told together."""

    def __init__(self):
        self.cases = []

    def ok(self, good, name, detail=""):
        self.cases.append((good, name, detail))
        return good

    def equal(self, got, expected, name):
        return self.ok(got == expected, name, f"got {got!r}, expected {expected!r}")


def one_service(scene, server):
    said = Later()
    for version in (4, 6):
        attacked(said, scene, server, version)
    names(said, scene, server)
    return said.cases


def main():
    need_root()
    need_commands("ip", "nft", "ss", "node")
    tap, scene = Tap(), Scene()
    for server in scene.servers:
        scene.net.source(server.service)
        scene.net.source(f"n{server.service}")
    with ThreadPoolExecutor() as pool:
        for cases in pool.map(lambda server: one_service(scene, server), scene.servers):
            for case in cases:
                tap.ok(*case)
    lines_in_names(tap, scene, scene.servers[2])
    two_services(tap, scene, scene.servers[0], scene.servers[1])
    tap.done()


main()
