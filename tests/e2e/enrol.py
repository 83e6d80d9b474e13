#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Becoming an agent, being one and being one no more: what `cordond enrol` accepts and refuses, a running
daemon that changes its role, a link that goes and comes, a server that moves, a retirement, clones, and an account
that is closed."""
import base64
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import (BUILD, Daemon, Host, Log, Tap, cleanup, in_kernel, link, need_commands, need_root, nft,  # noqa: E402
                 run, scratch, until)

AGENT = """
sensors: [{{file: {log}}}]
system_rule: {{fail_count: 5, span: 5m, forbidden: 1h}}
{more}
"""
SERVER = "role: server\n"
SERVER_ADDRESS, AGENT_ADDRESS = "10.90.0.1", "10.90.0.2"


class World:
    def __init__(self):
        self.server_host, self.host = Host("m"), Host("a")
        self.cable = link(self.server_host, self.host, (f"{SERVER_ADDRESS}/24", f"{AGENT_ADDRESS}/24"))
        self.log = Log()
        self.server = Daemon(self.server_host, SERVER)
        self.daemon = Daemon(self.host, AGENT.format(log=self.log.path, more=""))

    def invite(self, *options):
        """URL and token of a new invitation."""
        said = self.server.cordon("hosts", "invite", *options)
        return re.search(r"cordond enrol (\S+) (\S+)", said).groups()

    def enrol(self, *args, state=None):
        done = self.host.run(BUILD / "cordond", "enrol", *args, "--state-dir", state or self.daemon.state,
                             "--config", self.daemon.config, check=False)
        return done.returncode, done.stdout + done.stderr

    def status(self):
        """{} while the engine starts again and nobody answers."""
        return json.loads(self.daemon.cordon("status", "--json", check=False).stdout or "{}")

    def linked(self):
        return bool((self.status().get("link") or {}).get("connected"))

    def online(self):
        return {h["name"] for h in self.server.json("hosts") if h["state"] == "online"}

    def on_server(self, address):
        return (self.server.block(address) or {}).get("state")


def refusals(tap, w):
    url, token = w.invite()
    secret, pin = token.split(".", 1)
    state = scratch() / "nobody"
    cases = [
        ((url,), 2, "URL and TOKEN", "without a token"),
        ((url, secret), 1, "hosts invite", "with half a token"),
        ((url, f"{'A' * len(secret)}.{pin}"), 1, "does not take this token", "with a token that nobody made"),
        ((url, f"{secret}.{'A' * 43}="), 1, "another server", "where another server answers"),
        (("https://10.90.0.1:1", token), 1, "connect", "where nobody answers"),
        (("http://10.90.0.1:8732", token), 1, "https://HOST:PORT", "without https"),
    ]
    for args, code, said, name in cases:
        got = w.enrol(*args, state=state)
        tap.ok(got[0] == code and said in got[1] and not (state / "enrolment.json").exists(),
               f"enrol is refused {name}", got)
    return url, token


# Answers 503 twice, then what it does not take.
BUSY_SERVER = """
import http.server, ssl, sys
class Busy(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_POST(self):
        Busy.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if Busy.asked < 3 else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 8745), Busy)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def busy_server(tap, w):
    place = scratch()
    key, certificate = place / "key.pem", place / "certificate.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=m",
        "-keyout", key, "-out", certificate)
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    pin = base64.b64encode(hashlib.sha256(public).digest()).decode()
    w.host.start(sys.executable, "-c", BUSY_SERVER, certificate, key, stderr=subprocess.DEVNULL)
    until(lambda: "8745" in w.host.run("ss", "-tln"))
    code, said = w.enrol("https://127.0.0.1:8745", f"secret.{pin}", state=scratch() / "busy")
    tap.ok(code == 1 and said.count("; again in") == 2 and "answers 503" in said and "does not take this token" in said,
           "a server that is busy is asked again", said)


def roles(tap, w):
    def check(text):
        path = scratch() / "c.yaml"
        path.write_text(text)
        return run(BUILD / "cordond", "--check", "--config", path, "--state-dir", scratch(), check=False)
    agent = check("role: agent\n")
    tap.ok(agent.returncode == 1 and "cordond enrol" in agent.stderr, "an agent that is not enrolled does not start",
           agent.stderr)
    server = check("role: server\nsensors: [{file: /x}]\n")
    tap.ok(server.returncode == 0 and "0 sensors" in server.stdout, "a server has no sensors", server.stdout + server.stderr)
    status = w.server.json("status")
    tap.ok(status["role"] == "server" and "cordon-enforcer" not in w.server.pids(), "and no enforcer", status)


