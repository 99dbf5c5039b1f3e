#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Forgetting is final, from the command line: a person is enrolled and backed up, withdraws, and the
# old backup is restored in a new place with every file of the old machine but the root key that the
# withdrawal destroyed. Nothing opens the template, and nothing of it is in any file.
# Usage: forgetting.sh BIN_DIRECTORY PROBE [PORT].
# Each case: a command, its exit code, a text it must print.
bin=${1:?usage: forgetting.sh BIN_DIRECTORY PROBE [PORT]}
probe=${2:?usage: forgetting.sh BIN_DIRECTORY PROBE [PORT]}
port=${3:-17448}
. "$(dirname "$0")/cases.sh"
form=(--output json)
mkdir "$work/old" "$work/secret"
cd "$work/old" || exit 1

number() { grep -o "\"$1\": *\"*[0-9]*" <<<"$output" | "${2:-head}" -n 1 | grep -o '[0-9]*$'; }

# a vault with two keyring places whose root keys are apart from everything that is copied
mkdir second roots
prepare '
  s/^root_key = .*/root_key = "roots\/first"/
  s/^replicas = .*/replicas = ["second\/keyring roots\/second"]/
  s/^checkpoint_seconds = .*/checkpoint_seconds = 1/
' 'supervisor/one officer/one registrar/desk subject/portal operator/one' \
  supervisor operator one desk canary other op-1 op-2
expect 0 '' kluis vault found --origin v.example --log-key keys/log.key --threshold 1 \
  --supervisor one=supervisor.key --operator one=operator.key -o founding.dsse.json
serve
as 0 authorities supervisor/one authority accredit --key supervisor.key --valid-days 9 --name Border \
  --contact desk@border.example --mandate 'Border Act, article 1'
authority=$(field authority)
as 0 '' supervisor/one authority member --key supervisor.key --role officer --name one \
  --authority "$authority" --public-key one.key --valid-days 9
as 0 '' supervisor/one authority member --key supervisor.key --role registrar --name desk \
  --public-key desk.key --valid-days 9
for name in op-1 op-2; do
  as 0 '' supervisor/one authority member --key supervisor.key --role operator --name "$name" \
    --public-key "$name.key" --valid-days 9
done
hash=$(printf 'd%.0s' $(seq 64))
cat >purpose.json <<JSON
{"purpose": "lane", "title": "A lane", "controller": {"name": "Border",
 "representative": "The board", "contact": "privacy@border.example"},
 "legal_basis": {"reference": "GDPR 9(2)(a)", "valid_until": "2034-01-01T00:00:00Z"},
 "dpia": {"reference": "DPIA-1", "sha256": "$hash"}, "custody": "CUSTODY_CASE_GATED",
 "operations": ["OPERATION_VERIFY"], "algorithm": "dlib-128/1", "retention_max_days": 30,
 "threshold": {"target_fpir": 0.003, "target_fmr": 0.0001}, "candidate_cap": 1,
 "subject_categories": ["SUBJECT_CATEGORY_OTHER"],
 "notices": [{"language": "nl", "version": "1", "sha256": "$hash"}]}
JSON
as 0 '' supervisor/one purpose register --key supervisor.key --from purpose.json
expect 0 '' kluis synth people ../secret/people --people 3 --shape dlib-128 --seed 1

enroll() {  # NAME ROW
  as 0 '' subject/portal consent sign --key "$1.key" --purpose lane --language nl -o consent.json
  as 0 subjects/ registrar/desk enroll one --consent consent.json --registrar-key desk.key \
    --template ../secret/people/enrolled.npy --row "$2" --name "The $1"
}
verify() {  # CODE TEXT SUBJECT ROW
  as "$1" "$2" officer/one verify "$3" --purpose lane --probe ../secret/people/probes.npy --row "$4"
}
enroll canary 0
canary=$(field subject)
index=$(number log_index)
enroll other 1
other=$(field subject)
verify 0 SEARCH_RESULT_MATCH "$canary" 0
as 0 '"bytes"' operator/one vault backup

# what the adversary looks for, taken while it could be had
sleep 2
expect 0 slot "$bin/kluis-audit" entry log "$index"
slot=$(number slot tail)
expect 0 '' "$probe" floats ../secret/people/enrolled.npy 0
echo "$output" >../secret/needles
expect 0 '' "$probe" seeds keys/keyring roots/first "$slot"
[ "$(wc -l <<<"$output")" -ge 10 ] || { echo "FAILED: too few seeds"; failures=$((failures + 1)); }
echo "$output" >>../secret/needles
expect 0 derives "$probe" open keys/keyring roots/first "$slot"
expect 1 'holds' "$probe" search ../secret/needles ../secret
cp -r keys ../keys.before
cp -r second ../second.before

# forgotten; and somebody enrols whom the backup does not have
as 0 TEMPLATE_STATE_ERASED subject/portal me withdraw --key canary.key --purpose lane --wait 60
verify 3 NOT_PERMITTED "$canary" 0
expect 0 '' kluis key new late.key
enroll late 2
late=$(field template_record)
sleep 2
stop
expect 1 punctured "$probe" open keys/keyring roots/first "$slot"

# the new place: every file of the old machine, and the keyring as it was before; not the root key
# that was destroyed, which no copy has
cp -r "$work/old" "$work/new"
cd "$work/new" || exit 1
export KLUIS_HOME=$PWD
mv data data.lost
expect 1 'audit.anchor' timeout 20 kluisd --config kluisd.toml
rm -rf data
expect 0 '' kluis statement sign recovery-order --key op-1.key --set reasons='the disk failed' \
  -o order.json
serve --recover
as 3 TOO_FEW_SIGNATURES operator/one vault restore --order order.json
verify 5 VAULT_SEALED "$other" 1
expect 0 '' kluis statement sign recovery-order --key op-1.key --key op-2.key \
  --set reasons='the disk failed' -o order.json
as 0 "$late" operator/one vault restore --order order.json
verify 0 SEARCH_RESULT_MATCH "$other" 1
verify 3 NOT_PERMITTED "$canary" 0
as 0 'ERASED' subject/portal me show --key canary.key
as 0 '"consistent": *true' operator/one vault selfcheck
stop
expect 0 '' "$bin/kluis-audit" replay log --key @log.vkey

# no set of files opens it
for keyring in keys/keyring second/keyring ../keys.before/keyring ../second.before/keyring; do
  for key in roots/first roots/second ../old/roots/first ../old/roots/second; do
    rm -rf ../try && mkdir ../try
    cp "$keyring".* ../try/
    cp "$key" ../try/root.key
    expect 1 '.' "$probe" open ../try/keyring ../try/root.key "$slot"
  done
done
expect 0 ' 0 found' "$probe" search ../secret/needles ../old ../new ../keys.before ../second.before

ended forgetting
