#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
The enforcer against a real kernel, in network namespaces of its own:

    attacker 10.77.1.2, fd77:1::2 --- victim --- bystander 10.77.2.2, fd77:2::2

The victim runs the enforcer, a TCP server, and forwards between the two. Sockets
are made in this process, each in the namespace it belongs to. Prints TAP.
"""
import contextlib
import ctypes
import errno
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("CORDON_BUILD", "build")
DRIVER = os.path.join(BUILD, "tests/e2e/enforce_driver")
TAG = f"cdnenf{os.getpid()}"
V, A, B = (f"{TAG}{x}" for x in "vab")
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable  # for any user
PORT = 8077
GREETS = 8078  # a port where a server speaks first
PORTS = ("--ports", f"{GREETS},{PORT}")
PATIENCE = 10  # seconds until what must happen counts as not happening
REFUSED = 1.0  # seconds after which a dropped connection attempt counts as dropped

libc = ctypes.CDLL(None, use_errno=True)


def run(*args, check=True, **kwargs):
    return subprocess.run(args, check=check, text=True, capture_output=True, **kwargs)


def ip(ns, *args):
    run("ip", "-n", ns, *args)


def nft(*args, check=True):
    return run("ip", "netns", "exec", V, "nft", *args, check=check)


@contextlib.contextmanager
def inside(ns):
    home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{ns}", os.O_RDONLY)
    try:
        if libc.setns(there, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        libc.setns(home, 0x40000000)
        os.close(home)
        os.close(there)


def make_world():
    for ns in (V, A, B):
        run("ip", "netns", "add", ns)
        ip(ns, "link", "set", "lo", "up")
    for n, (ns, dev) in enumerate(((A, "va"), (B, "vb")), 1):
        ip(V, "link", "add", dev, "type", "veth", "peer", "name", "eth0", "netns", ns)
        for where, name, host in ((V, dev, 1), (ns, "eth0", 2)):
            ip(where, "link", "set", name, "up")
            ip(where, "addr", "add", f"10.77.{n}.{host}/24", "dev", name)
            ip(where, "addr", "add", f"fd77:{n}::{host}/64", "dev", name, "nodad")
        ip(ns, "route", "add", "default", "via", f"10.77.{n}.1")
        ip(ns, "route", "add", "default", "via", f"fd77:{n}::1")
    ip(A, "addr", "add", "fd77:1::3/64", "dev", "eth0", "nodad")
    ip(A, "addr", "add", "10.77.1.3/24", "dev", "eth0")
    run("ip", "netns", "exec", V, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")


def end_world():
    for ns in (V, A, B):
        run("ip", "netns", "del", ns, check=False)


class Server(threading.Thread):
    """Echoes, in one namespace, until closed."""

    def __init__(self, ns, port=PORT):
        super().__init__(daemon=True)
        with inside(ns):
            self.socket = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.echo, args=(c,), daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # accept() would keep it open
        self.join(PATIENCE)
        self.socket.close()

    def echo(self, c):
        with contextlib.suppress(OSError), c:
            while data := c.recv(100):
                c.sendall(data)


class Greeter(Server):
    """Says what it is told to say to whoever connects."""

    def __init__(self, ns, words):
        self.words = words
        super().__init__(ns, GREETS)

    def echo(self, c):
        with contextlib.suppress(OSError), c:
            c.sendall(self.words)
            c.recv(1)


def connect(ns, to, source=None, timeout=PATIENCE, port=PORT, own_port=0):
    with inside(ns):
        s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
    s.settimeout(timeout)
    try:
        if source or own_port:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((source or "", own_port))
        s.connect((to, port))
    except OSError:
        s.close()
        raise
    return s


def talks(s):
    try:
        s.settimeout(PATIENCE)
        s.sendall(b"x")
        return s.recv(1) == b"x"
    except OSError:
        return False


def reaches(ns, to, source=None, timeout=PATIENCE):
    try:
        with connect(ns, to, source, timeout) as s:
            return talks(s)
    except OSError:
        return False


def dropped(ns, to, source=None, timeout=REFUSED):
    """No answer at all: neither a connection nor a refusal."""
    try:
        connect(ns, to, source, timeout).close()
        return False
    except TimeoutError:
        return True
    except OSError:
        return False


def refused(ns, to):
    began = time.monotonic()
    try:
        connect(ns, to).close()
        return False
    except ConnectionRefusedError:
        return time.monotonic() - began < REFUSED
    except OSError:
        return False


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Driver:
    def __init__(self, *args, table="cordon"):
        self.p = subprocess.Popen(
            ["ip", "netns", "exec", V, DRIVER, *args, table],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lines, self.more = [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.first = self.take(lambda line: line in ("ready", "failed"))

    def read(self):
        for line in self.p.stdout:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()
        with self.more:
            self.lines.append(None)
            self.more.notify_all()

    def take(self, last):
        """Lines up to one that `last` accepts; what is not there in time is an error."""
        got, deadline = [], time.monotonic() + 6 * PATIENCE
        with self.more:
            while True:
                while self.lines:
                    line = self.lines.pop(0)
                    if line is None:
                        raise EOFError(got)
                    got.append(line)
                    if last(line):
                        return got
                if not self.more.wait(max(0, deadline - time.monotonic())):
                    raise TimeoutError(got)

    def __call__(self, command):
        self.p.stdin.write(command + "\n")
        self.p.stdin.flush()
        return self.take(lambda line: line == "ok")[:-1]

    def error(self, command):
        """The answer to one order."""
        for line in self(command):
            if line.startswith("answer"):
                return int(line.split()[-1])
        return None

    def state(self):
        return dict(re.findall(r"(\w+)=(\S*)", self("state")[-1]))

    def synced(self):
        line = next(x for x in self("sync") if x.startswith("synced"))
        return {k: int(v) for k, v in re.findall(r"(\w+)=(-?\d+)", line)}

    def ask(self, target):
        """(milliseconds left or "forever", record), or None."""
        answer = self(f"ask {target}")[-1].split()
        if answer[1] == "none":
            return None
        return answer[1] if answer[1] == "forever" else int(answer[1]), int(answer[2])

    def hits(self):
        found = {}
        for line in self("sample"):
            if line.startswith("hit "):
                _, source, port, count, ago = line.split()
                found[source, int(port)] = int(count)
                self.ago = int(ago)
        return found

    def answered(self, service, prefix):
        return {"1": True, "0": False}[self(f"who {service} {prefix}")[-1].split()[1]]

    def pid(self):
        return int(self("pid")[-1].split()[1])

    def close(self):
        self.p.stdin.close()
        self.p.wait(PATIENCE)


@contextlib.contextmanager
def driver(*args, table="cordon", keep=False):
    d = Driver(*args, table=table)
    try:
        yield d
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            d.close()
        if not keep:
            run("ip", "netns", "exec", V, DRIVER, "--remove", table)


def can_own():
    """Only the kernel knows; the driver says."""
    with driver() as d:
        return d.state()["owner"] == "1"


# ---- the cases: each a function; its text is the test's name -----------------


def case_inbound_v4(_):
    """a v4 block cuts the established connection, refuses new ones, and spares bystanders"""
    with driver() as d:
        s, other = connect(A, "10.77.1.1"), connect(B, "10.77.2.1")
        assert talks(s) and talks(other)
        assert d.error("add in 10.77.1.2 60000 1") == 0
        s.settimeout(PATIENCE)
        # the victim's socket is destroyed, which resets the attacker's
        try:
            assert s.recv(1) == b"", "data on a connection that should be gone"
        except ConnectionResetError:
            pass
        assert dropped(A, "10.77.1.1")
        assert reaches(A, "10.77.1.1", source="10.77.1.3")
        assert talks(other) and reaches(B, "10.77.2.1")
        assert d.error("remove in 10.77.1.2 0 0") == 0
        assert reaches(A, "10.77.1.1")


def case_inbound_forward(_):
    """a block covers what is forwarded, and cuts it"""
    with driver() as d:
        s = connect(A, "10.77.2.2")
        assert talks(s)
        assert d.error("add in 10.77.1.2 60000 1") == 0
        s.settimeout(REFUSED)
        s.sendall(b"x")
        try:
            assert s.recv(1) != b"x"
        except OSError:
            pass
        assert dropped(A, "10.77.2.2")


def case_inbound_v6_64(_):
    """a /64 block covers every address in it; /128 and odd lengths only theirs"""
    with driver() as d:
        assert d.error("add in fd77:1::/64 60000 1") == 0
        assert dropped(A, "fd77:1::1", "fd77:1::2") and dropped(A, "fd77:1::1", "fd77:1::3")
        assert reaches(B, "fd77:2::1")
        assert d.error("remove in fd77:1::/64 0 0") == 0
        assert d.error("add in fd77:1::2 60000 1") == 0
        assert dropped(A, "fd77:1::1", "fd77:1::2") and reaches(A, "fd77:1::1", "fd77:1::3")
        assert d.error("remove in fd77:1::2 0 0") == 0
        assert d.error("add in fd77:1::2/127 60000 1") == 0
        assert dropped(A, "fd77:1::1", "fd77:1::2") and dropped(A, "fd77:1::1", "fd77:1::3")
        assert reaches(B, "fd77:2::1")


def case_inbound_prefix(_):
    """a v4 prefix blocks what lies in it"""
    with driver() as d:
        assert d.error("add in 10.77.1.2/31 60000 1") == 0
        assert dropped(A, "10.77.1.1") and dropped(A, "10.77.1.1", "10.77.1.3")
        assert reaches(B, "10.77.2.1")


def case_allow(_):
    """the allow-list beats every block, and its connections live on"""
    with driver() as d:
        assert d.error("add allow 10.77.1.2 forever 9") == 0
        s = connect(A, "10.77.1.1")
        assert d.error("add in 10.77.1.2 60000 1") == 0
        assert d.error("add in 10.77.1.0/24 60000 2") == 0
        assert talks(s) and reaches(A, "10.77.1.1")
        assert dropped(A, "10.77.1.1", "10.77.1.3")
        assert d.error("add in fd77:1::/64 60000 3") == 0
        assert d.error("add allow fd77:1::2 forever 9") == 0
        assert reaches(A, "fd77:1::1", "fd77:1::2") and dropped(A, "fd77:1::1", "fd77:1::3")
        assert d.error("remove allow 10.77.1.2 0 0") == 0
        assert dropped(A, "10.77.1.1")


def case_loopback(_):
    """loopback is out of reach of any block"""
    with driver() as d:
        for target in ("127.0.0.1", "127.0.0.0/8", "10.77.1.1", "::1", "fd77:1::/64"):
            for kind in ("in", "out"):
                assert d.error(f"add {kind} {target} 60000 1") == 0
        assert reaches(V, "127.0.0.1") and reaches(V, "::1")
        assert reaches(V, "10.77.1.1") and reaches(V, "fd77:1::1")


def case_neighbours(_):
    """neighbour discovery survives a block of the on-link /64"""
    with driver() as d:
        for kind in ("in", "out"):
            assert d.error(f"add {kind} fd77:1::/64 60000 1") == 0
            assert d.error(f"add {kind} fe80::/10 60000 1") == 0
        assert d.error("add allow fd77:1::2 forever 1") == 0
        ip(V, "-6", "neigh", "flush", "dev", "va")
        ip(A, "-6", "neigh", "flush", "dev", "eth0")
        # reachable only if addresses can still be resolved in the blocked network
        assert reaches(A, "fd77:1::1", "fd77:1::2")


def outbound(d, mine, theirs, block):
    s, inward = connect(V, theirs), connect(A, mine)
    assert talks(s) and talks(inward)
    assert d.error(f"add out {block} 60000 1") == 0
    assert refused(V, theirs)
    assert not talks(s), "what existed goes on"
    assert talks(inward) and reaches(A, mine), "inbound is blocked too"
    assert d.error(f"remove out {block} 0 0") == 0
    assert reaches(V, theirs)


def case_outbound(_):
    """an out-block refuses at once, ends what exists, and leaves inbound alone"""
    with driver() as d:
        outbound(d, "10.77.1.1", "10.77.1.2", "10.77.1.2")
        outbound(d, "fd77:1::1", "fd77:1::2", "fd77:1::2")
        outbound(d, "fd77:1::1", "fd77:1::2", "fd77:1::/64")
        outbound(d, "10.77.1.1", "10.77.1.2", "10.77.1.0/30")
        outbound(d, "fd77:1::1", "fd77:1::2", "fd77:1::/120")


def case_outbound_forward(_):
    """an out-block refuses what is forwarded there, not what comes from there"""
    with driver() as d:
        s = connect(A, "10.77.2.2")
        assert talks(s)
        assert d.error("add out 10.77.2.2 60000 1") == 0
        assert refused(A, "10.77.2.2")
        assert not talks(s)
        assert reaches(B, "10.77.1.2")


def case_outbound_datagrams(_):
    """an out-block stops the answers of a datagram flow that is forwarded"""
    with driver() as d:
        with inside(A):
            a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with inside(B):
            b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        a.bind(("10.77.1.2", 4000))
        b.bind(("10.77.2.2", 4001))
        a.settimeout(PATIENCE)
        b.settimeout(PATIENCE)
        a.sendto(b"1", ("10.77.2.2", 4001))
        assert b.recv(9) == b"1"
        b.sendto(b"2", ("10.77.1.2", 4000))
        assert a.recv(9) == b"2"
        assert d.error("add out 10.77.2.2 60000 1") == 0
        b.sendto(b"3", ("10.77.1.2", 4000))
        a.settimeout(0.5)
        try:
            got = a.recv(9)
        except OSError:
            got = None
        assert got is None, got
        a.close()
        b.close()


def tracked(source, to):
    """Whether the victim's connection tracking knows it; None where it cannot be asked."""
    if not shutil.which("conntrack"):
        return None
    args = ("ip", "netns", "exec", V, "conntrack", "-L", "-p", "tcp", "-s", source, "-d", to)
    return source in run(*args, check=False).stdout


