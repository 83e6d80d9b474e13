#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A server and a simulated fleet (bench_fleet): 100 and 1,000 agents that hold their question for
# wishes, 2,000 attempts a second, custom blocks for all of them; then a flood of attempts from 50.
# Usage: bench/fleet.sh BUILD_DIR [AGENTS...]
# Needs root: makes a network namespace, and takes it away again.
set -euo pipefail
build=$1
shift
[ $# -gt 0 ] || set -- 100 1000
ns=cdnf$$
dir=$(mktemp -d)
pid=
load=
stop() {
	for p in $load $pid; do
		kill "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
	done
	pid=
	load=
}
clean() {
	stop
	ip netns del "$ns" || :
	rm -rf "$dir"
}
chmod 755 "$dir"
ip netns add "$ns"
trap clean EXIT
ip -n "$ns" link set lo up
ulimit -n 16384

# Sum of Pss over the daemon's processes, in MiB.
memory() {
	for p in "$pid" $(pgrep -P "$pid"); do
		awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup"
	done | awk '{ sum += $1 } END { printf "%.1f", sum / 1024 }'
}

start() {
	rm -rf "$dir/state"
	printf 'role: server\nfleet: {listen: "127.0.0.1:8732", address: "127.0.0.1:8732"}\n' >"$dir/cordon.yaml"
	ip netns exec "$ns" "$build/cordond" --state-dir "$dir/state" --listen 127.0.0.1:8731 \
		--config "$dir/cordon.yaml" 2>>"$dir/cordond.log" &
	pid=$!
	until "$build/cordon" --state-dir "$dir/state" status >/dev/null 2>&1; do
		kill -0 "$pid" || { cat "$dir/cordond.log" >&2; exit 1; }
		sleep 0.1
	done
}

invite() { # AGENTS
	: >"$dir/tokens"
	for _ in $(seq "$1"); do
		"$build/cordon" --state-dir "$dir/state" hosts invite 2>/dev/null | sed -n 's/.*cordond enrol [^ ]* \([^ ]*\).*/\1/p' >>"$dir/tokens"
	done
}

measure() { # AGENTS SECONDS ATTEMPTS_A_SECOND BLOCKS
	start
	invite "$1"
	key=$("$build/cordon" --state-dir "$dir/state" keys create --name bench --allow '*' --json)
	id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["access_key_id"])' <<<"$key")
	secret=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["secret_access_key"])' <<<"$key")
	ip netns exec "$ns" "$build/bench/bench_fleet" "$dir" 8732 8731 "$id" "$secret" "$@" &
	load=$!
	# while it runs: the most there was
	most=0
	while kill -0 "$load" 2>/dev/null; do
		now=$(memory) || break
		most=$(echo "$most $now" | awk '{ print ($2 > $1) ? $2 : $1 }')
		sleep 1
	done
	wait "$load" || { tail -n 8 "$dir/cordond.log" >&2; exit 1; }
	load=
	echo "server memory (sum of Pss) with $1 agents: $most MiB at most"
	stop
}

for agents in "$@"; do
	measure "$agents" 10 2000 20
done
measure 50 10 0 0
