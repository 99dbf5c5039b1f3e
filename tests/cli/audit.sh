#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What kluis-audit says of published logs, honest and not. Usage: audit.sh BIN_DIRECTORY
# MAKE_AUDIT_LOGS. Each case: a command, its exit code, a text it must print.
set -uo pipefail
bin=${1:?usage: audit.sh BIN_DIRECTORY MAKE_AUDIT_LOGS}
make=${2:?usage: audit.sh BIN_DIRECTORY MAKE_AUDIT_LOGS}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
"$make" . || exit 1
cases=0 failures=0

expect() {  # CODE TEXT COMMAND...
  local code=$1 text=$2 got=0 output; shift 2
  output=$("$bin/$1" "${@:2}" 2>&1) || got=$?
  cases=$((cases + 1))
  if [ "$got" != "$code" ] || ! grep -q -- "$text" <<<"$output"; then
    failures=$((failures + 1))
    printf 'FAILED: %s\n  expected exit %s and "%s"; got exit %s and:\n%s\n' \
      "$*" "$code" "$text" "$got" "$output"
  fi
}

# verify, entry
expect 0 'verified: 59 entries' kluis-audit verify new --key @vkey
expect 0 '"verified":true' kluis-audit verify new --key @vkey --output json
expect 1 'entry 32' kluis-audit verify broken --key @vkey
expect 1 'signature' kluis-audit verify new --key @stranger.vkey
expect 2 'vkey' kluis-audit verify new --key @no-such.vkey
expect 0 'register' kluis-audit entry new 3
expect 2 'below' kluis-audit entry new 59

# receipt
expect 0 'verified: entry 17 is in the signed log of 59' \
  kluis-audit receipt verify 17.tlog-proof --key @vkey --entry 17.entry
expect 0 '"index":17' kluis-audit receipt verify 17.tlog-proof --key @vkey \
  --leaf-hash "$(cat 17.leaf)" --output json
expect 1 'another root' kluis-audit receipt verify 17.tlog-proof --key @vkey --entry vkey
expect 1 'signature' kluis-audit receipt verify 17.tlog-proof --key @stranger.vkey --entry 17.entry
expect 1 'proof file' kluis-audit receipt verify 17.entry --key @vkey --entry 17.entry
expect 2 'required' kluis-audit receipt verify 17.tlog-proof --key @vkey
expect 2 'excludes' kluis-audit receipt verify 17.tlog-proof --key @vkey --entry 17.entry \
  --leaf-hash "$(cat 17.leaf)"
expect 2 '64 lowercase' kluis-audit receipt verify 17.tlog-proof --key @vkey --leaf-hash 00
expect 2 'quorum' kluis-audit receipt verify 17.tlog-proof --key @vkey --entry 17.entry --quorum 1
expect 2 'type 04' kluis-audit receipt verify 17.tlog-proof --key @vkey --entry 17.entry \
  --witness @vkey
sed 's/^index 17$/index 18/' 17.tlog-proof >18.tlog-proof
expect 1 'another root' kluis-audit receipt verify 18.tlog-proof --key @vkey --entry 17.entry

# replay
expect 1 'DOES NOT HOLD' kluis-audit replay new --key @vkey  # a story, and no vault's log
expect 2 'type 04' kluis-audit replay new --key @vkey --witness @vkey
if [ -r /proc/self/mem ]; then  # opens, and cannot be read
  expect 1 'details, line 1: cannot be read' \
    kluis-audit replay new --key @vkey --with-details /proc/self/mem
fi
if command -v python3 >/dev/null; then  # a socket is a file that nobody can open
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("no-file")'
  expect 2 'cannot open no-file' kluis-audit replay new --key @vkey --with-details no-file
fi

# report
expect 0 'searches with a hit | 1' kluis-audit report new --key @vkey --year 2026
expect 0 'Urgent cases are not counted' kluis-audit report new --key @vkey --year 2026
expect 0 '"over_broad": 1' kluis-audit report new --key @vkey --year 2026 --format json
expect 0 '' kluis-audit report new --key @vkey --year 2026 --format html -o 2026.html
cases=$((cases + 1))
if ! grep -q '<svg' 2026.html || grep -Eq 'https?:|src=|<script' 2026.html; then
  failures=$((failures + 1))
  echo 'FAILED: 2026.html must have plots and load nothing'
fi
expect 1 'entry 32' kluis-audit report broken --key @vkey --year 2026
expect 2 'year' kluis-audit report new --key @vkey
expect 1 'cosigned by 0 of 1 witnesses, 1 are needed' \
  kluis-audit report new --key @vkey --year 2026 --witness @witness.vkey
expect 0 'searches' \
  kluis-audit report new --key @vkey --year 2026 --witness @witness.vkey --quorum 0
expect 2 'quorum' kluis-audit report new --key @vkey --year 2026 --quorum 1
expect 2 'no-such' kluis-audit report new --key @vkey --year 2026 -o no-such/2026.md