def case_forgotten(_):
    """connection tracking forgets the translated connections an out-block ended, where the kernel can"""
    nft("add", "table", "ip", "nat")
    try:
        nft("add", "chain", "ip", "nat", "post", "{ type nat hook postrouting priority 100; }")
        nft("add", "rule", "ip", "nat", "post", "oif", "vb", "masquerade")
        with driver() as d, connect(A, "10.77.2.2") as s, connect(A, "10.77.1.1") as other:
            assert talks(s) and talks(other)
            if not tracked("10.77.1.2", "10.77.2.2"):
                return "connection tracking cannot be listed here"
            assert d.error("add out 10.77.2.2 60000 1") == 0
            gone = until(lambda: not tracked("10.77.1.2", "10.77.2.2"))
            if not gone and "forgetting" in d("state")[-1]:
                return "this kernel cannot forget by address"
            assert gone and not talks(s) and talks(other)
            assert tracked("10.77.1.2", "10.77.1.1")
    finally:
        nft("delete", "table", "ip", "nat")
    return None


def case_counting(_):
    """one connect() with its retransmissions counts one, the next one two"""
    with driver() as d:
        assert d.error("add in 10.77.1.2 60000 1") == 0
        assert d.error("add in fd77:1::/64 60000 2") == 0
        assert d.hits() == {}
        # SYNs leave at 0, 1 and 3 seconds
        attempts = [threading.Thread(target=dropped, args=(A, "10.77.1.1", None, 3.5)),
                    threading.Thread(target=dropped, args=(A, "fd77:1::1", "fd77:1::2", 3.5))]
        for t in attempts:
            t.start()
        for t in attempts:
            t.join()
        assert d.hits() == {("10.77.1.2/128", PORT): 1, ("fd77:1::/64", PORT): 1}
        assert dropped(A, "10.77.1.1") and dropped(A, "fd77:1::1", "fd77:1::3")
        assert d.hits() == {("10.77.1.2/128", PORT): 2, ("fd77:1::/64", PORT): 2}
        assert d.error("remove in fd77:1::/64 0 0") == 0
        assert d.error("add in fd77:1::2 60000 2") == 0
        assert dropped(A, "fd77:1::1", "fd77:1::2")
        assert d.hits()["fd77:1::2/128", PORT] == 1


