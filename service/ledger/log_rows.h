// SPDX-License-Identifier: Apache-2.0
// The rows of the log: nodes of the tree, the size, and what entries say. Thread-safe: functions
// of a reader. Layout: storage/layout.h.
#ifndef KLUIS_SERVICE_LEDGER_LOG_ROWS_H_
#define KLUIS_SERVICE_LEDGER_LOG_ROWS_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "kluis/v1/ledger.pb.h"
#include "storage/reader.h"

namespace kluis::service {

// Reads nodes of the tree; must not outlive `reader`. kDataLoss: missing or damaged. Others: the
// store's.
audit::NodeReader NodesOf(const storage::Reader& reader);

// The number of entries; 0 when there is no log yet. kDataLoss: damaged. Others: the store's.
absl::StatusOr<uint64_t> LogSizeIn(const storage::Reader& reader);

// Calls `visit` for each entry from `from` up to `end` whose command was allowed, in order.
// kDataLoss: one does not parse. Others: the store's.
absl::Status VisitAllowed(const storage::Reader& reader, uint64_t from, uint64_t end,
                          const std::function<void(uint64_t index, const v1::Entry&)>& visit);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_LOG_ROWS_H_
