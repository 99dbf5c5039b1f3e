// SPDX-License-Identifier: Apache-2.0
#include "audit/statement_facts.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "base/codec.h"
#include "crypto/dsse.h"
#include "crypto/sha256.h"
#include "policy/facts.h"
#include "policy/record_key.h"

namespace kluis::audit {
namespace {

std::optional<crypto::PublicKey> KeyFromBytes(std::string_view bytes) {
  crypto::PublicKey key;
  if (bytes.size() != key.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

// The public key registered under `keyid`, of a member or of a founding supervisor.
absl::StatusOr<std::optional<crypto::PublicKey>> RegisteredKey(const policy::StateView& state,
                                                               const std::string& keyid) {
  const auto member_key = policy::FindShared<v1::MemberKey>(state, policy::key::MemberKey(keyid));
  if (!member_key.ok()) return member_key.status();
  if (*member_key != nullptr) {
    const auto member = policy::FindShared<v1::MemberRecord>(
        state, policy::key::Member((*member_key)->role(), (*member_key)->name()));
    if (!member.ok()) return member.status();
    if (*member != nullptr) return KeyFromBytes((*member)->public_key());
  }
  const auto vault = policy::FindShared<v1::VaultRecord>(state, policy::key::Vault());
  if (!vault.ok()) return vault.status();
  if (*vault == nullptr) return std::optional<crypto::PublicKey>();
  const auto& supervisors = (*vault)->supervisor_keyids();
  if (std::find(supervisors.begin(), supervisors.end(), keyid) == supervisors.end()) {
    return std::optional<crypto::PublicKey>();
  }
  for (const v1::FoundingSupervisor& supervisor : (*vault)->founding().supervisors()) {
    const absl::StatusOr<crypto::PublicKey> key = crypto::ParsePublicKey(supervisor.public_key());
    if (key.ok() && crypto::KeyIdOf(*key) == keyid) return std::optional<crypto::PublicKey>(*key);
  }
  return std::optional<crypto::PublicKey>();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> RegisteredSigners(const policy::StateView& state,
                                                           const v1::Envelope& envelope,
                                                           const SignatureCheck& is_signed_by) {
  std::set<std::string> signers;
  for (const auto& signature : envelope.signatures()) {
    const auto key = RegisteredKey(state, signature.keyid());
    if (!key.ok()) return key.status();
    if (key->has_value() && is_signed_by(envelope, **key)) signers.insert(signature.keyid());
  }
  return std::vector<std::string>(signers.begin(), signers.end());
}

std::vector<std::string> FoundingSigners(const v1::Envelope& envelope, const v1::Founding& founding,
                                         const SignatureCheck& is_signed_by) {
  std::vector<std::string> signers;
  for (const v1::FoundingSupervisor& supervisor : founding.supervisors()) {
    const absl::StatusOr<crypto::PublicKey> key = crypto::ParsePublicKey(supervisor.public_key());
    if (key.ok() && is_signed_by(envelope, *key)) signers.push_back(crypto::KeyIdOf(*key));
  }
  return signers;
}

absl::Status CheckStatementId(std::string_view hex) {
  const absl::StatusOr<std::string> id = base::FromHex(hex);
  if (id.ok() && id->size() == policy::kIdBytes) return absl::OkStatus();
  return absl::InvalidArgumentError("payload: statement_id must be 32 lowercase hex digits");
}

std::string DigestOf(const v1::Envelope& envelope) {
  return std::string(
      crypto::Bytes(crypto::Sha256({crypto::Pae(envelope.payload_type(), envelope.payload())})));
}

void SetRegisteredKey(const v1::Registration& registration, v1::Register& command) {
  command.clear_keyid();
  command.clear_public_key();
  const absl::StatusOr<crypto::PublicKey> key = crypto::ParsePublicKey(registration.public_key());
  if (!key.ok()) return;
  command.set_keyid(crypto::KeyIdOf(*key));
  command.set_public_key(std::string(key->begin(), key->end()));
}

void SetFoundingKeys(const v1::Founding& founding, v1::Found& command) {
  const auto set = [](const auto& members, auto& keys) {
    keys.Clear();
    for (const v1::FoundingMember& member : members) {
      v1::NamedKey& named = *keys.Add();
      const absl::StatusOr<crypto::PublicKey> key = crypto::ParsePublicKey(member.public_key());
      if (!key.ok()) continue;
      named.set_keyid(crypto::KeyIdOf(*key));
      named.set_public_key(std::string(key->begin(), key->end()));
    }
  };
  set(founding.operators(), *command.mutable_operators());
  set(founding.auditors(), *command.mutable_auditors());
}

void SetConsent(const v1::Consent& consent, v1::Enroll& command) {
  command.set_consent_purpose(consent.purpose());
  *command.mutable_notice() = consent.notice();
  command.set_explicit_consent(consent.explicit_consent());
  command.set_consent_expires_at(consent.expires_at().seconds());
  // What is no hexadecimal digest stays as it is: the rules find that it is none.
  const absl::StatusOr<std::string> custody = base::FromHex(consent.custody_sha256());
  command.set_custody_sha256(custody.ok() ? *custody : consent.custody_sha256());
  // A name of another form stands for none: no id is all zero.
  command.clear_replaces();
  if (!consent.replaces().empty()) {
    const std::string id = policy::IdInName(consent.replaces(), "templates");
    command.set_replaces(id.empty() ? std::string(policy::kIdBytes, '\0') : id);
  }
  command.clear_follows();
  command.set_follows_none(consent.follows() == "none");
  if (command.follows_none()) return;
  const std::string ended = policy::IdInName(consent.follows(), "templates");
  const absl::StatusOr<std::string> withdrawal = base::FromHex(consent.follows());
  command.set_follows(withdrawal.ok() ? *withdrawal : ended);
}

void SetAttestation(const v1::CaptureAttestation& attestation, v1::Enroll& command) {
  command.set_attested_purpose(attestation.purpose());
  command.set_captured_at(attestation.captured_at().seconds());
  command.set_live_capture(attestation.live_capture() && !attestation.liveness_method().empty());
  command.set_quality(attestation.quality());
  command.set_adult(attestation.adult());
  command.set_category(attestation.subject_category());
}

}  // namespace kluis::audit
