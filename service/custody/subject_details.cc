// SPDX-License-Identifier: Apache-2.0
#include "service/custody/subject_details.h"

#include <sodium.h>

#include <optional>

#include "base/id.h"
#include "storage/database.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

constexpr size_t kPublicKeyBytes = 32;

std::string LookupKey(const crypto::Hash& digest) { return storage::PublicKeyLookupKey(digest); }

// public key[32] | serialized SubjectDetails. kNotFound: there is no such row.
absl::StatusOr<crypto::SecretBytes> OpenSubject(const storage::Reader& reader, const Sealer& sealer,
                                                const v1::SubjectRecord& subject) {
  const auto id = base::IdFromBytes(subject.id());
  if (!id.ok()) return id.status();
  const std::string key = storage::SubjectKey(*id);
  const auto sealed = reader.Get(Column::kDetails, key);
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) return absl::NotFoundError("subject: its details are missing");
  absl::StatusOr<crypto::SecretBytes> opened =
      sealer.Open(subject.slot(), kDetailsUse, key, **sealed);
  if (opened.ok() && opened->size() < kPublicKeyBytes) {
    return absl::DataLossError("subject: its details are damaged");
  }
  return opened;
}

}  // namespace

absl::Status StoreSubject(const Sealer& sealer, const v1::SubjectRecord& subject,
                          const v1::SubjectDetails& details, std::string_view public_key,
                          Writes& writes) {
  const auto id = base::IdFromBytes(subject.id());
  if (!id.ok()) return id.status();
  const std::string key = storage::SubjectKey(*id);
  std::string plain(public_key);
  details.AppendToString(&plain);
  const absl::StatusOr<std::string> sealed = sealer.Seal(subject.slot(), kDetailsUse, key, plain);
  sodium_memzero(plain.data(), plain.size());
  if (!sealed.ok()) return sealed.status();
  writes.Put(Column::kDetails, key, *sealed);

  const absl::StatusOr<crypto::Hash> digest = sealer.LookupDigest(public_key);
  if (!digest.ok()) return digest.status();
  const std::string lookup = LookupKey(*digest);
  const absl::StatusOr<std::string> sealed_id =
      sealer.Seal(kVaultSlot, kLookupUse, lookup, subject.id());
  if (!sealed_id.ok()) return sealed_id.status();
  writes.Put(Column::kDetails, lookup, *sealed_id);
  return absl::OkStatus();
}

absl::StatusOr<v1::SubjectDetails> OpenDetails(const storage::Reader& reader, const Sealer& sealer,
                                               const v1::SubjectRecord& subject) {
  const absl::StatusOr<crypto::SecretBytes> opened = OpenSubject(reader, sealer, subject);
  if (absl::IsNotFound(opened.status())) return absl::DataLossError(opened.status().message());
  if (!opened.ok()) return opened.status();
  const std::string_view text = AsText(*opened).substr(kPublicKeyBytes);
  v1::SubjectDetails details;
  if (!details.ParseFromArray(text.data(), static_cast<int>(text.size()))) {
    return absl::DataLossError("subject: its details are damaged");
  }
  return details;
}

template <class Reads>
absl::StatusOr<std::string> FindSubject(const Reads& reads, const Sealer& sealer,
                                        std::string_view public_key) {
  const absl::StatusOr<crypto::Hash> digest = sealer.LookupDigest(public_key);
  if (!digest.ok()) return digest.status();
  const std::string lookup = LookupKey(*digest);
  const absl::StatusOr<std::optional<std::string>> sealed = reads.Get(Column::kDetails, lookup);
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) return std::string();
  const absl::StatusOr<crypto::SecretBytes> id =
      sealer.Open(kVaultSlot, kLookupUse, lookup, **sealed);
  if (!id.ok()) return id.status();
  return std::string(AsText(*id));
}

template absl::StatusOr<std::string> FindSubject(const Writes&, const Sealer&, std::string_view);
template absl::StatusOr<std::string> FindSubject(const storage::Database&, const Sealer&,
                                                 std::string_view);

absl::Status ForgetPublicKey(const storage::Reader& reader, const Sealer& sealer,
                             const v1::SubjectRecord& subject, Writes& writes) {
  const absl::StatusOr<crypto::SecretBytes> opened = OpenSubject(reader, sealer, subject);
  if (absl::IsNotFound(opened.status())) return absl::OkStatus();
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<crypto::Hash> digest =
      sealer.LookupDigest(AsText(*opened).substr(0, kPublicKeyBytes));
  if (!digest.ok()) return digest.status();
  writes.Delete(Column::kDetails, LookupKey(*digest));
  return absl::OkStatus();
}

}  // namespace kluis::service
