#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon as a service: where its state may lie, what it tells systemd, TLS, listening before
the network is there, and the table it leaves behind."""
import os
import re
import signal
import socket
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import (BUILD, Daemon, Host, Log, Tap, cleanup, in_kernel, need_commands, need_root, nft,  # noqa: E402
                 run, scratch, until)

CONFIG = """
sensors: [{{file: {log}}}]
system_rule: {{fail_count: 5, span: 5m, forbidden: 1h}}
{more}
"""


def config(log, more=""):
    return CONFIG.format(log=log.path, more=more)


def closed_parent(tap, victim):
    parent = Path(tempfile.mkdtemp(prefix="cordon-e2e-"))  # 0700, root's
    cleanup.callback(run, "rm", "-rf", parent)
    log = Log()
    daemon = Daemon(victim, config(log), state=parent / "a/state").start()
    os.chmod(parent / "a", 0o700)
    log.fail("203.0.113.9")
    tap.ok(until(lambda: in_kernel(victim, "203.0.113.9")),
           "a state directory below one that only root can pass: an attacker is blocked", daemon.log.read_text())
    owner = (parent / "a/state/cordon.db").stat()
    tap.ok(owner.st_uid != 0, "the database there is the engine's user's")
    copy = scratch() / "copy.db"
    daemon.cordon("db", "backup", copy)
    tap.ok("ok" in daemon.cordon("db", "check") and copy.stat().st_size > 0, "it can be checked and copied")
    tap.equal(daemon.stop(), 0, "ends politely")
    daemon.start()
    tap.ok(daemon.block("203.0.113.9", "applied"), "started again it knows the block")
    daemon.stop()
    nft(victim, "flush", "ruleset")


def left_behind(tap, victim):
    """The ruleset of a daemon that was stopped is saved, lost, and loaded, as around a reboot."""
    log = Log()
    daemon = Daemon(victim, config(log)).start()
    log.fail("203.0.113.10")
    log.fail("2001:db8:77::5")
    until(lambda: in_kernel(victim, "203.0.113.10") and in_kernel(victim, "2001:db8:77::"))
    nft(victim, "list", "table", "inet", "cordon")
    daemon.stop()
    saved = daemon.dir / "saved.nft"
    saved.write_text(nft(victim, "list", "ruleset"))
    nft(victim, "flush", "ruleset")
    tap.ok(not in_kernel(victim, "203.0.113.10"), "a flush takes the table of a stopped daemon out")
    nft(victim, "-f", saved)
    tap.ok(in_kernel(victim, "203.0.113.10") and in_kernel(victim, "2001:db8:77::"),
           "the ruleset of a stopped daemon can be saved and loaded", saved.read_text())
    daemon.start()
    said = re.findall(r"kernel in line: (.*)", daemon.log.read_text())[-1]
    tap.ok(re.match(r"0 added, 0 removed, [0-9]+ changed, [0-9]+ as they were", said), "nothing is added to it or removed",
           said)
    os.killpg(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait()
    tap.ok(until(lambda: in_kernel(victim, "203.0.113.10")), "killed, it leaves its blocks as well")
    daemon.start()
    said = re.findall(r"kernel in line: (.*)", daemon.log.read_text())[-1]
    tap.ok(said.startswith("0 added, 0 removed, 0 changed"), "and finds all of them again", said)
    daemon.process.send_signal(signal.SIGHUP)
    again = until(lambda: len(re.findall("kernel in line", daemon.log.read_text())) == 4)
    said = re.findall(r"kernel in line: (.*)", daemon.log.read_text())[-1]
    tap.ok(again and said.startswith("0 added, 0 removed, 0 changed"), "a reload finds all of them, too", said)
    daemon.stop()
    nft(victim, "flush", "ruleset")


class Notified:
    """A socket as systemd gives one to a service."""

    def __init__(self):
        self.path = scratch() / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(30)
        cleanup.callback(self.socket.close)

    def next(self):
        """The words of the next message."""
        try:
            return self.socket.recv(4096).decode().split()
        except TimeoutError:
            return None


def notify(tap, victim):
    systemd = Notified()
    log = Log()
    daemon = Daemon(victim, config(log))
    os.environ["NOTIFY_SOCKET"] = str(systemd.path)
    daemon.start(wait=False)
    del os.environ["NOTIFY_SOCKET"]
    tap.equal(systemd.next(), ["READY=1"], "systemd is told when it is ready")
    tap.ok(daemon.ready(), "and then it is")
    daemon.process.send_signal(signal.SIGHUP)
    tap.equal(systemd.next(), ["RELOADING=1"], "that it reloads")
    tap.equal(systemd.next(), ["READY=1"], "that it has")
    daemon.config.write_text("no such option: 1\n")
    daemon.process.send_signal(signal.SIGHUP)
    tap.equal((systemd.next(), systemd.next()), (["RELOADING=1"], ["READY=1"]),
              "a wrong configuration is left alone, and the reload is over")
    daemon.process.send_signal(signal.SIGTERM)
    tap.equal(systemd.next(), ["STOPPING=1"], "that it ends")
    tap.equal(daemon.process.wait(20), 0, "and it ends")
    nft(victim, "flush", "ruleset")


def curl(host, *args):
    return host.run("curl", "--silent", "--show-error", "--max-time", "10", *args, check=False)


def tls(tap, victim):
    own = scratch()
    name = "cordon.example"
    for who in ("right", "wrong"):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", own / f"{who}.key",
            "-out", own / f"{who}.pem")
    (own / "right.key").chmod(0o600)  # root's: the engine's user cannot read it
    own.chmod(0o700)
    listeners = (f"listen: [{{address: '192.0.2.50:8443', certificate: {own}/right.pem, key: {own}/right.key}}, "
                 f"{{address: '[2001:db8:50::1]:8443', certificate: {own}/right.pem, key: {own}/right.key}}]")
    log = Log()
    daemon = Daemon(victim, config(log, listeners), port=None).start()
    tap.ok(True, "listening on addresses that are not there yet does not keep it from starting")
    victim.run("ip", "addr", "add", "192.0.2.50/32", "dev", "lo")
    victim.run("ip", "addr", "add", "2001:db8:50::1/128", "dev", "lo", "nodad")
    url = f"https://{name}:8443/healthz"
    for address in ("192.0.2.50", "[2001:db8:50::1]"):
        # the address is not loopback: who asks must have a key, so what comes is a refusal, encrypted
        done = curl(victim, "--include", "--cacert", own / "right.pem", "--resolve", f"{name}:8443:{address}", url)
        tap.ok(done.returncode == 0 and done.stdout.startswith("HTTP/1.1 "),
               f"with the certificate's authority {address} answers over TLS once it is there", done.stdout + done.stderr)
    done = curl(victim, "--cacert", own / "wrong.pem", "--resolve", f"{name}:8443:192.0.2.50", url)
    tap.equal(done.returncode, 60, "another authority does not accept it")
    for version, good in (("1.1", False), ("1.2", True)):
        done = curl(victim, "--insecure", "--tls-max", version, "--ciphers", "DEFAULT@SECLEVEL=0", "--resolve",
                    f"{name}:8443:192.0.2.50", url)
        # 35: the handshake failed; without a protocol of its own curl would not even have begun one
        tap.ok(done.returncode == (0 if good else 35) and "no protocols" not in done.stderr,
               f"TLS {version} is {'spoken' if good else 'refused'}", done.stderr)
    done = curl(victim, "--resolve", f"{name}:8443:192.0.2.50", url.replace("https", "http"))
    tap.ok(done.returncode != 0 or "HTTP/1.1 200" not in done.stdout, "plain HTTP is not spoken there", done.stdout)
    daemon.stop()
    plain = own / "plain.yaml"
    for address, good in (("0.0.0.0:8731", False), ("[::]:8731", False), ("192.0.2.50:8731", False),
                          ("127.0.0.1:8731", True), ("[::1]:8731", True)):
        plain.write_text(f"listen: [{{address: '{address}'}}]\nsensors: [{{file: {log.path}}}]\n")
        done = run(BUILD / "cordon", "config", "check", plain, check=False)
        tap.equal(done.returncode == 0, good, f"config check {'takes' if good else 'refuses'} plain HTTP on {address}")
        if not good:
            tap.ok("loopback" in done.stderr, "and says why", done.stderr)
    done = run(BUILD / "cordond", "--config", daemon.config, "--listen", "192.0.2.50:8731", "--state-dir",
               own / "state", check=False)
    tap.ok(done.returncode != 0 and "loopback" in done.stderr, "so does the daemon's --listen", done.stderr)
    nft(victim, "flush", "ruleset")


def main():
    need_root()
    need_commands("ip", "nft", "openssl", "curl")
    tap = Tap()
    victim = Host("d")
    for part in (closed_parent, left_behind, notify, tls):
        part(tap, victim)
    tap.done()


main()