# diff
expect 0 'added   21' kluis-audit diff old new --key @vkey
expect 0 'the same log' kluis-audit diff new new --key @vkey
expect 0 '"added":21' kluis-audit diff old.checkpoint new --key @vkey --output json
expect 1 'fork: size 38' kluis-audit diff old fork --key @vkey
expect 1 'fork: size 59' kluis-audit diff new fork --key @vkey
expect 1 'fork: size 38' kluis-audit diff fork old --key @vkey
expect 1 'shrunk: from 59 entries to 38' kluis-audit diff new old --key @vkey
expect 1 'signature' kluis-audit diff old new --key @stranger.vkey
expect 2 'must be a directory' kluis-audit diff old new/checkpoint --key @vkey
expect 1 'cosigned by 0 of 1 witnesses' kluis-audit diff old new --key @vkey --witness @witness.vkey
expect 0 'added   21' kluis-audit diff old new --key @vkey --witness @witness.vkey --quorum 0
expect 2 'same key twice' \
  kluis-audit diff old new --key @vkey --witness @witness.vkey --witness @witness.vkey

# watch: a directory
expect 0 'first, 38 entries' kluis-audit watch old --key @vkey --count 1 --max-age 0 --state seen
expect 0 'grew by 21, 59 entries' kluis-audit watch new --key @vkey --count 1 --max-age 0 \
  --state seen
expect 0 'unchanged, 59 entries' kluis-audit watch new --key @vkey --count 1 --max-age 0 \
  --state seen
expect 1 'fork: size 59' kluis-audit watch fork --key @vkey --count 1 --max-age 0 --state seen
expect 1 'shrunk: from 59 entries to 38' kluis-audit watch old --key @vkey --count 1 --max-age 0 \
  --state seen
expect 0 'unchanged, 59 entries' kluis-audit watch new --key @vkey --count 2 --interval 1 \
  --max-age 0 --state seen
expect 1 'does not verify' kluis-audit watch new --key @stranger.vkey --count 1 --max-age 0
expect 3 'stopped: no newer checkpoint' kluis-audit watch stopped --key @vkey --count 1
expect 0 'closed 2001' kluis-audit watch stopped --key @vkey --count 1 --max-age 0
expect 1 'cosigned by 0 of 1 witnesses' \
  kluis-audit watch new --key @vkey --count 1 --max-age 0 --witness @witness.vkey
expect 0 'first, 59 entries' \
  kluis-audit watch new --key @vkey --count 1 --max-age 0 --witness @witness.vkey --quorum 0
echo 'no checkpoint' >bad
expect 1 'bad' kluis-audit watch new --key @vkey --count 1 --max-age 0 --state bad
expect 2 'URL' kluis-audit watch no-such-directory --key @vkey --count 1
expect 2 'URL' kluis-audit watch ftp://127.0.0.1/ --key @vkey --count 1
expect 3 'no answer' kluis-audit watch http://127.0.0.1:1/ --key @vkey --count 1

# watch: a web server
if command -v python3 >/dev/null; then
  python3 - "$work" >port <<'SERVER' &
import functools, http.server, sys
quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
served = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=sys.argv[1]))
print(served.server_port, flush=True)
served.serve_forever()
SERVER
  server=$!
  for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
  url=http://127.0.0.1:$(cat port)
  expect 0 'first, 38 entries' kluis-audit watch "$url/old" --key @vkey --count 1 --max-age 0 \
    --state web
  expect 0 'grew by 21' kluis-audit watch "$url/new/" --key @vkey --count 1 --max-age 0 --state web
  expect 1 'fork' kluis-audit watch "$url/fork" --key @vkey --count 1 --max-age 0 --state web
  expect 3 'no answer' kluis-audit watch "$url/none" --key @vkey --count 1 --max-age 0
else
  echo 'SKIPPED by name: watch over HTTP, as there is no python3 to serve it'
fi

# help, usage
expect 0 'Exit codes' kluis-audit --help
for verb in verify entry replay report diff watch 'receipt verify' serve witness completion; do
  # shellcheck disable=SC2086
  expect 0 'Example' kluis-audit $verb --help
done
expect 0 'complete -o default -F _kluis_audit kluis-audit' kluis-audit completion bash
expect 0 'compdef _kluis_audit kluis-audit' kluis-audit completion zsh
expect 0 'complete -c kluis-audit' kluis-audit completion fish
expect 2 'SHELL' kluis-audit completion tcsh
completed() {  # TEXT WORDS...: what the script offers for the last of the words
  local text=$1 got; shift
  cases=$((cases + 1))
  # shellcheck source=/dev/null
  got=$(source <("$bin/kluis-audit" completion bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _kluis_audit
        echo "${COMPREPLY[*]}")
  if [ "$got" != "$text" ]; then
    failures=$((failures + 1))
    printf 'FAILED: completion of %s: expected "%s", got "%s"\n' "$*" "$text" "$got"
  fi
}
completed 'verify' kluis-audit ver
completed '--witness' kluis-audit diff --wi
completed 'verify --help' kluis-audit receipt ''
completed '--leaf-hash' kluis-audit receipt verify --le
expect 2 '' kluis-audit
expect 2 '' kluis-audit no-such-verb

printf '%d passed, %d failed\n' "$((cases - failures))" "$failures"
[ "$failures" = 0 ]
