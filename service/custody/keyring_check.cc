// SPDX-License-Identifier: Apache-2.0
#include "service/custody/keyring_check.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "kluis/v1/ledger.pb.h"
#include "service/ledger/database_state.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

// One would do, but a single row may be damaged.
constexpr int kTried = 8;

absl::Status Older(uint32_t slot) {
  return absl::DataLossError(absl::StrCat(
      "keyring: slot ", slot,
      " was destroyed and derives again: an older copy was put back; put the newest one there"));
}

// Whether the slot that every vault keeps opens any of the ways from a public key to its subject.
absl::Status OpensOne(const storage::Database& database, const Sealer& sealer) {
  int tried = 0;
  int opened = 0;
  const absl::Status scanned =
      database.Scan(storage::Column::kDetails, storage::PublicKeyLookupPrefix(),
                    [&](std::string_view key, std::string_view sealed) {
                      ++tried;
                      if (sealer.Open(kVaultSlot, kLookupUse, key, sealed).ok()) ++opened;
                      return opened == 0 && tried < kTried;
                    });
  if (!scanned.ok()) return scanned;
  if (tried == 0 || opened > 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("keyring: opens none of ", tried, " rows of this vault: it is another vault's"));
}

}  // namespace

absl::Status CheckKeyring(const storage::Database& database, const crypto::Keyring& keyring,
                          const Sealer& sealer) {
  const DatabaseState state(database);
  std::optional<uint32_t> alive;
  const auto look = [&](bool erased, uint32_t slot) {
    if (erased && !alive.has_value() && !keyring.IsPunctured(slot)) alive = slot;
  };
  absl::Status scanned = state.ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
        look(record.state() == v1::TEMPLATE_STATE_ERASED, record.slot());
      });
  if (!scanned.ok()) return scanned;
  scanned = state.ForEach<v1::CaseRecord>(v1::RecordChange::kCase, [&](const v1::CaseRecord& kase) {
    look(kase.erased(), kase.slot());
  });
  if (!scanned.ok()) return scanned;
  scanned = state.ForEach<v1::AuthorityYear>(
      v1::RecordChange::kAuthorityYear,
      [&](const v1::AuthorityYear& year) { look(year.erased(), year.slot()); });
  if (!scanned.ok()) return scanned;
  scanned = state.ForEach<v1::SubjectRecord>(
      v1::RecordChange::kSubject,
      [&](const v1::SubjectRecord& subject) { look(subject.erased(), subject.slot()); });
  if (!scanned.ok()) return scanned;
  if (alive.has_value()) return Older(*alive);
  return OpensOne(database, sealer);
}

}  // namespace kluis::service
