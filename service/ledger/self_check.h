// SPDX-License-Identifier: Apache-2.0
// Folds the whole log and compares the result with the database, record by record: what somebody
// edited behind the log's back shows. Thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_SELF_CHECK_H_
#define KLUIS_SERVICE_LEDGER_SELF_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/ledger/ledger.h"
#include "storage/database.h"

namespace kluis::service {

struct SelfCheck {
  uint64_t entries = 0;
  uint64_t records = 0;
  bool consistent = false;
  std::string first_difference;  // the record's key; empty when consistent
};

// Works on a snapshot, so calls go on meanwhile. Memory: the whole state. `gone` is asked at each
// entry and record, and ends it; empty: nobody is asked. kCancelled: it was ended. kDataLoss: an
// entry is missing or does not parse.
absl::StatusOr<SelfCheck> CheckState(const storage::Database& database,
                                     const std::function<bool()>& gone = {});

// What every start does. The digest that the ledger found in the database must be the one in the
// last entry, when that closes a checkpoint; after a crash, when it does not, the whole log is
// folded. kDataLoss: a record was edited behind the log's back; the message has its key in hex.
absl::Status CheckAgainstLog(const storage::Database& database, const Ledger& ledger);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_SELF_CHECK_H_
