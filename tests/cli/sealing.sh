#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shares, from their making to the end of the old ones, with the real kluis against a real kluisd.
# Usage: sealing.sh BIN_DIRECTORY [PORT]. Each case: a command, its exit code, a text it must print.
bin=${1:?usage: sealing.sh BIN_DIRECTORY [PORT]}
port=${2:-17449}
. "$(dirname "$0")/cases.sh"
cd "$work" || exit 1

vault() { local code=$1 text=$2; shift 2; expect "$code" "$text" kluis --as operator/one vault "$@"; }
again() { stop; serve; }

prepare 's/^unseal = .*/unseal = "shares"/' 'supervisor/one subject/portal officer/one operator/one operator/two operator/stranger' \
  supervisor me operator two
expect 0 '' kluis vault found --origin v.example --log-key keys/log.key --threshold 1 \
  --supervisor one=supervisor.key --operator one=operator.key --operator two=two.key \
  -o founding.dsse.json

# a new vault waits for its first shares
serve
vault 0 'sealed  *yes' status
expect 5 VAULT_SEALED kluis --as subject/portal me show --key me.key
vault 6 'vault init' unseal
vault 2 '--needed' init --needed 1 --holders 3 --out shares
vault 0 'one file for each holder' init --needed 2 --holders 3 --out shares
expect 0 '^600$' stat -c %a shares/share-1.txt
vault 0 '' prove --share shares/share-1.txt
vault 0 '' prove --share shares/share-2.txt
vault 6 'proven before' prove --share shares/share-2.txt
vault 0 'sealed  *no' prove --share shares/share-3.txt
expect 3 NOT_PERMITTED kluis --as subject/portal me show --key me.key
vault 6 'rekey' init --needed 2 --holders 2 --out more

# two of three open it, in any order, from a file or typed
again
vault 0 '1 of 2 shares given' unseal --share shares/share-3.txt
sed 's/.$/!/' shares/share-1.txt >wrong.txt
vault 4 SHARE_MALFORMED unseal --share wrong.txt
chmod 644 wrong.txt
vault 4 'chmod 600' unseal --share wrong.txt
vault 0 'sealed  *no' unseal <shares/share-1.txt
expect 3 ROLE_NOT_ALLOWED kluis --as officer/one vault seal
expect 3 MEMBER_NOT_REGISTERED kluis --as operator/stranger vault seal
expect 3 MEMBER_NOT_REGISTERED kluis --as operator/stranger vault rekey --needed 2 --holders 2 --out own
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
vault 0 '' prove --share newer/share-1.txt
vault 0 '' prove --share newer/share-2.txt
again
vault 0 '1 of 2' unseal --share shares/share-1.txt
vault 0 'sealed  *no' unseal --share shares/share-2.txt

# one operator's new shares are nothing without the old holders
mv newer void
vault 0 'one file' rekey --needed 2 --holders 2 --out newer
vault 0 '' prove --share newer/share-1.txt
vault 0 '' prove --share newer/share-2.txt
vault 0 'agreed  *1' prove --share shares/share-1.txt
vault 0 'log index' prove --share shares/share-3.txt

# two operators order new ones, and a supervisor does not let it happen
rekey_order() {
  expect 0 '' kluis --as operator/one statement sign rekey-order "$@" --set needed=2 --set holders=2 \
    --set follows=none --set 'reasons=a holder left' -o rekey.json
}
rekey_order --key operator.key
vault 3 TOO_FEW_SIGNATURES rekey --order rekey.json
rekey_order --key operator.key --key two.key
vault 0 'log index' rekey --order rekey.json
order=$(kluis --as operator/one --output json vault status | sed -n 's/.*"last_rekey": *"\([0-9a-f]\{64\}\)".*/\1/p')
expect 0 '' kluis --as supervisor/one statement sign rekey-cancellation --key supervisor.key \
  --set "order=$order" --set 'reasons=nobody asked the holders' -o cancel.json
expect 0 'log index' kluis --as supervisor/one vault cancel-rekey --cancellation cancel.json
vault 6 'no order' cancel-rekey --share newer/share-1.txt

# an operator ends, and is prolonged
status=$(kluis --as supervisor/one --output json vault status)
term=$(grep -o '"term": *"[0-9a-f]*"' <<<"$status" | head -n 1 | grep -o '[0-9a-f]\{64\}')
term() {
  expect "$1" "$2" kluis --as supervisor/one authority term --key supervisor.key --role operator \
    --name two --follows "$term" "${@:3}"
}
term 2 'one of both'
term 0 'log index' --end
expect 3 MEMBER_NOT_REGISTERED kluis --as operator/two vault status
term 3 PREDECESSOR_DIFFERS --valid-days 9
again
vault 3 'generation 2' unseal --share shares/share-1.txt
vault 0 '1 of 2' unseal --share newer/share-2.txt
vault 0 'sealed  *no' unseal --share newer/share-1.txt
expect 1 '' grep -rqFf newer/share-1.txt kluisd.out kluisd.toml keys data log

ended sealing
