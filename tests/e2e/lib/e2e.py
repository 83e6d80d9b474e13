# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: TAP, hosts made of network namespaces, a daemon."""
import atexit
import contextlib
import ctypes
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(os.environ.get("CORDON_ROOT", Path(__file__).resolve().parents[3]))
BUILD = Path(os.environ.get("CORDON_BUILD", ROOT / "build"))
PREFIX = f"cdn{os.getpid() % 100000}"  # of everything this run makes


class Tap:
    """One case a call; the plan at the end."""

    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, name, detail=""):
        self.n += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}", flush=True)
        if not good and detail:
            for line in str(detail).splitlines()[:4] + str(detail).splitlines()[4:][-60:]:
                print(f"#   {line}", flush=True)
        return good

    def equal(self, got, expected, name):
        return self.ok(got == expected, name, f"got {got!r}, expected {expected!r}")

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)

    def done(self):
        print(f"1..{self.n}", flush=True)
        sys.exit(1 if self.failed else 0)


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def need_root():
    if os.geteuid() != 0:
        skip_all("needs root: network namespaces")


def need_commands(*names):
    for name in names:
        if not shutil.which(name) and not Path("/usr/sbin", name).exists():
            skip_all(f"{name} is not installed")


def run(*command, check=True, timeout=60, **kw):
    """Output of a command; raises with what it said when it fails."""
    done = subprocess.run(command, text=True, capture_output=True, timeout=timeout, **kw)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout if check else done


def until(condition, seconds=20, pause=0.02):
    """The first true value of condition(), or its last value when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


cleanup = contextlib.ExitStack()
atexit.register(cleanup.close)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(1))


def scratch():
    """A directory that is gone at the end; other users may pass through it."""
    path = Path(tempfile.mkdtemp(prefix="cordon-e2e-"))
    path.chmod(0o755)
    cleanup.callback(shutil.rmtree, path, ignore_errors=True)
    return path


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


class Host:
    """A host of its own: a network namespace with loopback up."""

    def __init__(self, name):
        self.ns = f"{PREFIX}-{name}"
        run("ip", "netns", "add", self.ns)
        cleanup.callback(run, "ip", "netns", "del", self.ns, check=False)
        self.run("ip", "link", "set", "lo", "up")
        # addresses at once, not after duplicate address detection
        self.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                 "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def command(self, *command):
        return ["ip", "netns", "exec", self.ns, *map(str, command)]

    def run(self, *command, **kw):
        return run(*self.command(*command), **kw)

    def start(self, *command, **kw):
        """A process that ends with the test."""
        process = subprocess.Popen(self.command(*command), start_new_session=True, **kw)
        cleanup.callback(end, process)
        return process


def end(process, patience=10):
    """Ends a process group that we started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


links = 0


def link(a, b, *addresses):
    """A cable; addresses: (of a, of b) with prefix lengths. Returns the names of both ends."""
    global links
    links += 1
    ends = f"v{os.getpid() % 100000}a{links}", f"v{os.getpid() % 100000}b{links}"
    run("ip", "link", "add", ends[0], "netns", a.ns, "type", "veth", "peer", "name", ends[1], "netns", b.ns)
    for host, name, side in ((a, ends[0], 0), (b, ends[1], 1)):
        for pair in addresses:
            nodad = ["nodad"] if ":" in pair[side] else []
            host.run("ip", "addr", "add", pair[side], "dev", name, *nodad)
        host.run("ip", "link", "set", name, "up")
    return ends


class Daemon:
    """cordond on a host (None: here), with a state directory of its own. port None: as configured."""

    def __init__(self, host=None, config="", state=None, port=8731, options=()):
        self.host, self.port, self.options = host, port, list(options)
        self.dir = scratch()
        self.state = state or self.dir / "state"
        self.config = self.dir / "cordon.yaml"
        self.config.write_text(config)
        self.log = self.dir / "log"
        self.process = None

    def start(self, wait=True):
        listen = ["--listen", f"127.0.0.1:{self.port}"] if self.port else []
        command = [str(BUILD / "cordond"), "--state-dir", str(self.state), *listen,
                   "--config", str(self.config), *self.options]
        if self.host:
            command = self.host.command(*command)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                                            start_new_session=True)
        cleanup.callback(end, self.process)
        if wait and not until(self.ready, 30):
            raise RuntimeError("cordond is not ready:\n" + self.log.read_text())
        return self

    def ready(self):
        if self.process.poll() is not None:
            free = shutil.disk_usage(self.dir).free >> 20
            raise RuntimeError(f"cordond ended with {self.process.returncode} ({free} MiB free on the disk):\n"
                               + self.log.read_text())
        return self.cordon("status", check=False).returncode == 0 or \
            "observe" in self.cordon("status", "--json", check=False).stdout

    def stop(self):
        end(self.process)
        return self.process.returncode

    def cordon(self, *args, check=True):
        command = [str(BUILD / "cordon"), "--state-dir", str(self.state), *map(str, args)]
        return run(*command, check=check)

    def json(self, *args):
        return json.loads(self.cordon(*args, "--json"))

    def pids(self):
        """{"cordon-engine": pid, "cordon-enforcer": pid} of the children."""
        found = {}
        for pid in run("pgrep", "-P", str(self.main_pid()), check=False).stdout.split():
            with contextlib.suppress(OSError):
                found[Path(f"/proc/{pid}/comm").read_text().strip()[:15]] = int(pid)
        return found

    def main_pid(self):
        """`ip netns exec` becomes the command, so the process we started is the monitor."""
        return self.process.pid

    def blocks(self, state="active", **filters):
        options = [x for k, v in filters.items() for x in (f"--{k}", str(v))]
        return self.json("blocks", "--state", state, "--limit", "100000", *options)["blocks"]

    def block(self, address, state="all"):
        found = self.blocks(state, address=address)
        return found[0] if found else None


def nft(host, *args, check=True):
    return host.run("nft", *args, check=check)


def in_kernel(host, address, table="cordon"):
    """Does one of the in sets of the kernel hold this very text?"""
    done = host.run("nft", "list", "table", "inet", table, check=False)
    name = ""
    for line in done.stdout.splitlines():
        words = line.replace("=", " ").replace(",", " ").split()
        if words[:1] == ["set"]:
            name = words[1]
        elif name in ("block4", "block6", "block64", "net4", "net6") and address in words:
            return True
    return False


def connects(host, address, port, seconds=2):
    """Can a TCP connection be made from host?"""
    code = ("import socket,sys\n"
            f"s=socket.socket(socket.AF_INET6 if ':' in {address!r} else socket.AF_INET)\n"
            f"s.settimeout({seconds})\n"
            f"sys.exit(0 if s.connect_ex(({address!r},{port}))==0 else 1)")
    return host.run(sys.executable, "-c", code, check=False).returncode == 0
