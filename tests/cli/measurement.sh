#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A purpose whose cuts are calibrated on its gallery, and one whose error rates are measured with a
# labelled probe set, with the real kluis against a real kluisd. Usage: measurement.sh BIN_DIRECTORY
# [PORT]. Each case: a command, its exit code, a text it must print.
bin=${1:?usage: measurement.sh BIN_DIRECTORY [PORT]}
port=${2:-17453}
. "$(dirname "$0")/cases.sh"
cd "$work" || exit 1

holds() {  # FILE TEXT
  cases=$((cases + 1))
  grep -q -- "$2" "$1" || { failures=$((failures + 1)); echo "FAILED: $1 does not hold $2"; }
}

# a vault with a desk and two purposes
prepare '' 'supervisor/one supervisor/two registrar/desk subject/portal operator/one' one two desk operator
expect 0 '' kluis vault found --origin v.example --log-key keys/log.key --threshold 2 \
  --supervisor one=one.key --supervisor two=two.key --operator one=operator.key \
  -o founding.dsse.json
serve
as 0 '' supervisor/one authority member --key one.key --role registrar --name desk \
  --public-key desk.key --valid-days 9
hash=$(printf 'd%.0s' $(seq 64))
purpose() {  # NAME OPERATIONS
  cat <<JSON
{"purpose": "$1", "title": "People", "controller": {"name": "Ministry",
 "representative": "The board", "contact": "privacy@ministry.example"},
 "legal_basis": {"reference": "GDPR 9(2)(a)", "valid_until": "2034-01-01T00:00:00Z"},
 "dpia": {"reference": "DPIA-1", "sha256": "$hash"}, "custody": "CUSTODY_CASE_GATED",
 "operations": [$2], "algorithm": "arcface-512/1", "retention_max_days": 30,
 "threshold": {"target_fpir": 0.003, "target_fmr": 0.0001}, "candidate_cap": 5,
 "subject_categories": ["SUBJECT_CATEGORY_OTHER"],
 "notices": [{"language": "nl", "version": "1", "sha256": "$hash"}]}
JSON
}
register() { as "$1" "$2" supervisor/one purpose register --key one.key --from purpose.json; }
purpose people '"OPERATION_VERIFY", "OPERATION_IDENTIFY"' >purpose.json
register 0 normal-tail/1
purpose error-rates '"OPERATION_VERIFY", "OPERATION_EVALUATE"' >purpose.json
register 3 OPERATION_NOT_ALONE
purpose error-rates '"OPERATION_EVALUATE"' >purpose.json
register 0 evaluate
enrol() {  # PURPOSE PEOPLE
  expect 0 '' kluis synth people "$1" --people "$2" --seed 7
  as 0 '' subject/portal synth consents "$1-consents" --people "$2" --purpose "$1"
  as 0 '' registrar/desk enroll batch --templates "$1/enrolled.npy" --purpose "$1" \
    --consents "$1-consents/consents.jsonl" --details "$1-consents/details.jsonl" \
    --registrar-key desk.key --receipts "$1.jsonl"
}

# calibrate
calibrate() { as "$1" "$2" supervisor/one purpose calibrate "$3" --reasons 'many enrolled' "${@:4}"; }
calibrate 3 TOO_FEW_TEMPLATES people --key one.key --key two.key
enrol people 1000
calibrate 3 TOO_FEW_SIGNATURES people --key one.key
calibrate 4 'not registered' other --key one.key --key two.key
as 2 '--reasons is required' supervisor/one purpose calibrate people --key one.key
calibrate 0 gallery-tail/1 people --key one.key --key two.key
as 0 'pairs  *499500' supervisor/two purpose show people
as 0 'gallery-tail/1' supervisor/two purpose list
as 4 'not registered' supervisor/two purpose show other

# evaluate: 300 of a thousand probes are of people who are enrolled
enrol error-rates 300
{ sed -n 's/.*"subject": *"\([^"]*\)".*/\1/p' error-rates.jsonl; for _ in $(seq 700); do echo -; done
} >labels.csv
evaluate() {  # CODE TEXT OPTIONS...
  as "$1" "$2" supervisor/one purpose evaluate error-rates --probes people/probes.npy "${@:3}"
}
evaluate 4 'line 1: must be subjects' --labels error-rates.jsonl --key one.key --reasons test
evaluate 0 'policy: normal-tail/1 fpir=0.003 n=300' --labels labels.csv --key one.key \
  --reasons 'the yearly test' --svg det.svg --html det.html
grep -q '300 mated and 700 non-mated probes; 0 left out' <<<"$output" || failures=$((failures + 1))
holds det.svg '^<svg .*xmlns='
holds det.html '<!DOCTYPE html>'
holds det.html 'FPIR at most 0.03'
expect 0 '' kluis --vault v.example statement sign evaluation-order --key one.key \
  --set purpose=error-rates --set probes=1000 --set reasons='the yearly test' -o signed.json
expect 0 '"at_target_fpir"' kluis --as supervisor/one --output json purpose evaluate error-rates \
  --probes people/probes.npy --labels labels.csv --order signed.json
evaluate 3 STATEMENT_REPLAYED --labels labels.csv --order signed.json
as 3 OPERATION_NOT_ALLOWED supervisor/one purpose evaluate people --probes people/probes.npy \
  --labels labels.csv --key one.key --reasons test

ended measurement