def running_daemon(tap, w, url, token):
    w.daemon.start()
    tap.equal(w.status()["role"], "all", "alone, a machine is all")
    w.log.fail("203.0.113.5")
    until(lambda: in_kernel(w.host, "203.0.113.5"))
    code, said = w.enrol(url, token, "--name", "web-1")
    tap.ok(code == 0 and "takes it over now" in said, "enrolled, the daemon that runs is told", said)
    tap.ok(until(w.linked), "and becomes an agent with a link", w.daemon.log.read_text())
    status = w.status()
    host = w.server.json("hosts")[0]
    tap.ok(status["role"] == "agent" and status["uuid"] == host["uuid"] and host["name"] == "web-1",
           "its uuid and name are the server's", (status, host))
    tap.ok(until(lambda: "web-1" in w.online()), "the server sees it online")
    tap.ok(in_kernel(w.host, "203.0.113.5") and until(lambda: w.on_server("203.0.113.5") == "applied"),
           "what was blocked stays blocked, and the server hears of it", w.server.blocks("all"))
    kept = (w.daemon.state / "enrolment.json").stat()
    of_dir = w.daemon.state.stat()
    tap.ok(stat.S_IMODE(kept.st_mode) == 0o600 and kept.st_uid == of_dir.st_uid != 0,
           "its key is for the engine's user alone", oct(kept.st_mode))
    got = w.enrol(url, token)
    tap.ok(got[0] == 1 and "already" in got[1] and "--force" in got[1], "enrolled again, it says what it is", got)


def counted(tap, w):
    w.log.fail("203.0.113.9", 7)
    tap.ok(until(lambda: in_kernel(w.host, "203.0.113.9")), "an agent blocks by itself")
    record = until(lambda: (lambda r: r if r and r["attempts"] == 7 else None)(w.server.block("203.0.113.9")), 5)
    tap.ok(record and record["state"] == "applied", "and its server has every failure", w.server.block("203.0.113.9"))


def server_is_never_blocked(tap, w):
    w.log.fail(SERVER_ADDRESS, 12)
    w.log.fail("203.0.113.10")
    until(lambda: in_kernel(w.host, "203.0.113.10"))
    tap.ok(w.daemon.block(SERVER_ADDRESS) is None, "failures said to come from the server block nobody")
    allowed = nft(w.host, "list", "set", "inet", "cordon", "allow4")
    tap.ok(SERVER_ADDRESS in allowed, "the kernel lets the server in first", allowed)
    w.server.cordon("block", SERVER_ADDRESS, "--all")

    def instance():
        rows = w.server.json("blocks", "--custom", SERVER_ADDRESS)
        return "AllowListed" in json.dumps(rows)
    tap.ok(until(instance, 5, 0.1), "and not even the server can wish it away",
           w.server.cordon("blocks", "--custom", SERVER_ADDRESS))
    tap.ok(w.linked() and not in_kernel(w.host, SERVER_ADDRESS), "the link stays")
    w.server.cordon("unblock", SERVER_ADDRESS)


def cable_out(tap, w):
    w.host.run("ip", "link", "set", w.cable[1], "down")
    tap.ok(until(lambda: "web-1" not in w.online(), 20, 0.2), "a cable is pulled: offline within seconds")
    w.log.fail("203.0.113.11", 6)
    tap.ok(until(lambda: in_kernel(w.host, "203.0.113.11")), "the agent goes on blocking")
    w.server.cordon("block", "203.0.113.12", "--all")
    tap.ok(until(lambda: not w.linked(), 20, 0.2), "and says that it has no connection", w.status())
    waiting = w.status()["link"]
    tap.ok(waiting["waiting"] > 0 and waiting["error"], "what waits and why", waiting)
    os.kill(w.daemon.pids()["cordon-engine"], signal.SIGKILL)  # what was not sent is not in memory alone
    until(lambda: w.status().get("role") == "agent")
    w.host.run("ip", "link", "set", w.cable[1], "up")
    tap.ok(until(w.linked, 30, 0.2), "the cable is back: so is the link", w.daemon.log.read_text())
    record = until(lambda: (lambda r: r if r and r["attempts"] == 6 else None)(w.server.block("203.0.113.11")), 10)
    tap.ok(record, "what happened meanwhile is told, once", w.server.block("203.0.113.11"))
    tap.ok(until(lambda: in_kernel(w.host, "203.0.113.12"), 10), "and what was wished meanwhile is done")


def server_restarts(tap, w):
    w.server.stop()
    tap.ok(until(lambda: not w.linked()), "without a server there is no link")
    w.log.fail("203.0.113.13")
    w.server.start()
    tap.ok(until(w.linked, 30, 0.2), "when it is back the link is too")
    tap.ok(until(lambda: w.on_server("203.0.113.13") == "applied", 10), "and what was missed is told")