def case_latest(_):
    """a counter says when its latest connection was refused"""
    with driver() as d:
        assert d.error("add in 10.77.1.2 60000 1") == 0
        began = time.monotonic()
        assert dropped(A, "10.77.1.1") and dropped(A, "10.77.1.1")
        # the second attempt began REFUSED before its end; kernel ticks are up to 10 ms
        assert d.hits() == {("10.77.1.2/128", PORT): 2}
        assert 1000 * REFUSED - 50 <= d.ago <= 1000 * (time.monotonic() - began - REFUSED) + 50, d.ago


def case_counting_is_only_for_blocks(_):
    """connections that are let through are not counted"""
    with driver() as d:
        assert d.error("add allow 10.77.1.2 forever 1") == 0
        assert d.error("add in 10.77.1.2 60000 1") == 0
        assert reaches(A, "10.77.1.1") and reaches(B, "10.77.2.1")
        assert d.hits() == {}


def case_times(_):
    """elements end by themselves, or never; a new order changes the end either way"""
    with driver() as d:
        assert d.error("add in 10.77.1.2 400 7") == 0
        left, record = d.ask("in 10.77.1.2")
        assert 0 < left <= 400 and record == 7
        assert dropped(A, "10.77.1.1", timeout=0.2)
        assert until(lambda: d.ask("in 10.77.1.2") is None)
        assert reaches(A, "10.77.1.1")
        for target in ("10.77.1.2", "fd77:1::/64", "10.99.0.0/16", "fd77:1::/48"):
            assert d.ask(f"in {target}") is None
            for ms, record in (("60000", 1), ("600000", 2), ("forever", 3), ("30000", 4), ("90000", 5)):
                assert d.error(f"add in {target} {ms} {record}") == 0
                left, got = d.ask(f"in {target}")
                assert got == record
                assert left == "forever" if ms == "forever" else int(ms) - 5000 < left <= int(ms), (ms, left)
            assert d.error(f"remove in {target} 0 0") == 0
            assert d.ask(f"in {target}") is None
            assert d.error(f"remove in {target} 0 0") == 0, "what is gone is gone"


def case_refusals(_):
    """what is over, or would block everything, is refused"""
    with driver() as d:
        assert d.error("add in 10.77.1.2 -1000 1") == -errno.ETIME
        assert d.error("add in 10.99.0.0/16 -1000 1") == -errno.ETIME
        assert d.ask("in 10.77.1.2") is None
        for target in ("0.0.0.0/0", "::/0"):
            assert d.error(f"add in {target} 60000 1") == -errno.EINVAL
            assert d.error(f"add out {target} 60000 1") == -errno.EINVAL


