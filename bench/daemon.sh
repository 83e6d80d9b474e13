#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What the benches that run a daemon share, sourced by them: a directory and a network namespace,
# both taken away at the end, and one daemon at a time, $pid, as "$dir/cordon.yaml" says.
# They set: build, the build directory, and bench, one letter.
: "${build:?}" "${bench:?}"
port=$((20000 + $$ % 10000))
ns=cdn$bench$$
dir=$(mktemp -d)
pid=
chmod 755 "$dir"

stop() {
	if [ -n "$pid" ] && kill "$pid" 2>/dev/null; then
		wait "$pid" || :
	fi
	pid=
}
clean() {
	stop
	ip netns del "$ns" 2>/dev/null || :
	rm -rf "$dir"
}
trap clean EXIT

own_network() {
	ip netns add "$ns"
	ip -n "$ns" link set lo up
}

start_in() { # COMMAND... that runs cordond
	"$@" --state-dir "$dir/state" --listen "127.0.0.1:$port" --config "$dir/cordon.yaml" 2>"$dir/cordond.log" &
	pid=$!
}
start() {
	start_in ip netns exec "$ns" "$build/cordond"
}
# Ends the bench when the daemon has ended.
must_run() {
	kill -0 "$pid" || {
		cat "$dir/cordond.log"
		exit 1
	}
}
start_and_wait() {
	start
	until "$build/cordon" --state-dir "$dir/state" status >/dev/null 2>&1; do
		must_run
		sleep 0.1
	done
}

start_fail2ban() { # its jail.local, as printf(1) takes it
	mkdir -p "$dir/f2b/run"
	cp -r /etc/fail2ban "$dir/f2b/etc"
	rm -f "$dir"/f2b/etc/jail.d/*
	printf '%b' "$1" >"$dir/f2b/etc/jail.local"
	printf '[Definition]\ndbfile = :memory:\n' >"$dir/f2b/etc/fail2ban.local"
	ip netns exec "$ns" fail2ban-server -f -c "$dir/f2b/etc" -s "$dir/f2b/run/sock" -p "$dir/f2b/run/pid" \
		--logtarget "$dir/f2b/log" start >/dev/null 2>&1 &
	pid=$!
	sleep 5
}
