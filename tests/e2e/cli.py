#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: exit codes, the shape of every JSON answer, and that the manual page knows them.
Observe mode: needs no root."""
import json
import os
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
    "accounts": ("accounts add", "accounts"),
    "audit": ("audit --limit x", "audit"),
    "db": ("db", None),
    "config": ("config", None),
    "flush": ("flush --odd", None),
    "scan": ("scan", None),
    "explain": ("explain --odd", None),
}
BLOCK = {"id", "host", "local", "target", "trigger", "direction", "service", "port", "state", "error", "rule", "source",
         "attempts", "lives", "created", "first_attempt", "latest_attempt", "expires", "permanent"}
CUSTOM = {"id", "target", "direction", "status", "enabled", "everywhere", "servers", "applied", "created", "expires",
          "permanent", "why"}
RULE = {"id", "name", "source", "fail_count", "span_ms", "forbidden_ms", "services", "enabled", "default", "servers",
        "hosts", "from_configuration"}
KEY = {"access_key_id", "name", "allow", "enterprise_projects", "active", "created", "expires"}
HOST = {"uuid", "name", "instance_id", "internet_ip", "intranet_ip", "region", "enterprise_project_id", "online", "state",
        "agent", "version", "last_seen"}
ACCOUNT = {"name", "account_id", "project_id", "closed"}
AUDIT = {"id", "time", "who", "from", "what", "object", "before", "after", "detail"}


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
    tap.equal(set(status), {"version", "role", "host", "uuid", "account_id", "project_id", "started", "kernel", "blocks",
                            "detection", "fleet", "link", "database_bytes", "commit_failures", "sensors"},
              "status --json")
    tap.equal((status["role"], status["fleet"], status["link"]), ("all", None, None), "nobody's server, nobody's agent")
    block = daemon.json("blocks", "--state", "all")
    tap.equal(set(block), {"blocks", "total", "hosts"}, "blocks --json")
    tap.ok(BLOCK <= set(block["blocks"][0]), "a block", block)
    verify = daemon.json("verify", "203.0.113.1")
    tap.ok({"address", "counts_as", "never_blocked", "failures_in_window", "kernel", "records",
            "failures_total", "first_failure", "latest_failure", "history"} <= set(verify), "verify --json", verify)
    tap.equal(set(daemon.json("block", "198.51.100.1", "--for", "1h")),
              {"blocked", "refused_count", "refused", "expires", "servers", "applied", "errors"}, "block --json")
    customs = daemon.json("blocks", "--custom")
    tap.equal((set(customs), set(customs["customs"][0])), ({"customs", "total"}, CUSTOM), "blocks --custom --json")
    custom = daemon.json("blocks", "--custom", "198.51.100.1")
    tap.equal((set(custom[0]), set(custom[0]["instances"][0])),
              (CUSTOM | {"instances"}, {"host", "uuid", "state", "error"}), "blocks --custom ADDRESS --json")
    tap.equal((custom[0]["status"], custom[0]["instances"][0]["error"]), ("failed", "ObserveMode"),
              "nothing is pretended")
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
    tap.equal(set(daemon.json("hosts")[0]), HOST, "hosts --json")
    host = daemon.json("hosts", "show", status["uuid"])
    tap.equal((set(host), set(host["sensors"][0])), (HOST | {"sensors"}, {"source", "problem", "note"}),
              "hosts show --json")
    tap.equal(daemon.json("hosts", "show", status["host"])["uuid"], status["uuid"], "by name as by uuid")
    done = daemon.cordon("hosts", "rename", status["host"], "x", check=False)
    tap.ok(done.returncode == 1 and "host.name" in done.stderr, "this machine's name is the configuration's", done)
    tap.equal(set(daemon.json("accounts")[0]), ACCOUNT, "accounts --json")
    tap.equal(set(daemon.json("audit")[0]), AUDIT, "audit --json")
    return {*status, *top, *BLOCK, *CUSTOM, *verify, *RULE, *KEY, *key, *HOST, *ACCOUNT, *AUDIT, "lifted", "total", "why",
            "from", "token", "instances", "sensors", "customs", "blocked", "refused", "refused_count", "line", "text",
            "waiting", "heard", "connected", "enrolled", "url", "servers", "applied", "errors", "role", "name"}


def accounts(tap, daemon):
    """What belongs to one account is nothing to another."""
    made = daemon.json("accounts", "add", "shop")
    tap.equal(set(made), ACCOUNT, "accounts add --json")
    for which in ("shop", made["account_id"], made["project_id"]):
        tap.equal(daemon.json("--account", which, "hosts"), [], f"--account {which} has no servers")
    tap.ok(daemon.json("hosts"), "the first one has")
    done = daemon.cordon("--account", "shop", "block", "198.51.100.9", check=False)
    tap.ok(done.returncode == 1 and "--all" in done.stderr, "this machine is not one of its servers", done.stderr)
    key = daemon.json("keys", "create", "--account", "shop", "--name", "s", "--enterprise-project", "p1",
                      "--enterprise-project", "p2")
    tap.equal((key["account_id"], key["enterprise_projects"]), (made["account_id"], ["p1", "p2"]),
              "a key of an account and of projects")
    tap.equal([k["name"] for k in daemon.json("--account=shop", "keys")], ["s"], "is listed there")
    tap.ok("s" not in [k["name"] for k in daemon.json("keys")], "and not here")
    tap.equal(daemon.json("accounts", "close", "shop"), {}, "accounts close --json")
    tap.equal([a["closed"] for a in daemon.json("accounts")], [False, True], "it is closed")
    daemon.json("accounts", "open", "shop")
    done = daemon.cordon("--account", "nobody", "hosts", check=False)
    tap.ok(done.returncode == 1 and "no account nobody" in done.stderr, "an unknown account is 1", done.stderr)


def audit(tap, daemon):
    me = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    entries = daemon.json("audit", "--since", "1h", "--limit", "1000")
    tap.equal({(e["who"], e["from"]) for e in entries}, {("cli", me)}, "the audit says who and from where")
    rule = next(e for e in entries if e["what"].startswith("rule.") and e["object"] == "r")
    tap.ok(rule["before"] or rule["after"], "and what it was before and after", rule)
    tap.equal({e["what"].split(".")[0] for e in daemon.json("audit", "--what", "rule.")}, {"rule"}, "--what rule.")
    tap.equal({e["object"] for e in daemon.json("audit", "--object", "198.51.100.1")}, {"198.51.100.1"}, "--object")
    tap.equal(len(daemon.json("audit", "--limit", "2")), 2, "--limit")
    tap.equal(daemon.json("audit", "--who", "nobody"), [], "--who")
    secrets = json.dumps(daemon.json("audit", "--all", "--limit", "100000"))
    key = daemon.json("keys", "create", "--name", "audited")
    tap.ok(key["secret_access_key"] not in json.dumps(daemon.json("audit")) and "secret" not in secrets,
           "no secret is in it")
    shown = daemon.cordon("audit")
    tap.ok("→" in shown and "\033" not in shown, "a table, plain off a terminal", shown)


LISTS = {
    "plain": "# list\n203.0.113.20\n203.0.113.21-203.0.113.22\n",
    "csv": "ip,until,why,direction\n203.0.113.20,2030-01-01T00:00,\"a, b\",both\n203.0.113.21,1h,,\n",
    "ipset": "create bad hash:ip family inet timeout 600\nadd bad 203.0.113.20 timeout 60 comment \"x\"\n"
             "add bad 203.0.113.21 timeout 0\nadd bad 203.0.113.22\n",
    "nft": "table inet t {\n\tset bad {\n\t\ttype ipv4_addr\n\t\tflags timeout\n"
           "\t\telements = { 203.0.113.20 timeout 1h expires 30m,\n\t\t\t     203.0.113.21, 203.0.113.22 }\n\t}\n}\n",
    "fail2ban": "[{'sshd': ['203.0.113.20', '203.0.113.21']}, {'web': ['203.0.113.22']}]\n",
}


def lists(tap, daemon):
    """cordon block --from, each kind of list from a file and from standard input."""
    folder = scratch()
    for kind, text in LISTS.items():
        path = folder / kind
        path.write_text(text)
        done = daemon.json("block", "--from", path, "--why", kind)
        tap.equal((done["blocked"], done["refused"]), (3, []), f"{kind}: three are blocked")
        piped = run(CORDON, "block", "--from", "-", "--state-dir", daemon.state, input=text, check=False)
        tap.equal((piped.returncode, piped.stdout), (0, "3 blocked\n"), f"{kind} from standard input")
    whys = {c["why"] for c in daemon.json("blocks", "--custom")["customs"] if c["target"].startswith("203.0.113.2")}
    tap.ok({"sshd", "web"} <= whys, "the jail is the reason", whys)
    (folder / "mixed").write_text("203.0.113.30\n127.0.0.1\nnobody\n203.0.113.31\n")
    before = daemon.json("blocks", "--custom")["total"]
    done = daemon.cordon("block", "--from", folder / "mixed", check=False)
    said = [line for line in done.stderr.splitlines() if " line " in line]
    tap.ok(done.returncode == 1 and done.stdout == "" and len(said) == 2 and "line 2: 127.0.0.1: " in said[0] and
           "line 3: nobody: " in said[1] and "2 refused: nothing is blocked" in done.stderr,
           "what is not understood and what is never blocked are one list, and nothing is blocked", done)
    tap.equal(daemon.json("blocks", "--custom")["total"], before, "not even what is right")
    (folder / "mixed").write_text("203.0.113.30\n127.0.0.1\n203.0.113.31\n")
    done = daemon.cordon("block", "--from", folder / "mixed", "--json", check=False)
    tap.equal((done.returncode, [(r["line"], r["text"]) for r in json.loads(done.stdout)["refused"]]),
              (1, [(2, "127.0.0.1")]), "so is one that is never blocked")
    tap.equal(daemon.json("blocks", "--custom")["total"], before, "nothing was")
    done = daemon.cordon("block", "--from", folder / "mixed", "--skip-refused", check=False)
    tap.ok(done.returncode == 0 and "2 blocked" in done.stdout and "line 2" in done.stderr, "--skip-refused", done)
    (folder / "sets").write_text("add white 203.0.113.40\nadd black 203.0.113.41\n")
    done = daemon.cordon("block", "--from", folder / "sets", check=False)
    tap.ok(done.returncode == 1 and "white" in done.stderr, "what sounds allowed is refused", done)
    tap.equal(daemon.json("block", "--from", folder / "sets", "--set", "black")["blocked"], 1, "--set takes one")
    (folder / "none").write_text("# nobody\n")
    tap.equal(daemon.json("block", "--from", folder / "none")["blocked"], 0, "an empty list is no error")
    tap.equal(daemon.cordon("block", "--from", folder / "missing", check=False).returncode, 1, "no such file is 1")
    shown = run("script", "-qec", f"{CORDON} block --from {folder / 'plain'} --state-dir {daemon.state}", "/dev/null")
    tap.ok("[####" in shown and shown.rstrip().endswith("3 blocked"), "a bar on a terminal", repr(shown))


def many(tap, daemon):
    n = 20000 if os.environ.get("CORDON_SANITIZED") else 100000
    path = scratch() / "many"
    path.write_text("".join(f"45.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(n)))
    before = daemon.json("blocks", "--custom", "--limit", "0")["total"]
    began = time.monotonic()
    tap.equal(daemon.json("block", "--from", path, "--for", "1d")["blocked"], n, f"{n} at once")
    print(f"# {n} in {time.monotonic() - began:.2f} s")
    tap.equal(daemon.json("blocks", "--custom", "--limit", "1")["total"], before + n, "all of them are there")


def refused(tap, daemon):
    for line in ("block 127.0.0.1", "block 192.0.2.7", "unblock 198.51.100.99", "rules remove none",
                 "rules change none --failures 2", "allow remove 198.51.100.0/24", "keys remove none",
                 "keys disable none", "keys token --name none", "verify example.com", "block 203.0.113.9 --for 0s",
                 "block 203.0.113.9 --until 2020-01-01", "block 203.0.113.9 --on nobody", "unblock 203.0.113.9 --on nobody",
                 "blocks --host nobody", "blocks --custom 203.0.113.99", "rules use nobody default", "hosts show nobody",
                 "hosts rename nobody x", "hosts retire nobody --yes", "hosts invite", "accounts close nobody",
                 "accounts add default"):
        done = daemon.cordon(*line.split(), check=False)
        tap.ok(done.returncode == 1 and done.stderr.startswith("cordon: "), f"{line} is 1, and said", done.stderr)
    for line in ("block 203.0.113.9 --for soon", "rules add x --failures 0 --span 1m --block 1m", "keys create",
                 "block 203.0.113.9 --in --out", "block 203.0.113.9 --on a --all", "block 203.0.113.9 --on ,",
                 "block 203.0.113.9 --for 1h --until 2030-01-01", "block 203.0.113.9 --from x", "block 203.0.113.9 --set s",
                 "block 203.0.113.9 --until soon", "rules use a", "rules change r --on a --all", "hosts rename a",
                 "hosts invite --for soon", "audit --since soon", "blocks --custom a b", "accounts dance"):
        tap.equal(daemon.cordon(*line.split(), check=False).returncode, 2, f"{line} is 2")
    done = run(CORDON, "--state-dir", daemon.state, "hosts", "retire", "nobody", input="", check=False)
    tap.ok(done.returncode == 2 and "--yes" in done.stderr, "off a terminal nobody is retired without --yes", done)
    shown = run("script", "-qec", f"{CORDON} --state-dir {daemon.state} hosts retire nobody", "/dev/null", input="n\n",
                check=False)
    tap.ok(shown.returncode == 1 and "[y/N]" in shown.stdout and "nothing was done" in shown.stdout,
           "on one it asks", shown)
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


def usage(tap):
    cordond = str(BUILD / "cordond")
    for verb in ((), ("enrol",)):
        shown = run(cordond, *verb, "--help", check=False)
        tap.ok(shown.returncode == 0 and shown.stdout.startswith(" ".join(("Usage: cordond", *verb))), f"cordond {verb} --help")
        tap.equal(run(cordond, *verb, "--odd", check=False).returncode, 2, f"cordond {verb}: wrong usage is 2")
    shown = run(cordond, "enrol", "--help", check=False).stdout
    tap.ok("--name" in shown and "--force" in shown and "--table" not in shown, "enrol has its own help", shown)


def enrolled(server, name, port):
    """A new agent that blocks nobody, and reads nothing that only root may."""
    log = scratch() / "auth.log"
    log.touch()
    agent = Daemon(config=f"sensors: [{{file: {log}}}]\n", port=port, options=["--observe"])
    url, token = re.search(r"cordond enrol (\S+) (\S+)", server.cordon("hosts", "invite", "--name", name)).groups()
    run(BUILD / "cordond", "enrol", url, token, "--state-dir", agent.state, "--config", agent.config)
    return agent.start()


def fleet(tap):
    """What a server and its agents say where nothing is blocked: each the truth, and why."""
    server = Daemon(config="role: server\nfleet: {listen: \"127.0.0.1:18742\", address: \"127.0.0.1:18742\"}\n",
                    port=18741).start()
    done = server.json("block", "203.0.113.9", "--all")
    tap.equal((done["blocked"], done["servers"], done["applied"], done["errors"]), (1, 0, 0, []), "no server yet: in no kernel")
    agents = {name: enrolled(server, name, port) for name, port in (("a1", 18743), ("a2", 18744))}

    def states():
        return {h["name"]: (h["state"], h["online"]) for h in server.json("hosts")}
    tap.ok(until(lambda: states() == {n: ("observing", False) for n in agents}), "agents that observe are shown so", states())
    tap.equal(agents["a2"].stop(), 0, "one ends")
    tap.ok(until(lambda: states()["a2"] == ("offline", False)), "it is offline", states())
    done = server.json("block", "203.0.113.9", "--all", "--both")
    tap.equal((done["blocked"], done["servers"], done["applied"]), (2, 2, 0), "in none of two kernels")
    tap.equal({(e["target"], e["direction"], e["host"], e["state"], e["error"]) for e in done["errors"]},
              {("203.0.113.9", d, *e) for d in ("in", "out")
               for e in (("a1", "failed", "ObserveMode"), ("a2", "wanted", "AliNetNotOnline"))}, "and each says why")
    shown = server.cordon("block", "203.0.113.9", "--on", "a1")
    tap.ok(shown.startswith("203.0.113.9 is not blocked") and shown.endswith(": in 0 of 1 kernel; a1: ObserveMode\n"),
           "in words", shown)
    shown = server.cordon("block", "203.0.113.10", "203.0.113.11", "127.0.0.1", "--all", "--skip-refused")
    tap.ok("2 are not blocked" in shown and "203.0.113.11 on a2: AliNetNotOnline" in shown, "of several, which", shown)
    shown = server.cordon("verify", "203.0.113.9")
    tap.ok(shown.startswith("203.0.113.9 is not blocked on any server\n") and "its agents do" in shown and
           "a1: failed ObserveMode" in shown, "verify on a server is about its agents", shown)
    server.cordon("allow", "add", "192.0.2.0/24")
    agent = agents["a1"]
    tap.ok(until(lambda: [a["from"] for a in agent.json("allow")] == ["server"]), "an agent's allow-list is its server's",
           agent.json("allow"))
    done = agent.cordon("allow", "add", "192.0.2.1", check=False)
    tap.ok(done.returncode == 1 and "allow-list" in done.stderr and "server" in done.stderr, "and changed there", done)
    status = agent.json("status")
    tap.equal(status["link"]["name"], "a1", "an agent knows its name there")
    shown = agent.cordon("status", check=False).stdout
    tap.ok(status["host"] in shown and "enrolled there as a1" in shown, "and shows both", shown)


def main():
    tap = Tap()
    without_daemon(tap)
    log = scratch() / "auth.log"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    log.write_text("".join(f"{stamp} web sshd[{i}]: Failed password for root from 203.0.113.1 port 4{i} ssh2\n"
                           for i in range(100, 112)))
    daemon = Daemon(config=f"sensors: [{{file: {log}, from_start: true}}]\n", port=18741,
                    options=["--observe"]).start()
    until(lambda: daemon.blocks("all"))
    words = shapes(tap, daemon)
    refused(tap, daemon)
    accounts(tap, daemon)
    audit(tap, daemon)
    lists(tap, daemon)
    many(tap, daemon)
    tap.equal(daemon.stop(), 0, "ends politely")
    manual(tap, words)
    usage(tap)
    fleet(tap)
    tap.done()


if __name__ == "__main__":
    main()