def case_overlaps(_):
    """prefixes inside one another block what any of them blocks, as long as it does"""
    with driver() as d:
        assert d.error("add in 10.77.0.0/16 forever 1") == 0
        assert d.error("add in 10.77.1.0/24 60000 2") == 0
        assert d.error("add in 10.77.1.2/31 90000 3") == 0
        assert dropped(A, "10.77.1.1")
        assert d.error("remove in 10.77.0.0/16 0 0") == 0
        assert d.ask("in 10.77.1.2/31")[1] == 3 and d.ask("in 10.77.1.0/24")[1] == 2
        assert dropped(A, "10.77.1.1") and reaches(B, "10.77.2.1")
        assert d.error("remove in 10.77.1.0/24 0 0") == 0
        assert dropped(A, "10.77.1.1")
        assert d.error("remove in 10.77.1.2/31 0 0") == 0
        assert reaches(A, "10.77.1.1")
        answers = d("mix in 60000 1 10.0.0.0/9 10.77.1.0/24 10.64.0.0/10 192.0.2.1 10.77.1.0/25")
        assert all(x.endswith(" 0") for x in answers if x.startswith("answer")), answers


def case_bad_one_among_good(_):
    """one order the kernel refuses does not keep the others from being done"""
    with driver("--no-own") as d:
        # a range of someone else's, which ours may not cut across
        nft("add", "element", "inet", "cordon", "net4", "{ 10.50.0.100-10.50.1.100 }")
        answers = d("mix in 60000 1 10.40.0.0/16 192.0.2.1 10.50.0.0/24 10.60.0.0/16 192.0.2.2 10.70.0.0/16")
        errors = {x.split()[2]: int(x.split()[3]) for x in answers if x.startswith("answer")}
        assert errors.pop("10.50.0.0/24") < 0, answers
        assert len(errors) == 5 and not any(errors.values()), answers
        for target in errors:
            assert d.ask(f"in {target}"), target
        d("want in 10.50.0.0/24 60000 1")
        assert d.synced()["error"] == 0
        assert d.ask("in 10.50.0.0/24")[1] == 1


def case_sync(_):
    """a sync sends the difference only, for every list, and keeps traffic guarded"""
    with driver() as d:
        wanted = ["in 10.77.1.2 60000 1", "in fd77:9::/64 forever 2", "in 10.88.0.0/16 60000 3",
                  "in 10.88.1.0/24 forever 4", "out 192.0.2.9 60000 5", "allow 10.77.2.0/24 forever 6",
                  "allow 10.77.2.2 forever 7", "in 192.0.2.77 -5 8"]
        table = d.state()["table"]
        for line in wanted:
            d(f"want {line}")
        got = d("sync")
        assert "answer in 192.0.2.77 -62" in got, got
        assert dropped(A, "10.77.1.1")
        for line in wanted[:-1]:
            d(f"want {line}")
        r = d.synced()
        assert r["error"] == r["added"] == r["removed"] == r["changed"] == 0 and r["kept"] == 7, r
        for line in ("in 10.77.1.2 90000 1", "in fd77:9::/64 forever 3", "in 192.0.2.1 60000 9"):
            d(f"want {line}")
        r = d.synced()
        assert (r["added"], r["changed"], r["kept"], r["removed"]) == (1, 2, 0, 5), r
        assert d.state()["table"] == table
        assert d.synced()["removed"] == 3


def case_many(_):
    """100,000 blocks: set, found again by the next sync, and taken out"""
    with driver() as d:
        def want():
            d("wantmany in 100.64.0.0 100000 600000 5")
        want()
        r = d.synced()
        assert r["added"] == 100000 and r["error"] == 0, r
        want()
        r = d.synced()
        assert r["kept"] == 100000 and r["added"] == r["removed"] == 0, r
        assert d.synced()["removed"] == 100000
        done = d("many in 100.64.0.0 100000 600000 5")
        assert len(done) == 1 and "failed=0" in done[0], done[:3]
        assert d.synced()["removed"] == 100000


def case_straight(_):
    """into an empty table elements go before all are known, and the outcome is the same"""
    with driver() as d:
        def want():
            for line in ("allow 10.77.2.0/24 forever 1", "in 10.88.0.0/16 60000 2", "in 10.77.2.0/23 60000 3"):
                d(f"want {line}")
            d("wantmany in 100.64.0.0 20000 600000 5")
            # cuts the range of record 2, which is in place by then
            for line in ("in 10.88.1.0/24 forever 6", "allow 10.99.0.1 forever 7"):
                d(f"want {line}")
            d("wantmany out 2001:db8::/64 20000 600000 9")
            d("want in 192.0.2.77 -5 10")

        d("raw 0201000000000000")  # a list that is given up
        table = d.state()["table"]
        want()
        got = d("sync")
        assert "answer in 192.0.2.77 -62" in got, got
        # three ranges where 10.88.0.0/16 was one; the allow-list's two and the other net
        assert "synced error=0 added=40006 removed=0 changed=0 kept=0" in got, got
        want()
        r = d.synced()
        assert r["kept"] == 40006 and r["added"] == r["changed"] == r["removed"] == 0, r
        assert d.state()["table"] == table
        for target, record in (("10.88.0.1", 2), ("10.88.1.1", 6), ("10.88.2.1", 2)):
            assert d.ask(f"in {target}/31")[1] == record
        assert d.ask("in 100.64.78.31")[1] == 5 and d.ask("allow 10.99.0.1")
        assert reaches(B, "10.77.2.1")


def case_list(_):
    """a list of orders does the same whether some, all or none of it is there"""
    with driver() as d:
        def check(ms, record, *targets):
            for target in targets:
                left, got = d.ask(f"in {target}")
                assert got == record and ms - 5000 < left <= ms, (target, left, got)

        def many(what):
            done = d(what)
            assert len(done) == 1 and "failed=0" in done[0], done[:3]

        for target in ("192.0.2.7", "192.0.2.200", "2001:db8:0:7::/64"):
            assert d.error(f"add in {target} 900000 1") == 0
        many("many in 192.0.2.0 1000 60000 2")
        check(60000, 2, "192.0.2.0", "192.0.2.6", "192.0.2.7", "192.0.2.200", "192.0.5.231")
        many("many in 192.0.2.0 2000 90000 3")
        check(90000, 3, "192.0.2.0", "192.0.2.7", "192.0.5.231", "192.0.9.207")
        many("many in 2001:db8::/64 500 60000 4")
        check(60000, 4, "2001:db8::/64", "2001:db8:0:7::/64", "2001:db8:0:1f3::/64")
        assert d.error("remove in 192.0.3.0 0 0") == 0
        many("manyoff in 192.0.2.0 1500")
        for target in ("192.0.2.0", "192.0.3.0", "192.0.7.219"):
            assert d.ask(f"in {target}") is None, target
        check(90000, 3, "192.0.7.220", "192.0.9.207")
        assert d.synced()["removed"] == 1000


