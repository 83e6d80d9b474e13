#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""cordon explain and cordon scan, as a person or a program calls them. Prints TAP."""
import gzip
import json
import os
import subprocess
import sys
import tempfile

CORDON = os.path.join(os.environ["CORDON_BUILD"], "cordon")
NOW = ["--now", "2026-11-21T23:00:00Z", "--tz", "UTC"]
count = failed = 0


def check(name, good, note=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good and note:
        print("# " + str(note).replace("\n", "\n# "))


def run(*args, stdin=b""):
    r = subprocess.run([CORDON, *args], input=stdin, capture_output=True, timeout=60)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def explain(text, *args):
    code, out, err = run("explain", "--json", *(args or NOW), "-", stdin=text.encode())
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def line(second, message, pid=7):
    return f"Nov 21 22:{second // 60:02}:{second % 60:02} web01 sshd[{pid}]: {message}\n"


def failure(second, address="192.0.2.1", user="root", pid=None):
    text = f"Failed password for {user} from {address} port 50000 ssh2"
    return line(second, text, pid or 1000 + second)


def write(folder, name, text, mtime=1795303800):
    path = os.path.join(folder, name)
    data = text.encode() if isinstance(text, str) else text
    with (gzip.open if name.endswith(".gz") else open)(path, "wb") as f:
        f.write(data)
    os.utime(path, (mtime, mtime))
    return path


def test_explain():
    rows = explain(failure(0) + "gibberish\n" + line(1, "Server listening on :: port 22.") +
                   line(2, "Accepted password for bob from ::ffff:192.0.2.9 port 1 ssh2"))
    check("explain: a failure", rows[0] == {
        "line": 1, "match": True, "service": "ssh", "outcome": "failure", "src_ip": "192.0.2.1",
        "user": "root", "time": "2026-11-21T22:00:00.000Z", "counts": 1, "why": None}, rows[0])
    check("explain: keys in order", list(rows[0]) == [
        "line", "match", "service", "outcome", "src_ip", "user", "time", "counts", "why"])
    check("explain: no log line", rows[1] == {
        "line": 2, "match": False, "service": None, "outcome": "none", "src_ip": None,
        "user": None, "time": None, "counts": 0,
        "why": "not understood: it begins like no log that Cordon knows"}, rows[1])
    check("explain: a line of the service that says nothing",
          rows[2]["service"] == "ssh" and not rows[2]["match"] and rows[2]["time"], rows[2])
    check("explain: a success, v4-mapped shown as v4",
          (rows[3]["match"], rows[3]["outcome"], rows[3]["src_ip"], rows[3]["user"]) ==
          (False, "success", "192.0.2.9", "bob"), rows[3])
    rows = explain(line(0, "User bob from c.example not allowed because listed in DenyUsers"))
    check("explain: a failure without an address", rows[0]["match"] and rows[0]["src_ip"] is None)
    rows = explain(line(0, "User bob not allowed because account is locked") +
                   line(1, "Connection closed by invalid user bob 192.0.2.1 port 5 [preauth]"))
    check("explain: the second line completes the first",
          [(r["match"], r["src_ip"]) for r in rows] == [(False, None), (True, "192.0.2.1")], rows)
    rows = explain(failure(0) + failure(0) + failure(0))
    check("explain: nothing is merged", [r["match"] for r in rows] == [True] * 3)
    check("explain: and each counts", [r["counts"] for r in rows] == [1, 1, 1])
    rows = explain(line(0, "Invalid user bob from 192.0.2.1 port 5") +
                   line(1, "Failed password for invalid user bob from 192.0.2.1 port 5 ssh2") +
                   line(2, "Connection closed by invalid user bob 192.0.2.1 port 5 [preauth]") +
                   line(3, "Login of bob refused") + line(4, "x").replace("sshd", "systemd") +
                   line(5, "message repeated 3 times: [ Failed password for bob from 192.0.2.1 port 5 ssh2]"))
    check("explain: two lines of one attempt count once",
          [(r["match"], r["counts"]) for r in rows[:3]] == [(True, 1), (True, 0), (False, 0)], rows)
    for row, part in zip(rows, ("before the password is tried", "told of the same attempt",
                                "counted before", "none of the messages that Cordon knows",
                                "nothing Cordon watches", "once for all of them"), strict=True):
        check(f"explain: why: {part}", part in (row["why"] or ""), row)
    check("explain: three at once", rows[5]["counts"] == 3, rows[5])
    out = run("explain", *NOW, stdin=failure(0, "127.0.0.1").encode() +
              line(1, "Failed publickey for bob from 192.0.2.1 port 5 ssh2").encode())[1].splitlines()
    check("explain: loopback is never blocked", "never blocked: loopback" in out[0], out)
    check("explain: and why nothing counts", "failed or succeeded here (clients try their keys" in out[1], out)
    rows = explain(failure(0), "--now", "1795302000", "--tz", "Europe/Zurich")
    check("explain: --tz", rows[0]["time"] == "2026-11-21T21:00:00.000Z", rows[0])
    rows = explain(failure(0), "--now", "2020-06-01T00:00:00Z", "--tz", "UTC")
    check("explain: --now", rows[0]["time"] == "2019-11-21T22:00:00.000Z", rows[0])
    rows = explain(failure(0).rstrip("\n"))
    check("explain: a last line without its end", len(rows) == 1 and rows[0]["match"])
    rows = explain("x" * 3000000 + "\n" + failure(0))
    check("explain: an endless line counts as one", len(rows) == 2 and rows[1]["match"], len(rows))
    rows = explain(failure(0, user="invalid user \udcff\x01\"".encode(
        "utf-8", "surrogateescape").decode("latin1")))
    check("explain: any byte in a name is still JSON", rows[0]["match"])
    code, out, _ = run("explain", *NOW, stdin=failure(0, user="invalid user \x1b[31mx").encode())
    check("explain: a terminal is not spoken to by a name", code == 0 and "\x1b" not in out, out)
    check("explain: wrong zone", run("explain", "--tz", "Mars/Olympus", "-")[0] == 2)
    check("explain: wrong time", run("explain", "--now", "yesterday", "-")[0] == 2)
    check("explain: no such file", run("explain", "/nonexistent")[0] == 1)
    check("explain: --help", run("explain", "--help")[1].startswith("Usage: cordon explain"))


def scan(*args, stdin=b""):
    code, out, err = run("scan", "--json", "--tz", "UTC", *args, stdin=stdin)
    assert code in (0, 1), err
    return json.loads(out)


def test_scan(folder):
    many = "".join(failure(s) for s in range(0, 24, 2))  # 12 in 24 s
    other = failure(30, "2001:db8::1", "invalid user hunter2") + failure(31, "127.0.0.1")
    path = write(folder, "auth.log", many + other)
    r = scan(path)
    check("scan: totals", (r["lines"], r["attempts"], r["source_count"]) == (14, 14, 3), r)
    first = r["sources"][0]
    check("scan: the busiest first", first["source"] == "192.0.2.1" and first["attempts"] == 12)
    check("scan: blocked by the tenth",
          first["blocked_at"] == "2026-11-21T22:00:18.000Z" and first["stopped"] == 2 and
          first["blocked_until"] == "2026-11-22T04:00:18.000Z", first)
    by = {s["source"]: s for s in r["sources"]}
    check("scan: v6 counts by /64", "2001:db8::/64" in by, list(by))
    check("scan: loopback is never blocked", by["127.0.0.1"]["never_blocked"] == "loopback", by)
    check("scan: names only on request", "users" not in r and "hunter2" not in json.dumps(r))
    users = {u["user"]: u["attempts"] for u in scan("--users", path)["users"]}
    check("scan: --users", users == {"root": 13, "hunter2": 1}, users)
    r = scan("--rule", "3/10s/permanent", path)
    check("scan: --rule", r["sources"][0]["blocked_at"] == "2026-11-21T22:00:04.000Z" and
          r["sources"][0]["blocked_until"] is None and r["stopped"] == 9, r)
    check("scan: --rule never reached", scan("--rule", "4/6s/1h", path)["blocks"] == 0)
    check("scan: --top", len(scan("--top", "1", path)["sources"]) == 1)
    r = scan("--since", "2026-11-21T22:00:10Z", "--until", "2026-11-21T22:00:30Z", path)
    check("scan: --since and --until", r["attempts"] == 7, r)
    check("scan: standard input", scan("-", stdin=many.encode())["attempts"] == 12)
    same = scan(path)
    packed = write(folder, "packed.gz", many + other)
    check("scan: .gz", scan(packed) == same)
    with open(packed, "rb") as f:
        data = f.read()
    check("scan: .gz from a pipe", scan("-", stdin=data)["attempts"] == 14)
    check("scan: .gz in two members",
          scan("-", stdin=gzip.compress(many.encode()) + gzip.compress(other.encode())) ["attempts"]
          == 14)
    code, out, err = run("scan", "--json", "-", stdin=data[:-20])
    check("scan: a cut .gz is an error", code == 1 and "too early" in err, (code, err))
    a = write(folder, "r.log", other)
    b = write(folder, "r.log.1", "".join(failure(s) for s in range(12, 24, 2)))
    c = write(folder, "r.log.2.gz", "".join(failure(s) for s in range(0, 12, 2)))
    check("scan: a rotated set in any order", scan(a, b, c) == same and scan(c, a, b) == same)
    old = write(folder, "old.log", many, mtime=1609459200)  # 2021-01-01
    check("scan: a file's own time tells the year", scan(old)["first"].startswith("2020-11-21"))
    code, out, err = run("scan", "/nonexistent", path)
    check("scan: goes on after a bad file", code == 1 and "12 failed" not in err and
          "14 failed logins" in out and "/nonexistent" in err, (code, out, err))
    code, out, _ = run("scan", "--tz", "UTC", path)
    check("scan: the table", code == 0 and "14 failed logins" in out and "SOURCE" in out and
          "never (loopback)" in out and "\x1b" not in out, out)
    check("scan: a directory", run("scan", folder)[0] == 1)
    check("scan: no FILE", run("scan")[0] == 2)
    for wrong in ("10/5m", "0/5m/1h", "x/5m/1h", "10/5/1h/2", "1001/5m/1h", "10/0s/1h"):
        check(f"scan: --rule {wrong}", run("scan", "--rule", wrong, path)[0] == 2)
    check("scan: --top x", run("scan", "--top", "x", path)[0] == 2)


with tempfile.TemporaryDirectory() as scratch:
    test_explain()
    test_scan(scratch)
print(f"1..{count}")
sys.exit(failed != 0)
