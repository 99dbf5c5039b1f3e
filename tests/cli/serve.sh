#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The published log for everybody: `kluis-audit serve` and deploy/nginx-log.conf with Debian's nginx serve the
# same, refuse the same, and what they serve verifies. Usage: serve.sh BIN_DIRECTORY MAKE_AUDIT_LOGS.
# Each case: a command, its exit code, a text it must print.
set -uo pipefail
bin=$(cd "${1:?usage: serve.sh BIN_DIRECTORY MAKE_AUDIT_LOGS}" && pwd) || exit 1
make_logs=${2:?usage: serve.sh BIN_DIRECTORY MAKE_AUDIT_LOGS}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server"; }; rm -rf "$work"' EXIT
cd "$work" || exit 1
PATH=$bin:$PATH
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
# SIGTERM must end it well. Not in expect: only the shell that started it can wait for it.
stop() {
  local code=0
  kill -TERM "$server"
  wait "$server" || code=$?
  server=
  expect 0 '^0$' echo "$code"
}
status() { curl -s --max-time 20 --path-as-is -o body -w '%{http_code} %{size_download}\n' "$@"; }

served() {  # URL: what both of them do
  local url=$1 path bundle size
  expect 0 'first, 59 entries' kluis-audit watch "$url" --key @vkey --count 1 --max-age 0
  expect 1 'does not verify' kluis-audit watch "$url" --key @stranger.vkey --count 1 --max-age 0
  bundle=$(cd new && find tile/entries -type f | sort | head -n 1)
  size=$(stat -c %s "new/$bundle")
  expect 0 "^200 $size\$" status "$url/$bundle"
  expect 0 '' cmp body "new/$bundle"
  expect 0 '^200 0$' status --head "$url/$bundle"
  for path in / /secret /../secret /tile/../secret /tile/ /tile /checkpoint/ /tile/entries/000.p/0 \
    /vkey /tile/entries /tile/0/999; do
    expect 0 '^40[04] ' status "$url$path"
  done
  for path in POST PUT DELETE OPTIONS; do expect 0 '^405 ' status -X "$path" "$url/checkpoint"; done
  # many parts: the file once
  expect 0 "^200 $size\$" status -H "Range: bytes=0-$(printf ',0-%.0s' $(seq 900))" "$url/$bundle"
  # an endless body is not read: curl ends long before its time is over
  expect 0 '^4[01][0-9] ' status -X POST -T - "$url/checkpoint" < <(head -c 300000000 /dev/zero)
  expect 0 '^4[0-9][0-9] ' status -H "X: $(head -c 9000 /dev/zero | tr '\0' x)" "$url/checkpoint"
}

"$make_logs" . || exit 1
cp new/checkpoint secret && cp secret new/secret

kluis-audit serve new >serve.log 2>&1 &
server=$!
for _ in $(seq 500); do
  port=$(sed -n 's/^port //p' serve.log)
  [ -n "$port" ] && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.02
done
served "http://127.0.0.1:$port"
expect 1 'cannot listen' kluis-audit serve new --listen "127.0.0.1:$port"
stop
expect 2 'loopback' kluis-audit serve new --listen 0.0.0.0:0
expect 2 'HOST:PORT' kluis-audit serve new --listen here
expect 2 'does not exist' kluis-audit serve no-such-directory

# the example, with another place and port
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) ||
  { echo 'nginx is not installed (see deploy/packages.txt)'; exit 1; }
port=17461
mkdir -p temp
{
  echo "daemon off; pid nginx.pid; error_log nginx.log; worker_processes 1;"
  [ "$(id -u)" != 0 ] || echo "user root;"  # as the log is in a directory of the test's own user
  echo "events { worker_connections 256; }"
  echo "http { access_log off;"
  for part in client_body proxy fastcgi uwsgi scgi; do echo "${part}_temp_path temp/$part;"; done
  sed -e "s|127.0.0.1:8080|127.0.0.1:$port|" -e "s|/srv/kluis/log|$work/new|" "$root/deploy/nginx-log.conf"
  echo "}"
} >nginx.conf
expect 0 'test is successful' "$nginx" -t -p "$work" -e nginx.log -c nginx.conf
"$nginx" -p "$work" -e nginx.log -c nginx.conf >/dev/null 2>&1 &
server=$!
for _ in $(seq 500); do
  curl -s -o /dev/null "http://127.0.0.1:$port/" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.02
done
served "http://127.0.0.1:$port"
stop

printf 'serve: %d cases, %d failed\n' "$cases" "$failures"
[ "$failures" = 0 ]
