#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# File to events on one core, beside what grep needs to find one string in the same file.
# Usage: bench/lines.sh BUILD_DIR [LINES]
set -eu
build=$1
lines=${2:-1000000}
file=$(mktemp)
trap 'rm -f "$file"' EXIT
"$build/bench/bench_gen_auth" "$lines" >"$file"

# the best of nine runs, in Mlines/s (into a pipe: for /dev/null grep stops at the first)
grep_speed() {
	for _ in 1 2 3 4 5 6 7 8 9; do
		begin=$(date +%s%N)
		LC_ALL=C grep -c 'Failed password' "$file" | cat >/dev/null
		end=$(date +%s%N)
		echo "$lines $((end - begin))"
	done | awk '{ v = $1 * 1000 / $2; if (v > best) best = v } END { printf "%.2f", best }'
}

ours=$("$build/bench/bench_lines" "$file" 9)
grep=$(grep_speed)
echo "cordon (file to events): $ours"
echo "grep -c 'Failed password': $grep Mlines/s"
echo "$ours" | awk -v grep="$grep" '{ printf "ratio to grep: %.2f\n", $1 / grep }'

# the other services' logs
"$build/bench/bench_gen_services" | while read -r name; do
	"$build/bench/bench_gen_services" "$name" "$lines" >"$file"
	echo "$name: $("$build/bench/bench_lines" "$file" 9)"
done
