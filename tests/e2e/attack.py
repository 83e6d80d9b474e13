#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on real input: a real sshd attacked by real ssh clients, over v4 and v6, on
hosts made of network namespaces; what the kernel, the records and the clients say."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import (Daemon, Host, Tap, cleanup, connects, in_kernel, link, need_commands,  # noqa: E402
                 need_root, nft, run, until)
from sshhost import PASSWORD, USER, SshHost, attack, login, ssh  # noqa: E402

CONFIG = """
sensors: [{{file: {log}}}]
nft_owner: {owner}
hits_interval: 1s
system_rule: {{fail_count: 5, span: 5m, forbidden: 1h}}
"""


class Net:
    """victim between attacker and bystander; the attacker also has a routed /64."""

    def __init__(self):
        self.victim, self.attacker, self.bystander = Host("v"), Host("a"), Host("b")
        link(self.victim, self.attacker, ("10.77.1.1/24", "10.77.1.2/24"),
             ("fd77:1::1/64", "fd77:1::2/64"))
        link(self.victim, self.bystander, ("10.77.2.1/24", "10.77.2.2/24"),
             ("fd77:2::1/64", "fd77:2::2/64"))
        self.attacker.run("ip", "addr", "add", "fd77:a::5/128", "dev", "lo")
        self.attacker.run("ip", "addr", "add", "fd77:a::6/128", "dev", "lo")
        self.victim.run("ip", "route", "add", "fd77:a::/64", "via", "fd77:1::2")


class Live:
    """A log-in that stays: echoes what it is sent as long as the path is open."""

    def __init__(self, source, address, bind=None, user=USER):
        self.p = subprocess.Popen(ssh(source, address, PASSWORD, command="cat", bind=bind, user=user),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        cleanup.callback(self.p.kill)
        os.set_blocking(self.p.stdout.fileno(), False)

    def close(self):
        self.p.kill()
        self.p.wait()

    def echoes(self, seconds=3):
        try:
            self.p.stdin.write(b"x\n")
            self.p.stdin.flush()
        except OSError:
            return False
        return bool(until(self.p.stdout.read, seconds))


def kernel_says(net, address):
    return in_kernel(net.victim, address)


def v4(tap, net, daemon):
    live, other = Live(net.attacker, "10.77.1.1"), Live(net.bystander, "10.77.2.1")
    tap.ok(live.echoes() and other.echoes(), "before: attacker and bystander have live sessions")
    tap.equal(attack(net.attacker, "10.77.1.1", 4), 4, "four wrong passwords are answered")
    tap.ok(login(net.attacker, "10.77.1.1"), "four failures do not block")
    attack(net.attacker, "10.77.1.1", 1)
    tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), "the fifth puts the address into the kernel",
           daemon.log.read_text())
    block = until(lambda: daemon.block("10.77.1.2", "applied"))
    tap.ok(block and block["attempts"] == 5 and block["service"] == "ssh",
           "the record is applied and has counted 5", block)
    tap.ok(not connects(net.attacker, "10.77.1.1", 22), "no new connection from the attacker")
    tap.ok(not live.echoes(1), "the attacker's live session is cut")
    tap.ok(other.echoes(), "the bystander's live session is not")
    tap.ok(login(net.bystander, "10.77.2.1"), "the bystander logs in")
    counted = until(lambda: (daemon.block("10.77.1.2") or {}).get("attempts") == 6, 10, 0.3)
    tap.ok(counted, "the refused connection is counted once", daemon.block("10.77.1.2"))
    verdict = daemon.cordon("verify", "10.77.1.2")
    tap.ok("10.77.1.2 is blocked" in verdict and "kernel: drops" in verdict, "verify says so", verdict)


def v6(tap, net, daemon):
    attack(net.attacker, "fd77:1::1", 5, bind="fd77:a::5")
    tap.ok(until(lambda: kernel_says(net, "fd77:a::")), "a routed v6 source is blocked by /64",
           daemon.blocks("all"))
    block = until(lambda: daemon.block("fd77:a::6", "applied"))
    tap.ok(block and block["trigger"] == "fd77:a::5" and block["target"] == "fd77:a::/64",
           "any address of the /64 finds the record, which shows the attacker's", block)
    tap.ok(not login(net.attacker, "fd77:1::1", bind="fd77:a::6"), "its neighbour in the /64 is cut off")
    attack(net.attacker, "fd77:1::1", 5)
    tap.ok(until(lambda: kernel_says(net, "fd77:1::2")), "an on-link v6 source is blocked alone",
           daemon.blocks("all"))
    tap.ok(login(net.bystander, "fd77:2::1"), "the bystander logs in over v6")


