#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kluis-audit witness as a program: what it serves, what it remembers, what it refuses to start with.
# Usage: witness.sh BIN_DIRECTORY PROBE. Each case: a command, its exit code, a text it must print.
set -uo pipefail
bin=${1:?usage: witness.sh BIN_DIRECTORY PROBE}
probe=${2:?usage: witness.sh BIN_DIRECTORY PROBE}
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

name=witness.example/w1
options=(--key witness.key --name "$name" --state state --log @log.vkey)
start() {
  "$bin/kluis-audit" witness "${options[@]}" >witness.log 2>&1 &
  witness=$!
  for _ in $(seq 500); do
    port=$(sed -n 's/^port //p' witness.log)
    [ -n "$port" ] && break
    kill -0 "$witness" 2>/dev/null || break
    sleep 0.02
  done
  url=http://127.0.0.1:$port
}
# SIGTERM must end it well. Not in expect: only the shell that started it can wait for it.
stop() {
  local code=0
  kill -TERM "$witness"
  wait "$witness" || code=$?
  witness=
  expect 0 '^0$' echo "$code"
}

"$probe" prepare . || exit 1
mkdir state
start
expect 0 "^key $name+.*" cat witness.log
expect 0 'cosigned size 3' "$probe" cosign "$url" "$name" 3
expect 0 'cosigned size 7' "$probe" cosign "$url" "$name" 7
expect 0 'cosigned size 7' "$probe" cosign "$url" "$name" 7
expect 3 'holds size 7, this log has size 5' "$probe" cosign "$url" "$name" 5
expect 3 'holds size 7' "$probe" fork "$url" "$name" 7
expect 3 'holds size 7' "$probe" fork "$url" "$name" 9
expect 1 'no cosignature of other.example' "$probe" cosign "$url" other.example/w 8
expect 1 'another witness uses it' "$bin/kluis-audit" witness "${options[@]}"
stop
expect 0 '^200 .* size 7: cosigned$' cat witness.log
expect 0 '^409 .* size 5: proof begins at 0, cosigned is 7$' cat witness.log

# what it knew it still knows
start
expect 3 'holds size 8' "$probe" fork "$url" "$name" 20
expect 0 'cosigned size 300' "$probe" cosign "$url" "$name" 300
stop

# what it does not start with
expect 2 'loopback' "$bin/kluis-audit" witness "${options[@]}" --listen 0.0.0.0:0
expect 2 'loopback' "$bin/kluis-audit" witness "${options[@]}" --listen 127.evil.example:0
expect 2 'HOST:PORT' "$bin/kluis-audit" witness "${options[@]}" --listen 127.0.0.1
expect 1 'cannot listen' "$bin/kluis-audit" witness "${options[@]}" --listen 192.0.2.1:0 --allow-remote
expect 2 'File exists' "$bin/kluis-audit" witness "${options[@]}" --new-key
expect 2 '--log is required' "$bin/kluis-audit" witness --key witness.key --name "$name" --state state
expect 2 'key name' "$bin/kluis-audit" witness --key witness.key --name 'a b' --state state \
  --log @log.vkey
truncate -s -1 state/*.witness
expect 1 'does not know what it has signed and refuses to go on' \
  "$bin/kluis-audit" witness "${options[@]}"

printf '%d passed, %d failed\n' "$((cases - failures))" "$failures"
[ "$failures" = 0 ]
