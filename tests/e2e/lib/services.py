# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers of the services beside sshd, and their real clients.

A server is a directory with its configuration and the shell command that starts
it beside sshd (see sshhost.py), so that all see the same users and the same
/dev/log. A client makes one attempt to log in and says whether it got in, as far
as the client can tell.
"""
import re
import subprocess
from urllib.parse import quote

from e2e import end, need_commands, run, scratch, until
from sshhost import PASSWORD, USER, ssh


def quietly(command, seconds):
    """Exit status of a client, None when it got no answer in time; what it said."""
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds,
                              errors="replace")
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout + done.stderr


def bracketed(address):
    return f"[{address}]" if ":" in address else address


class MariaDb:
    """syslog: without an error log of its own, its messages go line by line to /dev/log, as from systemd."""
    service, port, login_type = "mysql", 3306, "mysql"

    def __init__(self, syslog=False):
        need_commands("mariadbd", "mariadb-install-db", "mariadb")
        self.dir = scratch()
        self.log = self.dir / "error.log"
        data = self.dir / "data"
        run("chown", "mysql:", self.dir)
        run("mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}", "--skip-test-db",
            "--auth-root-authentication-method=normal")
        # without an account for any host the server answers before it asks for a password
        init = self.dir / "init.sql"
        init.write_text(f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n")
        if syslog:
            self.log.touch()
        log, to = ("", "2>&1 | logger -t mariadbd -p daemon.warning") if syslog else (f"--log-error={self.log}", "")
        self.start = (f"mariadbd --no-defaults --user=mysql --datadir={data} --bind-address='*' --port={self.port} "
                      f"--socket={self.dir}/socket --pid-file={self.dir}/pid {log} "
                      f"--log-warnings=2 --skip-name-resolve --init-file={init} --innodb-buffer-pool-size=8M {to} &")

    def attempt(self, source, address, user=USER, password="wrong"):
        status, _ = quietly(source.command("mariadb", "--no-defaults", "-h", address, "-P", self.port, "-u", user,
                                           f"-p{password}", "--connect-timeout=2", "-e", "SELECT 1"), 6)
        return status == 0


VSFTPD = """
listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=NO
local_enable=YES
xferlog_enable=YES
xferlog_std_format=NO
vsftpd_log_file={log}
pam_service_name=vsftpd
secure_chroot_dir={dir}/empty
"""


class Vsftpd:
    service, port, login_type = "vsftpd", 21, "vsftp"

    def __init__(self):
        need_commands("vsftpd", "curl")
        self.dir = scratch()
        self.log = self.dir / "vsftpd.log"
        self.log.touch()
        (self.dir / "empty").mkdir()
        config = self.dir / "vsftpd.conf"
        config.write_text(VSFTPD.format(dir=self.dir, log=self.log))
        self.start = f"vsftpd {config} &"

    def attempt(self, source, address, user=USER, password="wrong"):
        # in the address, where nothing of a name is taken for the password
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        status, _ = quietly(source.command("curl", "-sS", "--max-time", 5, "--connect-timeout", 2, "-I",
                                           f"ftp://{login}@{bracketed(address)}/"), 8)
        return status == 0


XRDP = """
[Globals]
ini_version=1
fork=true
port=tcp6://:{port}
security_layer=tls
certificate={dir}/cert.pem
key_file={dir}/key.pem
allow_channels=true
autorun=sesman
[Logging]
LogFile={dir}/xrdp.log
LogLevel=INFO
EnableSyslog=false
[Channels]
rdpdr=true
rdpsnd=true
drdynvc=true
cliprdr=true
[sesman]
name=sesman
lib=libxup.so
username=ask
password=ask
ip=127.0.0.1
port=-1
code=20
"""
SESMAN = """
[Globals]
ListenAddress=127.0.0.1
ListenPort=3350
EnableUserWindowManager=false
DefaultWindowManager=/bin/true
[Security]
AllowRootLogin=true
[Sessions]
MaxSessions=5
[Logging]
LogFile={log}
LogLevel=INFO
EnableSyslog=true
[Xorg]
param=/bin/false
"""


class Xrdp:
    service, port, login_type = "rdp", 3389, "rdp"

    def __init__(self):
        need_commands("xrdp", "xrdp-sesman", "xvfb-run", "xauth", "xfreerdp", "openssl")
        self.dir = scratch()
        self.log = self.dir / "sesman.log"
        self.log.touch()
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
            "-keyout", self.dir / "key.pem", "-out", self.dir / "cert.pem")
        for name, text in (("xrdp.ini", XRDP), ("sesman.ini", SESMAN)):
            (self.dir / name).write_text(text.format(dir=self.dir, log=self.log, port=self.port))
        # their sockets and pid files have fixed names
        self.start = ("mkdir -p /run/xrdp; mount -t tmpfs none /run/xrdp; mkdir /run/xrdp/sockdir; "
                      f"xrdp-sesman -n -c {self.dir}/sesman.ini & xrdp -n -c {self.dir}/xrdp.ini &")

    def attempt(self, source, address, user=USER, password="wrong"):
        """Ends when the server has judged: a client that is refused stays at a window that says so."""
        size = self.log.stat().st_size
        client = source.start("xvfb-run", "-a", "xfreerdp", f"/v:{bracketed(address)}", f"/port:{self.port}", f"/u:{user}",
                              f"/p:{password}", "/sec:tls", "/cert:ignore", "/timeout:3000",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

        def verdict():
            with open(self.log, errors="replace") as f:
                f.seek(size)
                return re.search(r"AUTHFAIL|\+\+ (created|reconnected) session", f.read())

        until(lambda: client.poll() is not None or verdict(), 8)
        end(client)
        found = verdict()
        return bool(found) and found[0] != "AUTHFAIL"


class Dropbear:
    service, port, login_type = "ssh", 2222, "ssh"

    def __init__(self):
        need_commands("dropbear", "dropbearkey", "sshpass", "ssh")
        self.dir = scratch()
        self.log = None  # rsyslogd's, see sshhost.py
        run("dropbearkey", "-t", "ed25519", "-f", self.dir / "key")
        self.start = f"dropbear -F -r {self.dir}/key -P {self.dir}/pid -p {self.port} &"

    def attempt(self, source, address, user=USER, password="wrong"):
        command = ssh(source, address, password, user=user)
        status, _ = quietly(command[:-2] + ["-p", str(self.port)] + command[-2:], 8)
        return status == 0