def case_owned(own):
    """a table of our own survives everybody else's flush"""
    if not own:
        return "this kernel has no owned tables"
    with driver() as d:
        assert d.error("add in 10.77.1.2 60000 1") == 0
        table = d.state()["table"]
        nft("flush", "ruleset", check=False)
        assert nft("delete", "table", "inet", "cordon", check=False).returncode != 0
        assert nft("flush", "set", "inet", "cordon", "block4", check=False).returncode != 0
        assert d.ask("in 10.77.1.2") and dropped(A, "10.77.1.1")
        assert d.state()["table"] == table
        nft("list", "table", "inet", "cordon")
    return None


def drifts(d, change):
    change()
    d.take(lambda line: line == "drift")


def case_drift(_):
    """without it every change by others is noticed, and healed by one sync"""
    with driver("--no-own") as d:
        def heal(change, added, rebuilt):
            table = d.state()["table"]
            drifts(d, change)
            d("want in 10.77.1.2 60000 1")
            d("want in 192.0.2.1 60000 2")
            r = d.synced()
            assert r["error"] == 0 and r["added"] == added, r
            assert (d.state()["table"] != table) == rebuilt
            assert dropped(A, "10.77.1.1") and d.ask("in 192.0.2.1")

        d("want in 10.77.1.2 60000 1")
        d("want in 192.0.2.1 60000 2")
        assert d.synced()["added"] == 2
        heal(lambda: nft("flush", "ruleset"), 2, True)
        heal(lambda: nft("delete", "element", "inet", "cordon", "block4", "{ 192.0.2.1 }"), 1, False)
        heal(lambda: nft("flush", "chain", "inet", "cordon", "inbound"), 2, True)
        heal(lambda: nft("insert", "rule", "inet", "cordon", "inbound", "accept"), 2, True)
        heal(lambda: nft("add", "element", "inet", "cordon", "block4", "{ 10.77.2.2 }"), 0, False)
        assert reaches(B, "10.77.2.1")
        # what others do elsewhere, and what we do ourselves, is no drift
        nft("add", "table", "inet", f"{TAG}x")
        nft("delete", "table", "inet", f"{TAG}x")
        assert d.error("add in 192.0.2.5 60000 1") == 0
        drifts(d, lambda: nft("delete", "element", "inet", "cordon", "block4", "{ 192.0.2.5 }"))
        assert "drift" not in d("state")


def case_order_without_table(_):
    """an order that meets no table makes one"""
    with driver("--no-own") as d:
        for target in ("10.77.1.2", "10.77.1.0/24"):
            nft("delete", "table", "inet", "cordon")
            assert d.error(f"add in {target} 60000 1") == 0
            assert dropped(A, "10.77.1.1")


def case_lock(_):
    """one daemon a table and namespace"""
    with driver() as d:
        assert d.first[-1] == "ready"
        second = Driver()
        assert second.first[-1] == "failed", second.first
        assert f"gone error={-errno.EADDRINUSE}" in second.first, second.first
        second.close()
        with driver(table="cordon-other") as other:
            assert other.first[-1] == "ready"
            assert other.error("add in 192.0.2.1 60000 1") == 0
        assert d.error("add in 10.77.1.2 60000 1") == 0


