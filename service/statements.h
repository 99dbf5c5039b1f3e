// Takes in signed statements: reads the payload strictly and finds out who signed. What follows
// from that is policy's to say. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_STATEMENTS_H_
#define KLUIS_SERVICE_STATEMENTS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/statement.h"
#include "crypto/ed25519.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/state_view.h"
#include "service/errors.h"

namespace kluis::service {

// The registered keys, of supervisors and members, that signed `envelope`: their key ids.
absl::StatusOr<std::vector<std::string>> RegisteredSigners(const policy::StateView& state,
                                                           const v1::Envelope& envelope);

// 16 bytes of "<32 lowercase hex digits>". kInvalidArgument with MALFORMED_STATEMENT: anything
// else.
absl::StatusOr<std::string> StatementId(std::string_view hex);

// Reads `envelope` into `payload`. The facts say what was found; a signature that does not verify
// is a fact, not an error. kInvalidArgument with reason MALFORMED_STATEMENT: as
// audit::ReadPayload, or a statement id of another form.
template <class Payload>
absl::StatusOr<v1::StatementFacts> TakeStatement(const policy::StateView& state,
                                                 const v1::Envelope& envelope, Payload& payload) {
  const absl::Status read = audit::ReadPayload(envelope, payload);
  if (!read.ok()) return WithReason(read, "MALFORMED_STATEMENT");
  absl::StatusOr<std::string> id = StatementId(payload.statement_id());
  if (!id.ok()) return id.status();

  v1::StatementFacts facts;
  facts.set_kind(std::string(audit::KindOf(envelope.payload_type())));
  facts.set_statement_id(*std::move(id));
  facts.set_issued_at(payload.issued_at().seconds());
  facts.set_vault(payload.vault());
  if constexpr (requires { payload.subject_public_key(); }) {
    const absl::StatusOr<crypto::PublicKey> key =
        crypto::ParsePublicKey(payload.subject_public_key());
    facts.set_subject_signed(key.ok() && audit::IsSignedBy(envelope, *key));
  }
  const absl::StatusOr<std::vector<std::string>> signers = RegisteredSigners(state, envelope);
  if (!signers.ok()) return signers.status();
  for (const std::string& keyid : *signers) facts.add_signed_by(keyid);
  return facts;
}

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_STATEMENTS_H_
