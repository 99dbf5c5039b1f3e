#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A purpose in the custody of its subjects, from the secret to the release, with the real kluis
# against a real kluisd. Usage: custody.sh BIN_DIRECTORY [PORT].
# Each case: a command, its exit code, a text it must print.
bin=${1:?usage: custody.sh BIN_DIRECTORY [PORT]}
port=${2:-17447}
. "$(dirname "$0")/cases.sh"
cd "$work" || exit 1

# a vault with a desk and two officers
prepare '' 'supervisor/one officer/one officer/two registrar/desk subject/portal operator/one' \
  supervisor operator one two desk me other
form=(--output json)
expect 0 '' kluis vault found --origin v.example --log-key keys/log.key --threshold 1 \
  --supervisor one=supervisor.key --operator one=operator.key -o founding.dsse.json
serve
as 0 authorities supervisor/one authority accredit --key supervisor.key --valid-days 9 --name Border \
  --contact desk@border.example --mandate 'Border Act, article 1'
authority=$(field authority)
for name in one two; do
  as 0 '' supervisor/one authority member --key supervisor.key --role officer --name "$name" \
    --authority "$authority" --public-key "$name.key" --valid-days 9
done
as 0 '' supervisor/one authority member --key supervisor.key --role registrar --name desk \
  --public-key desk.key --valid-days 9
hash=$(printf 'd%.0s' $(seq 64))
purpose() {  # OPERATIONS
  cat <<JSON
{"purpose": "fast-lane", "title": "A lane of one's own", "controller": {"name": "Border",
 "representative": "The board", "contact": "privacy@border.example"},
 "legal_basis": {"reference": "GDPR 9(2)(a)", "valid_until": "2034-01-01T00:00:00Z"},
 "dpia": {"reference": "DPIA-1", "sha256": "$hash"}, "custody": "CUSTODY_SUBJECT_HELD",
 "operations": [$1], "algorithm": "dlib-128/1", "retention_max_days": 30,
 "threshold": {"target_fpir": 0.003, "target_fmr": 0.0001}, "candidate_cap": 1,
 "subject_categories": ["SUBJECT_CATEGORY_OTHER"],
 "notices": [{"language": "nl", "version": "1", "sha256": "$hash"}]}
JSON
}
purpose '"OPERATION_VERIFY", "OPERATION_IDENTIFY"' >purpose.json
as 3 OPERATION_NOT_IN_CUSTODY supervisor/one purpose register --key supervisor.key --from purpose.json
purpose '"OPERATION_VERIFY"' >purpose.json
as 0 '' supervisor/one purpose register --key supervisor.key --from purpose.json
expect 0 '' kluis synth people people --people 2 --shape dlib-128 --seed 1

# the secret
expect 0 'SHA-256' kluis key custody me.custody
expect 4 'File exists' kluis key custody me.custody
expect 0 'custody_sha256' kluis --output json key custody other.custody
expect 4 'not a kluis-custody-secret-v1' kluis --as subject/portal release sign --key me.key \
  --custody-secret me.key --purpose fast-lane --verifier one -o x.json

# consent and enrolment
consent() { as "$1" "$2" subject/portal consent sign --key me.key --purpose fast-lane --language nl "${@:3}"; }
consent 2 'kluis key custody' -o consent.json
consent 0 custody_sha256 --custody-secret me.custody --sealed-secret me.sealed -o consent.json
enroll() {
  as "$1" "$2" registrar/desk enroll one --consent consent.json --registrar-key desk.key \
    --template people/enrolled.npy --row 0 --name 'The Holder' "${@:3}"
}
enroll 3 CUSTODY_SECRET_MISSING
enroll 4 'base64 of 80 bytes' --sealed-secret vault.txt
enroll 0 subjects/ --sealed-secret me.sealed
subject=$(field subject)

# verification
release() {  # FILE OPTION...
  as 0 '' subject/portal release sign --key me.key --purpose fast-lane -o "$@"
}
verify() {  # CODE TEXT OFFICER ROW OPTION...
  as "$1" "$2" "officer/$3" verify "$subject" --purpose fast-lane --probe people/probes.npy \
    --row "$4" "${@:5}"
}
verify 3 RELEASE_MISSING one 0
release one.json --verifier one --custody-secret me.custody
expect 0 'verifies' kluis statement show one.json
verify 3 RELEASE_OTHER_VERIFIER two 0 --release one.json
verify 0 SEARCH_RESULT_MATCH one 0 --release one.json
verify 3 STATEMENT_REPLAYED one 0 --release one.json
release two.json --verifier two --custody-secret me.custody
verify 1 SEARCH_RESULT_NO_MATCH two 1 --release two.json
release wrong.json --verifier one --custody-secret other.custody
verify 3 NOT_PERMITTED one 0 --release wrong.json

# restriction
as 3 NOTHING_TO_LIFT subject/portal me lift --key me.key --purpose fast-lane
as 0 template_record subject/portal me restrict --key me.key --purpose fast-lane
as 3 NOTHING_TO_RESTRICT subject/portal me restrict --key me.key --purpose fast-lane
as 0 '"restricted": *true' subject/portal me show --key me.key
release three.json --verifier one --custody-secret me.custody
verify 3 NOT_PERMITTED one 0 --release three.json
as 0 template_record subject/portal me lift --key me.key --purpose fast-lane
verify 0 SEARCH_RESULT_MATCH one 0 --release three.json

ended custody
