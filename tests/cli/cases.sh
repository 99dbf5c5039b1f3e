# SPDX-License-Identifier: Apache-2.0
# What the scripts share that run the real kluis against a real kluisd: a place of their own that
# goes at the end, the server, and cases: a command, its exit code, a text it must print.
# Sourced, with `bin` (where kluis and kluisd are) and `port` set.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$(cd "$bin" && pwd) || exit 1
PATH=$bin:$PATH
work=$(mktemp -d)
server=''
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server"; fi
  rm -rf "$work"
}
trap finish EXIT
umask 077
cases=0 failures=0 output=''
form=()  # options of every call of as

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
as() { local code=$1 text=$2 who=$3; shift 3; expect "$code" "$text" kluis --as "$who" "${form[@]}" "$@"; }
field() { grep -o "\"$1\": *\"[^\"]*\"" <<<"$output" | head -n 1 | sed 's/.*: *"//; s/"$//'; }
ended() {  # NAME
  printf '%s: %d cases, %d failed\n' "$1" "$cases" "$failures"
  [ "$failures" = 0 ]
}

# Makes the working directory a vault's, with the keys of the names given; its settings are the
# example's with its own port and what sed makes of them.
prepare() {  # SED-SCRIPT ROLES KEY...
  local settings=$1 roles=$2; shift 2
  export KLUIS_HOME=$PWD KLUIS_SERVER=127.0.0.1:$port
  # shellcheck disable=SC2086  # several roles
  "$root/deploy/dev-pki" pki $roles >/dev/null || exit 1
  echo v.example >vault.txt
  mkdir -p keys
  for name in "$@" keys/log; do kluis key new "$name.key" >/dev/null; done
  sed -e "s/127.0.0.1:7443/127.0.0.1:$port/" -e "$settings" "$root/deploy/kluisd.example.toml" \
    >kluisd.toml
}
serve() {  # OPTION...
  kluisd --config "$PWD/kluisd.toml" "$@" >>kluisd.out 2>&1 &
  server=$!
  for _ in $(seq 100); do
    kluis --as operator/one vault status >/dev/null 2>&1 && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo 'kluisd does not answer'; cat kluisd.out; exit 1
}
stop() { kill "$server"; wait "$server"; server=''; }
