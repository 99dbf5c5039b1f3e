// SPDX-License-Identifier: Apache-2.0
// What follows the loss of a vault's database: a backup is restored, rolled forward from the
// published log and opened with the keyring as it is now, and nothing is served before that is in
// the log. In this order, and all of it again after a crash or an error at any point:
//
//   RecoverDatabase          the files: no database is open, no keyring needed
//   open database and ledger, refuse an edited state, unseal; the mark is there
//                            (service/recovery/mark.h), which only a recovery may pass
//   FinishRecovery           the entries; the mark is gone when it returns OK
//   serve; sign a checkpoint at once. What goes on by itself (sweeps, a rotation that was cut off)
//                            begins here, not before
#ifndef KLUIS_SERVICE_RECOVERY_RECOVERY_H_
#define KLUIS_SERVICE_RECOVERY_RECOVERY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/keyring.h"
#include "kluis/v1/statements.pb.h"
#include "kluis/v1/types.pb.h"
#include "kluis/v1/vault_service.pb.h"
#include "service/ledger/ledger.h"
#include "service/recovery/mark.h"
#include "service/recovery/roll_forward.h"
#include "service/upkeep/eraser.h"
#include "storage/backup.h"
#include "storage/database.h"

namespace kluis::service {

struct RecoveryPlaces {
  // The database's directory: missing, empty, with a database that has no row, or of this recovery.
  std::string data;
  storage::BackupPlace backups;    // its file system is also the database's
  std::optional<uint32_t> backup;  // nullopt: the newest, also where it is damaged
  PublishedLog log;
};

struct RestoredDatabase {
  storage::BackupInfo backup;
  uint64_t from_size = 0;     // entries that the backup had
  uint64_t to_size = 0;       // and after rolling forward
  uint64_t removed_rows = 0;  // brought back of what was erased since; of this attempt
};

// Told in words what begins, for the operator.
using RecoveryStep = std::function<void(std::string_view step)>;
void Tell(const RecoveryStep& step, std::string_view text);  // nobody, when `step` is empty

// Makes the database at `places.data` from a backup and rolls it forward
// (service/recovery/roll_forward.h). Rows that a rotation replaced after the backup go as well:
// their templates are lost. One at a time. kFailedPrecondition: a database is there that no
// recovery began, another backup was begun with, there is no such backup, or as RollForward.
// kDataLoss: the backup is damaged, or as RollForward. kResourceExhausted: no room. kUnavailable:
// the disk failed.
absl::StatusOr<RestoredDatabase> RecoverDatabase(const RecoveryPlaces& places,
                                                 const RecoveryStep& step = {});

// An open vault that serves nothing yet; no gallery is loaded.
struct RecoveryParts {
  std::string data;
  storage::Database& database;
  Ledger& ledger;
  const crypto::Keyring& keyring;
  Eraser& eraser;
};

// Commits the RECOVERY entry on the order of two operators, then ends and erases every template
// that has no row or no key any more, and takes the mark away. What was done before is not done
// again. The answer has resource names, sorted: `lost_templates` were ended by this recovery,
// `lost_subjects` have no details and are found by nobody's key.
// Cases and subjects whose key is destroyed although the log does not say so lose their rows here;
// the sweeper ends them when they are due, as they must have been.
// kPermissionDenied: the rules refuse the order; the refusal is in the log, the mark stays, another
// order may come. kInvalidArgument: the order does not parse. Others: the store's; the mark stays.
absl::StatusOr<v1::RestoreVaultResponse> FinishRecovery(const RecoveryParts& parts,
                                                        const RestoredDatabase& restored,
                                                        const v1::Caller& caller,
                                                        const v1::Envelope& order,
                                                        const RecoveryStep& step = {});

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RECOVERY_RECOVERY_H_
