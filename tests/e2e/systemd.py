#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed unit under a real systemd, booted in namespaces of its own on a copy of this
machine's file system that is gone with them: started, fed, reloaded, restarted, stopped."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import BUILD, Tap, cleanup, need_commands, need_root, run, scratch, skip_all, until  # noqa: E402

SYSTEMD = "/lib/systemd/systemd"
LOG = "/var/log/cordon-test.log"
CANNOT = 77  # these namespaces or mounts are not to be had here

BOOT = """
d={dir} r={dir}/all/root
{{
  mount --make-rprivate / && ip link set lo up && mkdir -p "$d/all" && mount -t tmpfs none "$d/all" &&
  mkdir "$d/all/up" "$d/all/work" "$r" &&
  mount -t overlay overlay -o "lowerdir=/,upperdir=$d/all/up,workdir=$d/all/work" "$r" &&
  mount -t proc proc "$r/proc" && mount -t sysfs sysfs "$r/sys" && mount -t cgroup2 cgroup2 "$r/sys/fs/cgroup" &&
  mount --rbind /dev "$r/dev" && mount -t tmpfs tmpfs "$r/run" && mount -t tmpfs tmpfs "$r/tmp"
}} || exit {cannot}
set -e
rm -rf "$r/var/lib/cordon" "$r/etc/cordon"
cp -r "$d/dest/." "$r/"
mkdir -p "$r/etc/cordon"
cp "$d/cordon.yaml" "$r/etc/cordon/"
install -m 0644 /dev/null "$r{log}"
chroot "$r" systemd-sysusers /usr/local/lib/sysusers.d/cordon.conf
chroot "$r" systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/cordon.conf
printf '[Unit]\\nDescription=what the test needs\\nWants=cordon.service dbus.socket\\n' > "$r/etc/systemd/system/test.target"
exec chroot "$r" env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin {systemd} --system --unit=test.target
"""