def case_squatter(_):
    """a user without rights cannot keep the daemon from starting"""
    with inside(V):
        squatter = subprocess.Popen(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PYTHON, "-c",
             "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('\\0cordon/cordon');"
             "print('bound', flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert squatter.stdout.readline() == "bound\n"
        with driver() as d:
            assert d.first[-1] == "ready"
            assert d.error("add in 10.77.1.2 60000 1") == 0
    finally:
        squatter.stdin.close()
        squatter.wait(PATIENCE)


def case_killed(own):
    """blocks outlive the process, killed or ended; the next one takes them over"""
    for end in (signal.SIGKILL, signal.SIGTERM):
        with driver(keep=True) as d:
            d("want in 10.77.1.2 forever 1")
            assert d.synced()["error"] == 0
            table = d.state()["table"]
            os.kill(d.pid(), end)
            d.take(lambda line: line.startswith("gone"))
            assert dropped(A, "10.77.1.1")
            d.p.stdin.close()
            last = d.take(lambda line: line.startswith("ended"))[-1]
            assert last == ("ended signal 9" if end == signal.SIGKILL else "ended status 0"), last
        with driver() as d:
            assert dropped(A, "10.77.1.1")
            d("want in 10.77.1.2 forever 1")
            assert d.synced()["kept"] == 1
            # asked to end it leaves a table of nobody's, see case_release
            assert (d.state()["table"] == table) == (end == signal.SIGKILL or not own)


def case_garbage(_):
    """a message that is not one ends the enforcer, not the blocks"""
    for message in ("00", "01" + "00" * 7, "02" + "00" * 7, "0100010000000000" + "ff" * 48, "0201000000000000" * 2, "ff" * 100):
        with driver(keep=True) as d:
            assert d.error("add in 10.77.1.2 60000 1") == 0
            d(f"raw {message}")
            d.take(lambda line: line.startswith("gone"))
            d.p.stdin.close()
            assert d.take(lambda line: line.startswith("ended"))[-1] == "ended status 1"
    assert dropped(A, "10.77.1.1")
    run("ip", "netns", "exec", V, DRIVER, "--remove", "cordon")


def case_upgrade(own):
    """a table that cannot be owned is made anew in one go, with its blocks"""
    if not own:
        return "this kernel has no owned tables"
    with driver("--no-own", keep=True) as d:
        assert d.error("add in 10.77.1.2 60000 1") == 0
    with driver() as d:
        assert d.state()["owner"] == "0" and dropped(A, "10.77.1.1")
        d("want in 10.77.1.2 60000 1")
        assert d.synced()["error"] == 0
        assert d.state()["owner"] == "1" and dropped(A, "10.77.1.1")
    return None


def case_guarded(_):
    """not one packet slips through while syncs, changes and a new table replace each other"""
    with inside(A):
        a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with inside(V):
        v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v.bind(("10.77.1.1", 4002))
    v.settimeout(PATIENCE)
    a.sendto(b"before", ("10.77.1.1", 4002))
    assert v.recv(9) == b"before"
    v.setblocking(False)
    stop, sent = threading.Event(), 0

    def send():
        nonlocal sent
        while not stop.is_set():
            a.sendto(b"x", ("10.77.1.1", 4002))
            sent += 1

    sender = threading.Thread(target=send)
    try:
        for args in (("--no-own",), ()):
            with driver(*args, keep=True) as d:
                d("want in 10.77.1.2 forever 1")
                assert d.synced()["error"] == 0
                if not sender.is_alive():
                    sender.start()
                for n in range(30):
                    d(f"want in 10.77.1.2 {'forever' if n % 2 else 60000} {n}")
                    d(f"wantmany in 192.0.2.0 {n} 60000 1")
                    assert d.synced()["error"] == 0
                    assert d.error(f"add in 10.77.1.2 60000 {n}") == 0
                # too many to be compared: a new table, twice
                table = d.state()["table"]
                for n in range(2):
                    d("want in 10.77.1.2 forever 1")
                    d(f"wantmany in 100.64.0.0 140000 600000 {n}")
                    r = d.synced()
                    assert r["error"] == 0 and r["added"] == 140001, r
                assert d.state()["table"] != table
                assert d.ask("in 100.66.34.223")[1] == 1 and d.ask("in 10.77.1.2") == ("forever", 1)
                d("want in 10.77.1.2 forever 1")
                assert d.synced()["removed"] == 140000
        stop.set()
        sender.join()
        assert sent > 1000, sent
        try:
            got = v.recv(9)
        except BlockingIOError:
            got = None
        assert got is None, got
    finally:
        stop.set()
        run("ip", "netns", "exec", V, DRIVER, "--remove", "cordon")
        a.close()
        v.close()


def case_remove(_):
    """removing the table takes everything out"""
    with driver(keep=True) as d:
        assert d.error("add in 10.77.1.2 60000 1") == 0
    assert dropped(A, "10.77.1.1")
    run("ip", "netns", "exec", V, DRIVER, "--remove", "cordon")
    assert reaches(A, "10.77.1.1")
    run("ip", "netns", "exec", V, DRIVER, "--remove", "cordon")
    assert "cordon" not in nft("list", "ruleset").stdout


def without_times(text):
    return re.sub(r" expires \w+", "", text)


def case_reload(_):
    """what nft lists, nft loads again: the same table"""
    with driver("--no-own", keep=True) as d:
        for order in ("in 10.77.1.2 600000 1", "in 192.0.2.1 forever 2", "in fd77:1::/64 600000 3",
                      "in fd77:9::9 600000 4", "in 10.88.0.0/16 600000 5", "in 10.88.1.0/24 forever 6",
                      "in 240.0.0.0/4 600000 7", "in fd00::/9 forever 8", "out 192.0.2.2 600000 9",
                      "out fd77:8::/64 600000 10", "out 10.66.0.0/15 forever 11",
                      "allow 10.77.2.0/24 forever 12", "allow fd77:2::/64 forever 13"):
            assert d.error(f"add {order}") == 0, order
        assert dropped(A, "10.77.1.1") and dropped(A, "fd77:1::1", "fd77:1::2")
        assert len(d.hits()) == 2
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as f:
        listed = nft("list", "table", "inet", "cordon").stdout
        f.write(listed)
        f.flush()
        assert "counter packets 1" in listed
        nft("delete", "table", "inet", "cordon")
        nft("-f", f.name)
        assert without_times(nft("list", "table", "inet", "cordon").stdout) == without_times(listed)
    assert dropped(A, "10.77.1.1") and reaches(B, "10.77.2.1")
    with driver("--no-own") as d:
        d("want in 192.0.2.1 forever 2")
        r = d.synced()
        assert r["kept"] == 1 and r["added"] == 0, f"the loaded table is taken for another: {r}"


def listed_times(text):
    """{element: milliseconds it still has} of what nft lists."""
    def ms(span):
        units = {"d": 86400000, "h": 3600000, "m": 60000, "s": 1000, "ms": 1}
        return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)(ms|[dhms])", span))

    found = re.findall(r"([0-9a-f.:/]+)\s+timeout \w+ expires (\w+)", text)
    return {element: ms(span) for element, span in found}


ORDERS = ("in 10.77.1.2 600000 1", "in 192.0.2.1 forever 2", "in fd77:1::/64 600000 3", "in 10.88.0.0/16 600000 5",
          "out 192.0.2.2 600000 9", "out fd77:8::/64 forever 10", "allow 10.77.2.0/24 forever 12")


def case_release(own):
    """asked to, it leaves a table nobody owns, not unguarded for a packet: nft saves and loads it, a start keeps it"""
    if not own:
        return "this kernel has no owned tables"
    with inside(A):
        a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with inside(V):
        v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v.bind(("10.77.1.1", 4003))
    v.setblocking(False)
    stop, sent = threading.Event(), 0

    def send():
        nonlocal sent
        while not stop.is_set():
            a.sendto(b"x", ("10.77.1.1", 4003))
            sent += 1

    def want(d):
        for order in ORDERS:
            d(f"want {order}")
        return d.synced()

    sender = threading.Thread(target=send)
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as f, a, v:
        with driver(keep=True) as d:
            assert want(d)["error"] == 0 and d.state()["owner"] == "1"
            running = nft("list", "table", "inet", "cordon").stdout
            sender.start()
            os.kill(d.pid(), signal.SIGUSR1)
            assert d.error("add in 192.0.2.3 600000 20") == 0  # what is ordered meanwhile counts
            assert d.error("remove in 192.0.2.3 0 0") == 0
            d.p.stdin.close()
            assert d.take(lambda line: line.startswith("ended"))[-1] == "ended status 0"
        stop.set()
        sender.join()
        assert sent > 100, sent
        try:
            got = v.recv(9)
        except BlockingIOError:
            got = None
        assert got is None, "a packet came through"
        listed = nft("list", "ruleset").stdout
        assert "flags" not in listed.split("set block4")[0], listed[:200]
        before = listed_times(listed)
        assert len(before) == 4 and all(500000 < x <= 600000 for x in before.values()), before
        f.write(listed)
        f.flush()
        nft("flush", "ruleset")
        assert reaches(A, "10.77.1.1")
        nft("-f", f.name)
        again = nft("list", "ruleset").stdout
        assert dropped(A, "10.77.1.1")
        assert without_times(again) == without_times(listed)
        after = listed_times(again)
        assert set(after) == set(before)
        assert all(abs(before[x] - after[x]) < 20000 for x in before), (before, after)
    assert running[running.index("chain"):] in listed
    with driver() as d:
        r = want(d)
        assert (r["error"], r["added"], r["removed"], r["kept"] + r["changed"]) == (0, 0, 0, 7), r
        assert d.state()["owner"] == "1" and dropped(A, "10.77.1.1")
        r = want(d)
        assert r["changed"] == 0 and r["kept"] == 7, r
    # where nobody owns tables there is nothing to do
    run("ip", "netns", "exec", V, DRIVER, "--remove", "cordon")
    with driver("--no-own", keep=True) as d:
        assert want(d)["added"] == 7
        table = d.state()["table"]
        os.kill(d.pid(), signal.SIGUSR1)
        d.p.stdin.close()
        assert d.take(lambda line: line.startswith("ended"))[-1] == "ended status 0"
    with driver("--no-own") as d:
        assert want(d)["kept"] == 7 and d.state()["table"] == table
    return None


