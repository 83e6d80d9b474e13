#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: exit codes, the shape of every JSON answer, and that the manual page knows them.
Observe mode: needs no root."""
import json
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from e2e import BUILD, ROOT, Daemon, Tap, run, scratch, until  # noqa: E402

CORDON = str(BUILD / "cordon")
# Every verb of `cordon --help`, with a call that is wrong and, for those that ask a daemon, a right one.
VERBS = {
    "status": ("status x", "status"),
    "top": ("top x", "top --once"),
    "blocks": ("blocks --limit x", "blocks"),
    "block": ("block", "block 192.0.2.1"),
    "unblock": ("unblock", "unblock 192.0.2.1"),
    "verify": ("verify", "verify 192.0.2.1"),
    "rules": ("rules add x", "rules"),
    "allow": ("allow add", "allow"),
    "hosts": ("hosts --odd", "hosts"),
    "keys": ("keys disable", "keys"),
    "db": ("db", None),
    "config": ("config", None),
    "flush": ("flush --odd", None),
    "scan": ("scan", None),
    "explain": ("explain --odd", None),
}
BLOCK = {"id", "target", "trigger", "direction", "service", "port", "state", "error", "rule", "source",
         "attempts", "lives", "created", "first_attempt", "latest_attempt", "expires", "permanent"}
RULE = {"id", "name", "source", "fail_count", "span_ms", "forbidden_ms", "services", "enabled",
        "from_configuration"}
KEY = {"access_key_id", "name", "allow", "active", "created", "expires"}


def without_daemon(tap):
    listed = set(re.findall(r"^  (\w+) ", run(CORDON, "--help"), re.M))
    tap.equal(listed, set(VERBS), "every verb is tested here")
    nowhere = scratch()
    for verb, (wrong, right) in VERBS.items():
        shown = run(CORDON, verb, "--help", check=False)
        tap.ok(shown.returncode == 0 and "Usage: cordon " + verb in shown.stdout, f"{verb} --help")
        done = run(CORDON, *wrong.split(), check=False)
        tap.ok(done.returncode == 2 and done.stderr, f"{wrong}: wrong usage is 2, and said", done.stderr)
        if right:
            done = run(CORDON, "--state-dir", nowhere, *right.split(), check=False)
            tap.ok(done.returncode == 1 and "is cordond running?" in done.stderr,
                   f"{right} without a daemon is 1", done.stderr)
    tap.equal(run(CORDON, check=False).returncode, 2, "no verb is 2")
    tap.equal(run(CORDON, "dance", check=False).returncode, 2, "an unknown verb is 2")
    tap.ok(re.match(r"cordon \d", run(CORDON, "--version", check=False).stdout), "--version")


def shapes(tap, daemon):
    status = daemon.json("status")
    tap.equal(set(status), {"version", "host", "uuid", "account_id", "project_id", "started", "kernel",
                            "blocks", "detection", "database_bytes", "commit_failures", "sensors"}, "status --json")
    block = daemon.json("blocks", "--state", "all")
    tap.equal(set(block), {"blocks", "total"}, "blocks --json")
    tap.ok(BLOCK <= set(block["blocks"][0]), "a block", block)
    verify = daemon.json("verify", "203.0.113.1")
    tap.ok({"address", "counts_as", "never_blocked", "failures_in_window", "kernel", "records",
            "failures_total", "first_failure", "latest_failure", "history"} <= set(verify), "verify --json", verify)
    tap.equal(set(daemon.json("block", "198.51.100.1", "--for", "1h")), {"expires"}, "block --json")
    top = daemon.json("top")
    tap.equal(set(top), {"minutes", "attackers"}, "top --json")
    tap.equal([(a["source"], a["service"], a["failures"], a["state"]) for a in top["attackers"]],
              [("203.0.113.1", "ssh", 12, "failed")],
              "top knows the attacker")
    shown = daemon.cordon("top", "--once")
    tap.ok("203.0.113.1" in shown and "file:" in shown and "\033" not in shown, "top --once is plain text", shown)
    shown = run("script", "-qec", f"{CORDON} top --state-dir {daemon.state}", "/dev/null", input="q")
    tap.ok("\033[2J" in shown and "203.0.113.1" in shown and shown.rstrip().endswith("\033[?1049l"),
           "on a terminal it draws, q ends it, and the screen is as it was", repr(shown))
    tap.equal(daemon.json("unblock", "198.51.100.1"), {"lifted": 1}, "unblock --json")
    rule = daemon.json("rules", "add", "r", "--failures", "3", "--span", "1m", "--block", "permanent")
    tap.ok(RULE <= set(rule) and rule["forbidden_ms"] == -1, "rules add --json", rule)
    tap.ok(all(RULE <= set(r) for r in daemon.json("rules")), "rules --json")
    tap.equal(daemon.json("rules", "remove", "r"), {}, "rules remove --json")
    tap.equal(daemon.json("allow", "add", "192.0.2.0/24", "--why", "ours"), {}, "allow add --json")
    tap.equal(set(daemon.json("allow")[0]), {"prefix", "why", "from", "created"}, "allow --json")
    key = daemon.json("keys", "create", "--name", "k")
    tap.equal(set(key), KEY - {"active"} | {"secret_access_key", "account_id", "project_id"}, "keys create --json")
    tap.equal(set(daemon.json("keys")[0]), KEY, "keys --json")
    tap.equal(daemon.json("keys", "disable", key["access_key_id"]),
              {"access_key_id": key["access_key_id"], "active": False}, "keys disable --json")
    tap.equal(daemon.cordon("keys", "token", "--name", "k", check=False).returncode, 1,
              "a disabled key gets no token")
    daemon.json("keys", "enable", key["access_key_id"])
    tap.equal(set(daemon.json("keys", "token", "--name", "k")),
              {"token", "access_key_id", "project_id", "expires"}, "keys token --json")
    tap.equal(set(daemon.json("hosts")[0]), {"uuid", "name", "instance_id", "internet_ip", "intranet_ip", "region",
                                             "enterprise_project_id", "online"}, "hosts --json")
    return {*status, *top, *BLOCK, *verify, *RULE, *KEY, *key, "lifted", "total", "why", "from", "token"}


def refused(tap, daemon):
    for line in ("block 127.0.0.1", "block 192.0.2.7", "unblock 198.51.100.99", "rules remove none",
                 "rules change none --failures 2", "allow remove 198.51.100.0/24", "keys remove none",
                 "keys disable none", "keys token --name none", "verify example.com", "block 203.0.113.9 --for 0s"):
        done = daemon.cordon(*line.split(), check=False)
        tap.ok(done.returncode == 1 and done.stderr.startswith("cordon: "), f"{line} is 1, and said", done.stderr)
    for line in ("block 203.0.113.9 --for soon", "rules add x --failures 0 --span 1m --block 1m", "keys create"):
        tap.equal(daemon.cordon(*line.split(), check=False).returncode, 2, f"{line} is 2")
    after = run(CORDON, "hosts", "--state-dir", daemon.state, check=False)
    before = run(CORDON, "--json", "--state-dir", daemon.state, "hosts", check=False)
    equals = run(CORDON, f"--state-dir={daemon.state}", "hosts", check=False)
    tap.ok(after.returncode == before.returncode == equals.returncode == 0, "--state-dir before and after the verb")
    tap.ok(json.loads(before.stdout), "--json before the verb")


def manual(tap, words):
    page = (ROOT / "man" / "cordon.1").read_text().replace("\\-", "-")
    helps = "".join(run(CORDON, v, "--help", check=False).stdout for v in VERBS)
    options = set(re.findall(r"--([a-z][a-z-]+)", helps))
    # in mdoc(7) a long option is "Fl -name"
    missing = [o for o in sorted(options) if not re.search(rf"Fl -{o}\b", page)]
    tap.equal(missing, [], "the manual page has every option")
    tap.equal([v for v in VERBS if not re.search(rf"Cm {v}\b", page)], [], "and every verb")
    tap.equal([w for w in sorted(words) if not re.search(rf"\b{w}\b", page)], [], "and every JSON field")


def completions(tap):
    """Each shell's file has every verb and, beside its verb, every option that its help names."""
    folder = ROOT / "packaging" / "completions"
    texts = {name: (folder / name).read_text() for name in ("cordon.bash", "_cordon", "cordon.fish")}
    for name, text in texts.items():
        tap.equal([v for v in VERBS if not re.search(rf"\b{v}\b", text)], [], f"{name} has every verb")
        flag = "-l " if name.endswith("fish") else "--"
        options = {o for v in VERBS for o in re.findall(r"--([a-z][a-z-]+)", run(CORDON, v, "--help", check=False).stdout)}
        tap.equal([o for o in sorted(options) if not re.search(rf"{flag}{o}\b", text)], [], f"{name} has every option")
    ask = ("source \"$0\"; COMP_WORDS=(cordon \"$@\"); COMP_CWORD=$#; "
           "_cordon cordon \"${@: -1}\" \"${COMP_WORDS[$#-1]}\"; echo \"${COMPREPLY[@]}\"")
    for words, reply in ((["st"], "status"), (["status", "--j"], "--json"), (["blocks", "--state", "exp"], "expired"),
                         (["--state-dir", "/x", "keys", "tok"], "token"), (["db", "vac"], "vacuum")):
        tap.equal(run("bash", "-c", ask, folder / "cordon.bash", *words).strip(), reply, f"bash completes {words}")


def main():
    tap = Tap()
    without_daemon(tap)
    completions(tap)
    log = scratch() / "auth.log"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    log.write_text("".join(f"{stamp} web sshd[{i}]: Failed password for root from 203.0.113.1 port 4{i} ssh2\n"
                           for i in range(100, 112)))
    daemon = Daemon(config=f"sensors: [{{file: {log}, from_start: true}}]\n", port=18741,
                    options=["--observe"]).start()
    until(lambda: daemon.blocks("all"))
    words = shapes(tap, daemon)
    refused(tap, daemon)
    tap.equal(daemon.stop(), 0, "ends politely")
    manual(tap, words)
    tap.done()


if __name__ == "__main__":
    main()
