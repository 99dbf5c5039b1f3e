// SPDX-License-Identifier: Apache-2.0
// The mark of a recovery that is not finished, in the directory of the database: it is there before
// anything else is (storage/backup.h), and gone when the log says what happened. Each change is on
// disk at return. One thread at a time.
//
//   RECOVERING = "kluis-recovery\n" "backup <id> <unix seconds> <bytes>\n"
//                ["from <entries that the backup has>\n" ["to <entries after rolling forward>\n"]]
#ifndef KLUIS_SERVICE_RECOVERY_MARK_H_
#define KLUIS_SERVICE_RECOVERY_MARK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/backup.h"

namespace kluis::service {

inline constexpr char kRecoveryMarkName[] = "RECOVERING";

struct RecoveryMark {
  storage::BackupInfo backup;
  std::optional<uint64_t> from;
  std::optional<uint64_t> to;  // only with `from`
};

// For every start that is not a recovery, before the database is opened. `data` is its directory.
// kFailedPrecondition: a recovery was begun and is not finished; the message says what to do.
// kUnavailable: the disk failed.
absl::Status CheckNotRecovering(const std::string& data);

// The bytes of the file.
std::string TextOf(const RecoveryMark& mark);

// nullopt: no recovery was begun. kDataLoss: the mark is damaged. kUnavailable: the disk failed.
absl::StatusOr<std::optional<RecoveryMark>> ReadRecoveryMark(const std::string& data);

// kUnavailable: the disk failed; the old mark or the new one is there.
absl::Status WriteRecoveryMark(const std::string& data, const RecoveryMark& mark);
absl::Status RemoveRecoveryMark(const std::string& data);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RECOVERY_MARK_H_
