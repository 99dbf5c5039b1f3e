// SPDX-License-Identifier: Apache-2.0
#include "service/recovery/recovery.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "crypto/file_system.h"
#include "service/ledger/log_rows.h"
#include "storage/layout.h"

namespace kluis::service {

void Tell(const RecoveryStep& step, std::string_view text) {
  if (step) step(text);
}

namespace {

using storage::Column;

absl::StatusOr<storage::BackupInfo> FindBackup(const storage::BackupPlace& place,
                                               std::optional<uint32_t> id) {
  const absl::StatusOr<std::vector<storage::BackupInfo>> infos = storage::Backup::List(place);
  if (!infos.ok()) return infos.status();
  const auto found = std::find_if(
      infos->rbegin(), infos->rend(),
      [&](const storage::BackupInfo& info) { return !id.has_value() || info.id == *id; });
  if (found != infos->rend()) return *found;
  return absl::FailedPreconditionError(id.has_value()
                                           ? absl::StrCat("backup: there is no number ", *id)
                                           : "backup: there is none in vault.backups");
}

// Whether there is a database without a single row, as a start leaves it that found nothing.
absl::StatusOr<bool> IsEmptyDatabase(const RecoveryPlaces& places) {
  storage::Database::Options options;
  options.path = places.data;
  options.file_system = places.backups.file_system;
  const auto database = storage::Database::Open(options);
  if (absl::IsNotFound(database.status())) return false;
  if (!database.ok()) return database.status();
  bool empty = true;
  for (const Column column : storage::kColumns) {
    const absl::Status scanned =
        (*database)->Scan(column, "", [&](std::string_view, std::string_view) {
          empty = false;
          return false;
        });
    if (!scanned.ok()) return scanned;
  }
  return empty;
}

// Nothing is replaced: a database that is there may be newer than every backup.
absl::Status MakeRoom(const RecoveryPlaces& places) {
  const absl::StatusOr<std::vector<std::string>> names = crypto::RealFileSystem().List(places.data);
  if (absl::IsNotFound(names.status()) || (names.ok() && names->empty())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  const absl::StatusOr<bool> empty = IsEmptyDatabase(places);
  if (empty.ok() && *empty) {
    std::error_code failed;
    std::filesystem::remove_all(places.data, failed);
    return failed ? absl::UnavailableError("vault.data: cannot be emptied") : absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      "vault.data: there is a database already, which may be newer than every backup; move it "
      "away, then restore");
}

// The mark of a recovery that was begun, or of a new one whose backup is restored.
absl::StatusOr<RecoveryMark> Restore(const RecoveryPlaces& places, const RecoveryStep& step) {
  absl::StatusOr<std::optional<RecoveryMark>> begun = ReadRecoveryMark(places.data);
  if (!begun.ok()) return begun.status();
  if (begun->has_value()) {
    if (!places.backup.has_value() || *places.backup == (*begun)->backup.id) {
      Tell(step, absl::StrCat("go on with backup ", (*begun)->backup.id));
      return **std::move(begun);
    }
    return absl::FailedPreconditionError(absl::StrCat("recovery: was begun with backup ",
                                                      (*begun)->backup.id,
                                                      "; finish that, or move vault.data away"));
  }
  const absl::Status room = MakeRoom(places);
  if (!room.ok()) return room;
  const absl::StatusOr<storage::BackupInfo> info = FindBackup(places.backups, places.backup);
  if (!info.ok()) return info.status();
  Tell(step, absl::StrCat("restore backup ", info->id));
  const RecoveryMark mark{*info, {}, {}};
  const absl::StatusOr<storage::BackupInfo> restored = storage::Backup::Restore(
      places.backups, info->id, places.data, {kRecoveryMarkName, TextOf(mark)});
  if (!restored.ok()) return restored.status();
  return mark;
}

// A template that was protected anew after the backup: its row is the one before, for which the
// state has no key any more.
absl::StatusOr<uint64_t> RemoveReplacedRows(storage::Database& database, uint64_t from,
                                            uint64_t to) {
  std::vector<std::string> keys;
  const absl::Status scanned =
      VisitAllowed(database, from, to, [&](uint64_t, const v1::Entry& entry) {
        if (!entry.command().has_renew_template()) return;
        const auto id = base::IdFromBytes(entry.command().renew_template().template_id());
        if (id.ok()) keys.push_back(storage::TemplateKey(*id));
      });
  if (!scanned.ok()) return scanned;
  uint64_t removed = 0;
  storage::Batch batch;
  for (const std::string& key : keys) {
    const auto row = database.Get(Column::kSealed, key);
    if (!row.ok()) return row.status();
    if (!row->has_value()) continue;
    batch.Delete(Column::kSealed, key);
    ++removed;
  }
  if (batch.empty()) return removed;
  const absl::Status written = database.WriteSynced(std::move(batch));
  if (!written.ok()) return written;
  return removed;
}

}  // namespace

absl::StatusOr<RestoredDatabase> RecoverDatabase(const RecoveryPlaces& places,
                                                 const RecoveryStep& step) {
  absl::StatusOr<RecoveryMark> mark = Restore(places, step);
  if (!mark.ok()) return mark.status();
  storage::Database::Options options;
  options.path = places.data;
  options.file_system = places.backups.file_system;
  const auto database = storage::Database::Open(options);
  if (!database.ok()) return database.status();
  if (!mark->from.has_value()) {
    const absl::StatusOr<uint64_t> from = LogSizeIn(**database);
    if (!from.ok()) return from.status();
    mark->from = *from;
    const absl::Status written = WriteRecoveryMark(places.data, *mark);
    if (!written.ok()) return written;
  }
  Tell(step, absl::StrCat("roll forward from ", *mark->from, " entries"));
  const absl::StatusOr<RolledForward> rolled = RollForward(**database, places.log);
  if (!rolled.ok()) return rolled.status();
  if (!mark->to.has_value()) {
    mark->to = rolled->to_size;
    const absl::Status written = WriteRecoveryMark(places.data, *mark);
    if (!written.ok()) return written;
  }
  const absl::StatusOr<uint64_t> replaced = RemoveReplacedRows(**database, *mark->from, *mark->to);
  if (!replaced.ok()) return replaced.status();
  return RestoredDatabase{mark->backup, *mark->from, *mark->to, rolled->removed_rows + *replaced};
}

}  // namespace kluis::service
