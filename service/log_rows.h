// The rows of the log that are not entries: nodes of the tree, and the size. Thread-safe: functions
// of a reader. Layout: storage/layout.h.
#ifndef KLUIS_SERVICE_LOG_ROWS_H_
#define KLUIS_SERVICE_LOG_ROWS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "storage/reader.h"

namespace kluis::service {

// Reads nodes of the tree; must not outlive `reader`. kDataLoss: missing or damaged. Others: the
// store's.
audit::NodeReader NodesOf(const storage::Reader& reader);

// The number of entries; 0 when there is no log yet. kDataLoss: damaged. Others: the store's.
absl::StatusOr<uint64_t> LogSizeIn(const storage::Reader& reader);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LOG_ROWS_H_
