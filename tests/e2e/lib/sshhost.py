# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a real sshd and a real rsyslogd, and users of its own.

Both run in one mount namespace where /dev has a log socket of its own and
/etc/passwd and /etc/shadow have the test's user, so the machine is not touched.
"""
import os
import signal
import subprocess
from pathlib import Path

from e2e import need_commands, run, scratch, until

USER, PASSWORD = "cordonguest", "right-password-8731"

MOUNTS = """
set -e
d={dir}
mkdir -p "$d/dev/pts" "$d/dev/shm" /run/sshd
for f in null zero full random urandom tty ptmx; do
  : > "$d/dev/$f"
  mount --bind "/dev/$f" "$d/dev/$f"
done
ln -sf /proc/self/fd "$d/dev/fd"
mount --bind /dev/pts "$d/dev/pts"
mount --bind "$d/passwd" /etc/passwd
mount --bind "$d/shadow" /etc/shadow
mount --bind "$d/common-auth" /etc/pam.d/common-auth
mount --bind "$d/dev" /dev
rsyslogd -n -f "$d/rsyslog.conf" -i "$d/rsyslog.pid" &
i=0
while [ ! -S /dev/log ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i + 1)); done
{beside}
exec {sshd} -D -f "$d/sshd_config"
"""

SSHD_CONFIG = """
Port 22
HostKey {dir}/hostkey
PidFile none
UsePAM {pam}
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 200
MaxAuthTries 6
LogLevel INFO
SyslogFacility AUTH
"""

RSYSLOG_CONFIG = """
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0" SysSock.UsePIDFromSystem="off")
module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat" FileCreateMode="0644")
$WorkDirectory {dir}
auth,authpriv.* {dir}/auth.log
daemon.* {dir}/daemon.log
"""


class SshHost:
    """beside: shell commands that start other services where they see the same users."""

    def __init__(self, host, pam="yes", beside=""):
        need_commands("sshd", "rsyslogd", "sshpass", "ssh", "openssl")
        self.host, self.dir = host, scratch()
        self.log = self.dir / "auth.log"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.dir / "hostkey")
        digest = run("openssl", "passwd", "-6", PASSWORD).strip()
        passwd, shadow = Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text()
        shadow = "".join(f"root:{digest}:19000:0:99999:7:::\n" if line.startswith("root:") else line
                         for line in shadow.splitlines(keepends=True))
        (self.dir / "passwd").write_text(f"{passwd}{USER}:x:64731:64731::/tmp:/bin/sh\n")
        (self.dir / "shadow").write_text(f"{shadow}{USER}:{digest}:19000:0:99999:7:::\n")
        (self.dir / "shadow").chmod(0o640)
        # without PAM's two seconds of penance for each wrong password
        auth = Path("/etc/pam.d/common-auth").read_text()
        (self.dir / "common-auth").write_text(auth.replace("pam_unix.so", "pam_unix.so nodelay"))
        (self.dir / "sshd_config").write_text(SSHD_CONFIG.format(dir=self.dir, pam=pam))
        (self.dir / "rsyslog.conf").write_text(RSYSLOG_CONFIG.format(dir=self.dir))
        self.log.touch()
        sshd = run("sh", "-c", "PATH=$PATH:/usr/sbin command -v sshd").strip()
        script = self.dir / "start.sh"
        script.write_text(MOUNTS.format(dir=self.dir, sshd=sshd, beside=beside))
        # some of them leave the process group that is ended at the end
        own_pids = ["-p", "-f", "--kill-child", "--mount-proc"] if beside else []
        self.output = self.dir / "output"
        self.process = host.start("unshare", "-m", *own_pids, "sh", script, stdout=open(self.output, "w"),
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        if not until(lambda: ":22 " in host.run("ss", "-Hltn"), 15):
            raise RuntimeError("sshd did not start: " + self.output.read_text())


def ssh(source, address, password, command="true", bind=None, user=USER, tries=1, **options):
    """The command line of one real ssh client on host `source`."""
    bound = ["-b", bind] if bind else []
    return source.command("sshpass", "-p", password, "ssh", *bound, "-o", "StrictHostKeyChecking=no",
                          "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null",
                          "-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password",
                          "-o", f"NumberOfPasswordPrompts={tries}", "-o", "ConnectTimeout=4",
                          f"{user}@{address}", command)


def login(source, address, bind=None, user=USER):
    """Does the right password get in?"""
    done = subprocess.run(ssh(source, address, PASSWORD, bind=bind, user=user), capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=30)
    return done.returncode == 0


def attack(source, address, times, bind=None, user="root"):
    """Wrong passwords, one connection each; how many the server answered."""
    answered = 0
    for i in range(times):
        # the last one may get no answer: its connection is cut
        client = subprocess.Popen(ssh(source, address, f"wrong{i}", bind=bind, user=user),
                                  stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            answered += b"Permission denied" in client.communicate(timeout=6)[1]
        except subprocess.TimeoutExpired:
            os.killpg(client.pid, signal.SIGKILL)
            client.communicate()
    return answered
