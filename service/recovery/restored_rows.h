// SPDX-License-Identifier: Apache-2.0
// The sealed rows of a database that was restored from a backup and rolled forward: those that
// belong to what is erased, those that are missing, and those whose key is destroyed. Nothing else
// may use the database meanwhile. All may be repeated.
#ifndef KLUIS_SERVICE_RECOVERY_RESTORED_ROWS_H_
#define KLUIS_SERVICE_RECOVERY_RESTORED_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/keyring.h"
#include "kluis/v1/state.pb.h"
#include "storage/database.h"

namespace kluis::service {

// All functions: kDataLoss when a record of the state does not parse, else the store's errors.

// Removes templates, probes, details, notices and what was written about cases whose record in the
// state is erased, or that have none, and rewrites the tables they were in where the disk has room
// for that. Returns how many.
absl::StatusOr<uint64_t> RemoveErasedRows(storage::Database& database);

// In the state and not erased, but without the row that was sealed for it. Ids of 16 bytes, in
// order.
struct LostRows {
  std::vector<std::string> templates;  // active ones
  std::vector<std::string> subjects;
};
absl::StatusOr<LostRows> FindLostRows(const storage::Database& database);

// What the keyring knows and the state may not: the loss of a machine takes the last entries before
// they are published, while their punctures stand.
struct MatchedKeyring {
  // What the state takes for alive although its key is destroyed: to be ended and erased.
  std::vector<v1::PendingErasure> keyless;
  uint64_t removed_rows = 0;  // ways from a public key to a subject whose key is destroyed
};

// To be called as soon as there is a keyring, and before anything is served.
absl::StatusOr<MatchedKeyring> MatchKeyring(storage::Database& database,
                                            const crypto::Keyring& keyring);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RECOVERY_RESTORED_ROWS_H_