def case_release_many(_):
    """asked to, it leaves a table too large for one transaction as it is"""
    with driver(keep=True) as d:
        d("wantmany in 100.64.0.0 140000 600000 5")
        assert d.synced()["added"] == 140000
        table = d.state()["table"]
        os.kill(d.pid(), signal.SIGUSR1)
        d.p.stdin.close()
        assert d.take(lambda line: line.startswith("ended"))[-1] == "ended status 0"
    with driver() as d:
        assert d.state()["table"] == table
        assert d.ask("in 100.64.0.0") and d.ask("in 100.66.34.223")


GREETING = b"\x4a\0\0\0\x0a5.5.5-10.11.14-MariaDB\0" + bytes(50)
MINE = {"10.77.1.2": "10.77.1.1", "fd77:1::2": "fd77:1::1"}  # of A, and where the victim is for it


def nobody_answered(d):
    """Nobody's address is there whom nothing was sent."""
    others = ("10.77.1.3", "10.77.2.2", "fd77:1::3", "fd77:2::2", "fd77:2::/64", "203.0.113.9")
    return not any(d.answered(service, x) for service in ("mysql", "rdp") for x in others)


def case_answered(_):
    """whom a service sent data is remembered, by address and /64; a connection without any is none"""
    with driver(*PORTS) as d:
        for mine, server in MINE.items():
            with connect(A, server, mine) as s:
                assert not d.answered("rdp", mine), "nothing was sent yet"
                assert talks(s)
                assert d.answered("rdp", mine)
        assert d.answered("rdp", "fd77:1::/64")
        assert not any(d.answered("mysql", x) for x in (*MINE, "fd77:1::/64"))
        assert nobody_answered(d)


def case_greeted(_):
    """of MySQL's port it is the greeting that counts, whatever else is sent"""
    with driver(*PORTS) as d:
        for words in (b"\x4a\0\0\x01\x0a", b"\x4a\0\0\0\xff\x69\x04 Host is not allowed", b"\0\x0a", b"x" * 4000):
            g = Greeter(V, words)
            with contextlib.closing(g), connect(A, "10.77.1.1", port=GREETS) as s:
                assert s.recv(9)
            assert not d.answered("mysql", "10.77.1.2"), words
        g = Greeter(V, GREETING)
        with contextlib.closing(g):
            for mine, server in MINE.items():
                with connect(A, server, mine, port=GREETS) as s:
                    assert s.recv(9)
                assert d.answered("mysql", mine)
        assert d.answered("mysql", "fd77:1::/64")
        assert not any(d.answered("rdp", x) for x in (*MINE, "fd77:1::/64"))
        assert nobody_answered(d)


