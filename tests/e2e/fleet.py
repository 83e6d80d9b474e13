#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet: a server and five agents with a real sshd each, attacked by real ssh clients, asked and
told by a vendor's own client, while links go down and processes are killed. In the end every count
equals what the logs say, and every kernel what the server has on record.

ROUNDS (12) disturbances; SEED.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import (BUILD, ROOT, Daemon, Host, Tap, connects, in_kernel, link, need_commands,  # noqa: E402
                 need_root, nft, run, skip_all, until)
from sshhost import SshHost, attack  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "12"))
SEED = int(os.environ.get("SEED", "1"))
AGENTS = 5
FAIL_COUNT = 5
SERVER_CONFIG = """
role: server
fleet: {listen: "0.0.0.0:8732", address: "10.89.0.1:8732"}
"""
AGENT_CONFIG = """
sensors: [{{file: {log}}}]
hits_interval: 1s
system_rule: {{fail_count: {count}, span: 5m, forbidden: 1h}}
"""


def bridge(name, hosts, net):
    """A switch with these hosts on it; hosts: (host, last number of its addresses). Its ends, by host."""
    switch = Host(name)
    switch.run("ip", "link", "add", "br0", "type", "bridge")
    switch.run("ip", "link", "set", "br0", "up")
    ends = {}
    for host, number in hosts:
        ours, theirs = link(host, switch)
        switch.run("ip", "link", "set", theirs, "master", "br0")
        host.run("ip", "addr", "add", f"10.{net}.0.{number}/16", "dev", ours)
        host.run("ip", "addr", "add", f"fd{net}::{number}/64", "dev", ours, "nodad")
        ends[host.ns] = ours
    return ends


class Agent:
    def __init__(self, number):
        self.name, self.number = f"agent{number}", number
        self.host = Host(f"g{number}")
        self.address = f"10.88.0.{10 + number}"
        self.uuid = None

    def prepare(self):
        self.ssh = SshHost(self.host)
        self.daemon = Daemon(self.host, AGENT_CONFIG.format(log=self.ssh.log, count=FAIL_COUNT), port=None)

    def failures(self):
        """What its sshd says: failed passwords by source."""
        return Counter(re.findall(r"Failed password for .* from (\S+) port", self.ssh.log.read_text(errors="replace")))


class Fleet:
    def __init__(self):
        self.server_host, self.attacker = Host("m"), Host("x")
        self.agents = [Agent(i) for i in range(1, AGENTS + 1)]
        pairs = [(a.host, 10 + a.number) for a in self.agents]
        bridge("s8", pairs + [(self.attacker, 100)], 88)
        self.links = bridge("s9", pairs + [(self.server_host, 1)], 89)
        for i in range(1, 41):
            self.attacker.run("ip", "addr", "add", f"10.88.1.{i}/16", "dev",
                              self.attacker.run("ip", "-o", "-4", "addr", "show", "scope", "global").split()[1])
        self.server = Daemon(self.server_host, SERVER_CONFIG)
        for agent in self.agents:
            agent.prepare()

    def enrol(self, agent):
        said = self.server.cordon("hosts", "invite", "--name", agent.name)
        url, token = re.search(r"cordond enrol (\S+) (\S+)", said).groups()
        return agent.host.run(BUILD / "cordond", "enrol", url, token, "--state-dir", agent.daemon.state)

    def hosts(self):
        return {h["name"]: h for h in self.server.json("hosts")}

    def online(self):
        return {name for name, h in self.hosts().items() if h["online"]}

    def make_key(self):
        key = self.server.json("keys", "create", "--name", "sdk", "--allow", "*")
        self.key = dict(os.environ, CORDON_URL="http://127.0.0.1:8731", CORDON_AK=key["access_key_id"],
                        CORDON_SK=key["secret_access_key"], CORDON_PROJECT=key["project_id"])

    def call(self, action, check=True, **params):
        """One operation by the vendor's client."""
        command = self.server_host.command("node", ROOT / "tests/sdk/call.mjs", action,
                                           *(f"{k}={v}" for k, v in params.items()))
        done = subprocess.run(command, env=self.key, text=True, capture_output=True, timeout=60)
        if done.returncode != 0:
            if check:
                raise RuntimeError(done.stderr)
            return {"Code": "NoAnswer"}
        answer = json.loads(done.stdout)
        if check and "Code" in answer:
            raise RuntimeError(f"{action} {params}: {answer}")
        return answer

    def blocked_ip(self, **params):
        """The other vendor's list, by its client."""
        command = self.server_host.command("node", ROOT / "tests/sdk/call_huawei.mjs", *(f"{k}={v}" for k, v in params.items()))
        return json.loads(run(*command, env=self.key))["data_list"]

    def custom(self, address, bound="in"):
        rows = self.call("DescribeCustomBlockRecords", BlockIp=address, PageSize=100)["RecordList"]
        return next((r for r in rows if r["Bound"] == bound), None)

    def instances(self, address, bound="in"):
        rows = self.call("DescribeCustomBlockInstances", BlockIp=address, Bound=bound, PageSize=100)["InstanceList"]
        return {r["InstanceName"]: r for r in rows}

    def create(self, address, agents, bound="in", seconds=3600, check=True):
        return self.call("CreateCustomBlockRecord", check=check, BlockIp=address, Bound=bound,
                         ExpireTime=int((time.time() + seconds) * 1000), Uuids=",".join(a.uuid for a in agents))

    def have(self, address):
        return [a.name for a in self.agents if in_kernel(a.host, address)]


