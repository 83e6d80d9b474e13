#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of facts and the vendors' clients against the real daemon: its blocks come from a log
and are in the kernel of a host of its own (a network namespace)."""
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e" / "lib"))
from e2e import (ROOT, Daemon, Host, Tap, in_kernel, need_commands, need_root, scratch,  # noqa: E402
                 until)

ADDRESS = "203.0.113.77"
OTHERS = ("203.0.113.78", "2001:db8:1:2::5")
CONFIG = """
sensors: [{{file: {log}}}]
host: {{name: "web 01/ä+b", internet_ip: 198.51.100.7, intranet_ip: 10.0.0.8, region: cn-north-4}}
system_rule: {{fail_count: 5, span: 5m, forbidden: 1h}}
"""


def attack(log, address, failures=5):
    with open(log, "a", encoding="ascii") as f:
        for i in range(failures):
            f.write(f"{time.strftime('%b %e %H:%M:%S')} web sshd[{4000 + i}]: Failed password for root "
                    f"from {address} port {50000 + i} ssh2\n")


def key(daemon, *options):
    made = daemon.json("keys", "create", *options)
    return made["access_key_id"], made["secret_access_key"], made.get("security_token", "")


def environment(daemon, host_row):
    """What tests/sdk/server.mjs and run.mjs read."""
    ak, sk, _ = key(daemon, "--name", "conformance")
    limited = key(daemon, "--name", "limited", "--allow", "waf:*", "--allow", "iam:token:create")
    sts = key(daemon, "--name", "temporary", "--expires", "1h")
    disabled = key(daemon, "--name", "disabled")
    daemon.json("keys", "disable", disabled[0])
    projects = key(daemon, "--name", "projects", "--enterprise-project", "ep-edge")
    daemon.json("accounts", "add", "other")
    other = key(daemon, "--name", "other", "--account", "other")
    account = daemon.json("status")
    return {
        "CORDON_URL": f"http://127.0.0.1:{daemon.port}", "CORDON_AK": ak, "CORDON_SK": sk,
        "CORDON_LIMITED_AK": limited[0], "CORDON_LIMITED_SK": limited[1],
        "CORDON_STS_AK": sts[0], "CORDON_STS_SK": sts[1], "CORDON_STS_TOKEN": sts[2],
        "CORDON_DISABLED_AK": disabled[0], "CORDON_DISABLED_SK": disabled[1],
        "CORDON_EP_AK": projects[0], "CORDON_EP_SK": projects[1],
        "CORDON_OTHER_AK": other[0], "CORDON_OTHER_SK": other[1],
        "CORDON_PROJECT": account["project_id"], "CORDON_ACCOUNT": account["account_id"],
        "CORDON_HOST_UUID": host_row["uuid"], "CORDON_HOST_NAME": host_row["name"],
        "CORDON_INSTANCE_ID": host_row["instance_id"], "CORDON_BLOCK_IP": ADDRESS,
    }


def relay(tap, host, script, env):
    """The cases of a script that prints TAP itself, as cases of this one."""
    done = subprocess.run(host.command("node", ROOT / "tests" / script), env={**os.environ, **env},
                          text=True, capture_output=True, timeout=200)
    seen = 0
    for line in done.stdout.splitlines():
        case = re.match(r"(not )?ok \d+ - (.*)$", line)
        if not case:
            if line.startswith("#"):
                print(line)
            continue
        seen += 1
        tap.n += 1
        tap.failed += bool(case[1])
        print(f"{case[1] or ''}ok {tap.n} - {Path(script).stem}: {case[2]}", flush=True)
    tap.ok(seen > 0, f"{script} ran", done.stderr)
    return done


def main():
    need_root()
    need_commands("ip", "nft", "node")
    tap, host = Tap(), Host("api")
    log = scratch() / "auth.log"
    log.touch()
    daemon = Daemon(host, CONFIG.format(log=log)).start()
    for address in (*OTHERS, ADDRESS):
        attack(log, address)
    applied = until(lambda: {b["trigger"] for b in daemon.blocks("applied")} >= {ADDRESS, *OTHERS})
    tap.ok(applied and in_kernel(host, ADDRESS), "lines of a log became blocks in the kernel",
           daemon.log.read_text())
    env = environment(daemon, daemon.json("hosts")[0])
    relay(tap, host, "conformance/run.mjs", env)
    if not (ROOT / "tests" / "sdk" / "node_modules").is_dir():
        tap.skip("the vendors' own clients", "those of tests/sdk are not installed")
        tap.done()
    relay(tap, host, "sdk/aliyun.mjs", env)
    tap.ok(until(lambda: in_kernel(host, ADDRESS)), "what was enabled again is in the kernel")
    relay(tap, host, "sdk/aliyun_fleet.mjs", env)
    tap.ok(until(lambda: not in_kernel(host, "203.0.113.221")), "custom blocks that were deleted left the kernel")
    relay(tap, host, "sdk/huawei.mjs", env)
    tap.ok(until(lambda: not in_kernel(host, ADDRESS)), "what was unblocked left the kernel")
    tap.done()


if __name__ == "__main__":
    main()
