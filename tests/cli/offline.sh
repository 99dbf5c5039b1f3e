#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What kluis and kluis-audit do without a server: keys, statements, synthetic people, files, help.
# Usage: offline.sh BIN_DIRECTORY. Each case: a command, its exit code, a text it must print.
set -uo pipefail
bin=${1:?usage: offline.sh BIN_DIRECTORY}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
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

# keys
expect 0 'ed25519:' kluis key new a.key
expect 4 'File exists' kluis key new a.key
expect 0 'ed25519:' kluis key show a.key
chmod 644 a.key
expect 4 'chmod 600' kluis key show a.key
chmod 600 a.key
expect 4 'no-such.key' kluis key show no-such.key

expect 0 'SHA-256' kluis key custody me.custody
expect 4 'File exists' kluis key custody me.custody
expect 4 'not a kluis-ed25519-seed-v1' kluis key show me.custody

# statements
expect 0 'stop-order' kluis statement kinds
expect 0 '' kluis --vault v.example statement sign stop-order --key a.key --set purpose=p \
  --set reasons=because -o stop.json
expect 0 'because' kluis statement show stop.json --key a.key
expect 0 '' kluis key new b.key
expect 7 '' kluis statement show stop.json --key b.key
expect 4 'no_such_field' kluis --vault v.example statement sign stop-order --key a.key \
  --set no_such_field=1 -o x.json
expect 2 '' kluis statement sign
expect 2 '--operator' kluis vault found --origin v.example --log-key a.key --supervisor one=b.key --threshold 1
expect 0 '' kluis vault found --origin v.example --log-key a.key --supervisor one=b.key --threshold 1 \
  --operator one=a.key --auditor press=b.key
expect 0 'founding' kluis statement show founding.dsse.json

# what is shown to people who sign hides nothing, also where the verb itself does not look
hidden=$'\u202e\u2066\u200b\ufeff\U000e0041\u2028\x1b[2J'
expect 0 '' kluis --vault v.example statement sign stop-order --key a.key --set purpose=p \
  --set "reasons=stop${hidden}it" -o hidden.json
expect 0 'stop\\u{202E}\\u{2066}\\u{200B}\\u{FEFF}\\u{E0041}\\u{2028}\\u{1B}\[2Jit' \
  kluis statement show hidden.json --key a.key
expect 4 'no-such\\u{202E}' kluis statement show $'no-such\u202e' --key a.key
expect 2 'more\\u{202E}' kluis key show a.key $'more\u202e'
expect 0 'stop\\u202e\\u2066\\u200b\\ufeff\\udb40\\udc41\\u2028\\u001b\[2Jit' \
  kluis --output json statement show hidden.json --key a.key
for form in human json; do
  cases=$((cases + 1))
  if "$bin/kluis" --output $form statement show hidden.json --key a.key |
      LC_ALL=C grep -qaP '[\x00-\x09\x0b-\x1f\x7f-\xff]'; then
    failures=$((failures + 1)); echo "FAILED: $form shows a byte that is not plain ASCII"
  fi
done
cases=$((cases + 1))
if [ "$("$bin/kluis" --output json statement show hidden.json --key a.key |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["payload"]["reasons"], end="")')" \
    != "stop${hidden}it" ]; then
  failures=$((failures + 1)); echo 'FAILED: JSON is not read back as it was signed'
fi

# synthetic people and template files
expect 0 '' kluis synth people people --people 3 --shape dlib-128 --seed 1
expect 2 'shape' kluis synth people other --people 3 --shape no-such --seed 1

# help, completion, usage
expect 0 'Exit codes' kluis --help
expect 0 'Example' kluis case warrant --help
expect 0 'complete' kluis completion bash
expect 0 'compdef' kluis completion zsh
expect 0 'complete' kluis completion fish
expect 0 'selfcheck' kluis vault --help
expect 2 '' kluis vault check
expect 0 'entry-out' kluis log receipt --help
expect 2 '' kluis log proof 0
expect 2 'INDEX\|index' kluis log receipt
expect 2 'leaf-hash' kluis log receipt 0 --leaf-hash 12
expect 2 'reasons' kluis order inspect --start 0 --end 9 --key a.key -o details.jsonl
expect 2 'after --start' kluis order inspect --start 9 --end 9 --key a.key --reasons r -o details.jsonl
expect 2 '--out' kluis order inspect --start 0 --end 9 --key a.key --reasons r
expect 0 '' kluis --vault v.example statement sign inspection-order --key a.key --set end_index=9 \
  --set reasons=because -o order.json
expect 0 'because' kluis statement show order.json --key a.key
expect 2 '' kluis order inspect --statement order.json --end 9 -o details.jsonl
expect 4 '--as ROLE/NAME' kluis order inspect --statement order.json -o details.jsonl
expect 2 '' kluis no-such-verb
expect 2 '' kluis-audit
expect 2 'no-such-log' kluis-audit verify no-such-log --key x
expect 1 'kluisd: ' kluisd --config no-such.toml

printf '%d passed, %d failed\n' "$((cases - failures))" "$failures"
[ "$failures" = 0 ]