def unblock(tap, net, daemon):
    daemon.cordon("unblock", "10.77.1.2")
    tap.ok(until(lambda: not kernel_says(net, "10.77.1.2")), "unblock takes it out of the kernel")
    tap.ok(until(lambda: daemon.block("10.77.1.2", "canceled")), "the record is canceled")
    tap.ok(login(net.attacker, "10.77.1.1"), "the attacker is in again")
    tap.equal(attack(net.attacker, "10.77.1.1", 4), 4, "the count starts anew: four are answered again")
    daemon.cordon("allow", "add", "10.77.1.0/24", "--why", "test")
    attack(net.attacker, "10.77.1.1", 3)
    time.sleep(0.5)
    tap.ok(not kernel_says(net, "10.77.1.2") and login(net.attacker, "10.77.1.1"),
           "an allowed address is never blocked", daemon.log.read_text())
    daemon.cordon("allow", "remove", "10.77.1.0/24")


def expiry(tap, net, daemon):
    daemon.cordon("rules", "add", "short", "--failures", "3", "--span", "1m", "--block", "15s", "--service", "ssh")
    attack(net.attacker, "10.77.1.1", 3)
    tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), "a user's rule blocks at its own count")
    block = daemon.block("10.77.1.2")
    tap.ok(block["rule"] == "short" and block["source"] == "user", "and the record names it", block)
    tap.ok(until(lambda: login(net.attacker, "10.77.1.1"), 30, 0.5), "after the rule's time the attacker is in again")
    tap.ok(until(lambda: daemon.block("10.77.1.2", "expired")), "the record has expired")
    daemon.cordon("rules", "remove", "short")


def administrator(tap, net, daemon):
    """Whoever works as root from an address does not lose it to failures from there."""
    live = Live(net.attacker, "10.77.1.1", user="root")
    tap.ok(live.echoes(), "root logs in from the attacker's address")
    attack(net.attacker, "10.77.1.1", 6)
    tap.ok(live.echoes() and not kernel_says(net, "10.77.1.2"), "and keeps its session through six failures",
           daemon.log.read_text())
    live.close()
    daemon.cordon("unblock", "10.77.1.2", check=False)
    attack(net.attacker, "10.77.1.1", 6)
    tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), "when root has left, the same failures block",
           daemon.log.read_text())
    daemon.cordon("unblock", "10.77.1.2")


def hold(net, daemon, address="10.77.1.2"):
    attack(net.attacker, "10.77.1.1", 5)
    return until(lambda: kernel_says(net, address) and daemon.block(address, "applied"))


def foreign_hands(tap, net, daemon, owner):
    """Others flush, delete, reload: the blocks stay or come back."""
    tap.ok(hold(net, daemon), f"blocked (table {'owned' if owner else 'not owned'})")
    nft(net.victim, "flush", "ruleset", check=False)
    tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), "there after nft flush ruleset", daemon.log.read_text())
    nft(net.victim, "delete", "table", "inet", "cordon", check=False)
    tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), "there after nft delete table")
    nft(net.victim, "delete", "element", "inet", "cordon", "block4", "{ 10.77.1.2 }", check=False)
    tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), "there after nft delete element")
    own = daemon.dir / "nftables.conf"
    own.write_text("flush ruleset\ntable inet filter { chain input {\n  type filter hook input priority 0;\n}\n}\n")
    nft(net.victim, "-f", own)
    tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), "there after the nftables service was reloaded")
    tap.ok("table inet filter" in nft(net.victim, "list", "ruleset"), "and the service's own table stands")
    tap.ok(not connects(net.attacker, "10.77.1.1", 22), "and it still cuts the attacker off")


