#include "service/keyring_check.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "kluis/v1/ledger.pb.h"
#include "service/database_state.h"
#include "service/subject_details.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

// How many people's details are tried: one would do, but a single row may be damaged or lost.
constexpr int kTried = 8;

absl::Status Older(uint32_t slot) {
  return absl::DataLossError(absl::StrCat(
      "keyring: slot ", slot,
      " was destroyed and derives again: an older copy was put back; put the newest one there"));
}

bool HasDetails(const storage::Database& database, const v1::SubjectRecord& subject) {
  const auto id = storage::IdFromBytes(subject.id());
  if (!id.has_value()) return false;
  const auto row = database.Get(storage::Column::kDetails, storage::SubjectKey(*id));
  return row.ok() && row->has_value();
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
  int tried = 0;
  int opened = 0;
  scanned = state.ForEach<v1::SubjectRecord>(
      v1::RecordChange::kSubject, [&](const v1::SubjectRecord& subject) {
        look(subject.erased(), subject.slot());
        if (subject.erased() || tried == kTried || keyring.IsPunctured(subject.slot())) return;
        if (!HasDetails(database, subject)) return;  // lost with a database
        ++tried;
        if (OpenDetails(database, sealer, subject).ok()) ++opened;
      });
  if (!scanned.ok()) return scanned;
  if (alive.has_value()) return Older(*alive);
  if (tried == kTried && opened == 0) {
    return absl::DataLossError("keyring: opens nothing of this vault: it is another vault's");
  }
  return absl::OkStatus();
}

}  // namespace kluis::service
