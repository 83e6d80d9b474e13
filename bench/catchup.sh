#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# How fast a day of log is caught up with: from the start of the reading to every line read, its
# failures counted, its sources judged, and all of it committed. In observe mode, and as root
# also with the kernel in a network namespace that is taken away again. Beside it, where they
# are installed, what fail2ban and sshguard need only to read and match (fewer lines of theirs).
# Usage: bench/catchup.sh BUILD_DIR [LINES [RUNS]]
# Needs python3; root for the kernel's part.
set -eu
build=$1
lines=${2:-1000000}
runs=${3:-5}
bench=c
# shellcheck source=bench/daemon.sh
. "$(dirname "$0")/daemon.sh"
mkdir "$dir/log"
chmod 755 "$dir/log"
"$build/bench/bench_gen_auth" "$lines" 1 $(($(date +%s) - 86400)) >"$dir/log/auth.log"
chmod 644 "$dir/log/auth.log"
printf 'sensors: [{file: %s, from_start: true}]\nlimits: {blocks_per_minute: 0}\n' "$dir/log/auth.log" >"$dir/cordon.yaml"

# The seconds of one run, and what came of it: SECONDS FAILURES BLOCKS CPU_SECONDS
once() { # COMMAND...
	rm -rf "$dir/state"
	start_in "$@"
	python3 - "$build/cordon" "$dir/state" "$lines" "$pid" <<'PY'
import datetime, json, os, subprocess, sys, time
cordon, state, lines, pid = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
while True:
    time.sleep(0.1)
    os.kill(pid, 0)
    done = subprocess.run([cordon, "--state-dir", state, "status", "--json"], capture_output=True, text=True)
    s = json.loads(done.stdout) if done.stdout.startswith("{") else None
    sensor = s["sensors"][0] if s and s["sensors"] else None
    if sensor and sensor["lines"] == lines and sensor["behind_bytes"] == 0:
        break
def at(text): return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
engine = subprocess.run(["pgrep", "-P", str(pid), "-x", "cordon-engine"], capture_output=True, text=True).stdout.split()[0]
cpu = int(open(f"/proc/{engine}/schedstat").read().split()[0]) / 1e9
took = (at(sensor["last_read"]) - at(s["started"])).total_seconds()
print(f"{took:.3f} {s['detection']['failures']} {s['blocks']['begun']} {cpu:.3f}")
PY
	stop
}

several() { # NAME COMMAND...
	name=$1
	shift
	: >"$dir/runs"
	for _ in $(seq "$runs"); do
		once "$@" >>"$dir/runs"
	done
	sort -n "$dir/runs" | awk -v lines="$lines" -v name="$name" '{ t[NR] = $1; f = $2; b = $3; c += $4 }
		END { m = t[int((NR + 1) / 2)]; printf "%s: median %.3f s of %d runs (%.3f to %.3f), %.2f Mlines/s, %.3f s of CPU; %d failures, %d blocks begun\n",
			name, m, NR, t[1], t[NR], lines / m / 1e6, c / NR, f, b }'
	ours=$(sort -n "$dir/runs" | awk -v lines="$lines" '{ t[NR] = $1 } END { print lines / t[int((NR + 1) / 2)] }')
}
ratio() { # NAME LINES SECONDS
	awk -v n="$1" -v l="$2" -v s="$3" -v ours="$ours" \
		'BEGIN { printf "%s: %.0f lines/s; ratio cordon / %s: %.0f\n", n, l / s, n, ours * s / l }'
}
seconds() { # COMMAND...
	begin=$(date +%s%N)
	"$@" >/dev/null 2>&1 || :
	echo "$begin $(date +%s%N)" | awk '{ printf "%.3f", ($2 - $1) / 1e9 }'
}

several "cordon, observing" "$build/cordond" --observe
if [ "$(id -u)" = 0 ]; then
	own_network
	several "cordon, with the kernel" ip netns exec "$ns" "$build/cordond"
else
	echo "cordon, with the kernel: needs root"
fi

few=20000
head -n "$few" "$dir/log/auth.log" >"$dir/few.log"
parser=/usr/libexec/sshguard/sshg-parser
if [ -x "$parser" ]; then
	ratio "sshg-parser (matches only)" "$lines" "$(seconds sh -c "$parser <$dir/log/auth.log")"
else
	echo "sshguard: not installed"
fi
if command -v fail2ban-regex >/dev/null; then
	ratio "fail2ban-regex (matches only)" "$few" "$(seconds fail2ban-regex "$dir/few.log" sshd)"
else
	echo "fail2ban: not installed"
fi
echo "crowdsec: not measured here"