def checksum(data):
    total = sum(int.from_bytes(data[i:i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def spoofed(source, to, port, flags, number, acknowledged, data=b""):
    """A TCP segment over IPv4 in somebody else's name."""
    tcp = bytearray(struct.pack("!HHIIBBHHH", 40000, port, number, acknowledged, 5 << 4, flags, 65535, 0, 0) + data)
    ends = socket.inet_aton(source) + socket.inet_aton(to)
    tcp[16:18] = checksum(ends + struct.pack("!BBH", 0, 6, len(tcp)) + tcp).to_bytes(2, "big")
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + ends + tcp


SYN, RST, PSH, ACK = 2, 4, 8, 16


def sent_to(seen, address):
    """The flags of the TCP segments that came for the address."""
    flags = set()
    with contextlib.suppress(BlockingIOError):
        while packet := seen.recv(2048):
            if packet[9] == 6 and packet[16:20] == socket.inet_aton(address):
                flags.add(packet[33])
    return flags


def case_spoofed(_):
    """no packet in a stranger's name gets him remembered: the end that answers is asked for its number"""
    g = Greeter(V, GREETING)
    with contextlib.closing(g), driver(*PORTS) as d, inside(A):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        seen.bind(("eth0", 0x0800))
        seen.setblocking(False)
        # one address has nobody, the other somebody who protests
        ip(V, "route", "add", "203.0.113.9", "via", "10.77.1.2")
        try:
            for victim in ("203.0.113.9", "10.77.1.3"):
                for port in (PORT, GREETS):
                    for flags in ((SYN,), (SYN, ACK, PSH | ACK, ACK | RST), (SYN, PSH | ACK), (ACK,), (PSH | ACK,)):
                        for n, flag in enumerate(flags):
                            for guess in range(1, 200 if flag != SYN else 2):
                                raw.sendto(spoofed(victim, "10.77.1.1", port, flag, 1000 + (n > 0),
                                                   guess * 0x1555555 & 0xffffffff if n else 0, b"x" if flag & PSH else b""),
                                           ("10.77.1.1", 0))
                assert not any(d.answered(s, victim) for s in ("rdp", "mysql")), victim
                assert {SYN | ACK, RST} <= sent_to(seen, victim), "the victim was not fooled at all"
            # the same words from one who owns the address
            with connect(A, "10.77.1.1", "10.77.1.3") as s:
                assert talks(s)
            assert d.answered("rdp", "10.77.1.3")
        finally:
            ip(V, "route", "del", "203.0.113.9")
            raw.close()
            seen.close()


def case_answered_forward(_):
    """a service behind us is a service; who only uses its port for his own connections is not answered by it"""
    g = Greeter(B, GREETING)
    with contextlib.closing(g), driver(*PORTS) as d:
        for mine, server in (("10.77.1.2", "10.77.2.2"), ("fd77:1::2", "fd77:2::2")):
            with connect(A, server, mine) as s:
                assert talks(s)
            with connect(A, server, mine, port=GREETS) as s:
                assert s.recv(9)
            assert d.answered("rdp", mine) and d.answered("mysql", mine)
        assert nobody_answered(d)
    listening = Server(B, 8079)  # its own port is not watched
    with contextlib.closing(listening), driver("--ports", "8080,8081") as d:
        for own in (8080, 8081):
            with connect(A, "10.77.2.2", "10.77.1.3", port=8079, own_port=own) as s:
                s.sendall(GREETING)
                assert s.recv(9)
        assert nobody_answered(d)


def case_answered_kept(own):
    """what is remembered outlives a table made anew: stopped, started, many, other ports; and nft loads what it lists"""
    def start(*args, ports=PORTS):
        return driver(*args, *ports, keep=True)

    def want(d):
        d("want in 192.0.2.1 forever 2")
        assert d.synced()["error"] == 0
        assert all(d.answered("rdp", x) for x in (*MINE, "fd77:1::/64")) and nobody_answered(d)

    with start() as d:
        for mine, server in MINE.items():
            with connect(A, server, mine) as s:
                assert talks(s)
        want(d)
        os.kill(d.pid(), signal.SIGUSR1)
    with start() as d:
        want(d)
        assert d.state()["owner"] == ("1" if own else "0")
        os.kill(d.pid(), signal.SIGKILL)
    with start() as d:
        table = d.state()["table"]
        d("wantmany in 100.64.0.0 140000 600000 3")
        want(d)
        assert d.state()["table"] != table
        want(d)
        os.kill(d.pid(), signal.SIGUSR1)
    with start(ports=("--ports", f"{GREETS + 1},{PORT}")) as d:
        want(d)
        os.kill(d.pid(), signal.SIGUSR1)
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as f:
        listed = nft("list", "table", "inet", "cordon").stdout
        assert "expires" in listed.split("set rdp4")[1]
        f.write(listed)
        f.flush()
        nft("delete", "table", "inet", "cordon")
        nft("-f", f.name)
        assert without_times(nft("list", "table", "inet", "cordon").stdout) == without_times(listed)
    with start("--no-own", ports=("--ports", f"{GREETS + 1},{PORT}")) as d:
        d("want in 192.0.2.1 forever 2")
        assert d.synced()["kept"] == 1, "the loaded table is taken for another"
        assert all(d.answered("rdp", x) for x in (*MINE, "fd77:1::/64"))
    # of a service that is watched no more nothing stays
    with driver("--ports", f"{GREETS},0") as d:
        d("want in 192.0.2.1 forever 2")
        assert d.synced()["error"] == 0 and not d.answered("rdp", "10.77.1.2")
        assert "rdp" not in nft("list", "table", "inet", "cordon").stdout


def case_answer_in_between(_):
    """a question amid many orders is answered, and no answer of theirs is lost"""
    with driver(*PORTS) as d:
        with connect(A, "10.77.1.1") as s:
            assert talks(s)
        for n in range(20):
            assert d.answered("rdp", "10.77.1.2")
            assert d.error(f"add in 192.0.2.{n} 60000 {n}") == 0
        took = sorted(int(d("who rdp 10.77.1.2")[-1].split("us=")[1]) for _ in range(200))
        print(f"# a question takes {took[100]} us", flush=True)


def case_rights(_):
    """the process keeps CAP_NET_ADMIN, its filter, and sockets"""
    with driver("--user", "nobody") as d:
        assert d.first[-1] == "ready"
        d.hits()  # who answers has given up its rights; "ready" is said before
        pid = d.pid()
        with open(f"/proc/{pid}/status") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert set(status["Uid"].split()) == {"65534"} and set(status["Gid"].split()) == {"65534"}
        for field in ("CapPrm", "CapEff", "CapBnd"):
            assert int(status[field], 16) == 1 << 12, (field, status[field])
        assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        if os.environ.get("CORDON_SANITIZED") != "1":
            assert status["Seccomp"] == "2", status["Seccomp"]
        links = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd") if int(n) > 2]
        assert links and all(x.startswith("socket:") for x in links), links
        assert d.error("add in 10.77.1.2 60000 1") == 0 and dropped(A, "10.77.1.1")
        d("want in 10.77.1.2 60000 1")
        assert d.synced()["error"] == 0
        assert d.hits()


def case_nobody_may(_):
    """without CAP_NET_ADMIN it says so and ends"""
    p = subprocess.run(["ip", "netns", "exec", V, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
                        DRIVER, "cordon"], input="", text=True, capture_output=True, timeout=6 * PATIENCE)
    assert "failed" in p.stdout and f"error={-errno.EPERM}" in p.stdout, p.stdout


def skip_all(why):
    cases = [f for name, f in globals().items() if name.startswith("case_")]
    print(f"1..{len(cases)}")
    for n, f in enumerate(cases, 1):
        print(f"ok {n} - {f.__doc__} # SKIP {why}")
    return 0


def main():
    if os.geteuid() != 0:
        return skip_all("needs root for network namespaces")
    for tool in ("ip", "nft", "setpriv"):
        if not shutil.which(tool):
            return skip_all(f"{tool} is not installed")
    if not os.access(DRIVER, os.X_OK):
        return skip_all(f"{DRIVER} is not built")
    only = sys.argv[1:]
    cases = [f for name, f in globals().items() if name.startswith("case_") and (not only or name[5:] in only)]
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    try:
        make_world()
        servers = [Server(ns) for ns in (V, A, B)]
        own = can_own()
        for n, f in enumerate(cases, 1):
            try:
                why = f(own)
                print(f"ok {n} - {f.__doc__}" + (f" # SKIP {why}" if why else ""), flush=True)
            except Exception as e:  # one broken case must not hide the others
                failed += 1
                print(f"not ok {n} - {f.__doc__}", flush=True)
                tb = e.__traceback__
                while tb.tb_next and tb.tb_next.tb_frame.f_code.co_filename == __file__:
                    tb = tb.tb_next
                print(f"# {f.__name__} line {tb.tb_lineno}: {type(e).__name__} {e}", flush=True)
        for s in servers:
            s.socket.close()
    finally:
        end_world()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
