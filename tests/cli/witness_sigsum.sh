#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kluisd's client against a witness that others wrote: sigsum-witness, Debian bookworm-backports,
# 0.11.1. Exit 77 (skipped) where that program is not installed.
# Usage: witness_sigsum.sh PROBE
set -uo pipefail
probe=${1:?usage: witness_sigsum.sh PROBE}
program=${SIGSUM_WITNESS:-sigsum-witness}
if ! command -v "$program" >/dev/null; then
  echo "SKIPPED: no sigsum-witness here (package sigsum-witness of bookworm-backports)"
  exit 77
fi
work=$(mktemp -d)
witness=
trap '[ -z "$witness" ] || kill "$witness" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
cases=0 failures=0

expect() {  # CODE TEXT COMMAND...
  local code=$1 text=$2 got=0 output; shift 2
  output=$("$@" 2>&1) || got=$?
  cases=$((cases + 1))
  if [ "$got" != "$code" ] || ! grep -q -- "$text" <<<"$output"; then
    failures=$((failures + 1))
    printf 'FAILED: %s\n  expected exit %s and "%s"; got exit %s and:\n%s\n' \
      "$*" "$code" "$text" "$got" "$output"
  fi
}

# It cannot be told to take a free port: try some. Debian's Go 1.19 routes paths as it expects only
# with this GODEBUG.
start() {
  for _ in $(seq 20); do
    local port=$((20000 + RANDOM % 20000))
    GODEBUG=httpmuxgo121=0 "$program" -k witness.ssh --log-key log.pub \
      --state-file witness.state "127.0.0.1:$port" >>witness.log 2>&1 &
    witness=$!
    url=http://127.0.0.1:$port
    for _ in $(seq 250); do
      kill -0 "$witness" 2>/dev/null || break
      (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
      sleep 0.02
    done
    kill "$witness" 2>/dev/null; wait "$witness"; witness=
  done
  echo 'FAILED: sigsum-witness does not start:'; cat witness.log
  exit 1
}
stop() { kill -TERM "$witness"; wait "$witness"; witness=; }

"$probe" prepare . || exit 1
chmod 600 witness.ssh
start
name=$("$probe" name "$url" 1) || { echo "FAILED: no first cosignature"; cat witness.log; exit 1; }
expect 0 'cosigned size 1' "$probe" cosign "$url" "$name" 1
expect 0 'cosigned size 2' "$probe" cosign "$url" "$name" 2
expect 0 'cosigned size 7' "$probe" cosign "$url" "$name" 7
expect 0 'cosigned size 300' "$probe" cosign "$url" "$name" 300
expect 3 'holds size 300, this log has size 7' "$probe" cosign "$url" "$name" 7
expect 3 'holds size 300' "$probe" fork "$url" "$name" 300
expect 3 'holds size 300' "$probe" fork "$url" "$name" 301
stop
start
expect 3 'holds size 300, this log has size 299' "$probe" cosign "$url" "$name" 299
expect 0 'cosigned size 301' "$probe" cosign "$url" "$name" 301
stop

printf 'sigsum-witness as %s: %d passed, %d failed\n' "$name" "$((cases - failures))" "$failures"
[ "$failures" = 0 ]
