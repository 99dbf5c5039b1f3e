// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/subject_rights.h"

#include "crypto/ed25519.h"
#include "kluis/v1/subject_service.pb.h"
#include "policy/facts.h"
#include "policy/record_key.h"
#include "service/custody/subject_details.h"
#include "service/ledger/statements.h"

namespace kluis::service {
namespace {

// What was used before gives nothing and takes nothing: it is a call like any other.
absl::StatusOr<bool> IsUsed(Vault& vault, const v1::StatementFacts& facts) {
  const auto record = policy::Find<v1::VaultRecord>(vault.state(), policy::key::Vault());
  if (!record.ok()) return record.status();
  if (!record->has_value()) return false;
  const policy::Time until = policy::UsableUntil((*record)->founding(), facts);
  const auto used = vault.state().Read(policy::key::UsedStatement(until, facts.digest()));
  if (!used.ok()) return used.status();
  return used->has_value();
}

template <class Payload>
absl::StatusOr<std::string> KnownSignerOf(Vault& vault, const v1::Envelope& envelope) {
  Payload payload;
  const absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, payload);
  if (absl::IsInvalidArgument(facts.status())) return std::string();
  if (!facts.ok()) return facts.status();
  if (!facts->subject_signed()) return std::string();
  const absl::StatusOr<bool> used = IsUsed(vault, *facts);
  if (!used.ok()) return used.status();
  if (*used) return std::string();
  absl::StatusOr<std::string> subject = SubjectOfKey(vault, payload.subject_public_key());
  if (absl::IsInvalidArgument(subject.status())) return std::string();
  return subject;
}

template <class Request>
const Request* As(const google::protobuf::Message& request) {
  return dynamic_cast<const Request*>(&request);
}

}  // namespace

absl::StatusOr<std::string> SubjectOfKey(Vault& vault, std::string_view text) {
  const absl::StatusOr<crypto::PublicKey> key = crypto::ParsePublicKey(text);
  if (!key.ok()) return WithReason(key.status(), "MALFORMED_STATEMENT");
  return FindSubject(vault.database(), vault.sealer(),
                     std::string_view(reinterpret_cast<const char*>(key->data()), key->size()));
}

absl::StatusOr<std::string> KnownSigner(Vault& vault, const google::protobuf::Message& request) {
  if (const auto* withdrawal = As<v1::WithdrawConsentRequest>(request)) {
    return KnownSignerOf<v1::Withdrawal>(vault, withdrawal->withdrawal());
  }
  if (const auto* restriction = As<v1::RestrictProcessingRequest>(request)) {
    return KnownSignerOf<v1::Restriction>(vault, restriction->restriction());
  }
  if (const auto* access = As<v1::GetHoldingsRequest>(request)) {
    return KnownSignerOf<v1::AccessRequest>(vault, access->access_request());
  }
  if (const auto* lift = As<v1::LiftRestrictionRequest>(request)) {
    return KnownSignerOf<v1::RestrictionLift>(vault, lift->lift());
  }
  return std::string();
}

Limits::Right RightOf(const google::protobuf::Message& request) {
  if (As<v1::GetHoldingsRequest>(request) != nullptr) return Limits::Right::kAccess;
  const bool takes_away = As<v1::WithdrawConsentRequest>(request) != nullptr ||
                          As<v1::RestrictProcessingRequest>(request) != nullptr;
  return takes_away ? Limits::Right::kTakesAway : Limits::Right::kOther;
}

}  // namespace kluis::service
