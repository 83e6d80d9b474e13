#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Blocks back in the kernel after a reboot: a daemon is filled with BLOCKS attackers, ended, its
# table taken away, and started again. Printed: from the start of the program to "ready" (which
# follows the kernel's acknowledgement of all), the same of a start that finds the table in place,
# and the database's size.
# Usage: bench/reboot.sh BUILD_DIR [BLOCKS [STARTS]]
# Needs root: makes a network namespace, and takes it away again.
set -eu
build=$1
blocks=${2:-100000}
starts=${3:-3}
bench=r
# shellcheck source=bench/daemon.sh
. "$(dirname "$0")/daemon.sh"
own_network
: >"$dir/auth.log"
chmod 644 "$dir/auth.log"
printf 'sensors: [{file: %s}]\nlimits: {blocks_per_minute: 0}\nsystem_rule: {fail_count: 1, span: 5m, forbidden: 6h}\n' \
	"$dir/auth.log" >"$dir/cordon.yaml"

start_timed() {
	: >"$dir/cordond.log"
	began=$(date +%s%N)
	start
	until grep -q ': ready' "$dir/cordond.log"; do
		must_run
		sleep 0.005
	done
	took=$(( ($(date +%s%N) - began) / 1000000 ))
}
applied() {
	"$build/cordon" --state-dir "$dir/state" status --json | sed -n 's/.*"applied": *\([0-9]*\).*/\1/p' | head -n 1
}

start_timed
python3 - "$blocks" >>"$dir/auth.log" <<'PY'
import sys, time
stamp = time.strftime("%b %e %H:%M:%S")
for i in range(int(sys.argv[1])):
    n = 0x0b000000 + i
    address = ".".join(str(n >> s & 255) for s in (24, 16, 8, 0))
    print(f"{stamp} web01 sshd[{i % 30000 + 1}]: Failed password for root from {address} port 50000 ssh2")
PY
until [ "$(applied)" = "$blocks" ]; do
	kill -0 "$pid" || { tail "$dir/cordond.log"; exit 1; }
	sleep 1
done
stop
for _ in $(seq "$starts"); do
	ip netns exec "$ns" nft delete table inet cordon
	start_timed
	grep 'kernel in line' "$dir/cordond.log" | sed 's/.*kernel/kernel/'
	reboot=$took
	stop
	start_timed
	echo "$blocks blocks: ready $reboot ms after a start with an empty kernel, $took ms with the table in place" \
		"($(du -m "$dir/state/cordon.db" | cut -f1) MiB of database)"
	stop
done