class Machine:
    """namespaces with systemd as their first process"""

    def __init__(self):
        self.dir = scratch()
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", self.dir / "dest")
        (self.dir / "cordon.yaml").write_text(f"sensors: [{{file: {LOG}}}]\nsystem_rule: {{fail_count: 5}}\n")
        script = self.dir / "boot"
        script.write_text(BOOT.format(dir=self.dir, cannot=CANNOT, log=LOG, systemd=SYSTEMD))
        self.output = self.dir / "output"
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--mount", "--cgroup", "--net", "--uts", "--ipc", "--kill-child", "sh",
                 script], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        cleanup.callback(self.end)
        until(lambda: self.process.poll() is not None or self.booted(), 60, 0.2)
        if self.process.poll() == CANNOT or self.process.poll() == 1:
            skip_all("systemd cannot be booted in namespaces here: " + self.output.read_text().strip()[-200:])

    def first(self):
        return run("pgrep", "-P", str(self.process.pid), check=False).stdout.strip()

    def booted(self):
        first = self.first()
        return first and Path(f"/proc/{first}/comm").read_text().strip() == "systemd" and \
            self.run("systemctl", "is-active", "test.target", check=False).stdout.strip() == "active"

    def run(self, *command, check=True):
        done = subprocess.run(["nsenter", "--target", self.first(), "--all", "--root", "--wd=/", *map(str, command)],
                              text=True, capture_output=True, timeout=60)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def end(self):
        """The first process goes with its parent, and everything with the first process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def property(self, name):
        return self.run("systemctl", "show", "cordon", "-p", name, "--value").stdout.strip()

    def fail(self, source, times=5):
        lines = "".join(f"{time.strftime('%b %e %H:%M:%S')} web sshd[{os.getpid() + i}]: Failed password for root from "
                        f"{source} port 4242 ssh2\n" for i in range(times))
        self.run("sh", "-c", f"printf '%s' '{lines}' >> {LOG}")

    def blocked(self, source):
        return source + " " in self.run("nft", "list", "set", "inet", "cordon", "block4", check=False).stdout


def lines_in_log(machine, what):
    return len(re.findall(what, machine.run("journalctl", "-u", "cordon", "--no-pager", "-o", "cat").stdout))


def enrolled(tap, m):
    """Confined as it is, the unit becomes an agent: of a server that runs beside it, without a unit."""
    m.run("sh", "-c", "printf 'role: server\\nfleet: {listen: 127.0.0.1:8732}\\n' > /tmp/server.yaml; cordond --config "
          "/tmp/server.yaml --state-dir /tmp/server --listen 127.0.0.1:8741 >/tmp/server.log 2>&1 &")
    server = ["cordon", "--state-dir", "/tmp/server"]
    until(lambda: m.run(*server, "status", check=False).returncode == 0)
    said = m.run(*server, "hosts", "invite", "--name", "unit").stdout
    done = m.run("cordond", "enrol", *re.search(r"cordond enrol (\S+) (\S+)", said).groups(), check=False)
    tap.ok(done.returncode == 0 and "takes it over now" in done.stdout, "it can be enrolled", done.stdout + done.stderr)
    tap.ok(until(lambda: " online " in m.run(*server, "hosts").stdout), "and is an agent then",
           m.run("journalctl", "-u", "cordon", "--no-pager", "-o", "cat").stdout)
    m.fail("203.0.113.79")
    tap.ok(until(lambda: "203.0.113.79" in m.run(*server, "blocks").stdout), "that reports",
           m.run("cordon", "status", check=False).stdout)
    m.run(*server, "hosts", "retire", "unit", "--yes")
    tap.ok(until(lambda: " all," in m.run("cordon", "status", check=False).stdout), "until it is dismissed")


def main():
    need_root()
    need_commands("unshare", "nsenter", "systemctl", "systemd-sysusers", "nft", "meson", "pgrep")
    if not os.access(SYSTEMD, os.X_OK):
        skip_all("systemd is not installed")
    if os.environ.get("CORDON_SANITIZED") == "1":
        skip_all("the unit's confinement leaves no room for a sanitizer")
    if not shutil.which("systemd-tmpfiles"):
        skip_all("systemd-tmpfiles is not installed")
    tap = Tap()
    m = Machine()
    active = until(lambda: m.property("ActiveState") == "active", 30, 0.2)
    tap.ok(active, "the unit is active once the daemon has said it is ready",
           m.run("journalctl", "--no-pager", check=False).stdout)
    tap.ok("as wanted" in m.run("cordon", "status").stdout, "and the command line finds it, with the kernel")
    state = m.run("stat", "-c", "%U %a", "/var/lib/cordon").stdout.split()
    tap.equal(state, ["cordon", "700"], "its state is the engine's alone")
    m.fail("203.0.113.77")
    tap.ok(until(lambda: m.blocked("203.0.113.77")), "an attacker is blocked")
    main_pid = m.property("MainPID")
    m.run("systemctl", "reload", "cordon")
    tap.ok(until(lambda: lines_in_log(m, "(?m)^cordond: ready") == 2), "it reloads")
    tap.equal((m.property("MainPID"), m.property("ActiveState")), (main_pid, "active"), "as the same process")
    m.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "cordon")
    tap.ok(until(lambda: m.property("NRestarts") == "1" and m.property("ActiveState") == "active", 30, 0.2),
           "killed, it is started again")
    tap.ok(m.blocked("203.0.113.77"), "with its blocks")
    m.run("systemctl", "stop", "cordon")
    tap.equal((m.property("ActiveState"), m.property("Result")), ("inactive", "success"), "it stops")
    tap.ok(m.blocked("203.0.113.77"), "its blocks stay in the kernel")
    saved = m.run("nft", "list", "ruleset").stdout
    m.run("sh", "-c", "nft list ruleset > /run/saved && nft flush ruleset && nft -f /run/saved")
    tap.ok(m.blocked("203.0.113.77"), "the ruleset can be saved and loaded", saved)
    m.fail("203.0.113.78")
    m.run("systemctl", "start", "cordon")
    tap.ok(until(lambda: m.blocked("203.0.113.78")), "what was written meanwhile is read after a start")
    enrolled(tap, m)
    bad = lines_in_log(m, "error|refused|denied|EPERM|not permitted")
    tap.equal(bad, 0, "nothing was refused to it")
    tap.done()


main()