def enrolment(tap, fleet):
    server = fleet.server.start()
    for agent in fleet.agents:
        fleet.enrol(agent)
        agent.daemon.start()
    tap.ok(until(lambda: len(fleet.online()) == AGENTS, 15), f"{AGENTS} agents are enrolled and online", fleet.hosts())
    for name, host in fleet.hosts().items():
        next(a for a in fleet.agents if a.name == name).uuid = host["uuid"]
    said = server.cordon("hosts", "invite", "--name", "twice")
    url, token = re.search(r"cordond enrol (\S+) (\S+)", said).groups()
    other = fleet.agents[0].host
    first = other.run(BUILD / "cordond", "enrol", url, token, "--state-dir", fleet.agents[0].daemon.dir / "other", check=False)
    again = other.run(BUILD / "cordond", "enrol", url, token, "--state-dir", fleet.agents[0].daemon.dir / "third", check=False)
    tap.ok(first.returncode == 0 and again.returncode != 0, "a token is good once", first.stderr + again.stderr)
    secret, pin = token.split(".", 1)
    wrong = f"{secret}.{'A' * (len(pin) - 1)}="
    refused = other.run(BUILD / "cordond", "enrol", url, wrong, "--state-dir", fleet.agents[0].daemon.dir / "fourth", check=False)
    tap.ok(refused.returncode != 0, "another server than the invitation's is not spoken to", refused.stderr)
    server.cordon("hosts", "retire", "twice", "--yes")
    tap.ok("twice" not in fleet.online(), "a host can be retired", fleet.hosts())
    plain = run("openssl", "version", check=False).returncode == 0
    if plain:
        done = other.run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "https://10.89.0.1:8732/fleet/v1/wishes?after=0",
                         check=False)
        tap.ok(done.stdout == "401" or done.returncode != 0, "without a certificate nothing is answered", done.stdout)


def one_attack(tap, fleet):
    one = fleet.agents[0]
    attack(fleet.attacker, one.address, FAIL_COUNT, bind="10.88.0.100")
    tap.ok(until(lambda: in_kernel(one.host, "10.88.0.100")), "an attacked agent blocks by itself", one.daemon.log.read_text())

    def listed():
        rows = fleet.call("DescribeBruteForceRecords", BlockIp="10.88.0.100")["MachineList"]
        return [(r["InstanceName"], r["Status"], r["Uuid"]) for r in rows] == [(one.name, 1, one.uuid)]
    tap.ok(until(listed, 10, 0.2), "the server shows it by the vendor's client, on that host",
           fleet.call("DescribeBruteForceRecords", BlockIp="10.88.0.100"))
    rows = [(r["host_name"], r["src_ip"], r["intercept_num"]) for r in fleet.blocked_ip(host_name=one.name)]
    tap.equal(rows, [(one.name, "10.88.0.100", FAIL_COUNT)], "so does the other vendor's, asked for that host")
    tap.equal(fleet.blocked_ip(host_name=fleet.agents[1].name), [], "and shows nothing of another host")
    tap.equal(fleet.have("10.88.0.100"), [one.name], "the other kernels have not heard of it")
    record = fleet.server.block("10.88.0.100")
    tap.equal(record["attempts"], FAIL_COUNT, "the attempts are those of its sshd")
    fleet.call("DisableBruteForceRecord", BlockIp="10.88.0.100", Uuid=one.uuid)
    tap.ok(until(lambda: not in_kernel(one.host, "10.88.0.100"), 5), "lifted by the vendor's client, its kernel lets go")
    tap.ok(until(lambda: fleet.server.block("10.88.0.100")["state"] == "canceled", 5), "and the server has its word for it",
           fleet.server.block("10.88.0.100"))


