// SPDX-License-Identifier: Apache-2.0
// Takes in signed statements: reads the payload strictly and finds out who signed
// (audit/statement_facts.h). What follows from that is policy's to say. Thread-safe: functions of
// their arguments.
#ifndef KLUIS_SERVICE_LEDGER_STATEMENTS_H_
#define KLUIS_SERVICE_LEDGER_STATEMENTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/statement_facts.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/state_view.h"
#include "service/ledger/errors.h"

namespace kluis::service {

// Reads `envelope` into `payload`. The facts say what was found; a signature that does not verify
// is a fact, not an error. kInvalidArgument with reason MALFORMED_STATEMENT: as
// audit::ReadPayload, or a statement id of another form.
template <class Payload>
absl::StatusOr<v1::StatementFacts> TakeStatement(const policy::StateView& state,
                                                 const v1::Envelope& envelope, Payload& payload) {
  const absl::Status read = audit::ReadPayload(envelope, payload);
  if (!read.ok()) return WithReason(read, "MALFORMED_STATEMENT");
  absl::StatusOr<v1::StatementFacts> facts = audit::FactsOf(envelope, payload);
  if (!facts.ok()) return WithReason(facts.status(), "MALFORMED_STATEMENT");
  const absl::StatusOr<std::vector<std::string>> signers =
      audit::RegisteredSigners(state, envelope);
  if (!signers.ok()) return signers.status();
  for (const std::string& keyid : *signers) facts->add_signed_by(keyid);
  return facts;
}

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_STATEMENTS_H_
