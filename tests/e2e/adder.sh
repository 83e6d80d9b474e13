#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scripts/run-tests must not lose a failure, whichever way a program fails.
set -euo pipefail
root=${CORDON_ROOT:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
failed=0

# program TEXT: a TAP program with this body
program() {
  printf '#!/bin/sh\n%s\n' "$1" >"$work/program"
  chmod +x "$work/program"
}

# expect NAME STATUS LAST-LINE
expect() {
  local status=0 output
  output=$("$root/scripts/run-tests" --timeout 3 --root "$work" --logs "$work/logs" \
    "$work/program") || status=$?
  number=$((number + 1))
  if [ "$status" -eq "$2" ] && [ "${output##*$'\n'}" = "$3" ]; then
    echo "ok $number - $1"
  else
    echo "not ok $number - $1"
    printf 'status %s, output:\n%s\n' "$status" "$output" | sed 's/^/# /'
    failed=1
  fi
}

echo 1..11
program 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
expect 'all passed' 0 '2 passed, 0 failed, 0 skipped'
program 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
expect 'one failed' 1 '1 passed, 1 failed, 0 skipped'
program 'echo 1..3; echo "ok 1 - a # SKIP no root"; echo "ok 2 # skip too"; echo "not ok 3 # SKIP c"'
expect 'skipped cases' 0 '0 passed, 0 failed, 3 skipped'
program 'echo "1..0 # SKIP not here"'
expect 'a skipped program' 0 '0 passed, 0 failed, 1 skipped'
program 'echo 1..3; echo "ok 1 - a"'
expect 'fewer cases than planned' 1 '1 passed, 1 failed, 0 skipped'
program 'echo 1..1; echo "ok 1 - a"; exit 3'
expect 'a bad status after good cases' 1 '1 passed, 1 failed, 0 skipped'
program 'echo 1..1; kill -SEGV $$'
expect 'a crash' 1 '0 passed, 1 failed, 0 skipped'
program 'echo hello'
expect 'no plan' 1 '0 passed, 1 failed, 0 skipped'
program 'echo 1..1; echo "ok 1 - a"; sleep 100'
expect 'too long' 1 '1 passed, 1 failed, 0 skipped'
program "echo 1..1; echo 'ok 1 - a'; sleep 100 & echo \$! >$work/left"
expect 'something left behind' 0 '1 passed, 0 failed, 0 skipped'

# A zombie, waiting for init to collect it, has ended too.
lives() {
  grep -q '^State:[[:space:]]*[^Z]' "/proc/$(cat "$work/left")/status" 2>/dev/null
}

number=$((number + 1))
for _ in {1..50}; do
  lives || break
  sleep 0.1
done
if lives; then
  echo "not ok $number - what was left behind is ended"
  failed=1
else
  echo "ok $number - what was left behind is ended"
fi
exit "$failed"