def three_of_five(tap, fleet):
    three = fleet.agents[:3]
    names = [a.name for a in three]
    fleet.create("203.0.113.7", three)
    tap.ok(until(lambda: fleet.have("203.0.113.7") == names, 5), "a custom block on three of five is in three kernels",
           fleet.have("203.0.113.7"))
    record = until(lambda: (lambda r: r if r["EnableCount"] == 3 else None)(fleet.custom("203.0.113.7")), 5, 0.1)
    tap.ok(record and record["Status"] == 1 and record["ServerCount"] == 3 and
           {t["Target"] for t in record["TargetList"]} == {a.uuid for a in three}, "and the record says so by acknowledgements",
           fleet.custom("203.0.113.7"))
    again = fleet.create("203.0.113.7", three, check=False)
    tap.equal(again.get("Code"), "RuleRecordIsExists", "made again, it is refused")
    foreign = fleet.call("CreateCustomBlockRecord", check=False, BlockIp="203.0.113.8", Bound="in",
                         ExpireTime=int((time.time() + 60) * 1000), Uuids="00000000-0000-4000-8000-000000000000")
    tap.ok("Code" in foreign, "a host that is not there is refused", foreign)
    fleet.call("ModifyCustomBlockRecord", BlockIp="203.0.113.7", Bound="in", ExpireTime=int((time.time() + 3600) * 1000),
               Uuids=",".join(a.uuid for a in fleet.agents[2:]))
    tap.ok(until(lambda: fleet.have("203.0.113.7") == [a.name for a in fleet.agents[2:]], 5), "changed to others, it moves",
           fleet.have("203.0.113.7"))
    fleet.call("DisableCustomBlockRecord", BlockIp="203.0.113.7", Bound="in")
    tap.ok(until(lambda: not fleet.have("203.0.113.7"), 5), "disabled, it is nowhere")
    tap.equal(fleet.custom("203.0.113.7")["Status"], 0, "and shown as invalid")
    fleet.call("EnableCustomBlockRecord", BlockIp="203.0.113.7", Bound="in")
    tap.ok(until(lambda: len(fleet.have("203.0.113.7")) == 3, 5), "enabled, it is back")
    fleet.call("DeleteCustomBlockRecord", Id=fleet.custom("203.0.113.7")["Id"])
    tap.ok(until(lambda: not fleet.have("203.0.113.7"), 5) and fleet.custom("203.0.113.7") is None, "deleted, it is gone")
    one = fleet.agents[0].daemon
    one.cordon("block", "203.0.113.72")
    said = one.cordon("block", "203.0.113.72", "--for", "1h")
    tap.ok(said.startswith("203.0.113.72 is blocked until ") and "kernel" not in said, "an agent's own block is in its kernel", said)
    said = fleet.server.json("block", "203.0.113.70", "203.0.113.71", "--all")
    tap.equal((said["servers"], said["applied"], said["errors"]), (AGENTS, AGENTS, []), "blocked from the server: in every kernel")
    tap.equal([fleet.have(a) for a in ("203.0.113.70", "203.0.113.71")], [[a.name for a in fleet.agents]] * 2, "so it is")