def by_name(tap, w):
    """A name that leads to one server address after the other."""
    etc = Path("/etc/netns") / w.host.ns
    etc.mkdir(parents=True)
    cleanup.callback(run, "rm", "-rf", etc)
    hosts = etc / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{SERVER_ADDRESS} cordon.example.net\n")
    w.server_host.run("ip", "addr", "add", "10.90.0.3/24", "dev", w.cable[0])
    other = Daemon(w.host, AGENT.format(log=w.log.path, more="nft_table: named"), port=8741)
    _, token = w.invite("--name", "named")
    done = w.host.run(BUILD / "cordond", "enrol", "https://cordon.example.net:8732/", token, "--state-dir", other.state,
                      check=False)
    tap.ok(done.returncode == 0 and "Start it" in done.stdout, "enrolled by name, before the first start", done.stdout + done.stderr)
    other.start()
    tap.ok(until(lambda: "named" in w.online()), "it finds its server", other.log.read_text())

    def allowed():
        return nft(w.host, "list", "set", "inet", "named", "allow4")
    tap.ok(until(lambda: f"{SERVER_ADDRESS} " in allowed()), "and its kernel lets it in", allowed())
    hosts.write_text("127.0.0.1 localhost\n10.90.0.3 cordon.example.net\n")
    w.server.stop()
    w.server.start()
    tap.ok(until(lambda: "named" in w.online(), 30, 0.2), "the name leads elsewhere: found again", other.log.read_text())
    tap.ok(until(lambda: "10.90.0.3 " in allowed() and f"{SERVER_ADDRESS} " not in allowed()),
           "and the kernel's list follows", allowed())
    tap.equal(other.stop(), 0, "it ends politely")
    tap.ok(until(lambda: "named" not in w.online(), 3), "and says good-bye")
    w.server.cordon("hosts", "retire", "named", "--yes")
    nft(w.host, "delete", "table", "inet", "named", check=False)


def reload(tap, w):
    """Roles follow the configuration on SIGHUP."""
    text = w.daemon.config.read_text()
    w.daemon.config.write_text(text + "role: all\n")
    os.kill(w.daemon.main_pid(), signal.SIGHUP)
    until(lambda: "role: all" in w.daemon.log.read_text().rsplit("reload", 1)[-1])
    tap.ok(until(lambda: w.status().get("role") == "all"), "told to be all, an agent is", w.status())
    got = w.enrol(*w.invite())
    tap.ok(got[0] == 1 and "role: all" in got[1], "and is not enrolled then", got)
    w.log.fail("203.0.113.14")
    until(lambda: in_kernel(w.host, "203.0.113.14"))
    w.daemon.config.write_text(text)
    os.kill(w.daemon.main_pid(), signal.SIGHUP)
    tap.ok(until(w.linked), "told nothing, it is an agent again")
    tap.ok(until(lambda: w.on_server("203.0.113.14") == "applied", 10), "and tells what happened between")


def retirement(tap, w):
    w.server.cordon("hosts", "retire", "web-1", "--yes")
    tap.ok(until(lambda: not in_kernel(w.host, "203.0.113.12"), 10), "retired, what the server wished is lifted")
    tap.ok(until(lambda: not (w.daemon.state / "enrolment.json").exists()), "the enrolment is gone")

    tap.ok(until(lambda: w.status().get("role") == "all"), "and it is all again", w.daemon.log.read_text())
    tap.ok(in_kernel(w.host, "203.0.113.9"), "what it blocked itself stays")
    w.log.fail("203.0.113.15")
    tap.ok(until(lambda: in_kernel(w.host, "203.0.113.15")), "and it goes on alone")
    got = w.enrol(*w.invite("--name", "web-1"))
    tap.ok(got[0] == 0 and until(lambda: "web-1" in w.online()), "invited again it is an agent again", got)
    tap.ok(until(lambda: w.on_server("203.0.113.15") == "applied", 10), "and tells all it has", w.server.blocks("all"))


def forced(tap, w):
    """The same machine as another host: what a clone of it has to do."""
    before = w.status()["uuid"]
    code, said = w.enrol(*w.invite("--name", "web-2"), "--force")
    tap.ok(code == 0 and until(lambda: "web-2" in w.online()), "by force it is enrolled anew", said)
    tap.ok(until(lambda: "web-1" not in w.online(), 15) and w.status()["uuid"] != before,
           "as another host; the former is silent", w.server.cordon("hosts"))
    tap.ok(until(lambda: [b["attempts"] for b in w.server.blocks("all", host="web-2", address="203.0.113.15")] == [5], 10),
           "and tells all it has once more", w.server.blocks("all", host="web-2"))


