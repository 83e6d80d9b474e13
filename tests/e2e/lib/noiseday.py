# SPDX-License-Identifier: GPL-3.0-or-later
"""A day of noise: generated lines of all services with known truth, through the real daemon.

Every source is one of these, and what has to become of it is known beforehand:

  attackers     more failures within five minutes than the rule allows: blocked
  distributed   many sources, each with few failures far apart: not blocked, each keeps below the rule
  scanners      connect and leave without a log-in: not blocked
  people        mistype once or twice and get in: not blocked
  offices       many people behind one address, typos all day, mostly log-ins: not blocked

The daemon observes only: its records say who it would block.
"""
import os
import random
import time

from e2e import Daemon, scratch, until

SERVICES = ("ssh", "mysql", "rdp", "vsftpd")
FAIL_COUNT, SPAN = 10, 300
DAY = 86400
CONFIG = """
observe: true
sensors:
  - {{file: {dir}/ssh, services: [ssh], timezone: UTC}}
  - {{file: {dir}/mysql, services: [mysql], timezone: UTC}}
  - {{file: {dir}/rdp, services: [rdp], timezone: UTC}}
  - {{file: {dir}/vsftpd, services: [vsftpd], timezone: UTC}}
system_rule: {{fail_count: {count}, span: 5m, forbidden: permanent}}
limits: {{blocks_per_minute: 0}}
"""
KINDS = ("attackers", "distributed", "scanners", "people", "offices")
SHARE = {"attackers": 15, "distributed": 45, "scanners": 20, "people": 18, "offices": 2}  # of the sources


class Lines:
    """The lines of one service's daemon; each is (time, text)."""

    def __init__(self, service, chance):
        self.service, self.random, self.pid = service, chance, 1000
        self.lines = []

    def write(self, at, user, address, good):
        self.pid += 1
        getattr(self, self.service)(at, user, address, good)

    def say(self, at, text):
        self.lines.append((at, len(self.lines), text))

    def syslog(self, at, text):
        self.say(at, f"{time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime(at))} web {text}")

    def ssh(self, at, user, address, good):
        port = self.random.randrange(1024, 65536)
        tag = f"sshd[{self.pid}]: "
        if good:
            self.syslog(at, f"{tag}Accepted password for {user} from {address} port {port} ssh2")
            return
        self.syslog(at, f"{tag}pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
                        f"rhost={address}  user={user}")
        self.syslog(at, f"{tag}Failed password for {user} from {address} port {port} ssh2")
        self.syslog(at, f"{tag}Connection closed by authenticating user {user} {address} port {port} [preauth]")

    def mysql(self, at, user, address, good):
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
        if good:  # not logged; a connection that was lost is
            self.say(at, f"{stamp} {self.pid} [Warning] Aborted connection {self.pid} to db: 'shop' user: '{user}' "
                         f"host: '{address}' (Got timeout reading communication packets)")
        else:
            self.say(at, f"{stamp} {self.pid} [Warning] Access denied for user '{user}'@'{address}' (using password: YES)")

    def rdp(self, at, user, address, good):
        stamp = time.strftime("[%Y%m%d-%H:%M:%S]", time.gmtime(at))
        mapped = address if ":" in address else f"::ffff:{address}"
        self.say(at, f"{stamp} [INFO ] Socket 11: AF_INET6 connection received from ::1 port 41652")
        if good:
            self.say(at, f"{stamp} [INFO ] ++ created session (access granted): username {user}, ip {mapped}:4242 - socket: 11")
        else:
            self.say(at, f"{stamp} [INFO ] AUTHFAIL: user={user} ip={mapped} time={at}")

    def vsftpd(self, at, user, address, good):
        stamp = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(at))
        mapped = address if ":" in address else f"::ffff:{address}"
        self.say(at, f'{stamp} [pid {self.pid}] CONNECT: Client "{mapped}"')
        self.say(at, f'{stamp} [pid {self.pid}] [{user}] {"OK" if good else "FAIL"} LOGIN: Client "{mapped}"')

    def scan(self, at, address):
        self.pid += 1
        if self.service == "ssh":
            self.syslog(at, f"sshd[{self.pid}]: Connection closed by {address} port 4242 [preauth]")
        elif self.service == "vsftpd":
            stamp = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(at))
            self.say(at, f'{stamp} [pid {self.pid}] CONNECT: Client "{address}"')
        elif self.service == "mysql":
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
            self.say(at, f"{stamp} {self.pid} [Warning] Aborted connection {self.pid} to db: 'unconnected' user: "
                         f"'unauthenticated' host: '{address}' (This connection closed normally without authentication)")
        else:
            stamp = time.strftime("[%Y%m%d-%H:%M:%S]", time.gmtime(at))
            self.say(at, f"{stamp} [INFO ] Socket 11: AF_INET6 connection received from {address} port 41652")


