#include "service/statements.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "crypto/codec.h"
#include "policy/record_key.h"

namespace kluis::service {
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
  const auto member_key = policy::Find<v1::MemberKey>(state, policy::key::MemberKey(keyid));
  if (!member_key.ok()) return member_key.status();
  if (member_key->has_value()) {
    const auto member = policy::Find<v1::MemberRecord>(
        state, policy::key::Member((*member_key)->role(), (*member_key)->name()));
    if (!member.ok()) return member.status();
    if (member->has_value()) return KeyFromBytes((*member)->public_key());
  }
  const auto vault = policy::Find<v1::VaultRecord>(state, policy::key::Vault());
  if (!vault.ok()) return vault.status();
  if (!vault->has_value()) return std::optional<crypto::PublicKey>();
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
                                                           const v1::Envelope& envelope) {
  std::set<std::string> signers;
  for (const auto& signature : envelope.signatures()) {
    const auto key = RegisteredKey(state, signature.keyid());
    if (!key.ok()) return key.status();
    if (key->has_value() && audit::IsSignedBy(envelope, **key)) signers.insert(signature.keyid());
  }
  return std::vector<std::string>(signers.begin(), signers.end());
}

absl::StatusOr<std::string> StatementId(std::string_view hex) {
  absl::StatusOr<std::string> id = crypto::FromHex(hex);
  if (!id.ok() || id->size() != policy::kIdBytes) {
    return WithReason(
        absl::InvalidArgumentError("payload: statement_id must be 32 lowercase hex digits"),
        "MALFORMED_STATEMENT");
  }
  return id;
}

}  // namespace kluis::service
