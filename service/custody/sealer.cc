// SPDX-License-Identifier: Apache-2.0
#include "service/custody/sealer.h"

#include <algorithm>

#include "base/codec.h"
#include "crypto/envelope.h"

namespace kluis::service {
namespace {

constexpr crypto::Label kCustodyUse("kluis-custody");
constexpr crypto::Label kLookupDigestUse("kluis-lookup-id");
constexpr crypto::Label kPersonUse("kluis-person");
constexpr crypto::Label kNecessityUse("kluis-necessity");
constexpr crypto::Label kTransformUse("kluis-transform");
constexpr crypto::Label kProbeSketchUse("kluis-probes");

absl::Status DoesNotOpen() { return absl::DataLossError("record: does not authenticate"); }

}  // namespace

void Sealer::PutTemplateBinding(const v1::TemplateRecord& record, std::string& binding) {
  binding.clear();
  crypto::AppendParts(
      {record.purpose(), record.subject_id(), record.consent_commitment(), record.algorithm()},
      binding);
}

absl::Status Sealer::CheckCovered(const policy::Grant& grant, const v1::TemplateRecord& record) {
  const bool covered =
      grant.purpose() == record.purpose() &&
      (grant.only_template() == nullptr || grant.only_template()->id() == record.id());
  if (covered) return absl::OkStatus();
  return absl::PermissionDeniedError("grant: does not cover this template");
}

absl::StatusOr<crypto::SecretKey32> Sealer::TemplateKey(
    const v1::TemplateRecord& record, const crypto::SecretBytes* device_secret) const {
  // A record that names a secret never has the slot's key alone, and the other way round.
  const bool held = !record.custody_sha256().empty();
  if (held != (device_secret != nullptr)) return DoesNotOpen();
  absl::StatusOr<crypto::SecretKey32> parent = keyring_.Key(record.slot());
  if (!parent.ok()) return parent.status();
  if (held) {
    if (crypto::Bytes(crypto::CustodyDigest(*device_secret)) != record.custody_sha256()) {
      return DoesNotOpen();
    }
    parent = crypto::DeriveKey(parent->Expose(), kCustodyUse, {AsText(*device_secret)});
  }
  std::string binding;
  PutTemplateBinding(record, binding);
  crypto::SecretKey32 key;
  crypto::KeyedBlake2b(parent->Expose(), kTemplateUse,
                       {reinterpret_cast<const uint8_t*>(binding.data()), binding.size()},
                       key.ExposeMutable());
  return key;
}

absl::StatusOr<std::string> Sealer::SealTemplate(const v1::TemplateRecord& record,
                                                 std::span<const float> values,
                                                 const crypto::SecretBytes* device_secret) const {
  const absl::StatusOr<crypto::SecretKey32> key = TemplateKey(record, device_secret);
  if (!key.ok()) return key.status();
  const std::string_view plain(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return crypto::SealWith(key->Expose(), plain, record.id());
}

absl::StatusOr<crypto::SecretBytes> Sealer::OpenTemplate(
    const policy::Grant& grant, const v1::TemplateRecord& record, std::string_view sealed,
    const crypto::SecretBytes* device_secret) const {
  const absl::Status covered = CheckCovered(grant, record);
  if (!covered.ok()) return covered;
  const absl::StatusOr<crypto::SecretKey32> key = TemplateKey(record, device_secret);
  if (!key.ok()) return DoesNotOpen();
  return crypto::OpenWith(key->Expose(), sealed, record.id());
}

absl::StatusOr<std::string> Sealer::Seal(uint32_t slot, const crypto::Label& use,
                                         std::string_view owner, std::string_view plain) const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(slot);
  if (!key.ok()) return key.status();
  return crypto::SealWith(crypto::DeriveKey(key->Expose(), use, {owner}).Expose(), plain, owner);
}

absl::StatusOr<crypto::SecretBytes> Sealer::Open(uint32_t slot, const crypto::Label& use,
                                                 std::string_view owner,
                                                 std::string_view sealed) const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(slot);
  if (!key.ok()) return DoesNotOpen();
  return crypto::OpenWith(crypto::DeriveKey(key->Expose(), use, {owner}).Expose(), sealed, owner);
}

absl::StatusOr<crypto::Hash> Sealer::LookupDigest(std::string_view public_key) const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(kVaultSlot);
  if (!key.ok()) return key.status();
  return crypto::KeyedId(key->Expose(), kLookupDigestUse, public_key);
}

absl::StatusOr<std::string> Sealer::NecessityDigest(std::string_view essence) const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(kVaultSlot);
  if (!key.ok()) return key.status();
  return std::string(crypto::Bytes(crypto::KeyedId(key->Expose(), kNecessityUse, essence)));
}

absl::StatusOr<crypto::SecretKey32> Sealer::TransformKey(const v1::PurposeRecord& purpose) const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(purpose.slot());
  if (!key.ok()) return key.status();
  return crypto::DeriveKey(key->Expose(), kTransformUse, {purpose.registration().purpose()});
}

absl::StatusOr<std::string> Sealer::PersonInCase(const v1::CaseRecord& kase,
                                                 std::string_view subject_id) const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(kase.slot());
  if (!key.ok()) return key.status();
  return std::string(crypto::Bytes(crypto::KeyedId(key->Expose(), kPersonUse, subject_id)));
}

absl::StatusOr<crypto::SecretKey32> Sealer::ProbeSketchKey(const v1::CaseRecord& kase) const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(kase.slot());
  if (!key.ok()) return key.status();
  return crypto::DeriveKey(key->Expose(), kProbeSketchUse, {kase.id()});
}

absl::StatusOr<crypto::ReleaseKey> Sealer::ReleaseKey() const {
  const absl::StatusOr<crypto::SecretKey32> key = keyring_.Key(kVaultSlot);
  if (!key.ok()) return key.status();
  return crypto::ReleaseKey::Derive(key->Expose());
}

std::string_view AsText(const crypto::SecretBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.Expose().data()), bytes.size()};
}

}  // namespace kluis::service
