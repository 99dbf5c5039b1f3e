// SPDX-License-Identifier: Apache-2.0
#include "service/recovery/backups.h"

#include "absl/strings/str_cat.h"
#include "service/ledger/errors.h"

namespace kluis::service {
namespace {

// What an operator can do about it, without paths of this machine.
absl::Status InWords(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return absl::FailedPreconditionError("vault.backups: must lie outside of vault.data");
    case absl::StatusCode::kFailedPrecondition:
      return WithReason(
          absl::FailedPreconditionError("backup: another one is made or deleted now; try again"),
          "BACKUP_RUNS");
    case absl::StatusCode::kResourceExhausted:
      return WithReason(absl::ResourceExhaustedError("backup: no room is left in vault.backups"),
                        "NO_ROOM");
    default:
      return status;
  }
}

absl::StatusOr<std::vector<v1::Backup>> ViewsOf(
    const absl::StatusOr<std::vector<storage::BackupInfo>>& found) {
  if (!found.ok()) return InWords(found.status());
  std::vector<v1::Backup> backups;
  for (const storage::BackupInfo& info : *found) backups.push_back(ViewOf(info));
  return backups;
}

}  // namespace

absl::StatusOr<v1::Backup> MakeBackup(storage::Database& database, const std::string& directory,
                                      uint32_t keep, const storage::Backup::Progress& progress) {
  const storage::BackupPlace place{directory};
  const absl::StatusOr<storage::BackupInfo> made = database.BackUp(place, progress);
  if (!made.ok()) return InWords(made.status());
  if (keep > 0) {
    const absl::Status purged = InWords(storage::Backup::PurgeOld(place, keep));
    if (!purged.ok()) {
      return WithReason(
          absl::Status(purged.code(), absl::StrCat("backup ", made->id,
                                                   " is made, but older ones are not deleted: ",
                                                   std::string(purged.message()))),
          ReasonOf(purged));
    }
  }
  return ViewOf(*made);
}

absl::StatusOr<std::vector<v1::Backup>> ListBackups(const std::string& directory) {
  return ViewsOf(storage::Backup::List({directory}));
}

absl::StatusOr<std::vector<v1::Backup>> VerifyBackups(const std::string& directory,
                                                      const storage::Backup::Gone& gone) {
  return ViewsOf(storage::Backup::Inspect({directory}, gone));
}

v1::Backup ViewOf(const storage::BackupInfo& info) {
  v1::Backup view;
  view.set_id(info.id);
  if (info.made_at > 0) view.mutable_made_at()->set_seconds(info.made_at);
  view.set_bytes(info.bytes);
  view.set_damaged(info.damaged);
  return view;
}

void SetBackUp(const v1::Backup& backup, v1::BackUp& command) {
  command.set_id(backup.id());
  command.set_made_at(backup.made_at().seconds());
  command.set_bytes(backup.bytes());
}

}  // namespace kluis::service
