#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# From the last failed line of an attacker in a log to the element in the kernel's set, with
# the stored intent in between; beside it sshguard and fail2ban, where they are installed.
# Usage: bench/latency.sh BUILD_DIR [TRIALS]
# Needs root: makes a network namespace, and takes it away again.
set -eu
build=$1
trials=${2:-400}
bench=l
# shellcheck source=bench/daemon.sh
. "$(dirname "$0")/daemon.sh"
own_network
# where the addresses are, as far as anybody asks
ip -n "$ns" link add attackers type veth peer name nowhere
ip -n "$ns" link set attackers arp off up
ip -n "$ns" route add 198.18.0.0/15 dev attackers
for log in auth mysql rdp vsftpd; do
	: >"$dir/$log.log"
	chmod 644 "$dir/$log.log"
done

measure() { # NAME FAILURES TRIALS PAUSE_MS [SERVICE]
	said=$(ip netns exec "$ns" "$build/bench/bench_latency" "$dir/${5-auth}.log" "$2" "$3" "$4" "${5-ssh}") || :
	echo "$1: $said"
	median=$(echo "$said" | sed 's/.*median_ms": \([0-9.]*\).*/\1/')
}
ratio() {
	awk -v a="$ours" -v b="$median" -v n="$1" 'BEGIN { if (a > 0) printf "ratio %s / cordon: %.0f\n", n, b / a }'
}

{
	echo 'limits: {blocks_per_minute: 0}'
	echo 'sensors:'
	echo "  - {file: $dir/auth.log, services: [ssh]}"
	for service in mysql rdp vsftpd; do
		echo "  - {file: $dir/$service.log, services: [$service]}"
	done
} >"$dir/cordon.yaml"
start_and_wait
measure cordon 10 "$trials" 20
ours=$median
for service in mysql rdp vsftpd; do
	measure "cordon, $service" 10 "$trials" 20 "$service"
done
stop
: >"$dir/auth.log"

peer_trials=20
if command -v sshguard >/dev/null; then
	printf 'BACKEND="/usr/libexec/sshguard/sshg-fw-nft-sets"\nFILES="%s"\nTHRESHOLD=50\nBLOCK_TIME=3600\nDETECTION_TIME=1800\n' \
		"$dir/auth.log" >"$dir/sshguard.conf"
	mkdir "$dir/run"
	# it reads no configuration but /etc's, and ends its whole process group
	setsid ip netns exec "$ns" unshare -m sh -c "mount --bind $dir/sshguard.conf /etc/sshguard/sshguard.conf && exec sshguard" \
		>"$dir/sshguard.log" 2>&1 &
	pid=$!
	sleep 3
	measure "sshguard (5 lines)" 5 "$peer_trials" 300
	ratio sshguard
	stop
	ip netns exec "$ns" nft flush ruleset
	: >"$dir/auth.log"
else
	echo "sshguard: not installed"
fi

if command -v fail2ban-server >/dev/null; then
	start_fail2ban "[DEFAULT]\nbanaction = nftables-multiport\nbackend = pyinotify\nmaxretry = 5\n[sshd]\nenabled = true\nlogpath = $dir/auth.log\n"
	measure "fail2ban (5 lines)" 5 "$peer_trials" 300
	ratio fail2ban
	stop
	ip netns exec "$ns" nft flush ruleset
else
	echo "fail2ban: not installed"
fi
echo "crowdsec: not measured here"
