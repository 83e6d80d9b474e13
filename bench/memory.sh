#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Memory of all of Cordon's processes (Pss: shared pages are shared out), idle and with many
# blocks in store, engine and kernel. Beside it the idle peers that are installed.
# Usage: bench/memory.sh BUILD_DIR [BLOCKS]
# Needs root: makes a network namespace, and takes it away again.
set -eu
build=$1
blocks=${2:-100000}
bench=m
# shellcheck source=bench/daemon.sh
. "$(dirname "$0")/daemon.sh"
own_network
: >"$dir/auth.log"
chmod 644 "$dir/auth.log"

# MiB of a process and all below it, each process by name
pss() { # NAME PID
	python3 - "$1" "$2" <<'PY'
import subprocess, sys
name, pids, total, parts = sys.argv[1], [sys.argv[2]], 0, []
while pids:
    pid = pids.pop()
    pids += subprocess.run(["pgrep", "-P", pid], capture_output=True, text=True).stdout.split()
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            kib = sum(int(l.split()[1]) for l in f if l.startswith("Pss:"))
        comm = open(f"/proc/{pid}/comm").read().strip()
    except (FileNotFoundError, ProcessLookupError):
        continue
    total += kib
    parts.append(f"{comm} {kib / 1024:.1f}")
print(f"{name}: {total / 1024:.1f} MiB Pss ({', '.join(parts)})")
PY
}

printf 'sensors: [{file: %s}]\nlimits: {blocks_per_minute: 0}\nsystem_rule: {fail_count: 1, span: 5m, forbidden: 1h}\n' \
	"$dir/auth.log" >"$dir/cordon.yaml"
start_and_wait
sleep 2
pss "cordon, idle" "$pid"

python3 - "$dir/auth.log" "$blocks" <<'PY'
import ipaddress, sys, time
stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime())
first = int(ipaddress.ip_address("11.0.0.0"))
with open(sys.argv[1], "a") as f:
    for i in range(int(sys.argv[2])):
        f.write(f"{stamp} web01 sshd[{1000 + i}]: Failed password for root from {ipaddress.ip_address(first + i * 7)} port 4711 ssh2\n")
PY
began=$(date +%s%N)
applied=0
while [ "$applied" -lt "$blocks" ]; do
	sleep 0.1
	kill -0 "$pid" || { tail "$dir/cordond.log"; exit 1; }
	applied=$("$build/cordon" --state-dir "$dir/state" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["blocks"]["applied"])')
	[ $(($(date +%s%N) - began)) -lt 120000000000 ] || { echo "only $applied of $blocks blocks after 120 s"; break; }
done
echo "$blocks $began $(date +%s%N)" | awk '{ printf "%d blocks from lines to applied records: %.1f s\n", $1, ($3 - $2) / 1e9 }'
sleep 3
pss "cordon, $applied blocks" "$pid"
stop

if command -v fail2ban-server >/dev/null; then
	: >"$dir/empty.log"
	start_fail2ban "[DEFAULT]\nbackend = pyinotify\n[sshd]\nenabled = true\nlogpath = $dir/empty.log\n"
	pss "fail2ban, idle" "$pid"
	stop
else
	echo "fail2ban: not installed"
fi
echo "crowdsec: not measured here"