def outward(tap, fleet):
    one = fleet.agents[1]
    fleet.attacker.start(sys.executable, "-m", "http.server", "9100", stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    until(lambda: connects(one.host, "10.88.0.100", 9100), 5)
    fleet.create("10.88.0.100", [one], bound="out")
    tap.ok(until(lambda: not connects(one.host, "10.88.0.100", 9100), 5), "an out block refuses what the server starts")
    tap.ok(connects(fleet.attacker, one.address, 22), "but not what comes from there")
    fleet.call("DeleteCustomBlockRecord", Id=fleet.custom("10.88.0.100", "out")["Id"])
    tap.ok(until(lambda: connects(one.host, "10.88.0.100", 9100), 5), "deleted, it connects again")
    fleet.create("2001:db8:9::1", fleet.agents[:2])
    tap.ok(until(lambda: len(fleet.have("2001:db8:9::1")) == 2, 5), "v6 as well")


def cut_off(tap, fleet):
    lone, other = fleet.agents[3], fleet.agents[4]
    lone.host.run("ip", "link", "set", fleet.links[lone.host.ns], "down")
    tap.ok(until(lambda: lone.name not in fleet.online(), 20, 0.2), "an agent whose link is down is offline within seconds")
    fleet.create("203.0.113.20", [lone])
    tap.equal(fleet.custom("203.0.113.20")["Status"], 2, "a block that no server acknowledged is failed")
    instance = fleet.instances("203.0.113.20")[lone.name]
    tap.ok(instance["ErrorCode"] == "AliNetNotOnline" and instance["AliNetOnline"] is False, "and says why", instance)
    attack(fleet.attacker, lone.address, FAIL_COUNT, bind="10.88.1.40")
    tap.ok(until(lambda: in_kernel(lone.host, "10.88.1.40")), "cut off, it goes on blocking")
    fleet.create("203.0.113.21", [lone, other])
    lone.host.run("ip", "link", "set", fleet.links[lone.host.ns], "up")
    tap.ok(until(lambda: lone.name in fleet.online(), 30, 0.2), "with its link it is online again")
    tap.ok(until(lambda: in_kernel(lone.host, "203.0.113.20") and in_kernel(lone.host, "203.0.113.21"), 10),
           "what was wished meanwhile is in its kernel")
    tap.ok(until(lambda: fleet.custom("203.0.113.20")["Status"] == 1, 10, 0.2), "and enabled by itself")
    caught_up = until(lambda: (fleet.server.block("10.88.1.40") or {}).get("state") == "applied", 10, 0.2)
    tap.ok(caught_up, "what it blocked meanwhile is on the server's record", fleet.server.blocks("all"))


class Attackers(threading.Thread):
    """Real ssh clients with wrong passwords, from many addresses at every agent."""

    def __init__(self, fleet, rng):
        super().__init__(daemon=True)
        self.fleet, self.rng, self.go = fleet, rng, True

    def run(self):
        while self.go:
            agent = self.rng.choice(self.fleet.agents)
            source = f"10.88.1.{self.rng.randint(1, 38)}"
            try:
                attack(self.fleet.attacker, agent.address, self.rng.randint(1, 3), bind=source)
            except (OSError, subprocess.SubprocessError):
                time.sleep(0.1)


class Wisher(threading.Thread):
    """Makes and deletes custom blocks by the vendor's client; what stays wanted in the end is `wanted`."""

    def __init__(self, fleet, rng):
        super().__init__(daemon=True)
        self.fleet, self.rng, self.go = fleet, rng, True
        self.wanted = {}

    def run(self):
        for i in range(1, 200):
            if not self.go:
                return
            address = f"192.0.2.{i}"
            agents = self.rng.sample(self.fleet.agents, self.rng.randint(1, AGENTS))
            if "Code" in self.fleet.create(address, agents, check=False):
                self.wanted[address] = None  # the answer was lost: either is right
                continue
            self.wanted[address] = {a.name for a in agents}
            if self.rng.random() < 0.3:
                done = self.fleet.call("DisableCustomBlockRecord", check=False, BlockIp=address, Bound="in")
                self.wanted[address] = None if "Code" in done else set()


def disturb(fleet, rng):
    what = rng.choice(["server", "agent", "agent", "engine", "link"])
    agent = rng.choice(fleet.agents)
    if what == "link":
        end = fleet.links[agent.host.ns]
        agent.host.run("ip", "link", "set", end, "down")
        time.sleep(rng.uniform(0.5, 3))
        agent.host.run("ip", "link", "set", end, "up")
        return
    daemon = fleet.server if what == "server" else agent.daemon
    if what == "engine":
        engine = daemon.pids().get("cordon-engine")
        if engine:
            os.kill(engine, signal.SIGKILL)
        return
    os.killpg(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait()
    time.sleep(rng.uniform(0, 1))
    daemon.start()


def kernel_of(agent):
    """Every address its in sets hold."""
    found, name = set(), ""
    for line in nft(agent.host, "list", "table", "inet", "cordon").splitlines():
        words = line.replace("=", " ").replace(",", " ").replace("{", " ").split()
        if words[:1] == ["set"]:
            name = words[1]
        elif name in ("block4", "block6", "block64", "net4", "net6"):
            found.update(w for w in words if re.fullmatch(r"[0-9a-f:.]*[:.][0-9a-f:.]+(/\d+)?", w))
    return found


def on_record(fleet, agent):
    rows = fleet.server.blocks("applied", host=agent.name)
    return {r["target"].removesuffix("/64") for r in rows if r["direction"] == "in"}


def storm(tap, fleet):
    rng = random.Random(SEED)
    attackers = [Attackers(fleet, random.Random(SEED + 10 + i)) for i in range(4)]
    wisher = Wisher(fleet, random.Random(SEED + 2))
    for thread in [*attackers, wisher]:
        thread.start()
    for _ in range(ROUNDS):
        time.sleep(rng.uniform(0.3, 1.5))
        disturb(fleet, rng)
    for thread in [*attackers, wisher]:
        thread.go = False
    for thread in [*attackers, wisher]:
        thread.join()
    tap.ok(until(lambda: len(fleet.online()) == AGENTS, 60, 0.3), f"after {ROUNDS} disturbances all agents are online")
    truth = sum((a.failures() for a in fleet.agents), Counter())

    def counted():
        return {s: fleet.server.json("verify", s)["failures_total"] for s in truth}
    until(lambda: counted() == truth, 30, 0.5)
    time.sleep(1)  # and no more than that
    got = counted()
    wrong = {s: (got[s], truth[s]) for s in truth if got[s] != truth[s]}
    tap.ok(truth and not wrong, f"{sum(truth.values())} failures of {len(truth)} sources: every count on the server "
           "equals what the sshds logged", f"(got, true): {wrong}")
    until(lambda: all(kernel_of(a) == on_record(fleet, a) for a in fleet.agents), 20, 0.5)
    for agent in fleet.agents:
        kernel, record = kernel_of(agent), on_record(fleet, agent)
        tap.ok(kernel == record, f"the kernel of {agent.name} equals its record ({len(record)} blocks)",
               f"only kernel: {kernel - record}, only record: {record - kernel}")
    missing = {address: (names, fleet.have(address)) for address, names in wisher.wanted.items()
               if names is not None and set(fleet.have(address)) != names}
    tap.ok(not missing, f"{len(wisher.wanted)} custom blocks are where they were wished", missing)


def retirement(tap, fleet):
    last = fleet.agents[-1]
    fleet.create("203.0.113.90", fleet.agents[3:])
    until(lambda: len(fleet.have("203.0.113.90")) == 2, 5)
    fleet.server.cordon("hosts", "retire", last.name, "--yes")
    tap.ok(until(lambda: not in_kernel(last.host, "203.0.113.90"), 10), "a retired host lets go of what was wished")
    tap.equal(fleet.custom("203.0.113.90")["ServerCount"], 1, "and is counted no more")
    tap.ok(until(lambda: "dismissed" in last.daemon.log.read_text(), 10) and last.daemon.process.poll() is None,
           "it was told, and goes on alone", last.daemon.log.read_text())
    attack(fleet.attacker, last.address, FAIL_COUNT, bind="10.88.1.39")
    tap.ok(until(lambda: in_kernel(last.host, "10.88.1.39")), "and still protects itself", last.daemon.log.read_text())


def audit(tap, fleet):
    rows = fleet.server.json("audit", "--limit", "1000")
    what = {r["what"] for r in rows}
    tap.ok({"host.invite", "host.enrol", "host.retire", "key.create", "block", "unblock", "block.disable"} <= what,
           "the audit knows who changed what", sorted(what))
    made = next(r for r in rows if r["object"].startswith("203.0.113.90"))
    tap.ok(made["who"] == fleet.key["CORDON_AK"] and made["from"] == "127.0.0.1", "with key and address", made)


def main():
    need_root()
    need_commands("ip", "nft", "ss", "node", "curl")
    if not (ROOT / "tests/sdk/node_modules").exists():
        skip_all("the clients of tests/sdk are not installed")
    tap = Tap()
    fleet = Fleet()
    enrolment(tap, fleet)
    fleet.make_key()
    one_attack(tap, fleet)
    three_of_five(tap, fleet)
    outward(tap, fleet)
    cut_off(tap, fleet)
    storm(tap, fleet)
    retirement(tap, fleet)
    audit(tap, fleet)
    for agent in fleet.agents:
        tap.equal(agent.daemon.stop(), 0, f"{agent.name} ends politely")
    tap.equal(fleet.server.stop(), 0, "the server ends politely")
    tap.ok("ok" in fleet.server.cordon("db", "check"), "the server's database is whole")
    tap.done()


main()
