// SPDX-License-Identifier: Apache-2.0
// What is read of the log: nodes and entries.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/ledger/ledger.h"
#include "service/ledger/log_rows.h"
#include "storage/layout.h"

namespace kluis::service {

audit::NodeReader Ledger::Nodes() const { return NodesOf(database_); }

absl::StatusOr<std::string> Ledger::Entry(uint64_t index) const {
  absl::StatusOr<std::optional<std::string>> stored =
      database_.Get(storage::Column::kLog, storage::EntryKey(index));
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return Missing(index);
  return **std::move(stored);
}

absl::Status Ledger::Missing(uint64_t index) const {
  if (index >= size()) return absl::NotFoundError("log: no entry of that index");
  return absl::DataLossError(absl::StrCat("log: entry ", index, " is missing"));
}

std::function<absl::StatusOr<std::string>(uint64_t)> Ledger::Entries(uint64_t end) const {
  constexpr uint64_t kAtOnce = 256;
  return [this, end, first = uint64_t{0}, read = std::vector<std::string>()](
             uint64_t index) mutable -> absl::StatusOr<std::string> {
    if (index < first || index >= first + read.size()) {
      first = index;
      read.clear();
      const absl::Status scanned =
          database_.ScanRange(storage::Column::kLog, storage::EntryKey(first),
                              storage::EntryKey(std::min(end, first + kAtOnce)),
                              [&](std::string_view key, std::string_view entry) {
                                if (storage::EntryIndexOf(key) != first + read.size()) return false;
                                read.emplace_back(entry);
                                return true;
                              });
      if (!scanned.ok()) return scanned;
      if (read.empty()) return Missing(index);
    }
    return read[index - first];
  };
}

}  // namespace kluis::service
