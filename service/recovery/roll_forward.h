// SPDX-License-Identifier: Apache-2.0
// A database restored from a backup is older than what was signed and published since. Rolling it
// forward appends the published entries as they are, with the state they make, so that a consent
// withdrawn after the backup is withdrawn again before anything is served. What was sealed after
// the backup is not in the log and is lost; this says whose. Nothing else may use the database
// meanwhile. May be repeated after a crash or an error: what is done stays done.
#ifndef KLUIS_SERVICE_RECOVERY_ROLL_FORWARD_H_
#define KLUIS_SERVICE_RECOVERY_ROLL_FORWARD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/verifier_key.h"
#include "storage/database.h"

namespace kluis::service {

// What was signed and published.
struct PublishedLog {
  std::string directory;   // as audit/log/log_directory.h describes
  std::string anchor;      // the file of the last signed checkpoint
  audit::VerifierKey key;  // the log's
};

struct RolledForward {
  uint64_t from_size = 0;  // entries in the database before and after
  uint64_t to_size = 0;
  // In the state, but without the rows that were sealed for them: ids of 16 bytes, in order.
  std::vector<std::string> lost_templates;  // active, so they must be ended
  std::vector<std::string> lost_subjects;   // not forgotten; nobody finds them by their key again
  uint64_t removed_rows = 0;                // sealed for what the state says is erased
};

// Brings `database`, which may be empty, to the larger of the anchor's size and the published
// checkpoint's. Appended is only what leads from the database to the roots that were signed;
// all of it is verified before the first write. Then removes the sealed rows that the backup
// brought back of what was erased since (service/recovery/restored_rows.h). A database that is
// ahead keeps its entries. Memory: the ids it returns, and 32 bytes for 256 appended entries.
// kFailedPrecondition: the anchor is missing, so nobody knows how far the log went; or a note is
// not one of this log. kDataLoss: the published log is damaged or shorter than was signed, or the
// database is not an older copy of it, or its state was edited; the message says what.
// kUnavailable: the disk failed.
absl::StatusOr<RolledForward> RollForward(storage::Database& database, const PublishedLog& log);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RECOVERY_ROLL_FORWARD_H_
