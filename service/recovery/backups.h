// SPDX-License-Identifier: Apache-2.0
// Backups of the vault's database, for operators: made while it serves, kept in vault.backups. No
// key is in them; a backup that comes back brings back nothing that was forgotten
// (service/recovery/recovery.h). Messages name no path. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_RECOVERY_BACKUPS_H_
#define KLUIS_SERVICE_RECOVERY_BACKUPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kluis/v1/ledger.pb.h"
#include "kluis/v1/vault_service.pb.h"
#include "storage/backup.h"
#include "storage/database.h"

namespace kluis::service {

// All functions: `directory` is vault.backups. kFailedPrecondition: another backup is made or
// deleted there, or the directory lies in the database's. kResourceExhausted: no room.
// kUnavailable: the disk failed.

// Copies what the backups there do not have yet. `progress` is told how many bytes, by another
// thread that waits meanwhile. Then, unless `keep` is 0, deletes all but the `keep` newest; when
// only that fails, the message says which backup was made.
absl::StatusOr<v1::Backup> MakeBackup(storage::Database& database, const std::string& directory,
                                      uint32_t keep, const storage::Backup::Progress& progress);

// Oldest first.
absl::StatusOr<std::vector<v1::Backup>> ListBackups(const std::string& directory);

// As ListBackups, after reading every byte: what is damaged says so. kCancelled: `gone`, which is
// asked all the time.
absl::StatusOr<std::vector<v1::Backup>> VerifyBackups(const std::string& directory,
                                                      const storage::Backup::Gone& gone);

v1::Backup ViewOf(const storage::BackupInfo& info);

// What its entry says of a backup.
void SetBackUp(const v1::Backup& backup, v1::BackUp& command);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RECOVERY_BACKUPS_H_