class Day:
    """Sources with their truth, played until there are enough lines."""

    def __init__(self, lines, begin, seed=1):
        self.random = random.Random(seed)
        self.begin = begin
        self.files = {s: Lines(s, self.random) for s in SERVICES}
        self.truth = {}  # (service, address): kind
        self.numbers = 0
        kinds = self.random.choices(KINDS, [SHARE[k] for k in KINDS], k=1 << 16)
        while sum(len(f.lines) for f in self.files.values()) < lines:
            kind = kinds[self.numbers % len(kinds)]
            service = self.random.choice(SERVICES)
            address = self.address()
            self.truth[service, address] = kind
            getattr(self, kind)(self.files[service], address)

    def address(self):
        """One of its own for each source, a /64 of its own for those of v6."""
        self.numbers += 1
        n = self.numbers
        if n % 8 == 0:
            return f"2001:db8:{n >> 16:x}:{n & 0xffff:x}::5" if n >> 16 else f"2001:db8:0:{n:x}::5"
        return f"11.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"

    def moment(self, room=0):
        return self.begin + self.random.randrange(DAY - room)

    def attackers(self, file, address):
        at = self.moment(3600)
        for _ in range(self.random.randrange(FAIL_COUNT + 5, 60)):
            file.write(at, self.random.choice(("root", "admin", "sa", "test")), address, False)
            at += self.random.randrange(1, SPAN // (FAIL_COUNT + 3))

    def distributed(self, file, address):
        """At most one short of the rule in any span."""
        at = self.moment(DAY // 2)
        for _ in range(self.random.randrange(3, 25)):
            file.write(at, "root", address, False)
            at += self.random.randrange(SPAN // (FAIL_COUNT - 2), 1700)

    def scanners(self, file, address):
        for _ in range(self.random.randrange(1, 40)):
            file.scan(self.moment(), address)

    def people(self, file, address):
        at, user = self.moment(600), f"user{self.numbers % 500}"
        for _ in range(self.random.randrange(0, 4)):
            file.write(at, user, address, False)
            at += self.random.randrange(2, 30)
        file.write(at, user, address, True)

    def offices(self, file, address):
        """Somebody comes every minute or two, and three in ten mistype."""
        at = self.begin + self.random.randrange(3600)
        for _ in range(self.random.randrange(50, 300)):
            file.write(at, f"user{self.random.randrange(200)}", address, self.random.random() > 0.3)
            at += self.random.randrange(SPAN // (FAIL_COUNT - 2), 240)

    def put(self, folder):
        total = 0
        for service, file in self.files.items():
            file.lines.sort()
            total += len(file.lines)
            with open(folder / service, "w") as f:
                f.writelines(f"{text}\n" for _, _, text in file.lines)
        return total


def blocked_sources(daemon):
    """Of each record (service, address)."""
    return {(b["service"], b["trigger"]) for b in daemon.blocks("all")}


def lines_read(status):
    return sum(sensor["lines"] for sensor in status["sensors"])


def play(tap, lines):
    day = Day(lines, int(time.time()) - DAY - 3600)
    folder = scratch()
    for service in SERVICES:
        (folder / service).touch()
    daemon = Daemon(None, CONFIG.format(dir=folder, count=FAIL_COUNT),
                    port=20000 + os.getpid() % 10000).start()
    begin = time.monotonic()
    total = day.put(folder)
    tap.ok(total >= lines, f"{total} lines of {len(day.truth)} sources")
    wanted = sum(kind == "attackers" for kind in day.truth.values())
    read = lambda: daemon.json("status")  # noqa: E731
    tap.ok(until(lambda: lines_read(read()) >= total, 300, 0.2), "all are read", read())
    print(f"# read and judged in {time.monotonic() - begin:.1f} s, writing them included")
    until(lambda: len(blocked_sources(daemon)) >= wanted, 20, 0.5)
    blocked = blocked_sources(daemon)
    for kind in KINDS:
        of_kind = {source for source, k in day.truth.items() if k == kind}
        hit = len(of_kind & blocked)
        must = kind == "attackers"
        share = 100 * hit / max(len(of_kind), 1)
        wrong = sorted(of_kind - blocked if must else of_kind & blocked)[:5]
        tap.ok(hit == (len(of_kind) if must else 0) and of_kind,
               f"{kind}: {hit} of {len(of_kind)} blocked ({share:.2f} %), {'all' if must else 'none'} should be", wrong)
    tap.ok(blocked <= set(day.truth), "nobody else is", sorted(blocked - set(day.truth))[:5])
    daemon.stop()