class Watcher:
    """An agent without root, which observes; beside the other on its machine."""
    AS_USER = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]

    def __init__(self, w, port):
        self.w, self.port, self.log = w, port, Log()
        self.home = scratch()
        os.chown(self.home, 12345, 12345)
        self.state = self.home / "state"

    def enrol(self, url, token):
        return self.w.host.run(*self.AS_USER, BUILD / "cordond", "enrol", url, token, "--state-dir", self.state,
                               check=False)

    def start(self):
        config = self.home / "c.yaml"
        config.write_text(AGENT.format(log=self.log.path, more=""))
        with open(self.home / "log", "ab") as log:
            self.process = self.w.host.start(*self.AS_USER, BUILD / "cordond", "--state-dir", self.state, "--listen",
                                             f"127.0.0.1:{self.port}", "--config", config, stderr=log,
                                             stdin=subprocess.DEVNULL)

    def logged(self, text, times=1):
        return (self.home / "log").read_text().count(text) >= times

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)


def unprivileged(tap, w):
    """Without root: an agent that observes."""
    watcher = Watcher(w, 8742)
    done = watcher.enrol(*w.invite("--name", "watcher"))
    tap.ok(done.returncode == 0, "enrolled without root", done.stdout + done.stderr)
    watcher.start()
    until(lambda: watcher.logged("connected to"))
    watcher.log.fail("203.0.113.16")

    def told():
        return [(b["target"], b["state"], b["error"]) for b in w.server.blocks("all", host="watcher")]
    tap.ok(until(lambda: ("203.0.113.16", "failed", "ObserveMode") in told()), "the server has its blocks, and that they are none", told())
    tap.equal(watcher.stop(), 0, "and ends politely")
    return watcher


def cloned(tap, w, first):
    """Two machines with one enrolment, which say something else under one number."""
    second = Watcher(w, 8743)
    run("cp", "-a", first.state, second.state)
    first.start()
    second.start()
    until(lambda: first.logged("connected to", 2) and second.logged("connected to"))
    first.log.fail("203.0.113.17")
    second.log.fail("203.0.113.18")

    def targets():
        return {b["target"] for b in w.server.blocks("all", host="watcher")}
    tap.ok(until(lambda: {"203.0.113.17", "203.0.113.18"} <= targets(), 30), "what two clones say is not lost", targets())
    said = "another machine uses"
    tap.ok(until(lambda: said in w.server.log.read_text() and (first.logged(said) or second.logged(said))),
           "and that they are two is noticed by both sides", w.server.log.read_text()[-2000:])
    tap.equal((first.stop(), second.stop()), (0, 0), "they end politely")


def account_closed(tap, w):
    """It may be opened again: its agents wait for that."""
    w.server.cordon("accounts", "add", "shop")
    said = w.server.cordon("--account", "shop", "hosts", "invite", "--name", "till")
    till = Watcher(w, 8744)
    done = till.enrol(*re.search(r"cordond enrol (\S+) (\S+)", said).groups())
    tap.ok(done.returncode == 0, "a machine of another account is enrolled", done.stdout + done.stderr)
    till.start()
    until(lambda: till.logged("connected to"))
    w.server.cordon("accounts", "close", "shop")
    tap.ok(until(lambda: till.logged("the account of this machine is closed"), 15), "an agent hears that its account is closed")
    tap.ok((till.state / "enrolment.json").exists() and not till.logged("dismissed"), "and is not dismissed")
    w.server.cordon("accounts", "open", "shop")
    tap.ok(until(lambda: till.logged("connected to", 2), 30), "opened again, the account has it back",
           (till.home / "log").read_text())
    tap.equal(till.stop(), 0, "and it ends politely")


def main():
    need_root()
    need_commands("ip", "nft", "openssl", "setpriv")
    tap = Tap()
    w = World()
    w.server.start()
    url, token = refusals(tap, w)
    busy_server(tap, w)
    roles(tap, w)
    time.sleep(1)  # what a wrong token costs
    running_daemon(tap, w, url, token)
    counted(tap, w)
    server_is_never_blocked(tap, w)
    cable_out(tap, w)
    server_restarts(tap, w)
    by_name(tap, w)
    reload(tap, w)
    retirement(tap, w)
    forced(tap, w)
    watcher = unprivileged(tap, w)
    cloned(tap, w, watcher)
    account_closed(tap, w)
    tap.equal(w.daemon.stop(), 0, "the agent ends politely")
    tap.equal(w.server.stop(), 0, "the server ends politely")
    bad = [line for d in (w.daemon, w.server) for line in d.log.read_text().splitlines() if ": error: " in line]
    # the one engine that this test killed
    tap.ok(len([b for b in bad if "ended by signal 9" not in b]) == 0, "nothing else went wrong", "\n".join(bad))
    tap.done()


main()
