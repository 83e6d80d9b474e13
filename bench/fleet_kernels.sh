#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real server and real agents, each in a network namespace of its own: from the call that creates a
# custom block to the element in every agent's kernel, and what an agent needs of memory.
# Usage: bench/fleet_kernels.sh BUILD_DIR [AGENTS [BLOCKS]]
# All databases are in one file system, so all agents wait for one disk; with TMPDIR=/dev/shm they
# wait for none. Needs root: makes namespaces, and takes them away again.
set -euo pipefail
build=$1
agents=${2:-100}
blocks=${3:-20}
ns=cdnk$$
dir=$(mktemp -d)
server=
pids=()
clean() {
	for p in "${pids[@]}" $server; do
		kill "$p" 2>/dev/null || :
	done
	wait || :
	for i in $(seq 0 $((agents - 1))); do
		ip netns del "$ns-$i" 2>/dev/null || :
	done
	ip netns del "$ns" 2>/dev/null || :
	rm -rf "$dir"
}
trap clean EXIT
die() {
	echo "$*" >&2
	exit 1
}
chmod 755 "$dir"

# --- the network: the server's namespace has a bridge, each agent's a leg to it
ip netns add "$ns"
ip -n "$ns" link set lo up
ip -n "$ns" link add hub type bridge
ip -n "$ns" addr add 10.99.0.1/16 dev hub
ip -n "$ns" link set hub up
for i in $(seq 0 $((agents - 1))); do
	ip netns add "$ns-$i"
	ip -n "$ns" link add "leg$i" type veth peer name eth0 netns "$ns-$i"
	ip -n "$ns" link set "leg$i" master hub up
	ip -n "$ns-$i" addr add "10.99.$((1 + i / 250)).$((1 + i % 250))/16" dev eth0
	ip -n "$ns-$i" link set eth0 up
	ip -n "$ns-$i" link set lo up
done

# --- the daemons
cordon() { "$build/cordon" --state-dir "$dir/server" "$@"; }
said() { # EXPRESSION: of `cordon status --json`
	cordon status --json 2>/dev/null | python3 -c "import json, sys; s = json.load(sys.stdin); print($1)"
}
printf 'role: server\nfleet: {listen: "10.99.0.1:8732", address: "10.99.0.1:8732"}\n' >"$dir/server.yaml"
printf 'sensors:\n  - {file: %s, services: [ssh]}\n' "$dir/auth.log" >"$dir/agent.yaml"
: >"$dir/auth.log"
chmod 644 "$dir/auth.log"
ip netns exec "$ns" "$build/cordond" --state-dir "$dir/server" --listen 127.0.0.1:8731 \
	--config "$dir/server.yaml" 2>"$dir/server.log" &
server=$!
until cordon status >/dev/null 2>&1; do
	kill -0 "$server" || die "$(cat "$dir/server.log")"
	sleep 0.1
done

online() { # N: waits until so many are
	for _ in $(seq 300); do
		[ "$(said 's["fleet"]["online"]')" -lt "$1" ] || return 0
		sleep 0.2
	done
	die "$(said 's["fleet"]["online"]') of $1 agents are online: $(tail -n 3 "$dir/agent.log")"
}
for i in $(seq 0 $((agents - 1))); do
	token=$(cordon hosts invite 2>/dev/null | sed -n 's/.*cordond enrol [^ ]* \([^ ]*\).*/\1/p')
	ip netns exec "$ns-$i" "$build/cordond" enrol https://10.99.0.1:8732 "$token" \
		--state-dir "$dir/agent-$i" >/dev/null 2>>"$dir/agent.log" || die "$(tail -n 3 "$dir/agent.log")"
	ip netns exec "$ns-$i" "$build/cordond" --state-dir "$dir/agent-$i" --config "$dir/agent.yaml" \
		2>>"$dir/agent.log" &
	pids+=($!)
	[ "$i" -gt 0 ] || online 1
	# not all at once: what is measured is not their start
	[ $((i % 10)) -lt 9 ] || online $((i + 1))
done
online "$agents"

# Of the processes of one daemon, in MiB: pages shared with others count in part, and not at all.
memory() { # PID
	for p in "$1" $(pgrep -P "$1"); do
		awk '/^Pss:/ { print "pss", $2 } /^Private/ { print "own", $2 }' "/proc/$p/smaps_rollup"
	done | awk '{ sum[$1] += $2 } END { printf "%.1f MiB of Pss, %.1f MiB of its own\n", sum["pss"] / 1024, sum["own"] / 1024 }'
}

key=$(cordon keys create --name bench --allow '*' --json)
id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["access_key_id"])' <<<"$key")
secret=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["secret_access_key"])' <<<"$key")
uuids=$(cordon hosts list --json | python3 -c 'import json, sys; print(",".join(h["uuid"] for h in json.load(sys.stdin)))')
ip netns exec "$ns" "$build/bench/bench_fleet_kernels" 8731 "$id" "$secret" "$uuids" "$ns" "$agents" "$blocks"

# What the kernels have, the server has to know, too.
for _ in $(seq 50); do
	[ "$(said 's["blocks"]["applied"]')" -lt $((agents * blocks)) ] || break
	sleep 0.1
done
[ "$(said 's["blocks"]["applied"]')" -eq $((agents * blocks)) ] ||
	die "the server knows of $(said 's["blocks"]["applied"]') of $((agents * blocks)) blocks"
echo "one of $agents agents: $(memory "${pids[0]}")"
echo "their server: $(memory "$server")"
