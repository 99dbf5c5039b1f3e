#!/usr/bin/env bash
# Shares, from their making to the end of the old ones, with the real kluis against a real kluisd.
# Usage: sealing.sh BIN_DIRECTORY [PORT]. Each case: a command, its exit code, a text it must print.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${1:?usage: sealing.sh BIN_DIRECTORY [PORT]}
port=${2:-17449}
work=$(mktemp -d)
server=''
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server"; fi
  rm -rf "$work"
}
trap finish EXIT
cd "$work" || exit 1
umask 077
export KLUIS_HOME=$work KLUIS_SERVER=127.0.0.1:$port
cases=0 failures=0 output=''

expect() {  # CODE TEXT COMMAND...
  local code=$1 text=$2 got=0; shift 2
  output=$("$@" 2>&1) || got=$?
  cases=$((cases + 1))
  if [ "$got" != "$code" ] || ! grep -q -- "$text" <<<"$output"; then
    failures=$((failures + 1))
    printf 'FAILED: %s\n  expected exit %s and "%s"; got exit %s and:\n%s\n' \
      "$*" "$code" "$text" "$got" "$output"
  fi
}
vault() { local code=$1 text=$2; shift 2; expect "$code" "$text" "$bin/kluis" --as operator/one vault "$@"; }
serve() {
  "$bin/kluisd" --config kluisd.toml >>kluisd.out 2>&1 &
  server=$!
  for _ in $(seq 100); do
    "$bin/kluis" --as operator/one vault status >/dev/null 2>&1 && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo 'kluisd does not answer'; cat kluisd.out; exit 1
}
again() { kill "$server"; wait "$server"; serve; }

"$root/deploy/dev-pki" pki supervisor/one subject/portal officer/one operator/one >/dev/null || exit 1
echo v.example >vault.txt
mkdir keys
for name in supervisor me keys/log; do "$bin/kluis" key new "$name.key" >/dev/null; done
sed -e "0,/^listen = .*/s//listen = \"127.0.0.1:$port\"/" -e 's/^unseal = .*/unseal = "shares"/' \
  "$root/deploy/kluisd.example.toml" >kluisd.toml
expect 0 '' "$bin/kluis" vault found --origin v.example --log-key keys/log.key --threshold 1 \
  --supervisor one=supervisor.key -o founding.dsse.json

# a new vault waits for its first shares
serve
vault 0 'sealed  *yes' status
expect 5 VAULT_SEALED "$bin/kluis" --as subject/portal me show --key me.key
vault 6 'vault init' unseal
vault 2 '--needed' init --needed 1 --holders 3 --out shares
vault 0 'one file for each holder' init --needed 2 --holders 3 --out shares
expect 0 '^600$' stat -c %a shares/share-1.txt
vault 0 '' prove --share shares/share-1.txt
vault 0 '' prove --share shares/share-2.txt
vault 6 'proven before' prove --share shares/share-2.txt
vault 0 'sealed  *no' prove --share shares/share-3.txt
expect 3 NOT_PERMITTED "$bin/kluis" --as subject/portal me show --key me.key
vault 6 'rekey' init --needed 2 --holders 2 --out more

# two of three open it, in any order, from a file or typed
again
vault 0 '1 of 2 shares given' unseal --share shares/share-3.txt
sed 's/.$/!/' shares/share-1.txt >wrong.txt
vault 4 SHARE_MALFORMED unseal --share wrong.txt
chmod 644 wrong.txt
vault 4 'chmod 600' unseal --share wrong.txt
vault 0 'sealed  *no' unseal <shares/share-1.txt
expect 3 ROLE_NOT_ALLOWED "$bin/kluis" --as officer/one vault seal
vault 0 'log index' seal
vault 5 VAULT_SEALED seal
vault 0 '1 of 2' unseal --share shares/share-1.txt
vault 0 'sealed  *no' unseal --share shares/share-2.txt

# new shares end the old ones, once all are proven
vault 0 'one file' rekey --needed 2 --holders 2 --out new
vault 0 'unproven' prove --share new/share-1.txt
again
vault 0 '1 of 2' unseal --share shares/share-1.txt
vault 0 'sealed  *no' unseal --share shares/share-2.txt
vault 0 'one file' rekey --needed 2 --holders 2 --out newer
vault 3 SHARE_REFUSED prove --share shares/share-1.txt
vault 0 '' prove --share newer/share-1.txt
vault 0 'log index' prove --share newer/share-2.txt
again
vault 3 'generation 2' unseal --share shares/share-1.txt
vault 0 '1 of 2' unseal --share newer/share-2.txt
vault 0 'sealed  *no' unseal --share newer/share-1.txt
expect 1 '' grep -rqFf newer/share-1.txt kluisd.out kluisd.toml keys data log

printf 'sealing: %d cases, %d failed\n' "$cases" "$failures"
[ "$failures" = 0 ]