def deaths(tap, net, daemon):
    for name in ("cordon-engine", "cordon-enforcer"[:15]):
        pid = daemon.pids()[name]
        os.kill(pid, signal.SIGKILL)
        tap.ok(until(lambda: daemon.pids().get(name, pid) != pid and daemon.ready(), 20),
               f"{name} is killed and comes back", daemon.log.read_text())
        tap.ok(kernel_says(net, "10.77.1.2"), "the block is in the kernel")
    os.killpg(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait()
    tap.ok(kernel_says(net, "10.77.1.2"), "all are killed: the block stays")
    attack(net.bystander, "10.77.2.1", 3)
    daemon.start()
    failures = lambda: daemon.json("verify", "10.77.2.2")["failures_total"]  # noqa: E731
    tap.ok(until(lambda: failures() == 3, 10, 0.2), "what happened meanwhile is counted", failures())
    attack(net.bystander, "10.77.2.1", 2)
    tap.ok(until(lambda: kernel_says(net, "10.77.2.2")), "and the count goes on from there")
    daemon.cordon("unblock", "10.77.2.2")


def stop_and_start(tap, net, daemon):
    tap.equal(daemon.stop(), 0, "ends politely")
    tap.ok(kernel_says(net, "10.77.1.2"), "blocks stay in the kernel")
    listing = nft(net.victim, "list", "table", "inet", "cordon")
    tap.ok("10.77.1.2" in listing, "and nft lists them")
    daemon.start()
    tap.ok("kernel in line: 0 added, 0 removed" in daemon.log.read_text().rsplit("ready", 2)[-2],
           "a start finds nothing to change", daemon.log.read_text())
    daemon.process.send_signal(signal.SIGHUP)
    tap.ok(until(lambda: "reload: starting again" in daemon.log.read_text() and daemon.ready(), 20),
           "reload")
    tap.ok(kernel_says(net, "10.77.1.2") and daemon.block("10.77.1.2", "applied"), "and all is as it was")


def sdk_environment(daemon):
    key = daemon.json("keys", "create", "--name", "sdk", "--allow", "*")
    temporary = daemon.json("keys", "create", "--name", "temporary", "--expires", "1h")
    host = daemon.json("hosts")[0]
    return dict(os.environ, CORDON_URL=f"http://127.0.0.1:{daemon.port}", CORDON_AK=key["access_key_id"],
                CORDON_SK=key["secret_access_key"], CORDON_PROJECT=key["project_id"],
                CORDON_ACCOUNT=key["account_id"], CORDON_HOST_UUID=host["uuid"],
                CORDON_HOST_NAME=host["name"], CORDON_INSTANCE_ID=host["instance_id"],
                CORDON_BLOCK_IP="10.77.1.2", CORDON_STS_AK=temporary["access_key_id"],
                CORDON_STS_SK=temporary["secret_access_key"], CORDON_STS_TOKEN=temporary["security_token"])


def sdks(tap, net, daemon):
    """The vendors' own clients see the same block, lift it and renew it."""
    environment = sdk_environment(daemon)
    for name in ("aliyun", "huawei"):
        tap.ok(until(lambda: kernel_says(net, "10.77.1.2")), f"blocked before {name}'s clients come")
        script = Path(__file__).resolve().parents[1] / "sdk" / f"{name}.mjs"
        done = subprocess.run(net.victim.command("node", script), env=environment, text=True,
                              capture_output=True, timeout=120)
        for line in done.stdout.splitlines():
            if line.startswith(("ok ", "not ok ")):
                title = line.split(" - ", 1)[-1]
                if "# SKIP" in title:
                    tap.skip(f"{name}: {title.split(' # SKIP')[0]}", title.split("# SKIP ")[-1])
                else:
                    tap.ok(line.startswith("ok "), f"{name}: {title}", done.stdout + done.stderr)
        tap.equal(done.returncode, 0, f"{name}'s clients are satisfied")
        if not kernel_says(net, "10.77.1.2"):
            tap.ok(login(net.attacker, "10.77.1.1"), f"what {name}'s clients lifted is lifted")
            hold(net, daemon)


def main():
    need_root()
    need_commands("ip", "nft", "ss", "node")
    tap, net = Tap(), Net()
    server = SshHost(net.victim)
    daemon = Daemon(net.victim, CONFIG.format(log=server.log, owner="true")).start()
    v4(tap, net, daemon)
    v6(tap, net, daemon)
    unblock(tap, net, daemon)
    expiry(tap, net, daemon)
    administrator(tap, net, daemon)
    foreign_hands(tap, net, daemon, True)
    deaths(tap, net, daemon)
    stop_and_start(tap, net, daemon)
    sdks(tap, net, daemon)
    daemon.stop()
    run(*net.victim.command(os.environ.get("CORDON_BUILD", "build") + "/cordon", "flush"))
    daemon = Daemon(net.victim, CONFIG.format(log=server.log, owner="false")).start()
    foreign_hands(tap, net, daemon, False)
    daemon.stop()
    tap.done()


main()
