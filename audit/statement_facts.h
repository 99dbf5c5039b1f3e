// SPDX-License-Identifier: Apache-2.0
// What is found of a signed statement when it comes in: the same code finds it in the vault and
// checks it in a replay. What follows from the findings is policy's to say.
// Thread-safe: functions of their arguments.
#ifndef KLUIS_AUDIT_STATEMENT_FACTS_H_
#define KLUIS_AUDIT_STATEMENT_FACTS_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/statement.h"
#include "crypto/ed25519.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/state_view.h"

namespace kluis::audit {

// True when `envelope` has a signature of `key` that verifies; IsSignedBy unless a caller has
// verified before.
using SignatureCheck = std::function<bool(const v1::Envelope& envelope, const crypto::PublicKey&)>;

// The registered keys, of supervisors and members, that signed `envelope`: their key ids, sorted.
// Errors of `state` are passed on.
absl::StatusOr<std::vector<std::string>> RegisteredSigners(
    const policy::StateView& state, const v1::Envelope& envelope,
    const SignatureCheck& is_signed_by = IsSignedBy);

// The keys that the founding itself names and that signed it, in its order: their key ids.
std::vector<std::string> FoundingSigners(const v1::Envelope& envelope, const v1::Founding& founding,
                                         const SignatureCheck& is_signed_by = IsSignedBy);

// OkStatus for "<32 lowercase hex digits>". kInvalidArgument: anything else.
absl::Status CheckStatementId(std::string_view hex);

// What names the statement whoever signed it: SHA-256 of its PAE, 32 bytes.
std::string DigestOf(const v1::Envelope& envelope);

// The key to be registered and its id; both empty when `registration` names no public key.
void SetRegisteredKey(const v1::Registration& registration, v1::Register& command);

// The keys of the operators and auditors that `founding` names; an empty one for what is no key.
void SetFoundingKeys(const v1::Founding& founding, v1::Found& command);

// The parts of consent and attestation that name nobody.
void SetConsent(const v1::Consent& consent, v1::Enroll& command);
void SetAttestation(const v1::CaptureAttestation& attestation, v1::Enroll& command);

// The facts of `envelope`, whose payload was read as `payload` (ReadPayload): all but signed_by.
// kInvalidArgument: a statement id of another form.
template <class Payload>
absl::StatusOr<v1::StatementFacts> FactsOf(const v1::Envelope& envelope, const Payload& payload,
                                           const SignatureCheck& is_signed_by = IsSignedBy) {
  const absl::Status id = CheckStatementId(payload.statement_id());
  if (!id.ok()) return id;
  v1::StatementFacts facts;
  facts.set_kind(std::string(KindOf(envelope.payload_type())));
  facts.set_digest(DigestOf(envelope));
  facts.set_issued_at(payload.issued_at().seconds());
  facts.set_vault(payload.vault());
  if constexpr (requires { payload.usable_until(); }) {
    facts.set_usable_until(payload.usable_until().seconds());
  }
  if constexpr (requires { payload.subject_public_key(); }) {
    const absl::StatusOr<crypto::PublicKey> key =
        crypto::ParsePublicKey(payload.subject_public_key());
    facts.set_subject_signed(key.ok() && is_signed_by(envelope, *key));
  }
  return facts;
}

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_STATEMENT_FACTS_H_
